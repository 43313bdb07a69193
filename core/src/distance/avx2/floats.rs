//! Sums of floats in 8 lanes. Vectors of other elements become float32 as they are loaded.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::distance::half::float_of_f16;
use crate::distance::kernels::Half;

/// How elements become float32.
pub trait Source {
    type Item: Copy;

    /// Eight elements from `at` on.
    ///
    /// # Safety
    /// The processor has AVX2 and F16C, and the elements can be read.
    unsafe fn load(at: *const Self::Item) -> __m256;

    /// The `count` elements, at most eight, from `at` on, and 0 behind them.
    ///
    /// # Safety
    /// As of `load`.
    unsafe fn load_part(at: *const Self::Item, count: usize) -> __m256;
}

pub struct Single;
pub struct Binary16;
pub struct Bfloat16;
pub struct Int8;

/// Lanes 8 - n.. of this are a mask of the first n lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Source for Single {
    type Item = f32;

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(at: *const f32) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_ps(at) }
    }

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load_part(at: *const f32, count: usize) -> __m256 {
        // SAFETY: count is at most 8, so the mask's eight lanes lie in MASKS; masked lanes are not read.
        unsafe { _mm256_maskload_ps(at, _mm256_loadu_si256(MASKS.as_ptr().add(8 - count).cast())) }
    }
}

/// `load_part` by way of a copy that has zeros behind the elements.
macro_rules! load_part_of_copy {
    ($zero:expr) => {
        #[inline]
        #[target_feature(enable = "avx2,f16c")]
        unsafe fn load_part(at: *const Self::Item, count: usize) -> __m256 {
            let mut copy = [$zero; 8];
            // SAFETY: count is at most 8; that many elements can be read.
            unsafe {
                std::ptr::copy_nonoverlapping(at, copy.as_mut_ptr(), count);
                Self::load(copy.as_ptr())
            }
        }
    };
}

impl Source for Binary16 {
    type Item = Half;

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(at: *const Half) -> __m256 {
        // SAFETY: the caller's promise.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(at.cast()) })
    }

    load_part_of_copy!([0; 2]);
}

impl Source for Bfloat16 {
    type Item = Half;

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(at: *const Half) -> __m256 {
        // SAFETY: the caller's promise.
        let halves = unsafe { _mm_loadu_si128(at.cast()) };
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
    }

    load_part_of_copy!([0; 2]);
}

impl Source for Int8 {
    type Item = i8;

    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(at: *const i8) -> __m256 {
        // SAFETY: the caller's promise.
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(at.cast()) }))
    }

    load_part_of_copy!(0);
}

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

/// Dot products or squared distances of `query` to ROWS rows of its length, with UNROLL independent sums a row.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub fn sums<Q: Source, S: Source, const L2: bool, const ROWS: usize, const UNROLL: usize>(
    query: &[Q::Item],
    rows: [&[S::Item]; ROWS],
) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[_mm256_setzero_ps(); UNROLL]; ROWS];
    let mut at = 0;
    while at + 8 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 8 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { Q::load(query.as_ptr().add(at + 8 * part)) };
            for row in 0..ROWS {
                let other = unsafe { S::load(rows[row].as_ptr().add(at + 8 * part)) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 8 * UNROLL;
    }
    while at < dim {
        let count = (dim - at).min(8);
        // SAFETY: at + count <= dim.
        let lanes = unsafe { Q::load_part(query.as_ptr().add(at), count) };
        for row in 0..ROWS {
            let other = unsafe { S::load_part(rows[row].as_ptr().add(at), count) };
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
        out[row] = total_of(total);
    }
    out
}

/// `sums` of four rows, two at a time: more sums than that do not fit the registers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub fn four<Q: Source, S: Source, const L2: bool>(query: &[Q::Item], rows: [&[S::Item]; 4]) -> [f32; 4] {
    let [first, second] = sums::<Q, S, L2, 2, 4>(query, [rows[0], rows[1]]);
    let [third, fourth] = sums::<Q, S, L2, 2, 4>(query, [rows[2], rows[3]]);
    [first, second, third, fourth]
}

#[inline]
#[target_feature(enable = "avx2")]
fn total_of(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
pub fn widen_f16(halves: &[Half], floats: &mut [f32]) {
    let (blocks, rest) = floats.as_chunks_mut::<8>();
    let whole = blocks.len() * 8;
    for (at, block) in blocks.iter_mut().enumerate() {
        // SAFETY: both are as long, so eight halves are there for eight floats.
        unsafe { _mm256_storeu_ps(block.as_mut_ptr(), Binary16::load(halves.as_ptr().add(at * 8))) };
    }
    for (float, &half) in rest.iter_mut().zip(&halves[whole..]) {
        *float = float_of_f16(half);
    }
}
