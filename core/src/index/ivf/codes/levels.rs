//! A small whole number for each dimension: of 4, 6 or 8 bits, compared with a query of int8 by integer products.
//!
//! Level l of a dimension stands for low + step l. The scalar quantiser has lows and steps of its own for each dimension; RaBitQ (of more than two
//! bits) the odd numbers from 1 - 2^bits on, and a factor for each row: its levels are those whose direction is nearest to the row's.

use std::cell::RefCell;

use super::super::nearest::Nearest;
use super::{Codes, Place, in_fours};
use crate::distance::kernels;
use crate::segment::buffer::Buffer;

/// How many deviations from the mean the levels of a dimension span to each side: the best for values that are spread normally.
const SPANS: [(usize, f32); 3] = [(4, 2.7), (6, 3.7), (8, 5.0)];
/// Scales of a row that are tried for the direction, from the one that reaches to the largest value upwards.
const SCALES_TRIED: usize = 12;
/// Added and taken away again, it rounds small numbers to whole ones.
const ROUNDING: f32 = 12_582_912.0;

#[derive(Debug)]
pub struct Levels {
    /// 4, 6 or 8.
    pub bits: usize,
    /// One a dimension; empty: RaBitQ's.
    pub lows: Buffer<f32>,
    pub steps: Buffer<f32>,
    pub dim: usize,
}

pub struct LevelsQuery {
    /// Each value by the step of its dimension, in the order of the code.
    values: Vec<i8>,
    scale: f32,
    /// What the lows add to a product.
    offset: f32,
}

impl Levels {
    /// RaBitQ's levels.
    pub fn scaled(bits: usize, dim: usize) -> Levels {
        Levels {
            bits,
            lows: Buffer::default(),
            steps: Buffer::default(),
            dim,
        }
    }

    /// The scalar quantiser of `residuals`, rows of `dim` values.
    pub fn train(bits: usize, residuals: &[f32], dim: usize) -> Levels {
        let span = SPANS.iter().find(|(of, _)| *of == bits).map_or(5.0, |(_, span)| *span);
        let count = (residuals.len() / dim).max(1) as f64;
        let (mut lows, mut steps) = (Vec::with_capacity(dim), Vec::with_capacity(dim));
        for at in 0..dim {
            let values = || residuals.iter().skip(at).step_by(dim).copied();
            let mean = (values().map(f64::from).sum::<f64>() / count) as f32;
            let variance = values().map(|value| f64::from(value - mean).powi(2)).sum::<f64>() / count;
            let reach = span * variance.sqrt() as f32;
            let low = values().fold(f32::INFINITY, f32::min).max(mean - reach);
            let high = values().fold(f32::NEG_INFINITY, f32::max).min(mean + reach);
            let spread = if high > low { high - low } else { 0.0 };
            lows.push(if low.is_finite() { low } else { 0.0 });
            steps.push(spread / ((1 << bits) - 1) as f32);
        }
        Levels {
            bits,
            lows: lows.into(),
            steps: steps.into(),
            dim,
        }
    }

    pub fn is_scaled(&self) -> bool {
        self.lows.is_empty()
    }

