//! Prints how fast each strategy is beside the exact scan: `cargo test --release measure_sparse -- --ignored --nocapture`. It judges nothing.
//!
//! 200,000 rows of about 100 values among 30,000 indexes, and queries of about 30 (or 4). Indexes are drawn as words are, by Zipf's law; values lie close to an
//! exponential distribution. `flat`: whatever the index; `rare`: values of rare indexes are greater, as learned sparse encoders give them.

use std::time::Instant;

use rayon::prelude::*;

use super::query::SparseQuery;
use super::tests::{Data, Pairs, STRATEGIES, bytes_of, skewed};
use super::*;
use crate::index::mix::mix;
use crate::index::row_set::RowSet;
use crate::index::vector_index::Look;

const ROWS: usize = 200_000;
const DIMS: u32 = 30_000;
const QUERIES: usize = 100;
const SCANNED: usize = 5;

/// Seconds for which this thread has run, where the system tells; others may share the processor.
fn ran(since: &Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| since.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn exponential(seed: u64) -> f32 {
    let uniform = (mix(seed) >> 40) as f32 / (1 << 24) as f32;
    0.05 - (1.0 - uniform).ln()
}

fn vector(seed: u64, count: usize, by_rarity: bool) -> Pairs {
    // Some indexes come twice and count once.
    let mut pairs = skewed(mix(seed), count + count / 4, DIMS, exponential);
    if by_rarity {
        pairs
            .iter_mut()
            .for_each(|(index, value)| *value *= (1.0 + *index as f32).ln().max(0.3));
    }
    pairs
}

#[test]
#[ignore = "prints figures, takes a minute"]
fn measure_sparse() {
    for (name, by_rarity, metric, length) in [
        ("frequencies, short queries", false, Metric::Bm25, 4),
        ("flat", false, Metric::Ip, 30),
        ("rare", true, Metric::Ip, 30),
        ("frequencies", false, Metric::Bm25, 30),
    ] {
        let of_metric = |mut pairs: Pairs| {
            if metric == Metric::Bm25 {
                pairs.values_mut().for_each(|value| *value = (*value * 2.0).ceil());
            }
            pairs
        };
        let rows = (0..ROWS as u64).into_par_iter();
        let rows: Vec<Option<Pairs>> = rows.map(|row| Some(of_metric(vector(row, 100, by_rarity)))).collect();
        let values: usize = rows.iter().flatten().map(Pairs::len).sum();
        let data = Data::new(rows);
        let start = Instant::now();
        let index = data.build(metric);
        println!(
            "{name}: {values} values, built in {:.2} s, {:.1} bytes a value",
            start.elapsed().as_secs_f64(),
            index.content().len() as f64 / values as f64
        );
        let queries: Vec<Vec<u8>> = (0..QUERIES as u64)
            .map(|query| bytes_of(&vector(mix(query ^ 1 << 50), length, by_rarity || metric == Metric::Bm25)))
            .collect();
        let (start, before) = (Instant::now(), ran(&Instant::now()));
        for query in &queries[..SCANNED] {
            let bm25 = (metric == Metric::Bm25).then(Default::default);
            let query = SparseQuery::new(query, bm25);
            let mut best = best::Best::new(10);
            let vectors = data.vectors();
            (0..ROWS).for_each(|row| best.push(row as u32, query.score(vectors.bytes(row))));
            std::hint::black_box(best.finish());
        }
        println!("  scan: {:.1} a second", SCANNED as f64 / (ran(&start) - before));
        let some = RowSet::from_fn(ROWS, |row| mix(row as u64).is_multiple_of(10));
        for (k, allowed) in [(10, None), (100, None), (10, Some(&some))] {
            for strategy in STRATEGIES.into_iter().take(if std::env::var_os("QUICK").is_some() { 3 } else { 5 }) {
                let look = Look { k, ..Look::default() };
                let mut work = best::Work::default();
                let (start, before) = (Instant::now(), ran(&Instant::now()));
                for query in &queries {
                    let (_, one) = index.search_by(strategy, &data.vectors(), query, &look, allowed);
                    work.values += one.values;
                    work.rows += one.rows;
                }
                println!(
                    "  k {k}, {}: {strategy:?} {:.0} a second, {} values, {} rows a query",
                    allowed.map_or("all", |_| "a tenth"),
                    QUERIES as f64 / (ran(&start) - before),
                    work.values / QUERIES,
                    work.rows / QUERIES
                );
            }
        }
    }
}
