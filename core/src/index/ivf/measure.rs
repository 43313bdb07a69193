//! Prints what each kind of codes takes to build and how fast it answers: `cargo test --release measure_lists -- --ignored --nocapture`. It judges nothing.

use rayon::prelude::*;

use super::tests::{Table, plan, plans};
use crate::distance::{Metric, scan};
use crate::index::mix::mix;
use crate::index::vector_index::{AnyIndex, IndexKind, IndexPlan, Look, build};
use crate::index::vectors::QueryVector;

const ROWS: usize = 100_000;
const DIM: usize = 128;
const BITS: usize = 512;
const QUERIES: usize = 200;
/// The rows lie near a space of so many dimensions, in so many heaps.
const RANK: u64 = 32;
const HEAPS: u64 = 200;

/// About normal, from a seed.
fn normal(seed: u64) -> f32 {
    let bits = mix(seed);
    let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xFFFF).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}

fn rows(count: usize, dim: usize) -> Vec<f32> {
    let basis: Vec<f32> = (0..RANK * dim as u64)
        .map(|at| normal(at ^ 1 << 43) / (RANK as f32).sqrt())
        .collect();
    let vector = |row: u64| {
        let heap = mix(row ^ 1 << 40) % HEAPS;
        let mut vector: Vec<f32> = (0..dim as u64).map(|at| 0.1 * normal(mix(row) ^ at)).collect();
        for (axis, direction) in basis.chunks_exact(dim).enumerate() {
            let place = normal(mix(heap ^ 1 << 41) ^ axis as u64) + 0.8 * normal(mix(row ^ 1 << 42) ^ axis as u64);
            vector.iter_mut().zip(direction).for_each(|(value, part)| *value += place * part);
        }
        vector
    };
    (0..count as u64).into_par_iter().flat_map_iter(vector).collect()
}

/// Seconds of processor time that this process has had so far: what others do on the machine does not count.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a Linux machine");
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The queries as bits, 8 a byte.
fn bits_of(query: &[f32]) -> Vec<u8> {
    let byte = |bits: &[f32]| bits.iter().enumerate().fold(0, |byte, (at, &bit)| byte | u8::from(bit > 0.0) << at);
    query.chunks(8).map(byte).collect()
}

fn print_figures(name: &str, index: &AnyIndex, table: &Table, queries: &[Vec<f32>], truth: &[Vec<u32>]) {
    let bits: Vec<Vec<u8>> = queries.iter().map(|query| bits_of(query)).collect();
    let vectors = table.vectors();
    let is_bits = index.kind() == IndexKind::BinIvfFlat;
    for nprobe in [8, 16, 32, 64, 128] {
        let look = Look {
            k: 10,
            nprobe,
            ..Look::default()
        };
        let answer = |at: usize| {
            let query = if is_bits {
                QueryVector::Bits(&bits[at])
            } else {
                QueryVector::Floats(&queries[at])
            };
            index.search(&vectors, query, &look, None)
        };
        let start = cpu_seconds();
        let found: Vec<_> = (0..queries.len()).map(answer).collect();
        let qps = queries.len() as f64 / (cpu_seconds() - start);
        let hits = found
            .iter()
            .zip(truth)
            .map(|(hits, truth)| hits.iter().filter(|hit| truth.contains(&hit.0)).count());
        let recall = hits.sum::<usize>() as f64 / (10 * queries.len()) as f64;
        println!("{name}, nprobe {nprobe}: recall {recall:.4}, {qps:.0} queries a second of processor time");
    }
}

fn print_built(name: &str, table: &Table, plan: &IndexPlan) -> AnyIndex {
    let start = cpu_seconds();
    let index = build(&table.vectors(), plan).expect("an index");
    let bytes = index.byte_size() as f32 / ROWS as f32;
    println!(
        "{name}: built in {:.1} s of processor time, {bytes:.0} bytes a row",
        cpu_seconds() - start
    );
    index
}

fn nearest(scores: &[f32], higher_is_better: bool) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..scores.len() as u32).collect();
    rows.sort_by(|&left, &right| {
        let order = scores[left as usize].total_cmp(&scores[right as usize]);
        if higher_is_better { order.reverse() } else { order }
    });
    rows.truncate(10);
    rows
}

#[test]
#[ignore = "prints figures, takes a minute"]
fn measure_lists() {
    let metric = Metric::L2;
    let all = rows(ROWS + QUERIES, DIM);
    let queries: Vec<Vec<f32>> = all[ROWS * DIM..].chunks_exact(DIM).map(<[f32]>::to_vec).collect();
    let mut scores = vec![0.0; ROWS];
    let truth: Vec<Vec<u32>> = queries
        .iter()
        .map(|query| {
            scan(metric, query, &all[..ROWS * DIM], DIM, &mut scores);
            nearest(&scores, false)
        })
        .collect();
    let start = cpu_seconds();
    queries
        .iter()
        .for_each(|query| scan(metric, query, &all[..ROWS * DIM], DIM, &mut scores));
    println!(
        "a plain scan: {:.0} queries a second of processor time",
        QUERIES as f64 / (cpu_seconds() - start)
    );
    let table = Table::of(101, DIM, all, ROWS, None);
    for (name, _, plan) in plans(metric, 1024, DIM) {
        print_figures(name, &print_built(name, &table, &plan), &table, &queries, &truth);
    }
    let all: Vec<f32> = rows(ROWS + QUERIES, BITS)
        .iter()
        .map(|&value| f32::from(u8::from(value > 0.0)))
        .collect();
    let queries: Vec<Vec<f32>> = all[ROWS * BITS..].chunks_exact(BITS).map(<[f32]>::to_vec).collect();
    let truth: Vec<Vec<u32>> = queries
        .iter()
        .map(|query| {
            scan(Metric::L2, query, &all[..ROWS * BITS], BITS, &mut scores);
            nearest(&scores, false)
        })
        .collect();
    let table = Table::of(100, BITS, all, ROWS, None);
    let name = "BIN_IVF_FLAT";
    let index = print_built(name, &table, &plan(IndexKind::BinIvfFlat, Metric::Hamming, 1024));
    print_figures(name, &index, &table, &queries, &truth);
}
