//! Exact sums of int8 values and of small codes.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;

use crate::distance::kernels::NIBBLE_ROWS;
use crate::distance::portable;

/// Dot products.
#[inline]
#[target_feature(enable = "neon")]
pub fn dot_i8<const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let mut sum = [vdupq_n_s32(0); ROWS];
    let mut at = 0;
    while at + 16 <= dim {
        // SAFETY: at + 16 <= dim, the length of query and rows.
        let lanes = unsafe { vld1q_s8(query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { vld1q_s8(rows[row].as_ptr().add(at)) };
            sum[row] = add_products(sum[row], other, lanes);
        }
        at += 16;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        let rest = query[at..].iter().zip(&rows[row][at..]);
        let rest: i32 = rest.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
        out[row] = vaddvq_s32(sum[row]) + rest;
    }
    out
}

/// Products of 16 values each; a product fits 16 bits, and the sum of two that both are -128 * -128 would not.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sum: int32x4_t, left: int8x16_t, right: int8x16_t) -> int32x4_t {
    let low = vpadalq_s16(sum, vmull_s8(vget_low_s8(left), vget_low_s8(right)));
    vpadalq_s16(low, vmull_high_s8(left, right))
}

/// Squared distances, of differences that fit 8 bits without a sign and their squares 16 bits without one.
#[inline]
#[target_feature(enable = "neon")]
pub fn l2_i8<const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let mut sum = [vdupq_n_u32(0); ROWS];
    let mut at = 0;
    while at + 16 <= dim {
        // SAFETY: at + 16 <= dim, the length of query and rows.
        let lanes = unsafe { vld1q_s8(query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { vld1q_s8(rows[row].as_ptr().add(at)) };
            let size = vreinterpretq_u8_s8(vabdq_s8(lanes, other));
            let low = vmull_u8(vget_low_u8(size), vget_low_u8(size));
            sum[row] = vpadalq_u16(vpadalq_u16(sum[row], low), vmull_high_u8(size, size));
        }
        at += 16;
    }
    let term = |(&a, &b): (&i8, &i8)| (i32::from(a) - i32::from(b)) * (i32::from(a) - i32::from(b));
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = vaddvq_u32(sum[row]) as i32 + query[at..].iter().zip(&rows[row][at..]).map(term).sum::<i32>();
    }
    out
}

/// Dot products with codes of 4 bits: `query` has twice as many values as a row has bytes.
#[inline]
#[target_feature(enable = "neon")]
pub fn dot_u4<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 2;
    let mut sum = [vdupq_n_s32(0); ROWS];
    let mut at = 0;
    while at + 16 <= count {
        // SAFETY: at + 16 <= count, the length of rows and of each half of the query.
        let (first, second) = unsafe { (vld1q_s8(query.as_ptr().add(at)), vld1q_s8(query.as_ptr().add(count + at))) };
        for row in 0..ROWS {
            let pairs = unsafe { vld1q_u8(rows[row].as_ptr().add(at)) };
            let low = vreinterpretq_s8_u8(vandq_u8(pairs, vdupq_n_u8(15)));
            let high = vreinterpretq_s8_u8(vshrq_n_u8::<4>(pairs));
            sum[row] = add_products(add_products(sum[row], low, first), high, second);
        }
        at += 16;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = vaddvq_s32(sum[row]) + portable::u4_from(query, rows[row], at);
    }
    out
}

/// Dot products with codes of 6 bits: `query` has four values for each three bytes of a row.
#[inline]
#[target_feature(enable = "neon")]
pub fn dot_u6<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 4;
    let mut sum = [vdupq_n_s32(0); ROWS];
    let mut at = 0;
    while at + 16 <= count {
        let mut lanes = [vdupq_n_s8(0); 4];
        for plane in 0..4 {
            // SAFETY: at + 16 <= count, the length of each fourth of the query.
            lanes[plane] = unsafe { vld1q_s8(query.as_ptr().add(plane * count + at)) };
        }
        for row in 0..ROWS {
            let mut fourth = vdupq_n_u8(0);
            for plane in (0..3).rev() {
                // SAFETY: at + 16 <= count, the length of each third of the rows.
                let bytes = unsafe { vld1q_u8(rows[row].as_ptr().add(plane * count + at)) };
                let codes = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(63)));
                sum[row] = add_products(sum[row], codes, lanes[plane]);
                fourth = vorrq_u8(vshlq_n_u8::<2>(fourth), vshrq_n_u8::<6>(bytes));
            }
            sum[row] = add_products(sum[row], vreinterpretq_s8_u8(fourth), lanes[3]);
        }
        at += 16;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = vaddvq_s32(sum[row]) + portable::u6_from(query, rows[row], at);
    }
    out
}

/// Sums of what 4-bit codes pick, a code of 32 rows a step.
#[inline]
#[target_feature(enable = "neon")]
pub fn nibble_sums(tables: &[[u8; 16]], block: &[[u8; 16]], sums: &mut [u16; NIBBLE_ROWS]) {
    let mut sum = [vdupq_n_u16(0); 4];
    for (table, pairs) in tables.iter().zip(block) {
        // SAFETY: both are 16 bytes.
        let (table, pairs) = unsafe { (vld1q_u8(table.as_ptr()), vld1q_u8(pairs.as_ptr())) };
        let low = vqtbl1q_u8(table, vandq_u8(pairs, vdupq_n_u8(15)));
        let high = vqtbl1q_u8(table, vshrq_n_u8::<4>(pairs));
        sum[0] = vaddw_u8(sum[0], vget_low_u8(low));
        sum[1] = vaddw_high_u8(sum[1], low);
        sum[2] = vaddw_u8(sum[2], vget_low_u8(high));
        sum[3] = vaddw_high_u8(sum[3], high);
    }
    for part in 0..4 {
        // SAFETY: 8 sums of the 32 begin at part * 8.
        unsafe { vst1q_u16(sums[part * 8..].as_mut_ptr(), sum[part]) };
    }
}
