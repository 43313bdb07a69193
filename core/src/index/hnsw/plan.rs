//! How to answer a filtered search: by what each way costs, from measurements with AVX-512 (100,000 x 100 real words, 200,000 x 768 in clusters).
//!
//! A scan of the kept rows costs in proportion to them. A walk looks at about 20 rows for each that it keeps, at more of them as fewer of those it meets
//! may be kept. A walk that looks through dropped rows at their neighbours looks at as many whatever is kept, and takes long to find each; below 3 % kept
//! it loses its way. It also does where the kept rows lie far from the query (recall 0.92 at 10 % kept, against 1.0 for a random tenth): then more is
//! paid for a scan.

/// Rows looked at for each that a walk keeps; and how many times the share of dropped rows adds to them.
const LOOKS: f32 = 20.0;
const LOOKS_DROPPED: f32 = 0.75;
/// Nanoseconds beside those of the look itself: to find a row by a link, through a dropped row, or in a set of rows.
const LINK_NS: f32 = 40.0;
const TWO_LINKS_NS: f32 = 220.0;
const STEP_NS: f32 = 8.0;
/// What a walk through dropped rows takes before its first step: it looks around the query, and for rows to start from.
const TWO_HOP_START_NS: f32 = 100_000.0;
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

    fn scan_ns(&self) -> f32 {
        self.kept as f32 * (STEP_NS + self.row_ns)
    }

    fn walk_ns(&self) -> f32 {
        let dropped = 1.0 / self.part().max(f32::MIN_POSITIVE) - 1.0;
        self.ef as f32 * LOOKS * (1.0 + LOOKS_DROPPED * dropped) * (LINK_NS + self.row_ns)
    }

    fn two_hop_ns(&self) -> f32 {
        TWO_HOP_START_NS + self.two_hop_ef() as f32 * LOOKS * (TWO_LINKS_NS + self.row_ns)
    }

    /// Rows that a walk through dropped rows keeps: more, since its paths are fewer.
    pub fn two_hop_ef(&self) -> usize {
        self.ef + self.ef / 2
    }

    /// The cheapest plan.
    pub fn plan(&self) -> Plan {
        let through_dropped = (TWO_HOP_PART_MIN..TWO_HOP_PART_MAX).contains(&self.part()) && self.two_hop_ns() < self.walk_ns();
        let (walk, walk_ns) = if through_dropped {
            (Plan::TwoHop, self.two_hop_ns())
        } else {
            (Plan::Walk, self.walk_ns())
        };
        if self.scan_ns() <= walk_ns { Plan::Scan } else { walk }
    }

    /// Whether a scan is better than a two-hop walk where `kept` of the `seen` rows around the query are.
    pub fn scan_is_safer(&self, kept: usize, seen: usize) -> bool {
        (kept as f32) < 0.25 * self.part() * seen as f32 && self.scan_ns() <= SCAN_WALKS_MAX * self.two_hop_ns()
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
        assert_eq!(costs(20_000, 200_000, 768).plan(), Plan::Scan);
        let narrow = Costs {
            ef: 30,
            ..costs(50_000, 1_000_000, 768)
        };
        assert_eq!(narrow.plan(), Plan::TwoHop);
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
