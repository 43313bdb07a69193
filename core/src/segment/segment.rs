//! One segment: growing (a list of chunks that rows are appended to) or sealed (one chunk, mapped from its file).
//!
//! Writers are ordered by the caller; readers take snapshots from any thread. Rows arrive in two ways: a large batch becomes a chunk as it is, a small
//! one is added to the last small chunk, in place when no reader holds that, by a copy while it is small, else behind it as a new chunk. So no append
//! costs more than the rows' own keys and a copy of `COPY_BYTES_MAX`. Chunks that readers hold never change but for deletes.
//! A sealed segment and one that is being sealed take deletes, but no rows.
//!
//! A schema that gains columns (`schema_change.rs`) is set at once for all rows: each chunk becomes one that shares what it had and has more columns.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use memmap2::Mmap;

use super::buffer::Buffer;
use super::chunk::{ALIVE, Chunk};
use super::column::Column;
use super::key_filter::KeyFilter;
use super::key_index::{KeyIndex, KeyLookup};
use super::keys::Keys;
use super::mapping;
use super::rows::Rows;
use super::schema::Schema;
use super::schema_change::SchemaChange;
use super::snapshot::{IndexSlot, SegmentSnapshot};
use crate::failure::{Failure, Outcome};

/// From so many rows on a batch is a chunk of its own.
const OWN_CHUNK_ROWS: usize = 2048;
/// What a chunk of small batches may grow to.
const TAIL_ROWS_MAX: usize = 4096;
const TAIL_BYTES_MAX: usize = 4 << 20;
/// A chunk that readers hold is copied to be added to while it is not larger.
const COPY_BYTES_MAX: usize = 256 << 10;

pub struct Segment {
    sealed: bool,
    sealing: AtomicBool,
    state: RwLock<State>,
    keys: Arc<RwLock<KeyIndex>>,
    /// Of a sealed segment.
    filter: Option<Arc<KeyFilter>>,
    /// Of a segment that was opened from a file.
    file: Option<MappedFile>,
}

/// The file that a sealed segment is mapped from.
pub struct MappedFile {
    pub map: Arc<Mmap>,
    /// The part that tells absent keys was damaged and is done without.
    pub filter_damaged: bool,
}

struct State {
    schema: Arc<Schema>,
    /// Each has the columns of the schema, in its order.
    chunks: Vec<Arc<Chunk>>,
    row_count: usize,
    indexes: HashMap<u32, IndexSlot>,
}

impl Segment {
    /// An empty growing segment.
    pub fn growing(schema: Arc<Schema>) -> Self {
        Segment::of(schema, false, Vec::new())
    }

    /// A sealed segment of one chunk, sorted by key.
    pub fn sealed(schema: Arc<Schema>, chunk: Chunk) -> Self {
        let filter = KeyFilter::new(&chunk.columns[schema.primary], None);
        Segment {
            filter: Some(Arc::new(filter)),
            ..Segment::of(schema, true, vec![Arc::new(chunk)])
        }
    }

    /// A sealed segment of one chunk that a file holds; `words`: its key filter.
    pub(super) fn opened(schema: Arc<Schema>, chunk: Chunk, words: Option<Buffer<u32>>, file: MappedFile) -> Self {
        let filter = KeyFilter::new(&chunk.columns[schema.primary], words);
        Segment {
            filter: Some(Arc::new(filter)),
            file: Some(file),
            ..Segment::of(schema, true, vec![Arc::new(chunk)])
        }
    }

    /// Bytes of the file it is mapped from; 0 when it is from none.
    pub fn mapped_size(&self) -> usize {
        self.file.as_ref().map_or(0, |file| file.map.len())
    }

