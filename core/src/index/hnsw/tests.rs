//! The graph against an exact scan: recall, filters, rows that are hard to reach, its file, and golden figures.
//!
//! Values are small whole numbers, so that sums are exact and every processor builds the same graph. `ELANUS_WRITE_GOLDEN=1` writes the golden file anew.

use rayon::ThreadPoolBuilder;

use super::plan::Plan;
use super::*;
use crate::distance::score;
use crate::index::mix::mix;

const METRICS: [Metric; 3] = [Metric::L2, Metric::Ip, Metric::Cosine];
const PLANS: [Plan; 3] = [Plan::Scan, Plan::TwoHop, Plan::Walk];
const K: usize = 10;
const QUERIES: usize = 100;

/// Rows, and queries of the same distribution.
struct Data {
    dim: usize,
    rows: Vec<f32>,
    queries: Vec<f32>,
}

/// A whole number in `-bound..=bound`.
fn whole(seed: u64, bound: u64) -> f32 {
    (mix(seed) % (2 * bound + 1)) as f32 - bound as f32
}

fn uniform(row_count: usize, dim: usize, seed: u64) -> Data {
    let values = |count: usize, part: u64| (0..count * dim).map(|at| whole(seed ^ mix(part) ^ at as u64, 64)).collect();
    Data {
        dim,
        rows: values(row_count, 1),
        queries: values(QUERIES, 2),
    }
}

fn clustered(row_count: usize, dim: usize, seed: u64) -> Data {
    let value = |row: usize, column: usize| {
        let cluster = mix(seed ^ row as u64) % 40;
        whole(seed ^ mix(cluster << 32 | column as u64), 64) + whole(seed ^ mix(1 << 60 | (row as u64) << 32 | column as u64), 24)
    };
    let values = |start: usize, count: usize| {
        (start..start + count)
            .flat_map(|row| (0..dim).map(move |column| value(row, column)))
            .collect()
    };
    Data {
        dim,
        rows: values(0, row_count),
        queries: values(row_count, QUERIES),
    }
}

impl Data {
    fn row_count(&self) -> usize {
        self.rows.len() / self.dim
    }

    fn queries(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.chunks_exact(self.dim)
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.rows[row * self.dim..(row + 1) * self.dim]
    }

    /// The scores of the best k allowed rows, best first.
    fn exact(&self, metric: Metric, query: &[f32], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut scores: Vec<f32> = (0..self.row_count())
            .filter(|&row| allowed(row))
            .map(|row| score(metric, query, self.row(row)))
            .collect();
        scores.sort_by(|left, right| {
            if metric.higher_is_better() {
                right.total_cmp(left)
            } else {
                left.total_cmp(right)
            }
        });
        scores.truncate(k);
        scores
    }

    fn build(&self, metric: Metric, valid: Option<&[u8]>, may_code: bool, threads: usize) -> Hnsw {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            Hnsw::build_in(
                &self.rows,
                self.dim,
                valid,
                HnswParameters {
                    metric,
                    m: 16,
                    ef_construction: 100,
                },
                may_code,
            )
        })
    }
}

/// Checks the shape of an answer and that each score is the row's; returns how many rows belong to the exact best.
fn check(data: &Data, metric: Metric, query: &[f32], hits: &[(u32, f32)], exact: &[f32]) -> usize {
    assert_eq!(hits.len(), exact.len());
    for pair in hits.windows(2) {
        assert!(
            if metric.higher_is_better() {
                pair[0].1 >= pair[1].1
            } else {
                pair[0].1 <= pair[1].1
            },
            "best first: {pair:?}"
        );
        assert!(hits.iter().filter(|hit| hit.0 == pair[0].0).count() == 1, "a row twice");
    }
    let near = |left: f32, right: f32| (left - right).abs() <= 1e-5 * left.abs().max(1.0);
    assert!(
        hits.iter()
            .all(|&(row, found)| near(found, score(metric, query, data.row(row as usize))))
    );
    let Some(&worst) = exact.last() else { return 0 };
    let belongs = |found: f32| near(found, worst) || (found > worst) == metric.higher_is_better();
    hits.iter().filter(|hit| belongs(hit.1)).count()
}

/// Recall@10 and distances computed a query, at ef 64.
fn measure(data: &Data, index: &Hnsw) -> (f64, usize) {
    let (mut found, mut computed) = (0, 0);
    for query in data.queries() {
        let (hits, cost) = index.search_counted(&data.rows, query, K, 64, None);
        found += check(data, index.metric(), query, &hits, &data.exact(index.metric(), query, K, |_| true));
        computed += cost;
    }
    (found as f64 / (K * QUERIES) as f64, computed / QUERIES)
}

