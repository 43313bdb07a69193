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

use super::exact::Exact;
use super::space::{Point, Space, in_fours};
use super::training::{Centre, every_nth, scale_of};
use super::walk::{key, key_row};
use crate::distance::code_line::{CODES_PER_LINE, CodeLine, lines_for, zeroed_lines};
use crate::distance::{Kernels, Metric, kernels, prefetch};
use crate::segment::buffer::Buffer;

/// Below this dimension a code of float32 takes as much memory as the row.
const DIM_MIN: usize = 32;
/// Rows of the trial, and queries among them.
const ROWS_TRIED: usize = 20_000;
const QUERIES_TRIED: usize = 48;
/// Of the 10 nearest rows of the trial, this part must be among the 40 that codes find nearest.
const RECALL_MIN: f32 = 0.98;
/// The highest code.
const TOP: f32 = 127.0;

#[derive(Debug)]
pub struct Codes {
    pub(super) mean: Vec<f32>,
    pub(super) scale: f32,
    pub(super) lines: Buffer<CodeLine>,
    /// One a row.
    pub(super) bias: Buffer<f32>,
}

/// Codes as walks read them.
#[derive(Clone, Copy)]
pub struct CodeSpace<'a> {
    kernels: &'static Kernels,
    metric: Metric,
    mean: &'a [f32],
    mean_squared: f32,
    scale: f32,
    stride: usize,
    lines: &'a [CodeLine],
    bias: &'a [f32],
}

/// A coded point: a row, or a query with its own code.
pub struct CodePoint<'a, C> {
    space: CodeSpace<'a>,
    code: C,
    offset: f32,
    /// By what a product of codes is multiplied.
    factor: f32,
}

/// Nearest code; the cast saturates and turns NaN to 0.
fn code_of(value: f32, inverse_scale: f32) -> i8 {
    let scaled = (value * inverse_scale).clamp(-TOP, TOP);
    (scaled + 0.5f32.copysign(scaled)) as i8
}

/// What a product of a query's and a row's values less the mean is multiplied by in a distance.
pub fn product_factor(metric: Metric) -> f32 {
    if metric == Metric::Ip { -1.0 } else { -2.0 }
}

/// The code of a query less the mean, and its scale.
pub fn query_code(values: impl Iterator<Item = f32> + Clone, length: usize) -> (Vec<i8>, f32) {
    let largest = values.clone().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest > 0.0 && largest.is_finite() { largest / TOP } else { 1.0 };
    let mut code = vec![0; length];
    for (code, value) in code.iter_mut().zip(values) {
        *code = code_of(value, 1.0 / scale);
    }
    (code, scale)
}

impl Codes {
    /// Codes of all rows that `centre` was made of; None when they do not serve.
    pub fn train(exact: &Exact<'_>, centre: &Centre<'_>, row_count: usize) -> Option<Codes> {
        if exact.width() < DIM_MIN {
            return None;
        }
        let scale = scale_of(exact, centre, TOP, |value, scale| f32::from(code_of(value, 1.0 / scale)) * scale)?;
        let codes = Codes::encode_rows(exact, centre, row_count, scale);
        let trial = every_nth(&centre.rows, ROWS_TRIED);
        codes.space(exact.metric()).ranks_like(exact, &trial).then_some(codes)
    }

    fn encode_rows(exact: &Exact<'_>, centre: &Centre<'_>, row_count: usize, scale: f32) -> Codes {
        let stride = lines_for(exact.width());
        let mut lines = zeroed_lines(row_count * stride);
        let mut bias = vec![0.0; row_count];
        let code_row = |buffer: &mut Vec<f32>, (row, (lines, bias)): (usize, (&mut [CodeLine], &mut f32))| {
            if !centre.has(row) {
                return;
            }
            let values = centre.values(exact, row as u32, buffer);
            let codes: &mut [i8] = bytemuck::cast_slice_mut(lines);
            for (code, value) in codes.iter_mut().zip(values.clone()) {
                *code = code_of(value, 1.0 / scale);
            }
            *bias = if exact.metric() == Metric::Ip {
                -values.zip(&centre.mean).map(|(value, mean)| value * mean).sum::<f32>()
            } else {
                let squared: i32 = codes.iter().map(|&code| i32::from(code) * i32::from(code)).sum();
                squared as f32 * scale * scale
            };
            if exact.metric() == Metric::Cosine && exact.inverse_norm(row as u32) == 0.0 {
                *bias += 1.0;
            }
        };
        let rows = lines.par_chunks_mut(stride).zip(bias.par_iter_mut()).enumerate();
        rows.for_each_init(Vec::new, code_row);
        Codes {
            mean: centre.mean.clone(),
            scale,
            lines: lines.into(),
            bias: bias.into(),
        }
    }