    /// Whether its key filter was damaged: lookups go without.
    pub fn filter_damaged(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.filter_damaged)
    }

    /// Bytes of the file that hold these columns.
    pub fn mapped_size_of(&self, fields: &[u32]) -> usize {
        self.ranges_of(fields).iter().map(Range::len).sum()
    }

    /// Reads the file's pages, or only those of some columns, into memory, or gives them back to the system. A wish: where the system does not know it,
    /// nothing happens.
    pub fn advise(&self, resident: bool, fields: Option<&[u32]>) {
        let Some(file) = &self.file else { return };
        match fields {
            None => mapping::advise(&file.map, 0..file.map.len(), resident),
            Some(fields) => {
                for range in self.ranges_of(fields) {
                    mapping::advise(&file.map, range, resident);
                }
            }
        }
    }

    fn ranges_of(&self, fields: &[u32]) -> Vec<Range<usize>> {
        let (Some(file), state) = (&self.file, self.read()) else {
            return Vec::new();
        };
        let columns = fields.iter().filter_map(|field| state.schema.position(*field));
        let chunks = state.chunks.iter();
        columns
            .flat_map(|at| chunks.clone().flat_map(move |chunk| chunk.columns[at].ranges_of(&file.map)))
            .collect()
    }

    fn of(schema: Arc<Schema>, sealed: bool, chunks: Vec<Arc<Chunk>>) -> Self {
        let state = State {
            schema,
            row_count: chunks.iter().map(|chunk| chunk.row_count).sum(),
            chunks,
            indexes: HashMap::new(),
        };
        Segment {
            sealed,
            sealing: AtomicBool::new(false),
            state: RwLock::new(state),
            keys: Arc::default(),
            filter: None,
            file: None,
        }
    }

    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Rows, deleted ones too.
    pub fn row_count(&self) -> usize {
        self.read().row_count
    }

    pub fn deleted_count(&self) -> usize {
        self.read().chunks.iter().map(|chunk| chunk.deletes.count()).sum()
    }

    /// Bytes of memory held; what is mapped is not counted.
    pub fn byte_size(&self) -> usize {
        let state = self.read();
        let chunks: usize = state.chunks.iter().map(|chunk| chunk.byte_size()).sum();
        let indexes: usize = state.indexes.values().map(|slot| slot.byte_size).sum();
        chunks + indexes + self.keys.read().unwrap_or_else(PoisonError::into_inner).byte_size()
    }

    pub fn snapshot(&self) -> SegmentSnapshot {
        let state = self.read();
        SegmentSnapshot {
            schema: Arc::clone(&state.schema),
            chunks: state.chunks.clone(),
            row_count: state.row_count,
            sealed: self.sealed,
            indexes: state.indexes.clone(),
            lookup: match &self.filter {
                Some(filter) => KeyLookup::Sorted(Arc::clone(filter)),
                None => KeyLookup::Hashed(Arc::clone(&self.keys)),
            },
        }
    }

    /// Gives all rows the columns that the schema has and they lack: default or null. Columns that it has no more are let go.
    /// Fails, and changes nothing, when a column has another type or a row cannot do without a value.
    pub fn set_schema(&self, schema: &Arc<Schema>) -> Outcome<()> {
        let mut state = self.write();
        let change = SchemaChange::new(&state.schema, schema)?;
        let chunks = state.chunks.iter().map(|chunk| change.chunk(chunk).map(Arc::new));
        state.chunks = chunks.collect::<Outcome<_>>()?;
        state.schema = Arc::clone(schema);
        Ok(())
    }

    /// Adds rows, written at `timestamp`. They may be of an older schema.
    pub fn append(&self, rows: Rows, timestamp: u64) -> Outcome<()> {
        if self.sealed || self.sealing.load(Ordering::Acquire) {
            return Err(Failure::malformed("a sealed segment takes no rows"));
        }
        let mut state = self.write();
        let rows = SchemaChange::new(&rows.schema, &state.schema)?.rows(rows)?;
        if state.row_count + rows.row_count >= u32::MAX as usize {
            return Err(Failure::malformed("more rows than a segment can number"));
        }
        self.keys.write().unwrap_or_else(PoisonError::into_inner).add(rows.keys(), 0);
        state.row_count += rows.row_count;
        state.push(rows, timestamp);
        Ok(())
    }

    /// Marks the rows with these keys that were written before `timestamp` as deleted then; returns how many were alive.
    pub fn delete(&self, keys: &Keys, timestamp: u64) -> usize {
        let snapshot = self.snapshot();
        let picks = snapshot.lookup(keys);
        picks
            .iter()
            .filter(|pick| mark_deleted(pick.chunk, pick.row as usize, timestamp))
            .count()
    }

    /// Marks all rows written before `timestamp` as deleted then.
    pub fn delete_all(&self, timestamp: u64) {
        for chunk in &self.read().chunks {
            (0..chunk.row_count).for_each(|row| {
                mark_deleted(chunk, row, timestamp);
            });
        }
    }

    /// From now on no rows may be appended. Says false when that was so already.
    pub(super) fn stop_growing(&self) -> bool {
        !self.sealed && !self.sealing.swap(true, Ordering::AcqRel)
    }

    pub fn put_index(&self, field_id: u32, slot: IndexSlot) {
        self.write().indexes.insert(field_id, slot);
    }

    pub fn drop_index(&self, field_id: u32) {
        self.write().indexes.remove(&field_id);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, rows: Rows, timestamp: u64) {
        if rows.row_count == 0 {
            return;
        }
        if rows.row_count < OWN_CHUNK_ROWS
            && let Some(tail) = self.chunks.last_mut()
            && tail.row_count + rows.row_count <= TAIL_ROWS_MAX
            && tail.spread_size() + rows.columns.iter().map(Column::spread_size).sum::<usize>() <= TAIL_BYTES_MAX
        {
            if let Some(tail) = Arc::get_mut(tail) {
                return tail.extend(rows.row_count, &rows.columns, timestamp);
            }
            if tail.spread_size() <= COPY_BYTES_MAX {
                let mut copy = tail.with_columns(tail.columns.clone());
                copy.extend(rows.row_count, &rows.columns, timestamp);
                *tail = Arc::new(copy);
                return;
            }
        }
        self.chunks.push(Arc::new(Chunk::new(rows.row_count, rows.columns, timestamp)));
    }
}

fn mark_deleted(chunk: &Chunk, row: usize, timestamp: u64) -> bool {
    debug_assert!(timestamp != ALIVE);
    chunk.timestamps[row] < timestamp && chunk.deletes.mark(row, chunk.row_count, timestamp)
}
