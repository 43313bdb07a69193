//! The index as sections of a file. Little-endian; all sizes are those of the section.
//!
//! | tag | content |
//! | --- | --- |
//! | 1 | the number of the strategy u32 |
//! | 2 | the first list of each window, and the number of lists, u32 |
//! | 3 | the index of each list u32 |
//! | 4 | the first value of each list, and the number of values, u32 |
//! | 5 | the first block of each list, and the number of blocks, u32 |
//! | 6 | the row of each value within its window u16 |
//! | 7 | values f32 |
//! | 8 | limits of each block: greatest value f32, smallest value (BM25: smallest length) f32 |
//! | 9 | BM25: the length of each row f32 |

use super::{BLOCK, SparseIndex, Strategy, WINDOW};
use crate::distance::Metric;
use crate::failure::Outcome;
use crate::index::file::{self as container, IndexFile, damaged};
use crate::index::vector_index::{IndexKind, not_of};
use crate::index::vectors::Vectors;
use crate::segment::schema::ColumnType;

const STRATEGY: u32 = 1;
const WINDOW_LISTS: u32 = 2;
const INDEXES: u32 = 3;
const STARTS: u32 = 4;
const BLOCK_STARTS: u32 = 5;
const ROWS: u32 = 6;
const VALUES: u32 = 7;
const LIMITS: u32 = 8;
const LENGTHS: u32 = 9;

impl SparseIndex {
    /// The index as the content of a file.
    pub(super) fn content(&self) -> Vec<u8> {
        let strategy = (self.strategy as u32).to_le_bytes();
        let sections: [(u32, &[u8]); 9] = [
            (STRATEGY, &strategy),
            (WINDOW_LISTS, bytemuck::cast_slice(&self.window_lists)),
            (INDEXES, bytemuck::cast_slice(&self.indexes)),
            (STARTS, bytemuck::cast_slice(&self.starts)),
            (BLOCK_STARTS, bytemuck::cast_slice(&self.block_starts)),
            (ROWS, bytemuck::cast_slice(&self.rows)),
            (VALUES, bytemuck::cast_slice(&self.values)),
            (LIMITS, bytemuck::cast_slice(&self.limits)),
            (LENGTHS, bytemuck::cast_slice(&self.lengths)),
        ];
        let shape = (self.row_count, 0, ColumnType::SparseFloatVector.number());
        container::encode(IndexKind::SparseInverted, self.metric, shape, &sections)
    }

    /// The lists of a file, mapped. Kinds `damaged`, `malformed`.
    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<SparseIndex> {
        if vectors.kind != ColumnType::SparseFloatVector {
            return Err(not_of(vectors));
        }
        let wrong = || damaged(0, "the lists of the index do not fit together");
        let strategy = Strategy::from_number(file.section_of::<u32>(STRATEGY, 1)?[0]).ok_or_else(wrong)?;
        let window_lists = file.section_of::<u32>(WINDOW_LISTS, vectors.row_count.div_ceil(WINDOW) + 1)?;
        let indexes = file.section::<u32>(INDEXES)?;
        let starts = file.section_of::<u32>(STARTS, indexes.len() + 1)?;
        let block_starts = file.section_of::<u32>(BLOCK_STARTS, indexes.len() + 1)?;
        let rows = file.section::<u16>(ROWS)?;
        let values = file.section_of(VALUES, rows.len())?;
        let limits = file.section(LIMITS)?;
        let lengths = file.section_of(LENGTHS, if file.metric == Metric::Bm25 { vectors.row_count } else { 0 })?;
        let covers = |starts: &[u32], count: usize| {
            starts.first() == Some(&0) && starts.is_sorted() && starts.last().is_some_and(|&end| end as usize == count)
        };
        let mut lists = starts.windows(2).zip(block_starts.windows(2));
        let fits = covers(&window_lists, indexes.len())
            && covers(&starts, rows.len())
            && covers(&block_starts, limits.len())
            && lists.all(|(values, blocks)| (values[1] - values[0]).div_ceil(BLOCK as u32) == blocks[1] - blocks[0]);
        if !fits || !matches!(file.metric, Metric::Ip | Metric::Bm25) {
            return Err(wrong());
        }
        Ok(SparseIndex {
            metric: file.metric,
            strategy,
            row_count: vectors.row_count,
            window_lists,
            indexes,
            starts,
            block_starts,
            rows,
            values,
            limits,
            lengths,
            scratch: Default::default(),
        })
    }
}
