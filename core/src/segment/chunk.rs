//! Rows that were appended together: columns in schema order, the timestamp at which each row was written, and when it was deleted.
//!
//! A chunk is immutable but for its deletes. A growing segment is a list of chunks, a sealed one a single chunk mapped from its file. Readers hold
//! chunks by `Arc` and judge each row by their read timestamp: it is alive at T when written <= T and not deleted <= T.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::buffer::Buffer;
use super::column::Column;

/// Timestamp of a row that is not deleted.
pub const ALIVE: u64 = u64::MAX;

/// When each row was deleted; takes memory only once a row is.
#[derive(Debug, Default)]
pub struct Deletes {
    times: OnceLock<Vec<AtomicU64>>,
    count: AtomicUsize,
}

impl Deletes {
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub fn at(&self, row: usize) -> u64 {
        self.times.get().map_or(ALIVE, |times| times[row].load(Ordering::Acquire))
    }

    /// Marks a row unless it is deleted already; says whether it marked.
    pub fn mark(&self, row: usize, row_count: usize, timestamp: u64) -> bool {
        let times = self.times.get_or_init(|| (0..row_count).map(|_| AtomicU64::new(ALIVE)).collect());
        let marked = times[row].compare_exchange(ALIVE, timestamp, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if marked {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
        marked
    }
}

#[derive(Debug)]
pub struct Chunk {
    pub row_count: usize,
    pub columns: Vec<Column>,
    pub timestamps: Buffer<u64>,
    pub timestamp_max: u64,
    pub deletes: Deletes,
}

impl Chunk {
    pub fn alive_at(&self, row: usize, timestamp: u64) -> bool {
        (self.timestamp_max <= timestamp || self.timestamps[row] <= timestamp) && self.deletes.at(row) > timestamp
    }
}
