//! Searches through an index against the same searches without it.

use super::plain_search;
use std::sync::Arc;

use serde_json::json;

use crate::distance::Metric;
use crate::filter::program::{Comparison, Node, Operand, Value};
use crate::filter::tests::encode::encode;
use crate::filter::tests::random::{Random, seed};
use crate::index::hnsw::tests::plan_of;
use crate::index::vector_index::{self, AnyIndex, IndexKind, Look};
use crate::index::vectors::Vectors;
use crate::search::request::{GroupBy, GroupField, SearchRequest};
use crate::search::search;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;
use crate::segment::{IndexSlot, Keys, SegmentSnapshot};

const DIM: usize = 384;
const ROWS: usize = 5000;
const VECTOR: u32 = 101;
const NUMBER: u32 = 102;

/// Around a few centres, as embeddings are.
fn vectors(random: &mut Random, count: usize) -> Vec<f32> {
    let mut value = || (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
    let centres: Vec<f32> = (0..20 * DIM).map(|_| value()).collect();
    (0..count)
        .flat_map(|row| (0..DIM).map(move |at| (row, at)))
        .map(|(row, at)| centres[(row % 20) * DIM + at] + value() * 0.5)
        .collect()
}

fn segment(vectors: &[f32]) -> Segment {
    let schema = json!([{ "id": 100, "type": 5, "primary": true }, { "id": VECTOR, "type": 101, "dim": DIM }, { "id": NUMBER, "type": 5 }]);
    let column = |id, values| Column { id, values, valid: None };
    let columns = vec![
        column(100, Values::Int64(Buffer::Owned((0..ROWS as i64).collect()))),
        column(
            VECTOR,
            Values::Vectors {
                dim: DIM,
                values: Buffer::Owned(vectors.to_vec()),
            },
        ),
        column(
            NUMBER,
            Values::Int64(Buffer::Owned((0..ROWS as i64).map(|row| row * 7919 % 100).collect())),
        ),
    ];
    let chunk = Chunk::of(columns, Buffer::Owned(vec![5; ROWS]));
    Segment::sealed(Arc::new(Schema::parse(&schema.to_string()).expect("a schema")), chunk)
}

fn ids(snapshot: &SegmentSnapshot, request: &SearchRequest) -> Vec<Vec<i64>> {
    let reply = search(std::slice::from_ref(snapshot), request).expect("a reply");
    let Keys::Int64(ids) = Keys::decode(&reply.ids).expect("ids") else {
        panic!("integers")
    };
    let mut rest = &ids[..];
    reply
        .topks
        .iter()
        .map(|&topk| {
            let (hits, after) = rest.split_at(topk as usize);
            rest = after;
            hits.to_vec()
        })
        .collect()
}

fn request(metric: Metric, queries: &[f32], below: Option<i64>) -> SearchRequest {
    let operand = Operand::column(NUMBER);
    let comparison = Comparison::Less;
    SearchRequest {
        field_id: VECTOR,
        metric,
        vectors: queries.iter().flat_map(|value| value.to_le_bytes()).collect(),
        limit: 8,
        offset: 2,
        read_timestamp: 100,
        filter: below.map(|below| {
            encode(&[Node::Compare {
                comparison,
                operand,
                value: Value::Int(below),
            }])
        }),
        ..plain_search()
    }
}

fn with_vectors<T>(segment: &Segment, work: impl FnOnce(&Vectors) -> T) -> T {
    let snapshot = segment.snapshot();
    let chunk = &snapshot.chunks[0];
    work(&Vectors::of(&snapshot.schema.columns[1], &chunk.columns[1], chunk.row_count).expect("vectors"))
}

fn add_index(segment: &Segment, metric: Metric) {
    let index = with_vectors(segment, |vectors| vector_index::build(vectors, &plan_of(IndexKind::Hnsw, metric))).expect("an index");
    let slot = IndexSlot {
        byte_size: index.byte_size(),
        index: Arc::new(index),
    };
    segment.put_index(VECTOR, slot);
}

#[test]
fn an_index_finds_what_a_scan_finds() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let all = vectors(&mut random, ROWS + 40);
    let (rows, queries) = all.split_at(ROWS * DIM);
    for metric in [Metric::L2, Metric::Cosine] {
        let segment = segment(rows);
        segment.delete(&Keys::Int64((0..ROWS as i64).step_by(50).collect()), 7);
        let exact = segment.snapshot();
        add_index(&segment, metric);
        let indexed = segment.snapshot();
        let index = indexed.index::<AnyIndex>(VECTOR).expect("an index");
        let pays = |part: usize| with_vectors(&segment, |vectors| index.pays(ROWS / part, vectors, &Look::default()));
        assert!(pays(1) && !pays(50), "walks and scans are tried");
        for below in [None, Some(80), Some(3)] {
            let request = request(metric, queries, below);
            let (found, expected) = (ids(&indexed, &request), ids(&exact, &request));
            assert!(found.iter().chain(&expected).all(|hits| hits.len() == 8), "seed {seed}");
            let pairs = found.iter().zip(&expected);
            let same: usize = pairs
                .map(|(found, expected)| found.iter().filter(|id| expected.contains(id)).count())
                .sum();
            let recall = same as f32 / (8 * found.len()) as f32;
            assert!(recall >= 0.95, "seed {seed}: {metric:?} {below:?} recall {recall}");
            let is_allowed = |id: &i64| id % 50 != 0 && below.is_none_or(|below| id * 7919 % 100 < below);
            assert!(found.iter().flatten().all(is_allowed), "seed {seed}");
        }
    }
}

/// Groups of rows that are far behind others in the order of distances need further rounds, with the index and without it.
#[test]
fn groups_found_with_an_index_are_those_of_a_scan() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let all = vectors(&mut random, ROWS + 20);
    let (rows, queries) = all.split_at(ROWS * DIM);
    let segment = segment(rows);
    let exact = segment.snapshot();
    add_index(&segment, Metric::L2);
    let indexed = segment.snapshot();
    for (groups, size, below) in [(8, 3, None), (90, 10, None), (90, 2, Some(60))] {
        let field = GroupField {
            field_id: NUMBER,
            header: Vec::new(),
            path: Vec::new(),
            cast: None,
            strict_cast: false,
        };
        let by = GroupBy {
            fields: vec![field],
            size,
            strict: true,
        };
        let request = SearchRequest {
            limit: groups,
            offset: 0,
            // Shorter than any list of hits that groups need.
            look: Look { ef: 1, ..Look::default() },
            channels: None,
            group_by: Some(by),
            ..request(Metric::L2, queries, below)
        };
        let (found, expected) = (ids(&indexed, &request), ids(&exact, &request));
        let count = below.map_or(groups, |below| groups.min(below as usize)) * size;
        assert!(found.iter().chain(&expected).all(|hits| hits.len() == count), "seed {seed}");
        let same: usize = found
            .iter()
            .zip(&expected)
            .map(|(found, expected)| found.iter().filter(|id| expected.contains(id)).count())
            .sum();
        let recall = same as f32 / (count * found.len()) as f32;
        assert!(recall >= 0.9, "seed {seed}: {groups} groups of {size}: recall {recall}");
    }
}
