//! Exact searches of vectors that are kept as bytes, against scores computed value by value.

use super::plain_search;
use std::sync::Arc;

use serde_json::json;

use crate::distance::Metric;
use crate::filter::tests::random::Random;
use crate::index::sparse::query::Bm25;
use crate::index::sparse::tests::plan as sparse_plan;
use crate::index::vector_index;
use crate::index::vectors::Vectors;
use crate::search::request::SearchRequest;
use crate::search::search;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::rows::Rows;
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;
use crate::segment::{IndexSlot, Keys, SegmentSnapshot};

const KEY: u32 = 100;
const VECTOR: u32 = 101;
const BINARY: u32 = 100;
const FLOAT16: u32 = 102;
const BFLOAT16: u32 = 103;
const SPARSE: u32 = 104;
const INT8: u32 = 105;

/// Values that every type but bits holds exactly.
fn bytes_of(kind: u32, values: &[i8]) -> Vec<u8> {
    match kind {
        // 1.0 is 0x3c00, and integers below 2048 are exact: sign, exponent, fraction by hand.
        FLOAT16 => values.iter().flat_map(|&value| half(value).to_le_bytes()).collect(),
        BFLOAT16 => values
            .iter()
            .flat_map(|&value| ((f32::from(value).to_bits() >> 16) as u16).to_le_bytes())
            .collect(),
        INT8 => values.iter().map(|&value| value as u8).collect(),
        SPARSE => (0u32..)
            .zip(values)
            .filter(|(_, value)| **value > 0)
            .flat_map(|(index, &value)| [(index * 1000).to_le_bytes(), f32::from(value).to_le_bytes()].concat())
            .collect(),
        _ => values.iter().map(|&value| value as u8).collect(),
    }
}

fn half(value: i8) -> u16 {
    if value == 0 {
        return 0;
    }
    let sign = if value < 0 { 0x8000 } else { 0 };
    let size = u32::from(value.unsigned_abs());
    let exponent = size.ilog2();
    let fraction = ((size << 10) >> exponent) as u16 & 0x3ff;
    sign | (exponent as u16 + 15) << 10 | fraction
}

fn score(kind: u32, metric: Metric, left: &[i8], right: &[i8]) -> Option<f64> {
    let pairs = || left.iter().zip(right).map(|(&left, &right)| (f64::from(left), f64::from(right)));
    let bits = |of: fn(u8, u8) -> u8| {
        let pairs = left.iter().zip(right);
        f64::from(pairs.map(|(&left, &right)| of(left as u8, right as u8).count_ones()).sum::<u32>())
    };
    let norm = |values: &[i8]| values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    Some(match metric {
        Metric::Ip if kind == SPARSE => {
            let product: f64 = pairs().map(|(left, right)| left.max(0.0) * right.max(0.0)).sum();
            return (product > 0.0).then_some(product);
        }
        Metric::Bm25 => {
            let length: f64 = right.iter().map(|&value| f64::from(value.max(0))).sum();
            let Bm25 { k1, b, average_length } = Bm25::default();
            let norm = f64::from(k1) * (1.0 - f64::from(b) + f64::from(b) * length / f64::from(average_length));
            let shared = pairs().filter(|&(left, right)| left > 0.0 && right > 0.0);
            let score: f64 = shared
                .map(|(left, right)| left * right * (f64::from(k1) + 1.0) / (right + norm))
                .sum();
            return (score > 0.0).then_some(score);
        }
        Metric::Ip => pairs().map(|(left, right)| left * right).sum(),
        Metric::L2 => pairs().map(|(left, right)| (left - right).powi(2)).sum(),
        Metric::Cosine => {
            let norms = norm(left) * norm(right);
            if norms == 0.0 {
                0.0
            } else {
                pairs().map(|(left, right)| left * right).sum::<f64>() / norms
            }
        }
        Metric::Hamming => bits(|left, right| left ^ right),
        Metric::Jaccard => match bits(|left, right| left | right) {
            0.0 => 0.0,
            either => 1.0 - bits(|left, right| left & right) / either,
        },
        Metric::Substructure => return (bits(|left, right| left & !right) == 0.0).then_some(0.0),
        Metric::Superstructure => return (bits(|left, right| right & !left) == 0.0).then_some(0.0),
    })
}

