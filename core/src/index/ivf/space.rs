//! The space in which lists and codes live: rows as float32, for COSINE divided by their length, less the mean of a sample, and where codes ask for it
//! rotated. Distances between rows do not change by it (L2), and inner products with a query only by what is the same for all rows.

use super::rotation::Rotation;
use crate::distance::{Metric, kernels};
use crate::index::mix::mix;
use crate::index::vectors::Vectors;
use crate::segment::buffer::Buffer;

/// Rows that the mean is taken of.
const ROWS_MEANT: usize = 10_000;
const ROTATION_SEED: u64 = 0x0051_F7ED;

#[derive(Debug)]
pub struct Space {
    pub metric: Metric,
    /// Before it is rotated.
    pub mean: Buffer<f32>,
    pub rotation: Option<Rotation>,
}

impl Space {
    pub fn new(metric: Metric, mean: Buffer<f32>, rotated: bool) -> Space {
        let rotation = rotated.then(|| Rotation::new(mean.len(), ROTATION_SEED));
        Space { metric, mean, rotation }
    }

    /// The space of these rows of a column.
    pub fn of(vectors: &Vectors, rows: &[u32], metric: Metric, rotated: bool) -> Space {
        let dim = vectors.dim;
        let step = rows.len().div_ceil(ROWS_MEANT).max(1);
        let (mut sums, mut row_values, mut count) = (vec![0.0f64; dim], vec![0.0; dim], 0);
        for &row in rows.iter().step_by(step) {
            vectors.read(row as usize, &mut row_values);
            normalise(metric, &mut row_values);
            sums.iter_mut().zip(&row_values).for_each(|(sum, &value)| *sum += f64::from(value));
            count += 1;
        }
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / f64::from(count.max(1))) as f32).collect();
        Space::new(metric, mean.into(), rotated)
    }

    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// A row of the column into `out`, of `dim` values.
    pub fn read(&self, vectors: &Vectors, row: u32, out: &mut [f32]) {
        vectors.read(row as usize, out);
        normalise(self.metric, out);
        out.iter_mut().zip(&self.mean[..]).for_each(|(value, mean)| *value -= mean);
        if let Some(rotation) = &self.rotation {
            rotation.apply(out);
        }
    }

    /// A query: for L2 as a row; for the products as it is, so that a row's product differs by the mean's alone.
    pub fn query(&self, query: &[f32]) -> Vec<f32> {
        let mut query = query.to_vec();
        if self.metric == Metric::L2 {
            query.iter_mut().zip(&self.mean[..]).for_each(|(value, mean)| *value -= mean);
        }
        if let Some(rotation) = &self.rotation {
            rotation.apply(&mut query);
        }
        query
    }
}

fn normalise(metric: Metric, values: &mut [f32]) {
    if metric == Metric::Cosine {
        let inverse_norm = kernels().inverse_norm(values);
        values.iter_mut().for_each(|value| *value *= inverse_norm);
    }
}

/// `count` of the rows, spread by a seed, in no order; all of them where there are no more.
pub fn sample(rows: &[u32], count: usize, seed: u64) -> Vec<u32> {
    let mut rows = rows.to_vec();
    let count = count.min(rows.len());
    for at in 0..count {
        let other = at + (mix(seed ^ at as u64) % (rows.len() - at) as u64) as usize;
        rows.swap(at, other);
    }
    rows.truncate(count);
    rows
}
