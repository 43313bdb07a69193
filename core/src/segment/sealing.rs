//! Rows on their way into a file: which parts it has, and their bytes block by block.
//!
//! The rows are those of a growing segment, or some of sealed ones (`merging.rs`). Nothing is copied but the block that is being made: its rows are fetched
//! from the chunks in the order of their keys. Meanwhile the segments go on serving and taking deletes; `finish` hands those over to the sealed segment
//! that was opened from the blocks.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::chunk::{ALIVE, Chunk};
use super::column::Values;
use super::file::{ALIGNMENT, Block, Directory, FileColumn, HEADER, Place, Role, TAIL_MAGIC, TRAILER, align, encode_header};
use super::key_filter::{BLOCK_BYTES as FILTER_BLOCK_BYTES, FilterBuilder, filter_bytes};
use super::schema::{ColumnType, Schema};
use super::segment::Segment;
use super::snapshot::SegmentSnapshot;
use crate::failure::{Failure, Outcome};

/// About how many bytes a block has; whole rows of values, any bytes of texts.
const BLOCK_BYTES: u64 = 8 << 20;

/// Where a row of the file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub chunk: u32,
    pub row: u32,
}

/// Where rows are fetched from: chunks with the columns of one schema.
pub(super) struct Source {
    pub schema: Arc<Schema>,
    pub chunks: Vec<Arc<Chunk>>,
}

/// A range of one part, in bytes from the part's start; the last range of a part brings the zeros behind it.
struct Range {
    place: usize,
    start: u64,
    end: u64,
    zeros: u64,
}

/// How far the last block of texts came, so that the next need not count from the first row.
#[derive(Clone, Copy, Default)]
struct Cursor {
    place: usize,
    /// Bytes before `row`.
    before: u64,
    row: usize,
}

pub struct Sealing {
    source: Source,
    row_count: usize,
    places: Vec<Place>,
    ranges: Vec<Range>,
    order: OnceLock<Vec<Origin>>,
    /// Of the header and each range.
    checksums: Vec<OnceLock<u64>>,
    cursor: Mutex<Cursor>,
    filter: OnceLock<Vec<u8>>,
}

impl Sealing {
    /// Stops the growing of the segment. Fails when it is sealed or being sealed already.
    pub fn start(segment: &Segment) -> Outcome<Sealing> {
        if !segment.stop_growing() {
            return Err(Failure::malformed("the segment is sealed or being sealed"));
        }
        let SegmentSnapshot {
            schema, chunks, row_count, ..
        } = segment.snapshot();
        let text_bytes = |at: usize| chunks.iter().map(|chunk| chunk.columns[at].values.value_bytes() as u64).sum();
        let places = plan_places(&schema, &chunks, row_count, text_bytes);
        Ok(Sealing::planned(Source { schema, chunks }, row_count, places, OnceLock::new()))
    }

    /// Of these rows, which are in the order (key, time of writing).
    pub(super) fn of_rows(source: Source, order: Vec<Origin>) -> Sealing {
        let text_bytes = |at: usize| {
            let texts: Vec<&Values> = source.chunks.iter().map(|chunk| &chunk.columns[at].values).collect();
            let length = |origin: &Origin| texts[origin.chunk as usize].bytes_at(origin.row as usize).len() as u64;
            order.iter().map(length).sum()
        };
        let places = plan_places(&source.schema, &source.chunks, order.len(), text_bytes);
        Sealing::planned(source, order.len(), places, OnceLock::from(order))
    }

    fn planned(source: Source, row_count: usize, places: Vec<Place>, order: OnceLock<Vec<Origin>>) -> Sealing {
        let ranges = plan_ranges(&source.schema, &places);
        let checksums = (0..=ranges.len()).map(|_| OnceLock::new()).collect();
        Sealing {
            source,
            row_count,
            places,
            ranges,
            order,
            checksums,
            cursor: Mutex::default(),
            filter: OnceLock::new(),
        }
    }

    /// Blocks of the file: the header, the ranges, the directory.
    pub fn block_count(&self) -> usize {
        self.ranges.len() + 2
    }

    pub fn block(&self, index: usize) -> Outcome<Vec<u8>> {
        match index.checked_sub(self.ranges.len() + 1) {
            None => Ok(self.data_block(index)),
            Some(0) => Ok(self.directory_block()),
            Some(_) => Err(Failure::malformed(format!("no block {index}"))),
        }
    }

    /// Marks as deleted in `sealed` what was deleted in the growing segment so far.
    pub fn finish(&self, sealed: &Segment) -> Outcome<()> {
        let target = sealed.snapshot();
        if !sealed.is_sealed() || target.row_count != self.row_count {
            return Err(Failure::malformed("the sealed segment is not of these blocks"));
        }
        let deletes: Vec<_> = self.source.chunks.iter().map(|chunk| &*chunk.deletes).collect();
        if deletes.iter().all(|deletes| deletes.count() == 0) {
            return Ok(());
        }
        // `order` exists: the file was written in it.
        for (row, origin) in self.order().iter().enumerate() {
            let timestamp = deletes[origin.chunk as usize].at(origin.row as usize);
            if timestamp != ALIVE {
                target.chunks[0].deletes.mark(row, target.row_count, timestamp);
            }
        }
        Ok(())
    }

