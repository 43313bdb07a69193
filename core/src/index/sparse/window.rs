//! The lists of one window that a query meets.

use std::ops::Range;

use super::query::{Limits, Weigh};
use super::{BLOCK, SparseIndex, WINDOW};

/// The list of one of the query's indexes, or a run of it.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// The query's value.
    pub query: f32,
    /// Ascending, within the window.
    pub rows: &'a [u16],
    pub values: &'a [f32],
    /// One a block of the whole list.
    limits: &'a [[f32; 2]],
    /// Where in the whole list this run begins.
    start: usize,
}

impl<'a> Term<'a> {
    /// The limits of all values of the run; those of its first and last block may be wider.
    pub fn limits(&self) -> Limits {
        if self.rows.is_empty() {
            return Limits { high: 0.0, low: 0.0 };
        }
        let blocks = self.start / BLOCK..(self.start + self.rows.len()).div_ceil(BLOCK);
        self.limits[blocks]
            .iter()
            .copied()
            .map(Limits::from)
            .fold(Limits::NONE, Limits::with)
    }

    /// The limits of the block of value `at` of a whole list.
    #[cfg(test)]
    pub fn limits_at(&self, at: usize) -> Limits {
        self.limits[at / BLOCK].into()
    }

    /// The first values, whose rows are below `end`, as a run of their own, which is taken away from this one.
    pub fn take_below(&mut self, end: usize) -> Term<'a> {
        let count = if self.rows.last().is_none_or(|&last| usize::from(last) < end) {
            self.rows.len()
        } else {
            self.rows.partition_point(|&row| usize::from(row) < end)
        };
        let (rows, rest_rows) = self.rows.split_at(count);
        let (values, rest_values) = self.values.split_at(count);
        let taken = Term { rows, values, ..*self };
        (self.rows, self.values, self.start) = (rest_rows, rest_values, self.start + count);
        taken
    }
}

/// A window and what of it a search sees.
pub struct Window<'a> {
    /// The segment's number of the window's first row.
    pub first: usize,
    pub row_count: usize,
    /// A bit a row of the window, those that may be found; None: all.
    pub allowed: Option<&'a [u64]>,
    /// BM25: the length of each row.
    lengths: &'a [f32],
}

impl Window<'_> {
    #[cfg(test)]
    pub fn allows(&self, row: u16) -> bool {
        let row = usize::from(row);
        self.allowed.is_none_or(|words| words[row / 64] >> (row % 64) & 1 == 1)
    }

    /// The lengths of rows, where they are read.
    #[inline(always)]
    pub fn lengths_of<W: Weigh>(&self, rows: &[u16], out: &mut [f32]) {
        if W::BY_LENGTH {
            for (length, &row) in out.iter_mut().zip(rows) {
                *length = self.lengths[usize::from(row)];
            }
        }
    }

    /// What the query's value adds to the score of a row that has `value`.
    #[inline(always)]
    pub fn part<W: Weigh>(&self, weigh: W, query: f32, row: u16, value: f32) -> f32 {
        let length = if W::BY_LENGTH { self.lengths[usize::from(row)] } else { 0.0 };
        query * weigh.weight(value, length)
    }
}

impl SparseIndex {
    pub(super) fn window_count(&self) -> usize {
        self.window_lists.len() - 1
    }

    /// A window; `allowed` has a bit for each row of the segment.
    pub(super) fn window<'a>(&'a self, number: usize, allowed: Option<&'a [u64]>) -> Window<'a> {
        let rows = number * WINDOW..self.row_count.min((number + 1) * WINDOW);
        Window {
            first: rows.start,
            row_count: rows.len(),
            allowed: allowed.map(|words| &words[rows.start / 64..rows.end.div_ceil(64)]),
            lengths: self.lengths.get(rows).unwrap_or(&[]),
        }
    }

    /// The lists of the query's pairs in a window, by rising index, into `terms`.
    pub(super) fn terms<'a>(&'a self, number: usize, query: &[(u32, f32)], terms: &mut Vec<Term<'a>>) {
        terms.clear();
        let lists = self.window_lists[number] as usize..self.window_lists[number + 1] as usize;
        let indexes = &self.indexes[lists.clone()];
        let mut from = 0;
        for &(index, value) in query {
            from += indexes[from..].partition_point(|&known| known < index);
            if indexes.get(from) == Some(&index) {
                terms.push(self.term(lists.start + from, value));
            }
        }
    }

    fn term(&self, list: usize, query: f32) -> Term<'_> {
        let range = |starts: &[u32]| -> Range<usize> { starts[list] as usize..starts[list + 1] as usize };
        let values = range(&self.starts);
        Term {
            query,
            rows: &self.rows[values.clone()],
            values: &self.values[values],
            limits: &self.limits[range(&self.block_starts)],
            start: 0,
        }
    }

    /// How many values the query meets.
    pub(super) fn met(&self, query: &[(u32, f32)]) -> usize {
        let mut terms = Vec::with_capacity(query.len());
        let of_window = |number: usize| {
            self.terms(number, query, &mut terms);
            terms.iter().map(|term| term.rows.len()).sum::<usize>()
        };
        (0..self.window_count()).map(of_window).sum()
    }
}
