//! Exact sums of int8 values and of small codes, in lanes of 64 bytes.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::kernels::NIBBLE_ROWS;

#[inline]
fn mask_of(count: usize) -> __mmask64 {
    if count >= 64 { !0 } else { (1 << count) - 1 }
}

/// Dot products. `vpdpbusd` multiplies unsigned by signed bytes, so each row is shifted by 128, and 128 times the query's sum is taken off.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn dot_i8<const ROWS: usize, const UNROLL: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
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
        let mask = mask_of(dim - at);
        // SAFETY: the mask ends at dim; masked lanes are not read, and a query's zero makes a row's lane count nothing.
        let lanes = unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(at)) };
        shifted[0] = _mm512_dpbusd_epi32(shifted[0], shift, lanes);
        for row in 0..ROWS {
            let other = unsafe { _mm512_maskz_loadu_epi8(mask, rows[row].as_ptr().add(at)) };
            sum[row][0] = _mm512_dpbusd_epi32(sum[row][0], _mm512_xor_si512(other, shift), lanes);
        }
        at += 64;
    }
    let mut products = [_mm512_setzero_si512(); ROWS];
    for row in 0..ROWS {
        for part in 0..UNROLL {
            products[row] = _mm512_add_epi32(products[row], _mm512_sub_epi32(sum[row][part], shifted[part]));
        }
    }
    totals(products)
}

/// Squared distances, of differences in 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn l2_i8<const ROWS: usize>(query: &[i8], rows: [&[i8]; ROWS]) -> [i32; ROWS] {
    let dim = query.len();
    let mut sum = [_mm512_setzero_si512(); ROWS];
    let mut at = 0;
    while at < dim {
        let mask = mask_of(dim - at) as __mmask32;
        // SAFETY: the mask ends at dim; masked lanes are not read.
        let lanes = _mm512_cvtepi8_epi16(unsafe { _mm256_maskz_loadu_epi8(mask, query.as_ptr().add(at)) });
        for row in 0..ROWS {
            let other = _mm512_cvtepi8_epi16(unsafe { _mm256_maskz_loadu_epi8(mask, rows[row].as_ptr().add(at)) });
            let difference = _mm512_sub_epi16(lanes, other);
            sum[row] = _mm512_dpwssd_epi32(sum[row], difference, difference);
        }
        at += 32;
    }
    totals(sum)
}

/// Dot products with codes of 4 bits: `query` has twice as many values as a row has bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn dot_u4<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 2;
    let low = _mm512_set1_epi8(15);
    let mut sum = [_mm512_setzero_si512(); ROWS];
    let mut at = 0;
    while at < count {
        let mask = mask_of(count - at);
        // SAFETY: the mask ends at count, of each half of the query and of the rows; masked lanes are not read.
        let lanes = [0, count].map(|half| unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(half + at)) });
        for row in 0..ROWS {
            let pairs = unsafe { _mm512_maskz_loadu_epi8(mask, rows[row].as_ptr().add(at).cast()) };
            sum[row] = _mm512_dpbusd_epi32(sum[row], _mm512_and_si512(pairs, low), lanes[0]);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(pairs), low);
            sum[row] = _mm512_dpbusd_epi32(sum[row], high, lanes[1]);
        }
        at += 64;
    }
    totals(sum)
}

/// Dot products with codes of 6 bits: `query` has four values for each three bytes of a row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn dot_u6<const ROWS: usize>(query: &[i8], rows: [&[u8]; ROWS]) -> [i32; ROWS] {
    let count = query.len() / 4;
    let low = _mm512_set1_epi8(63);
    let mut sum = [_mm512_setzero_si512(); ROWS];
    let mut at = 0;
    while at < count {
        let mask = mask_of(count - at);
        // SAFETY: the mask ends at count, of each fourth of the query and of each third of the rows; masked lanes are not read.
        let lanes = [0, 1, 2, 3].map(|plane| unsafe { _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(plane * count + at)) });
        for row in 0..ROWS {
            let bytes = [0, 1, 2].map(|plane| unsafe { _mm512_maskz_loadu_epi8(mask, rows[row].as_ptr().add(plane * count + at).cast()) });
            for plane in 0..3 {
                sum[row] = _mm512_dpbusd_epi32(sum[row], _mm512_and_si512(bytes[plane], low), lanes[plane]);
            }
            let fourth = _mm512_or_si512(
                _mm512_or_si512(
                    _mm512_and_si512(_mm512_srli_epi16::<6>(bytes[0]), _mm512_set1_epi8(0x03)),
                    _mm512_and_si512(_mm512_srli_epi16::<4>(bytes[1]), _mm512_set1_epi8(0x0c)),
                ),
                _mm512_and_si512(_mm512_srli_epi16::<2>(bytes[2]), _mm512_set1_epi8(0x30)),
            );
            sum[row] = _mm512_dpbusd_epi32(sum[row], fourth, lanes[3]);
        }
        at += 64;
    }
    totals(sum)
}

