//! Finds the rows of a key.
//!
//! Growing segments hash: a map leads from a key (VarChar: its hash) to its newest row, `next` from a row to the one before with the same key, so that a
//! duplicate costs four bytes. A map that has `MAP_KEYS_MAX` keys is left as it is and another begun, because making a large map larger would hold up an
//! append for tens of milliseconds; lookups ask all of them. Sealed segments need no memory: their only chunk is sorted by key, and a filter
//! tells of most absent keys that they are absent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use super::chunk::Chunk;
use super::column::{Column, Values};
use super::key_filter::KeyFilter;
use super::keys::Keys;
use super::snapshot::Pick;

const NONE: u32 = u32::MAX;

/// Seven eighths of a power of two fill a map to the brim.
const MAP_KEYS_MAX: usize = (1 << 16) / 8 * 7;

/// Keys looked up under one lock; writers wait that long at most.
const KEYS_AT_ONCE: usize = 1024;

#[cfg(test)]
thread_local! {
    /// How often this thread has searched the keys of a sealed segment.
    pub(super) static SEARCHES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[derive(Debug, Default)]
pub(super) struct KeyIndex {
    /// Newest row of each key among the rows of one map; the last map is the one that grows.
    maps: Vec<HashMap<u64, u32>>,
    /// Row before this one with the same key in the same map.
    next: Vec<u32>,
    /// Unpredictable, so that nobody can make keys that all collide.
    text_hash: RandomState,
}

impl KeyIndex {
    /// Adds the keys of a chunk's rows from `from` on as the segment's next rows.
    pub fn add(&mut self, keys: &Column, from: usize) {
        match &keys.values {
            Values::Int64(values) => values[from..].iter().for_each(|&key| self.push(key as u64)),
            values => (from..values.row_count()).for_each(|row| self.push(self.text_hash.hash_one(values.bytes_at(row)))),
        }
    }

    fn push(&mut self, hash: u64) {
        let row = self.next.len() as u32;
        if self.maps.last().is_none_or(|map| map.len() >= MAP_KEYS_MAX) {
            // The first may stay small; one that follows a full one will hardly.
            let capacity = if self.maps.is_empty() { 0 } else { MAP_KEYS_MAX };
            self.maps.push(HashMap::with_capacity(capacity));
        }
        let Some(map) = self.maps.last_mut() else { return };
        let before = match map.entry(hash) {
            Entry::Occupied(mut head) => head.insert(row),
            Entry::Vacant(head) => {
                head.insert(row);
                NONE
            }
        };
        self.next.push(before);
    }

    /// Rows that may have the key, newest first.
    fn rows(&self, hash: u64) -> impl Iterator<Item = u32> {
        let before = |&row: &u32| Some(self.next[row as usize]).filter(|&before| before != NONE);
        let heads = self.maps.iter().rev().filter_map(move |map| map.get(&hash).copied());
        heads.flat_map(move |head| std::iter::successors(Some(head), before))
    }

    pub fn byte_size(&self) -> usize {
        // A slot of the map is its key, its value and a byte of control.
        self.maps.iter().map(HashMap::capacity).sum::<usize>() * (size_of::<(u64, u32)>() + 1) + self.next.capacity() * size_of::<u32>()
    }
}

#[derive(Clone, Debug)]
pub(super) enum KeyLookup {
    Hashed(Arc<RwLock<KeyIndex>>),
    Sorted(Arc<KeyFilter>),
}

impl KeyLookup {
    /// All rows of these chunks with one of the keys, in the order of the keys. `primary`: the key column's position.
    pub fn find<'a>(&self, chunks: &'a [Arc<Chunk>], primary: usize, keys: &Keys) -> Vec<Pick<'a>> {
        let mut found = Vec::with_capacity(keys.len());
        let same_type = |chunk: &Arc<Chunk>| matches!(keys, Keys::Int64(_)) == matches!(chunk.columns[primary].values, Values::Int64(_));
        if !chunks.first().is_some_and(same_type) {
            // Keys of another type are no row's key.
            return found;
        }
        match self {
            KeyLookup::Hashed(index) => {
                let hashed = HashedChunks::new(chunks, primary);
                for at in (0..keys.len()).step_by(KEYS_AT_ONCE) {
                    let index = index.read().unwrap_or_else(PoisonError::into_inner);
                    hashed.find(&index, keys, at..(at + KEYS_AT_ONCE).min(keys.len()), &mut found);
                }
            }
            KeyLookup::Sorted(filter) => chunks
                .iter()
                .for_each(|chunk| find_sorted(chunk, primary, filter, keys, &mut found)),
        }
        found
    }
}

struct HashedChunks<'a> {
    chunks: &'a [Arc<Chunk>],
    primary: usize,
    /// Row number after the last one of each chunk.
    ends: Vec<usize>,
}

impl<'a> HashedChunks<'a> {
    fn new(chunks: &'a [Arc<Chunk>], primary: usize) -> Self {
        let mut end = 0;
        let ends = chunks.iter().map(|chunk| {
            end += chunk.row_count;
            end
        });
        HashedChunks {
            chunks,
            primary,
            ends: ends.collect(),
        }
    }

    fn find(&self, index: &KeyIndex, keys: &Keys, range: Range<usize>, found: &mut Vec<Pick<'a>>) {
        match keys {
            Keys::Int64(keys) => keys[range]
                .iter()
                .for_each(|&key| self.push_rows(index.rows(key as u64), |_, _| true, found)),
            Keys::VarChar(keys) => {
                for key in &keys[range] {
                    let same = |column: &Column, row: usize| column.values.bytes_at(row) == key.as_bytes();
                    self.push_rows(index.rows(index.text_hash.hash_one(key.as_bytes())), same, found);
                }
            }
        }
    }

    fn push_rows(&self, rows: impl Iterator<Item = u32>, same: impl Fn(&Column, usize) -> bool, found: &mut Vec<Pick<'a>>) {
        for row in rows {
            let at = self.ends.partition_point(|&end| end <= row as usize);
            // Rows that came after the snapshot are in the index but not in its chunks.
            let Some(chunk) = self.chunks.get(at) else { continue };
            let row = row as usize + chunk.row_count - self.ends[at];
            if same(&chunk.columns[self.primary], row) {
                found.push(Pick { chunk, row: row as u32 });
            }
        }
    }
}

/// Pages of the keys are touched only for keys that pass the filter.
fn find_sorted<'a>(chunk: &'a Chunk, primary: usize, filter: &KeyFilter, keys: &Keys, found: &mut Vec<Pick<'a>>) {
    let mut push = |rows: Range<usize>| {
        #[cfg(test)]
        SEARCHES.set(SEARCHES.get() + 1);
        found.extend(rows.map(|row| Pick { chunk, row: row as u32 }));
    };
    let column = &chunk.columns[primary];
    match (keys, &column.values) {
        (Keys::Int64(keys), Values::Int64(values)) => {
            for key in keys.iter().filter(|key| filter.may_have_integer(**key)) {
                let start = values.partition_point(|value| value < key);
                push(start..start + values[start..].iter().take_while(|value| *value == key).count());
            }
        }
        (Keys::VarChar(keys), values @ Values::Bytes { .. }) => {
            for key in keys.iter().filter(|key| filter.may_have_text(key.as_bytes())) {
                let key = key.as_bytes();
                let start = partition_point(chunk.row_count, |row| values.bytes_at(row) < key);
                push(start..start + (start..chunk.row_count).take_while(|&row| values.bytes_at(row) == key).count());
            }
        }
        _ => {}
    }
}

/// First of `0..count` for which `before` does not hold.
fn partition_point(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
