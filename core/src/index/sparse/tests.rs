//! Every strategy against a naive score of every row: filters, nulls, negative values, equal scores, BM25, damage, and golden figures.
//!
//! Data are made of whole numbers and exact fractions, so that every processor has the same. `ELANUS_WRITE_GOLDEN=1` writes the golden file anew.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::best::Work;
use super::query::{Bm25, without_smallest};
use super::*;
use crate::index::mix::mix;
use crate::index::row_set::RowSet;
use crate::index::vector_index::{self, AnyIndex, IndexKind, IndexPlan, Look, Progress, VectorIndex};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::column::{Column, Values};
use crate::segment::mapping::map;
use crate::segment::schema::{ColumnSchema, ColumnType};

pub type Pairs = BTreeMap<u32, f32>;

pub fn bytes_of(pairs: &Pairs) -> Vec<u8> {
    pairs
        .iter()
        .flat_map(|(index, value)| [index.to_le_bytes(), value.to_le_bytes()].concat())
        .collect()
}

pub const STRATEGIES: [Strategy; 5] = [
    Strategy::Accumulate,
    Strategy::MaxScore,
    Strategy::BlockMaxScore,
    Strategy::Wand,
    Strategy::BlockWand,
];

/// A column of sparse vectors; None: null.
pub struct Data {
    rows: Vec<Option<Pairs>>,
    schema: ColumnSchema,
    column: Column,
}

impl Data {
    pub fn new(rows: Vec<Option<Pairs>>) -> Data {
        let (mut offsets, mut bytes) = (vec![0u64], Vec::new());
        for row in &rows {
            bytes.extend(row.iter().flat_map(bytes_of));
            offsets.push(bytes.len() as u64);
        }
        let valid: Vec<u8> = rows.iter().map(|row| u8::from(row.is_some())).collect();
        let schema = ColumnSchema {
            id: 100,
            kind: ColumnType::SparseFloatVector,
            dim: 0,
            element: None,
            max_capacity: usize::MAX,
            max_length: usize::MAX,
            nullable: true,
            primary: false,
            dynamic: false,
            default: None,
            analyzer: None,
            terms_of: None,
            struct_of: None,
        };
        let column = Column {
            id: 100,
            values: Values::Bytes {
                offsets: offsets.into(),
                bytes: bytes.into(),
            },
            valid: valid.contains(&0).then(|| valid.into()),
        };
        Data { rows, schema, column }
    }

    pub fn vectors(&self) -> Vectors<'_> {
        Vectors::of(&self.schema, &self.column, self.rows.len()).expect("a column of vectors")
    }

    pub fn build(&self, metric: Metric) -> SparseIndex {
        SparseIndex::build_of(&self.vectors(), &plan(metric, "")).expect("an index")
    }

    /// All rows that are hits by their definition, best first.
    fn exact(&self, query: &Pairs, bm25: Option<Bm25>) -> Vec<(u32, f32)> {
        let mut found = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let length: f32 = row.values().sum();
            let weight = |value: f32| match bm25 {
                None => value,
                Some(_) if value == 0.0 => 0.0,
                Some(Bm25 { k1, b, average_length }) => value * (k1 + 1.0) / (value + (k1 * (1.0 - b) + k1 * b / average_length * length)),
            };
            let shared = query.iter().filter_map(|(index, query)| Some(query * weight(*row.get(index)?)));
            let score = shared.fold(0.0, |sum, part| sum + part);
            if score > 0.0 {
                found.push((number as u32, score));
            }
        }
        found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        found
    }
}

pub fn plan(metric: Metric, algorithm: &str) -> IndexPlan {
    IndexPlan {
        kind: IndexKind::SparseInverted,
        metric,
        m: 0,
        ef_construction: 0,
        nlist: 0,
        pq_m: 0,
        nbits: 0,
        nrq: 0,
        sub_dim: 0,
        rbq_bits: 0,
        sq_type: String::new(),
        refine_type: String::new(),
        max_degree: 0,
        search_list_size: 0,
        pq_code_ratio: 0.0,
        inverted_index_algo: algorithm.to_owned(),
        drop_ratio_build: 0.5,
        progress: Progress::default(),
    }
}

