//! Golden answers of the exact scan, which is what FLAT and BIN_FLAT are: a row or a score that changed is a diff. Each row is looked at for each query, so
//! there is no count of distances to watch, and recall is 1.
//!
//! Values are whole numbers, so that every processor has the same; where scores are none, three places are compared. `ELANUS_WRITE_GOLDEN=1` writes the
//! file anew.

use super::plain_search;
use std::sync::Arc;

use serde_json::json;

use crate::distance::Metric;
use crate::index::hnsw::tests::{Data, K, QUERIES, bits_of, check, clustered, compare_golden};
use crate::search::request::SearchRequest;
use crate::search::search;
use crate::segment::Keys;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnType, Schema};
use crate::segment::segment::Segment;

const KEY: u32 = 101;
const VECTOR: u32 = 100;
const FLOATS: [Metric; 3] = [Metric::L2, Metric::Ip, Metric::Cosine];
const BITS: [Metric; 4] = [Metric::Hamming, Metric::Jaccard, Metric::Substructure, Metric::Superstructure];
/// By Milvus's number of the type.
const CASES: [(u32, ColumnType, &[Metric]); 5] = [
    (101, ColumnType::FloatVector, &FLOATS),
    (102, ColumnType::Float16Vector, &FLOATS),
    (103, ColumnType::BFloat16Vector, &FLOATS),
    (105, ColumnType::Int8Vector, &FLOATS),
    (100, ColumnType::BinaryVector, &BITS),
];

fn segment_of(data: &Data, number: u32) -> Segment {
    let schema = json!([
        { "id": VECTOR, "type": number, "dim": data.dim },
        { "id": KEY, "type": 5, "primary": true },
    ]);
    let keys = Column {
        id: KEY,
        values: Values::Int64(Buffer::Owned((0..data.row_count() as i64).collect())),
        valid: None,
    };
    let schema = Arc::new(Schema::parse(&schema.to_string()).expect("a schema"));
    let timestamps = Buffer::Owned(vec![1; data.row_count()]);
    Segment::sealed(schema, Chunk::of(vec![data.column().1, keys], timestamps))
}

/// Bytes of a query as its column has them.
fn encoded(data: &Data, query: &[f32]) -> Vec<u8> {
    let one = Data {
        rows: query.to_vec(),
        queries: Vec::new(),
        valid: None,
        ..*data
    };
    match one.column().1.values {
        Values::Packed { bytes, .. } => bytes.to_vec(),
        _ => query.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn request(metric: Metric, vectors: Vec<u8>) -> SearchRequest {
    SearchRequest {
        field_id: VECTOR,
        metric,
        vectors,
        limit: K,
        read_timestamp: 10,
        ..plain_search()
    }
}

/// Hits of each query.
fn answers(segment: &Segment, request: &SearchRequest) -> Vec<Vec<(u32, f32)>> {
    let reply = search(&[segment.snapshot()], request).expect("a reply");
    let Ok(Keys::Int64(keys)) = Keys::decode(&reply.ids) else {
        panic!("integers")
    };
    let scores = reply.scores.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut hits = keys.into_iter().map(|key| key as u32).zip(scores);
    let take = |count: &u32| hits.by_ref().take(*count as usize).collect();
    reply.topks.iter().map(take).collect()
}

/// Queries whose bits some rows have all of, or have nothing else.
fn queries_of(data: &Data, metric: Metric) -> Vec<Vec<f32>> {
    let masked = |query: &[f32], row: &[f32]| match metric {
        Metric::Substructure => query.iter().zip(row).map(|(query, row)| query.min(*row)).collect(),
        Metric::Superstructure => query.iter().zip(row).map(|(query, row)| query.max(*row)).collect(),
        _ => query.to_vec(),
    };
    data.queries().enumerate().map(|(at, query)| masked(query, data.row(at))).collect()
}

#[test]
fn answers_of_the_scan_are_the_golden_ones() {
    let mut lines = format!("# of {QUERIES} queries: hits, the sum of their keys and of their scores; k {K}; 3000 x 64\n");
    for (number, kind, metrics) in CASES {
        let data = Data {
            kind,
            ..clustered(3_000, 64, 17)
        };
        let segment = segment_of(&data, number);
        for &metric in metrics {
            let queries = queries_of(&data, metric);
            let bytes: Vec<Vec<u8>> = queries.iter().map(|query| encoded(&data, query)).collect();
            let alone: Vec<Vec<(u32, f32)>> = bytes
                .iter()
                .flat_map(|query| answers(&segment, &request(metric, query.clone())))
                .collect();
            assert_eq!(
                answers(&segment, &request(metric, bytes.concat())),
                alone,
                "{kind:?} {metric:?}: all at once"
            );
            if !matches!(metric, Metric::Substructure | Metric::Superstructure) {
                for (query, hits) in queries.iter().zip(&alone) {
                    let exact = data.exact(metric, query, K, |_| true);
                    assert_eq!(check(&data, metric, query, hits, &exact), K, "{kind:?} {metric:?}");
                }
            } else {
                let lies_within = |part: &[u8], whole: &[u8]| part.iter().zip(whole).all(|(part, whole)| part & !whole == 0);
                for ((query, hits), row) in bytes.iter().zip(&alone).zip(0u32..) {
                    assert!(
                        hits.iter().any(|hit| hit.0 == row) || hits.len() == K,
                        "the row that the query was made of"
                    );
                    for (hit, _) in hits {
                        let bits = bits_of(data.row(*hit as usize));
                        let holds = match metric {
                            Metric::Substructure => lies_within(query, &bits),
                            _ => lies_within(&bits, query),
                        };
                        assert!(holds, "{metric:?}");
                    }
                }
            }
            let hits: Vec<(u32, f32)> = alone.concat();
            let keys: u64 = hits.iter().map(|hit| u64::from(hit.0)).sum();
            let scores: f64 = hits.iter().map(|hit| f64::from(hit.1)).sum();
            lines += &format!("{kind:?}, {metric:?}: hits {}, keys {keys}, scores {scores:.3}\n", hits.len());
        }
    }
    compare_golden("scan.txt", &lines);
}
