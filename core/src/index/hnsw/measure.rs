//! Prints what kernels, a build and searches cost on this machine: `cargo test --release measure -- --ignored --nocapture`. It judges nothing.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;

use super::plan::Plan;
use super::tests::{column_of, map_of, plan_of};
use super::*;
use crate::distance::{instruction_sets, kernels, scan};
use crate::index::mix::mix;
use crate::index::vector_index::{self, Look};
use crate::index::vectors::QueryVector;

const ROWS: usize = 100_000;
const DIM: usize = 768;
const QUERIES: usize = 500;
/// The rows lie near a space of so many dimensions, in so many heaps.
const RANK: usize = 64;
const HEAPS: u64 = 200;

/// About normal, from a seed.
fn normal(seed: u64) -> f32 {
    let bits = mix(seed);
    let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xFFFF).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}

fn vector(row: u64, basis: &[f32]) -> Vec<f32> {
    let heap = mix(row ^ 1 << 40) % HEAPS;
    let mut vector: Vec<f32> = (0..DIM as u64).map(|at| 0.1 * normal(mix(row) ^ at)).collect();
    for (axis, direction) in basis.chunks_exact(DIM).enumerate() {
        let place = normal(mix(heap ^ 1 << 41) ^ axis as u64) + 0.8 * normal(mix(row ^ 1 << 42) ^ axis as u64);
        vector.iter_mut().zip(direction).for_each(|(value, part)| *value += place * part);
    }
    vector
}

fn print_ns(what: &str, times: usize, work: impl Fn(usize) -> f32) {
    let start = Instant::now();
    for time in 0..times {
        black_box(work(time));
    }
    println!("{what}: {:.1} ns", start.elapsed().as_nanos() as f64 / times as f64);
}

fn nearest(vectors: &[f32], query: &[f32]) -> Vec<u32> {
    let mut distances = vec![0.0; ROWS];
    scan(Metric::L2, query, vectors, DIM, &mut distances);
    let mut rows: Vec<u32> = (0..ROWS as u32).collect();
    rows.select_nth_unstable_by(10, |&left, &right| distances[left as usize].total_cmp(&distances[right as usize]));
    rows.truncate(10);
    rows
}

/// Rows, one after another, and queries.
fn data() -> (Vec<f32>, Vec<Vec<f32>>) {
    let basis: Vec<f32> = (0..(RANK * DIM) as u64)
        .map(|at| normal(at ^ 1 << 43) / (RANK as f32).sqrt())
        .collect();
    let vectors = (0..ROWS as u64).into_par_iter().flat_map_iter(|row| vector(row, &basis)).collect();
    (
        vectors,
        (0..QUERIES as u64).map(|query| vector(ROWS as u64 + query, &basis)).collect(),
    )
}

#[test]
#[ignore = "prints figures, takes a minute"]
fn measure_kernels_and_graph() {
    println!("instruction sets {:?}, {ROWS} x {DIM}, seeds are row numbers", instruction_sets());
    let (vectors, queries) = data();
    let row = |at: usize| &vectors[at * DIM..(at + 1) * DIM];
    let codes: Vec<i8> = (0..64 * DIM as u64)
        .map(|at| (mix(at) % 255) as i8)
        .map(|code| code.max(-127))
        .collect();
    let code = |at: usize| &codes[at * DIM..(at + 1) * DIM];
    print_ns("dot f32", 1_000_000, |time| kernels().dot(row(time % 32), row(32)));
    print_ns("l2 f32", 1_000_000, |time| kernels().l2(row(time % 32), row(32)));
    print_ns("dot i8", 1_000_000, |time| kernels().dot_i8(code(time % 32), code(32)) as f32);
    let mut distances = vec![0.0; ROWS];
    let start = Instant::now();
    scan(Metric::L2, &queries[0], &vectors, DIM, &mut distances);
    println!("scan: {:.1} ns a row", start.elapsed().as_nanos() as f64 / ROWS as f64);
    let start = Instant::now();
    let (schema, column) = column_of(ColumnType::FloatVector, DIM, &vectors, None);
    let of = Vectors::of(&schema, &column, ROWS).expect("vectors");
    let plan = IndexPlan {
        ef_construction: 200,
        ..plan_of(IndexKind::Hnsw, Metric::L2)
    };
    let index = Hnsw::build(&of, &plan).expect("an index");
    println!(
        "build {:.1} s on {} threads, coded {}, {} MB",
        start.elapsed().as_secs_f32(),
        rayon::current_num_threads(),
        index.is_coded(),
        index.byte_size() >> 20
    );
    let truth: Vec<Vec<u32>> = queries.par_iter().map(|query| nearest(&vectors, query)).collect();
    for ef in [20, 32, 64, 128] {
        let start = Instant::now();
        let found: Vec<_> = queries
            .iter()
            .map(|query| index.search(&of, QueryVector::Floats(query), 10, ef, None))
            .collect();
        let qps = QUERIES as f64 / start.elapsed().as_secs_f64();
        let hits: usize = found
            .iter()
            .zip(&truth)
            .map(|(hits, truth)| hits.iter().filter(|hit| truth.contains(&hit.0)).count())
            .sum();
        println!(
            "ef {ef}: recall {:.4}, {qps:.0} queries a second on one thread",
            hits as f64 / (10 * QUERIES) as f64
        );
    }
}

