//! The links of the graph, as flat arrays of row numbers.
//!
//! Level 0 holds each row with up to 2M links; each level above holds about one in M rows of the level below, with up to M links. A list is closed
//! by EMPTY or by its capacity. A graph grows as atomics: threads that build read lists while others write them, and see some of the old and some of the
//! new links, all of them rows of that level; who writes holds the row's lock. Once built it is frozen to plain numbers, which a file holds as they
//! are. Both are read through a `View`.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::index::mix::mix;
use crate::index::row_set::RowSet;
use crate::segment::buffer::Buffer;

/// Ends a list of links; so the highest row number is one less.
pub const EMPTY: u32 = u32::MAX;

/// A place for a link.
pub trait Link: Sync {
    fn get(&self) -> u32;
}

impl Link for AtomicU32 {
    #[inline]
    fn get(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }
}

impl Link for u32 {
    #[inline]
    fn get(&self) -> u32 {
        *self
    }
}

/// What a graph is besides its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub row_count: usize,
    /// Links that a row may have on level 0, and on each level above.
    pub base_capacity: usize,
    pub upper_capacity: usize,
    /// Where each walk starts: the first of the rows with the highest level, and that level.
    pub entry: Option<(u32, usize)>,
}

/// The links of a graph, growing or frozen.
#[derive(Debug)]
pub struct View<'a, L> {
    shape: Shape,
    base: &'a [L],
    upper: &'a [L],
    upper_start: &'a [u32],
}

impl<L> Clone for View<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for View<'_, L> {}

impl<'a, L: Link> View<'a, L> {
    pub fn entry(&self) -> Option<(u32, usize)> {
        self.shape.entry
    }

    pub fn row_count(&self) -> usize {
        self.shape.row_count
    }

    /// Links that a row may have on a level.
    pub fn capacity(&self, level: usize) -> usize {
        if level == 0 {
            self.shape.base_capacity
        } else {
            self.shape.upper_capacity
        }
    }

    /// The list of a row that is on that level.
    #[inline]
    pub fn links(&self, row: u32, level: usize) -> &'a [L] {
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
    pub fn neighbours(&self, row: u32, level: usize) -> impl Iterator<Item = u32> + 'a {
        self.links(row, level).iter().map(Link::get).take_while(|&link| link != EMPTY)
    }
}

impl View<'_, AtomicU32> {
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
        let free = self.links(row, level).iter().find(|link| link.get() == EMPTY);
        free.inspect(|link| link.store(other, Ordering::Relaxed)).is_some()
    }
}

/// A graph that is being built.
#[derive(Debug)]
pub struct Growing {
    shape: Shape,
    base: Vec<AtomicU32>,
    upper: Vec<AtomicU32>,
    /// Number of the first list in `upper` of each row; EMPTY for rows that are on level 0 only; empty where all are.
    upper_start: Vec<u32>,
}

fn empty_links(count: usize) -> Vec<AtomicU32> {
    (0..count).map(|_| AtomicU32::new(EMPTY)).collect()
}

/// The highest level that a row is on; at least L with probability M^-L.
pub fn level_of(row: u32, m: usize, seed: u64) -> usize {
    let bits = mix(seed ^ mix(u64::from(row)));
    let mut bound = u64::MAX / m as u64;
    let mut level = 0;
    while bits < bound {
        level += 1;
        bound /= m as u64;
    }
    level
}

impl Growing {
    /// The rows of `present` (all when None) on their levels, without links.
    pub fn new(row_count: usize, present: Option<&RowSet>, m: usize, seed: u64) -> Growing {
        assert!(m >= 2, "M is at least 2");
        let mut entry: Option<(u32, usize)> = None;
        let mut upper_start = vec![EMPTY; row_count];
        let mut lists = 0;
        for row in (0..row_count).filter(|&row| present.is_none_or(|present| present.get(row))) {
            let level = level_of(row as u32, m, seed);
            if entry.is_none_or(|(_, top)| level > top) {
                entry = Some((row as u32, level));
            }
            if level > 0 {
                upper_start[row] = lists as u32;
                lists += level;
            }
        }
        let flat = Growing::flat(row_count, 2 * m, None);
        Growing {
            shape: Shape {
                upper_capacity: m,
                entry,
                ..flat.shape
            },
            upper: empty_links(lists * m),
            upper_start,
            ..flat
        }
    }

