//! The rows of each list, one list after another. A row's place among all lists is its position; codes lie in the order of positions.

use std::ops::Range;

use super::kmeans::Groups;
use crate::failure::Outcome;
use crate::index::file::damaged;
use crate::index::row_set::RowSet;
use crate::segment::buffer::Buffer;

#[derive(Debug)]
pub struct Lists {
    /// List i has the positions `offsets[i]..offsets[i + 1]`.
    offsets: Buffer<u32>,
    rows: Buffer<u32>,
}

impl Lists {
    /// Of `groups`, whose rows are numbers in `present`.
    pub fn new(groups: Groups, present: &[u32]) -> Lists {
        let rows: Vec<u32> = groups.rows.iter().map(|&row| present[row as usize]).collect();
        Lists {
            offsets: groups.offsets.into(),
            rows: rows.into(),
        }
    }

    /// Lists from a file. Kind `damaged` where they are not lists of different rows of the segment.
    pub fn open(offsets: Buffer<u32>, rows: Buffer<u32>, row_count: usize) -> Outcome<Lists> {
        let whole =
            offsets.len() >= 2 && offsets[0] == 0 && offsets.is_sorted() && offsets.last().is_some_and(|&last| last as usize == rows.len());
        if !whole {
            return Err(damaged(0, "the lists of the index do not follow each other"));
        }
        let mut met = RowSet::empty(row_count);
        for &row in &rows[..] {
            if row as usize >= row_count || met.get(row as usize) {
                return Err(damaged(0, "the lists of the index have wrong rows"));
            }
            met.set(row as usize, true);
        }
        Ok(Lists { offsets, rows })
    }

    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Number of lists.
    pub fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The positions of a list.
    #[inline]
    pub fn range(&self, list: usize) -> Range<usize> {
        self.offsets[list] as usize..self.offsets[list + 1] as usize
    }

    #[inline]
    pub fn rows_of(&self, list: usize) -> &[u32] {
        &self.rows[self.range(list)]
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.offsets.byte_size() + self.rows.byte_size()
    }
}
