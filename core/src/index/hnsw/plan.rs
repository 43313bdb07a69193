//! How to answer a filtered search: by what each way costs, from measurements on 2 cores with AVX-512 (200,000 x 768 and 340,000 x 100).
//!
//! A scan of the kept rows costs in proportion to them. A walk's cost hardly depends on the number of rows, but rises as fewer of those it meets are
//! kept; between 3 % and 40 % kept, a walk that looks through dropped rows at their neighbours is cheaper, and below 3 % that one loses its way.

/// Nanoseconds for which a walk with ef = 100 runs when about a tenth of the rows are kept.
const WALK_NS: f32 = 170_000.0;
const TWO_HOP_PART_MIN: f32 = 0.03;
const TWO_HOP_PART_MAX: f32 = 0.4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Look at each kept row.
    Scan,
    /// Walk over kept rows only, through dropped rows to their neighbours.
    TwoHop,
    /// Walk over all rows, keep the kept ones.
    Walk,
}

/// The cheapest plan when `kept` of `row_count` rows are. `coded`: rows are looked at as int8 codes, not f32.
pub fn plan(kept: usize, row_count: usize, dim: usize, coded: bool, ef: usize) -> Plan {
    let row_ns = if coded {
        2.2 + 0.022 * dim as f32
    } else {
        4.0 + 0.125 * dim as f32
    };
    let part = kept as f32 / row_count.max(1) as f32;
    let walk_ns = WALK_NS * (ef as f32 / 100.0) * (0.1 / part).max(1.0);
    if kept as f32 * row_ns <= walk_ns {
        Plan::Scan
    } else if (TWO_HOP_PART_MIN..TWO_HOP_PART_MAX).contains(&part) {
        Plan::TwoHop
    } else {
        Plan::Walk
    }
}

/// Whether the graph finds `allowed_count` of `row_count` rows faster than a scan of those rows' f32 values does.
pub fn walk_pays(allowed_count: usize, row_count: usize, dim: usize) -> bool {
    plan(allowed_count, row_count, dim, false, 100) != Plan::Scan
}

#[cfg(test)]
mod tests {
    use super::{Plan, plan};

    #[test]
    fn few_rows_are_scanned_and_many_walked() {
        assert_eq!(plan(2_000, 200_000, 768, true, 100), Plan::Scan);
        assert_eq!(plan(20_000, 200_000, 768, true, 100), Plan::TwoHop);
        assert_eq!(plan(100_000, 200_000, 768, true, 100), Plan::Walk);
        assert_eq!(plan(34_000, 340_000, 100, true, 100), Plan::Scan);
        assert_eq!(plan(170_000, 340_000, 100, true, 100), Plan::Walk);
        assert_eq!(plan(1_000_000, 50_000_000, 768, true, 100), Plan::Walk);
        assert_eq!(plan(0, 0, 768, true, 100), Plan::Scan);
    }
}
