//! Searching the graph: a plan by how many rows are allowed, a walk or scan over codes (or f32 rows), and the f32 scores of what it found.
//!
//! Whatever the plan, `min(k, allowed rows)` rows are found: where a walk finds fewer or gives up, the allowed rows are scanned.

use super::Hnsw;
use super::exact::Exact;
use super::graph::View;
use super::plan::{Costs, Plan};
use super::space::Point;
use super::twins::Twins;
use super::walk::{Course, Scratch, Visited, gather_neighbours, key, key_distance, key_row};
use crate::index::row_set::RowSet;
use crate::index::vectors::{QueryVector, Vectors};

/// Allowed rows, spread over the segment, from which a two-hop walk starts besides the entry: the entry may lie where none is allowed.
const SEEDS: usize = 8;

/// What a search is asked besides its vector.
pub struct Asked<'a> {
    /// None: the cheapest.
    pub plan: Option<Plan>,
    pub k: usize,
    pub ef: usize,
    pub allowed: Option<&'a RowSet>,
    /// A row that walks pass by, as if it were not in the graph.
    pub hidden: Option<u32>,
}

/// The request of one search, as the walks see it.
struct Task<'a> {
    index: &'a Hnsw,
    graph: View<'a, u32>,
    costs: Costs,
    entry: u32,
    top: usize,
    ef: usize,
    allowed: Option<&'a RowSet>,
}

impl Task<'_> {
    /// Whether an answer may hold the row.
    fn admits(&self, row: u32) -> bool {
        self.allowed.is_none_or(|allowed| allowed.get(row as usize)) && self.index.has_vector(row)
    }

    /// The nearest admitted rows into `found`, at least `wanted` when so many are admitted.
    fn run(&self, point: &impl Point, plan: Plan, wanted: usize, scratch: &mut Scratch, found: &mut Vec<u64>) {
        let whole = plan != Plan::Scan && self.walk(point, plan, scratch);
        scratch.take_nearest(found);
        self.expand(found);
        if !whole || found.len() < wanted {
            let row_count = self.graph.row_count() as u32;
            match self.allowed {
                Some(allowed) => scratch.scan(point, allowed.iter().map(|row| row as u32).filter(|&row| self.admits(row)), self.ef),
                None => scratch.scan(point, (0..row_count).filter(|&row| self.admits(row)), self.ef),
            }
            scratch.take_nearest(found);
        }
    }

    /// Puts the admitted of each found row and its twins in the row's place; `ef` rows are enough.
    fn expand(&self, found: &mut Vec<u64>) {
        let Some(twins) = &self.index.twins else { return };
        let alike = |&found: &u64| {
            let rows = std::iter::once(key_row(found)).chain(twins.of(key_row(found)));
            rows.filter(|&row| self.admits(row)).map(move |row| key(key_distance(found), row))
        };
        *found = found.iter().flat_map(alike).take(self.ef).collect();
    }

    /// Walks from the top; false when it gave up, or saw that a scan is better.
    fn walk(&self, point: &impl Point, plan: Plan, scratch: &mut Scratch) -> bool {
        let graph = self.graph;
        let start = scratch.descend(graph, point, self.entry, (1..=self.top).rev());
        let course = Course {
            level: 0,
            starts: &[start],
            ef: self.ef,
            budget: usize::MAX,
        };
        let Some(allowed) = self.allowed else {
            return scratch.walk(graph, course, point, gather_neighbours(graph, 0), |_| true);
        };
        let admit = |row: u32| {
            let twin_allowed = |twins: &Twins| twins.of(row).any(|twin| allowed.get(twin as usize));
            allowed.get(row as usize) || self.index.twins.as_ref().is_some_and(twin_allowed)
        };
        let course = Course {
            budget: allowed.count() + 10 * self.ef,
            ..course
        };
        if plan == Plan::Walk {
            return scratch.walk(graph, course, point, gather_neighbours(graph, 0), admit);
        }
        let (kept, seen) = self.count_around(start, admit);
        if self.costs.scan_is_safer(kept, seen) {
            return false;
        }
        let starts: Vec<u32> = std::iter::once(start)
            .chain((0..SEEDS).filter_map(|seed| self.seed(allowed, seed)))
            .collect();
        scratch.walk(
            graph,
            Course {
                starts: &starts,
                ef: self.costs.two_hop_ef(),
                ..course
            },
            point,
            gather_two_hops(graph, admit),
            admit,
        )
    }

    /// How many rows within two links of `row` are admitted, and how many there are; a row reached twice counts twice.
    fn count_around(&self, row: u32, admit: impl Fn(u32) -> bool) -> (usize, usize) {
        let graph = self.graph;
        let around = graph
            .neighbours(row, 0)
            .flat_map(|next| std::iter::once(next).chain(graph.neighbours(next, 0)));
        around.fold((0, 0), |(kept, seen), row| (kept + usize::from(admit(row)), seen + 1))
    }

    /// The first allowed row of the graph at or after the start of the `seed`-th part of the segment.
    fn seed(&self, allowed: &RowSet, seed: usize) -> Option<u32> {
        let start = self.graph.row_count() * seed / SEEDS;
        let end = (start + 1_000).min(self.graph.row_count());
        (start..end)
            .find(|&row| allowed.get(row) && self.index.is_linked(row as u32))
            .map(|row| row as u32)
    }
}

