//! Indexes over float32: filters, nulls, rows that are all alike, zero vectors.

use super::*;

#[test]
fn one_thread_builds_the_same_bytes_and_two_threads_as_good_a_graph() {
    let data = clustered(2_500, 40, 21);
    let one = data.build(Metric::Cosine, true, 1);
    assert_eq!(one.encode(), data.build(Metric::Cosine, true, 1).encode());
    let (recall, _) = measure(&data, &data.build(Metric::Cosine, true, 2));
    assert!(recall >= 0.95, "recall {recall}");
}

#[test]
fn a_filtered_search_finds_k_allowed_rows_by_each_plan() {
    let seed = 31;
    println!("seed {seed}");
    let data = clustered(2_000, 36, seed);
    type Keeps = fn(usize) -> bool;
    let filters: [(&str, Keeps); 6] = [
        ("none", |_| false),
        ("one", |row| row == 1_234),
        ("one in 50", |row| row % 50 == 7),
        ("one in 5", |row| mix(row as u64).is_multiple_of(5)),
        ("a cluster only", |row| mix(31 ^ row as u64) % 40 == 3),
        ("nearly all", |row| row % 10 != 0),
    ];
    for may_code in [true, false] {
        for metric in METRICS {
            let index = data.build(metric, may_code, 1);
            for (name, keeps) in filters {
                let allowed = RowSet::from_fn(data.row_count(), keeps);
                for plan in PLANS {
                    let mut found = 0;
                    let mut expected = 0;
                    for query in data.queries().take(20) {
                        let (hits, _) = data.search_by(&index, Some(plan), query, (K, 64), Some(&allowed));
                        assert!(hits.iter().all(|hit| keeps(hit.0 as usize)), "{name} {plan:?}");
                        let exact = data.exact(metric, query, K, keeps);
                        expected += exact.len();
                        found += check(&data, metric, query, &hits, &exact);
                    }
                    assert!(
                        found as f64 >= 0.9 * expected as f64,
                        "{name} {metric:?} {plan:?} coded {may_code}: {found} of {expected}, seed {seed}"
                    );
                }
                let chosen = data.search_by(&index, None, data.row(0), (K, 64), Some(&allowed)).0;
                assert_eq!(chosen.len(), allowed.count().min(K));
            }
        }
    }
}

#[test]
fn null_rows_are_never_found_and_all_others_are() {
    let mut data = uniform(600, 8, 41);
    data.valid = Some((0..600).map(|row| u8::from(row % 3 == 0)).collect());
    let index = data.build(Metric::L2, true, 1);
    let all = data.search(&index, data.row(1), 600, 600);
    assert_eq!(all.len(), 200);
    assert!(all.iter().all(|hit| hit.0 % 3 == 0));
    let everything = RowSet::full(600);
    for plan in PLANS {
        let (hits, _) = data.search_by(&index, Some(plan), data.row(1), (600, 600), Some(&everything));
        assert_eq!(hits, all, "{plan:?}");
    }
    data.valid = Some(vec![0; 600]);
    let none = data.build(Metric::L2, true, 1);
    assert_eq!(data.search(&none, data.row(1), 5, 5), []);
    data.rows.clear();
    data.valid = None;
    let empty = data.build(Metric::Ip, true, 1);
    assert_eq!(data.search(&empty, &[1.0; 8], 5, 5), []);
}

#[test]
fn rows_that_are_all_alike_hide_no_other_row() {
    // At 3 the equal rows are nearer to all others than those are to each other.
    for (dim, value) in [(4, 60.0), (40, 60.0), (4, 3.0), (40, 3.0)] {
        let mut data = uniform(1_500, dim, 51);
        data.rows[..1_000 * dim].fill(value);
        for metric in [Metric::L2, Metric::Cosine] {
            for valid_from in [0, 1_000] {
                let index = data.build(metric, true, 1);
                let lost = (valid_from..1_500).step_by(7).filter(|&row| {
                    let hits = data.search(&index, data.row(row), 1, 40);
                    hits[0].1 != score(metric, data.row(row), data.row(row)) && (metric == Metric::L2 || hits[0].1 < 0.9999)
                });
                assert_eq!(lost.collect::<Vec<_>>(), [0usize; 0], "{metric:?} dim {dim}");
                assert_eq!(data.search(&index, data.row(0), 1_500, 1_500).len(), 1_500);
            }
        }
    }
}

#[test]
fn a_row_is_found_when_the_equal_row_that_is_linked_is_not_allowed() {
    for dim in [4, 40] {
        let mut data = uniform(1_000, dim, 55);
        data.rows[..200 * dim].fill(3.0);
        let index = data.build(Metric::L2, true, 1);
        let index = data.reopen(&index);
        let allowed = RowSet::from_fn(1_000, |row| row >= 100 && row % 2 == 0);
        for plan in PLANS {
            let (hits, _) = data.search_by(&index, Some(plan), data.row(0), (60, 120), Some(&allowed));
            let expected = data.exact(Metric::L2, data.row(0), 60, |row| allowed.get(row));
            assert_eq!(
                hits.iter().map(|hit| hit.0).take(50).collect::<Vec<_>>(),
                (100..200).step_by(2).collect::<Vec<_>>(),
                "{plan:?}"
            );
            assert!(check(&data, Metric::L2, data.row(0), &hits, &expected) >= 58, "{plan:?}");
        }
    }
}

#[test]
fn zero_vectors_have_cosine_0_and_rank_so() {
    let mut data = clustered(1_000, 48, 61);
    data.rows[..500 * 48].fill(0.0);
    let index = data.build(Metric::Cosine, true, 1);
    for query in data.queries().take(20) {
        let hits = data.search(&index, query, K, 64);
        assert!(check(&data, Metric::Cosine, query, &hits, &data.exact(Metric::Cosine, query, K, |_| true)) >= 9);
    }
    let hits = data.search(&index, &[0.0; 48], K, 64);
    assert!(hits.len() == K && hits.iter().all(|hit| hit.1 == 0.0));
}

#[test]
fn codes_are_not_used_where_they_cannot_tell_rows_apart() {
    let mut data = clustered(1_000, 64, 71);
    for (at, value) in data.rows.iter_mut().enumerate() {
        // Two far heaps, in which rows differ by less than a step of the codes.
        *value = *value * 1e-4 + if (at / 64) % 2 == 0 { 1e3 * (1 + at % 7) as f32 } else { 0.0 };
    }
    assert!(!data.build(Metric::L2, true, 1).is_coded());
    data.rows.fill(f32::MAX);
    let index = data.build(Metric::L2, true, 1);
    assert!(!index.is_coded());
    assert_eq!(data.search(&index, &[-f32::MAX; 64], K, 10).len(), K);
}
