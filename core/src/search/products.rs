//! Scans for many queries: a product of matrices dismisses nearly all pairs of a query and a row, and the others are scored one by one.
//!
//! Rows are taken in panels of 64, queries in tiles of 6 (`Kernels::add_products`), both laid out value by value: of a panel as many values as the
//! processor's cache holds well meet all tiles, then the next ones. The sums are inner products within rounding. A pair is dismissed when its inner
//! product, by as much as all that rounding can have changed, makes its score worse than the worst hit that still counts; whatever is not dismissed is
//! scored by the kernel that a scan for one query uses. So both find the same hits with the same scores, and no distance is a difference of large sums.
//!
//! The test is one comparison, `inner + term[row] * factor >= threshold` (factor and threshold are the query's), with e the relative error:
//! - L2: |q|² + |r|² - 2 q·r <= worst + 2e (|q|² + |r|²), since |q| |r| and the distance are at most 2 (|q|² + |r|²); so term = -(1 - 2e) |r|² / 2.
//! - IP: q·r >= worst - e |q| |r|; so term = |r|.
//! - COSINE: q·r >= (worst - e) |q| |r|; so term = |r| here, too.
//!
//! Vectors so small or large that products leave the range of float32 have a term or factor that is not a number: these pairs are never dismissed.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::dense::{DenseQuery, DenseRows, QueryValues, Rows as Place, Vectors};
use super::scan::{Wanted, take_block};
use super::top::{Found, Hit, Order, Top, rank, score_of};
use crate::distance::{Metric, TILE_QUERIES, TILE_ROWS, kernels};

/// Fewer queries do not pay for laying out the rows.
pub const QUERIES_MIN: usize = 6;
/// So many more rows than hits, or most rows are scored one by one anyway.
pub const ROWS_FOR_A_HIT: usize = 16;
/// Values of a panel that meet all tiles: 64 KiB of the rows and 6 KiB of a tile.
const VALUES_TOGETHER: usize = 256;
/// Squares of norms between which no product or sum leaves the range of float32.
const TAME_SQUARES: Range<f64> = 1e-20..1e30;

/// Whether this way is the faster one.
pub fn pay(rows: &DenseRows, row_count: usize, query_count: usize, wanted: &Wanted) -> bool {
    let numbers = !matches!(rows.vectors, Vectors::Bits(_));
    numbers && query_count >= QUERIES_MIN && row_count / ROWS_FOR_A_HIT >= wanted.limit
}

/// The hits of each query among `range` of the rows.
pub fn scan(
    rows: &DenseRows,
    range: Range<usize>,
    queries: &[DenseQuery],
    wanted: &Wanted,
    order: &Order,
    bounds: &[AtomicU32],
) -> Vec<Found> {
    let tiles = Tiles::new(queries, rows.width);
    let tops = bounds.iter().map(|bound| Top::sharing(wanted.limit, bound));
    let mut filters: Vec<Filter> = queries
        .iter()
        .zip(tops)
        .map(|(query, top)| Filter::new(query, top, wanted, rows.width))
        .collect();
    let mut panel = Panel::new(rows.width, tiles.count());
    let mut next = Vec::with_capacity(TILE_ROWS);
    let mut start = take_block(rows, range.clone(), TILE_ROWS, &mut next);
    loop {
        panel.load(rows, &next, wanted.metric);
        let more = start < range.end;
        next.clear();
        if more {
            start = take_block(rows, start..range.end, TILE_ROWS, &mut next);
        }
        if !panel.rows.is_empty() {
            panel.multiply(rows, &tiles, &mut Fetch::new(rows, &next, tiles.count()));
            for (at, (query, filter)) in queries.iter().zip(&mut filters).enumerate() {
                filter.take(&panel, at, query, rows, order);
            }
        }
        if !more {
            break;
        }
    }
    filters.into_iter().map(|filter| filter.top.finish(order)).collect()
}

/// Queries six by six: `tiles[t * width + k][q]` is value k of query 6 t + q; 0 behind the last query.
struct Tiles {
    values: Vec<[f32; TILE_QUERIES]>,
    width: usize,
}

