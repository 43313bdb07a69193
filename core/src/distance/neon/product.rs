//! A tile of a product of matrices, in strips of 16 rows whose 24 sums of 4 lanes stay in registers.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;

use crate::distance::kernels::{TILE_QUERIES, TILE_ROWS};
use crate::distance::portable::spread_from;

const PARTS: usize = 4;

#[inline]
#[target_feature(enable = "neon")]
pub fn add_products(queries: &[[f32; TILE_QUERIES]], rows: &[[f32; TILE_ROWS]], sums: &mut [[f32; TILE_ROWS]; TILE_QUERIES]) {
    for first in (0..TILE_ROWS).step_by(4 * PARTS) {
        let mut sum = [[vdupq_n_f32(0.0); PARTS]; TILE_QUERIES];
        for (query, row) in queries.iter().zip(rows) {
            let mut lanes = [vdupq_n_f32(0.0); PARTS];
            for part in 0..PARTS {
                // SAFETY: the strip's 16 values are there.
                lanes[part] = unsafe { vld1q_f32(row.as_ptr().add(first + 4 * part)) };
            }
            for at in 0..TILE_QUERIES {
                for part in 0..PARTS {
                    sum[at][part] = vfmaq_n_f32(sum[at][part], lanes[part], query[at]);
                }
            }
        }
        for at in 0..TILE_QUERIES {
            for part in 0..PARTS {
                let place = sums[at][first + 4 * part..].as_mut_ptr();
                // SAFETY: 4 sums are there.
                unsafe { vst1q_f32(place, vaddq_f32(vld1q_f32(place), sum[at][part])) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
pub fn passing(sums: &[f32; TILE_ROWS], terms: &[f32; TILE_ROWS], factor: f32, threshold: f32) -> u64 {
    const BITS: [u32; 4] = [1, 2, 4, 8];
    let threshold = vdupq_n_f32(threshold);
    // SAFETY: four values are there.
    let bits = unsafe { vld1q_u32(BITS.as_ptr()) };
    let mut mask = 0;
    for first in (0..TILE_ROWS).step_by(4) {
        // SAFETY: 4 values of both are there.
        let (sum, term) = unsafe { (vld1q_f32(sums.as_ptr().add(first)), vld1q_f32(terms.as_ptr().add(first))) };
        let fails = vcltq_f32(vfmaq_n_f32(sum, term, factor), threshold);
        mask |= u64::from(vaddvq_u32(vbicq_u32(bits, fails))) << first;
    }
    mask
}

/// Blocks of 4 by 4 values are transposed in registers.
#[inline]
#[target_feature(enable = "neon")]
pub fn spread(rows: [&[f32]; 8], panel: &mut [[f32; TILE_ROWS]], first: usize) {
    let mut k = 0;
    while k + 4 <= panel.len() {
        for half in [0, 4] {
            let mut lanes = [vdupq_n_f32(0.0); 4];
            for row in 0..4 {
                // SAFETY: k + 4 <= the length of panel and rows.
                lanes[row] = unsafe { vld1q_f32(rows[half + row].as_ptr().add(k)) };
            }
            let pairs = [
                vreinterpretq_f64_f32(vtrn1q_f32(lanes[0], lanes[1])),
                vreinterpretq_f64_f32(vtrn2q_f32(lanes[0], lanes[1])),
                vreinterpretq_f64_f32(vtrn1q_f32(lanes[2], lanes[3])),
                vreinterpretq_f64_f32(vtrn2q_f32(lanes[2], lanes[3])),
            ];
            let columns = [
                vtrn1q_f64(pairs[0], pairs[2]),
                vtrn1q_f64(pairs[1], pairs[3]),
                vtrn2q_f64(pairs[0], pairs[2]),
                vtrn2q_f64(pairs[1], pairs[3]),
            ];
            for at in 0..4 {
                // SAFETY: the columns first..first + 8 are there.
                unsafe { vst1q_f32(panel[k + at].as_mut_ptr().add(first + half), vreinterpretq_f32_f64(columns[at])) };
            }
        }
        k += 4;
    }
    spread_from(rows, panel, first, k);
}
