//! Exact answers over many segments agree with the model.

use std::collections::HashMap;

use super::model::{RowFilter, SERIAL, VECTOR, World, integers_in, vector};
use crate::distance::{Metric, kernels};
use crate::filter::tests::random::{Random, seed};
use crate::index::vector_index::Look;
use crate::search::request::{Output, QueryRequest, SearchReply, SearchRequest, Selection};
use crate::search::{count, keys, query, search};

fn score(metric: Metric, query: &[f32], row: &[f32]) -> f32 {
    let dot: f32 = query.iter().zip(row).map(|(left, right)| left * right).sum();
    match metric {
        Metric::L2 => query.iter().zip(row).map(|(left, right)| (left - right) * (left - right)).sum(),
        Metric::Ip => dot + 0.0,
        Metric::Cosine => dot * (kernels().inverse_norm(query) * kernels().inverse_norm(row)) + 0.0,
        _ => unreachable!("metrics of bits"),
    }
}

fn serials() -> Vec<Output> {
    vec![Output {
        field_id: SERIAL,
        header: Vec::new(),
        keys: None,
    }]
}

#[test]
fn searches_agree_with_the_model() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut hits = 0;
    for case in 0..60 {
        let world = World::random(&mut random);
        let snapshots = world.snapshots();
        for _ in 0..6 {
            let queries: Vec<Vec<f32>> = (0..random.pick(&[1, 2, 19])).map(|_| vector(&mut random)).collect();
            let filter = RowFilter::random(&mut random);
            let request = request(&mut random, &world, &queries, &filter);
            let reply = search(&snapshots, &request).unwrap_or_else(|failure| panic!("seed {seed} case {case}: {failure:?}"));
            hits += check(
                &world,
                &queries,
                &request,
                &filter,
                &reply,
                &format!("seed {seed} case {case}: {request:?} {filter:?}"),
            );
        }
    }
    assert!(hits > 3000, "{hits}");
}

fn request(random: &mut Random, world: &World, queries: &[Vec<f32>], filter: &RowFilter) -> SearchRequest {
    let metric = random.pick(&[Metric::L2, Metric::Ip, Metric::Cosine]);
    let (radius, range_filter) = match (metric, random.below(3)) {
        (Metric::L2, 1) => (Some(60.0), None),
        (Metric::L2, 2) => (Some(70.0), Some(20.0)),
        (Metric::Ip, 1) => (Some(-3.0), None),
        (Metric::Ip, 2) => (Some(-5.0), Some(12.0)),
        (Metric::Cosine, 2) => (Some(0.1), Some(0.6)),
        _ => (None, None),
    };
    SearchRequest {
        field_id: VECTOR,
        metric,
        vectors: queries.iter().flatten().flat_map(|value| value.to_le_bytes()).collect(),
        lengths: None,
        limit: random.pick(&[1, 3, 10, 200]),
        offset: random.pick(&[0, 0, 2, 50]),
        look: Look::default(),
        channels: None,
        read_timestamp: world.clock - random.below(world.clock as usize) as u64 / 4,
        filter: filter.program(world),
        expiry: None,
        radius,
        range_filter,
        round_decimal: -1,
        outputs: serials(),
        group_by: None,
        bytes_max: None,
    }
}

/// Holds a reply against the model; returns its hits.
fn check(world: &World, queries: &[Vec<f32>], request: &SearchRequest, filter: &RowFilter, reply: &SearchReply, what: &str) -> usize {
    let ids = world.numbers_of(&reply.ids);
    let scores: Vec<f32> = reply
        .scores
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let rows = integers_in(&reply.fields[0]);
    assert_eq!((ids.len(), scores.len()), (rows.len(), rows.len()), "{what}");
    let mut at = 0;
    for (query, topk) in queries.iter().zip(&reply.topks) {
        let range = at..at + *topk as usize;
        let found: Vec<(f32, i64)> = scores[range.clone()]
            .iter()
            .copied()
            .zip(ids[range.clone()].iter().copied())
            .collect();
        assert_eq!(found, best(world, query, request, filter), "{what}");
        for ((hit, key), serial) in found.iter().zip(&rows[range]) {
            let row = world.rows.iter().find(|row| row.serial == *serial).expect("a row");
            let row_score = row.vector.as_ref().map(|vector| score(request.metric, query, vector));
            assert_eq!((*key, Some(*hit)), (row.key, row_score), "{what}");
            let as_near = world.visible(request.read_timestamp, filter).into_iter().filter(|other| {
                let other_score = other.vector.as_ref().map(|vector| score(request.metric, query, vector));
                other.key == row.key && other_score == row_score
            });
            let newest = as_near.max_by_key(|other| (other.written, other.serial)).map(|other| other.serial);
            assert_eq!(newest, Some(*serial), "{what}");
        }
        at += *topk as usize;
    }
    assert_eq!(at, ids.len(), "{what}");
    at
}