struct World {
    kind: u32,
    segments: Vec<Segment>,
    /// By key; None: null.
    vectors: Vec<Option<Vec<i8>>>,
    width: usize,
}

fn values(random: &mut Random, width: usize) -> Vec<i8> {
    (0..width).map(|_| random.below(21) as i8 - 10).collect()
}

impl World {
    fn random(random: &mut Random, kind: u32) -> World {
        let width = [1, 3, 8, 13][random.below(4)];
        let dim = if kind == BINARY { width * 8 } else { width };
        let schema = json!([
            { "id": KEY, "type": 5, "primary": true },
            { "id": VECTOR, "type": kind, "dim": dim, "nullable": true },
        ]);
        let schema = Arc::new(Schema::parse(&schema.to_string()).expect("a schema"));
        let mut world = World {
            kind,
            segments: Vec::new(),
            vectors: Vec::new(),
            width,
        };
        for sealed in [true, false, true] {
            let count = [0, 1, 50, 2500][random.below(4)];
            let first = world.vectors.len();
            let vectors: Vec<Option<Vec<i8>>> = (0..count).map(|_| (random.below(5) > 0).then(|| values(random, width))).collect();
            let columns = world.columns(first, &vectors);
            world.segments.push(if sealed {
                let timestamps = Buffer::Owned(vec![1; count]);
                Segment::sealed(Arc::clone(&schema), Chunk::of(columns, timestamps))
            } else {
                let segment = Segment::growing(Arc::clone(&schema));
                let rows = Rows {
                    schema: Arc::clone(&schema),
                    row_count: count,
                    columns,
                    given_keys: None,
                };
                segment.append(rows, 1).expect("a growing segment");
                segment
            });
            world.vectors.extend(vectors);
        }
        world
    }

    fn columns(&self, first: usize, vectors: &[Option<Vec<i8>>]) -> Vec<Column> {
        let empty = vec![0; self.width];
        let rows: Vec<Vec<u8>> = vectors
            .iter()
            .map(|vector| match (vector, self.kind) {
                (None, SPARSE) => Vec::new(),
                (vector, kind) => bytes_of(kind, vector.as_ref().unwrap_or(&empty)),
            })
            .collect();
        let values = if self.kind == SPARSE {
            let mut offsets = vec![0u64];
            rows.iter()
                .for_each(|row| offsets.push(offsets[offsets.len() - 1] + row.len() as u64));
            Values::Bytes {
                offsets: offsets.into(),
                bytes: rows.concat().into(),
            }
        } else {
            Values::Packed {
                width: bytes_of(self.kind, &empty).len(),
                bytes: rows.concat().into(),
            }
        };
        let keys = (first as i64..(first + vectors.len()) as i64).collect();
        vec![
            Column {
                id: KEY,
                values: Values::Int64(Buffer::Owned(keys)),
                valid: None,
            },
            Column {
                id: VECTOR,
                values,
                valid: Some(vectors.iter().map(|vector| u8::from(vector.is_some())).collect::<Vec<_>>().into()),
            },
        ]
    }

    fn request(&self, metric: Metric, queries: &[Vec<i8>]) -> SearchRequest {
        let queries: Vec<Vec<u8>> = queries.iter().map(|query| bytes_of(self.kind, query)).collect();
        SearchRequest {
            field_id: VECTOR,
            metric,
            lengths: (self.kind == SPARSE).then(|| queries.iter().map(|query| query.len() as u32).collect()),
            vectors: queries.concat(),
            limit: 7,
            offset: 1,
            read_timestamp: 10,
            ..plain_search()
        }
    }

    fn index_sealed(&self, metric: Metric) {
        for segment in &self.segments {
            let snapshot = segment.snapshot();
            let (true, [chunk]) = (snapshot.sealed, &snapshot.chunks[..]) else {
                continue;
            };
            let vectors = Vectors::of(&snapshot.schema.columns[1], &chunk.columns[1], chunk.row_count).expect("vectors");
            let index = vector_index::build(&vectors, &sparse_plan(metric, "")).expect("an index");
            let index = Arc::new(index);
            segment.put_index(VECTOR, IndexSlot { index, byte_size: 1 });
        }
    }

