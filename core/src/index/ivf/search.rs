//! Searching: the lists in the order of their centroids' distances, as many as asked for, and on until there are as many rows as wanted.

use std::cmp::Ordering;

use super::Ivf;
use super::codes::{Coder, Place};
use super::exact::Exact;
use super::nearest::Nearest;
use crate::distance::{Metric, kernels};
use crate::index::row_set::RowSet;
use crate::index::vector_index::Look;
use crate::index::vectors::{QueryVector, Vectors};

/// Lists that are looked at where the request does not say (Milvus's default).
pub const NPROBE_DEFAULT: usize = 8;
/// Rows that are ranked by their vectors above what the factor says, and above the rows wanted at most.
const RANKED_MORE: usize = 32;
const RANKED_MORE_MAX: usize = 8192;

/// A list and the distance of its centroid.
pub type Probe = (f32, u32);

fn nearer(left: &Probe, right: &Probe) -> Ordering {
    left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
}

/// Puts the `count` nearest of `probes` first, in order.
pub fn put_nearest_first(probes: &mut [Probe], count: usize) {
    if count < probes.len() {
        probes.select_nth_unstable_by(count, nearer);
    }
    let count = count.min(probes.len());
    probes[..count].sort_unstable_by(nearer);
}

/// Lists that are probed: those asked for, and the more the fewer rows are allowed, since the nearest allowed rows then lie farther away.
pub fn probes_for(asked: usize, allowed: usize, rows: usize) -> usize {
    let part = allowed.max(1) as f32 / rows.max(1) as f32;
    (asked as f32 / part.min(1.0).sqrt()).ceil() as usize
}

impl Ivf {
    /// The answer, and how many rows it looked at.
    pub(super) fn search_counted(
        &self,
        vectors: &Vectors,
        query: QueryVector,
        look: &Look,
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, usize) {
        let Some(exact) = Exact::new(vectors, self.space.metric, query) else {
            return (Vec::new(), 0);
        };
        let k = look
            .k
            .min(allowed.map_or(self.row_count, RowSet::count))
            .min(self.lists.rows().len());
        if k == 0 {
            return (Vec::new(), 0);
        }
        let turned = self.space.query(exact.query());
        let mut probes = self.probes(&turned);
        let asked = self.probes_for(look, allowed.map_or(self.row_count, RowSet::count));
        let mut nearest = Nearest::new(self.kept_for(look, k), self.row_count);
        let mut scan = Scan::new(self, &exact, &turned);
        let mut done = 0;
        put_nearest_first(&mut probes, asked);
        let mut sorted = asked;
        while done < probes.len() && (done < asked || nearest.len() < k) {
            if done >= sorted {
                put_nearest_first(&mut probes[done..], done);
                sorted += done;
            }
            scan.list(probes[done], allowed, &mut nearest);
            done += 1;
        }
        let computed = scan.computed;
        let hits = match self.codes {
            None => nearest.finish().map(|(row, distance)| (row, exact.score(distance))).collect(),
            Some(_) => rank(&exact, nearest, k),
        };
        (hits, computed)
    }

    /// The lists that have rows, in no order. The distance is what an estimate of their rows begins with, see `codes`.
    fn probes(&self, query: &[f32]) -> Vec<Probe> {
        let kernels = kernels();
        let dim = self.space.dim();
        let squared = kernels.dot(query, query);
        let base = |list: usize, product: f32| match self.space.metric {
            Metric::L2 => squared + 2.0 * (self.halves[list] - product),
            _ => -product,
        };
        let mut probes = Vec::with_capacity(self.lists.count());
        let mut push = |list: usize, product: f32| {
            if !self.lists.range(list).is_empty() {
                probes.push((base(list, product), list as u32));
            }
        };
        let centroids = &self.centroids[..];
        let row = |list: usize| &centroids[list * dim..(list + 1) * dim];
        let fours = self.lists.count() / 4 * 4;
        for list in (0..fours).step_by(4) {
            let products = kernels.dot_four(query, [row(list), row(list + 1), row(list + 2), row(list + 3)]);
            (0..4).for_each(|lane| push(list + lane, products[lane]));
        }
        (fours..self.lists.count()).for_each(|list| push(list, kernels.dot(query, row(list))));
        probes
    }

