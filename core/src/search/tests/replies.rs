//! Requests that are empty or wrong, and the form of replies.

use super::plain_search;
use std::sync::Arc;

use super::model::{DIM, KEY, RowFilter, SERIAL, VECTOR, World, vector};
use crate::distance::Metric;
use crate::filter::tests::random::{Random, seed};
use crate::search::request::{Output, QueryRequest, SearchRequest, Selection};
use crate::search::{count, keys, query, search};
use crate::segment::segment::Segment;

fn request(bytes: usize) -> SearchRequest {
    SearchRequest {
        field_id: VECTOR,
        metric: Metric::L2,
        vectors: vec![0; bytes],
        limit: 5,
        read_timestamp: u64::MAX - 1,
        outputs: vec![Output {
            field_id: KEY,
            header: vec![8, 5],
            keys: None,
        }],
        ..plain_search()
    }
}

/// A world that has rows.
fn world(random: &mut Random) -> World {
    loop {
        let world = World::random(random);
        if world
            .rows
            .iter()
            .filter(|row| row.vector.is_some() && row.deleted == u64::MAX)
            .count()
            > 100
        {
            return world;
        }
    }
}

#[test]
fn no_rows_and_no_segments_are_no_hits() {
    let world = world(&mut Random::new(3));
    let empty = vec![Segment::growing(Arc::clone(&world.schema)).snapshot()];
    let reply = search(&empty, &request(DIM * 4 * 3)).expect("a reply");
    assert_eq!((reply.topks, reply.scores.len()), (vec![0, 0, 0], 0));
    assert!(reply.fields[0].starts_with(&[8, 5]));
    let reply = search(&[], &request(DIM * 4)).expect("a reply");
    assert_eq!((reply.topks, reply.fields), (Vec::new(), vec![vec![8, 5]]));
    let selection = Selection {
        read_timestamp: 1,
        filter: None,
        expiry: None,
    };
    for snapshots in [&empty[..], &[]] {
        assert_eq!(count(snapshots, &selection), Ok(0));
        assert!(world.numbers_of(&keys(snapshots, &selection).expect("keys")).is_empty() || snapshots.is_empty());
        let all = QueryRequest {
            selection: selection.clone(),
            limit: None,
            offset: 3,
            bytes_max: None,
            outputs: request(0).outputs,
        };
        assert_eq!(query(snapshots, &all).expect("a reply").row_count, 0);
    }
}

#[test]
fn what_is_wrong_is_told() {
    let world = world(&mut Random::new(4));
    let snapshots = world.snapshots();
    let failure = search(&snapshots, &request(DIM * 4 + 4)).expect_err("another dimension");
    assert_eq!(
        (failure.kind, failure.args),
        ("queryDim", vec![(DIM * 4 + 4).into(), (DIM * 4).into()])
    );
    for (field_id, output, filter) in [
        (SERIAL, KEY, None),
        (999, KEY, None),
        (VECTOR, 999, None),
        (VECTOR, KEY, Some(vec![1, 99])),
    ] {
        let outputs = vec![Output {
            field_id: output,
            header: Vec::new(),
            keys: None,
        }];
        let failure = search(
            &snapshots,
            &SearchRequest {
                field_id,
                outputs,
                filter,
                expiry: None,
                ..request(DIM * 4)
            },
        )
        .expect_err("wrong");
        assert_eq!(failure.kind, "malformed");
    }
}

#[test]
fn scores_are_rounded_when_asked() {
    let mut random = Random::new(5);
    let world = world(&mut random);
    let snapshots = world.snapshots();
    let vectors: Vec<u8> = vector(&mut random)
        .iter()
        .flat_map(|value| (value + 0.123_456).to_le_bytes())
        .collect();
    let scores = |round_decimal| {
        let reply = search(
            &snapshots,
            &SearchRequest {
                vectors: vectors.clone(),
                round_decimal,
                ..request(0)
            },
        )
        .expect("a reply");
        reply
            .scores
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect::<Vec<f32>>()
    };
    let exact = scores(-1);
    assert!(exact.len() == 5 && exact.iter().any(|score| score.fract() != 0.0));
    assert_eq!(scores(0), exact.iter().map(|score| score.round()).collect::<Vec<_>>());
    assert_eq!(
        scores(2),
        exact.iter().map(|score| (score * 100.0).round() / 100.0).collect::<Vec<_>>()
    );
}

#[test]
fn a_limit_of_nothing_gives_nothing() {
    let world = world(&mut Random::new(6));
    let reply = search(
        &world.snapshots(),
        &SearchRequest {
            limit: 0,
            ..request(DIM * 4)
        },
    )
    .expect("a reply");
    assert_eq!(reply.topks, [0]);
    assert!(RowFilter::Nothing.program(&world).is_some());
}

#[test]
fn replies_that_are_too_large_are_refused() {
    let seed = seed();
    println!("seed {seed}");
    let world = world(&mut Random::new(seed));
    let snapshots = world.snapshots();
    let of_search = |bytes_max| {
        search(
            &snapshots,
            &SearchRequest {
                bytes_max: Some(bytes_max),
                ..request(DIM * 4)
            },
        )
    };
    // Five hits with a score and a key each.
    assert_eq!(of_search(24).map_err(|failure| failure.kind), Err("replyTooLarge"));
    assert_eq!(of_search(4096).map(|reply| reply.topks), Ok(vec![5]));
    let of_query = |bytes_max| {
        let request = QueryRequest {
            selection: Selection {
                read_timestamp: u64::MAX - 1,
                filter: None,
                expiry: None,
            },
            limit: Some(50),
            offset: 0,
            outputs: vec![Output {
                field_id: VECTOR,
                header: Vec::new(),
                keys: None,
            }],
            bytes_max,
        };
        query(&snapshots, &request)
    };
    let rows = of_query(None).map(|reply| reply.row_count).expect("a reply");
    assert!(rows > 0);
    let bytes = rows * DIM * 4;
    assert_eq!(of_query(Some(bytes - 1)).map_err(|failure| failure.kind), Err("replyTooLarge"));
    assert_eq!(of_query(Some(bytes)).map(|reply| reply.row_count), Ok(rows));
}
