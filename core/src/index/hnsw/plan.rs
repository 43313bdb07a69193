//! How to answer a filtered search: by what each way costs, from measurements on 2 cores with AVX-512 (200,000 x 768 and 340,000 x 100).
//!
//! A scan of the kept rows costs in proportion to them. A walk's cost hardly depends on the number of rows, but rises as fewer of those it meets are
//! kept; between 3 % and 25 % kept, a walk that looks through dropped rows at their neighbours is cheaper, and below 3 % that one loses its way. It also
//! does where the kept rows lie far from the query (recall 0.92 at 10 % kept, against 1.0 for a random tenth): then more is paid for a scan.

/// Nanoseconds for which a walk with ef = 100 runs when about a tenth of the rows are kept.
const WALK_NS: f32 = 170_000.0;
const TWO_HOP_PART_MIN: f32 = 0.03;
const TWO_HOP_PART_MAX: f32 = 0.25;
/// A scan that costs this many walks is taken where few rows around the query are kept.
const SCAN_WALKS_MAX: f32 = 4.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Look at each kept row.
    Scan,
    /// Walk over kept rows only, through dropped rows to their neighbours.
    TwoHop,
    /// Walk over all rows, keep the kept ones.
    Walk,
}

/// What a filtered search has to choose by.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    pub kept: usize,
    pub row_count: usize,
    /// Nanoseconds of a look at a row.
    pub row_ns: f32,
    pub ef: usize,
}

impl Costs {
    fn part(&self) -> f32 {
        self.kept as f32 / self.row_count.max(1) as f32
    }

    /// What a scan costs, in walks.
    fn scan_walks(&self) -> f32 {
        let walk_ns = WALK_NS * (self.ef as f32 / 100.0) * (0.1 / self.part().max(f32::MIN_POSITIVE)).max(1.0);
        self.kept as f32 * self.row_ns / walk_ns
    }

    /// The cheapest plan.
    pub fn plan(&self) -> Plan {
        if self.scan_walks() <= 1.0 {
            Plan::Scan
        } else if (TWO_HOP_PART_MIN..TWO_HOP_PART_MAX).contains(&self.part()) {
            Plan::TwoHop
        } else {
            Plan::Walk
        }
    }

    /// Whether a scan is better than a two-hop walk where `kept` of the `seen` rows around the query are.
    pub fn scan_is_safer(&self, kept: usize, seen: usize) -> bool {
        (kept as f32) < 0.25 * self.part() * seen as f32 && self.scan_walks() <= SCAN_WALKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::{Costs, Plan};

    fn costs(kept: usize, row_count: usize, dim: u16) -> Costs {
        Costs {
            kept,
            row_count,
            row_ns: 2.2 + 0.022 * f32::from(dim),
            ef: 100,
        }
    }

    #[test]
    fn few_rows_are_scanned_and_many_walked() {
        assert_eq!(costs(2_000, 200_000, 768).plan(), Plan::Scan);
        assert_eq!(costs(20_000, 200_000, 768).plan(), Plan::TwoHop);
        assert_eq!(costs(100_000, 200_000, 768).plan(), Plan::Walk);
        assert_eq!(costs(34_000, 340_000, 100).plan(), Plan::Scan);
        assert_eq!(costs(170_000, 340_000, 100).plan(), Plan::Walk);
        assert_eq!(costs(1_000_000, 50_000_000, 768).plan(), Plan::Walk);
        assert_eq!(costs(0, 0, 768).plan(), Plan::Scan);
    }

    #[test]
    fn a_scan_is_safer_where_few_rows_around_the_query_are_kept_unless_it_is_very_dear() {
        assert!(costs(10_000, 100_000, 768).scan_is_safer(10, 1_000));
        assert!(!costs(10_000, 100_000, 768).scan_is_safer(90, 1_000));
        assert!(!costs(1_000_000, 10_000_000, 768).scan_is_safer(10, 1_000));
    }
}
