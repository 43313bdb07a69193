//! The order of a sealed file's rows: by key, then time of writing, then where they come from.
//!
//! Int64 keys are sorted with their rows. Texts are sorted by eight bytes behind what all have in common, which are at hand; only where those are equal the
//! texts are fetched. Runs that are in order already (rows of sealed segments, keys that the server gave) are merged; Int64 keys without are sorted faster unstably.

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::prelude::*;

use super::chunk::Chunk;
use super::column::Values;
use super::schema::{ColumnType, Schema};

const LONG_RUN: usize = 64;

/// Where a row of the file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub chunk: u32,
    pub row: u32,
}

/// Where rows are fetched from: chunks with the columns of one schema.
#[derive(Clone)]
pub(super) struct Source {
    pub schema: Arc<Schema>,
    pub chunks: Vec<Arc<Chunk>>,
}

impl Source {
    pub fn all_rows(&self) -> impl Iterator<Item = Origin> {
        let rows = |(chunk, of): (usize, &Arc<Chunk>)| (0..of.row_count as u32).map(move |row| Origin { chunk: chunk as u32, row });
        self.chunks.iter().enumerate().flat_map(rows)
    }

    /// The values of one column in each chunk.
    pub fn values(&self, column: usize) -> Vec<&Values> {
        self.chunks.iter().map(|chunk| &chunk.columns[column].values).collect()
    }

    /// The rows in the order (key, time of writing).
    pub fn sorted(&self, rows: Vec<Origin>) -> Vec<Origin> {
        let primary = self.schema.primary;
        if self.schema.columns[primary].kind == ColumnType::Int64 {
            let keyed = rows.into_iter().map(|origin| (self.integer(origin), self.written(origin), origin));
            let mut keyed: Vec<_> = keyed.collect();
            if has_long_runs(&keyed) {
                keyed.par_sort();
            } else {
                keyed.par_sort_unstable();
            }
            return keyed.into_iter().map(|(_, _, origin)| origin).collect();
        }
        let common = self.common_bytes(&rows);
        let keyed = rows.into_iter().map(|origin| (leading(&self.text(origin)[common..]), origin));
        let mut keyed: Vec<_> = keyed.collect();
        keyed.par_sort_by(|(lead, one), (other_lead, other)| lead.cmp(other_lead).then_with(|| self.compare(*one, *other)));
        keyed.into_iter().map(|(_, origin)| origin).collect()
    }

    /// By key, time of writing and place.
    pub fn compare(&self, one: Origin, other: Origin) -> Ordering {
        let keys = match self.schema.columns[self.schema.primary].kind {
            ColumnType::Int64 => self.integer(one).cmp(&self.integer(other)),
            _ => self.text(one).cmp(self.text(other)),
        };
        keys.then_with(|| (self.written(one), one).cmp(&(self.written(other), other)))
    }

    /// Whether two rows have one key and one time of writing: they came with one request.
    pub fn are_twins(&self, one: Origin, other: Origin) -> bool {
        let same_key = || match self.schema.columns[self.schema.primary].kind {
            ColumnType::Int64 => self.integer(one) == self.integer(other),
            _ => self.text(one) == self.text(other),
        };
        self.written(one) == self.written(other) && same_key()
    }

    fn written(&self, origin: Origin) -> u64 {
        self.chunks[origin.chunk as usize].timestamps[origin.row as usize]
    }

    fn integer(&self, origin: Origin) -> i64 {
        self.chunks[origin.chunk as usize].columns[self.schema.primary].integer_at(origin.row as usize)
    }

    fn text(&self, origin: Origin) -> &[u8] {
        let keys = &self.chunks[origin.chunk as usize].columns[self.schema.primary];
        keys.values.bytes_at(origin.row as usize)
    }

    /// How many bytes all keys begin with.
    fn common_bytes(&self, rows: &[Origin]) -> usize {
        let Some(first) = rows.first().map(|origin| self.text(*origin)) else {
            return 0;
        };
        let mut common = first.len();
        for origin in rows {
            let text = self.text(*origin);
            common = first[..common].iter().zip(text).take_while(|(one, other)| one == other).count();
            if common == 0 {
                break;
            }
        }
        common
    }
}

/// Whether the values rise for `LONG_RUN` at a time, on the average.
fn has_long_runs<T: Ord>(values: &[T]) -> bool {
    let breaks = values.windows(2).filter(|pair| pair[0] > pair[1]).count();
    breaks <= values.len() / LONG_RUN
}

/// The first eight bytes as a number that compares as they do; zeros stand for those that a shorter text lacks.
fn leading(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}