/// A vector whose indexes are the more frequent the smaller they are, about by Zipf's law; `value` is given seeds.
pub fn skewed(seed: u64, count: usize, dims: u32, value: impl Fn(u64) -> f32) -> Pairs {
    let index = |at: u64| {
        let bits = 1 + mix(seed ^ mix(at ^ 1 << 41)) % u64::from(dims.ilog2());
        (mix(seed ^ mix(at)) % (1 << bits)) as u32
    };
    (0..count as u64).map(|at| (index(at), value(seed ^ mix(at ^ 1 << 40)))).collect()
}

/// How values are drawn: whole numbers make for equal scores.
type Draw = fn(u64) -> f32;
const POSITIVE: Draw = |seed| (mix(seed) % 100 + 1).pow(2) as f32 / 256.0;
const WHOLE: Draw = |seed| (mix(seed) % 3) as f32;
const SIGNED: Draw = |seed| (mix(seed) % 4_096) as f32 / 1_024.0 - 2.0;

fn data(seed: u64, rows: usize, count: usize, dims: u32, draw: Draw) -> Data {
    let row = |number: u64| {
        let seed = mix(seed ^ mix(number));
        (!mix(seed).is_multiple_of(11)).then(|| skewed(seed, mix(seed ^ 7) as usize % (2 * count), dims, draw))
    };
    Data::new((0..rows as u64).map(row).collect())
}

#[test]
fn every_strategy_finds_what_a_scan_finds_to_the_bit() {
    for (seed, rows, count, dims, draw, metric) in [
        (1, 3_000, 12, 300, POSITIVE, Metric::Ip),
        (2, 3_000, 12, 40, WHOLE, Metric::Ip),
        (3, 3_000, 12, 300, SIGNED, Metric::Ip),
        (4, 20_000, 20, 1_000, SIGNED, Metric::Ip),
        (5, 3_000, 12, 300, WHOLE, Metric::Bm25),
        (6, 20_000, 8, 2_000, |seed| 1.0 + (mix(seed) % 5) as f32, Metric::Bm25),
        (7, 140_000, 4, 500, POSITIVE, Metric::Ip),
        (8, 70_000, 4, 500, WHOLE, Metric::Bm25),
    ] {
        println!("seed {seed}");
        let data = data(seed, rows, count, dims, draw);
        let index = data.build(metric);
        let filters = [
            None,
            Some(RowSet::from_fn(rows, |row| mix(row as u64).is_multiple_of(3))),
            Some(RowSet::from_fn(rows, |row| row % 1_000 == 7)),
            Some(RowSet::from_fn(rows, |row| row % 100 != 50)),
            Some(RowSet::empty(rows)),
        ];
        for number in 0..if rows > 20_000 { 4 } else { 12 } {
            let query = skewed(mix(seed ^ 1 << 50 ^ number), 1 + number as usize * 3, dims, draw);
            let bm25 = Bm25 {
                k1: [1.2, 0.0, 3.0][number as usize % 3],
                b: [0.75, 0.0, 1.0, 0.5][number as usize % 4],
                average_length: 5.0 + number as f32,
            };
            let bm25 = (metric == Metric::Bm25).then_some(bm25);
            let all = data.exact(&query, bm25);
            for (allowed, k) in filters.iter().flat_map(|allowed| [1, 10, 500].map(|k| (allowed.as_ref(), k))) {
                let is_allowed = |row: u32| allowed.is_none_or(|allowed| allowed.get(row as usize));
                let exact: Vec<(u32, f32)> = all.iter().copied().filter(|&(row, _)| is_allowed(row)).take(k).collect();
                let look = Look {
                    k,
                    bm25,
                    ..Look::default()
                };
                for strategy in STRATEGIES {
                    let (found, _) = index.search_by(strategy, &data.vectors(), &bytes_of(&query), &look, allowed);
                    let count = allowed.map_or(rows, RowSet::count);
                    assert_eq!(found, exact, "{strategy:?}, k {k}, query {number}, {count} allowed");
                }
            }
        }
    }
}

