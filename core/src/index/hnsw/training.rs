//! What all codes are made of: rows divided by their norm for COSINE, less the mean of a sample; and the scale that loses least.

use super::exact::Exact;
use crate::index::row_set::RowSet;

/// Rows that the mean and scales are taken from.
const ROWS_TRAINED: usize = 10_000;
/// Rows that scales are tried on.
const ROWS_SCALED: usize = 500;

pub struct Centre<'a> {
    pub mean: Vec<f32>,
    /// The rows that have a vector, in rising order.
    pub rows: Vec<u32>,
    present: Option<&'a RowSet>,
}

/// At most `count` of the rows, evenly spread.
pub fn every_nth(rows: &[u32], count: usize) -> Vec<u32> {
    rows.iter().copied().step_by(rows.len().div_ceil(count).max(1)).collect()
}

impl<'a> Centre<'a> {
    /// Of the rows of `present` (all when None); None when there are none, or the rows are bits.
    pub fn of(exact: &Exact<'_>, row_count: usize, present: Option<&'a RowSet>) -> Option<Self> {
        let is_present = |row: &u32| present.is_none_or(|present| present.get(*row as usize));
        let rows: Vec<u32> = (0..row_count as u32).filter(is_present).collect();
        if rows.is_empty() || exact.is_bits() {
            return None;
        }
        let sample = every_nth(&rows, ROWS_TRAINED);
        let mut sums = vec![0.0f64; exact.width()];
        let mut buffer = Vec::new();
        for &row in &sample {
            let inverse_norm = exact.inverse_norm(row);
            for (sum, &value) in sums.iter_mut().zip(exact.values(row, &mut buffer)) {
                *sum += f64::from(value * inverse_norm);
            }
        }
        let mean = sums.iter().map(|sum| (sum / sample.len() as f64) as f32).collect();
        Some(Centre { mean, rows, present })
    }

    /// Whether the row has a vector.
    pub fn has(&self, row: usize) -> bool {
        self.present.is_none_or(|present| present.get(row))
    }

    /// The rows that codes are trained on.
    pub fn sample(&self) -> Vec<u32> {
        every_nth(&self.rows, ROWS_TRAINED)
    }

    /// What a row is coded from.
    pub fn values<'b>(&'b self, exact: &Exact<'b>, row: u32, buffer: &'b mut Vec<f32>) -> impl Iterator<Item = f32> + Clone + 'b {
        let inverse_norm = exact.inverse_norm(row);
        let values = exact.values(row, buffer).iter().zip(&self.mean);
        values.map(move |(&value, &mean)| value * inverse_norm - mean)
    }
}

/// The scale with the least squared error over a sample, `top` being the highest code and `coded` a value's code made a value again: a smaller scale is finer
/// but cuts the largest values off. None when values leave f32's range.
pub fn scale_of(exact: &Exact<'_>, centre: &Centre<'_>, top: f32, coded: impl Fn(f32, f32) -> f32) -> Option<f32> {
    let sample = centre.sample();
    let mut buffer = Vec::new();
    let mut largest = 0.0f32;
    for &row in &sample {
        largest = centre
            .values(exact, row, &mut buffer)
            .fold(largest, |largest, value| largest.max(value.abs()));
    }
    if !largest.is_normal() || !(largest * largest * exact.width() as f32).is_finite() {
        return None;
    }
    let few = every_nth(&sample, ROWS_SCALED);
    let mut error = |scale: f32| -> f64 {
        let mut sum = 0.0;
        for &row in &few {
            let values = centre.values(exact, row, &mut buffer);
            sum += values.map(|value| f64::from(value - coded(value, scale)).powi(2)).sum::<f64>();
        }
        sum
    };
    let scales = [1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1].map(|part| largest * part / top);
    let tried: Vec<(f32, f64)> = scales
        .into_iter()
        .filter(|scale| scale.is_normal())
        .map(|scale| (scale, error(scale)))
        .collect();
    tried
        .into_iter()
        .min_by(|left, right| left.1.total_cmp(&right.1))
        .map(|(scale, _)| scale)
}