/// Scores and keys that a query should find.
fn best(world: &World, query: &[f32], request: &SearchRequest, filter: &RowFilter) -> Vec<(f32, i64)> {
    let mut best: HashMap<i64, f32> = HashMap::new();
    let better = |left: f32, right: f32| {
        if request.metric.higher_is_better() {
            left > right
        } else {
            left < right
        }
    };
    for row in world.visible(request.read_timestamp, filter) {
        let Some(vector) = &row.vector else { continue };
        let score = score(request.metric, query, vector);
        let (radius, best_end) = (request.radius, request.range_filter);
        if radius.is_none_or(|radius| better(score, radius)) && best_end.is_none_or(|best| !better(score, best)) {
            let held = best.entry(row.key).or_insert(score);
            if better(score, *held) {
                *held = score;
            }
        }
    }
    let mut hits: Vec<(f32, i64)> = best.into_iter().map(|(key, score)| (score, key)).collect();
    hits.sort_by(|left, right| {
        let scores = if request.metric.higher_is_better() {
            right.0.total_cmp(&left.0)
        } else {
            left.0.total_cmp(&right.0)
        };
        scores.then(left.1.cmp(&right.1))
    });
    hits.into_iter().skip(request.offset).take(request.limit).collect()
}

#[test]
fn queries_counts_and_keys_agree_with_the_model() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut found = 0;
    for case in 0..60 {
        let world = World::random(&mut random);
        let snapshots = world.snapshots();
        for _ in 0..8 {
            let filter = RowFilter::random(&mut random);
            let read_timestamp = world.clock - random.below(world.clock as usize) as u64 / 4;
            let selection = Selection {
                read_timestamp,
                filter: filter.program(&world),
                expiry: None,
            };
            let visible = world.visible(read_timestamp, &filter);
            assert_eq!(
                count(&snapshots, &selection),
                Ok(visible.len()),
                "seed {seed} case {case} {filter:?}"
            );
            // The newest of each key; of rows written at one moment the later one.
            let mut newest: std::collections::BTreeMap<i64, (u64, i64)> = Default::default();
            for row in visible {
                let held = newest.entry(row.key).or_insert((row.written, row.serial));
                *held = (*held).max((row.written, row.serial));
            }
            let listed = keys(&snapshots, &selection).expect("keys");
            assert_eq!(
                world.numbers_of(&listed),
                newest.keys().copied().collect::<Vec<_>>(),
                "seed {seed} case {case} {filter:?}"
            );
            let limit = random.pick(&[None, Some(0), Some(1), Some(10), Some(150)]);
            let offset = random.pick(&[0, 0, 1, 30]);
            let request = QueryRequest {
                selection,
                limit,
                offset,
                bytes_max: None,
                outputs: serials(),
            };
            let reply = query(&snapshots, &request).unwrap_or_else(|failure| panic!("seed {seed} case {case}: {failure:?}"));
            let expected: Vec<i64> = newest
                .values()
                .map(|(_, serial)| *serial)
                .skip(offset)
                .take(limit.unwrap_or(usize::MAX))
                .collect();
            assert_eq!(
                integers_in(&reply.fields[0]),
                expected,
                "seed {seed} case {case} {request:?} {filter:?}"
            );
            assert_eq!(reply.row_count, expected.len());
            found += expected.len();
        }
    }
    assert!(found > 10_000, "{found}");
}