#[test]
#[ignore = "prints figures, takes some minutes"]
fn measure_kinds() {
    let (vectors, queries) = data();
    let truth: Vec<Vec<u32>> = queries.par_iter().map(|query| nearest(&vectors, query)).collect();
    let (schema, column) = column_of(ColumnType::FloatVector, DIM, &vectors, None);
    let of = Vectors::of(&schema, &column, ROWS).expect("vectors");
    let kinds = [
        ("HNSW", IndexKind::Hnsw, "", 0, 0),
        ("HNSW_SQ SQ6", IndexKind::HnswSq, "SQ6", 0, 0),
        ("HNSW_SQ SQ4U", IndexKind::HnswSq, "SQ4U", 0, 0),
        ("HNSW_SQ BF16", IndexKind::HnswSq, "BF16", 0, 0),
        ("HNSW_PQ 96x8", IndexKind::HnswPq, "", 96, 1),
        ("HNSW_PRQ 32x2x8", IndexKind::HnswPrq, "", 32, 2),
        ("DISKANN", IndexKind::DiskAnn, "", 0, 0),
    ];
    for (name, kind, sq_type, pq_m, nrq) in kinds {
        let plan = IndexPlan {
            ef_construction: 200,
            sq_type: sq_type.into(),
            pq_m,
            nrq,
            max_degree: 56,
            ..plan_of(kind, Metric::L2)
        };
        let start = Instant::now();
        let built = vector_index::build(&of, &plan).expect("an index");
        let seconds = start.elapsed().as_secs_f32();
        let bytes = built.encode();
        let map = map_of(&bytes);
        let start = Instant::now();
        let index = vector_index::open(map, &of).expect("a whole index");
        println!(
            "{name}: build {seconds:.1} s, {} MB in memory, file {} MB opened in {} ms, then {} MB",
            built.byte_size() >> 20,
            bytes.len() >> 20,
            start.elapsed().as_millis(),
            index.byte_size() >> 20
        );
        for breadth in [20, 40, 80, 160] {
            let look = Look {
                k: 10,
                ef: breadth,
                search_list: breadth,
                ..Look::default()
            };
            let start = Instant::now();
            let found: Vec<_> = queries
                .iter()
                .map(|query| index.search(&of, QueryVector::Floats(query), &look, None))
                .collect();
            let qps = QUERIES as f64 / start.elapsed().as_secs_f64();
            let pairs = found.iter().zip(&truth);
            let hits: usize = pairs
                .map(|(hits, truth)| hits.iter().filter(|hit| truth.contains(&hit.0)).count())
                .sum();
            let recall = hits as f64 / (10 * QUERIES) as f64;
            println!("  {breadth}: recall {recall:.4}, {qps:.0} queries a second on one thread");
        }
    }
}

/// Vectors of a file of f32, and of the last of them queries: `ELANUS_VECTORS`, with `ELANUS_DIM` and `ELANUS_ROWS`.
fn data_of_file() -> Option<(Vec<f32>, Vec<Vec<f32>>, usize)> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    let (dim, rows) = (number("ELANUS_DIM")?, number("ELANUS_ROWS")?);
    let bytes = std::fs::read(std::env::var("ELANUS_VECTORS").ok()?).ok()?;
    let mut vectors: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
    let queries = vectors
        .chunks_exact(dim)
        .rev()
        .step_by(7)
        .take(QUERIES)
        .map(<[f32]>::to_vec)
        .collect();
    vectors.truncate(rows * dim);
    Some((vectors, queries, dim))
}

#[test]
#[ignore = "prints figures of one thread, takes a minute"]
fn measure_plans() {
    let (vectors, queries, dim) = data_of_file().unwrap_or_else(|| {
        let (vectors, queries) = data();
        (vectors, queries, DIM)
    });
    let row_count = vectors.len() / dim;
    let (schema, column) = column_of(ColumnType::FloatVector, dim, &vectors, None);
    let of = Vectors::of(&schema, &column, row_count).expect("vectors");
    let plan = IndexPlan {
        ef_construction: 200,
        m: 16,
        ..plan_of(IndexKind::Hnsw, Metric::L2)
    };
    let index = Hnsw::build(&of, &plan).expect("an index");
    println!("{row_count} x {dim}, breadth {}", index.breadth);
    for per_mille in [10, 30, 60, 100, 250, 500, 900, 1000] {
        let allowed = RowSet::from_fn(row_count, |row| mix(row as u64) % 1000 < per_mille);
        for plan in [Plan::Scan, Plan::TwoHop, Plan::Walk] {
            let efs: &[usize] = if plan == Plan::Scan { &[20] } else { &[20, 50, 100, 200] };
            for &ef in efs {
                let mut best = f64::INFINITY;
                let (mut found, mut computed) = (Vec::new(), 0);
                for _ in 0..5 {
                    let start = Instant::now();
                    let all: Vec<_> = queries
                        .iter()
                        .map(|query| index.search_by(Some(plan), &of, QueryVector::Floats(query), 10, ef, Some(&allowed)))
                        .collect();
                    best = best.min(start.elapsed().as_secs_f64());
                    computed = all.iter().map(|(_, computed)| computed).sum::<usize>() / QUERIES;
                    found = all;
                }
                let truth = queries.iter().map(|query| {
                    let hits = index
                        .search_by(Some(Plan::Scan), &of, QueryVector::Floats(query), 10, 40, Some(&allowed))
                        .0;
                    hits.into_iter().map(|(row, _)| row).collect::<Vec<u32>>()
                });
                let right: usize = found
                    .iter()
                    .zip(truth)
                    .map(|((hits, _), truth)| hits.iter().filter(|hit| truth.contains(&hit.0)).count())
                    .sum();
                let recall = right as f64 / (10 * QUERIES) as f64;
                let micros = 1e6 * best / QUERIES as f64;
                let each = 1000.0 * micros / computed as f64;
                println!(
                    "{per_mille} per mille, {plan:?} ef {ef}: recall {recall:.3}, {micros:.0} µs, {computed} distances, {each:.1} ns each"
                );
            }
        }
    }
}
