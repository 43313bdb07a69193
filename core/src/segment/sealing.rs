//! A growing segment on its way into a file: which parts it has, and their bytes block by block.
//!
//! Nothing is copied but the block that is being made: its rows are fetched from the chunks in the order of their keys. Meanwhile the growing segment
//! goes on serving and taking deletes; `finish` hands those over to the sealed segment that was opened from the blocks.

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::chunk::{ALIVE, Chunk};
use super::column::Values;
use super::file::{ALIGNMENT, Block, Directory, FileColumn, HEADER, Place, Role, TAIL_MAGIC, TRAILER, align, encode_header};
use super::schema::ColumnType;
use super::segment::Segment;
use super::snapshot::SegmentSnapshot;
use crate::failure::{Failure, Outcome};

/// About how many bytes a block has; whole rows of values, any bytes of texts.
const BLOCK_BYTES: u64 = 8 << 20;

/// Where a row of the file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    chunk: u32,
    row: u32,
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
    snapshot: SegmentSnapshot,
    places: Vec<Place>,
    ranges: Vec<Range>,
    order: OnceLock<Vec<Origin>>,
    /// Of the header and each range.
    checksums: Vec<OnceLock<u64>>,
    cursor: Mutex<Cursor>,
}

impl Sealing {
    /// Stops the growing of the segment. Fails when it is sealed or being sealed already.
    pub fn start(segment: &Segment) -> Outcome<Sealing> {
        if !segment.stop_growing() {
            return Err(Failure::malformed("the segment is sealed or being sealed"));
        }
        let snapshot = segment.snapshot();
        let places = plan_places(&snapshot);
        let ranges = plan_ranges(&snapshot, &places);
        let checksums = (0..=ranges.len()).map(|_| OnceLock::new()).collect();
        Ok(Sealing {
            snapshot,
            places,
            ranges,
            order: OnceLock::new(),
            checksums,
            cursor: Mutex::default(),
        })
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
        if !sealed.is_sealed() || target.row_count != self.snapshot.row_count {
            return Err(Failure::malformed("the sealed segment is not of these blocks"));
        }
        let deletes: Vec<_> = self.snapshot.chunks.iter().map(|chunk| &*chunk.deletes).collect();
        if deletes.iter().all(|deletes| deletes.count() == 0) {
            return Ok(());
        }
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
            None => encode_header(self.snapshot.row_count as u64),
            Some(range) => self.range(&self.ranges[range]),
        };
        self.checksums[index].get_or_init(|| xxh3_64(&bytes));
        bytes
    }

    fn directory_block(&self) -> Vec<u8> {
        let schema = &self.snapshot.schema;
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
        let row_count = self.snapshot.row_count as u64;
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
            _ => self.put_values(place, range, &mut out),
        }
        out.resize(out.len() + range.zeros as usize, 0);
        out
    }

    fn put_values(&self, place: &Place, range: &Range, out: &mut Vec<u8>) {
        let width = width_of(&self.snapshot, place);
        let runs: Vec<Option<&[u8]>> = self.snapshot.chunks.iter().map(|chunk| run_of(chunk, place)).collect();
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
        self.snapshot.chunks.iter().map(|chunk| &chunk.columns[at].values).collect()
    }

    fn order(&self) -> &[Origin] {
        self.order.get_or_init(|| order_of(&self.snapshot))
    }
}

fn order_of(snapshot: &SegmentSnapshot) -> Vec<Origin> {
    let primary = snapshot.schema.primary;
    let chunks = &snapshot.chunks;
    let origins =
        || (0..chunks.len() as u32).flat_map(|chunk| (0..chunks[chunk as usize].row_count as u32).map(move |row| Origin { chunk, row }));
    let written = |origin: &Origin| chunks[origin.chunk as usize].timestamps[origin.row as usize];
    let keys = |origin: &Origin| &chunks[origin.chunk as usize].columns[primary];
    match snapshot.schema.columns[primary].kind {
        ColumnType::Int64 => {
            let mut keyed: Vec<_> = origins()
                .map(|origin| (keys(&origin).integer_at(origin.row as usize), written(&origin), origin))
                .collect();
            keyed.par_sort_unstable();
            keyed.into_iter().map(|(_, _, origin)| origin).collect()
        }
        _ => {
            let mut order: Vec<_> = origins().collect();
            let text = |origin: &Origin| keys(origin).values.bytes_at(origin.row as usize);
            order.par_sort_unstable_by(|a, b| text(a).cmp(text(b)).then_with(|| (written(a), a).cmp(&(written(b), b))));
            order
        }
    }
}

/// Where each part goes, in the order of the columns, times of writing last.
fn plan_places(snapshot: &SegmentSnapshot) -> Vec<Place> {
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
    let row_count = snapshot.row_count as u64;
    for (at, column) in snapshot.schema.columns.iter().enumerate() {
        match column.kind.width(column.dim) {
            Some(width) => put(Some(at), Role::Values, row_count * width as u64),
            None => {
                let length = snapshot
                    .chunks
                    .iter()
                    .map(|chunk| chunk.columns[at].values.value_bytes() as u64)
                    .sum();
                put(Some(at), Role::Offsets, (row_count + 1) * 8);
                put(Some(at), Role::Bytes, length);
            }
        }
        if snapshot.chunks.iter().any(|chunk| chunk.columns[at].valid.is_some()) {
            put(Some(at), Role::Valid, row_count);
        }
    }
    put(None, Role::Timestamps, row_count * 8);
    places
}

fn plan_ranges(snapshot: &SegmentSnapshot, places: &[Place]) -> Vec<Range> {
    let mut ranges = Vec::new();
    for (place, part) in places.iter().enumerate() {
        let width = width_of(snapshot, part);
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
fn width_of(snapshot: &SegmentSnapshot, place: &Place) -> u64 {
    let column = place.column.map(|at| &snapshot.schema.columns[at]);
    match place.role {
        Role::Values => column.and_then(|column| column.kind.width(column.dim)).unwrap_or(1) as u64,
        Role::Offsets | Role::Timestamps => 8,
        Role::Bytes | Role::Valid => 1,
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
