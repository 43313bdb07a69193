//! Lists and codes against an exact scan: recall, filters, odd shapes, files, and golden figures.
//!
//! Values are small whole numbers. Sums of centroids round differently on each set of instructions, so golden figures are compared within a part of
//! a percent. `ELANUS_WRITE_GOLDEN=1` writes the golden file anew.

use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};
use serde_json::json;

use crate::distance::{Metric, score};
use crate::index::ivf::Ivf;
use crate::index::ivf::bits::BitsIvf;
use crate::index::mix::mix;
use crate::index::row_set::RowSet;
use crate::index::vector_index::{AnyIndex, IndexKind, IndexPlan, Look, Progress, build, open};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnSchema, Schema};

const FLOAT_METRICS: [Metric; 3] = [Metric::L2, Metric::Ip, Metric::Cosine];
const BIT_METRICS: [Metric; 2] = [Metric::Hamming, Metric::Jaccard];
const K: usize = 10;
const QUERIES: usize = 50;

/// A column of vectors and queries of the same distribution.
pub struct Table {
    schema: ColumnSchema,
    column: Column,
    row_count: usize,
    dim: usize,
    /// Rows as float32; of bits 0 and 1.
    rows: Vec<f32>,
    queries: Vec<f32>,
}

fn whole(seed: u64, bound: u64) -> f32 {
    (mix(seed) % (2 * bound + 1)) as f32 - bound as f32
}

fn clustered(row_count: usize, dim: usize, seed: u64) -> Vec<f32> {
    spread(row_count, dim, seed, 20)
}

/// Rows around centres; `bound` says how far from them.
fn spread(row_count: usize, dim: usize, seed: u64, bound: u64) -> Vec<f32> {
    let heaps = (row_count as u64 / 40).clamp(1, 150);
    let value = |row: usize, at: usize| {
        let heap = mix(seed ^ row as u64) % heaps;
        whole(seed ^ mix(heap << 32 | at as u64), 24) + whole(seed ^ mix(1 << 60 | (row as u64) << 32 | at as u64), bound) + 3.0
    };
    (0..row_count)
        .flat_map(|row| (0..dim).map(move |at| (row, at)))
        .map(|(row, at)| value(row, at))
        .collect()
}

/// Milvus's numbers of vector types.
const BINARY: u32 = 100;
const FLOAT: u32 = 101;
const FLOAT16: u32 = 102;
const BFLOAT16: u32 = 103;

fn half_of(kind: u32, value: f32) -> [u8; 2] {
    let bits = value.to_bits();
    if kind == BFLOAT16 {
        return ((bits >> 16) as u16).to_le_bytes();
    }
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
    let magnitude = if value == 0.0 {
        0
    } else {
        (exponent as u32) << 10 | bits >> 13 & 0x3ff
    };
    ((bits >> 16 & 0x8000 | magnitude) as u16).to_le_bytes()
}

impl Table {
    pub fn new(kind: u32, row_count: usize, dim: usize, seed: u64) -> Table {
        let mut all = clustered(row_count + QUERIES, dim, seed);
        if kind == BINARY {
            all.iter_mut().for_each(|value| *value = f32::from(u8::from(*value > 8.0)));
        }
        Table::of(kind, dim, all, row_count, None)
    }

