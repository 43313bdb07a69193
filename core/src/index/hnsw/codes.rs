//! The rows as int8 codes: a quarter of the memory that a walk reads, and integer products that are exact on every machine.
//!
//! A row x (for COSINE divided by its norm) is coded as s = round((x - mean) / scale), clamped to -127..=127, with one scale for all dimensions, so that
//! squared distances of codes are squared distances of rows up to scale². A query has a scale of its own. With y the query less the mean:
//!
//! | metric | distance | bias of a row |
//! | --- | --- | --- |
//! | L2, COSINE | offset + bias - 2 y·ŝ | scale² s·s (of the code, not of the row: the errors of near rows then cancel) |
//! | IP | offset + bias - y·ŝ | -mean·x |
//!
//! A zero vector under COSINE has the bias 1 more: twice the distance 1 that it has from every unit vector, as its cosine 0 asks. Codes serve where they
//! rank rows about as the f32 values do; `Codes::train` tries that on a sample and returns None where they do not, or where they would save nothing.

use rayon::prelude::*;

use super::space::{Floats, Point, Space, in_fours};
use super::walk::{key, key_row};
use crate::distance::code_line::{CODES_PER_LINE, CodeLine, lines_for, zeroed_lines};
use crate::distance::{Kernels, Metric, kernels, prefetch};
use crate::index::row_set::RowSet;

/// Below this dimension a code takes as much memory as the row.
const DIM_MIN: usize = 32;
/// Rows that the mean and the scale are taken from.
const ROWS_TRAINED: usize = 10_000;
/// Rows of the trial, and queries among them.
const ROWS_TRIED: usize = 20_000;
const QUERIES_TRIED: usize = 48;
/// Of the 10 nearest rows of the trial, this part must be among the 40 that codes find nearest.
const RECALL_MIN: f32 = 0.98;

#[derive(Debug)]
pub struct Codes {
    pub(super) metric: Metric,
    pub(super) mean: Vec<f32>,
    pub(super) scale: f32,
    pub(super) lines: Vec<CodeLine>,
    /// One a row.
    pub(super) bias: Vec<f32>,
}

/// A coded point: a row, or a query with its own code.
pub struct CodePoint<'a, C> {
    codes: &'a Codes,
    kernels: &'static Kernels,
    code: C,
    offset: f32,
    /// By what a product of codes is multiplied.
    factor: f32,
}

/// Values that a point is coded from: the row or query, divided by its norm for COSINE, less the mean.
fn centred<'a>(values: &'a [f32], inverse_norm: f32, mean: &'a [f32]) -> impl Iterator<Item = f32> + Clone + 'a {
    values.iter().zip(mean).map(move |(&value, &mean)| value * inverse_norm - mean)
}

/// Nearest code; the cast saturates and turns NaN to 0.
fn code_of(value: f32, inverse_scale: f32) -> i8 {
    let scaled = (value * inverse_scale).clamp(-127.0, 127.0);
    (scaled + 0.5f32.copysign(scaled)) as i8
}

fn every_nth(rows: &[u32], count: usize) -> Vec<u32> {
    rows.iter().copied().step_by(rows.len().div_ceil(count).max(1)).collect()
}

impl Codes {
    /// Codes of all rows; None when they do not serve.
    pub fn train(floats: &Floats<'_>, metric: Metric, dim: usize, row_count: usize, present: Option<&RowSet>) -> Option<Codes> {
        let rows: Vec<u32> = (0..row_count as u32)
            .filter(|&row| present.is_none_or(|present| present.get(row as usize)))
            .collect();
        if dim < DIM_MIN || rows.is_empty() {
            return None;
        }
        let sample = every_nth(&rows, ROWS_TRAINED);
        let mean = mean_of(floats, &sample, dim);
        let scale = scale_of(floats, &sample, &mean)?;
        let codes = Codes::encode_rows(floats, metric, row_count, mean, scale, present);
        codes.ranks_like(floats, &every_nth(&rows, ROWS_TRIED)).then_some(codes)
    }

    fn encode_rows(floats: &Floats<'_>, metric: Metric, row_count: usize, mean: Vec<f32>, scale: f32, present: Option<&RowSet>) -> Codes {
        let stride = lines_for(mean.len());
        let mut lines = zeroed_lines(row_count * stride);
        let mut bias = vec![0.0; row_count];
        let inverse_scale = 1.0 / scale;
        let code_row = |(row, (lines, bias)): (usize, (&mut [CodeLine], &mut f32))| {
            if present.is_some_and(|present| !present.get(row)) {
                return;
            }
            let (values, inverse_norm) = (floats.row(row as u32), floats.inverse_norm(row as u32));
            let codes: &mut [i8] = bytemuck::cast_slice_mut(lines);
            for (code, value) in codes.iter_mut().zip(centred(values, inverse_norm, &mean)) {
                *code = code_of(value, inverse_scale);
            }
            *bias = bias_of(metric, codes, centred(values, inverse_norm, &mean), &mean, scale);
            if metric == Metric::Cosine && inverse_norm == 0.0 {
                *bias += 1.0;
            }
        };
        lines.par_chunks_mut(stride).zip(bias.par_iter_mut()).enumerate().for_each(code_row);
        Codes {
            metric,
            mean,
            scale,
            lines,
            bias,
        }
    }