    fn data_block(&self, index: usize) -> Vec<u8> {
        let bytes = match index.checked_sub(1) {
            None => encode_header(self.row_count as u64),
            Some(range) => self.range(&self.ranges[range]),
        };
        self.checksums[index].get_or_init(|| xxh3_64(&bytes));
        bytes
    }

    fn directory_block(&self) -> Vec<u8> {
        let schema = &self.source.schema;
        let columns = schema
            .columns
            .iter()
            .map(|column| FileColumn {
                id: column.id,
                kind: column.kind,
                dim: column.dim as u32,
            })
            .collect();
        let mut offset = 0;
        let mut blocks = Vec::with_capacity(self.checksums.len());
        for (index, checksum) in self.checksums.iter().enumerate() {
            let length = index.checked_sub(1).map_or(HEADER, |range| {
                self.ranges[range].end - self.ranges[range].start + self.ranges[range].zeros
            });
            let checksum = checksum.get().copied().unwrap_or_else(|| xxh3_64(&self.data_block(index)));
            blocks.push(Block { offset, length, checksum });
            offset += length;
        }
        let row_count = self.row_count as u64;
        let mut out = Directory {
            row_count,
            columns,
            places: self.places.clone(),
            blocks,
        }
        .encode();
        let (length, checksum) = (out.len() as u64, xxh3_64(&out));
        out.reserve(TRAILER);
        [offset, length, checksum]
            .iter()
            .for_each(|long| out.extend_from_slice(&long.to_le_bytes()));
        out.extend_from_slice(TAIL_MAGIC);
        out
    }

    fn range(&self, range: &Range) -> Vec<u8> {
        let mut out = Vec::with_capacity((range.end - range.start + range.zeros) as usize);
        let place = &self.places[range.place];
        match place.role {
            Role::Offsets => self.put_offsets(place, range, &mut out),
            Role::Bytes => self.put_texts(range, &mut out),
            Role::Filter => out.extend_from_slice(&self.filter()[range.start as usize..range.end as usize]),
            _ => self.put_values(place, range, &mut out),
        }
        out.resize(out.len() + range.zeros as usize, 0);
        out
    }

    fn put_values(&self, place: &Place, range: &Range, out: &mut Vec<u8>) {
        let width = width_of(&self.source.schema, place);
        let runs: Vec<Option<&[u8]>> = self.source.chunks.iter().map(|chunk| run_of(chunk, place)).collect();
        let rows = (range.start / width) as usize..(range.end / width) as usize;
        let width = width as usize;
        for origin in &self.order()[rows] {
            match runs[origin.chunk as usize] {
                Some(run) => out.extend_from_slice(&run[origin.row as usize * width..][..width]),
                // A chunk without validity: all its rows are valid.
                None => out.push(1),
            }
        }
    }

    fn put_offsets(&self, place: &Place, range: &Range, out: &mut Vec<u8>) {
        let texts = self.texts(place);
        let offsets = (range.start / 8) as usize..(range.end / 8) as usize;
        let mut offset = 0u64;
        for (index, origin) in self.order()[..offsets.end.saturating_sub(1)].iter().enumerate() {
            if index >= offsets.start {
                out.extend_from_slice(&offset.to_le_bytes());
            }
            offset += texts[origin.chunk as usize].bytes_at(origin.row as usize).len() as u64;
        }
        out.extend_from_slice(&offset.to_le_bytes());
    }

    fn put_texts(&self, range: &Range, out: &mut Vec<u8>) {
        let texts = self.texts(&self.places[range.place]);
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        if cursor.place != range.place || cursor.before > range.start {
            *cursor = Cursor {
                place: range.place,
                before: 0,
                row: 0,
            };
        }
        for origin in &self.order()[cursor.row..] {
            let text = texts[origin.chunk as usize].bytes_at(origin.row as usize);
            let end = cursor.before + text.len() as u64;
            let from = range.start.clamp(cursor.before, end) - cursor.before;
            let to = range.end.clamp(cursor.before, end) - cursor.before;
            out.extend_from_slice(&text[from as usize..to as usize]);
            if end >= range.end {
                break;
            }
            cursor.before = end;
            cursor.row += 1;
        }
    }

    fn texts(&self, place: &Place) -> Vec<&Values> {
        let at = place.column.unwrap_or(0);
        self.source.chunks.iter().map(|chunk| &chunk.columns[at].values).collect()
    }

