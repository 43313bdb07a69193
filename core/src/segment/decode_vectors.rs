//! Vectors out of an encoded payload: one long copy, checked for values that are no numbers on the way, by several threads when it is long.
//!
//! Vectors of 16-bit floats may come as 32-bit ones: float16 takes the nearest value (ties to the even one), bfloat16 the upper half of the bits, as
//! Milvus has it. Sparse vectors are pairs of index and value, 4 bytes each, in ascending order of the indices.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::column::Values;
use super::decode::check_finite;
use super::payload::Payload;
use super::schema::{ColumnSchema, ColumnType};
use crate::failure::{Failure, Outcome};

/// Floats copied by one task.
const TASK: usize = 1 << 18;

pub fn decode_vectors(dim: usize, payload: &Payload) -> Outcome<Values> {
    Ok(Values::Vectors {
        dim,
        values: Buffer::Owned(read_floats(dim, 1, payload)?),
    })
}

/// Vectors that the payload has as the bytes they are kept as.
pub fn decode_packed(column: &ColumnSchema, payload: &Payload) -> Outcome<Values> {
    let bytes = payload.bytes();
    let width = column.kind.width(column.dim).unwrap_or(1);
    // Milvus tells of bits, elements or bytes.
    let (length, unit) = match column.kind {
        ColumnType::BinaryVector => (bytes.len() * 8, column.dim),
        _ => (bytes.len(), width),
    };
    check_dim(column.dim, payload)?;
    if !bytes.len().is_multiple_of(width) {
        return Err(Failure::new("vectorLength", vec![length.into(), unit.into()]));
    }
    if matches!(column.kind, ColumnType::Float16Vector | ColumnType::BFloat16Vector) {
        check_halves(column.kind, bytes.as_chunks::<2>().0)?;
    }
    Ok(Values::Packed {
        width,
        bytes: bytes.to_vec().into(),
    })
}

/// Vectors of 16-bit floats out of 32-bit ones.
pub fn decode_halves(column: &ColumnSchema, payload: &Payload) -> Outcome<Values> {
    let floats = read_floats(column.dim, 2, payload)?;
    let half = if column.kind == ColumnType::Float16Vector {
        float16_of
    } else {
        bfloat16_of
    };
    let halves: Vec<[u8; 2]> = floats
        .par_iter()
        .with_min_len(TASK)
        .map(|&value| half(value).to_le_bytes())
        .collect();
    check_halves(column.kind, &halves)?;
    Ok(Values::Packed {
        width: column.dim * 2,
        bytes: halves.into_flattened().into(),
    })
}

pub(super) fn check_halves(kind: ColumnType, halves: &[[u8; 2]]) -> Outcome<()> {
    let (exponent, name) = match kind {
        ColumnType::Float16Vector => (0x7c00, "float16"),
        _ => (0x7f80, "bfloat16"),
    };
    match halves.iter().any(|half| u16::from_le_bytes(*half) & exponent == exponent) {
        false => Ok(()),
        true => Err(Failure::new("halfNotFinite", vec![name.into()])),
    }
}

fn bfloat16_of(value: f32) -> u16 {
    (value.to_bits() >> 16) as u16
}

/// The nearest float16, infinite when it is too large.
fn float16_of(value: f32) -> u16 {
    let sign = (value.to_bits() >> 16) as u16 & 0x8000;
    let size = value.abs();
    if size >= 65_520.0 {
        return sign | 0x7c00;
    }
    if size < 6.103_515_6e-5 {
        // Below 2^-14 all values are multiples of 2^-24; scaling by a power of two is exact.
        return sign | (size * 16_777_216.0).round_ties_even() as u16;
    }
    // Thirteen bits of the fraction go; a carry moves on into the exponent as it should.
    let bits = size.to_bits() - (112 << 23);
    sign | ((bits + 0xfff + (bits >> 13 & 1)) >> 13) as u16
}

/// A sparse vector must be pairs in order, each value finite and not negative.
pub fn check_sparse(vector: &[u8]) -> Outcome<()> {
    let (pairs, rest) = vector.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Failure::new("sparseLength", vec![vector.len().into()]));
    }
    let mut before = None;
    for pair in pairs {
        let (index, value) = pair_of(pair);
        if index == u32::MAX {
            return Err(Failure::new("sparseIndex", vec![]));
        }
        if before.is_some_and(|before| index <= before) {
            return Err(Failure::new("sparseOrder", vec![]));
        }
        check_finite(f64::from(value))?;
        if value < 0.0 {
            return Err(Failure::new("sparseNegative", vec![]));
        }
        before = Some(index);
    }
    Ok(())
}

/// One more than the last index of a sparse vector.
pub fn sparse_dim(vector: &[u8]) -> u64 {
    vector.as_chunks::<8>().0.last().map_or(0, |pair| u64::from(pair_of(pair).0) + 1)
}

/// The value of a float16 or bfloat16.
pub fn float_of_half(kind: ColumnType, half: u16) -> f32 {
    if kind == ColumnType::BFloat16Vector {
        return f32::from_bits(u32::from(half) << 16);
    }
    let (sign, exponent, fraction) = (
        u32::from(half & 0x8000) << 16,
        u32::from(half >> 10 & 0x1f),
        u32::from(half & 0x3ff),
    );
    let size = match exponent {
        // Multiples of 2^-24.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | size)
}

/// Index and value of an entry of a sparse vector.
pub fn pair_of(pair: &[u8; 8]) -> (u32, f32) {
    let [a, b, c, d, e, f, g, h] = *pair;
    (u32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]))
}

fn check_dim(dim: usize, payload: &Payload) -> Outcome<()> {
    if payload.dim == dim as u64 {
        return Ok(());
    }
    Err(Failure::new("dimMismatch", vec![(payload.dim as i64).into(), dim.into()]))
}

/// `width`: what a float counts in the failure of a wrong length.
fn read_floats(dim: usize, width: usize, payload: &Payload) -> Outcome<Vec<f32>> {
    let mut length = 0;
    payload.fixed_runs::<4>(|run| length += run.len() / 4)?;
    if dim == 0 || length % dim != 0 {
        return Err(Failure::new("vectorLength", vec![(length * width).into(), (dim * width).into()]));
    }
    check_dim(dim, payload)?;
    let mut values = vec![0f32; length];
    let mut rest = values.as_mut_slice();
    let mut finite = true;
    payload.fixed_runs::<4>(|run| {
        let (place, after) = std::mem::take(&mut rest).split_at_mut(run.len() / 4);
        finite &= copy_floats(run, place);
        rest = after;
    })?;
    if !finite {
        values.iter().try_for_each(|&value| check_finite(f64::from(value)))?;
    }
    Ok(values)
}

/// Copies; says whether all are finite.
fn copy_floats(bytes: &[u8], place: &mut [f32]) -> bool {
    if place.len() <= TASK {
        return copy_some(bytes, place);
    }
    place
        .par_chunks_mut(TASK)
        .zip(bytes.par_chunks(TASK * 4))
        .map(|(place, bytes)| copy_some(bytes, place))
        .reduce(|| true, |left, right| left & right)
}

fn copy_some(bytes: &[u8], place: &mut [f32]) -> bool {
    // All bits of the exponent set: infinite or not a number. Without a branch, so that it becomes vector instructions.
    const EXPONENT: u32 = 0x7f80_0000;
    let mut worst = false;
    for (value, bytes) in place.iter_mut().zip(bytes.as_chunks::<4>().0) {
        let bits = u32::from_le_bytes(*bytes);
        worst |= bits & EXPONENT == EXPONENT;
        *value = f32::from_bits(bits);
    }
    !worst
}
