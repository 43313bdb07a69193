//! Kernels of integers, which are exact: int8 values, bits, small codes, and sums that codes pick from tables.

use super::{Random, dims};
use crate::distance::{NIBBLE_CODES_MAX, NIBBLE_ROWS, Pair, available, lookup_sum, lookup_sum_four};

fn check<Q, R, S: PartialEq + std::fmt::Debug>(pair: &Pair<Q, R, S>, query: &[Q], rows: [&[R]; 4], exact: impl Fn(&[R]) -> S, what: &str) {
    assert_eq!(pair.one(query, rows[0]), exact(rows[0]), "{what}");
    assert_eq!(pair.four(query, rows), rows.map(exact), "four, {what}");
}

#[test]
fn each_int8_kernel_is_exact() {
    let seed = 0xE1A4_0002;
    println!("seed {seed}");
    let mut random = Random(seed);
    for dim in dims() {
        let values: Vec<i8> = (0..1 + 5 * dim).map(|_| random.code()).collect();
        let row = |index: usize| &values[1 + index * dim..1 + (index + 1) * dim];
        let sum = |row: &[i8], term: fn(i32, i32) -> i32| -> i32 {
            let pairs = values[1..].iter().zip(row);
            pairs.map(|(&a, &b)| term(a.into(), b.into())).sum()
        };
        for table in available() {
            let what = format!("{} at {dim}, seed {seed}", table.i8_name);
            let rows = [row(1), row(2), row(3), row(4)];
            check(&table.dot_i8, row(0), rows, |row| sum(row, |a, b| a * b), &what);
            check(&table.l2_i8, row(0), rows, |row| sum(row, |a, b| (a - b) * (a - b)), &what);
        }
    }
}

#[test]
fn int8_sums_of_the_greatest_size_do_not_run_over() {
    for table in available() {
        let (high, low) = (vec![127i8; 32_768], vec![-128i8; 32_768]);
        assert_eq!(table.dot_i8(&high, &low), -127 * 128 * 32_768, "{}", table.i8_name);
        assert_eq!(table.dot_i8(&low, &low), 128 * 128 * 32_768, "{}", table.i8_name);
        assert_eq!(table.dot_i8_four(&low, [&low; 4]), [128 * 128 * 32_768; 4], "{}", table.i8_name);
        assert_eq!(table.l2_i8.one(&high, &low), 255 * 255 * 32_768, "{}", table.i8_name);
        assert_eq!(table.l2_i8.one(&low, &low), 0, "{}", table.i8_name);
    }
}

#[test]
fn each_kernel_of_bits_is_exact() {
    let seed = 0xE1A4_0006;
    println!("seed {seed}");
    let mut random = Random(seed);
    for length in dims() {
        let bytes = random.bytes(1 + 5 * length);
        let row = |index: usize| &bytes[1 + index * length..1 + (index + 1) * length];
        let count = |row: &[u8], of: fn(u8, u8) -> u8| -> u32 { bytes[1..].iter().zip(row).map(|(&a, &b)| of(a, b).count_ones()).sum() };
        for table in available() {
            let what = format!("{} at {length}, seed {seed}", table.bits_name);
            let rows = [row(1), row(2), row(3), row(4)];
            check(&table.hamming, row(0), rows, |row| count(row, |a, b| a ^ b), &what);
            check(&table.common, row(0), rows, |row| count(row, |a, b| a & b), &what);
            check(&table.either, row(0), rows, |row| count(row, |a, b| a | b), &what);
        }
    }
}