    pub fn of(kind: u32, dim: usize, mut all: Vec<f32>, row_count: usize, valid: Option<Vec<u8>>) -> Table {
        let queries = all.split_off(row_count * dim);
        let values = match kind {
            FLOAT => Values::Vectors {
                dim,
                values: all.clone().into(),
            },
            BINARY => {
                let byte = |bits: &[f32]| bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | (bit as u8) << at);
                Values::Packed {
                    width: dim / 8,
                    bytes: all.chunks(8).map(byte).collect::<Vec<u8>>().into(),
                }
            }
            _ => Values::Packed {
                width: dim * 2,
                bytes: all.iter().flat_map(|&value| half_of(kind, value)).collect::<Vec<u8>>().into(),
            },
        };
        let schema = json!([{ "id": 100, "type": 5, "primary": true }, { "id": 101, "type": kind, "dim": dim }]);
        Table {
            schema: Schema::parse(&schema.to_string()).expect("a schema").columns[1].clone(),
            column: Column {
                id: 101,
                values,
                valid: valid.map(Into::into),
            },
            row_count,
            dim,
            rows: all,
            queries,
        }
    }

    pub fn vectors(&self) -> Vectors<'_> {
        Vectors::of(&self.schema, &self.column, self.row_count).expect("vectors")
    }

    pub fn queries(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.chunks_exact(self.dim)
    }

    fn score(&self, metric: Metric, query: &[f32], row: usize) -> f32 {
        let row = &self.rows[row * self.dim..(row + 1) * self.dim];
        let count = |of: fn(f32, f32) -> bool| query.iter().zip(row).filter(|&(&left, &right)| of(left, right)).count() as f32;
        let either = count(|left, right| left + right > 0.0);
        match metric {
            Metric::Hamming => count(|left, right| left != right),
            Metric::Jaccard if either == 0.0 => 0.0,
            Metric::Jaccard => 1.0 - count(|left, right| left + right > 1.0) / either,
            _ => score(metric, query, row),
        }
    }

    /// The scores of the best k allowed rows, best first.
    pub fn exact(&self, metric: Metric, query: &[f32], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<f32> {
        let rows = (0..self.row_count).filter(|&row| allowed(row) && self.column.is_valid(row));
        let mut scores: Vec<f32> = rows.map(|row| self.score(metric, query, row)).collect();
        scores.sort_by(f32::total_cmp);
        if metric.higher_is_better() {
            scores.reverse();
        }
        scores.truncate(k);
        scores
    }

    /// Runs a search with a query in the column's form.
    fn search(&self, index: &AnyIndex, query: &[f32], look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        let byte = |bits: &[f32]| bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | (bit as u8) << at);
        let bits: Vec<u8> = query.chunks(8).map(byte).collect();
        let query = if self.schema.kind.number() == BINARY {
            QueryVector::Bits(&bits)
        } else {
            QueryVector::Floats(query)
        };
        index.search(&self.vectors(), query, look, allowed)
    }

    /// Checks the shape of an answer and each score; returns how many rows belong to the exact best.
    fn check(&self, metric: Metric, query: &[f32], hits: &[(u32, f32)], exact: &[f32]) -> usize {
        assert_eq!(hits.len(), exact.len());
        let is_better = |left: f32, right: f32| if metric.higher_is_better() { left > right } else { left < right };
        for pair in hits.windows(2) {
            let tied = pair[0].1 == pair[1].1 && pair[0].0 < pair[1].0;
            assert!(is_better(pair[0].1, pair[1].1) || tied, "best first, ties by row: {pair:?}");
        }
        let mut rows: Vec<u32> = hits.iter().map(|hit| hit.0).collect();
        rows.sort_unstable();
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "a row twice");
        let near = |left: f32, right: f32| (left - right).abs() <= 1e-5 * left.abs().max(1.0);
        assert!(
            hits.iter()
                .all(|&(row, found)| near(found, self.score(metric, query, row as usize)))
        );
        let Some(&worst) = exact.last() else { return 0 };
        hits.iter().filter(|hit| near(hit.1, worst) || is_better(hit.1, worst)).count()
    }

    fn recall(&self, index: &AnyIndex, look: &Look) -> f64 {
        let metric = index.metric();
        let found = self.queries().map(|query| {
            let hits = self.search(index, query, look, None);
            self.check(metric, query, &hits, &self.exact(metric, query, look.k, |_| true))
        });
        found.sum::<usize>() as f64 / (look.k * QUERIES) as f64
    }
}