    /// Dimensions that are packed together: a code is that of a multiple of them.
    fn packed(&self) -> usize {
        match self.bits {
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// Bytes of a row's code.
    pub fn width(&self) -> usize {
        self.dim.next_multiple_of(self.packed()) * self.bits / 8
    }

    fn most(&self) -> f32 {
        ((1 << self.bits) - 1) as f32
    }

    fn low(&self, at: usize) -> f32 {
        if self.is_scaled() { -self.most() } else { self.lows[at] }
    }

    fn step(&self, at: usize) -> f32 {
        if self.is_scaled() { 2.0 } else { self.steps[at] }
    }

    /// Appends a row's code; `decoded` becomes what it stands for. Returns the factor.
    pub fn encode(&self, residual: &[f32], decoded: &mut [f32], code: &mut Vec<u8>) -> f32 {
        let mut levels = [0u8; 256];
        let mut long = Vec::new();
        let levels = if residual.len() <= levels.len() {
            &mut levels[..residual.len()]
        } else {
            long.resize(residual.len(), 0);
            &mut long[..]
        };
        let factor = if self.is_scaled() {
            self.direct(residual, decoded, levels)
        } else {
            for (at, (level, &value)) in levels.iter_mut().zip(residual).enumerate() {
                let (low, step) = (self.lows[at], self.steps[at]);
                *level = if step > 0.0 {
                    ((value - low) / step + 0.5).clamp(0.0, self.most()) as u8
                } else {
                    0
                };
                decoded[at] = low + step * f32::from(*level);
            }
            1.0
        };
        self.pack(levels, code);
        factor
    }

    /// The levels whose direction is nearest to that of the residual.
    pub fn direct(&self, residual: &[f32], decoded: &mut [f32], levels: &mut [u8]) -> f32 {
        let kernels = kernels();
        let largest = residual.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        if largest == 0.0 || !largest.is_finite() {
            decoded.fill(0.0);
            return 0.0;
        }
        let half = (1 << (self.bits - 1)) as f32;
        let put = |scale: f32, decoded: &mut [f32]| {
            for (decoded, &value) in decoded.iter_mut().zip(residual) {
                let level = (value * scale - 0.5).clamp(-half, half - 1.0);
                *decoded = 2.0 * ((level + ROUNDING) - ROUNDING) + 1.0;
            }
            let product = kernels.dot(residual, decoded);
            (product, product / kernels.dot(decoded, decoded).sqrt())
        };
        let (mut best, mut best_scale) = (f32::NEG_INFINITY, 0.0);
        for tried in 0..SCALES_TRIED {
            let scale = half / largest * (1.0 + tried as f32 / 6.0);
            let (_, cosine) = put(scale, decoded);
            if cosine > best {
                (best, best_scale) = (cosine, scale);
            }
        }
        let (product, _) = put(best_scale, decoded);
        for (level, &decoded) in levels.iter_mut().zip(&*decoded) {
            *level = ((decoded + self.most()) / 2.0) as u8;
        }
        if product > 0.0 {
            kernels.dot(residual, residual) / product
        } else {
            0.0
        }
    }

    fn pack(&self, levels: &[u8], code: &mut Vec<u8>) {
        let level = |at: usize| levels.get(at).copied().unwrap_or(0);
        match self.bits {
            4 => {
                let count = self.width();
                code.extend((0..count).map(|at| level(at) | level(count + at) << 4));
            }
            6 => {
                let count = self.width() / 3;
                let fourth = |at: usize| level(3 * count + at);
                for plane in 0..3 {
                    let bits = |at: usize| (fourth(at) >> (2 * plane) & 3) << 6;
                    code.extend((0..count).map(|at| level(plane * count + at) | bits(at)));
                }
            }
            _ => code.extend(levels.iter().map(|level| level ^ 0x80)),
        }
    }

    pub fn prepare(&self, query: &[f32]) -> LevelsQuery {
        let scaled: Vec<f32> = query.iter().enumerate().map(|(at, value)| value * self.step(at)).collect();
        let largest = scaled.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let inverse = if largest > 0.0 && largest.is_finite() {
            127.0 / largest
        } else {
            0.0
        };
        let mut values: Vec<i8> = scaled.iter().map(|value| (value * inverse).round() as i8).collect();
        values.resize(query.len().next_multiple_of(self.packed()), 0);
        let lows: f32 = query.iter().enumerate().map(|(at, value)| value * self.low(at)).sum();
        let scale = if inverse > 0.0 { 1.0 / inverse } else { 0.0 };
        // Codes of 8 bits are kept as int8, which is 128 less.
        let shift = if self.bits == 8 { 128 } else { 0 };
        let sum: i32 = values.iter().map(|&value| i32::from(value)).sum();
        LevelsQuery {
            values,
            scale,
            offset: lows + scale * (shift * sum) as f32,
        }
    }

    pub fn scan(&self, codes: &Codes, query: &LevelsQuery, place: &Place, nearest: &mut Nearest) {
        let kernels = kernels();
        let (width, bytes) = (self.width(), &codes.bytes[..]);
        let code = |position: usize| &bytes[position * width..(position + 1) * width];
        let signed = |position: usize| bytemuck::cast_slice::<u8, i8>(code(position));
        let estimates = codes.estimates(place);
        let nearest = RefCell::new(nearest);
        let offer = |position: usize, product: i32| {
            let distance = estimates.of(position, query.offset + query.scale * product as f32);
            nearest.borrow_mut().offer_at(distance, position, place.rows);
        };
        let four = |positions: [usize; 4]| {
            let products = match self.bits {
                4 => kernels.dot_u4_four(&query.values, positions.map(code)),
                6 => kernels.dot_u6_four(&query.values, positions.map(code)),
                _ => kernels.dot_i8_four(&query.values, positions.map(signed)),
            };
            positions
                .iter()
                .zip(products)
                .for_each(|(&position, product)| offer(position, product));
        };
        let one = |position: usize| {
            let product = match self.bits {
                4 => kernels.dot_u4(&query.values, code(position)),
                6 => kernels.dot_u6(&query.values, code(position)),
                _ => kernels.dot_i8(&query.values, signed(position)),
            };
            offer(position, product);
        };
        in_fours(place, four, one);
    }

    pub fn byte_size(&self) -> usize {
        self.lows.byte_size() + self.steps.byte_size()
    }
}