#[test]
fn queries_that_meet_nothing_find_nothing() {
    let data = data(11, 2_000, 10, 100, POSITIVE);
    let index = data.build(Metric::Ip);
    let far = Pairs::from([(1_000_000, 1.0), (u32::MAX - 1, 2.0)]);
    for query in [Pairs::new(), far, Pairs::from([(1, -1.0)]), Pairs::from([(1, 0.0)])] {
        for strategy in STRATEGIES {
            let look = Look { k: 5, ..Look::default() };
            assert_eq!(index.search_by(strategy, &data.vectors(), &bytes_of(&query), &look, None).0, []);
        }
    }
    let empty = Data::new(vec![None, Some(Pairs::new()), Some(Pairs::from([(3, 0.0)]))]);
    let index = empty.build(Metric::Ip);
    let look = Look { k: 5, ..Look::default() };
    let query = bytes_of(&Pairs::from([(3, 1.0)]));
    assert_eq!(index.search(&empty.vectors(), QueryVector::Sparse(&query), &look, None), []);
}

#[test]
fn the_smallest_values_of_a_query_are_dropped() {
    let query = Pairs::from([(1, 1.0), (2, -0.39), (3, 0.38), (4, -0.37), (5, 0.36)]);
    let without = |part: f32| without_smallest(&bytes_of(&query), part).into_owned();
    let kept = |indexes: &[u32]| {
        bytes_of(
            &query
                .iter()
                .filter(|(index, _)| indexes.contains(index))
                .map(|(&index, &value)| (index, value))
                .collect(),
        )
    };
    for (part, indexes) in [
        (0.0, &[1, 2, 3, 4, 5][..]),
        (0.19, &[1, 2, 3, 4, 5]),
        (0.4, &[1, 2, 3]),
        (0.99, &[1]),
    ] {
        assert_eq!(without(part), kept(indexes), "{part}");
    }
    let equal = bytes_of(&Pairs::from([(1, 1.0), (2, 1.0), (3, 1.0)]));
    assert_eq!(without_smallest(&equal, 0.7), equal);
    assert!(without_smallest(&[], 0.7).is_empty());
    let rows = data(21, 3_000, 12, 300, POSITIVE);
    let index = rows.build(Metric::Ip);
    let query = bytes_of(&skewed(22, 20, 300, POSITIVE));
    let search = |query: &[u8], drop_ratio_search: f32| {
        let look = Look {
            k: 10,
            drop_ratio_search,
            ..Look::default()
        };
        index.search(&rows.vectors(), QueryVector::Sparse(query), &look, None)
    };
    assert_eq!(search(&query, 0.5), search(&without_smallest(&query, 0.5), 0.0));
    assert_ne!(search(&query, 0.5), search(&query, 0.0));
}

