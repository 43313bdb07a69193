//! The graph of sectors against an exact scan: recall and reads, filters, nulls, equal rows, its file.

use rayon::ThreadPoolBuilder;

use super::search::Cost;
use super::*;
use crate::index::file::{self, IndexFile};
use crate::index::hnsw::tests::{Data, K, METRICS, QUERIES, check, clustered, compare_golden, map_of, plan_of, uniform};
use crate::index::vector_index::{self, IndexKind, Look, VectorIndex};

const FLOATS: [ColumnType; 3] = [ColumnType::FloatVector, ColumnType::Float16Vector, ColumnType::BFloat16Vector];

fn build(data: &Data, metric: Metric, threads: usize) -> DiskAnn {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let plan = plan_of(IndexKind::DiskAnn, metric);
    let index = pool.install(|| data.with(|vectors| DiskAnn::build(vectors, &plan)));
    index.expect("an index")
}

fn reopen(data: &Data, index: &DiskAnn) -> DiskAnn {
    data.with(|vectors| {
        let file = IndexFile::open(map_of(&index.encode()), vectors).expect("a whole file");
        DiskAnn::open(&file, vectors).expect("a whole index")
    })
}

fn search(data: &Data, index: &DiskAnn, query: &[f32], k: usize, allowed: Option<&RowSet>) -> (Vec<(u32, f32)>, Cost) {
    let look = Look { k, ..Look::default() };
    data.with(|vectors| index.search_counted(vectors, QueryVector::Floats(query), &look, allowed))
}

/// Recall@10, distances by codes and rows read a query.
fn measure(data: &Data, index: &DiskAnn) -> (f64, Cost) {
    let (mut found, mut sum) = (0, Cost::default());
    for query in data.queries() {
        let (hits, cost) = search(data, index, query, K, None);
        found += check(data, index.metric, query, &hits, &data.exact(index.metric, query, K, |_| true));
        sum = Cost {
            computed: sum.computed + cost.computed,
            read: sum.read + cost.read,
        };
    }
    let cost = Cost {
        computed: sum.computed / QUERIES,
        read: sum.read / QUERIES,
    };
    (found as f64 / (K * QUERIES) as f64, cost)
}

#[test]
fn recall_and_reads_are_the_golden_ones() {
    let mut lines = String::from(
        "# recall@10, distances by codes and rows read a query; max_degree 32, search_list_size 100, list 64, beam 8, one thread\n",
    );
    for kind in FLOATS {
        for (name, data) in [
            ("uniform 2000 x 32", uniform(2_000, 32, 21)),
            ("clustered 1500 x 100", clustered(1_500, 100, 22)),
        ] {
            if kind != ColumnType::FloatVector && data.dim != 32 {
                continue;
            }
            let data = Data { kind, ..data };
            for metric in METRICS {
                let (recall, Cost { computed, read }) = measure(&data, &build(&data, metric, 1));
                lines += &format!("{kind:?}, {name}, {metric:?}: recall {recall:.3}, computed {computed}, read {read}\n");
                assert!(recall >= 0.95, "{kind:?} {name} {metric:?}: recall {recall}");
            }
        }
    }
    compare_golden("diskann.txt", &lines);
}

#[test]
fn an_opened_index_answers_as_the_written_one_and_holds_its_codes_alone() {
    for (dim, valid) in [(12, None), (40, Some([1u8, 0, 1].repeat(200)))] {
        let data = Data {
            valid,
            ..uniform(600, dim, 81)
        };
        for metric in METRICS {
            let index = build(&data, metric, 1);
            assert_eq!(index.encode(), build(&data, metric, 1).encode(), "one thread builds the same bytes");
            let opened = reopen(&data, &index);
            assert_eq!(opened.encode(), index.encode());
            let codes = dim / 2 + 4;
            assert!(opened.byte_size() <= 600 * codes + 4 * dim && index.byte_size() > opened.byte_size() + 600 * 4 * dim);
            for query in data.queries().take(10) {
                assert_eq!(search(&data, &opened, query, K, None), search(&data, &index, query, K, None));
            }
        }
    }
}

#[test]
fn rows_larger_than_a_sector_take_several() {
    let data = uniform(300, 1_100, 82);
    let index = reopen(&data, &build(&data, Metric::L2, 2));
    assert_eq!(index.sectors.words.len() * 8, 300 * 8_192);
    let (recall, cost) = measure(&data, &index);
    assert!(recall >= 0.95 && cost.read < 300, "recall {recall}, {cost:?}");
}

