//! How many rows of a chunk have each term of a column of terms, and how long its rows are: what BM25 knows of the texts together.
//!
//! Counted when first asked for and kept with the chunk; rows that a chunk gained since are counted then. Deleted rows count, as in Milvus, until a
//! compaction drops them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::column::Column;
use super::decode_vectors::pair_of;

/// Terms are checksums: their bits are spread already.
#[derive(Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(self.0 as u32 ^ u32::from(byte));
        }
    }

    fn write_u32(&mut self, term: u32) {
        // The table reads the upper bits, too.
        self.0 = u64::from(term).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[derive(Debug, Default)]
pub struct TermCounts {
    rows: HashMap<u32, u32, BuildHasherDefault<Spread>>,
    /// Rows that are counted.
    pub row_count: usize,
    /// Sum of the lengths of all rows.
    pub tokens: f64,
}

impl TermCounts {
    /// Rows that have the term.
    pub fn rows_with(&self, term: u32) -> usize {
        self.rows.get(&term).map_or(0, |&count| count as usize)
    }

    fn count(&mut self, column: &Column, row_count: usize) {
        for row in self.row_count..row_count {
            for (term, frequency) in column.values.bytes_at(row).as_chunks::<8>().0.iter().map(pair_of) {
                *self.rows.entry(term).or_default() += 1;
                self.tokens += f64::from(frequency);
            }
        }
        self.row_count = self.row_count.max(row_count);
    }

    fn byte_size(&self) -> usize {
        self.rows.capacity() * (size_of::<(u32, u32)>() + 1)
    }
}

/// The counts of a chunk, by column id.
#[derive(Debug, Default)]
pub struct ChunkTerms {
    counts: Mutex<HashMap<u32, TermCounts>>,
    /// Told without the lock: counting may take long.
    byte_size: AtomicUsize,
}

impl ChunkTerms {
    /// Reads the counts of the first `row_count` rows of the column; they may be of some more by now.
    pub fn read<T>(&self, column: &Column, row_count: usize, read: impl FnOnce(&TermCounts) -> T) -> T {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.entry(column.id).or_default();
        if counts.row_count < row_count {
            counts.count(column, row_count);
            let bytes = all.values().map(TermCounts::byte_size).sum();
            self.byte_size.store(bytes, Ordering::Relaxed);
        }
        read(all.entry(column.id).or_default())
    }

    pub fn byte_size(&self) -> usize {
        self.byte_size.load(Ordering::Relaxed)
    }
}
