//! Kernels of float32 vectors, and scores.

use super::{Random, dims};
use crate::distance::{Kernels, Metric, available, portable, scan, score};

fn assert_near(found: f32, expected: f32, size: f64, what: &str) {
    let tolerance = size * 1e-5 + f64::from(f32::MIN_POSITIVE);
    assert!(
        (f64::from(found) - f64::from(expected)).abs() <= tolerance,
        "{what}: {found}, portable {expected}"
    );
}

fn check_f32(table: &Kernels, query: &[f32], rows: [&[f32]; 4], what: &str) {
    let products = |row: &[f32]| query.iter().zip(row).map(|(&a, &b)| (f64::from(a) * f64::from(b)).abs()).sum();
    let squares = |row: &[f32]| query.iter().zip(row).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    let (dots, distances) = (table.dot_four(query, rows), table.l2_four(query, rows));
    for (lane, row) in rows.into_iter().enumerate() {
        let dot = portable::KERNELS.dot(query, row);
        let distance = portable::KERNELS.l2(query, row);
        assert_near(table.dot(query, row), dot, products(row), &format!("dot, {what}"));
        assert_eq!(dots[lane].to_bits(), table.dot(query, row).to_bits(), "dot of four, {what}");
        assert_near(table.l2(query, row), distance, squares(row), &format!("l2, {what}"));
        assert_eq!(distances[lane].to_bits(), table.l2(query, row).to_bits(), "l2 of four, {what}");
        assert!(table.l2(row, row) == 0.0);
    }
}

#[test]
fn each_f32_kernel_agrees_with_the_portable_one() {
    let seed = 0xE1A4_0001;
    println!("seed {seed}");
    let mut random = Random(seed);
    for dim in dims() {
        for offset in 0..3 {
            // Rows that start at odd places, so that no load is aligned by luck; the exact end lets a read beyond it be seen by a checker of memory.
            let values: Vec<f32> = (0..offset + 5 * dim).map(|_| random.value()).collect();
            let row = |index: usize| &values[offset + index * dim..offset + (index + 1) * dim];
            for table in available() {
                check_f32(
                    &table,
                    row(0),
                    [row(1), row(2), row(3), row(4)],
                    &format!("{} at {dim}+{offset}, seed {seed}", table.f32_name),
                );
            }
        }
    }
}

#[test]
fn an_overflow_is_infinite_in_each_kernel() {
    for dim in [1, 7, 16, 33, 128] {
        let (large, negative) = (vec![f32::MAX; dim], vec![-f32::MAX; dim]);
        for table in available() {
            assert_eq!(table.dot(&large, &large), f32::INFINITY, "{}", table.f32_name);
            assert_eq!(table.dot(&large, &negative), f32::NEG_INFINITY, "{}", table.f32_name);
            assert_eq!(table.l2(&large, &negative), f32::INFINITY, "{}", table.f32_name);
        }
    }
}

#[test]
fn a_scan_scores_each_row_as_the_pair_is_scored() {
    let seed = 0xE1A4_0003;
    println!("seed {seed}");
    let mut random = Random(seed);
    for dim in [1, 5, 16, 100, 131] {
        for row_count in [0, 1, 3, 4, 5, 8, 50] {
            let query: Vec<f32> = (0..dim).map(|_| random.unit()).collect();
            let rows: Vec<f32> = (0..dim * row_count).map(|_| random.unit()).collect();
            for metric in [Metric::L2, Metric::Ip, Metric::Cosine] {
                let mut out = vec![f32::NAN; row_count];
                scan(metric, &query, &rows, dim, &mut out);
                for (found, row) in out.iter().zip(rows.chunks_exact(dim)) {
                    assert_near(
                        *found,
                        score(metric, &query, row),
                        4.0 * dim as f64,
                        &format!("{metric:?} at {dim}, seed {seed}"),
                    );
                }
            }
        }
    }
}

#[test]
fn a_pair_has_the_score_that_users_see() {
    let (left, right, zero) = ([3.0, 4.0], [4.0, 3.0], [0.0, 0.0]);
    assert_eq!(score(Metric::L2, &left, &right), 2.0);
    assert_eq!(score(Metric::Ip, &left, &right), 24.0);
    assert!((score(Metric::Cosine, &left, &right) - 0.96).abs() < 1e-6);
    assert_eq!(score(Metric::Cosine, &left, &zero), 0.0);
    assert!((score(Metric::Cosine, &[1e30, 0.0], &[1e-30, 0.0]) - 1.0).abs() < 1e-5);
    assert_eq!(Metric::from_name("cosine"), Some(Metric::Cosine));
    assert_eq!(Metric::from_name("SuperStructure"), Some(Metric::Superstructure));
    assert_eq!(Metric::from_name("SUB"), None);
    assert!(!Metric::L2.higher_is_better() && Metric::Ip.higher_is_better() && Metric::Cosine.higher_is_better());
}