impl Tiles {
    fn new(queries: &[DenseQuery], width: usize) -> Tiles {
        let mut values = vec![[0.0; TILE_QUERIES]; queries.len().div_ceil(TILE_QUERIES) * width];
        for (at, query) in queries.iter().enumerate() {
            let tile = &mut values[at / TILE_QUERIES * width..][..width];
            let lane = at % TILE_QUERIES;
            match query.values {
                QueryValues::Floats(floats) => tile.iter_mut().zip(floats).for_each(|(place, &value)| place[lane] = value),
                QueryValues::Int8(bytes) => tile.iter_mut().zip(bytes).for_each(|(place, &value)| place[lane] = value.into()),
                QueryValues::Bits(_) => unreachable!("bits are not multiplied"),
            }
        }
        Tiles { values, width }
    }

    fn count(&self) -> usize {
        self.values.len() / self.width
    }
}

/// Up to 64 rows, and what the queries make of them.
struct Panel {
    rows: Vec<u32>,
    /// The rows' values one row after the other, where they are not stored as float32.
    floats: Vec<f32>,
    /// Some of the rows' values, one value of all rows after the other.
    columns: Vec<[f32; TILE_ROWS]>,
    terms: [f32; TILE_ROWS],
    /// Empty unless the metric is COSINE.
    inverse_norms: Vec<f32>,
    /// Inner products with the queries of each tile.
    sums: Vec<[[f32; TILE_ROWS]; TILE_QUERIES]>,
    zeros: Vec<f32>,
    width: usize,
}

impl Panel {
    fn new(width: usize, tile_count: usize) -> Panel {
        Panel {
            rows: Vec::with_capacity(TILE_ROWS),
            floats: vec![0.0; width * TILE_ROWS],
            columns: vec![[0.0; TILE_ROWS]; width.min(VALUES_TOGETHER)],
            terms: [0.0; TILE_ROWS],
            inverse_norms: Vec::new(),
            sums: vec![[[0.0; TILE_ROWS]; TILE_QUERIES]; tile_count],
            zeros: vec![0.0; width],
            width,
        }
    }

    fn load(&mut self, of: &DenseRows, rows: &[u32], metric: Metric) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.inverse_norms.clear();
        let error = relative_error(self.width);
        for (at, (&row, floats)) in rows.iter().zip(self.floats.chunks_exact_mut(self.width)).enumerate() {
            let values = of.floats(row, floats);
            let squared = tame(kernels().dot(values, values).into());
            self.terms[at] = match metric {
                Metric::L2 => (squared * (error - 0.5)) as f32,
                _ => squared.sqrt() as f32,
            };
            if metric == Metric::Cosine {
                self.inverse_norms.push(of.inverse_norm(row, &self.zeros));
            }
        }
    }

    /// Makes `sums` the inner products with all queries.
    fn multiply(&mut self, of: &DenseRows, tiles: &Tiles, fetch: &mut Fetch) {
        self.sums.fill([[0.0; TILE_ROWS]; TILE_QUERIES]);
        let last = self.rows.len() - 1;
        for start in (0..self.width).step_by(VALUES_TOGETHER) {
            let values = start..self.width.min(start + VALUES_TOGETHER);
            let columns = &mut self.columns[..values.len()];
            for first in (0..self.rows.len()).step_by(8) {
                // What stands behind the last row is never looked at.
                let row = |at: usize| {
                    let at = (first + at).min(last);
                    let widened = &self.floats[at * self.width..][..self.width];
                    &of.stored_floats(self.rows[at]).unwrap_or(widened)[values.clone()]
                };
                kernels().spread(std::array::from_fn(row), columns, first);
            }
            for (tile, sums) in tiles.values.chunks_exact(self.width).zip(&mut self.sums) {
                kernels().add_products(&tile[values.clone()], columns, sums);
                fetch.some();
            }
        }
    }
}

/// Asks for the rows of the next panel bit by bit, while this one is computed.
struct Fetch<'a> {
    of: &'a DenseRows<'a>,
    rows: std::slice::Iter<'a, u32>,
    at_once: usize,
}

impl<'a> Fetch<'a> {
    fn new(of: &'a DenseRows<'a>, rows: &'a [u32], tile_count: usize) -> Self {
        let steps = tile_count * of.width.div_ceil(VALUES_TOGETHER);
        Fetch {
            of,
            rows: rows.iter(),
            at_once: rows.len().div_ceil(steps.max(1)),
        }
    }