/// The sum of each row's lanes of 32 bits; of four rows they are added up side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub fn totals<const ROWS: usize>(sums: [__m512i; ROWS]) -> [i32; ROWS] {
    let mut eight = [_mm256_setzero_si256(); ROWS];
    for row in 0..ROWS {
        let high = _mm512_extracti64x4_epi64::<1>(sums[row]);
        eight[row] = _mm256_add_epi32(_mm512_castsi512_si256(sums[row]), high);
    }
    let mut out = [0; ROWS];
    for first in (0..ROWS).step_by(4) {
        let row = |at: usize| eight[(first + at).min(ROWS - 1)];
        let pairs = [_mm256_hadd_epi32(row(0), row(1)), _mm256_hadd_epi32(row(2), row(3))];
        let fours = _mm256_hadd_epi32(pairs[0], pairs[1]);
        let all = _mm_add_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256::<1>(fours));
        let mut totals = [0; 4];
        // SAFETY: four sums have their places.
        unsafe { _mm_storeu_si128(totals.as_mut_ptr().cast(), all) };
        let count = (ROWS - first).min(4);
        out[first..first + count].copy_from_slice(&totals[..count]);
    }
    out
}

/// Sums of what 4-bit codes pick, four codes of 32 rows an instruction. Sums of bytes are kept in 16 bits: `all` has each pair of bytes as one number, of
/// which `odd`, the sums of the high ones, are taken off at the end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub fn nibble_sums(tables: &[[u8; 16]], block: &[[u8; 16]], sums: &mut [u16; NIBBLE_ROWS]) {
    let count = block.len();
    let low = _mm512_set1_epi8(15);
    let mut all = [_mm512_setzero_si512(); 2];
    let mut odd = [_mm512_setzero_si512(); 2];
    let mut at = 0;
    while at < count {
        let mask = mask_of((count - at) * 16);
        // SAFETY: the mask ends at count entries of 16 bytes, of tables and block; masked lanes are not read, and an empty table adds nothing.
        let table = unsafe { _mm512_maskz_loadu_epi8(mask, tables.as_ptr().add(at).cast()) };
        let pairs = unsafe { _mm512_maskz_loadu_epi8(mask, block.as_ptr().add(at).cast()) };
        let codes = [_mm512_and_si512(pairs, low), _mm512_and_si512(_mm512_srli_epi16::<4>(pairs), low)];
        for half in 0..2 {
            let picked = _mm512_shuffle_epi8(table, codes[half]);
            all[half] = _mm512_add_epi16(all[half], picked);
            odd[half] = _mm512_add_epi16(odd[half], _mm512_srli_epi16::<8>(picked));
        }
        at += 4;
    }
    for half in 0..2 {
        let even = _mm512_sub_epi16(all[half], _mm512_slli_epi16::<8>(odd[half]));
        let (even, odd) = (lane_sums(even), lane_sums(odd[half]));
        let rows = sums[half * 16..].as_mut_ptr();
        // SAFETY: 16 sums of the 32 begin at half * 16.
        unsafe {
            _mm_storeu_si128(rows.cast(), _mm_unpacklo_epi16(even, odd));
            _mm_storeu_si128(rows.add(8).cast(), _mm_unpackhi_epi16(even, odd));
        }
    }
}

/// The sum of the four lanes of 128 bits, in parts of 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn lane_sums(lanes: __m512i) -> __m128i {
    let two = _mm256_add_epi16(_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64::<1>(lanes));
    _mm_add_epi16(_mm256_castsi256_si128(two), _mm256_extracti128_si256::<1>(two))
}
