//! AVX2 kernels: f32 with FMA, int8 by the product of absolute values with the other's signs.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::Kernels;

/// The table, when this processor has AVX2 and FMA.
pub fn detect() -> Option<Kernels> {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        return None;
    }
    Some(Kernels {
        f32_name: "avx2",
        i8_name: "avx2",
        dot: |query, row| unsafe { sums::<false, 1, 4>(query, [row]) }[0],
        dot_four: |query, rows| unsafe { sums::<false, 4, 2>(query, rows) },
        l2: |query, row| unsafe { sums::<true, 1, 4>(query, [row]) }[0],
        l2_four: |query, rows| unsafe { sums::<true, 4, 2>(query, rows) },
        dot_i8: |query, row| unsafe { code_sums::<1>(query, [row]) }[0],
        dot_i8_four: |query, rows| unsafe { code_sums::<4>(query, rows) },
    })
}

/// Lanes 8 - n.. of this are a mask of the first n lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline]
#[target_feature(enable = "avx2,fma")]
fn step<const L2: bool>(query: __m256, row: __m256, sum: __m256) -> __m256 {
    if L2 {
        let difference = _mm256_sub_ps(query, row);
        _mm256_fmadd_ps(difference, difference, sum)
    } else {
        _mm256_fmadd_ps(query, row, sum)
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn total_f32(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn total_i32(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// Dot products or squared distances of `query` to ROWS rows of its length, with UNROLL independent sums a row.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const L2: bool, const ROWS: usize, const UNROLL: usize>(query: &[f32], rows: [&[f32]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[_mm256_setzero_ps(); UNROLL]; ROWS];
    let mut at = 0;
    while at + 8 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 8 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { _mm256_loadu_ps(query.as_ptr().add(at + 8 * part)) };
            for row in 0..ROWS {
                let other = unsafe { _mm256_loadu_ps(rows[row].as_ptr().add(at + 8 * part)) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 8 * UNROLL;
    }
    while at < dim {
        let count = (dim - at).min(8);
        // SAFETY: count is 1..=8, so the mask's eight lanes lie in MASKS; lanes beyond dim are masked and not read.
        let mask = unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - count).cast()) };
        let lanes = unsafe { _mm256_maskload_ps(query.as_ptr().add(at), mask) };
        for row in 0..ROWS {
            let other = unsafe { _mm256_maskload_ps(rows[row].as_ptr().add(at), mask) };
            sum[row][0] = step::<L2>(lanes, other, sum[row][0]);
        }
        at += count;
    }
    let mut out = [0.0; ROWS];
    for row in 0..ROWS {
        let mut total = sum[row][0];
        for part in 1..UNROLL {
            total = _mm256_add_ps(total, sum[row][part]);
        }
        out[row] = total_f32(total);
    }
    out
}

/// Dot products of codes. Pairs of products of values up to 127 fit the 16 bits that `vpmaddubsw` sums them in.
#[inline]
#[target_feature(enable = "avx2")]
fn code_sums<const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let ones = _mm256_set1_epi16(1);
    let mut sum = [_mm256_setzero_si256(); ROWS];
    let mut at = 0;
    while at + 32 <= dim {
        // SAFETY: at + 32 <= dim, the length of query and rows.
        let lanes = unsafe { _mm256_loadu_si256(query.as_ptr().add(at).cast()) };
        let size = _mm256_abs_epi8(lanes);
        for row in 0..ROWS {
            let other = unsafe { _mm256_loadu_si256(rows[row].as_ptr().add(at).cast()) };
            let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(other, lanes));
            sum[row] = _mm256_add_epi32(sum[row], _mm256_madd_epi16(pairs, ones));
        }
        at += 32;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        let tail: i32 = query[at..]
            .iter()
            .zip(&rows[row][at..])
            .map(|(&a, &b)| i32::from(a) * i32::from(b))
            .sum();
        out[row] = total_i32(sum[row]) + tail;
    }
    out
}
