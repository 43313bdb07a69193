//! Scores in the user's sense: of a pair, and of a query with a run of contiguous rows.

use super::{Kernels, Metric, kernels, prefetch};

/// Rows fetched ahead of the row being computed: far enough for memory, near enough to stay in the first cache.
const BYTES_AHEAD: usize = 4096;

/// Score of a pair: squared L2, inner product, or cosine (0 when a vector is zero).
pub fn score(metric: Metric, left: &[f32], right: &[f32]) -> f32 {
    let kernels = kernels();
    match metric {
        Metric::L2 => kernels.l2(left, right),
        Metric::Ip => kernels.dot(left, right),
        Metric::Cosine => cosine(kernels, left, kernels.inverse_norm(left), right),
        _ => unreachable!("a metric of bits"),
    }
}

fn cosine(kernels: &Kernels, query: &[f32], query_inverse_norm: f32, row: &[f32]) -> f32 {
    kernels.dot(query, row) * query_inverse_norm * kernels.inverse_norm(row)
}

/// `out[i]` becomes the score of `query` with row i of `rows`.
///
/// `rows` holds `out.len()` rows of `dim` values; panics on any other shape.
pub fn scan(metric: Metric, query: &[f32], rows: &[f32], dim: usize, out: &mut [f32]) {
    assert!(dim > 0 && query.len() == dim && rows.len() == dim * out.len(), "shapes of a scan");
    let kernels = kernels();
    let four = |rows: [&[f32]; 4]| match metric {
        Metric::L2 => kernels.l2_four(query, rows),
        Metric::Ip | Metric::Cosine => kernels.dot_four(query, rows),
        _ => unreachable!("a metric of bits"),
    };
    let ahead = (BYTES_AHEAD / size_of::<f32>()).max(dim * 4);
    let mut blocks = out.chunks_exact_mut(4);
    let mut at = 0;
    for block in &mut blocks {
        let next = (at + ahead).min(rows.len());
        prefetch(&rows[next..(next + 4 * dim).min(rows.len())]);
        let row = |index: usize| &rows[at + index * dim..at + (index + 1) * dim];
        block.copy_from_slice(&four([row(0), row(1), row(2), row(3)]));
        at += 4 * dim;
    }
    for (score, row) in blocks.into_remainder().iter_mut().zip(rows[at..].chunks_exact(dim)) {
        *score = match metric {
            Metric::L2 => kernels.l2(query, row),
            Metric::Ip | Metric::Cosine => kernels.dot(query, row),
            _ => unreachable!("a metric of bits"),
        };
    }
    if metric == Metric::Cosine {
        let query_inverse_norm = kernels.inverse_norm(query);
        for (score, row) in out.iter_mut().zip(rows.chunks_exact(dim)) {
            *score *= query_inverse_norm * kernels.inverse_norm(row);
        }
    }
}
