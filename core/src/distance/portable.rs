//! Kernels for any processor: plain loops with enough independent sums for the compiler to vectorise.

use super::Kernels;

pub const KERNELS: Kernels = Kernels {
    f32_name: "portable",
    i8_name: "portable",
    dot,
    dot_four: |query, rows| rows.map(|row| dot(query, row)),
    l2,
    l2_four: |query, rows| rows.map(|row| l2(query, row)),
    dot_i8,
    dot_i8_four: |query, rows| rows.map(|row| dot_i8(query, row)),
};

const LANES: usize = 16;

#[inline]
fn sum(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (left_blocks, right_blocks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let tail: f32 = left_blocks
        .remainder()
        .iter()
        .zip(right_blocks.remainder())
        .map(|(&a, &b)| term(a, b))
        .sum();
    for (a, b) in left_blocks.zip(right_blocks) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f32>() + tail
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    sum(left, right, |a, b| a * b)
}

fn l2(left: &[f32], right: &[f32]) -> f32 {
    sum(left, right, |a, b| (a - b) * (a - b))
}

fn dot_i8(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(&a, &b)| i32::from(i16::from(a) * i16::from(b))).sum()
}
