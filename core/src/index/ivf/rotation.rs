//! A random rotation of the whole space, made of sign flips, Hadamard transforms and turns of pairs: as good as a random orthogonal matrix for codes of
//! a bit a dimension, at the cost of a few sums a value and without a matrix to keep.

use crate::index::mix::mix;

const ROUNDS: usize = 4;

#[derive(Debug)]
pub struct Rotation {
    dim: usize,
    /// Largest power of two that is not above `dim`.
    window: usize,
    /// 1 or -1, `dim` of them a round.
    signs: Vec<f32>,
}

impl Rotation {
    pub fn new(dim: usize, seed: u64) -> Rotation {
        let sign = |at: usize| if mix(seed ^ at as u64) & 1 == 0 { 1.0 } else { -1.0 };
        Rotation {
            dim,
            window: (dim / 2 + 1).next_power_of_two(),
            signs: (0..ROUNDS * dim).map(sign).collect(),
        }
    }

    /// Turns a vector of `dim` values.
    pub fn apply(&self, vector: &mut [f32]) {
        for (round, signs) in self.signs.chunks_exact(self.dim).enumerate() {
            vector.iter_mut().zip(signs).for_each(|(value, sign)| *value *= sign);
            if self.window == self.dim {
                hadamard(vector);
                continue;
            }
            let start = if round % 2 == 0 { 0 } else { self.dim - self.window };
            hadamard(&mut vector[start..start + self.window]);
            turn_pairs(vector);
        }
    }
}

/// The Hadamard transform, divided so that lengths stay; the length is a power of two.
fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (values.len() as f32).sqrt();
    values.iter_mut().for_each(|value| *value *= scale);
}

/// Turns each value of the first half with one of the second by 45 degrees.
fn turn_pairs(values: &mut [f32]) {
    let half = values.len() / 2;
    let (left, rest) = values.split_at_mut(half);
    let start = rest.len() - half;
    for (left, right) in left.iter_mut().zip(&mut rest[start..]) {
        let (sum, difference) = (*left + *right, *left - *right);
        (*left, *right) = (sum * std::f32::consts::FRAC_1_SQRT_2, difference * std::f32::consts::FRAC_1_SQRT_2);
    }
}

#[cfg(test)]
mod tests {
    use super::Rotation;

    #[test]
    fn a_rotation_keeps_lengths_and_spreads_what_lay_in_one_place() {
        for dim in [1, 2, 3, 5, 8, 31, 32, 100, 127, 128, 768] {
            let rotation = Rotation::new(dim, 7);
            for at in [0, dim / 2, dim - 1] {
                let mut vector = vec![0.0; dim];
                vector[at] = 3.0;
                rotation.apply(&mut vector);
                let length: f32 = vector.iter().map(|value| value * value).sum();
                assert!((length - 9.0).abs() < 1e-3, "dim {dim}: {length}");
                let largest = vector.iter().fold(0.0f32, |most, value| most.max(value.abs()));
                assert!(dim < 31 || largest < 3.0 * 0.75, "dim {dim}: {largest}");
            }
        }
    }
}
