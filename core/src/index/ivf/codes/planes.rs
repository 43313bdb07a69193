//! RaBitQ of one and two bits (Gao & Long, arXiv 2405.12497 and 2409.09913): which side of zero each dimension of a rotated residual lies on.
//!
//! A code stands for a vector of odd numbers (1 bit: ±1, 2 bits: ±1 and ±3). Bits of four dimensions are a nibble, whose part of a product is looked up;
//! the high bits of all dimensions come first, then the low ones. The factor makes products unbiased: f = r·r / r·s.

use super::levels::Levels;
use super::nibbles::NibblesQuery;

/// Dimensions of a part.
const PART: usize = 4;

#[derive(Debug)]
pub struct Planes {
    /// 1 or 2 bits a dimension.
    pub bits: usize,
    pub dim: usize,
}

impl Planes {
    /// Parts of a row's code.
    pub fn width(&self) -> usize {
        self.bits * self.dim.div_ceil(PART)
    }

    /// Appends the parts of a row's code, a byte each; `decoded` becomes what it stands for. Returns the factor.
    pub fn encode(&self, residual: &[f32], decoded: &mut [f32], code: &mut Vec<u8>) -> f32 {
        let mut levels = vec![0; residual.len()];
        let factor = if self.bits == 1 {
            signs(residual, decoded, &mut levels)
        } else {
            Levels::scaled(self.bits, self.dim).direct(residual, decoded, &mut levels)
        };
        for plane in (0..self.bits).rev() {
            let nibble = |part: &[u8]| {
                let bits = part.iter().enumerate();
                bits.fold(0, |nibble, (at, level)| nibble | (level >> plane & 1) << at)
            };
            code.extend(levels.chunks(PART).map(nibble));
        }
        factor
    }

    pub fn prepare(&self, query: &[f32]) -> NibblesQuery {
        let mut tables = Vec::with_capacity(self.width());
        for plane in (0..self.bits).rev() {
            // A level l stands for 2 l + 1 - 2^bits.
            let weight = (2 << plane) as f32;
            for part in query.chunks(PART) {
                let mut table = [0.0; 16];
                for (at, value) in part.iter().enumerate() {
                    for nibble in 0..1 << at {
                        table[nibble | 1 << at] = table[nibble] + weight * value;
                    }
                }
                tables.push(table);
            }
        }
        let least = 1.0 - (1 << self.bits) as f32;
        NibblesQuery::new(&tables, least * query.iter().sum::<f32>())
    }
}

fn signs(residual: &[f32], decoded: &mut [f32], levels: &mut [u8]) -> f32 {
    for ((&value, decoded), level) in residual.iter().zip(decoded).zip(levels) {
        *level = u8::from(value >= 0.0);
        *decoded = if value >= 0.0 { 1.0 } else { -1.0 };
    }
    let sum: f32 = residual.iter().map(|value| value.abs()).sum();
    let length: f32 = residual.iter().map(|value| value * value).sum();
    if sum > 0.0 { length / sum } else { 0.0 }
}
