//! Exact sums of int8 values and of small codes.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::kernels::NIBBLE_ROWS;
use crate::distance::portable;

/// Dot products or squared distances, of values made 16 bits wide.
#[inline]
#[target_feature(enable = "avx2")]
pub fn sums_i8<const L2: bool, const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let mut sum = [_mm256_setzero_si256(); ROWS];
    let mut at = 0;
    while at + 16 <= dim {
        // SAFETY: at + 16 <= dim, the length of query and rows.
        let lanes = _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(query.as_ptr().add(at).cast()) });
        for row in 0..ROWS {
            let other = _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(rows[row].as_ptr().add(at).cast()) });
            let products = if L2 {
                let difference = _mm256_sub_epi16(lanes, other);
                _mm256_madd_epi16(difference, difference)
            } else {
                _mm256_madd_epi16(lanes, other)
            };
            sum[row] = _mm256_add_epi32(sum[row], products);
        }
        at += 16;
    }
    let term = |(&a, &b): (&i8, &i8)| {
        let (a, b) = (i32::from(a), i32::from(b));
        if L2 { (a - b) * (a - b) } else { a * b }
    };
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = total(sum[row]) + query[at..].iter().zip(&rows[row][at..]).map(term).sum::<i32>();
    }
    out
}

/// Sums of products of codes below 64 and of int8 values, of which `vpmaddubsw` sums two in 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn add_products(sum: __m256i, codes: __m256i, values: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(codes, values);
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// Dot products with codes of 4 bits: `query` has twice as many values as a row has bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub fn dot_u4<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 2;
    let low = _mm256_set1_epi8(15);
    let mut sum = [_mm256_setzero_si256(); ROWS];
    let mut at = 0;
    while at + 32 <= count {
        // SAFETY: at + 32 <= count, the length of rows and of each half of the query.
        let lanes = [0, count].map(|half| unsafe { _mm256_loadu_si256(query.as_ptr().add(half + at).cast()) });
        for row in 0..ROWS {
            let pairs = unsafe { _mm256_loadu_si256(rows[row].as_ptr().add(at).cast()) };
            sum[row] = add_products(sum[row], _mm256_and_si256(pairs, low), lanes[0]);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(pairs), low);
            sum[row] = add_products(sum[row], high, lanes[1]);
        }
        at += 32;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = total(sum[row]) + portable::u4_from(query, rows[row], at);
    }
    out
}

/// Dot products with codes of 6 bits: `query` has four values for each three bytes of a row.
#[inline]
#[target_feature(enable = "avx2")]
pub fn dot_u6<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 4;
    let low = _mm256_set1_epi8(63);
    let mut sum = [_mm256_setzero_si256(); ROWS];
    let mut at = 0;
    while at + 32 <= count {
        // SAFETY: at + 32 <= count, the length of each fourth of the query and of each third of the rows.
        let lanes = [0, 1, 2, 3].map(|plane| unsafe { _mm256_loadu_si256(query.as_ptr().add(plane * count + at).cast()) });
        for row in 0..ROWS {
            let bytes = [0, 1, 2].map(|plane| unsafe { _mm256_loadu_si256(rows[row].as_ptr().add(plane * count + at).cast()) });
            for plane in 0..3 {
                sum[row] = add_products(sum[row], _mm256_and_si256(bytes[plane], low), lanes[plane]);
            }
            let fourth = _mm256_or_si256(
                _mm256_or_si256(
                    _mm256_and_si256(_mm256_srli_epi16::<6>(bytes[0]), _mm256_set1_epi8(0x03)),
                    _mm256_and_si256(_mm256_srli_epi16::<4>(bytes[1]), _mm256_set1_epi8(0x0c)),
                ),
                _mm256_and_si256(_mm256_srli_epi16::<2>(bytes[2]), _mm256_set1_epi8(0x30)),
            );
            sum[row] = add_products(sum[row], fourth, lanes[3]);
        }
        at += 32;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        out[row] = total(sum[row]) + portable::u6_from(query, rows[row], at);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn total(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// Sums of what 4-bit codes pick, two codes of 32 rows an instruction; sums are kept as the AVX-512 kernel keeps them.
#[inline]
#[target_feature(enable = "avx2")]
pub fn nibble_sums(tables: &[[u8; 16]], block: &[[u8; 16]], sums: &mut [u16; NIBBLE_ROWS]) {
    let count = block.len();
    let low = _mm256_set1_epi8(15);
    let mut all = [_mm256_setzero_si256(); 2];
    let mut odd = [_mm256_setzero_si256(); 2];
    let mut at = 0;
    while at < count {
        // SAFETY: entries at.. of tables and block are 16 bytes each, and two of them are there where two are read.
        let (table, pairs) = unsafe {
            if at + 2 <= count {
                (
                    _mm256_loadu_si256(tables.as_ptr().add(at).cast()),
                    _mm256_loadu_si256(block.as_ptr().add(at).cast()),
                )
            } else {
                (
                    _mm256_zextsi128_si256(_mm_loadu_si128(tables.as_ptr().add(at).cast())),
                    _mm256_zextsi128_si256(_mm_loadu_si128(block.as_ptr().add(at).cast())),
                )
            }
        };
        let codes = [_mm256_and_si256(pairs, low), _mm256_and_si256(_mm256_srli_epi16::<4>(pairs), low)];
        for half in 0..2 {
            let picked = _mm256_shuffle_epi8(table, codes[half]);
            all[half] = _mm256_add_epi16(all[half], picked);
            odd[half] = _mm256_add_epi16(odd[half], _mm256_srli_epi16::<8>(picked));
        }
        at += 2;
    }
    for half in 0..2 {
        let even = _mm256_sub_epi16(all[half], _mm256_slli_epi16::<8>(odd[half]));
        let (even, odd) = (lane_sums(even), lane_sums(odd[half]));
        let rows = sums[half * 16..].as_mut_ptr();
        // SAFETY: 16 sums of the 32 begin at half * 16.
        unsafe {
            _mm_storeu_si128(rows.cast(), _mm_unpacklo_epi16(even, odd));
            _mm_storeu_si128(rows.add(8).cast(), _mm_unpackhi_epi16(even, odd));
        }
    }
}

/// The sum of both lanes of 128 bits, in parts of 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_sums(lanes: __m256i) -> __m128i {
    _mm_add_epi16(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes))
}
