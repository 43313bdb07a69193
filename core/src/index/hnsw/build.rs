//! Building the graph: rows are inserted in parallel on the current rayon pool, each as in algorithms 1 and 4 of Malkov & Yashunin, arXiv 1603.09320.
//!
//! The row of the highest level is there first, so the entry never changes. A row is searched on its levels from the top, then linked from level 0
//! up: whoever finds it on a level also finds its links on the levels below. One lock is held at a time, that of the row whose list is written; readers
//! take none. At the end rows that no walk can reach, because all links to them were pruned away, are linked again. With one thread the graph is
//! the same each time.

use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use super::graph::{View, level_of};
use super::space::{Point, Space};
use super::walk::{Course, Scratch, ScratchPool, gather_neighbours, key, key_distance, key_row};
use crate::index::row_set::RowSet;
use crate::index::vector_index::Progress;

/// Rows inserted by one thread before others join, so that the first rows see each other.
const ROWS_ALONE: usize = 1_000;
/// Locks that rows share by their number.
const LOCK_COUNT: usize = 1 << 14;

/// On how many levels each row is.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    pub m: usize,
    pub seed: u64,
}

impl Levels {
    fn of(self, row: u32) -> usize {
        level_of(row, self.m, self.seed)
    }
}

struct Builder<'a, S> {
    space: &'a S,
    graph: View<'a, AtomicU32>,
    levels: Levels,
    ef_construction: usize,
    locks: Vec<Mutex<()>>,
    pool: &'a ScratchPool,
    progress: &'a Progress,
}

/// Links all rows of `present` (all when None) in a graph that has no links yet.
pub fn link_rows<S: Space>(
    space: &S,
    graph: View<'_, AtomicU32>,
    levels: Levels,
    present: Option<&RowSet>,
    ef_construction: usize,
    pool: &ScratchPool,
    progress: &Progress,
) {
    let Some((entry, _)) = graph.entry() else { return };
    let locks = (0..LOCK_COUNT).map(|_| Mutex::new(())).collect();
    let builder = Builder {
        space,
        graph,
        levels,
        ef_construction: ef_construction.max(levels.m),
        locks,
        pool,
        progress,
    };
    let waits = |row: &u32| *row != entry && present.is_none_or(|present| present.get(*row as usize));
    let row_count = graph.row_count() as u32;
    let alone = row_count.min(ROWS_ALONE as u32);
    (0..alone).filter(waits).for_each(|row| builder.insert(row));
    (alone..row_count).into_par_iter().filter(waits).for_each(|row| builder.insert(row));
    builder.link_unreachable(present);
}

/// Gives rows of `present` (all when None) that no walk from the entry can reach on level 0 a link from a near row, so that all are reached.
pub fn connect<S: Space>(space: &S, graph: View<'_, AtomicU32>, present: Option<&RowSet>, ef: usize, pool: &ScratchPool) {
    let builder = Builder {
        space,
        graph,
        levels: Levels { m: 2, seed: 0 },
        ef_construction: ef,
        locks: Vec::new(),
        pool,
        progress: &Progress::default(),
    };
    builder.link_unreachable(present);
}