#[test]
fn work_is_the_golden_one() {
    let mut lines = String::from(
        "# a query's values added up or looked for, and rows scored by themselves, on average; k 10, 60 values a row, 20 a query\n",
    );
    for (name, metric, draw) in [
        ("positive", Metric::Ip, POSITIVE),
        ("signed", Metric::Ip, SIGNED),
        ("frequencies", Metric::Bm25, |seed| 1.0 + (mix(seed) % 5) as f32),
    ] {
        let data = data(31, 30_000, 30, 5_000, draw);
        let index = data.build(metric);
        for strategy in STRATEGIES {
            let (mut all, queries) = (Work::default(), 20);
            for number in 0..queries {
                // Rare indexes weigh more.
                let mut query = skewed(mix(31 ^ 1 << 50 ^ number), 20, 5_000, draw);
                query.iter_mut().for_each(|(index, value)| *value *= (2 + *index).ilog2() as f32);
                let look = Look { k: 10, ..Look::default() };
                let (found, work) = index.search_by(strategy, &data.vectors(), &bytes_of(&query), &look, None);
                assert_eq!(found.len(), 10);
                all.values += work.values;
                all.rows += work.rows;
            }
            let queries = queries as usize;
            lines += &format!(
                "{name}, {metric:?}, {strategy:?}: values {}, rows {}\n",
                all.values / queries,
                all.rows / queries
            );
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/sparse.txt");
    if std::env::var_os("ELANUS_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &lines).expect("write the golden file");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file");
    assert_eq!(
        lines, golden,
        "figures changed: if that is meant, run again with ELANUS_WRITE_GOLDEN=1"
    );
}

/// Opens the bytes as a mapped file.
fn open(bytes: &[u8], vectors: &Vectors) -> Outcome<AnyIndex> {
    let path = std::env::temp_dir().join(format!("elanus-sparse-{}-{:?}", std::process::id(), std::thread::current().id()));
    let mut file = std::fs::File::create_new(&path).expect("a file");
    file.write_all(bytes).expect("written");
    let mapped = map(&std::fs::File::open(&path).expect("a file")).expect("a map");
    std::fs::remove_file(&path).expect("removed");
    vector_index::open(Arc::new(mapped), vectors)
}

#[test]
fn a_mapped_index_answers_as_the_built_one() {
    for (metric, draw) in [(Metric::Ip, SIGNED), (Metric::Bm25, WHOLE)] {
        let data = data(41, 70_000, 5, 200, draw);
        for algorithm in ["DAAT_WAND", "SINDI", ""] {
            let built = vector_index::build(&data.vectors(), &plan(metric, algorithm)).expect("an index");
            let opened = open(&built.encode(), &data.vectors()).expect("a whole index");
            assert_eq!(
                (opened.kind(), opened.metric(), opened.row_count()),
                (IndexKind::SparseInverted, metric, 70_000)
            );
            assert_eq!(opened.byte_size(), 0);
            assert_eq!(opened.encode(), built.encode());
            for number in 0..5 {
                let query = bytes_of(&skewed(mix(number), 10, 200, draw));
                let look = Look { k: 20, ..Look::default() };
                let answer = |index: &AnyIndex| index.search(&data.vectors(), QueryVector::Sparse(&query), &look, None);
                assert_eq!(answer(&opened), answer(&built));
            }
        }
    }
}

#[test]
fn damaged_bytes_are_told_and_never_opened() {
    let whole = data(51, 400, 8, 50, POSITIVE);
    let bytes = whole.build(Metric::Ip).encode();
    let damaged = |bytes: &[u8], vectors: &Vectors| {
        let failure = open(bytes, vectors).expect_err("damage");
        assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
    };
    let end = bytes.iter().rposition(|&byte| byte != 0).expect("a byte") + 1;
    let mut seen = 0;
    for at in (0..end).step_by((end / 300).max(1)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        // Between sections there are zeros that mean nothing.
        match open(&flipped, &whole.vectors()) {
            Ok(index) => assert_ne!(index.encode(), flipped),
            Err(failure) => {
                assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen} flips were told");
    for length in [1, 7, 63, 64, 200, end / 2, end - 1] {
        damaged(&bytes[..length], &whole.vectors());
    }
    damaged(&bytes, &data(51, 401, 8, 50, POSITIVE).vectors());
}

#[test]
fn lists_that_do_not_fit_together_are_told_whatever_their_checksums_say() {
    let whole = data(61, 400, 8, 50, POSITIVE);
    let forge = |change: fn(&mut SparseIndex)| {
        let mut index = whole.build(Metric::Ip);
        change(&mut index);
        let failure = open(&index.encode(), &whole.vectors()).expect_err("damage");
        assert_eq!((failure.kind, failure.args.len()), ("damaged", 3));
    };
    forge(|index| index.starts.to_mut()[1] = u32::MAX);
    forge(|index| index.starts.to_mut()[0] = 1);
    forge(|index| index.starts.to_mut().truncate(7));
    forge(|index| index.block_starts.to_mut()[2] += 1);
    forge(|index| index.window_lists.to_mut()[1] -= 1);
    forge(|index| index.window_lists.to_mut().truncate(1));
    forge(|index| index.limits.to_mut().truncate(1));
    forge(|index| index.rows.to_mut().truncate(5));
    forge(|index| index.lengths.to_mut().push(1.0));
    forge(|index| index.metric = Metric::L2);
    forge(|index| index.metric = Metric::Bm25);
}
