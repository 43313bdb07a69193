//! Rows on their way into a file: which parts it has, and their bytes block by block.
//!
//! The rows are those of a growing segment, or some of sealed ones (`merging.rs`). Nothing is copied but the block that is being made: its rows are fetched
//! from the chunks in the order of their keys. Meanwhile the segments go on serving and taking deletes; `finish` hands those over to the sealed segment
//! that was opened from the blocks.
//!
//! Blocks may be made side by side and in any order. The first finds the order of the rows, on all threads; one that comes while that goes on finds it too.

use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64;

use super::chunk::{ALIVE, Chunk, Deletes};
use super::column::Values;
use super::file::{Block, Directory, FileColumn, HEADER, Place, Role, TAIL_MAGIC, TRAILER, encode_header};
use super::gather::{TextStart, find_starts, put_texts, put_values};
use super::key_filter::FilterBuilder;
use super::layout::{Range, plan_places, plan_ranges, width_of};
use super::order::{Origin, Source};
use super::segment::Segment;
use super::snapshot::SegmentSnapshot;
use crate::failure::{Failure, Outcome};

/// About how many bytes a block has; whole rows of values, any bytes of texts.
const BLOCK_BYTES: u64 = 8 << 20;

/// When fewer than one row in so many is deleted, each is looked for among the rows in their order.
const FEW_DELETES: usize = 32;

