//! The exact way: looks at each visible row of a run of rows, for several queries in one pass.
//!
//! Visible rows are taken in blocks that stay in the processor's cache while all queries meet them. Whatever meets a block first waits for memory: it goes
//! row by row and fetches ahead, which is a third faster than four rows at once. What comes after it computes on the cache, four rows at once. Where
//! enough queries meet enough rows of numbers, most pairs are dismissed by a product of matrices first (`products`), with the same hits.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::dense::{DenseQuery, DenseRows, QueryValues, Rows as Place, Vectors};
use super::products;
use super::top::{Found, Hit, Order, Top, rank};
use super::visible::Visible;
use crate::distance::{Metric, kernels};
use crate::segment::column::Column;

/// What a block may take of the cache.
const BLOCK_BYTES: usize = 128 * 1024;
const BLOCK_ROWS_MAX: usize = 1024;
/// Multiplications that are worth a task of their own: about a millisecond.
const TASK_PRODUCTS: usize = 8 << 20;
const TASK_ROWS_MIN: usize = 1024;
/// For many queries a task has more rows: each begins with no hits yet, and until it has some it can dismiss nothing.
const TASK_ROWS_OF_MANY: usize = 8192;
/// Tasks that a thread should find at least.
const TASKS_A_THREAD: usize = 2;

/// A query vector; `inverse_norm` is 1 unless the metric is COSINE.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub vector: &'a [f32],
    pub inverse_norm: f32,
}

impl<'a> Query<'a> {
    pub fn new(metric: Metric, vector: &'a [f32]) -> Self {
        Query {
            vector,
            inverse_norm: if metric == Metric::Cosine {
                kernels().inverse_norm(vector)
            } else {
                1.0
            },
        }
    }
}

/// Which scores are hits, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub metric: Metric,
    pub radius: Option<f32>,
    pub range_filter: Option<f32>,
    pub limit: usize,
}

impl Wanted {
    /// Whether a score lies in the range that was asked for: `radius` is its worse end, exclusive, `range_filter` the better one, inclusive. Of structures
    /// only matches are hits.
    pub fn accepts(&self, score: f32) -> bool {
        if matches!(self.metric, Metric::Substructure | Metric::Superstructure) && score != 0.0 {
            return false;
        }
        if self.metric.higher_is_better() {
            self.radius.is_none_or(|radius| score > radius) && self.range_filter.is_none_or(|best| score <= best)
        } else {
            self.radius.is_none_or(|radius| score < radius) && self.range_filter.is_none_or(|best| score >= best)
        }
    }
}

/// Float vectors of a part and the rows of it that count.
pub struct Rows<'a> {
    pub part: u32,
    pub column: &'a Column,
    pub vectors: &'a [f32],
    pub dim: usize,
    pub visible: &'a Visible,
}

/// How many of a part's rows make a task, where all queries together multiply `products` pairs of numbers for a row.
pub fn rows_of_task(row_count: usize, products: usize, query_count: usize, limit: usize) -> usize {
    let rows = (TASK_PRODUCTS / products.max(1)).max(TASK_ROWS_MIN);
    if query_count < products::QUERIES_MIN {
        return rows;
    }
    let many = rows.max(TASK_ROWS_OF_MANY).max(limit.saturating_mul(2 * products::ROWS_FOR_A_HIT));
    let shared = row_count.div_ceil(TASKS_A_THREAD * rayon::current_num_threads());
    let tasks = row_count.div_ceil(many.min(shared).max(TASK_ROWS_MIN));
    row_count.div_ceil(tasks.max(1)).max(1)
}

/// The hits of each query among `range` of the rows. The scans of other rows for the same queries share the queries' `bounds` (`Top`).
pub fn scan(rows: &Rows, range: Range<usize>, queries: &[Query], wanted: &Wanted, order: &Order, bounds: &[AtomicU32]) -> Vec<Found> {
    let dense = DenseRows {
        part: rows.part,
        column: rows.column,
        vectors: Vectors::Floats(rows.vectors),
        width: rows.dim,
        visible: rows.visible,
    };
    let queries: Vec<DenseQuery> = queries
        .iter()
        .map(|query| DenseQuery {
            values: QueryValues::Floats(query.vector),
            inverse_norm: query.inverse_norm,
        })
        .collect();
    scan_dense(&dense, range, &queries, wanted, order, bounds)
}

/// As `scan`, of any vectors that have all their values.
pub fn scan_dense(
    rows: &DenseRows,
    range: Range<usize>,
    queries: &[DenseQuery],
    wanted: &Wanted,
    order: &Order,
    bounds: &[AtomicU32],
) -> Vec<Found> {
    if products::pay(rows, range.len(), queries.len(), wanted) {
        return products::scan(rows, range, queries, wanted, order, bounds);
    }
    scan_in_blocks(rows, range, queries, wanted, order, bounds)
}

/// As `scan_dense`, each pair being computed by itself.
pub fn scan_in_blocks(
    rows: &DenseRows,
    range: Range<usize>,
    queries: &[DenseQuery],
    wanted: &Wanted,
    order: &Order,
    bounds: &[AtomicU32],
) -> Vec<Found> {
    let mut tops: Vec<Top> = bounds.iter().map(|bound| Top::sharing(wanted.limit, bound)).collect();
    let read_once = queries.len() == 1 && wanted.metric != Metric::Cosine;
    let block_rows = if read_once {
        BLOCK_ROWS_MAX
    } else {
        (BLOCK_BYTES / rows.row_bytes().max(1)).next_multiple_of(4).clamp(4, BLOCK_ROWS_MAX)
    };
    let zeros = vec![0.0; if wanted.metric == Metric::Cosine { rows.width } else { 0 }];
    let (mut block, mut inverse_norms, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = range.start;
    while start < range.end {
        start = take_block(rows, start..range.end, block_rows, &mut block);
        let mut place = Place::Far;
        if wanted.metric == Metric::Cosine {
            rows.inverse_norms(&block, &zeros, &mut inverse_norms);
            place = Place::Cached;
        }
        for (query, top) in queries.iter().zip(&mut tops) {
            rows.score_all(wanted.metric, query, &block, &inverse_norms, place, &mut scores);
            place = Place::Cached;
            for (&row, &score) in block.iter().zip(&scores) {
                if wanted.accepts(score) {
                    let hit = Hit {
                        rank: rank(wanted.metric, score),
                        part: rows.part,
                        row,
                    };
                    top.push(hit, order);
                }
            }
            top.settle(order);
        }
    }
    tops.into_iter().map(|top| top.finish(order)).collect()
}

/// Takes up to `count` visible rows that have a vector from the start of `range`; returns the first row that was not looked at.
pub fn take_block(of: &DenseRows, range: Range<usize>, count: usize, rows: &mut Vec<u32>) -> usize {
    rows.clear();
    let next = of.visible.take(range, count, rows);
    if of.column.valid.is_some() {
        rows.retain(|&row| of.column.is_valid(row as usize));
    }
    next
}
