//! Kernels of 16-bit floats, and of a float32 query with int8 rows.

use super::{Random, dims};
use crate::distance::{Half, Pair, available, float_of_bf16, float_of_f16, portable};

/// A binary16 that is finite; many are denormal or zero.
fn binary16(random: &mut Random) -> Half {
    let bits = random.next() as u16;
    let finite = if bits & 0x7c00 == 0x7c00 { bits & 0x83ff } else { bits };
    finite.to_le_bytes()
}

/// A bfloat16 that is not denormal, of a size whose squares are finite.
fn bfloat16(random: &mut Random) -> Half {
    let value = random.value();
    let bits = if value.is_normal() { value.to_bits() >> 16 } else { 0 };
    (bits as u16).to_le_bytes()
}

/// Both kernels agree with the portable ones within rounding.
struct Check<'a, Q, R> {
    pair: &'a Pair<Q, R, f32>,
    portable: &'a Pair<Q, R, f32>,
    /// The size of a term of the sum.
    size: fn(&Q, &R) -> f64,
    what: String,
}

impl<Q, R> Check<'_, Q, R> {
    fn run(&self, query: &[Q], rows: [&[R]; 4]) {
        let four = self.pair.four(query, rows);
        for (lane, row) in rows.into_iter().enumerate() {
            let size: f64 = query.iter().zip(row).map(|(a, b)| (self.size)(a, b)).sum();
            let tolerance = size * 1e-5 + row.len() as f64 * f64::from(f32::MIN_POSITIVE);
            let expected = self.portable.one(query, row);
            let found = self.pair.one(query, row);
            let error = (f64::from(found) - f64::from(expected)).abs();
            assert!(error <= tolerance, "{}: {found}, portable {expected}", self.what);
            assert_eq!(found.to_bits(), four[lane].to_bits(), "four, {}", self.what);
        }
    }
}

fn product(left: f32, right: f32) -> f64 {
    (f64::from(left) * f64::from(right)).abs()
}

fn square(left: f32, right: f32) -> f64 {
    (f64::from(left) - f64::from(right)).powi(2)
}

#[test]
fn each_kernel_of_16_bit_floats_agrees_with_the_portable_one() {
    let seed = 0xE1A4_0004;
    println!("seed {seed}");
    let mut random = Random(seed);
    let reference = &portable::KERNELS;
    for dim in dims() {
        let query: Vec<f32> = (0..dim).map(|_| random.value()).collect();
        let f16: Vec<Half> = (0..4 * dim).map(|_| binary16(&mut random)).collect();
        let bf16: Vec<Half> = (0..5 * dim).map(|_| bfloat16(&mut random)).collect();
        let f16_rows = [0, 1, 2, 3].map(|row| &f16[row * dim..(row + 1) * dim]);
        let bf16_rows = [0, 1, 2, 3].map(|row| &bf16[row * dim..(row + 1) * dim]);
        for table in available() {
            let what = |name: &str| format!("{name}, {} at {dim}, seed {seed}", table.f32_name);
            type Size<Q> = fn(&Q, &Half) -> f64;
            let f16_kernels: [(_, _, Size<f32>); 2] = [
                (&table.dot_f16, &reference.dot_f16, |&a, &b| product(a, float_of_f16(b))),
                (&table.l2_f16, &reference.l2_f16, |&a, &b| square(a, float_of_f16(b))),
            ];
            for (pair, portable, size) in f16_kernels {
                let what = what("f16");
                Check {
                    pair,
                    portable,
                    size,
                    what,
                }
                .run(&query, f16_rows);
            }
            let bf16_kernels: [(_, _, Size<f32>); 2] = [
                (&table.dot_bf16, &reference.dot_bf16, |&a, &b| product(a, float_of_bf16(b))),
                (&table.l2_bf16, &reference.l2_bf16, |&a, &b| square(a, float_of_bf16(b))),
            ];
            for (pair, portable, size) in bf16_kernels {
                let what = what("bf16");
                Check {
                    pair,
                    portable,
                    size,
                    what,
                }
                .run(&query, bf16_rows);
            }
            let both = Check {
                pair: &table.dot_bf16_both,
                portable: &reference.dot_bf16_both,
                size: |&a, &b| product(float_of_bf16(a), float_of_bf16(b)),
                what: what("bf16 with bf16"),
            };
            both.run(&bf16[4 * dim..], bf16_rows);
        }
    }
}

#[test]
fn each_kernel_of_a_float_query_with_int8_rows_agrees_with_the_portable_one() {
    let seed = 0xE1A4_0005;
    println!("seed {seed}");
    let mut random = Random(seed);
    for dim in dims() {
        let query: Vec<f32> = (0..dim).map(|_| 100.0 * random.unit()).collect();
        let codes: Vec<i8> = (0..4 * dim).map(|_| random.code()).collect();
        let rows = [0, 1, 2, 3].map(|row| &codes[row * dim..(row + 1) * dim]);
        for table in available() {
            let what = format!("{} at {dim}, seed {seed}", table.f32_name);
            let dot = Check {
                pair: &table.dot_f32_i8,
                portable: &portable::KERNELS.dot_f32_i8,
                size: |&a, &b| product(a, b.into()),
                what: what.clone(),
            };
            dot.run(&query, rows);
            let l2 = Check {
                pair: &table.l2_f32_i8,
                portable: &portable::KERNELS.l2_f32_i8,
                size: |&a, &b| square(a, b.into()),
                what,
            };
            l2.run(&query, rows);
        }
    }
}

#[test]
fn each_half_has_the_same_value_in_each_kernel() {
    let one = [1.0f32; 16];
    for bits in 0..=u16::MAX {
        let half = bits.to_le_bytes();
        let same = |found: f32, expected: f32| found == expected || (found.is_nan() && expected.is_nan());
        for table in available() {
            for dim in [1, 16] {
                let mut row = [[0; 2]; 16];
                row[0] = half;
                let (f16, bf16) = (
                    table.dot_f16.one(&one[..dim], &row[..dim]),
                    table.dot_bf16.one(&one[..dim], &row[..dim]),
                );
                assert!(same(f16, float_of_f16(half)), "f16 {bits:#x}: {f16} in {}", table.f32_name);
                assert!(same(bf16, float_of_bf16(half)), "bf16 {bits:#x}: {bf16} in {}", table.f32_name);
            }
        }
    }
}

#[test]
fn halves_have_the_values_of_their_formats() {
    let f16 = |bits: u16| float_of_f16(bits.to_le_bytes());
    assert_eq!(f16(0x3c00), 1.0);
    assert_eq!(f16(0xc000), -2.0);
    assert_eq!(f16(0x7bff), 65_504.0);
    assert_eq!(f16(0x0001), 2f32.powi(-24));
    assert_eq!(f16(0x03ff), 1023.0 * 2f32.powi(-24));
    assert_eq!(f16(0x8000).to_bits(), (-0.0f32).to_bits());
    assert_eq!(f16(0xfc00), f32::NEG_INFINITY);
    assert!(f16(0x7e00).is_nan());
    assert_eq!(float_of_bf16(0x3f80u16.to_le_bytes()), 1.0);
    assert_eq!(float_of_bf16(0xc040u16.to_le_bytes()), -3.0);
}