    /// Keys and scores of a query, best first, ties by key.
    fn expected(&self, metric: Metric, query: &[i8]) -> Vec<(i64, f64)> {
        let mut hits: Vec<(i64, f64)> = (0i64..)
            .zip(&self.vectors)
            .filter_map(|(key, vector)| Some((key, score(self.kind, metric, query, vector.as_ref()?)?)))
            .collect();
        let better = |score: f64| if metric.higher_is_better() { -score } else { score };
        hits.sort_by(|left, right| better(left.1).total_cmp(&better(right.1)).then(left.0.cmp(&right.0)));
        hits.into_iter().skip(1).take(7).collect()
    }
}

fn snapshots(world: &World) -> Vec<SegmentSnapshot> {
    world.segments.iter().map(Segment::snapshot).collect()
}

#[test]
fn the_nearest_rows_are_found() {
    let mut random = Random::new(11);
    for (kind, metrics) in [
        (
            BINARY,
            vec![Metric::Hamming, Metric::Jaccard, Metric::Substructure, Metric::Superstructure],
        ),
        (FLOAT16, vec![Metric::L2, Metric::Ip, Metric::Cosine]),
        (BFLOAT16, vec![Metric::L2, Metric::Ip, Metric::Cosine]),
        (INT8, vec![Metric::L2, Metric::Ip, Metric::Cosine]),
        (SPARSE, vec![Metric::Ip, Metric::Bm25]),
    ] {
        for _ in 0..20 {
            let world = World::random(&mut random, kind);
            let queries: Vec<Vec<i8>> = (0..[1, 2, 40][random.below(3)]).map(|_| values(&mut random, world.width)).collect();
            for &metric in &metrics {
                if kind == SPARSE && random.below(2) == 0 {
                    world.index_sealed(metric);
                }
                let reply = search(&snapshots(&world), &world.request(metric, &queries)).expect("a reply");
                let Ok(Keys::Int64(keys)) = Keys::decode(&reply.ids) else {
                    panic!("integers")
                };
                let scores = reply.scores.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                let mut hits = keys.into_iter().zip(scores);
                for (query, topk) in queries.iter().zip(&reply.topks) {
                    let expected = world.expected(metric, query);
                    assert_eq!(*topk as usize, expected.len());
                    for (key, score) in expected {
                        let hit = hits.next().expect("a hit");
                        assert!(
                            (f64::from(hit.1) - score).abs() < 1e-5 * score.abs().max(1.0),
                            "{kind} {metric:?}: {hit:?}, {key} {score}"
                        );
                        // Cosines and the like that should be equal may differ in their last bit, zeros in their sign, and then come in another order.
                        assert!(
                            matches!(metric, Metric::Cosine | Metric::Bm25) || score == 0.0 || hit.0 == key,
                            "{kind} {metric:?}: {hit:?}, {key} {score}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut random = Random::new(12);
    let kind_of = |world: &World, request: &SearchRequest| search(&snapshots(world), request).map_err(|failure| failure.kind);
    for kind in [BINARY, FLOAT16, BFLOAT16, INT8, SPARSE] {
        let world = World::random(&mut random, kind);
        let query = values(&mut random, world.width);
        let wrong = if kind == BINARY { Metric::L2 } else { Metric::Hamming };
        assert_eq!(
            kind_of(&world, &world.request(wrong, std::slice::from_ref(&query))),
            Err("malformed")
        );
        let mut request = world.request(Metric::Ip, &[query]);
        if kind == BINARY {
            request.metric = Metric::Jaccard;
        }
        request.vectors.push(1);
        let refused = kind_of(&world, &request);
        // A row of one byte takes any number of bytes: there are only more queries.
        assert!(refused.is_err() || world.width == 1, "{kind}");
        if kind == SPARSE {
            request.lengths = Some(vec![request.vectors.len() as u32]);
            assert_eq!(kind_of(&world, &request), Err("sparseLength"));
        }
    }
}