    fn some(&mut self) {
        self.rows.by_ref().take(self.at_once).for_each(|&row| self.of.fetch(row));
    }
}

/// What a query takes of a panel.
struct Filter<'a> {
    wanted: &'a Wanted,
    top: Top<'a>,
    /// |q|² of the query, not a number where it is too small or large.
    squared: f64,
    error: f64,
    /// The bound of `top` that `factor` and `threshold` belong to.
    bound: u32,
    factor: f32,
    threshold: f32,
    scores: Vec<f32>,
}

impl<'a> Filter<'a> {
    fn new(query: &DenseQuery, top: Top<'a>, wanted: &'a Wanted, width: usize) -> Self {
        let squared: f64 = match query.values {
            QueryValues::Floats(values) => values.iter().map(|&value| f64::from(value).powi(2)).sum(),
            QueryValues::Int8(values) => values.iter().map(|&value| f64::from(value).powi(2)).sum(),
            QueryValues::Bits(_) => unreachable!("bits have no norm"),
        };
        let mut filter = Filter {
            wanted,
            top,
            squared: tame(squared),
            error: relative_error(width),
            bound: u32::MAX,
            factor: 0.0,
            threshold: f32::NEG_INFINITY,
            scores: Vec::new(),
        };
        filter.narrow();
        filter
    }

    /// Sets factor and threshold by the worst score that can be a hit.
    fn narrow(&mut self) {
        let metric = self.wanted.metric;
        self.bound = self.top.bound();
        let bound = (self.bound != u32::MAX).then(|| score_of(metric, self.bound));
        let worst = match (bound, self.wanted.radius) {
            (Some(bound), Some(radius)) if metric.higher_is_better() => bound.max(radius),
            (Some(bound), Some(radius)) => bound.min(radius),
            (bound, radius) => match bound.or(radius) {
                Some(worst) => worst,
                None => return,
            },
        };
        let (worst, norm) = (f64::from(worst), self.squared.sqrt());
        let (factor, threshold) = match metric {
            Metric::L2 => (1.0, ((1.0 - 2.0 * self.error) * self.squared - worst) / 2.0),
            Metric::Ip => (self.error * norm, worst),
            _ => ((self.error - worst) * norm, 0.0),
        };
        self.factor = factor as f32;
        // Downwards by more than becoming a float32 can have raised it.
        self.threshold = (threshold - threshold.abs() * 1e-6) as f32;
    }

    fn take(&mut self, panel: &Panel, at: usize, query: &DenseQuery, of: &DenseRows, order: &Order) {
        let sums = &panel.sums[at / TILE_QUERIES][at % TILE_QUERIES];
        let live = u64::MAX >> (TILE_ROWS - panel.rows.len());
        let mut left = live & kernels().passing(sums, &panel.terms, self.factor, self.threshold);
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            left &= left - 1;
            let row = panel.rows[lane];
            let inverse_norms = panel.inverse_norms.get(lane..=lane).unwrap_or(&[]);
            of.score_all(self.wanted.metric, query, &[row], inverse_norms, Place::Cached, &mut self.scores);
            for &score in self.scores.iter().filter(|&&score| self.wanted.accepts(score)) {
                let hit = Hit {
                    rank: rank(self.wanted.metric, score),
                    part: of.part,
                    row,
                };
                self.top.push(hit, order);
            }
        }
        self.top.settle(order);
        if self.top.bound() != self.bound {
            self.narrow();
        }
    }
}

/// Not a number unless products with it stay in the range of float32.
fn tame(squared: f64) -> f64 {
    if TAME_SQUARES.contains(&squared) { squared } else { f64::NAN }
}

/// How far off, relative to the product of both norms, the inner products here and the scores of the kernels can be: rounding of a sum adds 2^-24 a step,
/// and no kernel takes more steps than these together.
fn relative_error(width: usize) -> f64 {
    let steps = width.min(VALUES_TOGETHER) + width / VALUES_TOGETHER + width / 8 + 64;
    steps as f64 / f64::from(1u32 << 24)
}