    pub(super) fn probes_for(&self, look: &Look, allowed: usize) -> usize {
        let asked = if look.nprobe == 0 { NPROBE_DEFAULT } else { look.nprobe };
        probes_for(asked, allowed, self.lists.rows().len()).min(self.lists.count())
    }

    /// Rows that are kept to be ranked by their vectors, of k wanted.
    pub(super) fn kept_for(&self, look: &Look, k: usize) -> usize {
        let Some(codes) = &self.codes else { return k };
        let factor = factor_of(&codes.coder).max(look.refine_k.unwrap_or(1.0));
        let by_factor = (k as f32 * factor) as usize + RANKED_MORE;
        by_factor.min(k + RANKED_MORE_MAX).max(look.reorder_k).max(k)
    }
}

/// How many times the rows wanted have to be kept, for the best of them to be among them: by how much a code tells.
fn factor_of(coder: &Coder) -> f32 {
    match coder {
        Coder::Levels(levels) => match levels.bits {
            8 => 1.5,
            6 => 2.0,
            _ => 3.0,
        },
        Coder::Books(_) => 6.0,
        Coder::SmallBooks(_) => 6.0,
        Coder::Planes(planes) if planes.bits == 2 => 4.0,
        Coder::Planes(_) => 12.0,
    }
}

/// The k rows of `nearest` that are best by their vectors.
fn rank(exact: &Exact, nearest: Nearest, k: usize) -> Vec<(u32, f32)> {
    let rows: Vec<u32> = nearest.finish().map(|(row, _)| row).collect();
    let mut distances = Vec::with_capacity(rows.len());
    exact.distances(&rows, &mut distances, |at| exact.inverse_norm(rows[at]));
    let mut best = Nearest::new(k, rows.len());
    rows.iter().zip(distances).for_each(|(&row, distance)| best.offer(distance, row));
    best.finish().map(|(row, distance)| (row, exact.score(distance))).collect()
}

/// A scan of lists one after another.
struct Scan<'a> {
    index: &'a Ivf,
    exact: &'a Exact<'a>,
    query: Option<super::codes::Prepared>,
    weight: f32,
    rows: Vec<u32>,
    positions: Vec<u32>,
    distances: Vec<f32>,
    /// Rows looked at.
    computed: usize,
}

impl<'a> Scan<'a> {
    fn new(index: &'a Ivf, exact: &'a Exact<'a>, query: &[f32]) -> Self {
        Scan {
            index,
            exact,
            query: index.codes.as_ref().map(|codes| codes.coder.prepare(query)),
            weight: if index.space.metric == Metric::L2 { 2.0 } else { 1.0 },
            rows: Vec::new(),
            positions: Vec::new(),
            distances: Vec::new(),
            computed: 0,
        }
    }

    fn list(&mut self, (base, list): Probe, allowed: Option<&RowSet>, nearest: &mut Nearest) {
        let index = self.index;
        let place = Place::new((base, list), &index.lists, allowed, self.weight);
        match (&index.codes, &self.query) {
            (Some(codes), Some(query)) => {
                self.computed += place.range.len();
                codes.scan(query, &place, nearest);
            }
            _ => self.rows_of(&place, nearest),
        }
    }

    /// A list whose rows are read from the column.
    fn rows_of(&mut self, place: &Place, nearest: &mut Nearest) {
        let (rows, positions) = (&mut self.rows, &mut self.positions);
        rows.clear();
        positions.clear();
        let norms = &self.index.inverse_norms[..];
        let rows: &[u32] = match place.allowed {
            None => &place.rows[place.range.clone()],
            Some(allowed) => {
                for position in place.range.clone().filter(|&at| allowed.get(place.rows[at] as usize)) {
                    rows.push(place.rows[position]);
                    positions.push(position as u32);
                }
                rows
            }
        };
        let first = place.range.start;
        let position = |at: usize| positions.get(at).map_or(first + at, |&position| position as usize);
        self.exact.distances(rows, &mut self.distances, |at| norms[position(at)]);
        self.computed += rows.len();
        rows.iter()
            .zip(&self.distances)
            .for_each(|(&row, &distance)| nearest.offer(distance, row));
    }
}
