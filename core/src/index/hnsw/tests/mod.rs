//! The graph against an exact scan: recall, filters, rows that are hard to reach, its file, and golden figures.
//!
//! Values are small whole numbers, so that sums are exact and every processor builds the same graph. `ELANUS_WRITE_GOLDEN=1` writes golden files anew.

mod files;
mod floats;
mod golden;
mod kinds;

use std::sync::Arc;

use memmap2::MmapMut;
use rayon::ThreadPoolBuilder;

use super::plan::Plan;
use super::stored::{Stored, Wanted, brain_half_of, half_of};
use super::*;
use crate::distance::score;
use crate::index::file::IndexFile;
use crate::index::mix::mix;
use crate::index::vector_index::Progress;
use crate::index::vectors::QueryVector;
use crate::segment::column::{Column, Values};
use crate::segment::schema::ColumnSchema;

pub const METRICS: [Metric; 3] = [Metric::L2, Metric::Ip, Metric::Cosine];
const PLANS: [Plan; 3] = [Plan::Scan, Plan::TwoHop, Plan::Walk];
pub const K: usize = 10;
pub const QUERIES: usize = 100;

/// Rows, and queries of the same distribution; of any type that whole numbers up to 127 can be.
pub struct Data {
    pub kind: ColumnType,
    pub dim: usize,
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
    pub valid: Option<Vec<u8>>,
}

/// A column of vectors with these values: of bits, a value above 0 is a 1.
pub fn column_of(kind: ColumnType, dim: usize, values: &[f32], valid: Option<&[u8]>) -> (ColumnSchema, Column) {
    let half = |value: f32| match kind {
        ColumnType::Float16Vector => half_of(value),
        _ => brain_half_of(value),
    };
    let packed = |width: usize, bytes: Vec<u8>| Values::Packed {
        width,
        bytes: bytes.into(),
    };
    let stored = match kind {
        ColumnType::FloatVector => Values::Vectors {
            dim,
            values: values.to_vec().into(),
        },
        ColumnType::Int8Vector => packed(dim, values.iter().map(|&value| value as i8 as u8).collect()),
        ColumnType::BinaryVector => packed(dim / 8, bits_of(values)),
        _ => packed(2 * dim, values.iter().flat_map(|&value| half(value).to_le_bytes()).collect()),
    };
    let schema = ColumnSchema {
        id: 100,
        kind,
        dim,
        element: None,
        max_capacity: usize::MAX,
        max_length: usize::MAX,
        nullable: valid.is_some(),
        primary: false,
        dynamic: false,
        default: None,
        analyzer: None,
        terms_of: None,
        struct_of: None,
    };
    let column = Column {
        id: 100,
        values: stored,
        valid: valid.map(|valid| valid.to_vec().into()),
    };
    (schema, column)
}

pub fn bits_of(values: &[f32]) -> Vec<u8> {
    let byte = |eight: &[f32; 8]| {
        eight
            .iter()
            .enumerate()
            .fold(0, |byte, (at, &value)| byte | u8::from(value > 0.0) << at)
    };
    values.as_chunks::<8>().0.iter().map(byte).collect()
}

pub fn plan_of(kind: IndexKind, metric: Metric) -> IndexPlan {
    IndexPlan {
        kind,
        metric,
        m: 16,
        ef_construction: 100,
        nlist: 0,
        pq_m: 0,
        nbits: 8,
        nrq: 1,
        sub_dim: 0,
        rbq_bits: 0,
        sq_type: String::new(),
        refine_type: String::new(),
        max_degree: 32,
        search_list_size: 100,
        pq_code_ratio: 0.125,
        inverted_index_algo: String::new(),
        drop_ratio_build: 0.0,
        progress: Progress::default(),
    }
}

/// A whole number in `-bound..=bound`.
pub fn whole(seed: u64, bound: u64) -> f32 {
    (mix(seed) % (2 * bound + 1)) as f32 - bound as f32
}

pub fn uniform(row_count: usize, dim: usize, seed: u64) -> Data {
    let values = |count: usize, part: u64| (0..count * dim).map(|at| whole(seed ^ mix(part) ^ at as u64, 64)).collect();
    Data {
        kind: ColumnType::FloatVector,
        dim,
        rows: values(row_count, 1),
        queries: values(QUERIES, 2),
        valid: None,
    }
}

pub fn clustered(row_count: usize, dim: usize, seed: u64) -> Data {
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
        kind: ColumnType::FloatVector,
        dim,
        rows: values(0, row_count),
        queries: values(row_count, QUERIES),
        valid: None,
    }
}

impl Data {
    pub fn row_count(&self) -> usize {
        self.rows.len() / self.dim
    }