pub fn plan(kind: IndexKind, metric: Metric, nlist: usize) -> IndexPlan {
    IndexPlan {
        kind,
        metric,
        m: 0,
        ef_construction: 0,
        nlist,
        pq_m: 0,
        nbits: 8,
        nrq: 0,
        sub_dim: 2,
        rbq_bits: 1,
        sq_type: String::new(),
        refine_type: String::new(),
        max_degree: 0,
        search_list_size: 0,
        pq_code_ratio: 0.0,
        inverted_index_algo: String::new(),
        drop_ratio_build: 0.0,
        progress: Progress::default(),
    }
}

/// Every kind of code, with what recall@10 it has to have when all lists are looked at.
pub fn plans(metric: Metric, nlist: usize, dim: usize) -> Vec<(&'static str, f64, IndexPlan)> {
    let of = |kind| plan(kind, metric, nlist);
    let sq = |bits: &str| IndexPlan {
        sq_type: bits.to_owned(),
        ..of(IndexKind::IvfSq)
    };
    let pq = |pq_m, nbits| IndexPlan {
        pq_m,
        nbits,
        ..of(IndexKind::IvfPq)
    };
    let rabitq = |rbq_bits| IndexPlan {
        rbq_bits,
        ..of(IndexKind::IvfRabitq)
    };
    vec![
        ("IVF_FLAT", 1.0, of(IndexKind::IvfFlat)),
        ("IVF_SQ SQ8", 0.99, sq("SQ8")),
        ("IVF_SQ SQ6", 0.99, sq("SQ6")),
        ("IVF_SQ SQ4", 0.97, sq("SQ4")),
        ("IVF_PQ 8 bits", 0.9, pq(dim / 4, 8)),
        ("IVF_PQ 12 bits", 0.9, pq(dim / 8, 12)),
        ("IVF_PQ 4 bits", 0.9, pq(dim / 2, 4)),
        ("IVF_RABITQ 1", 0.9, rabitq(1)),
        ("IVF_RABITQ 2", 0.95, rabitq(2)),
        ("IVF_RABITQ 4", 0.97, rabitq(4)),
        ("IVF_RABITQ 9", 0.99, rabitq(9)),
        ("SCANN", 0.9, of(IndexKind::Scann)),
    ]
}

fn mapped(bytes: &[u8]) -> Arc<Mmap> {
    let mut map = MmapOptions::new().len(bytes.len().max(1)).map_anon().expect("a map");
    map[..bytes.len()].copy_from_slice(bytes);
    Arc::new(map.make_read_only().expect("a map"))
}

fn look(k: usize, nprobe: usize) -> Look {
    Look {
        k,
        nprobe,
        ..Look::default()
    }
}

/// Recall@10 and rows looked at a query.
fn figures(table: &Table, index: &AnyIndex, nprobe: usize) -> (f64, usize) {
    let any: &dyn std::any::Any = &**index;
    let computed = table.queries().map(|query| {
        let byte = |bits: &[f32]| bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | (bit as u8) << at);
        let bits: Vec<u8> = query.chunks(8).map(byte).collect();
        match any.downcast_ref::<Ivf>() {
            Some(ivf) => {
                ivf.search_counted(&table.vectors(), QueryVector::Floats(query), &look(K, nprobe), None)
                    .1
            }
            None => {
                let ivf = any.downcast_ref::<BitsIvf>().expect("lists");
                ivf.search_counted(QueryVector::Bits(&bits), &look(K, nprobe), None).1
            }
        }
    });
    (table.recall(index, &look(K, nprobe)), computed.sum::<usize>() / QUERIES)
}

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

