//! Kernels for any processor: plain loops with enough independent sums for the compiler to vectorise. What the other tables must agree with.

use super::half::{float_of_bf16, float_of_f16};
use super::kernels::{Half, Kernels, NIBBLE_ROWS, Pair, TILE_QUERIES, TILE_ROWS};

/// A kernel of one row, for one row and for four.
macro_rules! pair {
    ($kernel:expr) => {
        Pair {
            one: |query, row| $kernel(query, row),
            four: |query, rows| rows.map(|row| $kernel(query, row)),
        }
    };
}

pub const KERNELS: Kernels = Kernels {
    f32_name: "portable",
    i8_name: "portable",
    bits_name: "portable",
    dot: pair!(|query, row| sum(query, row, same, same, product)),
    l2: pair!(|query, row| sum(query, row, same, same, square)),
    dot_f16: pair!(|query, row| sum(query, row, same, float_of_f16, product)),
    l2_f16: pair!(|query, row| sum(query, row, same, float_of_f16, square)),
    dot_bf16: pair!(|query, row| sum(query, row, same, float_of_bf16, product)),
    l2_bf16: pair!(|query, row| sum(query, row, same, float_of_bf16, square)),
    dot_bf16_both: pair!(|query, row| sum(query, row, float_of_bf16, float_of_bf16, product)),
    dot_f32_i8: pair!(|query, row| sum(query, row, same, f32::from, product)),
    l2_f32_i8: pair!(|query, row| sum(query, row, same, f32::from, square)),
    dot_i8: pair!(|query, row| integer_sum(query, row, |a, b| a * b)),
    l2_i8: pair!(|query, row| integer_sum(query, row, |a, b| (a - b) * (a - b))),
    hamming: pair!(|query, row| bit_sum(query, row, |a, b| a ^ b)),
    common: pair!(|query, row| bit_sum(query, row, |a, b| a & b)),
    either: pair!(|query, row| bit_sum(query, row, |a, b| a | b)),
    dot_u4: pair!(dot_u4),
    dot_u6: pair!(dot_u6),
    nibble_sums,
    add_products,
    passing,
    spread,
    widen_f16,
};

const LANES: usize = 16;

fn same(value: f32) -> f32 {
    value
}

fn product(left: f32, right: f32) -> f32 {
    left * right
}

fn square(left: f32, right: f32) -> f32 {
    (left - right) * (left - right)
}

#[inline(always)]
fn sum<Q: Copy, R: Copy>(
    left: &[Q],
    right: &[R],
    left_float: impl Fn(Q) -> f32,
    right_float: impl Fn(R) -> f32,
    term: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (left_blocks, left_rest) = left.as_chunks::<LANES>();
    let (right_blocks, right_rest) = right.as_chunks::<LANES>();
    for (a, b) in left_blocks.iter().zip(right_blocks) {
        for lane in 0..LANES {
            sums[lane] += term(left_float(a[lane]), right_float(b[lane]));
        }
    }
    let rest = left_rest.iter().zip(right_rest);
    let rest: f32 = rest.map(|(&a, &b)| term(left_float(a), right_float(b))).sum();
    sums.iter().sum::<f32>() + rest
}

fn integer_sum(left: &[i8], right: &[i8], term: impl Fn(i32, i32) -> i32) -> i32 {
    left.iter().zip(right).map(|(&a, &b)| term(a.into(), b.into())).sum()
}

/// Set bits of what `of` makes of each pair of words.
pub fn bit_sum(left: &[u8], right: &[u8], of: impl Fn(u64, u64) -> u64) -> u32 {
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    let words = left_words.iter().zip(right_words);
    let sum: u32 = words
        .map(|(left, right)| of(u64::from_le_bytes(*left), u64::from_le_bytes(*right)).count_ones())
        .sum();
    let rest = left_rest.iter().zip(right_rest);
    sum + rest.map(|(&left, &right)| of(left.into(), right.into()).count_ones()).sum::<u32>()
}

