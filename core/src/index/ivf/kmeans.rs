//! k-means: centroids of rows by squared distance, and the nearest centroid of each row.
//!
//! Rows are compared in blocks of 64 with six centroids at a time, as products of matrices. The same rows give the same centroids on any number of
//! threads: a mean is summed by one thread in the order of rows.

use rayon::prelude::*;

use crate::distance::{TILE_QUERIES, TILE_ROWS, kernels};

/// Rounds over a part of the rows, then over all of them.
const ROUNDS_COARSE: usize = 6;
const ROUNDS_FINE: usize = 3;
/// One in so many rows is in the first rounds, as long as there are some for each centroid.
const COARSE_PART: usize = 4;
const COARSE_ROWS_MIN: usize = 16;
/// Where a list is split in two, both centroids move this far apart, in parts of a value.
const SPLIT: f32 = 1.0 / 1024.0;
/// Rows that are transposed at once.
const ROWS_SPREAD: usize = 8;

/// Rows that are compared together.
pub const BLOCK_ROWS: usize = TILE_ROWS;

/// Centroids, `dim` values each, with half their squared lengths.
pub struct Centroids {
    dim: usize,
    /// Six by six: `tiles[t * dim + k][c]` is value k of centroid 6 t + c, 0 behind the last.
    tiles: Vec<[f32; TILE_QUERIES]>,
    halves: Vec<f32>,
}

impl Centroids {
    pub fn new(values: &[f32], dim: usize) -> Self {
        let half = |centroid: &[f32]| kernels().dot(centroid, centroid) / 2.0;
        let mut tiles = vec![[0.0; TILE_QUERIES]; (values.len() / dim).div_ceil(TILE_QUERIES) * dim];
        for (number, centroid) in values.chunks_exact(dim).enumerate() {
            let tile = &mut tiles[number / TILE_QUERIES * dim..][..dim];
            let lane = number % TILE_QUERIES;
            tile.iter_mut().zip(centroid).for_each(|(place, &value)| place[lane] = value);
        }
        Centroids {
            dim,
            tiles,
            halves: values.par_chunks_exact(dim).map(half).collect(),
        }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The nearest centroid of each of `rows`; of equally near ones the first.
    pub fn nearest(&self, rows: &[f32]) -> Vec<u32> {
        let blocks = rows.par_chunks(BLOCK_ROWS * self.dim);
        blocks.flat_map_iter(|block| self.nearest_of_block(block)).collect()
    }

    /// As `nearest`, of at most `BLOCK_ROWS` rows and at least one.
    pub fn nearest_of_block(&self, block: &[f32]) -> Vec<u32> {
        let kernels = kernels();
        let row_count = block.len() / self.dim;
        let row = |at: usize| &block[at.min(row_count - 1) * self.dim..][..self.dim];
        let mut panel = vec![[0.0; TILE_ROWS]; self.dim];
        for first in (0..row_count).step_by(ROWS_SPREAD) {
            kernels.spread(std::array::from_fn(|at| row(first + at)), &mut panel, first);
        }
        let (mut best, mut nearest) = ([f32::INFINITY; TILE_ROWS], [0u32; TILE_ROWS]);
        let halves = self.halves.chunks(TILE_QUERIES).enumerate();
        for (tile, (number, halves)) in self.tiles.chunks_exact(self.dim).zip(halves) {
            let mut sums = [[0.0; TILE_ROWS]; TILE_QUERIES];
            kernels.add_products(tile, &panel, &mut sums);
            for (lane, (half, sums)) in halves.iter().zip(&sums).enumerate() {
                let number = (number * TILE_QUERIES + lane) as u32;
                for ((best, nearest), sum) in best.iter_mut().zip(&mut nearest).zip(sums) {
                    let distance = half - sum;
                    let is_nearer = distance < *best;
                    *best = if is_nearer { distance } else { *best };
                    *nearest = if is_nearer { number } else { *nearest };
                }
            }
        }
        nearest[..row_count].to_vec()
    }
}

/// Rows grouped by the list that they are of: list i has `rows[offsets[i]..offsets[i + 1]]`, in rising order.
pub struct Groups {
    pub offsets: Vec<u32>,
    pub rows: Vec<u32>,
}

impl Groups {
    pub fn of(lists: &[u32], list_count: usize) -> Groups {
        let mut offsets = vec![0u32; list_count + 1];
        lists.iter().for_each(|&list| offsets[list as usize + 1] += 1);
        (0..list_count).for_each(|list| offsets[list + 1] += offsets[list]);
        let mut next = offsets.clone();
        let mut rows = vec![0; lists.len()];
        for (row, &list) in lists.iter().enumerate() {
            let at = &mut next[list as usize];
            rows[*at as usize] = row as u32;
            *at += 1;
        }
        Groups { offsets, rows }
    }

