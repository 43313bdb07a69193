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
    sum.map(total)
}

/// Dot products of bfloat16 vectors, 32 products an instruction.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
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
    sum.map(total)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

#[inline]
fn total<const UNROLL: usize>(sums: [__m512; UNROLL]) -> f32 {
    // SAFETY: sums of 512 bits were made by kernels that run where AVX-512F was detected.
    unsafe {
        let mut total = sums[0];
        for part in 1..UNROLL {
            total = _mm512_add_ps(total, sums[part]);
        }
        _mm512_reduce_add_ps(total)
    }
}