pub fn dot_u4(query: &[i8], row: &[u8]) -> i32 {
    u4_from(query, row, 0)
}

/// `dot_u4` of what lies at and behind byte `from` of the row.
pub fn u4_from(query: &[i8], row: &[u8], from: usize) -> i32 {
    let term = |at: usize| {
        let (low, high) = (i32::from(row[at] & 15), i32::from(row[at] >> 4));
        low * i32::from(query[at]) + high * i32::from(query[row.len() + at])
    };
    (from..row.len()).map(term).sum()
}

pub fn dot_u6(query: &[i8], row: &[u8]) -> i32 {
    u6_from(query, row, 0)
}

/// `dot_u6` of the triples at and behind `from`.
pub fn u6_from(query: &[i8], row: &[u8], from: usize) -> i32 {
    let count = row.len() / 3;
    let term = |at: usize| {
        let bytes = [row[at], row[count + at], row[2 * count + at]];
        let fourth = bytes[0] >> 6 | bytes[1] >> 6 << 2 | bytes[2] >> 6 << 4;
        let codes = bytes.iter().map(|byte| byte & 63).chain([fourth]).enumerate();
        codes
            .map(|(plane, code)| i32::from(code) * i32::from(query[plane * count + at]))
            .sum::<i32>()
    };
    (from..count).map(term).sum()
}

pub fn nibble_sums(tables: &[[u8; 16]], block: &[[u8; 16]], sums: &mut [u16; NIBBLE_ROWS]) {
    sums.fill(0);
    for (table, codes) in tables.iter().zip(block) {
        for (row, &pair) in codes.iter().enumerate() {
            sums[row] += u16::from(table[usize::from(pair & 15)]);
            sums[row + NIBBLE_ROWS / 2] += u16::from(table[usize::from(pair >> 4)]);
        }
    }
}

/// Strip by strip of the rows, so that the sums of a strip stay in registers.
fn add_products(queries: &[[f32; TILE_QUERIES]], rows: &[[f32; TILE_ROWS]], sums: &mut [[f32; TILE_ROWS]; TILE_QUERIES]) {
    const STRIP: usize = 8;
    for first in (0..TILE_ROWS).step_by(STRIP) {
        let mut strip = [[0.0f32; STRIP]; TILE_QUERIES];
        for (query, row) in queries.iter().zip(rows) {
            for (value, sums) in query.iter().zip(&mut strip) {
                for (sum, other) in sums.iter_mut().zip(&row[first..first + STRIP]) {
                    *sum += value * other;
                }
            }
        }
        for (all, strip) in sums.iter_mut().zip(&strip) {
            for (sum, more) in all[first..first + STRIP].iter_mut().zip(strip) {
                *sum += more;
            }
        }
    }
}

fn passing(sums: &[f32; TILE_ROWS], terms: &[f32; TILE_ROWS], factor: f32, threshold: f32) -> u64 {
    let fails = |row: usize| sums[row] + terms[row] * factor < threshold;
    (0..TILE_ROWS).fold(0, |mask, row| mask | u64::from(!fails(row)) << row)
}

fn spread(rows: [&[f32]; 8], panel: &mut [[f32; TILE_ROWS]], first: usize) {
    spread_from(rows, panel, first, 0);
}

/// `spread` of the values at and behind `from`.
pub fn spread_from(rows: [&[f32]; 8], panel: &mut [[f32; TILE_ROWS]], first: usize, from: usize) {
    for (k, column) in panel.iter_mut().enumerate().skip(from) {
        for (place, row) in column[first..first + 8].iter_mut().zip(rows) {
            *place = row[k];
        }
    }
}

fn widen_f16(halves: &[Half], floats: &mut [f32]) {
    for (float, &half) in floats.iter_mut().zip(halves) {
        *float = float_of_f16(half);
    }
}