#[test]
fn an_index_from_its_file_answers_the_same() {
    let table = Table::new(FLOAT, 1_500, 24, 51);
    for metric in FLOAT_METRICS {
        for (name, _, plan) in plans(metric, 20, 24) {
            let index = build(&table.vectors(), &plan).expect("an index");
            let bytes = index.encode();
            let again = open(mapped(&bytes), &table.vectors()).expect("an index");
            assert_eq!((again.kind(), again.metric(), again.row_count()), (plan.kind, metric, 1_500));
            assert_eq!(again.encode(), bytes, "{name}");
            assert!(again.byte_size() < index.byte_size());
            for query in table.queries() {
                let look = look(K, 4);
                assert_eq!(
                    table.search(&again, query, &look, None),
                    table.search(&index, query, &look, None),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn threads_do_not_change_an_index() {
    let table = Table::new(FLOAT, 1_500, 24, 55);
    for (name, _, plan) in plans(Metric::Cosine, 20, 24) {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| build(&table.vectors(), &plan).expect("an index").encode())
        };
        assert!(on(1) == on(3), "{name}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let tables = [Table::new(FLOAT, 600, 16, 61), Table::new(BINARY, 600, 16, 62)];
    let mut indexes = plans(Metric::Cosine, 8, 16);
    indexes.push(("BIN_IVF_FLAT", 1.0, plan(IndexKind::BinIvfFlat, Metric::Hamming, 8)));
    for (name, _, plan) in indexes {
        let table = &tables[usize::from(plan.kind == IndexKind::BinIvfFlat)];
        let bytes = build(&table.vectors(), &plan).expect("an index").encode();
        for trial in 0..60u64 {
            let at = mix(trial) as usize % bytes.len();
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (mix(trial) >> 61);
            let cut = &bytes[..at];
            for wrong in [&damaged[..], cut] {
                // Only on the zeros that fill up sections nothing depends.
                let fills = if wrong.len() < bytes.len() { &bytes[at..] } else { &bytes[at..=at] };
                match open(mapped(wrong), &table.vectors()) {
                    Err(failure) => assert_eq!(failure.kind, "damaged", "{name} at {at}"),
                    Ok(_) => assert!(fills.iter().all(|&byte| byte == 0), "{name} at {at}"),
                }
            }
        }
        let other = Table::new(FLOAT, 601, 16, 63);
        assert_eq!(open(mapped(&bytes), &other.vectors()).expect_err("another segment").kind, "damaged");
    }
}

#[test]
fn parameters_and_vectors_that_do_not_fit_are_refused() {
    let floats = Table::new(FLOAT, 100, 16, 71);
    let bits = Table::new(BINARY, 100, 16, 72);
    let wrong = [
        (&bits, plan(IndexKind::IvfFlat, Metric::Hamming, 8)),
        (&floats, plan(IndexKind::BinIvfFlat, Metric::Hamming, 8)),
        (&bits, plan(IndexKind::BinIvfFlat, Metric::Substructure, 8)),
        (&floats, plan(IndexKind::IvfPq, Metric::L2, 8)),
        (
            &floats,
            IndexPlan {
                sq_type: "SQ5".to_owned(),
                ..plan(IndexKind::IvfSq, Metric::L2, 8)
            },
        ),
        (
            &floats,
            IndexPlan {
                rbq_bits: 10,
                ..plan(IndexKind::IvfRabitq, Metric::L2, 8)
            },
        ),
    ];
    for (table, plan) in wrong {
        assert_eq!(build(&table.vectors(), &plan).expect_err("refused").kind, "malformed", "{plan:?}");
    }
}

#[test]
fn lists_pay_for_many_rows_and_not_for_few() {
    let table = Table::new(FLOAT, 6_000, 64, 81);
    for (name, _, plan) in plans(Metric::L2, 128, 64) {
        let index = build(&table.vectors(), &plan).expect("an index");
        let pays = |allowed: usize, nprobe: usize| index.pays(allowed, &table.vectors(), &look(K, nprobe));
        assert!(pays(6_000, 4), "{name}");
        assert!(!pays(60, 4) && !pays(0, 4), "{name}");
    }
    let flat = build(&table.vectors(), &plan(IndexKind::IvfFlat, Metric::L2, 128)).expect("an index");
    assert!(!flat.pays(6_000, &table.vectors(), &look(K, 128)), "all lists are a scan");
}
