//! Counts of bits, 512 at once.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::bytes::totals;

/// Which bits `counts` counts.
pub const DIFFERENT: u8 = 0;
pub const BOTH: u8 = 1;
pub const EITHER: u8 = 2;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
pub fn counts<const OF: u8, const ROWS: usize>(query: &[u8], rows: [&[u8]; ROWS]) -> [u32; ROWS] {
    let length = query.len();
    let mut sum = [_mm512_setzero_si512(); ROWS];
    let mut at = 0;
    while at < length {
        let mask: __mmask64 = if length - at >= 64 { !0 } else { (1 << (length - at)) - 1 };
        // SAFETY: the mask ends at the length of query and rows; masked lanes are not read and have no bits.
        let lanes = unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(at).cast()) };
        for row in 0..ROWS {
            let other = unsafe { _mm512_maskz_loadu_epi8(mask, rows[row].as_ptr().add(at).cast()) };
            let bits = match OF {
                DIFFERENT => _mm512_xor_si512(lanes, other),
                BOTH => _mm512_and_si512(lanes, other),
                _ => _mm512_or_si512(lanes, other),
            };
            sum[row] = _mm512_add_epi64(sum[row], _mm512_popcnt_epi64(bits));
        }
        at += 64;
    }
    // No count fills more than the low half of its lane.
    totals(sum).map(|count| count as u32)
}