    pub fn list(&self, list: usize) -> &[u32] {
        &self.rows[self.offsets[list] as usize..self.offsets[list + 1] as usize]
    }
}

/// `count` centroids of `rows`, which are in no order and at least as many.
pub fn train(rows: &[f32], dim: usize, count: usize) -> Vec<f32> {
    let mut values = rows[..count * dim].to_vec();
    let coarse = (rows.len() / dim / COARSE_PART).max(count * COARSE_ROWS_MIN) * dim;
    move_centroids(&mut values, dim, &rows[..coarse.min(rows.len())], ROUNDS_COARSE);
    move_centroids(&mut values, dim, rows, ROUNDS_FINE);
    values
}

/// Moves each centroid to the mean of its rows, in so many rounds or until nothing changes.
fn move_centroids(values: &mut [f32], dim: usize, rows: &[f32], rounds: usize) {
    let count = values.len() / dim;
    let mut lists = Vec::new();
    for _ in 0..rounds {
        let found = Centroids::new(values, dim).nearest(rows);
        if found == lists {
            break;
        }
        lists = found;
        let groups = Groups::of(&lists, count);
        values.par_chunks_exact_mut(dim).enumerate().for_each(|(list, centroid)| {
            let members = groups.list(list);
            if members.is_empty() {
                return;
            }
            centroid.fill(0.0);
            for &row in members {
                let row = &rows[row as usize * dim..(row as usize + 1) * dim];
                centroid.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            let part = 1.0 / members.len() as f32;
            centroid.iter_mut().for_each(|sum| *sum *= part);
        });
        split_largest(values, dim, &groups);
    }
}

/// Gives each empty list half of the largest one.
fn split_largest(values: &mut [f32], dim: usize, groups: &Groups) {
    let count = values.len() / dim;
    let mut sizes: Vec<usize> = (0..count).map(|list| groups.list(list).len()).collect();
    for empty in 0..count {
        if sizes[empty] > 0 {
            continue;
        }
        let largest = (0..count).max_by_key(|&list| (sizes[list], usize::MAX - list)).unwrap_or(empty);
        if sizes[largest] < 2 {
            return;
        }
        sizes[empty] = sizes[largest] / 2;
        sizes[largest] -= sizes[empty];
        values.copy_within(largest * dim..(largest + 1) * dim, empty * dim);
        for at in 0..dim {
            let step = if at % 2 == 0 { SPLIT } else { -SPLIT };
            values[empty * dim + at] *= 1.0 + step;
            values[largest * dim + at] *= 1.0 - step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Centroids, Groups, train};
    use crate::index::mix::mix;

    #[test]
    fn heaps_that_lie_apart_are_found_whatever_the_threads() {
        let dim = 5;
        let value = |row: usize, at: usize| {
            let heap = row % 7;
            (mix((heap * dim + at) as u64) % 100) as f32 + (mix((row * dim + at) as u64 ^ 1 << 40) % 3) as f32
        };
        let rows: Vec<f32> = (0..700).flat_map(|row| (0..dim).map(move |at| value(row, at))).collect();
        let train_on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| train(&rows, dim, 7))
        };
        let centroids = train_on(1);
        assert_eq!(centroids, train_on(2));
        let lists = Centroids::new(&centroids, dim).nearest(&rows);
        let groups = Groups::of(&lists, 7);
        for list in 0..7 {
            let members = groups.list(list);
            assert!(
                !members.is_empty() && members.iter().all(|row| row % 7 == members[0] % 7),
                "{members:?}"
            );
        }
    }

    #[test]
    fn equal_rows_leave_lists_empty() {
        let rows = vec![1.0; 3 * 64];
        let centroids = train(&rows, 3, 4);
        let lists = Centroids::new(&centroids, 3).nearest(&rows);
        assert_eq!(Groups::of(&lists, 4).rows.len(), 64);
    }
}
