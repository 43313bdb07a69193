//! Inverted lists of sparse vectors: for each index that occurs, the rows that have it and their values.
//!
//! Rows are cut into windows of 65,536, each with lists of its own, so that a row is a u16 within its window and the sums of a window's rows fit in the
//! processor's second cache. The lists of a window lie one after another by rising index; a list's rows ascend, and for each 128 of its values (a
//! block) the index knows between which limits they lie (`Limits`). Values are the column's f32, so scores are exact; zeros are left out.
//!
//! `query` defines scores, `build` lays the lists, `file` writes and opens them, `window` finds those that a query meets. Two ways lead to the best
//! rows (`Strategy`): `accumulate` adds up all lists of a window, `prune` leaves out lists that cannot lift a row above the worst found so far. Both give
//! the same answer to the bit: the rows and scores of an exact scan. `served` is the index as others see it.
//!
//! Of 200,000 rows of 100 values (`measure`), queries of 30 are answered 20 to 50 times as fast as by a scan. `prune` is never more than a fifth slower
//! than `accumulate` and up to twice as fast, by how much the values of rare indexes are greater. `wand`, which goes from row to row, takes four times
//! as long for queries of 4 values and twenty times for 30: it is kept for comparison, and `prune` serves those who ask for it.

mod accumulate;
mod best;
mod build;
mod file;
#[cfg(test)]
mod measure;
mod prune;
pub mod query;
mod served;
#[cfg(test)]
pub mod tests;
#[cfg(test)]
mod wand;
mod window;

use std::sync::Mutex;

use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::segment::buffer::Buffer;

/// Rows of a window; every u16 is a row of one.
const WINDOW: usize = 1 << 16;
/// Values of a list that share their limits.
const BLOCK: usize = 128;

/// How the best rows are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All lists are added up.
    Accumulate = 1,
    /// Lists that cannot matter are left out, judged by whole windows.
    MaxScore = 2,
    /// As `MaxScore`, judged by the blocks of short runs of rows.
    BlockMaxScore = 3,
    /// From row to row, past those that cannot be among the best, judged by whole windows.
    #[cfg(test)]
    Wand = 4,
    /// As `Wand`, judged by blocks.
    #[cfg(test)]
    BlockWand = 5,
}

impl Strategy {
    /// The strategy that serves one of Milvus's algorithms; empty: the default. Kind `malformed`.
    fn of_algorithm(name: &str) -> Outcome<Strategy> {
        match name {
            "" | "DAAT_MAXSCORE" | "DAAT_WAND" => Ok(Strategy::MaxScore),
            "BLOCK_MAX_MAXSCORE" | "BLOCK_MAX_WAND" => Ok(Strategy::BlockMaxScore),
            "TAAT_NAIVE" | "SINDI" => Ok(Strategy::Accumulate),
            _ => Err(Failure::malformed(format!("algorithm {name} of inverted lists"))),
        }
    }

    fn from_number(number: u32) -> Option<Strategy> {
        let all = [Strategy::Accumulate, Strategy::MaxScore, Strategy::BlockMaxScore];
        all.into_iter().find(|&strategy| strategy as u32 == number)
    }
}

/// Lists are numbered through all windows.
#[derive(Debug)]
pub struct SparseIndex {
    metric: Metric,
    strategy: Strategy,
    row_count: usize,
    /// The first list of each window, and the number of lists.
    window_lists: Buffer<u32>,
    /// The index of each list, ascending in a window.
    indexes: Buffer<u32>,
    /// The first value of each list, and the number of values.
    starts: Buffer<u32>,
    /// The first block of each list, and the number of blocks.
    block_starts: Buffer<u32>,
    /// The row of each value, within its window.
    rows: Buffer<u16>,
    values: Buffer<f32>,
    /// The `Limits` of each block.
    limits: Buffer<[f32; 2]>,
    /// BM25: the length of each row; else empty.
    lengths: Buffer<f32>,
    scratch: ScratchPool,
}

/// What one search works in.
#[derive(Debug)]
struct Scratch {
    /// A sum for each row of a window; zeros between uses.
    sums: Box<[f32; WINDOW]>,
    /// Rows of a window that may be among the best, ascending, and what is known of their sums.
    candidates: Vec<(u16, f32)>,
}

/// Scratches that no search uses.
#[derive(Debug, Default)]
struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = || self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let taken = idle().pop();
        let mut scratch = taken.unwrap_or_else(|| Scratch {
            sums: Box::new([0.0; WINDOW]),
            candidates: Vec::new(),
        });
        let result = work(&mut scratch);
        idle().push(scratch);
        result
    }
}
