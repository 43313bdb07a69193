//! Which rows a request is about: those that its read timestamp sees and its filter takes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::filter::Filter;
use crate::index::row_set::RowSet;
use crate::segment::chunk::Chunk;
use crate::segment::schema::Schema;
use crate::segment::{Expired, Expiry, Keys, SegmentSnapshot};

/// Rows that one thread judges at a time; a multiple of a filter's block.
const RANGE_ROWS: usize = 64 * 1024;

/// The rows that a request is about, as a rule for each chunk.
pub struct Sight {
    pub timestamp: u64,
    pub filter: Option<Filter>,
    /// Rows past their time are not seen.
    expired: Option<Expired>,
}

/// The visible rows of one chunk.
#[derive(Debug)]
pub enum Visible {
    /// Every row of so many.
    All(usize),
    Set(RowSet),
    /// A few rows, ascending.
    Few(Vec<u32>),
}

/// A chunk and the segment that it is of.
pub struct Part<'a> {
    pub segment: &'a SegmentSnapshot,
    pub chunk: &'a Chunk,
    /// Rows that may be visible, ascending, where the filter names keys.
    candidates: Option<Vec<u32>>,
}

impl Sight {
    /// Kinds: those of a filter, `malformed`.
    pub fn new(segments: &[SegmentSnapshot], timestamp: u64, filter: Option<&[u8]>, expiry: Option<&Expiry>) -> Outcome<Sight> {
        // Columns are met by their positions.
        let first = segments.first().map(|segment| &segment.schema);
        if segments
            .iter()
            .any(|segment| first.is_some_and(|first| !has_columns_of(&segment.schema, first)))
        {
            return Err(Failure::malformed("segments of different schemas"));
        }
        let filter = match (filter, segments.first()) {
            (Some(bytes), Some(segment)) => Some(Filter::parse(bytes, &segment.schema)?),
            _ => None,
        };
        let expired = match (expiry, segments.first()) {
            (Some(expiry), Some(segment)) => Some(expiry.bind(&segment.schema)?),
            _ => None,
        };
        Ok(Sight {
            timestamp,
            filter,
            expired,
        })
    }

    /// All chunks but those in which the filter's keys do not occur.
    pub fn parts<'a>(&self, segments: &'a [SegmentSnapshot]) -> Vec<Part<'a>> {
        match self.filter.as_ref().and_then(|filter| filter.keys.as_ref()) {
            None => {
                let part = |segment: &'a SegmentSnapshot| {
                    segment.chunks.iter().map(move |chunk| Part {
                        segment,
                        chunk,
                        candidates: None,
                    })
                };
                segments.iter().flat_map(part).filter(|part| part.chunk.row_count > 0).collect()
            }
            Some(keys) => segments.iter().flat_map(|segment| parts_with_keys(segment, keys)).collect(),
        }
    }

    /// The visible rows of a part.
    pub fn visible(&self, part: &Part) -> Visible {
        let chunk = part.chunk;
        if let Some(candidates) = &part.candidates {
            let mut rows: Vec<u32> = candidates.iter().copied().filter(|&row| self.sees(chunk, row as usize)).collect();
            if let Some(filter) = &self.filter {
                filter.retain_rows(chunk, &mut rows);
            }
            return Visible::Few(rows);
        }
        if self.filter.is_none() && self.sees_all(chunk) {
            return Visible::All(chunk.row_count);
        }
        let ranges: Vec<usize> = (0..chunk.row_count).step_by(RANGE_ROWS).collect();
        let words = ranges
            .into_par_iter()
            .flat_map_iter(|start| self.words(chunk, start..chunk.row_count.min(start + RANGE_ROWS)));
        Visible::Set(RowSet::from_words(words.collect(), chunk.row_count))
    }

    /// The visible rows in `rows`, a bit a row, lowest first. `rows` starts at a multiple of a filter's block.
    pub fn words(&self, chunk: &Chunk, rows: Range<usize>) -> Vec<u64> {
        let mut words = vec![u64::MAX; rows.len().div_ceil(64)];
        if !rows.len().is_multiple_of(64)
            && let Some(last) = words.last_mut()
        {
            *last = (1 << (rows.len() % 64)) - 1;
        }
        if !self.sees_all(chunk) {
            for (at, word) in words.iter_mut().enumerate() {
                let start = rows.start + at * 64;
                let alive = (start..rows.end.min(start + 64)).map(|row| u64::from(self.sees(chunk, row)));
                *word = alive.enumerate().fold(0, |word, (bit, alive)| word | alive << bit);
            }
        }
        if let Some(filter) = &self.filter {
            filter.retain(chunk, rows.start, &mut words);
        }
        words
    }

    fn sees_all(&self, chunk: &Chunk) -> bool {
        chunk.timestamp_max <= self.timestamp && chunk.deletes.count() == 0 && !self.expired.is_some_and(|expired| expired.touches(chunk))
    }

    fn sees(&self, chunk: &Chunk, row: usize) -> bool {
        chunk.alive_at(row, self.timestamp) && !self.expired.is_some_and(|expired| expired.has(chunk, row))
    }
}

