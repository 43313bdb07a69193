//! Walks over the graph: greedy descent through the upper levels, and the best-first walk of a level that keeps the `ef` nearest rows.
//!
//! A walk holds a frontier (rows seen and not yet expanded, nearest first) and the nearest admitted rows. It ends when the nearest of the frontier is
//! farther than the farthest of `ef` admitted rows, or when the frontier is empty; so while fewer than `ef` are admitted it goes on to all that can be
//! reached. Distance and row are one 64-bit key, so that equal distances are ordered by row and a walk over the same graph is the same each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;

use super::graph::{Link, View};
use super::space::Point;
use crate::distance::prefetch;

/// Distance and row as one number that sorts by distance, then row. NaN counts as infinitely far.
#[inline]
pub fn key(distance: f32, row: u32) -> u64 {
    let distance = if distance.is_nan() { f32::INFINITY } else { distance + 0.0 };
    let bits = distance.to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ordered) << 32 | u64::from(row)
}

#[inline]
pub fn key_row(key: u64) -> u32 {
    key as u32
}

#[inline]
pub fn key_distance(key: u64) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

/// Which rows a walk has seen. A new walk is a new epoch; the marks are cleared only when the epochs run out.
#[derive(Debug, Default)]
pub struct Visited {
    epochs: Vec<u16>,
    epoch: u16,
}

impl Visited {
    /// Begins a walk among so many rows.
    pub fn restart(&mut self, row_count: usize) {
        self.epochs.resize(row_count, 0);
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.epochs.fill(0);
            self.epoch = 1;
        }
    }

    /// Marks a row; says whether it was new.
    #[inline]
    pub fn mark(&mut self, row: u32) -> bool {
        let seen = &mut self.epochs[row as usize];
        std::mem::replace(seen, self.epoch) != self.epoch
    }
}

/// What a walk works with; kept between walks, so that none allocates.
#[derive(Debug, Default)]
pub struct Scratch {
    visited: Visited,
    frontier: BinaryHeap<Reverse<u64>>,
    nearest: BinaryHeap<u64>,
    batch: Vec<u32>,
    distances: Vec<f32>,
    /// Distances computed since the scratch was taken.
    pub computed: usize,
    /// A row that is not walked to.
    pub hidden: Option<u32>,
}

/// Scratch for each thread that walks at the same time.
#[derive(Debug, Default)]
pub struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    pub fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = || self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut scratch = idle().pop().unwrap_or_default();
        scratch.computed = 0;
        scratch.hidden = None;
        let result = work(&mut scratch);
        idle().push(scratch);
        result
    }
}

impl Scratch {
    fn measure(&mut self, point: &impl Point) {
        self.computed += self.batch.len();
        point.distances(&self.batch, &mut self.distances);
    }

    /// Moves from `entry` to ever nearer rows on each level of `levels`; returns where it ended.
    pub fn descend<L: Link>(&mut self, graph: View<'_, L>, point: &impl Point, entry: u32, levels: impl Iterator<Item = usize>) -> u32 {
        self.batch.clear();
        self.batch.push(entry);
        self.measure(point);
        let mut best = key(self.distances[0], entry);
        for level in levels {
            loop {
                self.batch.clear();
                self.batch.extend(graph.neighbours(key_row(best), level));
                self.measure(point);
                let nearest = self
                    .batch
                    .iter()
                    .zip(&self.distances)
                    .filter(|&(&row, _)| Some(row) != self.hidden)
                    .map(|(&row, &distance)| key(distance, row))
                    .min();
                match nearest {
                    Some(nearest) if key_distance(nearest) < key_distance(best) => best = nearest,
                    _ => break,
                }
            }
        }
        key_row(best)
    }

    /// The best-first walk of a course; the nearest rows are then in the scratch. `gather` collects the rows to look at next to a row,
    /// marking them; `admit` says which rows may be kept. Gives up, and says so by false, when more than the budget's distances were computed.
    pub fn walk<P: Point, L: Link>(
        &mut self,
        graph: View<'_, L>,
        course: Course<'_>,
        point: &P,
        mut gather: impl FnMut(u32, &mut Visited, &mut Vec<u32>),
        admit: impl Fn(u32) -> bool,
    ) -> bool {
        self.visited.restart(graph.row_count());
        if let Some(row) = self.hidden {
            self.visited.mark(row);
        }
        self.frontier.clear();
        self.nearest.clear();
        self.batch.clear();
        for &start in course.starts {
            if self.visited.mark(start) {
                self.batch.push(start);
            }
        }
        self.measure(point);
        self.keep(course.ef, &admit);
        while let Some(Reverse(next)) = self.frontier.pop() {
            if self.nearest.len() >= course.ef && self.nearest.peek().is_some_and(|&farthest| next > farthest) {
                break;
            }
            if self.computed > course.budget {
                return false;
            }
            self.batch.clear();
            gather(key_row(next), &mut self.visited, &mut self.batch);
            self.measure(point);
            self.keep(course.ef, &admit);
            if let Some(&Reverse(following)) = self.frontier.peek() {
                prefetch(graph.links(key_row(following), course.level));
            }
        }
        true
    }

    /// Puts the measured batch into the frontier and, where admitted, among the nearest.
    #[inline]
    fn keep(&mut self, ef: usize, admit: impl Fn(u32) -> bool) {
        for (&row, &distance) in self.batch.iter().zip(&self.distances) {
            let candidate = key(distance, row);
            if self.nearest.len() >= ef && self.nearest.peek().is_some_and(|&farthest| candidate > farthest) {
                continue;
            }
            self.frontier.push(Reverse(candidate));
            if admit(row) {
                self.nearest.push(candidate);
                if self.nearest.len() > ef {
                    self.nearest.pop();
                }
            }
        }
    }

    /// Keys of the nearest rows, nearest first, into `keys`.
    pub fn take_nearest(&mut self, keys: &mut Vec<u64>) {
        keys.clear();
        keys.extend(self.nearest.drain());
        keys.sort_unstable();
    }

    /// Looks at each of `rows` and keeps the `ef` nearest: an exact scan within the point's precision.
    pub fn scan(&mut self, point: &impl Point, rows: impl Iterator<Item = u32>, ef: usize) {
        self.nearest.clear();
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            self.batch.clear();
            self.batch.extend(rows.by_ref().take(256));
            self.measure(point);
            for (&row, &distance) in self.batch.iter().zip(&self.distances) {
                let candidate = key(distance, row);
                if self.nearest.len() < ef {
                    self.nearest.push(candidate);
                } else if let Some(mut farthest) = self.nearest.peek_mut().filter(|farthest| candidate < **farthest) {
                    *farthest = candidate;
                }
            }
        }
    }
}

/// Where a walk goes, how much it keeps and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    pub level: usize,
    pub starts: &'a [u32],
    /// Rows kept.
    pub ef: usize,
    /// Distances that may be computed; counted since the scratch was taken.
    pub budget: usize,
}

/// Collects the unseen neighbours of a row.
pub fn gather_neighbours<L: Link>(graph: View<'_, L>, level: usize) -> impl Fn(u32, &mut Visited, &mut Vec<u32>) {
    move |row, visited, batch| batch.extend(graph.neighbours(row, level).filter(|&neighbour| visited.mark(neighbour)))
}
