//! Recall, filters, odd shapes and golden figures.

use super::*;

#[test]
fn recall_and_cost_are_the_golden_ones() {
    let mut lines: Vec<(String, f64, usize)> = Vec::new();
    let rows = spread(6_000 + QUERIES, 64, 12, 48);
    let table = Table::of(FLOAT, 64, rows, 6_000, None);
    for metric in FLOAT_METRICS {
        for (name, _, plan) in plans(metric, 128, table.dim) {
            let index = build(&table.vectors(), &plan).expect("an index");
            for nprobe in [8, 32] {
                let (recall, computed) = figures(&table, &index, nprobe);
                lines.push((format!("{name}, {metric:?}, nprobe {nprobe}"), recall, computed));
            }
        }
    }
    let bits = spread(6_000 + QUERIES, 256, 13, 48)
        .into_iter()
        .map(|value| f32::from(u8::from(value > 8.0)));
    let table = Table::of(BINARY, 256, bits.collect(), 6_000, None);
    for metric in BIT_METRICS {
        let index = build(&table.vectors(), &plan(IndexKind::BinIvfFlat, metric, 128)).expect("an index");
        for nprobe in [8, 32] {
            let (recall, computed) = figures(&table, &index, nprobe);
            lines.push((format!("BIN_IVF_FLAT, {metric:?}, nprobe {nprobe}"), recall, computed));
        }
    }
    let text = |(name, recall, computed): &(String, f64, usize)| format!("{name}: recall {recall:.3}, computed {computed}\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ivf.txt");
    let head = "# recall@10 and rows looked at a query, nlist 128; 6000 x 64 floats, 6000 x 256 bits\n";
    if std::env::var_os("ELANUS_WRITE_GOLDEN").is_some() {
        let all: String = lines.iter().map(text).collect();
        std::fs::write(path, format!("{head}{all}")).expect("write the golden file");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file");
    let golden: Vec<&str> = golden.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(golden.len(), lines.len(), "run again with ELANUS_WRITE_GOLDEN=1 if that is meant");
    for (line, golden) in lines.iter().zip(golden) {
        let (name, figures) = golden.split_once(": recall ").expect("a name");
        let (recall, computed) = figures.split_once(", computed ").expect("figures");
        let (recall, computed): (f64, f64) = (recall.parse().expect("recall"), computed.parse().expect("rows"));
        let same = name == line.0 && (recall - line.1).abs() <= 0.0061 && (computed - line.2 as f64).abs() <= computed * 0.01;
        assert!(same, "{} is not the golden {golden}", text(line));
    }
}

#[test]
fn when_all_lists_are_looked_at_recall_is_that_of_the_codes() {
    let kinds = [FLOAT, FLOAT16, BFLOAT16];
    for metric in FLOAT_METRICS {
        for kind in kinds.into_iter().take(if metric == Metric::Ip { 1 } else { 3 }) {
            let table = Table::new(kind, 2_000, 36, 21);
            for (name, recall_min, plan) in plans(metric, 16, 36) {
                let index = build(&table.vectors(), &plan).expect("an index");
                let recall = table.recall(&index, &look(K, 16));
                assert!(recall >= recall_min, "{name} {metric:?} type {kind}: recall {recall}");
            }
        }
    }
    for metric in BIT_METRICS {
        let table = Table::new(BINARY, 2_000, 72, 22);
        let index = build(&table.vectors(), &plan(IndexKind::BinIvfFlat, metric, 16)).expect("an index");
        assert_eq!(table.recall(&index, &look(K, 16)), 1.0, "{metric:?}");
    }
}

#[test]
fn a_filtered_search_finds_k_allowed_rows() {
    type Keeps = fn(usize) -> bool;
    let filters: [Keeps; 5] = [
        |_| false,
        |row| row == 1_234,
        |row| row % 50 == 7,
        |row| mix(row as u64).is_multiple_of(5),
        |row| row % 10 != 0,
    ];
    let tables = [Table::new(FLOAT, 2_000, 32, 31), Table::new(BINARY, 2_000, 64, 32)];
    for (table, metrics) in tables.iter().zip([&FLOAT_METRICS[..2], &BIT_METRICS]) {
        for &metric in metrics {
            let plans = if metric == Metric::Hamming || metric == Metric::Jaccard {
                vec![("BIN_IVF_FLAT", 1.0, plan(IndexKind::BinIvfFlat, metric, 50))]
            } else {
                plans(metric, 50, 32)
            };
            for (name, _, plan) in plans {
                let index = build(&table.vectors(), &plan).expect("an index");
                for (number, keeps) in filters.into_iter().enumerate() {
                    let allowed = RowSet::from_fn(table.row_count, keeps);
                    let (mut found, mut expected) = (0, 0);
                    for query in table.queries().take(20) {
                        let hits = table.search(&index, query, &look(K, 8), Some(&allowed));
                        assert!(hits.iter().all(|hit| keeps(hit.0 as usize)), "{name} filter {number}");
                        let exact = table.exact(metric, query, K, keeps);
                        expected += exact.len();
                        found += table.check(metric, query, &hits, &exact);
                    }
                    assert!(
                        found as f64 >= 0.8 * expected as f64,
                        "{name} {metric:?} filter {number}: {found} of {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn odd_shapes_are_answered_in_full() {
    let nulls = |row_count: usize, each: usize| Some((0..row_count).map(|row| u8::from(row % each != 0)).collect());
    for (row_count, each) in [(0, 2), (1, 2), (1, 1), (3, 2), (90, 3), (400, 1), (400, 400)] {
        let dim = 10;
        let table = Table::of(
            FLOAT,
            dim,
            clustered(row_count + QUERIES, dim, 41),
            row_count,
            nulls(row_count, each),
        );
        for (_, _, plan) in plans(Metric::L2, 64, dim) {
            let index = build(&table.vectors(), &plan).expect("an index");
            for k in [1, 7, 1_000] {
                table.recall(&index, &look(k, 1));
            }
            let again = open(mapped(&index.encode()), &table.vectors()).expect("an index");
            table.recall(&again, &look(5, 3));
        }
        let bits: Vec<f32> = clustered(row_count + QUERIES, 16, 42)
            .iter()
            .map(|&value| f32::from(u8::from(value > 0.0)))
            .collect();
        let table = Table::of(BINARY, 16, bits, row_count, nulls(row_count, each));
        let index = build(&table.vectors(), &plan(IndexKind::BinIvfFlat, Metric::Jaccard, 64)).expect("an index");
        table.recall(&index, &look(1_000, 1));
    }
}

#[test]
fn flat_rows_have_codes_where_these_lose_nothing() {
    let index_of = |dim: usize, rows: Vec<f32>, metric| {
        let count = rows.len() / dim - QUERIES;
        let table = Table::of(FLOAT, dim, rows, count, None);
        let index = Ivf::build_of(&table.vectors(), &plan(IndexKind::IvfFlat, metric, 20)).expect("an index");
        (index.codes.is_some(), index.inverse_norms.len())
    };
    for metric in FLOAT_METRICS {
        assert_eq!(index_of(32, clustered(1_000 + QUERIES, 32, 91), metric), (true, 0));
        let norms = if metric == Metric::Cosine { 1_000 } else { 0 };
        assert_eq!(index_of(31, clustered(1_000 + QUERIES, 31, 92), metric), (false, norms));
    }
    // One dimension in which all rows differ by little, beside others that are spread a thousand times as far by a few rows.
    let mut rows = clustered(1_000 + QUERIES, 32, 93);
    for (at, row) in rows.chunks_exact_mut(32).enumerate() {
        let far = if at % 10 == 0 { 1e6 } else { 0.0 };
        row[1..].iter_mut().for_each(|value| *value = far * whole(at as u64, 1));
        row[0] = (mix(at as u64) % 100_000) as f32 / 1e7;
    }
    assert!(!index_of(32, rows, Metric::L2).0);
}

#[test]
fn equal_and_extreme_rows_do_not_disturb() {
    let dim = 8;
    for (name, value) in [("zeros", 0.0), ("equal", 3.0), ("huge", 1e30), ("tiny", 1e-30)] {
        let table = Table::of(FLOAT, dim, vec![value; (500 + QUERIES) * dim], 500, None);
        for metric in FLOAT_METRICS {
            for (kind, _, plan) in plans(metric, 8, dim) {
                let index = build(&table.vectors(), &plan).expect("an index");
                let hits = table.search(&index, &table.queries[..dim], &look(K, 2), None);
                assert_eq!(hits.len(), K, "{name} {metric:?} {kind}");
            }
        }
    }
}
