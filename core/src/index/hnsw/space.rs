//! Where the graph's rows lie: gives distances between them, smaller is nearer. One space reads the f32 rows, the other (`codes`) their int8 codes.

use crate::distance::{Kernels, Metric, kernels, prefetch};

/// Rows fetched ahead of those being computed.
pub const ROWS_AHEAD: usize = 8;

pub trait Space: Sync {
    type Point<'s>: Point
    where
        Self: 's;

    /// A row as a point to measure from.
    fn point(&self, row: u32) -> Self::Point<'_>;
}

/// A point, a query or a row, from which rows are measured.
pub trait Point {
    /// `distances` becomes the distances of `rows`, in their order.
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>);

    /// Whether one of `rows` is as near as `distance`; scratch space is the caller's.
    fn any_within(&self, rows: &[u32], distance: f32, scratch: &mut Vec<f32>) -> bool {
        rows.chunks(4).any(|block| {
            self.distances(block, scratch);
            scratch.iter().any(|&other| other <= distance)
        })
    }
}

/// `distances` becomes those of `rows`, computed four at once by `four` and the rest by `one`, while the rows ahead are fetched.
#[inline]
pub fn in_fours(
    rows: &[u32],
    distances: &mut Vec<f32>,
    fetch: impl Fn(u32),
    four: impl Fn([u32; 4]) -> [f32; 4],
    one: impl Fn(u32) -> f32,
) {
    distances.clear();
    rows.iter().take(ROWS_AHEAD).for_each(|&row| fetch(row));
    let mut blocks = rows.chunks_exact(4);
    for (at, block) in (&mut blocks).enumerate() {
        rows.iter().skip(at * 4 + ROWS_AHEAD).take(4).for_each(|&row| fetch(row));
        distances.extend(four([block[0], block[1], block[2], block[3]]));
    }
    distances.extend(blocks.remainder().iter().map(|&row| one(row)));
}

/// The f32 rows of a column. Distances: squared L2; minus the inner product; minus the cosine.
#[derive(Clone, Copy)]
pub struct Floats<'a> {
    kernels: &'static Kernels,
    metric: Metric,
    dim: usize,
    vectors: &'a [f32],
    /// 1 / |row| of each row for COSINE, else empty.
    inverse_norms: &'a [f32],
}

pub struct FloatPoint<'a> {
    space: Floats<'a>,
    vector: &'a [f32],
    inverse_norm: f32,
}

impl<'a> Floats<'a> {
    pub fn new(metric: Metric, dim: usize, vectors: &'a [f32], inverse_norms: &'a [f32]) -> Self {
        Floats {
            kernels: kernels(),
            metric,
            dim,
            vectors,
            inverse_norms,
        }
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The f32 values of a row.
    #[inline]
    pub fn row(&self, row: u32) -> &'a [f32] {
        let start = row as usize * self.dim;
        &self.vectors[start..start + self.dim]
    }

    /// 1 / |row| for COSINE, else 1.
    pub fn inverse_norm(&self, row: u32) -> f32 {
        self.inverse_norms.get(row as usize).copied().unwrap_or(1.0)
    }

    pub fn query(&self, vector: &'a [f32]) -> FloatPoint<'a> {
        let inverse_norm = if self.metric == Metric::Cosine {
            self.kernels.inverse_norm(vector)
        } else {
            1.0
        };
        FloatPoint {
            space: *self,
            vector,
            inverse_norm,
        }
    }
}

impl Space for Floats<'_> {
    type Point<'s>
        = FloatPoint<'s>
    where
        Self: 's;

    fn point(&self, row: u32) -> FloatPoint<'_> {
        FloatPoint {
            space: *self,
            vector: self.row(row),
            inverse_norm: self.inverse_norm(row),
        }
    }
}

impl FloatPoint<'_> {
    /// 1 / |vector| for COSINE, else 1.
    pub fn inverse_norm(&self) -> f32 {
        self.inverse_norm
    }
}

impl Point for FloatPoint<'_> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        let Floats { kernels, metric, .. } = self.space;
        let row = |row| self.space.row(row);
        let fetch = |at| prefetch(row(at));
        if metric == Metric::L2 {
            in_fours(
                rows,
                distances,
                fetch,
                |at| kernels.l2_four(self.vector, at.map(row)),
                |at| kernels.l2(self.vector, row(at)),
            );
            return;
        }
        in_fours(
            rows,
            distances,
            fetch,
            |at| kernels.dot_four(self.vector, at.map(row)),
            |at| kernels.dot(self.vector, row(at)),
        );
        for (distance, &row) in distances.iter_mut().zip(rows) {
            *distance *= -self.inverse_norm * self.space.inverse_norm(row);
        }
    }
}
