//! Which parts a segment file has, where they lie, and the ranges of them that its blocks hold.

use super::file::{HEADER, Place, Role, align};
use super::key_filter::{BLOCK_BYTES as FILTER_BLOCK_BYTES, filter_bytes};
use super::order::Source;
use super::schema::Schema;

/// A range of one part, in bytes from the part's start; the last range of a part brings the zeros behind it.
pub(super) struct Range {
    pub place: usize,
    pub start: u64,
    pub end: u64,
    pub zeros: u64,
}

impl Range {
    pub fn length(&self) -> u64 {
        self.end - self.start + self.zeros
    }
}

/// The parts: the columns in their order, times of writing, the key filter. `text_bytes`: of all texts of a column.
pub(super) fn plan_places(source: &Source, row_count: usize, text_bytes: impl Fn(usize) -> u64) -> Vec<Place> {
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
    for (at, column) in source.schema.columns.iter().enumerate() {
        match column.kind.width(column.dim) {
            Some(width) => put(Some(at), Role::Values, row_count * width as u64),
            None => {
                put(Some(at), Role::Offsets, (row_count + 1) * 8);
                put(Some(at), Role::Bytes, text_bytes(at));
            }
        }
        if source.chunks.iter().any(|chunk| chunk.columns[at].valid.is_some()) {
            put(Some(at), Role::Valid, row_count);
        }
    }
    put(None, Role::Timestamps, row_count * 8);
    put(None, Role::Filter, filter);
    places
}

/// Bytes of the header and the parts.
pub(super) fn bytes_of(places: &[Place]) -> u64 {
    places.last().map_or(HEADER, |last| align(last.offset + last.length))
}

/// Ranges of about `block_bytes` that do not tear values apart.
pub(super) fn plan_ranges(schema: &Schema, places: &[Place], block_bytes: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    for (place, part) in places.iter().enumerate() {
        let width = width_of(schema, part);
        let step = (block_bytes / width).max(1) * width;
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
pub(super) fn width_of(schema: &Schema, place: &Place) -> u64 {
    let column = place.column.map(|at| &schema.columns[at]);
    match place.role {
        Role::Values => column.and_then(|column| column.kind.width(column.dim)).unwrap_or(1) as u64,
        Role::Offsets | Role::Timestamps => 8,
        Role::Bytes | Role::Valid => 1,
        Role::Filter => FILTER_BLOCK_BYTES as u64,
    }
}