    pub fn space(&self, metric: Metric) -> CodeSpace<'_> {
        CodeSpace {
            kernels: kernels(),
            metric,
            mean: &self.mean,
            mean_squared: self.mean.iter().map(|mean| mean * mean).sum(),
            scale: self.scale,
            stride: lines_for(self.mean.len()),
            lines: &self.lines,
            bias: &self.bias,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.lines.byte_size() + self.bias.byte_size() + size_of_val(self.mean.as_slice())
    }
}

impl<'a> CodeSpace<'a> {
    /// Whether rows that are near exactly are near by codes, among `rows`.
    fn ranks_like(&self, exact: &Exact<'_>, rows: &[u32]) -> bool {
        let recall_of = |&row: &u32| {
            let (mut near, mut coded) = (Vec::new(), Vec::new());
            exact.point(row).distances(rows, &mut near);
            self.point(row).distances(rows, &mut coded);
            let mut order_of = near.clone();
            let wanted = rows.len().min(10);
            let farthest = *order_of.select_nth_unstable_by(wanted - 1, f32::total_cmp).1;
            let mut order: Vec<u64> = coded.iter().enumerate().map(|(at, &distance)| key(distance, at as u32)).collect();
            order.sort_unstable();
            let found = order.iter().take(40).filter(|&&at| near[key_row(at) as usize] <= farthest).count();
            found.min(wanted) as f32 / wanted as f32
        };
        let queries = every_nth(rows, QUERIES_TRIED);
        let recall: f32 = queries.par_iter().map(recall_of).sum();
        recall >= RECALL_MIN * queries.len() as f32
    }

    /// What is added to the distance of two rows to give minus their inner product; of IP.
    pub fn product_shift(&self) -> f32 {
        2.0 * self.mean_squared
    }

    #[inline]
    fn code(&self, row: u32) -> &'a [i8] {
        let start = row as usize * self.stride;
        bytemuck::cast_slice(&self.lines[start..start + self.stride])
    }

    /// A query as a point; `inverse_norm` is 1 unless the metric is COSINE.
    pub fn query(&self, vector: &[f32], inverse_norm: f32) -> CodePoint<'a, Vec<i8>> {
        let values = vector.iter().zip(self.mean).map(|(&value, &mean)| value * inverse_norm - mean);
        let (code, scale) = query_code(values.clone(), self.stride * CODES_PER_LINE);
        let offset = if self.metric == Metric::Ip {
            -self.mean.iter().zip(vector).map(|(mean, value)| mean * value).sum::<f32>()
        } else {
            values.map(|value| value * value).sum()
        };
        CodePoint {
            space: *self,
            code,
            offset,
            factor: product_factor(self.metric) * self.scale * scale,
        }
    }
}

impl<'a> Space for CodeSpace<'a> {
    type Point<'s>
        = CodePoint<'a, &'a [i8]>
    where
        Self: 's;

    fn point(&self, row: u32) -> CodePoint<'a, &'a [i8]> {
        let bias = self.bias[row as usize];
        CodePoint {
            space: *self,
            code: self.code(row),
            offset: if self.metric == Metric::Ip {
                bias - self.mean_squared
            } else {
                bias
            },
            factor: product_factor(self.metric) * self.scale * self.scale,
        }
    }
}

impl<C: AsRef<[i8]>> Point for CodePoint<'_, C> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        let CodeSpace { kernels, bias, .. } = self.space;
        let code = self.code.as_ref();
        let row = |row| self.space.code(row);
        let distance = |product: i32, row: u32| self.offset + bias[row as usize] + self.factor * product as f32;
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