    /// A graph of level 0 alone, without links.
    pub fn flat(row_count: usize, capacity: usize, entry: Option<u32>) -> Growing {
        assert!(row_count < EMPTY as usize, "rows are numbered in 32 bits");
        Growing {
            shape: Shape {
                row_count,
                base_capacity: capacity,
                upper_capacity: 0,
                entry: entry.map(|entry| (entry, 0)),
            },
            base: empty_links(row_count * capacity),
            upper: Vec::new(),
            upper_start: Vec::new(),
        }
    }

    pub fn view(&self) -> View<'_, AtomicU32> {
        View {
            shape: self.shape,
            base: &self.base,
            upper: &self.upper,
            upper_start: &self.upper_start,
        }
    }

    pub fn freeze(self) -> Graph {
        let plain = |links: Vec<AtomicU32>| links.into_iter().map(AtomicU32::into_inner).collect::<Vec<u32>>();
        Graph {
            shape: self.shape,
            base: plain(self.base).into(),
            upper: plain(self.upper).into(),
            upper_start: self.upper_start.into(),
        }
    }
}

/// A graph that was built, in memory or in a mapped file.
#[derive(Debug)]
pub struct Graph {
    shape: Shape,
    pub base: Buffer<u32>,
    pub upper: Buffer<u32>,
    pub upper_start: Buffer<u32>,
}

impl Graph {
    /// None when a link leads to no row, or a list lies outside its array.
    pub fn restore(shape: Shape, base: Buffer<u32>, upper: Buffer<u32>, upper_start: Buffer<u32>) -> Option<Graph> {
        let Shape {
            row_count,
            base_capacity,
            upper_capacity,
            entry,
        } = shape;
        let is_row = |link: u32| link == EMPTY || (link as usize) < row_count;
        let all_rows = |links: &[u32]| links.iter().fold(true, |all, &link| all & is_row(link));
        let lists = upper.len().checked_div(upper_capacity).unwrap_or(0);
        // The rows' levels follow from where their lists start; each link must lead to a row that has a list on its level.
        let starts: Vec<(usize, usize)> = upper_start
            .iter()
            .enumerate()
            .filter(|(_, start)| **start != EMPTY)
            .map(|(row, &start)| (row, start as usize))
            .collect();
        let ends = starts.iter().skip(1).map(|&(_, start)| start).chain([lists]);
        let ranges: Vec<(usize, usize, usize)> = starts.iter().zip(ends).map(|(&(row, start), end)| (row, start, end)).collect();
        let rising = ranges.iter().all(|&(_, start, end)| start < end) && starts.first().is_none_or(|&(_, start)| start == 0);
        let sized = Some(base.len()) == row_count.checked_mul(base_capacity) && upper.len() == lists * upper_capacity;
        if !sized || !rising || !all_rows(&base) || (lists > 0) == ranges.is_empty() || lists > 0 && upper_start.len() != row_count {
            return None;
        }
        let level = |row: u32| {
            ranges
                .binary_search_by_key(&(row as usize), |range| range.0)
                .map_or(0, |at| ranges[at].2 - ranges[at].1)
        };
        let enters = entry.is_none_or(|(row, top)| (row as usize) < row_count && level(row) == top);
        let list = |at: usize| &upper[at * upper_capacity..(at + 1) * upper_capacity];
        let leads = |list: &[u32], at_level: usize| list.iter().all(|&link| link == EMPTY || is_row(link) && level(link) >= at_level);
        let whole = ranges
            .iter()
            .all(|&(_, start, end)| (start..end).all(|at| leads(list(at), at - start + 1)));
        (enters && whole).then_some(Graph {
            shape,
            base,
            upper,
            upper_start,
        })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn view(&self) -> View<'_, u32> {
        View {
            shape: self.shape,
            base: &self.base,
            upper: &self.upper,
            upper_start: &self.upper_start,
        }
    }

    /// All places for links, level 0 first.
    #[cfg(test)]
    pub fn all_links(&self) -> impl Iterator<Item = u32> + '_ {
        self.base.iter().chain(self.upper.iter()).copied()
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.base.byte_size() + self.upper.byte_size() + self.upper_start.byte_size()
    }
}
