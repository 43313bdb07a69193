//! NEON kernels for aarch64.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use super::Kernels;

/// The table, when this processor has NEON.
pub fn detect() -> Option<Kernels> {
    if !is_aarch64_feature_detected!("neon") {
        return None;
    }
    Some(Kernels {
        f32_name: "neon",
        i8_name: "neon",
        dot: |query, row| unsafe { sums::<false, 1, 4>(query, [row]) }[0],
        dot_four: |query, rows| unsafe { sums::<false, 4, 2>(query, rows) },
        l2: |query, row| unsafe { sums::<true, 1, 4>(query, [row]) }[0],
        l2_four: |query, rows| unsafe { sums::<true, 4, 2>(query, rows) },
        dot_i8: |query, row| unsafe { code_sums::<1>(query, [row]) }[0],
        dot_i8_four: |query, rows| unsafe { code_sums::<4>(query, rows) },
    })
}

#[inline]
#[target_feature(enable = "neon")]
fn step<const L2: bool>(query: float32x4_t, row: float32x4_t, sum: float32x4_t) -> float32x4_t {
    if L2 {
        let difference = vsubq_f32(query, row);
        vfmaq_f32(sum, difference, difference)
    } else {
        vfmaq_f32(sum, query, row)
    }
}

/// Dot products or squared distances of `query` to ROWS rows of its length, with UNROLL independent sums a row.
#[inline]
#[target_feature(enable = "neon")]
fn sums<const L2: bool, const ROWS: usize, const UNROLL: usize>(query: &[f32], rows: [&[f32]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[vdupq_n_f32(0.0); UNROLL]; ROWS];
    let mut at = 0;
    while at + 4 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 4 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { vld1q_f32(query.as_ptr().add(at + 4 * part)) };
            for row in 0..ROWS {
                let other = unsafe { vld1q_f32(rows[row].as_ptr().add(at + 4 * part)) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 4 * UNROLL;
    }
    let mut out = [0.0; ROWS];
    for row in 0..ROWS {
        let mut total = sum[row][0];
        for part in 1..UNROLL {
            total = vaddq_f32(total, sum[row][part]);
        }
        let term = |(&a, &b): (&f32, &f32)| if L2 { (a - b) * (a - b) } else { a * b };
        out[row] = vaddvq_f32(total) + query[at..].iter().zip(&rows[row][at..]).map(term).sum::<f32>();
    }
    out
}

/// Dot products of codes. Two products of values up to 127 fit the 16 bits that they are first summed in.
#[inline]
#[target_feature(enable = "neon")]
fn code_sums<const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let mut sum = [vdupq_n_s32(0); ROWS];
    let mut at = 0;
    while at + 16 <= dim {
        // SAFETY: at + 16 <= dim, the length of query and rows.
        let lanes = unsafe { vld1q_s8(query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { vld1q_s8(rows[row].as_ptr().add(at)) };
            let low = vmull_s8(vget_low_s8(lanes), vget_low_s8(other));
            sum[row] = vpadalq_s16(sum[row], vmlal_high_s8(low, lanes, other));
        }
        at += 16;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        let tail: i32 = query[at..]
            .iter()
            .zip(&rows[row][at..])
            .map(|(&a, &b)| i32::from(a) * i32::from(b))
            .sum();
        out[row] = vaddvq_s32(sum[row]) + tail;
    }
    out
}
