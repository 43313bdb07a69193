//! A tile of a product of matrices, in strips of 16 rows whose 12 sums of 8 lanes stay in registers.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::kernels::{TILE_QUERIES, TILE_ROWS};
use crate::distance::portable::spread_from;

#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn add_products(queries: &[[f32; TILE_QUERIES]], rows: &[[f32; TILE_ROWS]], sums: &mut [[f32; TILE_ROWS]; TILE_QUERIES]) {
    for first in (0..TILE_ROWS).step_by(16) {
        let mut sum = [[_mm256_setzero_ps(); 2]; TILE_QUERIES];
        for (query, row) in queries.iter().zip(rows) {
            // SAFETY: the strip's 16 values are there.
            let lanes = unsafe {
                [
                    _mm256_loadu_ps(row.as_ptr().add(first)),
                    _mm256_loadu_ps(row.as_ptr().add(first + 8)),
                ]
            };
            for at in 0..TILE_QUERIES {
                let value = _mm256_set1_ps(query[at]);
                sum[at][0] = _mm256_fmadd_ps(value, lanes[0], sum[at][0]);
                sum[at][1] = _mm256_fmadd_ps(value, lanes[1], sum[at][1]);
            }
        }
        for at in 0..TILE_QUERIES {
            for part in 0..2 {
                let place = sums[at][first + part * 8..].as_mut_ptr();
                // SAFETY: 8 sums are there.
                unsafe { _mm256_storeu_ps(place, _mm256_add_ps(_mm256_loadu_ps(place), sum[at][part])) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub fn passing(sums: &[f32; TILE_ROWS], terms: &[f32; TILE_ROWS], factor: f32, threshold: f32) -> u64 {
    let (factor, threshold) = (_mm256_set1_ps(factor), _mm256_set1_ps(threshold));
    let mut mask = 0;
    for first in (0..TILE_ROWS).step_by(8) {
        // SAFETY: 8 values of both are there.
        let (sum, term) = unsafe {
            (
                _mm256_loadu_ps(sums.as_ptr().add(first)),
                _mm256_loadu_ps(terms.as_ptr().add(first)),
            )
        };
        let passes = _mm256_cmp_ps::<_CMP_NLT_UQ>(_mm256_fmadd_ps(term, factor, sum), threshold);
        mask |= u64::from(_mm256_movemask_ps(passes) as u8) << first;
    }
    mask
}

/// Blocks of 8 by 8 values are transposed in registers.
#[inline]
#[target_feature(enable = "avx2")]
pub fn spread(rows: [&[f32]; 8], panel: &mut [[f32; TILE_ROWS]], first: usize) {
    let mut k = 0;
    while k + 8 <= panel.len() {
        let mut lanes = [_mm256_setzero_ps(); 8];
        for row in 0..8 {
            // SAFETY: k + 8 <= the length of panel and rows.
            lanes[row] = unsafe { _mm256_loadu_ps(rows[row].as_ptr().add(k)) };
        }
        let columns = transposed(lanes);
        for at in 0..8 {
            // SAFETY: the columns first..first + 8 are there.
            unsafe { _mm256_storeu_ps(panel[k + at].as_mut_ptr().add(first), columns[at]) };
        }
        k += 8;
    }
    spread_from(rows, panel, first, k);
}

#[inline]
#[target_feature(enable = "avx2")]
fn transposed(rows: [__m256; 8]) -> [__m256; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let pairs = [
        _mm256_unpacklo_ps(a, b),
        _mm256_unpackhi_ps(a, b),
        _mm256_unpacklo_ps(c, d),
        _mm256_unpackhi_ps(c, d),
        _mm256_unpacklo_ps(e, f),
        _mm256_unpackhi_ps(e, f),
        _mm256_unpacklo_ps(g, h),
        _mm256_unpackhi_ps(g, h),
    ];
    let fours = [
        _mm256_shuffle_ps::<0x44>(pairs[0], pairs[2]),
        _mm256_shuffle_ps::<0xee>(pairs[0], pairs[2]),
        _mm256_shuffle_ps::<0x44>(pairs[1], pairs[3]),
        _mm256_shuffle_ps::<0xee>(pairs[1], pairs[3]),
        _mm256_shuffle_ps::<0x44>(pairs[4], pairs[6]),
        _mm256_shuffle_ps::<0xee>(pairs[4], pairs[6]),
        _mm256_shuffle_ps::<0x44>(pairs[5], pairs[7]),
        _mm256_shuffle_ps::<0xee>(pairs[5], pairs[7]),
    ];
    [
        _mm256_permute2f128_ps::<0x20>(fours[0], fours[4]),
        _mm256_permute2f128_ps::<0x20>(fours[1], fours[5]),
        _mm256_permute2f128_ps::<0x20>(fours[2], fours[6]),
        _mm256_permute2f128_ps::<0x20>(fours[3], fours[7]),
        _mm256_permute2f128_ps::<0x31>(fours[0], fours[4]),
        _mm256_permute2f128_ps::<0x31>(fours[1], fours[5]),
        _mm256_permute2f128_ps::<0x31>(fours[2], fours[6]),
        _mm256_permute2f128_ps::<0x31>(fours[3], fours[7]),
    ]
}
