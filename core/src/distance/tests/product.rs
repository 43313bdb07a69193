//! Tiles of products of matrices, and what prepares and reads them.

use super::Random;
use crate::distance::{Half, TILE_QUERIES, TILE_ROWS, available, float_of_f16, portable};

#[test]
fn each_tile_agrees_with_the_portable_one() {
    let seed = 0xE1A4_000A;
    println!("seed {seed}");
    let mut random = Random(seed);
    for dim in (0..40).chain([100, 257]) {
        let queries: Vec<[f32; TILE_QUERIES]> = (0..dim).map(|_| std::array::from_fn(|_| random.unit())).collect();
        let rows: Vec<[f32; TILE_ROWS]> = (0..dim).map(|_| std::array::from_fn(|_| random.unit())).collect();
        let before: [[f32; TILE_ROWS]; TILE_QUERIES] = std::array::from_fn(|_| std::array::from_fn(|_| random.unit()));
        let mut expected = before;
        portable::KERNELS.add_products(&queries, &rows, &mut expected);
        for table in available() {
            let mut found = before;
            table.add_products(&queries, &rows, &mut found);
            for (found, expected) in found.as_flattened().iter().zip(expected.as_flattened()) {
                let near = (found - expected).abs() <= 1e-5 * (dim as f32 + 1.0);
                assert!(near, "{found}, portable {expected}, {} at {dim}, seed {seed}", table.f32_name);
            }
        }
    }
}

#[test]
fn a_sum_does_not_depend_on_its_place_in_the_tile() {
    let mut random = Random(0xE1A4_000B);
    let values: Vec<(f32, f32)> = (0..300).map(|_| (random.unit(), random.unit())).collect();
    let queries: Vec<[f32; TILE_QUERIES]> = values.iter().map(|&(query, _)| [query; TILE_QUERIES]).collect();
    let rows: Vec<[f32; TILE_ROWS]> = values.iter().map(|&(_, row)| [row; TILE_ROWS]).collect();
    for table in available() {
        let mut sums = [[0.0; TILE_ROWS]; TILE_QUERIES];
        table.add_products(&queries, &rows, &mut sums);
        assert!(
            sums.as_flattened().iter().all(|sum| sum.to_bits() == sums[0][0].to_bits()),
            "{}",
            table.f32_name
        );
    }
}

#[test]
fn what_is_not_below_the_threshold_passes() {
    let seed = 0xE1A4_000C;
    println!("seed {seed}");
    let mut random = Random(seed);
    for _ in 0..200 {
        // Small integers, so that no rounding decides; some are not numbers.
        let mut value = || match random.next() % 16 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            other => other as f32 - 8.0,
        };
        let (sums, terms) = (std::array::from_fn(|_| value()), std::array::from_fn(|_| value()));
        let (factor, threshold) = (value(), value());
        let expected = portable::KERNELS.passing(&sums, &terms, factor, threshold);
        for row in 0..TILE_ROWS {
            let below = sums[row] + terms[row] * factor < threshold;
            assert_eq!(expected >> row & 1 == 0, below);
        }
        for table in available() {
            let found = table.passing(&sums, &terms, factor, threshold);
            assert_eq!(found, expected, "{}, seed {seed}", table.f32_name);
        }
    }
}

#[test]
fn rows_become_columns() {
    let mut random = Random(0xE1A4_000D);
    for dim in (0..40).chain([100]) {
        let values: Vec<f32> = (0..8 * dim).map(|_| random.unit()).collect();
        let rows = std::array::from_fn(|row| &values[row * dim..(row + 1) * dim]);
        for table in available() {
            for first in [0, 5, 56] {
                let mut panel = vec![[7.0; TILE_ROWS]; dim];
                table.spread(rows, &mut panel, first);
                for (k, column) in panel.iter().enumerate() {
                    for (at, &value) in column.iter().enumerate() {
                        let row = at.checked_sub(first).and_then(|row| rows.get(row));
                        assert_eq!(value, row.map_or(7.0, |row| row[k]), "{} at {dim}", table.f32_name);
                    }
                }
            }
        }
    }
}

#[test]
fn widened_halves_keep_their_values() {
    let halves: Vec<Half> = (0..=u16::MAX).map(u16::to_le_bytes).collect();
    for table in available() {
        for count in [0, 1, 7, 8, 9, halves.len() - 1, halves.len()] {
            let mut floats = vec![7.0; count];
            table.widen_f16(&halves[..count], &mut floats);
            for (float, &half) in floats.iter().zip(&halves) {
                let expected = float_of_f16(half);
                assert!(
                    *float == expected || float.is_nan() && expected.is_nan(),
                    "{half:?} in {}",
                    table.f32_name
                );
            }
        }
    }
}
