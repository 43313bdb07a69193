//! Exact distances of a query to rows of a column of floats, as they lie there; smaller is nearer.

use std::cell::RefCell;

use crate::distance::{Half, Metric, Pair, kernels, prefetch};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::schema::ColumnType;

/// Rows fetched ahead of those being computed.
const ROWS_AHEAD: usize = 8;

pub struct Exact<'a> {
    vectors: Vectors<'a>,
    metric: Metric,
    query: &'a [f32],
    /// 1 unless the metric is COSINE.
    query_inverse_norm: f32,
    /// A row as float32.
    row: RefCell<Vec<f32>>,
}

impl<'a> Exact<'a> {
    /// None where the query is not of floats.
    pub fn new(vectors: &Vectors<'a>, metric: Metric, query: QueryVector<'a>) -> Option<Self> {
        let QueryVector::Floats(query) = query else { return None };
        let query_inverse_norm = if metric == Metric::Cosine {
            kernels().inverse_norm(query)
        } else {
            1.0
        };
        Some(Exact {
            vectors: *vectors,
            metric,
            query,
            query_inverse_norm,
            row: RefCell::new(vec![0.0; vectors.dim]),
        })
    }

    pub fn query(&self) -> &'a [f32] {
        self.query
    }

    /// The score that users see of a distance.
    pub fn score(&self, distance: f32) -> f32 {
        if self.metric.higher_is_better() { 0.0 - distance } else { distance }
    }

    /// `distances` becomes the distances of `rows`; `inverse_norm` gives 1 / |row| by the place in `rows` for COSINE, and is not called else.
    pub fn distances(&self, rows: &[u32], distances: &mut Vec<f32>, inverse_norm: impl Fn(usize) -> f32) {
        distances.clear();
        let kernels = kernels();
        let is_l2 = self.metric == Metric::L2;
        if let Some(floats) = self.vectors.floats() {
            let dim = self.vectors.dim;
            let row = |row: u32| &floats[row as usize * dim..(row as usize + 1) * dim];
            if is_l2 {
                in_fours(
                    rows,
                    distances,
                    row,
                    |at| kernels.l2_four(self.query, at),
                    |at| kernels.l2(self.query, at),
                );
            } else {
                in_fours(
                    rows,
                    distances,
                    row,
                    |at| kernels.dot_four(self.query, at),
                    |at| kernels.dot(self.query, at),
                );
            }
        } else {
            let pair: &Pair<f32, Half, f32> = match (self.vectors.kind == ColumnType::BFloat16Vector, is_l2) {
                (false, false) => &kernels.dot_f16,
                (false, true) => &kernels.l2_f16,
                (true, false) => &kernels.dot_bf16,
                (true, true) => &kernels.l2_bf16,
            };
            let row = |row: u32| self.vectors.bytes(row as usize).as_chunks::<2>().0;
            in_fours(rows, distances, row, |at| pair.four(self.query, at), |at| pair.one(self.query, at));
        }
        match self.metric {
            Metric::L2 => {}
            Metric::Cosine => {
                for (at, distance) in distances.iter_mut().enumerate() {
                    *distance *= -(self.query_inverse_norm * inverse_norm(at));
                }
            }
            _ => distances.iter_mut().for_each(|distance| *distance = -*distance),
        }
    }

    /// 1 / |row|.
    pub fn inverse_norm(&self, row: u32) -> f32 {
        let mut values = self.row.borrow_mut();
        self.vectors.read(row as usize, &mut values);
        kernels().inverse_norm(&values)
    }
}

/// `distances` grows by those of `rows`, computed four at once by `four` and the rest by `one`, while the rows ahead are fetched.
#[inline]
fn in_fours<'a, T: 'a>(
    rows: &[u32],
    distances: &mut Vec<f32>,
    row: impl Fn(u32) -> &'a [T],
    four: impl Fn([&'a [T]; 4]) -> [f32; 4],
    one: impl Fn(&'a [T]) -> f32,
) {
    rows.iter().take(ROWS_AHEAD).for_each(|&at| prefetch(row(at)));
    let (blocks, rest) = rows.as_chunks::<4>();
    for (at, block) in blocks.iter().enumerate() {
        rows.iter().skip(at * 4 + ROWS_AHEAD).take(4).for_each(|&at| prefetch(row(at)));
        distances.extend(four(block.map(&row)));
    }
    distances.extend(rest.iter().map(|&at| one(row(at))));
}
