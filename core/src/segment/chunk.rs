//! Rows that were appended together: columns in schema order, the timestamp at which each row was written, and when it was deleted.
//!
//! A chunk is immutable but for its deletes. One that gains columns becomes another that shares all the rest with it, deletes too. A growing segment is a list of chunks, a sealed one a single chunk mapped from its file. Readers hold
//! chunks by `Arc` and judge each row by their read timestamp: it is alive at T when written <= T and not deleted <= T.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::buffer::Buffer;
use super::column::Column;
use super::term_counts::{ChunkTerms, TermCounts};

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

    pub fn byte_size(&self) -> usize {
        self.times.get().map_or(0, |times| times.len() * size_of::<AtomicU64>())
    }

    /// Makes room for a chunk that has grown to `row_count` rows.
    fn grow(&mut self, row_count: usize) {
        if let Some(times) = self.times.get_mut() {
            times.resize_with(row_count, || AtomicU64::new(ALIVE));
        }
    }

    fn copy(&self) -> Self {
        let copy = Deletes {
            times: OnceLock::new(),
            count: AtomicUsize::new(self.count()),
        };
        if let Some(times) = self.times.get() {
            copy.times
                .get_or_init(|| times.iter().map(|time| AtomicU64::new(time.load(Ordering::Acquire))).collect());
        }
        copy
    }

    pub fn at(&self, row: usize) -> u64 {
        self.times.get().map_or(ALIVE, |times| times[row].load(Ordering::Acquire))
    }

    /// Marks a row unless it is deleted already; says whether it marked.
    pub fn mark(&self, row: usize, row_count: usize, timestamp: u64) -> bool {
        let times = self.times.get_or_init(|| (0..row_count).map(|_| AtomicU64::new(ALIVE)).collect());
        let marked = times[row]
            .compare_exchange(ALIVE, timestamp, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if marked {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
        marked
    }
}

#[derive(Debug)]
pub struct Chunk {
    pub row_count: usize,
    pub columns: Vec<Arc<Column>>,
    pub timestamps: Arc<Buffer<u64>>,
    pub timestamp_min: u64,
    pub timestamp_max: u64,
    pub deletes: Arc<Deletes>,
    terms: Arc<ChunkTerms>,
}

impl Chunk {
    /// A chunk of rows that were all written at `timestamp`.
    pub fn new(row_count: usize, columns: Vec<Column>, timestamp: u64) -> Self {
        Chunk::of(columns, vec![timestamp; row_count].into())
    }

    /// A chunk of rows with these times of writing.
    pub fn of(columns: Vec<Column>, timestamps: Buffer<u64>) -> Self {
        Chunk {
            row_count: timestamps.len(),
            columns: columns.into_iter().map(Arc::new).collect(),
            timestamp_min: timestamps.iter().copied().min().unwrap_or(u64::MAX),
            timestamp_max: timestamps.iter().copied().max().unwrap_or(0),
            timestamps: Arc::new(timestamps),
            deletes: Arc::default(),
            terms: Arc::default(),
        }
    }

    /// The same rows with these columns.
    pub(super) fn with_columns(&self, columns: Vec<Arc<Column>>) -> Self {
        Chunk {
            row_count: self.row_count,
            columns,
            timestamps: Arc::clone(&self.timestamps),
            timestamp_min: self.timestamp_min,
            timestamp_max: self.timestamp_max,
            deletes: Arc::clone(&self.deletes),
            terms: Arc::clone(&self.terms),
        }
    }

    /// Adds the rows of these columns, written at `timestamp`, behind its own.
    pub fn extend(&mut self, row_count: usize, columns: &[Column], timestamp: u64) {
        for (column, more) in self.columns.iter_mut().zip(columns) {
            Arc::make_mut(column).extend(self.row_count, more, row_count);
        }
        self.row_count += row_count;
        Arc::make_mut(&mut self.timestamps).to_mut().resize(self.row_count, timestamp);
        self.timestamp_min = self.timestamp_min.min(timestamp);
        self.timestamp_max = self.timestamp_max.max(timestamp);
        if Arc::get_mut(&mut self.deletes).is_none() {
            self.deletes = Arc::new(self.deletes.copy());
        }
        if let Some(deletes) = Arc::get_mut(&mut self.deletes) {
            deletes.grow(self.row_count);
        }
    }

    /// Bytes that the rows' values would take one by one; what is added to must have few.
    pub(super) fn spread_size(&self) -> usize {
        self.columns.iter().map(|column| column.spread_size()).sum()
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.columns.iter().map(|column| column.byte_size()).sum::<usize>()
            + self.timestamps.byte_size()
            + self.deletes.byte_size()
            + self.terms.byte_size()
    }

    /// Reads the counts of a column of terms.
    pub fn term_counts<T>(&self, position: usize, read: impl FnOnce(&TermCounts) -> T) -> T {
        self.terms.read(&self.columns[position], self.row_count, read)
    }

    pub fn alive_at(&self, row: usize, timestamp: u64) -> bool {
        (self.timestamp_max <= timestamp || self.timestamps[row] <= timestamp) && self.deletes.at(row) > timestamp
    }
}
