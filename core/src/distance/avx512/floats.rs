//! Sums of floats in 16 lanes. Rows of other elements become float32 as they are loaded.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::kernels::Half;

/// How the elements of rows become float32.
pub trait Source {
    type Item: Copy;

    /// The lanes of `mask` from `at` on, 0 in the others.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW and VL, and the elements of `mask` can be read.
    unsafe fn load(at: *const Self::Item, mask: __mmask16) -> __m512;
}

pub struct Single;
pub struct Binary16;
pub struct Bfloat16;
pub struct Int8;

impl Source for Single {
    type Item = f32;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(at: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: masked lanes are not read; the others are the caller's promise.
        unsafe { _mm512_maskz_loadu_ps(mask, at) }
    }
}

impl Source for Binary16 {
    type Item = Half;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(at: *const Half, mask: __mmask16) -> __m512 {
        // SAFETY: as of `Single`.
        _mm512_cvtph_ps(unsafe { _mm256_maskz_loadu_epi16(mask, at.cast()) })
    }
}

impl Source for Bfloat16 {
    type Item = Half;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(at: *const Half, mask: __mmask16) -> __m512 {
        // SAFETY: as of `Single`.
        let halves = unsafe { _mm256_maskz_loadu_epi16(mask, at.cast()) };
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
    }
}

impl Source for Int8 {
    type Item = i8;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(at: *const i8, mask: __mmask16) -> __m512 {
        // SAFETY: as of `Single`.
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(unsafe { _mm_maskz_loadu_epi8(mask, at) }))
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn step<const L2: bool>(query: __m512, row: __m512, sum: __m512) -> __m512 {
    if L2 {
        let difference = _mm512_sub_ps(query, row);
        _mm512_fmadd_ps(difference, difference, sum)
    } else {
        _mm512_fmadd_ps(query, row, sum)
    }
}

/// Dot products or squared distances of `query` to ROWS rows of its length, with UNROLL independent sums a row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub fn sums<S: Source, const L2: bool, const ROWS: usize, const UNROLL: usize>(query: &[f32], rows: [&[S::Item]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[_mm512_setzero_ps(); UNROLL]; ROWS];
    let mut at = 0;
    while at + 16 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 16 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { _mm512_loadu_ps(query.as_ptr().add(at + 16 * part)) };
            for row in 0..ROWS {
                let other = unsafe { S::load(rows[row].as_ptr().add(at + 16 * part), !0) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 16 * UNROLL;
    }
    while at < dim {
        let mask: __mmask16 = if dim - at >= 16 { !0 } else { (1 << (dim - at)) - 1 };
        // SAFETY: the mask ends at dim.
        let lanes = unsafe { _mm512_maskz_loadu_ps(mask, query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { S::load(rows[row].as_ptr().add(at), mask) };
            sum[row][0] = step::<L2>(lanes, other, sum[row][0]);
        }
        at += 16;
    }
    totals(sum)
}

/// Dot products of bfloat16 vectors, 32 products an instruction.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub fn bf16_sums<const ROWS: usize, const UNROLL: usize>(query: &[Half], rows: [&[Half]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[_mm512_setzero_ps(); UNROLL]; ROWS];
    let mut at = 0;
    while at + 32 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 32 * UNROLL <= dim, the length of query and rows.
            let lanes = halves(unsafe { _mm512_loadu_epi16(query.as_ptr().add(at + 32 * part).cast()) });
            for row in 0..ROWS {
                let other = halves(unsafe { _mm512_loadu_epi16(rows[row].as_ptr().add(at + 32 * part).cast()) });
                sum[row][part] = _mm512_dpbf16_ps(sum[row][part], lanes, other);
            }
        }
        at += 32 * UNROLL;
    }
    while at < dim {
        let mask: __mmask32 = if dim - at >= 32 { !0 } else { (1 << (dim - at)) - 1 };
        // SAFETY: the mask ends at dim; masked lanes are not read.
        let lanes = halves(unsafe { _mm512_maskz_loadu_epi16(mask, query.as_ptr().add(at).cast()) });
        for row in 0..ROWS {
            let other = halves(unsafe { _mm512_maskz_loadu_epi16(mask, rows[row].as_ptr().add(at).cast()) });
            sum[row][0] = _mm512_dpbf16_ps(sum[row][0], lanes, other);
        }
        at += 32;
    }
    totals(sum)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

/// The sum of each row's lanes, always in the same order: of four rows they are added up side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn totals<const ROWS: usize, const UNROLL: usize>(sums: [[__m512; UNROLL]; ROWS]) -> [f32; ROWS] {
    let mut eight = [_mm256_setzero_ps(); ROWS];
    for row in 0..ROWS {
        let mut total = sums[row][0];
        for part in 1..UNROLL {
            total = _mm512_add_ps(total, sums[row][part]);
        }
        let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(total)));
        eight[row] = _mm256_add_ps(_mm512_castps512_ps256(total), high);
    }
    let mut out = [0.0; ROWS];
    for first in (0..ROWS).step_by(4) {
        let row = |at: usize| eight[(first + at).min(ROWS - 1)];
        let pairs = [_mm256_hadd_ps(row(0), row(1)), _mm256_hadd_ps(row(2), row(3))];
        let fours = _mm256_hadd_ps(pairs[0], pairs[1]);
        let all = _mm_add_ps(_mm256_castps256_ps128(fours), _mm256_extractf128_ps::<1>(fours));
        let mut totals = [0.0; 4];
        // SAFETY: four sums have their places.
        unsafe { _mm_storeu_ps(totals.as_mut_ptr(), all) };
        let count = (ROWS - first).min(4);
        out[first..first + count].copy_from_slice(&totals[..count]);
    }
    out
}
