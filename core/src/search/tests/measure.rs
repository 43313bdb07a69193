//! Prints what scans for many queries reach of the peak of a thread of this machine: `cargo test --release measure_scans -- --ignored --nocapture`. It judges nothing.

use super::plain_search;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;

use crate::distance::{Metric, TILE_QUERIES, TILE_ROWS, kernels};
use crate::filter::tests::random::Random;
use crate::search::request::SearchRequest;
use crate::search::search;
use crate::segment::SegmentSnapshot;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;

const QUERIES: usize = 1000;

/// Seconds that all threads were computing, which does not count what other programs take of a shared machine; else those that passed.
fn seconds(since: &Instant) -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return since.elapsed().as_secs_f64() * rayon::current_num_threads() as f64;
    };
    let nanoseconds = threads.filter_map(|thread| {
        let times = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// Seconds of computing that the fastest of some runs takes.
fn fastest(times: usize, work: impl Fn()) -> f64 {
    let start = Instant::now();
    let runs = (0..times).map(|_| {
        let before = seconds(&start);
        work();
        seconds(&start) - before
    });
    runs.fold(f64::INFINITY, f64::min)
}

/// Floating point operations that a thread does in a second of multiplying matrices that lie in their first cache.
fn peak() -> f64 {
    const VALUES: usize = 64;
    const TIMES: usize = 20_000;
    let threads = rayon::current_num_threads();
    let multiply = |_| {
        let (queries, rows) = ([[0.5; TILE_QUERIES]; VALUES], [[0.25; TILE_ROWS]; VALUES]);
        let mut sums = [[0.0; TILE_ROWS]; TILE_QUERIES];
        for _ in 0..TIMES {
            kernels().add_products(black_box(&queries), black_box(&rows), &mut sums);
        }
        black_box(sums);
    };
    let seconds = fastest(5, || (0..threads).into_par_iter().for_each(multiply));
    (threads * TIMES * VALUES * TILE_QUERIES * TILE_ROWS * 2) as f64 / seconds
}

fn floats(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn segment(random: &mut Random, rows: usize, dim: usize, kind: u32) -> SegmentSnapshot {
    let schema = json!([{ "id": 100, "type": 5, "primary": true }, { "id": 101, "type": kind, "dim": dim }]);
    let schema = Arc::new(Schema::parse(&schema.to_string()).expect("a schema"));
    let floats = floats(random, rows * dim);
    let values = match kind {
        101 => Values::Vectors {
            dim,
            values: floats.into(),
        },
        // The upper halves of floats; values of a byte else.
        103 => Values::Packed {
            width: 2 * dim,
            bytes: floats
                .iter()
                .flat_map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes())
                .collect::<Vec<_>>()
                .into(),
        },
        _ => Values::Packed {
            width: dim,
            bytes: floats.iter().map(|value| (value * 127.0) as i8 as u8).collect::<Vec<_>>().into(),
        },
    };
    let columns = vec![
        Column {
            id: 100,
            values: Values::Int64(Buffer::Owned((0..rows as i64).collect())),
            valid: None,
        },
        Column {
            id: 101,
            values,
            valid: None,
        },
    ];
    Segment::sealed(schema, Chunk::of(columns, Buffer::Owned(vec![1; rows]))).snapshot()
}

fn request(metric: Metric, vectors: Vec<u8>, limit: usize) -> SearchRequest {
    SearchRequest {
        field_id: 101,
        metric,
        vectors,
        limit,
        read_timestamp: 10,
        ..plain_search()
    }
}

#[test]
#[ignore = "prints figures, takes a minute"]
fn measure_scans() {
    let mut random = Random::new(1);
    for (rows, dim) in [(50_000, 768), (100_000, 100)] {
        for kind in [101, 103, 105] {
            let snapshots = [segment(&mut random, rows, dim, kind)];
            let queries = floats(&mut random, QUERIES * dim);
            for (metric, count, limit) in [
                (Metric::L2, 1000, 10),
                (Metric::L2, 1, 10),
                (Metric::Ip, 1000, 10),
                (Metric::Cosine, 1000, 10),
                (Metric::L2, 1000, 100),
                (Metric::L2, 1000, 1000),
                (Metric::L2, 64, 10),
                (Metric::L2, 16, 10),
                (Metric::L2, 8, 10),
                (Metric::L2, 5, 10),
            ] {
                if kind != 101 && metric == Metric::L2 && !(limit == 10 && [1, 1000].contains(&count)) {
                    continue;
                }
                let values = queries[..count * dim].iter();
                let vectors = match kind {
                    101 => values.flat_map(|value| value.to_le_bytes()).collect(),
                    103 => values.flat_map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes()).collect(),
                    _ => values.map(|value| (value * 127.0) as i8 as u8).collect(),
                };
                let request = request(metric, vectors, limit);
                let before = peak();
                let times = (200_000_000_000 / (rows * dim * count)).clamp(1, 50);
                let seconds = fastest(3, || {
                    (0..times).for_each(|_| drop(black_box(search(&snapshots, &request).expect("a reply"))));
                }) / times as f64;
                let peak = before.max(peak());
                let operations = (rows * dim * count * 2) as f64 / seconds;
                println!(
                    "{rows} x {dim} of type {kind}, {metric:?}, nq {count}, limit {limit}: {:.2} ms of computing, {:.2} ns a pair, {:.1} of {:.1} GFLOP/s: {:.0} %",
                    seconds * 1e3,
                    seconds * 1e9 / (rows * count) as f64,
                    operations / 1e9,
                    peak / 1e9,
                    operations / peak * 100.0
                );
            }
        }
    }
}