impl<S: Space> Builder<'_, S> {
    fn lock(&self, row: u32) -> MutexGuard<'_, ()> {
        self.locks[row as usize % LOCK_COUNT]
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn insert(&self, row: u32) {
        let selected = self.pool.with(|scratch| self.select_links(row, scratch));
        for (level, neighbours) in selected.iter().enumerate() {
            {
                let _held = self.lock(row);
                self.graph.set_links(row, level, neighbours);
            }
            neighbours.iter().for_each(|&neighbour| self.link(neighbour, level, row));
        }
        self.progress.add(1);
    }

    /// The links of a new row on each of its levels, level 0 first.
    fn select_links(&self, row: u32, scratch: &mut Scratch) -> Vec<Vec<u32>> {
        let Some((entry, top)) = self.graph.entry() else {
            return Vec::new();
        };
        let point = self.space.point(row);
        let level = self.levels.of(row);
        let mut at = scratch.descend(self.graph, &point, entry, (level + 1..=top).rev());
        let mut selected = vec![Vec::new(); level + 1];
        let mut found = Vec::new();
        for level in (0..=level).rev() {
            self.nearest(&point, level, at, scratch, &mut found);
            at = found.first().map_or(at, |&nearest| key_row(nearest));
            found.retain(|&found| key_row(found) != row);
            selected[level] = select(self.space, &found, self.levels.m);
        }
        selected
    }

    fn nearest(&self, point: &S::Point<'_>, level: usize, start: u32, scratch: &mut Scratch, found: &mut Vec<u64>) {
        let course = Course {
            level,
            starts: &[start],
            ef: self.ef_construction,
            budget: usize::MAX,
        };
        scratch.walk(self.graph, course, point, gather_neighbours(self.graph, level), |_| true);
        scratch.take_nearest(found);
    }

    /// Adds `other` to the links of `row`; a full list keeps the best of its links and `other`.
    fn link(&self, row: u32, level: usize, other: u32) {
        let _held = self.lock(row);
        if self.graph.append(row, level, other) {
            return;
        }
        let mut rows: Vec<u32> = self.graph.neighbours(row, level).collect();
        rows.push(other);
        let mut distances = Vec::with_capacity(rows.len());
        self.space.point(row).distances(&rows, &mut distances);
        let mut candidates: Vec<u64> = rows.iter().zip(&distances).map(|(&row, &distance)| key(distance, row)).collect();
        candidates.sort_unstable();
        let kept = select(self.space, &candidates, self.graph.capacity(level));
        self.graph.set_links(row, level, &kept);
    }

    /// Gives each row that cannot be reached from the entry on level 0 a link from the nearest reachable row that has room.
    fn link_unreachable(&self, present: Option<&RowSet>) {
        let Some((entry, _)) = self.graph.entry() else { return };
        let mut reached = RowSet::empty(self.graph.row_count());
        self.reach(entry, &mut reached);
        let mut found = Vec::new();
        for row in 0..self.graph.row_count() as u32 {
            if reached.get(row as usize) || present.is_some_and(|present| !present.get(row as usize)) {
                continue;
            }
            self.pool
                .with(|scratch| self.nearest(&self.space.point(row), 0, entry, scratch, &mut found));
            let linked = found.iter().any(|&near| self.graph.append(key_row(near), 0, row));
            if !linked && let Some(&near) = found.first() {
                self.replace_last(key_row(near), row);
            }
            self.reach(row, &mut reached);
        }
    }

    /// Links `row` from a full list in place of its last link, which is linked from `row` instead, so that it stays reachable.
    fn replace_last(&self, near: u32, row: u32) {
        let mut links: Vec<u32> = self.graph.neighbours(near, 0).collect();
        let Some(last) = links.last_mut() else { return };
        let moved = std::mem::replace(last, row);
        self.graph.set_links(near, 0, &links);
        if !self.graph.append(row, 0, moved) {
            let mut own: Vec<u32> = self.graph.neighbours(row, 0).collect();
            own.pop();
            own.push(moved);
            self.graph.set_links(row, 0, &own);
        }
    }

    /// Adds to `reached` what can be reached from `start` on level 0.
    fn reach(&self, start: u32, reached: &mut RowSet) {
        let mut waiting = vec![start];
        reached.set(start as usize, true);
        while let Some(row) = waiting.pop() {
            for neighbour in self.graph.neighbours(row, 0) {
                if !reached.get(neighbour as usize) {
                    reached.set(neighbour as usize, true);
                    waiting.push(neighbour);
                }
            }
        }
    }
}

/// Up to `limit` of the candidates (keys, nearest first), so that they lie in different directions: one is taken when no taken row is as near to it as
/// the point is. What was passed over fills up to half the limit, nearest first: rows that are all alike would otherwise get a single link.
fn select<S: Space>(space: &S, candidates: &[u64], limit: usize) -> Vec<u32> {
    let mut taken: Vec<u32> = Vec::with_capacity(limit);
    let mut passed: Vec<u32> = Vec::new();
    let mut scratch = Vec::with_capacity(4);
    for &candidate in candidates {
        if taken.len() == limit {
            break;
        }
        let row = key_row(candidate);
        let shadowed = space.point(row).any_within(&taken, key_distance(candidate), &mut scratch);
        if shadowed { &mut passed } else { &mut taken }.push(row);
    }
    let room = (limit / 2).saturating_sub(taken.len());
    taken.extend(passed.into_iter().take(room));
    taken
}
