//! Counts of bits, of 32 bytes at once: a table of 16 counts is looked up for each half of a byte.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::portable::bit_sum;

/// Which bits `counts` counts.
pub const DIFFERENT: u8 = 0;
pub const BOTH: u8 = 1;
pub const EITHER: u8 = 2;

#[inline]
#[target_feature(enable = "avx2,popcnt")]
pub fn counts<const OF: u8, const ROWS: usize>(query: &[u8], rows: [&[u8]; ROWS]) -> [u32; ROWS] {
    let length = query.len();
    let low = _mm256_set1_epi8(15);
    let table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    let mut sum = [_mm256_setzero_si256(); ROWS];
    let mut at = 0;
    while at + 32 <= length {
        // SAFETY: at + 32 <= length, that of query and rows.
        let lanes = unsafe { _mm256_loadu_si256(query.as_ptr().add(at).cast()) };
        for row in 0..ROWS {
            let other = unsafe { _mm256_loadu_si256(rows[row].as_ptr().add(at).cast()) };
            let bits = match OF {
                DIFFERENT => _mm256_xor_si256(lanes, other),
                BOTH => _mm256_and_si256(lanes, other),
                _ => _mm256_or_si256(lanes, other),
            };
            let counts = _mm256_add_epi8(
                _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low)),
                _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16::<4>(bits), low)),
            );
            sum[row] = _mm256_add_epi64(sum[row], _mm256_sad_epu8(counts, _mm256_setzero_si256()));
        }
        at += 32;
    }
    let of = |left: u64, right: u64| match OF {
        DIFFERENT => left ^ right,
        BOTH => left & right,
        _ => left | right,
    };
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        let two = _mm_add_epi64(_mm256_castsi256_si128(sum[row]), _mm256_extracti128_si256::<1>(sum[row]));
        let whole = _mm_cvtsi128_si64(two) + _mm_extract_epi64::<1>(two);
        out[row] = whole as u32 + bit_sum(&query[at..], &rows[row][at..], of);
    }
    out
}