pub struct Sealing {
    source: Source,
    row_count: usize,
    places: Vec<Place>,
    ranges: Vec<Range>,
    order: OnceLock<Vec<Origin>>,
    /// Of the header and each range.
    checksums: Vec<OnceLock<u64>>,
    /// Of each range of texts or their offsets.
    starts: OnceLock<Vec<TextStart>>,
    filter: OnceLock<Vec<u8>>,
    /// Rows that were deleted up to then are not among the rows.
    dropped_up_to: u64,
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
        let source = Source { schema, chunks };
        let text_bytes = |at: usize| source.values(at).iter().map(|values| values.value_bytes() as u64).sum();
        let places = plan_places(&source, row_count, text_bytes);
        Ok(Sealing::planned(source, row_count, places, OnceLock::new()))
    }

    /// Of these rows, which are in the order (key, time of writing); those of the source that were deleted up to `dropped_up_to` are not among them.
    pub(super) fn of_rows(source: Source, order: Vec<Origin>, dropped_up_to: u64) -> Sealing {
        let places = plan_places(&source, order.len(), |at| text_bytes(&source, at, &order));
        Sealing {
            dropped_up_to,
            ..Sealing::planned(source, order.len(), places, OnceLock::from(order))
        }
    }

    fn planned(source: Source, row_count: usize, places: Vec<Place>, order: OnceLock<Vec<Origin>>) -> Sealing {
        let ranges = plan_ranges(&source.schema, &places, BLOCK_BYTES);
        Sealing {
            source,
            row_count,
            places,
            checksums: (0..=ranges.len()).map(|_| OnceLock::new()).collect(),
            ranges,
            order,
            starts: OnceLock::new(),
            filter: OnceLock::new(),
            dropped_up_to: 0,
        }
    }

    /// Small rows make many blocks.
    #[cfg(test)]
    pub(super) fn in_blocks_of(mut self, bytes: u64) -> Sealing {
        self.ranges = plan_ranges(&self.source.schema, &self.places, bytes);
        self.checksums = (0..=self.ranges.len()).map(|_| OnceLock::new()).collect();
        self
    }

    /// Blocks of the file: the header, the ranges, the directory.
    pub fn block_count(&self) -> usize {
        self.ranges.len() + 2
    }

    pub fn block(&self, index: usize) -> Outcome<Vec<u8>> {
        self.order();
        match index.checked_sub(self.ranges.len() + 1) {
            None => Ok(self.data_block(index)),
            Some(0) => Ok(self.directory_block()),
            Some(_) => Err(Failure::malformed(format!("no block {index}"))),
        }
    }

    /// Marks as deleted in `sealed` what was deleted where its rows come from so far.
    pub fn finish(&self, sealed: &Segment) -> Outcome<()> {
        let target = sealed.snapshot();
        if !sealed.is_sealed() || target.row_count != self.row_count {
            return Err(Failure::malformed("the sealed segment is not of these blocks"));
        }
        let deletes: Vec<&Deletes> = self.source.chunks.iter().map(|chunk| &*chunk.deletes).collect();
        let mark = |row: usize, timestamp: u64| {
            target.chunks[0].deletes.mark(row, target.row_count, timestamp);
        };
        let deleted: usize = deletes.iter().map(|deletes| deletes.count()).sum();
        if deleted == 0 {
            return Ok(());
        }
        // `order` exists: the file was written in it.
        let order = self.order();
        if deleted < self.row_count / FEW_DELETES {
            for (origin, timestamp) in self.deleted_rows() {
                if let Ok(row) = order.binary_search_by(|other| self.source.compare(*other, origin)) {
                    mark(row, timestamp);
                }
            }
            return Ok(());
        }
        for (row, origin) in order.iter().enumerate() {
            let timestamp = deletes[origin.chunk as usize].at(origin.row as usize);
            if timestamp != ALIVE {
                mark(row, timestamp);
            }
        }
        Ok(())
    }

    /// Rows of the source that are deleted, and when; without those that were left out for it.
    fn deleted_rows(&self) -> impl Iterator<Item = (Origin, u64)> {
        let chunks = self.source.chunks.iter().enumerate();
        let some = chunks.filter(|(_, chunk)| chunk.deletes.count() > 0);
        let rows = some.flat_map(|(at, chunk)| {
            (0..chunk.row_count).map(move |row| {
                let origin = Origin {
                    chunk: at as u32,
                    row: row as u32,
                };
                (origin, chunk.deletes.at(row))
            })
        });
        rows.filter(|(_, timestamp)| *timestamp != ALIVE && *timestamp > self.dropped_up_to)
    }

    fn data_block(&self, index: usize) -> Vec<u8> {
        let bytes = match index.checked_sub(1) {
            None => encode_header(self.row_count as u64),
            Some(range) => self.range(range),
        };
        self.checksums[index].get_or_init(|| xxh3_64(&bytes));
        bytes
    }

    fn directory_block(&self) -> Vec<u8> {
        let columns = self.source.schema.columns.iter().map(|column| FileColumn {
            id: column.id,
            kind: column.kind,
            dim: column.dim as u32,
        });
        let mut offset = 0;
        let mut blocks = Vec::with_capacity(self.checksums.len());
        for (index, checksum) in self.checksums.iter().enumerate() {
            let length = index.checked_sub(1).map_or(HEADER, |range| self.ranges[range].length());
            let checksum = checksum.get().copied().unwrap_or_else(|| xxh3_64(&self.data_block(index)));
            blocks.push(Block { offset, length, checksum });
            offset += length;
        }
        let mut out = Directory {
            row_count: self.row_count as u64,
            columns: columns.collect(),
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

    fn range(&self, index: usize) -> Vec<u8> {
        let range = &self.ranges[index];
        let place = &self.places[range.place];
        let mut out = Vec::with_capacity(range.length() as usize);
        match place.role {
            Role::Offsets => self.put_offsets(index, &mut out),
            Role::Bytes => {
                let texts = self.source.values(place.column.unwrap_or(0));
                put_texts(&mut out, self.order(), &texts, self.starts()[index], range.start..range.end);
            }
            Role::Filter => out.extend_from_slice(&self.filter()[range.start as usize..range.end as usize]),
            Role::Values | Role::Valid | Role::Timestamps => {
                let width = width_of(&self.source.schema, place);
                let runs: Vec<Option<&[u8]>> = self.source.chunks.iter().map(|chunk| run_of(chunk, place)).collect();
                let rows = (range.start / width) as usize..(range.end / width) as usize;
                put_values(&mut out, &self.order()[rows], width as usize, &runs);
            }
        }
        out.resize(out.len() + range.zeros as usize, 0);
        out
    }

    fn put_offsets(&self, index: usize, out: &mut Vec<u8>) {
        let range = &self.ranges[index];
        let texts = self.source.values(self.places[range.place].column.unwrap_or(0));
        let TextStart { row, before: mut offset } = self.starts()[index];
        let count = ((range.end - range.start) / 8) as usize;
        let rows = &self.order()[row..(row + count).min(self.row_count)];
        for origin in rows {
            out.extend_from_slice(&offset.to_le_bytes());
            offset += texts[origin.chunk as usize].bytes_at(origin.row as usize).len() as u64;
        }
        if rows.len() < count {
            out.extend_from_slice(&offset.to_le_bytes());
        }
    }

    /// Found for all columns at once, so that no block counts texts from the first row on.
    fn starts(&self) -> &[TextStart] {
        self.starts.get_or_init(|| {
            let mut starts = vec![TextStart::default(); self.ranges.len()];
            for column in 0..self.source.schema.columns.len() {
                let of = |role: Role| {
                    let place = self
                        .places
                        .iter()
                        .position(|place| place.column == Some(column) && place.role == role);
                    let indexes = (0..self.ranges.len()).filter(move |&index| Some(self.ranges[index].place) == place);
                    indexes.collect::<Vec<usize>>()
                };
                let (bytes, offsets) = (of(Role::Bytes), of(Role::Offsets));
                if offsets.is_empty() {
                    continue;
                }
                let at_bytes: Vec<u64> = bytes.iter().map(|&index| self.ranges[index].start).collect();
                let at_rows: Vec<usize> = offsets.iter().map(|&index| (self.ranges[index].start / 8) as usize).collect();
                let (of_bytes, of_rows) = find_starts(self.order(), &self.source.values(column), &at_bytes, &at_rows);
                let found = bytes.iter().zip(of_bytes).chain(offsets.iter().zip(of_rows));
                found.for_each(|(&index, start)| starts[index] = start);
            }
            starts
        })
    }

    /// Of all keys at once: a key's bits may lie anywhere.
    fn filter(&self) -> &[u8] {
        self.filter.get_or_init(|| {
            let keys = self.source.values(self.source.schema.primary);
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
        if let Some(order) = self.order.get() {
            return order;
        }
        // Not inside `get_or_init`: a thread that waits for its part of the sort may meanwhile take up another block, which would wait for this one.
        let order = self.source.sorted(self.source.all_rows().collect());
        self.order.get_or_init(|| order)
    }
}

/// Bytes that the texts of these rows have.
pub(super) fn text_bytes(source: &Source, column: usize, rows: &[Origin]) -> u64 {
    let texts = source.values(column);
    let length = |origin: &Origin| texts[origin.chunk as usize].bytes_at(origin.row as usize).len() as u64;
    rows.iter().map(length).sum()
}

/// The bytes of a chunk's values; None: the chunk has no validity of this column.
fn run_of<'a>(chunk: &'a Arc<Chunk>, place: &Place) -> Option<&'a [u8]> {
    match place.column.map(|at| &chunk.columns[at]) {
        None => Some(bytemuck::cast_slice(&chunk.timestamps[..])),
        Some(column) if place.role == Role::Valid => column.valid.as_deref(),
        Some(column) => Some(column.values.as_bytes()),
    }
}
