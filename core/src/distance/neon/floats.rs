//! Sums of floats in 4 lanes. Vectors of other elements become float32 as they are loaded.

// Rows and sums are arrays walked by the same number.
#![allow(clippy::needless_range_loop)]

use std::arch::aarch64::*;

use crate::distance::half::{float_of_bf16, float_of_f16};
use crate::distance::kernels::Half;

/// How elements become float32.
pub trait Source {
    type Item: Copy;

    /// Four elements from `at` on.
    ///
    /// # Safety
    /// The processor has NEON, and the elements can be read.
    unsafe fn load(at: *const Self::Item) -> float32x4_t;

    fn float(item: Self::Item) -> f32;
}

pub struct Single;
pub struct Binary16;
pub struct Bfloat16;
pub struct Int8;

impl Source for Single {
    type Item = f32;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(at: *const f32) -> float32x4_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_f32(at) }
    }

    fn float(item: f32) -> f32 {
        item
    }
}

/// Four halves, each in the low bits of a lane.
///
/// # Safety
/// Four halves can be read at `at`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn halves(at: *const Half) -> uint32x4_t {
    // SAFETY: 8 bytes can be read there; a load of bytes needs no alignment.
    vmovl_u16(vreinterpret_u16_u8(unsafe { vld1_u8(at.cast()) }))
}

impl Source for Binary16 {
    type Item = Half;

    /// As `float_of_f16` does it, without the instruction that needs a type of 16-bit floats.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(at: *const Half) -> float32x4_t {
        // SAFETY: the caller's promise.
        let bits = unsafe { halves(at) };
        let magnitude = vandq_u32(bits, vdupq_n_u32(0x7fff));
        let placed = vshlq_n_u32::<13>(magnitude);
        let bias = vreinterpretq_f32_u32(vdupq_n_u32((127 + 112) << 23));
        let finite = vreinterpretq_u32_f32(vmulq_f32(vreinterpretq_f32_u32(placed), bias));
        let infinite = vorrq_u32(placed, vdupq_n_u32(0x7f80_0000));
        let size = vbslq_u32(vcgeq_u32(magnitude, vdupq_n_u32(0x7c00)), infinite, finite);
        let sign = vshlq_n_u32::<16>(vandq_u32(bits, vdupq_n_u32(0x8000)));
        vreinterpretq_f32_u32(vorrq_u32(size, sign))
    }

    fn float(item: Half) -> f32 {
        float_of_f16(item)
    }
}

impl Source for Bfloat16 {
    type Item = Half;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(at: *const Half) -> float32x4_t {
        // SAFETY: the caller's promise.
        vreinterpretq_f32_u32(vshlq_n_u32::<16>(unsafe { halves(at) }))
    }

    fn float(item: Half) -> f32 {
        float_of_bf16(item)
    }
}

impl Source for Int8 {
    type Item = i8;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(at: *const i8) -> float32x4_t {
        // SAFETY: the caller's promise; four bytes without an alignment.
        let four = unsafe { at.cast::<u32>().read_unaligned() };
        let wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)));
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)))
    }

    fn float(item: i8) -> f32 {
        item.into()
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn step<const L2: bool>(query: float32x4_t, row: float32x4_t, sum: float32x4_t) -> float32x4_t {
    if L2 {
        let difference = vsubq_f32(query, row);
        vfmaq_f32(sum, difference, difference)
    } else {
        vfmaq_f32(sum, query, row)
    }
}

/// Dot products or squared distances of `query` to ROWS rows of its length, with UNROLL independent sums a row.
#[inline]
#[target_feature(enable = "neon")]
pub fn sums<Q: Source, S: Source, const L2: bool, const ROWS: usize, const UNROLL: usize>(
    query: &[Q::Item],
    rows: [&[S::Item]; ROWS],
) -> [f32; ROWS] {
    let dim = query.len();
    let mut sum = [[vdupq_n_f32(0.0); UNROLL]; ROWS];
    let mut at = 0;
    while at + 4 * UNROLL <= dim {
        for part in 0..UNROLL {
            // SAFETY: at + 4 * UNROLL <= dim, the length of query and rows.
            let lanes = unsafe { Q::load(query.as_ptr().add(at + 4 * part)) };
            for row in 0..ROWS {
                let other = unsafe { S::load(rows[row].as_ptr().add(at + 4 * part)) };
                sum[row][part] = step::<L2>(lanes, other, sum[row][part]);
            }
        }
        at += 4 * UNROLL;
    }
    let term = |(&a, &b): (&Q::Item, &S::Item)| {
        let (a, b) = (Q::float(a), S::float(b));
        if L2 { (a - b) * (a - b) } else { a * b }
    };
    let mut out = [0.0; ROWS];
    for row in 0..ROWS {
        let mut total = sum[row][0];
        for part in 1..UNROLL {
            total = vaddq_f32(total, sum[row][part]);
        }
        out[row] = vaddvq_f32(total) + query[at..].iter().zip(&rows[row][at..]).map(term).sum::<f32>();
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
pub fn widen_f16(halves: &[Half], floats: &mut [f32]) {
    let (blocks, rest) = floats.as_chunks_mut::<4>();
    let whole = blocks.len() * 4;
    for (at, block) in blocks.iter_mut().enumerate() {
        // SAFETY: both are as long, so four halves are there for four floats.
        unsafe { vst1q_f32(block.as_mut_ptr(), Binary16::load(halves.as_ptr().add(at * 4))) };
    }
    for (float, &half) in rest.iter_mut().zip(&halves[whole..]) {
        *float = float_of_f16(half);
    }
}
