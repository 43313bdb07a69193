//! Vectors out of an encoded payload: one long copy, checked for values that are no numbers on the way, by several threads when it is long.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::column::Values;
use super::decode::check_finite;
use super::payload::Payload;
use crate::failure::{Failure, Outcome};

/// Floats copied by one task.
const TASK: usize = 1 << 18;

pub fn decode_vectors(dim: usize, payload: &Payload) -> Outcome<Values> {
    let mut length = 0;
    payload.fixed_runs::<4>(|run| length += run.len() / 4)?;
    if dim == 0 || length % dim != 0 {
        return Err(Failure::new("vectorLength", vec![length.into(), dim.into()]));
    }
    if payload.dim != dim as u64 {
        return Err(Failure::new("dimMismatch", vec![(payload.dim as i64).into(), dim.into()]));
    }
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
    Ok(Values::Vectors {
        dim,
        values: Buffer::Owned(values),
    })
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
