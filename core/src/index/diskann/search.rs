//! Beam search: the nearest unread rows by their codes, a beam at a time; their sectors are asked for all at once, then read one after another.
//!
//! A row that was read is ranked by its full vector. The walk ends when the nearest unread row is farther, by codes, than `search_list` admitted ones.
//! `min(k, allowed rows)` rows are found: where the walk finds fewer or becomes dear, the allowed rows of the column are scanned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::DiskAnn;
use crate::distance::Metric;
use crate::index::hnsw::exact::{Exact, ExactPoint};
use crate::index::hnsw::space::Point;
use crate::index::hnsw::stored::StoredPoint;
use crate::index::hnsw::twins::Twins;
use crate::index::hnsw::walk::{Visited, key, key_distance, key_row};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, Look, VectorIndex};
use crate::index::vectors::{QueryVector, Vectors};

/// Rows that a walk keeps where the request gives none: this, or twice the rows wanted.
const SEARCH_LIST_DEFAULT: usize = 64;
const BEAM_DEFAULT: usize = 8;
/// Rows scanned together.
const BATCH: usize = 256;
/// Nanoseconds for which a walk with a list of 100 runs, about, when the sectors are in memory and a tenth of the rows or more are allowed.
const WALK_NS: f32 = 400_000.0;

/// What a search works with; kept between searches, so that none allocates.
#[derive(Debug, Default)]
pub struct BeamScratch {
    visited: Visited,
    frontier: BinaryHeap<Reverse<u64>>,
    nearest: BinaryHeap<u64>,
    beam: Vec<u32>,
    batch: Vec<u32>,
    distances: Vec<f32>,
    /// Distances by codes, and rows read.
    computed: usize,
    read: usize,
}

/// A search under way.
struct Beam<'a, A> {
    index: &'a DiskAnn,
    coded: StoredPoint<'a>,
    point: ExactPoint<'a>,
    list: usize,
    width: usize,
    budget: usize,
    admit: A,
}

impl<A: Fn(u32) -> bool> Beam<'_, A> {
    /// Reads rows from the entry on; admitted ones come into `found` by their full vectors. False when it gave up.
    fn run(&self, entry: u32, scratch: &mut BeamScratch, found: &mut Vec<u64>) -> bool {
        scratch.visited.restart(self.index.row_count);
        scratch.frontier.clear();
        scratch.nearest.clear();
        scratch.batch.clear();
        scratch.visited.mark(entry);
        scratch.batch.push(entry);
        self.keep(scratch);
        let sectors = self.index.sectors.view();
        loop {
            self.next_beam(scratch);
            if scratch.beam.is_empty() {
                return true;
            }
            if scratch.computed > self.budget {
                return false;
            }
            scratch.beam.iter().for_each(|&row| self.index.sectors.will_need(row));
            for at in 0..scratch.beam.len() {
                let row = scratch.beam[at];
                let record = sectors.record(row);
                scratch.read += 1;
                if (self.admit)(row) {
                    found.push(key(self.point.distance_to(record.vector, record.inverse_norm), row));
                }
                scratch.batch.clear();
                let (visited, row_count) = (&mut scratch.visited, self.index.row_count as u32);
                let unseen = record.links.iter().copied().filter(|&link| link < row_count && visited.mark(link));
                scratch.batch.extend(unseen);
                self.keep(scratch);
            }
        }
    }

    /// The nearest unread rows, unless `list` admitted ones are nearer.
    fn next_beam(&self, scratch: &mut BeamScratch) {
        scratch.beam.clear();
        while scratch.beam.len() < self.width {
            let Some(&Reverse(next)) = scratch.frontier.peek() else { return };
            if scratch.nearest.len() >= self.list && scratch.nearest.peek().is_some_and(|&farthest| next > farthest) {
                return;
            }
            scratch.frontier.pop();
            scratch.beam.push(key_row(next));
        }
    }

    /// Puts the batch into the frontier and, where admitted, among the nearest, by codes.
    fn keep(&self, scratch: &mut BeamScratch) {
        scratch.computed += scratch.batch.len();
        self.coded.distances(&scratch.batch, &mut scratch.distances);
        for (&row, &distance) in scratch.batch.iter().zip(&scratch.distances) {
            let candidate = key(distance, row);
            if scratch.nearest.len() >= self.list && scratch.nearest.peek().is_some_and(|&farthest| candidate > farthest) {
                continue;
            }
            scratch.frontier.push(Reverse(candidate));
            if (self.admit)(row) {
                scratch.nearest.push(candidate);
                if scratch.nearest.len() > self.list {
                    scratch.nearest.pop();
                }
            }
        }
    }
}