fn has_columns_of(schema: &Arc<Schema>, other: &Arc<Schema>) -> bool {
    let columns = |schema: &Schema| {
        schema
            .columns
            .iter()
            .map(|column| (column.id, column.kind, column.dim))
            .collect::<Vec<_>>()
    };
    Arc::ptr_eq(schema, other) || columns(schema) == columns(other)
}

fn parts_with_keys<'a>(segment: &'a SegmentSnapshot, keys: &Keys) -> Vec<Part<'a>> {
    let mut rows: HashMap<*const Chunk, Vec<u32>> = HashMap::new();
    for pick in segment.lookup(keys) {
        rows.entry(std::ptr::from_ref(pick.chunk)).or_default().push(pick.row);
    }
    let part = |chunk: &'a Chunk| {
        let mut candidates = rows.remove(&std::ptr::from_ref(chunk))?;
        candidates.sort_unstable();
        candidates.dedup();
        Some(Part {
            segment,
            chunk,
            candidates: Some(candidates),
        })
    };
    segment.chunks.iter().map(|chunk| &**chunk).filter_map(part).collect()
}

impl Part<'_> {
    /// Whether rows are in the order of their keys and none was looked up.
    pub fn is_sorted(&self) -> bool {
        self.segment.sealed && self.candidates.is_none()
    }
}

impl Visible {
    pub fn count(&self) -> usize {
        match self {
            Visible::All(count) => *count,
            Visible::Set(set) => set.count(),
            Visible::Few(rows) => rows.len(),
        }
    }

    /// Appends the first `limit` visible rows of `range` to `rows`, ascending; returns the first row that was not looked at.
    pub fn take(&self, range: Range<usize>, limit: usize, rows: &mut Vec<u32>) -> usize {
        let full = rows.len().saturating_add(limit);
        match self {
            Visible::All(_) => {
                let end = range.end.min(range.start.saturating_add(limit));
                rows.extend(range.start as u32..end as u32);
                return end;
            }
            Visible::Few(few) => {
                let start = few.partition_point(|&row| (row as usize) < range.start);
                rows.extend(few[start..].iter().take_while(|&&row| (row as usize) < range.end).take(limit));
            }
            Visible::Set(set) => {
                let words = range.start / 64..range.end.div_ceil(64);
                for (at, &word) in words.clone().zip(&set.words()[words]) {
                    push_bits(word, at * 64, &range, rows);
                    if rows.len() >= full {
                        rows.truncate(full);
                        break;
                    }
                }
            }
        }
        if rows.len() < full {
            range.end
        } else {
            rows.last().map_or(range.end, |&last| last as usize + 1)
        }
    }
}

/// Appends the rows of a word's bits that lie in `range`; bit 0 is row `first`.
pub fn push_bits(word: u64, first: usize, range: &Range<usize>, rows: &mut Vec<u32>) {
    let mut rest = word;
    while rest != 0 {
        let row = first + rest.trailing_zeros() as usize;
        if range.contains(&row) {
            rows.push(row as u32);
        }
        rest &= rest - 1;
    }
}