#[test]
fn each_kernel_of_small_codes_is_exact() {
    let seed = 0xE1A4_0007;
    println!("seed {seed}");
    let mut random = Random(seed);
    for count in dims().filter(|&count| count <= 2049) {
        let query: Vec<i8> = (0..4 * count).map(|_| random.code()).collect();
        let bytes = random.bytes(1 + 4 * 3 * count);
        let rows = |width: usize| [0, 1, 2, 3].map(|row| &bytes[1 + row * width..1 + (row + 1) * width]);
        let u4 = |row: &[u8]| -> i32 {
            let codes = row.iter().map(|byte| byte & 15).chain(row.iter().map(|byte| byte >> 4));
            codes.zip(&query).map(|(code, &value)| i32::from(code) * i32::from(value)).sum()
        };
        let u6 = |row: &[u8]| -> i32 {
            let fourths = (0..count).map(|at| row[at] >> 6 | row[count + at] >> 6 << 2 | row[2 * count + at] >> 6 << 4);
            let codes = row.iter().map(|byte| byte & 63).chain(fourths);
            codes.zip(&query).map(|(code, &value)| i32::from(code) * i32::from(value)).sum()
        };
        for table in available() {
            let what = format!("{} at {count}, seed {seed}", table.i8_name);
            assert_eq!(table.dot_u4(&query[..2 * count], rows(count)[1]), u4(rows(count)[1]), "u4, {what}");
            assert_eq!(
                table.dot_u4_four(&query[..2 * count], rows(count)),
                rows(count).map(u4),
                "four of u4, {what}"
            );
            assert_eq!(table.dot_u6(&query, rows(3 * count)[1]), u6(rows(3 * count)[1]), "u6, {what}");
            assert_eq!(
                table.dot_u6_four(&query, rows(3 * count)),
                rows(3 * count).map(u6),
                "four of u6, {what}"
            );
        }
    }
}

#[test]
fn nibble_sums_add_what_each_code_picks() {
    let seed = 0xE1A4_0008;
    println!("seed {seed}");
    let mut random = Random(seed);
    for count in (0..=40).chain([63, 64, 65, NIBBLE_CODES_MAX]) {
        let tables: Vec<[u8; 16]> = (0..count)
            .map(|_| {
                std::array::from_fn(|_| {
                    if random.next().is_multiple_of(2) {
                        255
                    } else {
                        random.next() as u8
                    }
                })
            })
            .collect();
        let block: Vec<[u8; 16]> = (0..count).map(|_| std::array::from_fn(|_| random.next() as u8)).collect();
        let expected: [u16; NIBBLE_ROWS] = std::array::from_fn(|row| {
            let code = |codes: &[u8; 16]| if row < 16 { codes[row] & 15 } else { codes[row - 16] >> 4 };
            let picked = tables.iter().zip(&block).map(|(table, codes)| table[usize::from(code(codes))]);
            picked.map(u16::from).sum()
        });
        for table in available() {
            assert_eq!(
                table.nibble_sums(&tables, &block),
                expected,
                "{} of {count}, seed {seed}",
                table.f32_name
            );
        }
    }
    let (tables, block) = ([[255; 16]; NIBBLE_CODES_MAX], [[0x3c; 16]; NIBBLE_CODES_MAX]);
    for table in available() {
        assert_eq!(table.nibble_sums(&tables, &block), [255 * 256; NIBBLE_ROWS], "{}", table.f32_name);
    }
}

#[test]
fn lookup_sums_add_what_each_code_picks() {
    let seed = 0xE1A4_0009;
    println!("seed {seed}");
    let mut random = Random(seed);
    for count in 0..40 {
        // Small integers, of which float32 sums are exact.
        let tables: Vec<[f32; 256]> = (0..count).map(|_| std::array::from_fn(|_| (random.next() % 1000) as f32)).collect();
        let codes = random.bytes(4 * count);
        let rows = [0, 1, 2, 3].map(|row| &codes[row * count..(row + 1) * count]);
        let exact = |row: &[u8]| -> f32 { tables.iter().zip(row).map(|(table, &code)| table[usize::from(code)]).sum() };
        assert_eq!(lookup_sum(&tables, rows[0]), exact(rows[0]), "{count} codes, seed {seed}");
        assert_eq!(lookup_sum_four(&tables, rows), rows.map(exact), "{count} codes, seed {seed}");
    }
}
