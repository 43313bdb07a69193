//! How broad a walk is where the request does not say: as broad as this graph needs, measured when it is built.
//!
//! Some rows of the graph are its queries: their nearest rows are known from a scan, and walks of growing breadth look for them until enough are found.
//! They pass by the row itself, whose links are its nearest rows: a query's vector has none. Others still link to each other because of it, which makes
//! it a little easier to find than a vector that is not in the graph.

use rayon::prelude::*;

use super::Hnsw;
use super::exact::Exact;
use super::plan::Plan;
use super::search::Asked;
use super::space::{Point, Space};
use super::training::every_nth;
use super::walk::{key, key_distance, key_row};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::schema::ColumnType;

/// Breadth of graphs that were not measured: of few rows, where it hardly matters.
pub const UNMEASURED: usize = 64;
const MEASURED_ROWS_MIN: usize = 2_000;
/// Queries; fewer where the scan for their nearest rows would take more than `LOOKS_MAX` looks at rows.
const QUERIES: usize = 128;
const QUERIES_MIN: usize = 32;
const LOOKS_MAX: usize = 100_000_000;
const NEAREST: usize = 10;
const FOUND_MIN: f32 = 0.96;
const BREADTHS: [usize; 16] = [16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 384, 512];
/// Rows that a scan looks at for all queries before it goes on, so that they are read from the cache.
const BLOCK: usize = 256;

struct Sample {
    row: u32,
    /// Distance of the last of the nearest rows.
    farthest: f32,
}

/// The least of `BREADTHS` whose walks find enough. Works on the current rayon pool.
pub fn measure(index: &Hnsw, vectors: &Vectors) -> usize {
    let rows: Vec<u32> = (0..index.row_count() as u32).filter(|&row| index.has_vector(row)).collect();
    let Some(exact) = index.exact(vectors).filter(|_| rows.len() >= MEASURED_ROWS_MIN) else {
        return UNMEASURED;
    };
    let count = (LOOKS_MAX / rows.len()).clamp(QUERIES_MIN, QUERIES);
    let queries = every_nth(&rows, count);
    let part = queries.len().div_ceil(rayon::current_num_threads());
    let samples: Vec<Sample> = queries
        .par_chunks(part)
        .flat_map_iter(|queries| scan(&exact, queries, &rows))
        .collect();
    let is_enough = |&breadth: &usize| {
        let found: usize = samples
            .par_iter()
            .map(|sample| found(index, vectors, &exact, sample, breadth))
            .sum();
        found as f32 >= FOUND_MIN * (NEAREST * samples.len()) as f32
    };
    BREADTHS.into_iter().find(is_enough).unwrap_or(BREADTHS[BREADTHS.len() - 1])
}

fn scan(exact: &Exact<'_>, queries: &[u32], rows: &[u32]) -> Vec<Sample> {
    let points: Vec<_> = queries.iter().map(|&row| exact.point(row)).collect();
    let mut nearest: Vec<Vec<u64>> = vec![Vec::new(); queries.len()];
    let mut distances = Vec::with_capacity(BLOCK);
    for block in rows.chunks(BLOCK) {
        for ((point, &query), nearest) in points.iter().zip(queries).zip(&mut nearest) {
            point.distances(block, &mut distances);
            let worst = nearest.get(NEAREST - 1).copied().unwrap_or(u64::MAX);
            let keys = block.iter().zip(&distances).map(|(&row, &distance)| key(distance, row));
            let before = nearest.len();
            nearest.extend(keys.filter(|&key| key < worst && key_row(key) != query));
            if nearest.len() > before {
                nearest.sort_unstable();
                nearest.truncate(NEAREST);
            }
        }
    }
    let sample = |(&row, nearest): (&u32, &Vec<u64>)| Sample {
        row,
        farthest: nearest.last().map_or(f32::INFINITY, |&key| key_distance(key)),
    };
    queries.iter().zip(&nearest).map(sample).collect()
}

/// How many of the nearest rows a walk of this breadth finds; rows as near as the last of them count.
fn found(index: &Hnsw, vectors: &Vectors, exact: &Exact<'_>, sample: &Sample, breadth: usize) -> usize {
    let mut values = vec![0.0; vectors.dim];
    let query = if vectors.kind == ColumnType::BinaryVector {
        QueryVector::Bits(vectors.bytes(sample.row as usize))
    } else {
        vectors.read(sample.row as usize, &mut values);
        QueryVector::Floats(&values)
    };
    let asked = Asked {
        plan: Some(Plan::Walk),
        k: NEAREST,
        ef: breadth,
        allowed: None,
        hidden: Some(sample.row),
    };
    let (hits, _) = index.answer(vectors, query, &asked);
    let rows: Vec<u32> = hits.iter().map(|&(row, _)| row).filter(|&row| row != sample.row).collect();
    let mut distances = Vec::with_capacity(rows.len());
    exact.point(sample.row).distances(&rows, &mut distances);
    distances
        .iter()
        .filter(|&&distance| distance <= sample.farthest)
        .count()
        .min(NEAREST)
}
