//! The lists as an index among others.

use super::accumulate::accumulate;
use super::best::{Best, Work};
use super::prune::prune;
use super::query::{Product, Saturation, SparseQuery, Weigh, without_smallest};
use super::{SparseIndex, Strategy, WINDOW};
use crate::distance::Metric;
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, Look, VectorIndex};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::pair_of;

/// A row that is scored from the column costs as much as so many values that are added up.
const SCORE_VALUES: usize = 150;
/// Rows that a search begins with, to have a threshold early; each run is twice as long as the one before.
const FIRST_RUN: usize = 4096;
/// Rows that are judged together by their blocks.
const BLOCK_RUN: usize = 8192;

/// One search, as all strategies know it.
pub struct Hunt<'a, W> {
    pub weigh: W,
    /// What bounds are multiplied by; 1, or less to leave out rows that are only just among the best.
    pub ratio: f32,
    query: &'a SparseQuery<'a>,
    vectors: &'a Vectors<'a>,
}

impl<W> Hunt<'_, W> {
    /// The exact score of a row of the segment.
    pub fn score(&self, row: u32) -> f32 {
        self.query.score(self.vectors.bytes(row as usize))
    }
}

impl VectorIndex for SparseIndex {
    fn kind(&self) -> IndexKind {
        IndexKind::SparseInverted
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn row_count(&self) -> usize {
        self.row_count
    }

    fn byte_size(&self) -> usize {
        let lists = self.window_lists.byte_size() + self.indexes.byte_size() + self.starts.byte_size() + self.block_starts.byte_size();
        lists + self.rows.byte_size() + self.values.byte_size() + self.limits.byte_size() + self.lengths.byte_size()
    }

    fn encode(&self) -> Vec<u8> {
        self.content()
    }

    /// Always: few allowed rows are scored by `search` itself, which knows how long the query's lists are.
    fn pays(&self, _: usize, _: &Vectors, _: &Look) -> bool {
        true
    }

    /// Rows that score 0 or less are none.
    fn may_find_fewer(&self) -> bool {
        true
    }

    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        let QueryVector::Sparse(bytes) = query else { return Vec::new() };
        self.search_by(self.strategy, vectors, bytes, look, allowed).0
    }
}

impl SparseIndex {
    /// As `search`, by one of the strategies; also what it took.
    pub(super) fn search_by(
        &self,
        strategy: Strategy,
        vectors: &Vectors,
        bytes: &[u8],
        look: &Look,
        allowed: Option<&RowSet>,
    ) -> (Vec<(u32, f32)>, Work) {
        let bm25 = (self.metric == Metric::Bm25).then(|| look.bm25.unwrap_or_default());
        let query = &SparseQuery::new(without_smallest(bytes, look.drop_ratio_search), bm25);
        let pairs: Vec<(u32, f32)> = query.bytes().as_chunks::<8>().0.iter().map(pair_of).collect();
        let mut best = Best::new(look.k);
        if let Some(few) = allowed.filter(|allowed| allowed.count() * SCORE_VALUES < self.row_count.max(self.met(&pairs))) {
            for row in few.iter().filter(|&row| vectors.has(row)) {
                best.work.rows += 1;
                best.push(row as u32, query.score(vectors.bytes(row)));
            }
            return best.finish();
        }
        let ratio = look.dim_max_score_ratio.unwrap_or(1.0).clamp(0.0, 1.0);
        match query.bm25() {
            None => {
                let hunt = Hunt {
                    weigh: Product,
                    ratio,
                    query,
                    vectors,
                };
                self.hunt(strategy, &hunt, &pairs, allowed, &mut best)
            }
            Some(bm25) => {
                let hunt = Hunt {
                    weigh: Saturation::from(bm25),
                    ratio,
                    query,
                    vectors,
                };
                self.hunt(strategy, &hunt, &pairs, allowed, &mut best)
            }
        }
        best.finish()
    }

    fn hunt<W: Weigh>(&self, strategy: Strategy, hunt: &Hunt<W>, pairs: &[(u32, f32)], allowed: Option<&RowSet>, best: &mut Best) {
        let mut terms = Vec::with_capacity(pairs.len());
        let (mut runs, mut parts) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
        self.scratch.with(|scratch| {
            for number in 0..self.window_count() {
                let window = self.window(number, allowed.map(RowSet::words));
                self.terms(number, pairs, &mut terms);
                if terms.is_empty() {
                    continue;
                }
                match strategy {
                    Strategy::Accumulate => accumulate(scratch, &window, 0..window.row_count, &terms, hunt.weigh, best),
                    #[cfg(test)]
                    Strategy::Wand | Strategy::BlockWand => super::wand::wand(&window, &terms, hunt, best, strategy == Strategy::BlockWand),
                    Strategy::MaxScore | Strategy::BlockMaxScore => {
                        let mut rows = 0..0;
                        while rows.end < window.row_count {
                            let length = run_length(strategy, best, rows.end);
                            rows = rows.end..window.row_count.min(rows.end + length);
                            runs.clear();
                            runs.extend(terms.iter_mut().map(|term| term.take_below(rows.end)));
                            prune(scratch, &window, rows.clone(), &runs, hunt, best, &mut parts);
                        }
                    }
                }
            }
        });
    }
}

/// How many rows are looked at together after `done` rows of a window.
fn run_length(strategy: Strategy, best: &Best, done: usize) -> usize {
    match (strategy, best.is_full()) {
        (Strategy::BlockMaxScore, _) => BLOCK_RUN,
        (_, true) => WINDOW,
        (_, false) => FIRST_RUN.max(done),
    }
}