    /// Of all keys at once: a key's bits may lie anywhere.
    fn filter(&self) -> &[u8] {
        self.filter.get_or_init(|| {
            let primary = self.source.schema.primary;
            let keys: Vec<&Values> = self.source.chunks.iter().map(|chunk| &chunk.columns[primary].values).collect();
            let mut builder = FilterBuilder::new(self.row_count);
            for origin in self.order() {
                match keys[origin.chunk as usize] {
                    Values::Int64(values) => builder.add_integer(values[origin.row as usize]),
                    values => builder.add_text(values.bytes_at(origin.row as usize)),
                }
            }
            builder.into_bytes()
        })
    }

    fn order(&self) -> &[Origin] {
        self.order
            .get_or_init(|| order_of(&self.source, all_rows(&self.source.chunks).collect()))
    }
}

pub(super) fn all_rows(chunks: &[Arc<Chunk>]) -> impl Iterator<Item = Origin> {
    let rows = |(chunk, of): (usize, &Arc<Chunk>)| (0..of.row_count as u32).map(move |row| Origin { chunk: chunk as u32, row });
    chunks.iter().enumerate().flat_map(rows)
}

/// The rows in the order (key, time of writing).
pub(super) fn order_of(source: &Source, rows: Vec<Origin>) -> Vec<Origin> {
    let primary = source.schema.primary;
    let chunks = &source.chunks;
    let written = |origin: &Origin| chunks[origin.chunk as usize].timestamps[origin.row as usize];
    let keys = |origin: &Origin| &chunks[origin.chunk as usize].columns[primary];
    match source.schema.columns[primary].kind {
        ColumnType::Int64 => {
            let mut keyed: Vec<_> = rows
                .into_iter()
                .map(|origin| (keys(&origin).integer_at(origin.row as usize), written(&origin), origin))
                .collect();
            keyed.par_sort_unstable();
            keyed.into_iter().map(|(_, _, origin)| origin).collect()
        }
        _ => {
            let mut order = rows;
            let text = |origin: &Origin| keys(origin).values.bytes_at(origin.row as usize);
            order.par_sort_unstable_by(|a, b| text(a).cmp(text(b)).then_with(|| (written(a), a).cmp(&(written(b), b))));
            order
        }
    }
}

/// Where each part goes: the columns in their order, times of writing, the key filter.
fn plan_places(schema: &Schema, chunks: &[Arc<Chunk>], row_count: usize, text_bytes: impl Fn(usize) -> u64) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut offset = HEADER;
    let mut put = |column, role, length| {
        places.push(Place {
            column,
            role,
            offset,
            length,
        });
        offset = align(offset + length);
    };
    let filter = filter_bytes(row_count) as u64;
    let row_count = row_count as u64;
    for (at, column) in schema.columns.iter().enumerate() {
        match column.kind.width(column.dim) {
            Some(width) => put(Some(at), Role::Values, row_count * width as u64),
            None => {
                put(Some(at), Role::Offsets, (row_count + 1) * 8);
                put(Some(at), Role::Bytes, text_bytes(at));
            }
        }
        if chunks.iter().any(|chunk| chunk.columns[at].valid.is_some()) {
            put(Some(at), Role::Valid, row_count);
        }
    }
    put(None, Role::Timestamps, row_count * 8);
    put(None, Role::Filter, filter);
    places
}

fn plan_ranges(schema: &Schema, places: &[Place]) -> Vec<Range> {
    let mut ranges = Vec::new();
    for (place, part) in places.iter().enumerate() {
        let width = width_of(schema, part);
        let step = (BLOCK_BYTES / width).max(1) * width;
        let mut start = 0;
        while start < part.length {
            let end = (start + step).min(part.length);
            let zeros = if end == part.length { align(end) - end } else { 0 };
            ranges.push(Range { place, start, end, zeros });
            start = end;
        }
    }
    ranges
}

/// Bytes that may not be torn apart between blocks.
fn width_of(schema: &Schema, place: &Place) -> u64 {
    let column = place.column.map(|at| &schema.columns[at]);
    match place.role {
        Role::Values => column.and_then(|column| column.kind.width(column.dim)).unwrap_or(1) as u64,
        Role::Offsets | Role::Timestamps => 8,
        Role::Bytes | Role::Valid => 1,
        Role::Filter => FILTER_BLOCK_BYTES as u64,
    }
}

/// The bytes of a chunk's values; None: the chunk has no validity of this column.
fn run_of<'a>(chunk: &'a Chunk, place: &Place) -> Option<&'a [u8]> {
    match place.column.map(|at| &chunk.columns[at]) {
        None => Some(bytemuck::cast_slice(&chunk.timestamps[..])),
        Some(column) if place.role == Role::Valid => column.valid.as_deref(),
        Some(column) => Some(column.values.as_bytes()),
    }
}

const _: () = assert!(BLOCK_BYTES.is_multiple_of(ALIGNMENT));
