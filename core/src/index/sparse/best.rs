//! The best rows of one search, kept in a heap whose top is the worst of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Values that were added up or looked for.
    pub values: usize,
    /// Rows whose whole score was worked out by itself.
    pub rows: usize,
}

#[derive(Debug)]
pub struct Best {
    limit: usize,
    /// A score's bits, which order positive floats, above the inverted row: of equal scores the smaller row is better.
    heap: BinaryHeap<Reverse<u64>>,
    threshold: f32,
    pub work: Work,
}

impl Best {
    pub fn new(limit: usize) -> Self {
        Best {
            limit,
            heap: BinaryHeap::new(),
            threshold: 0.0,
            work: Work::default(),
        }
    }

    /// What a row has to score more than, when rows come in rising order: the score of the worst, 0 until there are `limit`.
    #[inline(always)]
    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    pub fn is_full(&self) -> bool {
        self.heap.len() >= self.limit
    }

    /// Takes a row if it is among the best. Rows come in rising order.
    #[inline]
    pub fn push(&mut self, row: u32, score: f32) {
        // What is not a number is not greater.
        if score > self.threshold {
            self.put(row, score);
        }
    }

    fn put(&mut self, row: u32, score: f32) {
        let key = Reverse(u64::from(score.to_bits()) << 32 | u64::from(!row));
        if self.heap.len() < self.limit {
            self.heap.push(key);
        } else if let Some(mut worst) = self.heap.peek_mut() {
            *worst = key;
        }
        if let (true, Some(Reverse(worst))) = (self.is_full(), self.heap.peek()) {
            self.threshold = f32::from_bits((worst >> 32) as u32);
        }
    }

    /// Best first.
    pub fn finish(self) -> (Vec<(u32, f32)>, Work) {
        let keys = self.heap.into_sorted_vec();
        let rows = keys.into_iter();
        let rows = rows.map(|Reverse(key)| (!(key as u32), f32::from_bits((key >> 32) as u32)));
        (rows.collect(), self.work)
    }
}