#[test]
fn a_filtered_search_finds_k_allowed_rows_and_nothing_null() {
    let data = Data {
        valid: Some((0..1_500).map(|row| u8::from(row % 7 != 0)).collect()),
        ..clustered(1_500, 36, 31)
    };
    type Keeps = fn(usize) -> bool;
    let filters: [(&str, Keeps); 5] = [
        ("none", |_| false),
        ("one", |row| row == 1_234),
        ("one in 50", |row| row % 50 == 8),
        ("half", |row| row % 2 == 0),
        ("all", |_| true),
    ];
    for metric in METRICS {
        let index = build(&data, metric, 2);
        for (name, keeps) in filters {
            let allowed = RowSet::from_fn(1_500, keeps);
            let (mut found, mut expected) = (0, 0);
            for query in data.queries().take(20) {
                let (hits, _) = search(&data, &index, query, K, Some(&allowed));
                assert!(hits.iter().all(|hit| keeps(hit.0 as usize) && hit.0 % 7 != 0), "{name}");
                let exact = data.exact(metric, query, K, keeps);
                expected += exact.len();
                found += check(&data, metric, query, &hits, &exact);
            }
            assert!(found as f64 >= 0.95 * expected as f64, "{name} {metric:?}: {found} of {expected}");
        }
    }
}

#[test]
fn equal_rows_are_all_found_and_hide_no_other() {
    let mut data = uniform(1_200, 20, 51);
    data.rows[..800 * 20].fill(3.0);
    let index = reopen(&data, &build(&data, Metric::L2, 1));
    for row in (800..1_200).step_by(9) {
        assert_eq!(search(&data, &index, data.row(row), 1, None).0, [(row as u32, 0.0)]);
    }
    let (hits, _) = search(&data, &index, data.row(0), 1_200, None);
    assert!(hits.len() == 1_200 && hits[..800].iter().all(|hit| hit.1 == 0.0));
    let allowed = RowSet::from_fn(1_200, |row| row >= 700);
    assert!(
        search(&data, &index, data.row(0), 100, Some(&allowed))
            .0
            .iter()
            .all(|hit| (700..800).contains(&hit.0))
    );
}

#[test]
fn segments_without_vectors_have_an_index_that_finds_nothing() {
    let mut data = uniform(50, 16, 52);
    data.valid = Some(vec![0; 50]);
    let index = reopen(&data, &build(&data, Metric::Cosine, 1));
    assert_eq!(search(&data, &index, data.row(0), 5, None).0, []);
    for kind in [ColumnType::Int8Vector, ColumnType::BinaryVector] {
        let other = Data {
            kind,
            ..uniform(50, 16, 53)
        };
        let refused = other.with(|vectors| DiskAnn::build(vectors, &plan_of(IndexKind::DiskAnn, Metric::L2)));
        assert_eq!(refused.expect_err("not of such vectors").kind, "malformed");
    }
}

#[test]
fn damaged_bytes_are_told_and_links_that_lead_nowhere_are_not_followed() {
    let data = uniform(300, 24, 91);
    let bytes = build(&data, Metric::Cosine, 1).encode();
    let open = |bytes: &[u8]| data.with(|vectors| vector_index::open(map_of(bytes), vectors).map(|_| ()));
    assert!(open(&bytes).is_ok());
    for at in (0..400).chain((400..bytes.len()).step_by(bytes.len() / 200)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match open(&flipped) {
            Err(failure) => assert_eq!((failure.kind, failure.args.len()), ("damaged", 3)),
            Ok(()) => assert_eq!(bytes[at], 0, "byte {at} is not one of those between sections"),
        }
    }
    for length in [0, 7, 50, bytes.len() / 2, bytes.len() - 64] {
        assert_eq!(open(&bytes[..length]).expect_err("damage").kind, "damaged");
    }
    data.with(|vectors| {
        let whole = IndexFile::open(map_of(&bytes), vectors).expect("a whole file");
        let forged = |forge: &dyn Fn(u32, &mut Vec<u8>)| {
            let sections: Vec<(u32, Vec<u8>)> = (1..=11)
                .filter(|&tag| whole.has(tag))
                .map(|tag| {
                    let mut bytes = whole.section::<u8>(tag).expect("a section").to_vec();
                    forge(tag, &mut bytes);
                    (tag, bytes)
                })
                .collect();
            let sections: Vec<(u32, &[u8])> = sections.iter().map(|(tag, bytes)| (*tag, bytes.as_slice())).collect();
            file::encode(
                IndexKind::DiskAnn,
                Metric::Cosine,
                (300, 24, ColumnType::FloatVector.number()),
                &sections,
            )
        };
        for (at, value) in [(0, 0u64), (0, 1 << 40), (0, 500), (2, 300), (3, 0), (3, 9), (4, 5), (4, 1 << 30)] {
            let bytes = forged(&|tag, bytes| {
                if tag == 1 {
                    bytes[at * 8..at * 8 + 8].copy_from_slice(&value.to_le_bytes());
                }
            });
            assert!(vector_index::open(map_of(&bytes), vectors).is_err(), "number {at} {value}");
        }
        // Counts and links that are all ones.
        let bytes = forged(&|tag, bytes| {
            if tag == 4 {
                bytes.fill(0xff);
            }
        });
        let index = vector_index::open(map_of(&bytes), vectors).expect("sections of the right lengths");
        let look = Look { k: 5, ..Look::default() };
        assert_eq!(index.search(vectors, QueryVector::Floats(data.row(0)), &look, None).len(), 5);
        assert!(index.byte_size() > 0);
    });
}
