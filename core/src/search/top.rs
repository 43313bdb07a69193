//! The best hits of one query among rows that come in any order.

use std::cmp::Ordering;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::key::key_of;
use super::visible::Part;
use crate::distance::Metric;
use crate::segment::Pick;

/// A row and how well it scores. `rank` orders scores: the smaller the better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub rank: u32,
    /// Number of the part.
    pub part: u32,
    pub row: u32,
}

/// The rank of a score; zeros of either sign are equal, and what is not a number is worst.
pub fn rank(metric: Metric, score: f32) -> u32 {
    if score.is_nan() {
        return u32::MAX;
    }
    let bits = (score + 0.0).to_bits();
    let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    if metric.higher_is_better() { !rising } else { rising }
}

/// The score of a rank.
pub fn score_of(metric: Metric, rank: u32) -> f32 {
    let rising = if metric.higher_is_better() { !rank } else { rank };
    f32::from_bits(if rising >> 31 == 1 { rising & !(1 << 31) } else { !rising })
}

/// Orders hits: best first, then by smaller key, then (of rows with the same key) the newest first: of those written at one moment the last.
pub struct Order<'a> {
    pub parts: &'a [Part<'a>],
    pub primary: usize,
}

impl<'a> Order<'a> {
    pub fn pick(&self, hit: &Hit) -> Pick<'a> {
        Pick {
            chunk: self.parts[hit.part as usize].chunk,
            row: hit.row,
        }
    }

    fn written(&self, hit: &Hit) -> (u64, u32, u32) {
        let pick = self.pick(hit);
        (pick.chunk.timestamps[pick.row as usize], hit.part, hit.row)
    }

    pub fn compare(&self, left: &Hit, right: &Hit) -> Ordering {
        left.rank.cmp(&right.rank).then_with(|| {
            let keys = key_of(&self.pick(left), self.primary).cmp(&key_of(&self.pick(right), self.primary));
            keys.then_with(|| self.written(right).cmp(&self.written(left)))
        })
    }
}

/// Keeps the best `limit` of the hits pushed: gathers up to twice as many, then drops the worse half.
///
/// Those who look for the same hits elsewhere at the same moment share a bound: whoever has `limit` hits tells the worst of them, and nobody keeps what is
/// worse. What is left out for that reason is no matter of `cut`: it is worse than the last hit of the one who told the bound, whose hits are cut.
pub struct Top<'a> {
    limit: usize,
    hits: Vec<Hit>,
    /// No hit of a greater rank can be among the best any more.
    bound: u32,
    shared: Option<&'a AtomicU32>,
    cut: bool,
}

impl<'a> Top<'a> {
    /// `limit` is 1 at least.
    pub fn new(limit: usize) -> Top<'static> {
        Top {
            limit,
            hits: Vec::new(),
            bound: u32::MAX,
            shared: None,
            cut: false,
        }
    }

    /// With a bound, `u32::MAX` at first, that others share.
    pub fn sharing(limit: usize, bound: &'a AtomicU32) -> Top<'a> {
        Top {
            bound: bound.load(Relaxed),
            shared: Some(bound),
            ..Top::new(limit)
        }
    }

    #[inline]
    pub fn push(&mut self, hit: Hit, order: &Order) {
        if hit.rank > self.bound {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= self.limit.saturating_mul(2).max(64) {
            self.shrink(order);
        }
    }

    /// No hit of a greater rank can be among the best any more; the greatest number while any can.
    pub fn bound(&self) -> u32 {
        self.bound
    }

    /// Brings `bound` nearly up to date. Costs little when few hits were pushed since.
    pub fn settle(&mut self, order: &Order) {
        if self.hits.len() > self.limit + self.limit / 4 {
            self.shrink(order);
        }
        if let Some(shared) = self.shared {
            self.bound = self.bound.min(shared.load(Relaxed));
        }
    }

    fn shrink(&mut self, order: &Order) {
        if self.hits.len() > self.limit {
            let (_, last, _) = self
                .hits
                .select_nth_unstable_by(self.limit - 1, |left, right| order.compare(left, right));
            self.bound = self.bound.min(last.rank);
            if let Some(shared) = self.shared {
                shared.fetch_min(last.rank, Relaxed);
            }
            self.hits.truncate(self.limit);
            self.cut = true;
        }
    }

    pub fn finish(mut self, order: &Order) -> Found {
        self.shrink(order);
        self.hits.sort_unstable_by(|left, right| order.compare(left, right));
        Found {
            hits: self.hits,
            cut: self.cut,
        }
    }
}

/// Hits of one query in one part, best first.
#[derive(Debug)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// Whether rows that would be worse hits were left out.
    pub cut: bool,
}

#[cfg(test)]
mod tests {
    use super::{rank, score_of};
    use crate::distance::Metric;

    #[test]
    fn ranks_order_scores_and_keep_them() {
        let rising = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -1e-40,
            0.0,
            1e-40,
            1.0,
            2.5,
            f32::MAX,
            f32::INFINITY,
        ];
        for metric in [Metric::L2, Metric::Ip, Metric::Cosine] {
            for pair in rising.windows(2) {
                assert_eq!(rank(metric, pair[0]) > rank(metric, pair[1]), metric.higher_is_better());
            }
            for score in rising {
                assert_eq!(score_of(metric, rank(metric, score)), score);
                assert!(rank(metric, score) < rank(metric, f32::NAN));
            }
            assert_eq!(rank(metric, -0.0), rank(metric, 0.0));
        }
    }
}