/// Collects the unseen admitted rows next to a row, and those next to its dropped neighbours; at most about four lists of links.
fn gather_two_hops<'a>(graph: View<'a, u32>, admit: impl Fn(u32) -> bool + Copy + 'a) -> impl Fn(u32, &mut Visited, &mut Vec<u32>) + 'a {
    let enough = 4 * graph.capacity(0);
    move |row, visited, batch| {
        for neighbour in graph.neighbours(row, 0) {
            if admit(neighbour) {
                if visited.mark(neighbour) {
                    batch.push(neighbour);
                }
            } else if batch.len() < enough && visited.mark(neighbour) {
                batch.extend(
                    graph
                        .neighbours(neighbour, 0)
                        .filter(|&second| admit(second) && visited.mark(second)),
                );
            }
        }
    }
}

impl Hnsw {
    /// Up to k best allowed rows, best first, with the scores that users see.
    ///
    /// `vectors` are those that the index was built of. `ef` is how many rows the walk keeps (at least k are, over codes more).
    /// Exactly `min(k, n)` rows come back, n being the allowed rows that have a vector; equal scores are ordered by row. None when the query or the
    /// vectors have another shape than the index.
    pub fn search(&self, vectors: &Vectors, query: QueryVector, k: usize, ef: usize, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        self.search_counted(vectors, query, k, ef, allowed).0
    }

    /// As `search`, with the number of distances computed.
    pub fn search_counted(
        &self,
        vectors: &Vectors,
        query: QueryVector,
        k: usize,
        ef: usize,
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, usize) {
        self.search_by(None, vectors, query, k, ef, allowed)
    }

    /// As `search_counted`, by this plan; None: by the cheapest.
    pub(super) fn search_by(
        &self,
        plan: Option<Plan>,
        vectors: &Vectors,
        query: QueryVector,
        k: usize,
        ef: usize,
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, usize) {
        let asked = Asked {
            plan,
            k,
            ef,
            allowed,
            hidden: None,
        };
        self.answer(vectors, query, &asked)
    }

    pub(super) fn answer(&self, vectors: &Vectors, query: QueryVector, asked: &Asked) -> (Vec<(u32, f32)>, usize) {
        let &Asked {
            plan,
            k,
            ef,
            allowed,
            hidden,
        } = asked;
        assert!(
            allowed.is_none_or(|allowed| allowed.row_count() == self.row_count()),
            "allowed rows are those of the index"
        );
        let graph = self.graph.view();
        let (Some((entry, top)), Some(exact)) = (graph.entry().filter(|_| k > 0), self.exact(vectors)) else {
            return (Vec::new(), 0);
        };
        let Some(point) = exact.query(query) else { return (Vec::new(), 0) };
        let Some(walked) = self.stored.query(&exact, query, point.inverse_norm(), &self.inverse_norms) else {
            return (Vec::new(), 0);
        };
        let ef = ef.max(self.stored.spread() * k);
        let task = Task {
            index: self,
            graph,
            costs: self.costs(&exact, allowed, ef),
            entry,
            top,
            ef,
            allowed,
        };
        let cheapest = if allowed.is_some() { task.costs.plan() } else { Plan::Walk };
        let mut found = Vec::new();
        let computed = self.pool.with(|scratch| {
            scratch.hidden = hidden;
            task.run(&walked, plan.unwrap_or(cheapest), k, scratch, &mut found);
            scratch.computed
        });
        if self.stored.is_coded() {
            refine(&point, &mut found);
        }
        let scored = |&found: &u64| (key_row(found), exact.score(key_distance(found)));
        (found.iter().take(k).map(scored).collect(), computed)
    }

    fn costs(&self, exact: &Exact<'_>, allowed: Option<&RowSet>, ef: usize) -> Costs {
        Costs {
            kept: allowed.map_or(self.row_count(), RowSet::count),
            row_count: self.row_count(),
            row_ns: self.stored.row_ns(exact),
            ef,
        }
    }

    /// Whether a walk of this breadth finds so many allowed rows faster than a scan of their vectors does.
    pub fn walk_pays(&self, vectors: &Vectors, allowed: usize, ef: usize) -> bool {
        self.exact(vectors).is_some_and(|exact| {
            let costs = Costs {
                kept: allowed,
                row_count: self.row_count(),
                row_ns: exact.row_ns(),
                ef,
            };
            costs.plan() != Plan::Scan
        })
    }
}

/// Orders the found rows by their f32 distances.
fn refine(point: &impl Point, found: &mut [u64]) {
    let rows: Vec<u32> = found.iter().map(|&found| key_row(found)).collect();
    let mut distances = Vec::with_capacity(rows.len());
    point.distances(&rows, &mut distances);
    for ((found, row), distance) in found.iter_mut().zip(rows).zip(distances) {
        *found = key(distance, row);
    }
    found.sort_unstable();
}
