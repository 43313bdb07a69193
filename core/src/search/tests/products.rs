//! A scan for many queries by products of matrices finds what a scan of each pair finds, to the last bit.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use serde_json::json;

use crate::distance::{Metric, kernels};
use crate::filter::tests::random::{Random, seed};
use crate::index::row_set::RowSet;
use crate::search::dense::{DenseQuery, DenseRows, QueryValues, Vectors};
use crate::search::products;
use crate::search::scan::{Wanted, scan_in_blocks};
use crate::search::top::Order;
use crate::search::visible::{Sight, Visible};
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;

const METRICS: [Metric; 3] = [Metric::L2, Metric::Ip, Metric::Cosine];

/// Kinds of vectors that make it hard to dismiss just the right pairs.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Spread,
    /// Far from zero and near each other, so that products of norms dwarf the distances.
    Far,
    /// A few vectors again and again.
    Twins,
    /// From so small to so large that products leave the range of float32; some are zero.
    Wild,
}

fn unit(random: &mut Random) -> f32 {
    (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn vector(random: &mut Random, shape: Shape, dim: usize) -> Vec<f32> {
    match shape {
        Shape::Spread => (0..dim).map(|_| unit(random)).collect(),
        Shape::Far => (0..dim).map(|_| 1000.0 + unit(random)).collect(),
        Shape::Twins => {
            let mut twin = Random::new(random.next() % 5);
            (0..dim).map(|_| unit(&mut twin)).collect()
        }
        Shape::Wild => {
            let size = random.pick(&[0.0, 1e-30, 1e-18, 1e-3, 1.0, 1e10, 1e16, 1e19]);
            (0..dim).map(|_| size * unit(random)).collect()
        }
    }
}

/// All hits of both ways are the same.
fn check(random: &mut Random, order: &Order, rows: &DenseRows, queries: &[QueryValues], row_count: usize, what: &str) {
    for metric in METRICS {
        let queries: Vec<DenseQuery> = queries
            .iter()
            .map(|&values| {
                let floats: Vec<f32> = match values {
                    QueryValues::Floats(floats) => floats.to_vec(),
                    QueryValues::Int8(bytes) => bytes.iter().map(|&value| value.into()).collect(),
                    QueryValues::Bits(_) => unreachable!("numbers"),
                };
                let inverse_norm = if metric == Metric::Cosine {
                    kernels().inverse_norm(&floats)
                } else {
                    1.0
                };
                DenseQuery { values, inverse_norm }
            })
            .collect();
        let mut wanted = Wanted {
            metric,
            radius: None,
            range_filter: None,
            limit: random.pick(&[1, 10, 100]),
        };
        let bounds = || -> Vec<AtomicU32> { queries.iter().map(|_| AtomicU32::new(u32::MAX)).collect() };
        let start = random.below(row_count);
        let range = start..start + random.below(row_count - start + 1);
        let plain = scan_in_blocks(rows, range.clone(), &queries, &wanted, order, &bounds());
        if random.below(2) == 0 {
            // A radius that cuts some hits off.
            wanted.radius = plain[0].hits.last().map(|hit| crate::search::top::score_of(metric, hit.rank));
        }
        let plain = scan_in_blocks(rows, range.clone(), &queries, &wanted, order, &bounds());
        let by_products = products::scan(rows, range, &queries, &wanted, order, &bounds());
        for (at, (plain, by_products)) in plain.iter().zip(&by_products).enumerate() {
            assert_eq!(
                (&plain.hits, plain.cut),
                (&by_products.hits, by_products.cut),
                "{metric:?} query {at}, {wanted:?}, {what}"
            );
        }
    }
}

#[test]
fn products_dismiss_no_hit() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for case in 0..40 {
        let shape = random.pick(&[Shape::Spread, Shape::Far, Shape::Twins, Shape::Wild]);
        let dim = random.pick(&[1, 7, 16, 100, 300]);
        let row_count = random.pick(&[1, 63, 64, 65, 700]);
        let schema = json!([{ "id": 100, "type": 5, "primary": true }, { "id": 101, "type": 101, "dim": dim, "nullable": true }]);
        let schema = Arc::new(Schema::parse(&schema.to_string()).expect("a schema"));
        let floats: Vec<f32> = (0..row_count).flat_map(|_| vector(&mut random, shape, dim)).collect();
        let valid: Vec<u8> = (0..row_count).map(|_| u8::from(random.below(9) > 0)).collect();
        let columns = vec![
            Column {
                id: 100,
                values: Values::Int64(Buffer::Owned((0..row_count as i64).rev().collect())),
                valid: None,
            },
            Column {
                id: 101,
                values: Values::Vectors {
                    dim,
                    values: floats.clone().into(),
                },
                valid: (random.below(2) == 0).then(|| valid.into()),
            },
        ];
        let segment = Segment::sealed(schema, Chunk::of(columns, Buffer::Owned(vec![1; row_count])));
        let snapshots = [segment.snapshot()];
        let snapshot = &snapshots[0];
        let sight = Sight::new(&snapshots, 10, None, None).expect("a sight");
        let parts = sight.parts(&snapshots);
        let order = Order { parts: &parts, primary: 0 };
        let visible = match random.below(3) {
            0 => Visible::All(row_count),
            1 => Visible::Few((0..row_count as u32).filter(|_| random.below(3) == 0).collect()),
            _ => Visible::Set(RowSet::from_fn(row_count, |_| random.below(3) > 0)),
        };
        let queries: Vec<f32> = (0..15).flat_map(|_| vector(&mut random, shape, dim)).collect();
        let halves: Vec<[u8; 2]> = floats.iter().map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes()).collect();
        let small: Vec<[u8; 2]> = floats.iter().map(|value| (value.to_bits() as u16 & 0xbbff).to_le_bytes()).collect();
        let codes = |floats: &[f32]| -> Vec<i8> { floats.iter().map(|value| (value * 100.0) as i8).collect() };
        let (row_codes, query_codes) = (codes(&floats), codes(&queries));
        let float_queries: Vec<QueryValues> = queries.chunks_exact(dim).map(QueryValues::Floats).collect();
        let code_queries: Vec<QueryValues> = query_codes.chunks_exact(dim).map(QueryValues::Int8).collect();
        for (vectors, queries) in [
            (Vectors::Floats(&floats), &float_queries),
            (Vectors::Bfloat16(&halves), &float_queries),
            (Vectors::Binary16(&small), &float_queries),
            (Vectors::Int8(&row_codes), &code_queries),
        ] {
            let rows = DenseRows {
                part: 0,
                column: &snapshot.chunks[0].columns[1],
                vectors,
                width: dim,
                visible: &visible,
            };
            let what = format!("{shape:?} of {dim}, {row_count} rows, case {case}, seed {seed}");
            check(&mut random, &order, &rows, queries, row_count, &what);
        }
    }
}
