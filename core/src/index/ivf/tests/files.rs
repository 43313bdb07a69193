//! Indexes from their files, damaged ones, and parameters that do not fit.

use super::*;

#[test]
fn an_index_from_its_file_answers_the_same() {
    let table = Table::new(FLOAT, 1_500, 24, 51);
    for metric in FLOAT_METRICS {
        for (name, _, plan) in plans(metric, 20, 24) {
            let index = build(&table.vectors(), &plan).expect("an index");
            let bytes = index.encode();
            let again = open(mapped(&bytes), &table.vectors()).expect("an index");
            assert_eq!((again.kind(), again.metric(), again.row_count()), (plan.kind, metric, 1_500));
            assert_eq!(again.encode(), bytes, "{name}");
            assert!(again.byte_size() < index.byte_size());
            for query in table.queries() {
                let look = look(K, 4);
                assert_eq!(
                    table.search(&again, query, &look, None),
                    table.search(&index, query, &look, None),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn threads_do_not_change_an_index() {
    let table = Table::new(FLOAT, 1_500, 24, 55);
    for (name, _, plan) in plans(Metric::Cosine, 20, 24) {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| build(&table.vectors(), &plan).expect("an index").encode())
        };
        assert!(on(1) == on(3), "{name}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let tables = [Table::new(FLOAT, 600, 16, 61), Table::new(BINARY, 600, 16, 62)];
    let mut indexes = plans(Metric::Cosine, 8, 16);
    indexes.push(("BIN_IVF_FLAT", 1.0, plan(IndexKind::BinIvfFlat, Metric::Hamming, 8)));
    for (name, _, plan) in indexes {
        let table = &tables[usize::from(plan.kind == IndexKind::BinIvfFlat)];
        let bytes = build(&table.vectors(), &plan).expect("an index").encode();
        for trial in 0..60u64 {
            let at = mix(trial) as usize % bytes.len();
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (mix(trial) >> 61);
            let cut = &bytes[..at];
            for wrong in [&damaged[..], cut] {
                // Only on the zeros that fill up sections nothing depends.
                let fills = if wrong.len() < bytes.len() { &bytes[at..] } else { &bytes[at..=at] };
                match open(mapped(wrong), &table.vectors()) {
                    Err(failure) => assert_eq!(failure.kind, "damaged", "{name} at {at}"),
                    Ok(_) => assert!(fills.iter().all(|&byte| byte == 0), "{name} at {at}"),
                }
            }
        }
        let other = Table::new(FLOAT, 601, 16, 63);
        assert_eq!(open(mapped(&bytes), &other.vectors()).expect_err("another segment").kind, "damaged");
    }
}

#[test]
fn parameters_and_vectors_that_do_not_fit_are_refused() {
    let floats = Table::new(FLOAT, 100, 16, 71);
    let bits = Table::new(BINARY, 100, 16, 72);
    let wrong = [
        (&bits, plan(IndexKind::IvfFlat, Metric::Hamming, 8)),
        (&floats, plan(IndexKind::BinIvfFlat, Metric::Hamming, 8)),
        (&bits, plan(IndexKind::BinIvfFlat, Metric::Substructure, 8)),
        (&floats, plan(IndexKind::IvfPq, Metric::L2, 8)),
        (
            &floats,
            IndexPlan {
                sq_type: "SQ5".to_owned(),
                ..plan(IndexKind::IvfSq, Metric::L2, 8)
            },
        ),
        (
            &floats,
            IndexPlan {
                rbq_bits: 10,
                ..plan(IndexKind::IvfRabitq, Metric::L2, 8)
            },
        ),
    ];
    for (table, plan) in wrong {
        assert_eq!(build(&table.vectors(), &plan).expect_err("refused").kind, "malformed", "{plan:?}");
    }
}

#[test]
fn lists_pay_for_many_rows_and_not_for_few() {
    let table = Table::new(FLOAT, 6_000, 64, 81);
    for (name, _, plan) in plans(Metric::L2, 128, 64) {
        let index = build(&table.vectors(), &plan).expect("an index");
        let pays = |allowed: usize, nprobe: usize| index.pays(allowed, &table.vectors(), &look(K, nprobe));
        assert!(pays(6_000, 4), "{name}");
        assert!(!pays(60, 4) && !pays(0, 4), "{name}");
    }
    let flat = build(&table.vectors(), &plan(IndexKind::IvfFlat, Metric::L2, 128)).expect("an index");
    assert!(!flat.pays(6_000, &table.vectors(), &look(K, 128)), "all lists are a scan");
}
