//! Indexes over each type of vectors, and with each kind of codes.

use super::super::product::Cut;
use super::super::small_codes::Bits;
use super::super::stored::HalfKind;
use super::*;

const FLOATS: [ColumnType; 4] = [
    ColumnType::FloatVector,
    ColumnType::Float16Vector,
    ColumnType::BFloat16Vector,
    ColumnType::Int8Vector,
];

fn plan(kind: IndexKind, metric: Metric, change: impl Fn(&mut IndexPlan)) -> IndexPlan {
    let mut plan = plan_of(kind, metric);
    change(&mut plan);
    plan
}

/// Every kind with what it stores, over vectors of `dim` values.
fn plans(metric: Metric) -> Vec<(&'static str, IndexPlan)> {
    let sq = |name: &'static str| (name, plan(IndexKind::HnswSq, metric, |plan| plan.sq_type = name.into()));
    let pq = |m: usize, nbits: usize| {
        plan(IndexKind::HnswPq, metric, move |plan| {
            plan.pq_m = m;
            plan.nbits = nbits;
        })
    };
    let prq = plan(IndexKind::HnswPrq, metric, |plan| {
        plan.pq_m = 8;
        plan.nrq = 2;
    });
    let mut all = vec![("HNSW", plan_of(IndexKind::Hnsw, metric))];
    all.extend(["SQ4U", "SQ6", "SQ8", "FP16", "BF16"].map(sq));
    all.extend([
        ("PQ 16x8", pq(16, 8)),
        ("PQ 16x4", pq(16, 4)),
        ("PQ 8x12", pq(8, 12)),
        ("PRQ 8x2x8", prq),
    ]);
    all
}

#[test]
fn recall_and_cost_of_each_type_and_kind_are_the_golden_ones() {
    let mut lines =
        String::from("# recall@10 and distances computed a query at ef 64; M 16, efConstruction 100, one thread; uniform 1500 x 32\n");
    for kind in FLOATS {
        let data = Data {
            kind,
            ..uniform(1_500, 32, 13)
        };
        let is_tried = |name: &str| kind == ColumnType::FloatVector || ["HNSW", "SQ4U", "PQ 16x8"].contains(&name);
        for metric in METRICS {
            for (name, plan) in plans(metric).into_iter().filter(|(name, _)| is_tried(name)) {
                let wanted = Wanted::of(&plan, 32).expect("a plan");
                let index = data.build_of(&plan, wanted, 1);
                let (recall, computed) = measure(&data, &index);
                lines += &format!("{kind:?}, {metric:?}, {name}: recall {recall:.3}, computed {computed}\n");
                assert!(recall >= 0.9, "{kind:?} {metric:?} {name}: recall {recall}");
                assert_eq!(plan.progress.rows(), 1_499, "rows beside the entry");
            }
        }
    }
    let data = Data {
        kind: ColumnType::BinaryVector,
        ..clustered(3_000, 256, 14)
    };
    for metric in [Metric::Hamming, Metric::Jaccard] {
        let index = data.build_of(&plan_of(IndexKind::Hnsw, metric), Wanted::Best, 1);
        let (recall, computed) = measure(&data, &index);
        lines += &format!("BinaryVector, {metric:?}, 3000 x 256: recall {recall:.3}, computed {computed}\n");
        assert!(recall >= 0.95, "{metric:?}: recall {recall}");
    }
    compare_golden("hnsw-kinds.txt", &lines);
}

#[test]
fn each_type_finds_by_each_plan_what_is_allowed_and_nothing_null_and_opens_again() {
    for kind in FLOATS.into_iter().chain([ColumnType::BinaryVector]) {
        let data = Data {
            kind,
            valid: Some((0..1_200).map(|row| u8::from(row % 5 != 0)).collect()),
            ..clustered(1_200, 40, 15)
        };
        let metrics: &[Metric] = match kind {
            ColumnType::BinaryVector => &[Metric::Hamming, Metric::Jaccard],
            _ => &METRICS,
        };
        for &metric in metrics {
            let index = data.reopen(&data.build_of(&plan_of(IndexKind::Hnsw, metric), Wanted::Best, 1));
            let allowed = RowSet::from_fn(1_200, |row| row % 2 == 0);
            for plan in PLANS {
                let mut found = 0;
                for query in data.queries().take(20) {
                    let (hits, _) = data.search_by(&index, Some(plan), query, (K, 64), Some(&allowed));
                    assert!(hits.iter().all(|hit| hit.0 % 2 == 0 && hit.0 % 5 != 0));
                    found += check(&data, metric, query, &hits, &data.exact(metric, query, K, |row| row % 2 == 0));
                }
                assert!(found >= 190, "{kind:?} {metric:?} {plan:?}: {found} of 200");
            }
        }
    }
}

#[test]
fn codes_take_the_memory_that_their_kind_says() {
    let data = clustered(1_000, 64, 16);
    let widths = |wanted: Wanted| {
        let index = data.build_of(&plan_of(IndexKind::Hnsw, Metric::L2), wanted, 1);
        let opened = data.reopen(&index);
        assert_eq!(opened.encode(), index.encode());
        index.stored.byte_size() / 1_000
    };
    // A bias of 4 bytes a row, and what does not depend on the rows.
    assert_eq!(widths(Wanted::Best), 68);
    assert_eq!(widths(Wanted::Small(Bits::Four)), 36);
    assert_eq!(widths(Wanted::Small(Bits::Six)), 52);
    assert_eq!(widths(Wanted::Half(HalfKind::BFloat16)), 128);
    assert_eq!(widths(Wanted::Product(Cut::new(64, 8, 8, 1))), 12 + 65);
}

#[test]
fn sixteen_bit_floats_round_to_the_nearest() {
    for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
        assert_eq!(half_of(crate::distance::float_of_f16(bits.to_le_bytes())), bits);
    }
    for (value, bits) in [
        (65_519.0, 0x7bff),
        (65_520.0, 0x7c00),
        (1.0 + 1.0 / 2048.0, 0x3c00),
        (1.0 + 3.0 / 2048.0, 0x3c02),
        (3e-8, 1),
        (2.9e-8, 0),
    ] {
        assert_eq!((half_of(value), half_of(-value)), (bits, bits | 0x8000), "{value}");
    }
    assert_eq!(brain_half_of(1.0 + 1.0 / 256.0), 0x3f80);
    assert_eq!(brain_half_of(1.0 + 3.0 / 256.0), 0x3f82);
}

#[test]
fn values_that_a_kind_of_codes_cannot_hold_are_walked_by_the_column() {
    let mut data = clustered(300, 32, 17);
    data.rows.iter_mut().for_each(|value| *value *= 1e4);
    let index = data.build_of(&plan_of(IndexKind::HnswSq, Metric::L2), Wanted::Half(HalfKind::Float16), 1);
    assert!(matches!(index.stored, Stored::Nothing));
    data.rows.fill(f32::MAX);
    let index = data.build_of(&plan_of(IndexKind::HnswSq, Metric::L2), Wanted::Small(Bits::Four), 1);
    assert!(matches!(index.stored, Stored::Nothing));
    assert_eq!(data.search(&index, &[0.0; 32], K, 10).len(), K);
}