#[test]
fn recall_and_cost_are_the_golden_ones() {
    let mut lines = String::from(
        "# recall@10 and distances computed a query at ef 64, and links on all levels; M 16, efConstruction 100, one thread\n",
    );
    for (name, data) in [
        ("uniform 5000 x 32", uniform(5_000, 32, 11)),
        ("clustered 3000 x 128", clustered(3_000, 128, 12)),
    ] {
        for metric in METRICS {
            for may_code in [true, false] {
                let index = data.build(metric, None, may_code, 1);
                assert_eq!(index.is_coded(), may_code);
                let (recall, computed) = measure(&data, &index);
                assert!(recall >= 0.95, "{name} {metric:?} coded {may_code}: recall {recall}");
                let links = index.graph.all_links().filter(|&link| link != graph::EMPTY).count();
                let rows = if may_code { "codes" } else { "f32" };
                lines += &format!("{name}, {metric:?}, {rows}: recall {recall:.3}, computed {computed}, links {links}\n");
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hnsw.txt");
    if std::env::var_os("ELANUS_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &lines).expect("write the golden file");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file");
    assert_eq!(
        lines, golden,
        "figures changed: if that is meant, run again with ELANUS_WRITE_GOLDEN=1"
    );
}

#[test]
fn one_thread_builds_the_same_bytes_and_two_threads_as_good_a_graph() {
    let data = clustered(2_500, 40, 21);
    let one = data.build(Metric::Cosine, None, true, 1);
    assert_eq!(one.encode(), data.build(Metric::Cosine, None, true, 1).encode());
    let (recall, _) = measure(&data, &data.build(Metric::Cosine, None, true, 2));
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
            let index = data.build(metric, None, may_code, 1);
            for (name, keeps) in filters {
                let allowed = RowSet::from_fn(data.row_count(), keeps);
                for plan in PLANS {
                    let mut found = 0;
                    let mut expected = 0;
                    for query in data.queries().take(20) {
                        let (hits, _) = index.search_by(plan, &data.rows, query, K, 64, Some(&allowed));
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
                let chosen = index.search(&data.rows, data.row(0), K, 64, Some(&allowed));
                assert_eq!(chosen.len(), allowed.count().min(K));
            }
        }
    }
}

#[test]
fn null_rows_are_never_found_and_all_others_are() {
    let data = uniform(600, 8, 41);
    let valid: Vec<u8> = (0..600).map(|row| u8::from(row % 3 == 0)).collect();
    let index = data.build(Metric::L2, Some(&valid), true, 1);
    let all = index.search(&data.rows, data.row(1), 600, 600, None);
    assert_eq!(all.len(), 200);
    assert!(all.iter().all(|hit| hit.0 % 3 == 0));
    let everything = RowSet::full(600);
    for plan in PLANS {
        let (hits, _) = index.search_by(plan, &data.rows, data.row(1), 600, 600, Some(&everything));
        assert_eq!(hits, all, "{plan:?}");
    }
    let none = data.build(Metric::L2, Some(&[0; 600]), true, 1);
    assert_eq!(none.search(&data.rows, data.row(1), 5, 5, None), []);
    let empty = Hnsw::build(
        &[],
        8,
        None,
        HnswParameters {
            metric: Metric::Ip,
            m: 2,
            ef_construction: 1,
        },
    );
    assert_eq!(empty.search(&[], data.row(1), 5, 5, None), []);
}

#[test]
fn rows_that_are_all_alike_hide_no_other_row() {
    // At 3 the equal rows are nearer to all others than those are to each other.
    for (dim, value) in [(4, 60.0), (40, 60.0), (4, 3.0), (40, 3.0)] {
        let mut data = uniform(1_500, dim, 51);
        data.rows[..1_000 * dim].fill(value);
        for metric in [Metric::L2, Metric::Cosine] {
            for valid_from in [0, 1_000] {
                let index = data.build(metric, None, true, 1);
                let lost = (valid_from..1_500).step_by(7).filter(|&row| {
                    let hits = index.search(&data.rows, data.row(row), 1, 40, None);
                    hits[0].1 != score(metric, data.row(row), data.row(row)) && (metric == Metric::L2 || hits[0].1 < 0.9999)
                });
                assert_eq!(lost.collect::<Vec<_>>(), [0usize; 0], "{metric:?} dim {dim}");
                assert_eq!(index.search(&data.rows, data.row(0), 1_500, 1_500, None).len(), 1_500);
            }
        }
    }
}

#[test]
fn a_row_is_found_when_the_equal_row_that_is_linked_is_not_allowed() {
    for dim in [4, 40] {
        let mut data = uniform(1_000, dim, 55);
        data.rows[..200 * dim].fill(3.0);
        let index = data.build(Metric::L2, None, true, 1);
        let index = Hnsw::decode(&index.encode(), 1_000, dim).expect("a whole index");
        let allowed = RowSet::from_fn(1_000, |row| row >= 100 && row % 2 == 0);
        for plan in PLANS {
            let (hits, _) = index.search_by(plan, &data.rows, data.row(0), 60, 120, Some(&allowed));
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
    let index = data.build(Metric::Cosine, None, true, 1);
    for query in data.queries().take(20) {
        let hits = index.search(&data.rows, query, K, 64, None);
        assert!(check(&data, Metric::Cosine, query, &hits, &data.exact(Metric::Cosine, query, K, |_| true)) >= 9);
    }
    let hits = index.search(&data.rows, &[0.0; 48], K, 64, None);
    assert!(hits.len() == K && hits.iter().all(|hit| hit.1 == 0.0));
}

#[test]
fn codes_are_not_used_where_they_cannot_tell_rows_apart() {
    let mut data = clustered(1_000, 64, 71);
    for (at, value) in data.rows.iter_mut().enumerate() {
        // Two far heaps, in which rows differ by less than a step of the codes.
        *value = *value * 1e-4 + if (at / 64) % 2 == 0 { 1e3 * (1 + at % 7) as f32 } else { 0.0 };
    }
    assert!(!data.build(Metric::L2, None, true, 1).is_coded());
    data.rows.fill(f32::MAX);
    let index = data.build(Metric::L2, None, true, 1);
    assert!(!index.is_coded());
    assert_eq!(index.search(&data.rows, &[-f32::MAX; 64], K, 10, None).len(), K);
}

#[test]
fn a_decoded_index_answers_as_the_encoded_one() {
    for (dim, valid) in [(8, None), (40, None), (40, Some([1u8, 0, 1].repeat(200)))] {
        let data = uniform(600, dim, 81);
        for metric in METRICS {
            let index = data.build(metric, valid.as_deref(), true, 1);
            let decoded = Hnsw::decode(&index.encode(), 600, dim).expect("a whole index");
            assert_eq!(
                (decoded.parameters(), decoded.dim(), decoded.row_count()),
                (index.parameters(), dim, 600)
            );
            assert_eq!(decoded.encode(), index.encode());
            for query in data.queries().take(10) {
                assert_eq!(
                    decoded.search_counted(&data.rows, query, K, 32, None),
                    index.search_counted(&data.rows, query, K, 32, None)
                );
            }
        }
    }
}

#[test]
fn damaged_bytes_are_told_and_never_decoded() {
    let data = uniform(300, 40, 91);
    let index = data.build(Metric::Cosine, None, true, 1);
    let bytes = index.encode();
    let damaged = |bytes: &[u8], row_count: usize, dim: usize| {
        let failure = Hnsw::decode(bytes, row_count, dim).expect_err("damage");
        assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
    };
    for at in (0..80)
        .chain((80..bytes.len()).step_by(bytes.len() / 400))
        .chain(bytes.len() - 16..bytes.len())
    {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        damaged(&flipped, 300, 40);
    }
    for length in [0, 7, 8, 50, bytes.len() / 2, bytes.len() - 1] {
        damaged(&bytes[..length], 300, 40);
    }
    damaged(&bytes, 301, 40);
    damaged(&bytes, 300, 41);
    // With a checksum that matches: sizes, kinds and links must still be judged.
    for (at, value) in [(0, 0), (8, 9), (12, 7), (32, 255), (39, 255), (64, 200), (13, 0), (13, 1)] {
        let mut forged = bytes[..bytes.len() - 8].to_vec();
        forged[at] = value;
        if at == 64 {
            forged[at..at + 4].copy_from_slice(&300u32.to_le_bytes());
        }
        let checksum = xxhash_rust::xxh3::xxh3_64(&forged);
        forged.extend_from_slice(&checksum.to_le_bytes());
        damaged(&forged, 300, 40);
    }
}