    pub fn queries(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.chunks_exact(self.dim)
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.rows[row * self.dim..(row + 1) * self.dim]
    }

    pub fn column(&self) -> (ColumnSchema, Column) {
        column_of(self.kind, self.dim, &self.rows, self.valid.as_deref())
    }

    /// The score of a row, by plain arithmetic for bits.
    pub fn score(&self, metric: Metric, query: &[f32], row: usize) -> f32 {
        let row = self.row(row);
        let pairs = || query.iter().zip(row).map(|(&left, &right)| (left > 0.0, right > 0.0));
        match metric {
            Metric::Hamming => pairs().filter(|(left, right)| left != right).count() as f32,
            Metric::Jaccard => {
                let either = pairs().filter(|&(left, right)| left || right).count();
                let common = pairs().filter(|&(left, right)| left && right).count();
                if either == 0 { 0.0 } else { 1.0 - common as f32 / either as f32 }
            }
            _ => score(metric, query, row),
        }
    }

    /// The scores of the best k allowed rows, best first.
    pub fn exact(&self, metric: Metric, query: &[f32], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<f32> {
        let valid = |row: usize| self.valid.as_ref().is_none_or(|valid| valid[row] != 0);
        let mut scores: Vec<f32> = (0..self.row_count())
            .filter(|&row| allowed(row) && valid(row))
            .map(|row| self.score(metric, query, row))
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

    fn build_of(&self, plan: &IndexPlan, wanted: Wanted, threads: usize) -> Hnsw {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (schema, column) = self.column();
        let vectors = Vectors::of(&schema, &column, self.row_count()).expect("vectors");
        pool.install(|| Hnsw::build_in(&vectors, plan, wanted)).expect("an index")
    }

    fn build(&self, metric: Metric, may_code: bool, threads: usize) -> Hnsw {
        let wanted = if may_code { Wanted::Best } else { Wanted::Nothing };
        self.build_of(&plan_of(IndexKind::Hnsw, metric), wanted, threads)
    }

    /// Runs `work` with the column's vectors.
    pub fn with<T>(&self, work: impl FnOnce(&Vectors) -> T) -> T {
        let (schema, column) = self.column();
        work(&Vectors::of(&schema, &column, self.row_count()).expect("vectors"))
    }

    /// Runs `work` with a query of the column's form.
    pub fn with_query<T>(&self, query: &[f32], work: impl FnOnce(QueryVector) -> T) -> T {
        match self.kind {
            ColumnType::BinaryVector => work(QueryVector::Bits(&bits_of(query))),
            _ => work(QueryVector::Floats(query)),
        }
    }

    fn search_by(
        &self,
        index: &Hnsw,
        plan: Option<Plan>,
        query: &[f32],
        (k, ef): (usize, usize),
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, usize) {
        self.with(|vectors| self.with_query(query, |query| index.search_by(plan, vectors, query, k, ef, allowed)))
    }

    fn search(&self, index: &Hnsw, query: &[f32], k: usize, ef: usize) -> Vec<(u32, f32)> {
        self.search_by(index, None, query, (k, ef), None).0
    }
}

/// Checks the shape of an answer and that each score is the row's; returns how many rows belong to the exact best.
pub fn check(data: &Data, metric: Metric, query: &[f32], hits: &[(u32, f32)], exact: &[f32]) -> usize {
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
            .all(|&(row, found)| near(found, data.score(metric, query, row as usize)))
    );
    let Some(&worst) = exact.last() else { return 0 };
    let belongs = |found: f32| near(found, worst) || (found > worst) == metric.higher_is_better();
    hits.iter().filter(|hit| belongs(hit.1)).count()
}

/// Recall@10 and distances computed a query, at ef 64.
fn measure(data: &Data, index: &Hnsw) -> (f64, usize) {
    let (mut found, mut computed) = (0, 0);
    for query in data.queries() {
        let (hits, cost) = data.search_by(index, None, query, (K, 64), None);
        found += check(data, index.metric(), query, &hits, &data.exact(index.metric(), query, K, |_| true));
        computed += cost;
    }
    (found as f64 / (K * QUERIES) as f64, computed / QUERIES)
}

/// Compares with the golden file of that name, or writes it.
pub fn compare_golden(name: &str, lines: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("ELANUS_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, lines).expect("write the golden file");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file");
    assert_eq!(
        lines, golden,
        "figures changed: if that is meant, run again with ELANUS_WRITE_GOLDEN=1"
    );
}

/// The content of a file as a map.
pub fn map_of(bytes: &[u8]) -> Arc<memmap2::Mmap> {
    let mut map = MmapMut::map_anon(bytes.len().max(1)).expect("a map");
    map[..bytes.len()].copy_from_slice(bytes);
    Arc::new(map.make_read_only().expect("a map"))
}
