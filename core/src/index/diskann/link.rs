//! Building the graph (Vamana): each row is linked to rows that a walk towards it met and kept or went through, pruned so that the links lead far and wide.
//!
//! Rows are inserted in a mixed order, in parallel on the current rayon pool. One lock is held at a time, that of the row whose list is written; readers
//! take none. While it grows a list may be a quarter longer than the degree, so that not every new link prunes it. With one thread the graph is the same
//! each time.

use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::index::hnsw::build::connect;
use crate::index::hnsw::graph::{Growing, View};
use crate::index::hnsw::space::{Point, Space};
use crate::index::hnsw::walk::{Course, Scratch, ScratchPool, key, key_distance, key_row};
use crate::index::mix::mix;
use crate::index::row_set::RowSet;
use crate::index::vector_index::Progress;

/// A row is passed over when it is nearer by this factor to a linked one, in squared distances; the first round passes over more.
const ALPHAS: [f32; 2] = [1.0, 1.2];
/// Rows inserted by one thread before others join, so that the first rows see each other.
const ROWS_ALONE: usize = 1_000;
const LOCK_COUNT: usize = 1 << 14;

pub struct Options<'a> {
    pub max_degree: usize,
    pub search_list_size: usize,
    pub progress: &'a Progress,
}

struct Linker<'a, S> {
    space: &'a S,
    graph: View<'a, AtomicU32>,
    options: &'a Options<'a>,
    locks: Vec<Mutex<()>>,
    pool: ScratchPool,
}

/// Links the rows of `linked` (all when None) in `graph`, which has an entry, no links, and lists of `max_degree`.
pub fn link_rows<S: Space>(space: &S, graph: &Growing, linked: Option<&RowSet>, options: &Options<'_>) {
    let target = graph.view();
    let Some((entry, _)) = target.entry() else { return };
    let long = Growing::flat(target.row_count(), options.max_degree + options.max_degree.div_ceil(4), Some(entry));
    let linker = Linker {
        space,
        graph: long.view(),
        options,
        locks: (0..LOCK_COUNT).map(|_| Mutex::new(())).collect(),
        pool: ScratchPool::default(),
    };
    let mut rows: Vec<u32> = (0..target.row_count() as u32)
        .filter(|&row| row != entry && linked.is_none_or(|linked| linked.get(row as usize)))
        .collect();
    rows.sort_by_cached_key(|&row| mix(u64::from(row)));
    let (alone, rest) = rows.split_at(rows.len().min(ROWS_ALONE));
    alone.iter().for_each(|&row| linker.insert(row, entry));
    rest.par_iter().for_each(|&row| linker.insert(row, entry));
    let finish = |&row: &u32| {
        let links: Vec<u32> = linker.graph.neighbours(row, 0).collect();
        let kept = if links.len() > options.max_degree {
            linker.pruned(row, &links)
        } else {
            links
        };
        target.set_links(row, 0, &kept);
    };
    rows.par_iter().chain([entry].par_iter()).for_each(finish);
    connect(space, target, linked, options.search_list_size, &linker.pool);
}

impl<S: Space> Linker<'_, S> {
    fn lock(&self, row: u32) -> MutexGuard<'_, ()> {
        self.locks[row as usize % LOCK_COUNT].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, row: u32, entry: u32) {
        let links = self.pool.with(|scratch| {
            let candidates = self.candidates(row, entry, scratch);
            self.select(&candidates)
        });
        {
            let _held = self.lock(row);
            self.graph.set_links(row, 0, &links);
        }
        links.iter().for_each(|&other| self.link(other, row));
        self.options.progress.add(1);
    }

    /// The rows that a walk towards `row` kept or went through, nearest first.
    fn candidates(&self, row: u32, entry: u32, scratch: &mut Scratch) -> Vec<u64> {
        let point = self.space.point(row);
        let mut gone_through = Vec::new();
        let course = Course {
            level: 0,
            starts: &[entry],
            ef: self.options.search_list_size.max(self.options.max_degree),
            budget: usize::MAX,
        };
        let graph = self.graph;
        scratch.walk(
            graph,
            course,
            &point,
            |next, visited, batch| {
                gone_through.push(next);
                batch.extend(graph.neighbours(next, 0).filter(|&neighbour| visited.mark(neighbour)));
            },
            |_| true,
        );
        let mut found = Vec::new();
        scratch.take_nearest(&mut found);
        let mut distances = Vec::new();
        point.distances(&gone_through, &mut distances);
        found.extend(gone_through.iter().zip(&distances).map(|(&row, &distance)| key(distance, row)));
        found.sort_unstable();
        found.dedup();
        found.retain(|&found| key_row(found) != row);
        found
    }

    /// Adds `other` to the links of `row`; a full list is pruned.
    fn link(&self, row: u32, other: u32) {
        let _held = self.lock(row);
        if self.graph.append(row, 0, other) {
            return;
        }
        let mut rows: Vec<u32> = self.graph.neighbours(row, 0).collect();
        rows.push(other);
        self.graph.set_links(row, 0, &self.pruned(row, &rows));
    }

    /// The best `max_degree` of `rows` as links of `row`.
    fn pruned(&self, row: u32, rows: &[u32]) -> Vec<u32> {
        let mut distances = Vec::with_capacity(rows.len());
        self.space.point(row).distances(rows, &mut distances);
        let mut candidates: Vec<u64> = rows.iter().zip(&distances).map(|(&row, &distance)| key(distance, row)).collect();
        candidates.sort_unstable();
        self.select(&candidates)
    }

    /// Up to `max_degree` of the candidates (keys, nearest first), so that they lie in different directions.
    fn select(&self, candidates: &[u64]) -> Vec<u32> {
        let limit = self.options.max_degree;
        let mut taken: Vec<u32> = Vec::with_capacity(limit);
        let mut waiting: Vec<u64> = candidates.to_vec();
        let mut scratch = Vec::with_capacity(4);
        for alpha in ALPHAS {
            waiting.retain(|&candidate| {
                if taken.len() == limit {
                    return false;
                }
                let row = key_row(candidate);
                let shadowed = self
                    .space
                    .point(row)
                    .any_within(&taken, key_distance(candidate) / alpha, &mut scratch);
                if !shadowed {
                    taken.push(row);
                }
                shadowed
            });
        }
        taken
    }
}
