//! Counts of bits, of 16 bytes at once.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;

use crate::distance::portable::bit_sum;

/// Which bits `counts` counts.
pub const DIFFERENT: u8 = 0;
pub const BOTH: u8 = 1;
pub const EITHER: u8 = 2;

#[inline]
#[target_feature(enable = "neon")]
pub fn counts<const OF: u8, const ROWS: usize>(query: &[u8], rows: [&[u8]; ROWS]) -> [u32; ROWS] {
    let length = query.len();
    let mut sum = [vdupq_n_u32(0); ROWS];
    let mut at = 0;
    while at + 16 <= length {
        // SAFETY: at + 16 <= length, that of query and rows.
        let lanes = unsafe { vld1q_u8(query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { vld1q_u8(rows[row].as_ptr().add(at)) };
            let bits = match OF {
                DIFFERENT => veorq_u8(lanes, other),
                BOTH => vandq_u8(lanes, other),
                _ => vorrq_u8(lanes, other),
            };
            sum[row] = vpadalq_u16(sum[row], vpaddlq_u8(vcntq_u8(bits)));
        }
        at += 16;
    }
    let of = |left: u64, right: u64| match OF {
        DIFFERENT => left ^ right,
        BOTH => left & right,
        _ => left | right,
    };
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = vaddvq_u32(sum[row]) + bit_sum(&query[at..], &rows[row][at..], of);
    }
    out
}
