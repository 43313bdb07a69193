//! Lists and codes against an exact scan: recall, filters, odd shapes, files, and golden figures.
//!
//! Values are small whole numbers. Sums of centroids round differently on each set of instructions, so golden figures are compared within a part of
//! a percent. `ELANUS_WRITE_GOLDEN=1` writes the golden file anew.

mod answers;
mod files;

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