/// What a search cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Distances by codes.
    pub computed: usize,
    /// Rows read from sectors.
    pub read: usize,
}

impl DiskAnn {
    pub(super) fn search_counted(
        &self,
        vectors: &Vectors,
        query: QueryVector,
        look: &Look,
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, Cost) {
        assert!(
            allowed.is_none_or(|allowed| allowed.row_count() == self.row_count),
            "allowed rows are those of the index"
        );
        let same = (vectors.kind, vectors.dim, vectors.row_count) == (self.vector_type, self.dim, self.row_count);
        let exact = Exact::of(vectors, self.metric, &[]).filter(|_| same && look.k > 0);
        let (Some(exact), Some(entry)) = (exact, self.entry) else {
            return Default::default();
        };
        let Some(point) = exact.query(query) else {
            return Default::default();
        };
        let Some(coded) = self.codes.query(&exact, query, point.inverse_norm(), &[]) else {
            return Default::default();
        };
        let list = if look.search_list == 0 {
            SEARCH_LIST_DEFAULT.max(2 * look.k)
        } else {
            look.search_list.max(look.k)
        };
        let admits = |row: u32| self.has_vector(row) && allowed.is_none_or(|allowed| allowed.get(row as usize));
        let twins_of = |row: u32| self.twins.iter().flat_map(move |twins: &Twins| twins.of(row));
        let beam = Beam {
            index: self,
            coded,
            point,
            list,
            width: if look.beam_width == 0 { BEAM_DEFAULT } else { look.beam_width },
            budget: allowed.map_or(usize::MAX, |allowed| allowed.count() + 10 * list),
            admit: |row: u32| admits(row) || twins_of(row).any(&admits),
        };
        let mut found = Vec::new();
        let mut scratch = self.scratch().pop().unwrap_or_default();
        (scratch.computed, scratch.read) = (0, 0);
        let whole = beam.run(entry, &mut scratch, &mut found);
        let cost = Cost {
            computed: scratch.computed,
            read: scratch.read,
        };
        self.scratch().push(scratch);
        let alike = |&at: &u64| {
            let rows = std::iter::once(key_row(at)).chain(twins_of(key_row(at)));
            rows.filter(|&row| admits(row)).map(move |row| key(key_distance(at), row))
        };
        let mut all: Vec<u64> = found.iter().flat_map(alike).collect();
        let wanted = allowed.map_or(self.row_count, RowSet::count).min(look.k);
        if !whole || all.len() < wanted {
            all.clear();
            self.scan(vectors, &beam.point, admits, &mut all);
        }
        all.sort_unstable();
        let hits = all.iter().take(look.k).map(|&at| (key_row(at), exact.score(key_distance(at))));
        (hits.collect(), cost)
    }

    /// All admitted rows by the column.
    fn scan(&self, vectors: &Vectors, point: &ExactPoint<'_>, admits: impl Fn(u32) -> bool, found: &mut Vec<u64>) {
        let sectors = self.sectors.view();
        let rows: Vec<u32> = (0..self.row_count as u32).filter(|&row| admits(row)).collect();
        for batch in rows.chunks(BATCH) {
            found.extend(batch.iter().map(|&row| {
                let inverse_norm = if self.metric == Metric::Cosine {
                    sectors.record(row).inverse_norm
                } else {
                    1.0
                };
                key(point.distance_to(vectors.row_bytes(row as usize), inverse_norm), row)
            }));
        }
    }

    fn scratch(&self) -> std::sync::MutexGuard<'_, Vec<BeamScratch>> {
        self.pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl VectorIndex for DiskAnn {
    fn kind(&self) -> IndexKind {
        IndexKind::DiskAnn
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn row_count(&self) -> usize {
        self.row_count
    }

    fn byte_size(&self) -> usize {
        self.codes.byte_size() + self.sectors.words.byte_size()
    }

    fn stays_on_disk(&self) -> bool {
        true
    }

    fn encode(&self) -> Vec<u8> {
        DiskAnn::encode(self)
    }

    fn pays(&self, allowed: usize, vectors: &Vectors, look: &Look) -> bool {
        let Some(exact) = Exact::of(vectors, self.metric, &[]) else {
            return false;
        };
        let list = if look.search_list == 0 {
            SEARCH_LIST_DEFAULT
        } else {
            look.search_list
        };
        let part = allowed as f32 / vectors.row_count.max(1) as f32;
        let walk_ns = WALK_NS * (list as f32 / 100.0) * (0.1 / part.max(f32::MIN_POSITIVE)).max(1.0);
        list < vectors.row_count && allowed as f32 * exact.row_ns() > walk_ns
    }

    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        self.search_counted(vectors, query, look, allowed).0
    }
}