    /// Whether rows that are near by f32 are near by codes, among `rows`.
    fn ranks_like(&self, floats: &Floats<'_>, rows: &[u32]) -> bool {
        let recall_of = |&row: &u32| {
            let (mut exact, mut coded) = (Vec::new(), Vec::new());
            floats.point(row).distances(rows, &mut exact);
            self.point(row).distances(rows, &mut coded);
            let mut exact_of: Vec<f32> = exact.clone();
            let wanted = rows.len().min(10);
            let farthest = *exact_of.select_nth_unstable_by(wanted - 1, f32::total_cmp).1;
            let mut order: Vec<u64> = coded.iter().enumerate().map(|(at, &distance)| key(distance, at as u32)).collect();
            order.sort_unstable();
            let found = order.iter().take(40).filter(|&&at| exact[key_row(at) as usize] <= farthest).count();
            found.min(wanted) as f32 / wanted as f32
        };
        let queries = every_nth(rows, QUERIES_TRIED);
        let recall: f32 = queries.par_iter().map(recall_of).sum();
        recall >= RECALL_MIN * queries.len() as f32
    }

    fn code(&self, row: u32) -> &[i8] {
        let stride = lines_for(self.mean.len());
        let start = row as usize * stride;
        bytemuck::cast_slice(&self.lines[start..start + stride])
    }

    fn product_factor(&self) -> f32 {
        if self.metric == Metric::Ip { -1.0 } else { -2.0 }
    }

    /// A query as a point; `inverse_norm` is 1 unless the metric is COSINE.
    pub fn query(&self, vector: &[f32], inverse_norm: f32) -> CodePoint<'_, Vec<i8>> {
        let values = centred(vector, inverse_norm, &self.mean);
        let largest = values.clone().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 && largest.is_finite() {
            largest / 127.0
        } else {
            1.0
        };
        let mut code = vec![0; lines_for(self.mean.len()) * CODES_PER_LINE];
        for (code, value) in code.iter_mut().zip(values.clone()) {
            *code = code_of(value, 1.0 / scale);
        }
        let offset = if self.metric == Metric::Ip {
            -self.mean.iter().zip(vector).map(|(mean, value)| mean * value).sum::<f32>()
        } else {
            values.map(|value| value * value).sum()
        };
        CodePoint {
            codes: self,
            kernels: kernels(),
            code,
            offset,
            factor: self.product_factor() * self.scale * scale,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        size_of_val(self.lines.as_slice()) + (self.bias.len() + self.mean.len()) * size_of::<f32>()
    }
}

fn bias_of(metric: Metric, codes: &[i8], values: impl Iterator<Item = f32>, mean: &[f32], scale: f32) -> f32 {
    if metric == Metric::Ip {
        -values.zip(mean).map(|(value, mean)| value * mean).sum::<f32>()
    } else {
        let squared: i32 = codes.iter().map(|&code| i32::from(code) * i32::from(code)).sum();
        squared as f32 * scale * scale
    }
}

fn mean_of(floats: &Floats<'_>, sample: &[u32], dim: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; dim];
    for &row in sample {
        let inverse_norm = floats.inverse_norm(row);
        for (sum, &value) in sums.iter_mut().zip(floats.row(row)) {
            *sum += f64::from(value * inverse_norm);
        }
    }
    sums.iter().map(|sum| (sum / sample.len() as f64) as f32).collect()
}

/// The scale with the least squared error over the sample: a smaller one is finer but cuts the largest values off. None when values leave f32's range.
fn scale_of(floats: &Floats<'_>, sample: &[u32], mean: &[f32]) -> Option<f32> {
    let values = |row: u32| centred(floats.row(row), floats.inverse_norm(row), mean);
    let largest = sample
        .iter()
        .flat_map(|&row| values(row))
        .fold(0.0f32, |largest, value| largest.max(value.abs()));
    if !largest.is_normal() || !(largest * largest * mean.len() as f32).is_finite() {
        return None;
    }
    let few = every_nth(sample, 500);
    let error = |scale: f32| -> f64 {
        let off = |value: f32| value - f32::from(code_of(value, 1.0 / scale)) * scale;
        few.iter()
            .flat_map(|&row| values(row))
            .map(|value| f64::from(off(value)).powi(2))
            .sum()
    };
    let scales = [1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1].map(|part| largest * part / 127.0);
    scales
        .into_iter()
        .filter(|scale| scale.is_normal())
        .min_by(|&left, &right| error(left).total_cmp(&error(right)))
}

impl Space for Codes {
    type Point<'s> = CodePoint<'s, &'s [i8]>;

    fn point(&self, row: u32) -> CodePoint<'_, &[i8]> {
        let bias = self.bias[row as usize];
        let offset = if self.metric == Metric::Ip {
            bias - self.mean.iter().map(|mean| mean * mean).sum::<f32>()
        } else {
            bias
        };
        CodePoint {
            codes: self,
            kernels: kernels(),
            code: self.code(row),
            offset,
            factor: self.product_factor() * self.scale * self.scale,
        }
    }
}

impl<C: AsRef<[i8]>> Point for CodePoint<'_, C> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        let (kernels, code) = (self.kernels, self.code.as_ref());
        let row = |row| self.codes.code(row);
        let distance = |product: i32, row: u32| self.offset + self.codes.bias[row as usize] + self.factor * product as f32;
        let four = |at: [u32; 4]| {
            let products = kernels.dot_i8_four(code, at.map(row));
            std::array::from_fn(|lane| distance(products[lane], at[lane]))
        };
        in_fours(
            rows,
            distances,
            |at| prefetch(row(at)),
            four,
            |at| distance(kernels.dot_i8(code, row(at)), at),
        );
    }
}
