//! The links of the graph, as flat arrays of row numbers.
//!
//! Level 0 holds each row with up to 2M links; each level above holds about one in M rows of the level below, with up to M links. A list is closed
//! by EMPTY or by its capacity. A row's level follows from the seed alone, so it is not stored. Links are atomics: threads that build read lists
//! while others write them, and see some of the old and some of the new links, all of them rows of that level; who writes holds the row's lock.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::index::mix::mix;
use crate::index::row_set::RowSet;

/// Ends a list of links; so the highest row number is one less.
pub const EMPTY: u32 = u32::MAX;

#[derive(Debug)]
pub struct Graph {
    m: usize,
    seed: u64,
    /// Where each walk starts: the first of the rows with the highest level, and that level.
    entry: Option<(u32, usize)>,
    base: Vec<AtomicU32>,
    upper: Vec<AtomicU32>,
    /// Number of the first list in `upper` of each row; EMPTY for rows that are on level 0 only.
    upper_start: Vec<u32>,
}

fn empty_links(count: usize) -> Vec<AtomicU32> {
    (0..count).map(|_| AtomicU32::new(EMPTY)).collect()
}

impl Graph {
    /// The rows of `present` (all when None) on their levels, without links.
    pub fn new(row_count: usize, present: Option<&RowSet>, m: usize, seed: u64) -> Graph {
        assert!(
            m >= 2 && row_count < EMPTY as usize,
            "M is at least 2, rows are numbered in 32 bits"
        );
        let mut graph = Graph {
            m,
            seed,
            entry: None,
            base: empty_links(row_count * 2 * m),
            upper: Vec::new(),
            upper_start: vec![EMPTY; row_count],
        };
        let mut lists = 0;
        for row in (0..row_count).filter(|&row| present.is_none_or(|present| present.get(row))) {
            let level = graph.level(row as u32);
            if graph.entry.is_none_or(|(_, top)| level > top) {
                graph.entry = Some((row as u32, level));
            }
            if level > 0 {
                graph.upper_start[row] = lists as u32;
                lists += level;
            }
        }
        graph.upper = empty_links(lists * m);
        graph
    }

    pub fn entry(&self) -> Option<(u32, usize)> {
        self.entry
    }

    pub fn m(&self) -> usize {
        self.m
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn row_count(&self) -> usize {
        self.upper_start.len()
    }

    /// The highest level that a row is on; at least L with probability M^-L.
    pub fn level(&self, row: u32) -> usize {
        let bits = mix(self.seed ^ mix(u64::from(row)));
        let mut bound = u64::MAX / self.m as u64;
        let mut level = 0;
        while bits < bound {
            level += 1;
            bound /= self.m as u64;
        }
        level
    }

    /// Links that a row may have on a level.
    pub fn capacity(&self, level: usize) -> usize {
        if level == 0 { 2 * self.m } else { self.m }
    }

    /// The list of a row that is on that level.
    #[inline]
    pub fn links(&self, row: u32, level: usize) -> &[AtomicU32] {
        let capacity = self.capacity(level);
        if level == 0 {
            let start = row as usize * capacity;
            &self.base[start..start + capacity]
        } else {
            let start = (self.upper_start[row as usize] as usize + level - 1) * capacity;
            &self.upper[start..start + capacity]
        }
    }

    #[inline]
    pub fn neighbours(&self, row: u32, level: usize) -> impl Iterator<Item = u32> + '_ {
        self.links(row, level)
            .iter()
            .map(|link| link.load(Ordering::Relaxed))
            .take_while(|&link| link != EMPTY)
    }

    /// Replaces a list; `rows` fits the capacity. Who calls holds the row's lock.
    pub fn set_links(&self, row: u32, level: usize, rows: &[u32]) {
        let links = self.links(row, level);
        assert!(rows.len() <= links.len());
        for (at, link) in links.iter().enumerate() {
            link.store(rows.get(at).copied().unwrap_or(EMPTY), Ordering::Relaxed);
        }
    }

    /// Appends to a list unless it is full; says whether it did. Who calls holds the row's lock.
    pub fn append(&self, row: u32, level: usize, other: u32) -> bool {
        let free = self.links(row, level).iter().find(|link| link.load(Ordering::Relaxed) == EMPTY);
        free.inspect(|link| link.store(other, Ordering::Relaxed)).is_some()
    }

    /// All links, level 0 first, as they are written to a file.
    pub fn all_links(&self) -> impl Iterator<Item = u32> + '_ {
        self.base.iter().chain(&self.upper).map(|link| link.load(Ordering::Relaxed))
    }

    pub fn link_count(&self) -> usize {
        self.base.len() + self.upper.len()
    }

    /// Fills all lists from a file's `link_count()` values; None when a link leads to no row of the list's level.
    pub fn restore(self, links: &[u32], present: Option<&RowSet>) -> Option<Graph> {
        let (base, upper) = links
            .split_at_checked(self.base.len())
            .filter(|(_, upper)| upper.len() == self.upper.len())?;
        let known = |row: u32| (row as usize) < self.row_count() && present.is_none_or(|present| present.get(row as usize));
        if !base.iter().all(|&link| link == EMPTY || known(link)) {
            return None;
        }
        let levels = self
            .upper_start
            .iter()
            .enumerate()
            .filter(|(_, start)| **start != EMPTY)
            .flat_map(|(row, _)| 1..=self.level(row as u32));
        for (list, level) in upper.chunks_exact(self.m).zip(levels) {
            if !list.iter().all(|&link| link == EMPTY || (known(link) && self.level(link) >= level)) {
                return None;
            }
        }
        let atomics = |links: &[u32]| links.iter().map(|&link| AtomicU32::new(link)).collect();
        Some(Graph {
            base: atomics(base),
            upper: atomics(upper),
            ..self
        })
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        (self.link_count() + self.upper_start.len()) * size_of::<u32>()
    }
}
