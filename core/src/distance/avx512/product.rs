//! A tile of a product of matrices: 6 queries by 64 rows, whose 24 sums of 16 lanes stay in registers.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::kernels::{TILE_QUERIES, TILE_ROWS};

const PARTS: usize = TILE_ROWS / 16;

#[inline]
#[target_feature(enable = "avx512f")]
pub fn add_products(queries: &[[f32; TILE_QUERIES]], rows: &[[f32; TILE_ROWS]], sums: &mut [[f32; TILE_ROWS]; TILE_QUERIES]) {
    let mut sum = [[_mm512_setzero_ps(); PARTS]; TILE_QUERIES];
    for (query, row) in queries.iter().zip(rows) {
        let mut lanes = [_mm512_setzero_ps(); PARTS];
        for part in 0..PARTS {
            // SAFETY: the parts are the 64 values of a row.
            lanes[part] = unsafe { _mm512_loadu_ps(row.as_ptr().add(part * 16)) };
        }
        for at in 0..TILE_QUERIES {
            let value = _mm512_set1_ps(query[at]);
            for part in 0..PARTS {
                sum[at][part] = _mm512_fmadd_ps(value, lanes[part], sum[at][part]);
            }
        }
    }
    for at in 0..TILE_QUERIES {
        for part in 0..PARTS {
            let place = sums[at][part * 16..].as_mut_ptr();
            // SAFETY: 16 sums are there.
            unsafe { _mm512_storeu_ps(place, _mm512_add_ps(_mm512_loadu_ps(place), sum[at][part])) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub fn passing(sums: &[f32; TILE_ROWS], terms: &[f32; TILE_ROWS], factor: f32, threshold: f32) -> u64 {
    let (factor, threshold) = (_mm512_set1_ps(factor), _mm512_set1_ps(threshold));
    let mut mask = 0;
    for part in 0..PARTS {
        // SAFETY: the parts are the 64 values of both.
        let (sum, term) = unsafe {
            (
                _mm512_loadu_ps(sums.as_ptr().add(part * 16)),
                _mm512_loadu_ps(terms.as_ptr().add(part * 16)),
            )
        };
        let passes = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(_mm512_fmadd_ps(term, factor, sum), threshold);
        mask |= u64::from(passes) << (part * 16);
    }
    mask
}
