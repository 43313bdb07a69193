//! The rows as codes of 4 or 6 bits (SQ4U, SQ6), for walks of searches; graphs are built by finer ones.
//!
//! A value x less the mean is coded as u = round(x / scale + middle), with one scale for all dimensions, and read as scale (u - middle). The query is
//! coded in int8 less the mean, so a product is one of whole numbers: scale query_scale (q·u - middle Σq). Distances are those of `codes`.

use rayon::prelude::*;

use super::codes::{product_factor, query_code};
use super::exact::Exact;
use super::space::{Point, in_fours};
use super::training::{Centre, scale_of};
use crate::distance::{Kernels, Metric, kernels, prefetch};
use crate::segment::buffer::Buffer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    Four = 4,
    Six = 6,
}

impl Bits {
    fn middle(self) -> f32 {
        ((1 << self as u32) - 1) as f32 / 2.0
    }

    /// Bytes of a row of `dim` codes.
    pub fn width(self, dim: usize) -> usize {
        match self {
            Bits::Four => dim.div_ceil(2),
            Bits::Six => dim.div_ceil(4) * 3,
        }
    }

    /// Codes that a row has place for.
    fn places(self, dim: usize) -> usize {
        self.width(dim) * 8 / self as usize
    }

    /// Packs codes as the kernels read them.
    fn pack(self, codes: &[u8], out: &mut [u8]) {
        match self {
            Bits::Four => {
                let half = out.len();
                let (low, high) = codes.split_at(half);
                for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                    *out = low | high << 4;
                }
            }
            Bits::Six => {
                let part = out.len() / 3;
                let top = &codes[3 * part..];
                for (at, out) in out.iter_mut().enumerate() {
                    *out = codes[at] | (top[at % part] >> (2 * (at / part)) & 3) << 6;
                }
            }
        }
    }
}

#[derive(Debug)]
pub struct SmallCodes {
    pub(super) bits: Bits,
    pub(super) mean: Vec<f32>,
    pub(super) scale: f32,
    pub(super) rows: Buffer<u8>,
    /// One a row.
    pub(super) bias: Buffer<f32>,
}

/// A query, measured from.
pub struct SmallPoint<'a> {
    kernels: &'static Kernels,
    bits: Bits,
    width: usize,
    rows: &'a [u8],
    bias: &'a [f32],
    code: Vec<i8>,
    offset: f32,
    factor: f32,
}

fn code_of(value: f32, inverse_scale: f32, middle: f32) -> u8 {
    (value * inverse_scale + middle + 0.5).clamp(0.0, 2.0 * middle + 0.5) as u8
}

impl SmallCodes {
    /// None when values leave f32's range.
    pub fn train(exact: &Exact<'_>, centre: &Centre<'_>, row_count: usize, bits: Bits) -> Option<SmallCodes> {
        let middle = bits.middle();
        let read = |code: u8, scale: f32| (f32::from(code) - middle) * scale;
        let scale = scale_of(exact, centre, middle, |value, scale| {
            read(code_of(value, 1.0 / scale, middle), scale)
        })?;
        let width = bits.width(exact.width());
        let mut rows = vec![0u8; row_count * width];
        let mut bias = vec![0.0; row_count];
        let empty = || (Vec::new(), vec![0u8; bits.places(exact.width())]);
        let code_row = |(buffer, codes): &mut (Vec<f32>, Vec<u8>), (row, (out, bias)): (usize, (&mut [u8], &mut f32))| {
            if !centre.has(row) {
                return;
            }
            let values = centre.values(exact, row as u32, buffer);
            let mut squared = 0.0;
            for (code, value) in codes.iter_mut().zip(values.clone()) {
                *code = code_of(value, 1.0 / scale, middle);
                squared += read(*code, scale).powi(2);
            }
            bits.pack(codes, out);
            *bias = if exact.metric() == Metric::Ip {
                -values.zip(&centre.mean).map(|(value, mean)| value * mean).sum::<f32>()
            } else {
                squared
            };
            if exact.metric() == Metric::Cosine && exact.inverse_norm(row as u32) == 0.0 {
                *bias += 1.0;
            }
        };
        let all = rows.par_chunks_mut(width).zip(bias.par_iter_mut()).enumerate();
        all.for_each_init(empty, code_row);
        Some(SmallCodes {
            bits,
            mean: centre.mean.clone(),
            scale,
            rows: rows.into(),
            bias: bias.into(),
        })
    }

    /// A query as a point; `inverse_norm` is 1 unless the metric is COSINE.
    pub fn query(&self, metric: Metric, vector: &[f32], inverse_norm: f32) -> SmallPoint<'_> {
        let values = vector.iter().zip(&self.mean).map(|(&value, &mean)| value * inverse_norm - mean);
        let (code, scale) = query_code(values.clone(), self.bits.places(self.mean.len()));
        let base = if metric == Metric::Ip {
            -self.mean.iter().zip(vector).map(|(mean, value)| mean * value).sum::<f32>()
        } else {
            values.map(|value| value * value).sum()
        };
        let factor = product_factor(metric) * self.scale * scale;
        let sum: i32 = code.iter().map(|&code| i32::from(code)).sum();
        SmallPoint {
            kernels: kernels(),
            bits: self.bits,
            width: self.bits.width(self.mean.len()),
            rows: &self.rows,
            bias: &self.bias,
            code,
            offset: base - factor * self.bits.middle() * sum as f32,
            factor,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.rows.byte_size() + self.bias.byte_size() + size_of_val(self.mean.as_slice())
    }
}

impl Point for SmallPoint<'_> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        let row = |row: u32| &self.rows[row as usize * self.width..(row as usize + 1) * self.width];
        let distance = |product: i32, row: u32| self.offset + self.bias[row as usize] + self.factor * product as f32;
        let four = |at: [u32; 4]| {
            let products = match self.bits {
                Bits::Four => self.kernels.dot_u4_four(&self.code, at.map(row)),
                Bits::Six => self.kernels.dot_u6_four(&self.code, at.map(row)),
            };
            std::array::from_fn(|lane| distance(products[lane], at[lane]))
        };
        let one = |at: u32| {
            let product = match self.bits {
                Bits::Four => self.kernels.dot_u4(&self.code, row(at)),
                Bits::Six => self.kernels.dot_u6(&self.code, row(at)),
            };
            distance(product, at)
        };
        in_fours(rows, distances, |at| prefetch(row(at)), four, one);
    }
}
