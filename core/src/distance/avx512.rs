//! AVX-512 kernels: f32 with AVX-512F, int8 with VNNI, or with AVX2 where VNNI is missing.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::{Kernels, avx2};

/// The table, when this processor has AVX-512F.
pub fn detect() -> Option<Kernels> {
    if !is_x86_feature_detected!("avx512f") {
        return None;
    }
    let mut table = Kernels {
        f32_name: "avx512f",
        dot: |query, row| unsafe { sums::<false, 1, 4>(query, [row]) }[0],
        dot_four: |query, rows| unsafe { sums::<false, 4, 2>(query, rows) },
        l2: |query, row| unsafe { sums::<true, 1, 4>(query, [row]) }[0],
        l2_four: |query, rows| unsafe { sums::<true, 4, 2>(query, rows) },
        ..avx2::detect()?
    };
    if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni") {
        table.i8_name = "avx512vnni";
        table.dot_i8 = |query, row| unsafe { code_sums::<1, 4>(query, [row]) }[0];
        table.dot_i8_four = |query, rows| unsafe { code_sums::<4, 1>(query, rows) };
    }
    Some(table)
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
#[target_feature(enable = "avx512f")]
fn sums<const L2: bool, const ROWS: usize, const UNROLL: usize>(query: &[f32], rows: [&[f32]; ROWS]) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[_mm512_setzero_ps(); UNROLL]; ROWS];
    let mut at = 0;
    while at + 16 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 16 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { _mm512_loadu_ps(query.as_ptr().add(at + 16 * part)) };
            for row in 0..ROWS {
                let other = unsafe { _mm512_loadu_ps(rows[row].as_ptr().add(at + 16 * part)) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 16 * UNROLL;
    }
    while at < dim {
        let mask: __mmask16 = if dim - at >= 16 { !0 } else { (1 << (dim - at)) - 1 };
        // SAFETY: the mask ends at dim; masked lanes are not read.
        let lanes = unsafe { _mm512_maskz_loadu_ps(mask, query.as_ptr().add(at)) };
        for row in 0..ROWS {
            let other = unsafe { _mm512_maskz_loadu_ps(mask, rows[row].as_ptr().add(at)) };
            sum[row][0] = step::<L2>(lanes, other, sum[row][0]);
        }
        at += 16;
    }
    let mut out = [0.0; ROWS];
    for row in 0..ROWS {
        let mut total = sum[row][0];
        for part in 1..UNROLL {
            total = _mm512_add_ps(total, sum[row][part]);
        }
        out[row] = _mm512_reduce_add_ps(total);
    }
    out
}

/// Dot products of codes. `vpdpbusd` multiplies unsigned by signed bytes, so each row is shifted by 128, and 128 times the query's sum is taken off.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn code_sums<const ROWS: usize, const UNROLL: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let shift = _mm512_set1_epi8(-128);
    let mut sum = [[_mm512_setzero_si512(); UNROLL]; ROWS];
    let mut shifted = [_mm512_setzero_si512(); UNROLL];
    let mut at = 0;
    while at + 64 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 64 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { _mm512_loadu_epi8(query.as_ptr().add(at + 64 * part)) };
            shifted[part] = _mm512_dpbusd_epi32(shifted[part], shift, lanes);
            for row in 0..ROWS {
                let other = unsafe { _mm512_loadu_epi8(rows[row].as_ptr().add(at + 64 * part)) };
                sum[row][part] = _mm512_dpbusd_epi32(sum[row][part], _mm512_xor_si512(other, shift), lanes);
            }
        }
        at += 64 * UNROLL;
    }
    while at < dim {
        let mask: __mmask64 = if dim - at >= 64 { !0 } else { (1 << (dim - at)) - 1 };
        // SAFETY: the mask ends at dim; masked lanes are not read, and a query's zero makes a row's lane count nothing.
        let lanes = unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(at)) };
        shifted[0] = _mm512_dpbusd_epi32(shifted[0], shift, lanes);
        for row in 0..ROWS {
            let other = unsafe { _mm512_maskz_loadu_epi8(mask, rows[row].as_ptr().add(at)) };
            sum[row][0] = _mm512_dpbusd_epi32(sum[row][0], _mm512_xor_si512(other, shift), lanes);
        }
        at += 64;
    }
    let mut out = [0; ROWS];
    for row in 0..ROWS {
        let mut total = _mm512_setzero_si512();
        for part in 0..UNROLL {
            total = _mm512_add_epi32(total, _mm512_sub_epi32(sum[row][part], shifted[part]));
        }
        out[row] = _mm512_reduce_add_epi32(total);
    }
    out
}
