//! The exact way for vectors that are kept as bytes: 16-bit floats, int8, bits and sparse vectors.
//!
//! Those with all their values meet the kernels of their kind as they are (`scan`). Sparse rows are scored as `index::sparse::query` says: one that shares
//! no index with a query is no hit, as in Milvus.

use std::ops::Range;
use std::sync::atomic::AtomicU32;

use super::dense::{DenseQuery, DenseRows, QueryValues, Vectors};
use super::scan::{Wanted, scan_dense};
use super::top::{Found, Hit, Order, Top, rank};
use super::visible::Visible;
use crate::distance::{Metric, kernels};
use crate::failure::{Failure, Outcome};
use crate::index::sparse::query::{Bm25, SparseQuery};
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnSchema, ColumnType};
use crate::segment::{check_sparse, float_of_half};

const BLOCK_ROWS: usize = 1024;

/// A query vector, as its column's rows are compared with it.
pub enum ByteQuery<'a> {
    /// 16-bit floats or int8, which `bytes` has as they came; `inverse_norm` is 1 unless the metric is COSINE.
    Floats {
        vector: Vec<f32>,
        bytes: &'a [u8],
        inverse_norm: f32,
    },
    Bits(&'a [u8]),
    Sparse(SparseQuery<'a>),
}

/// Whether rows of the column can be ranked by the metric.
pub fn ranks_by(kind: ColumnType, metric: Metric) -> bool {
    match kind {
        ColumnType::BinaryVector => !matches!(metric, Metric::L2 | Metric::Ip | Metric::Cosine | Metric::Bm25),
        ColumnType::SparseFloatVector => matches!(metric, Metric::Ip | Metric::Bm25),
        _ => matches!(metric, Metric::L2 | Metric::Ip | Metric::Cosine),
    }
}

impl<'a> ByteQuery<'a> {
    /// Kinds: `queryDim`, those of a sparse vector.
    pub fn new(column: &ColumnSchema, metric: Metric, bm25: Option<Bm25>, bytes: &'a [u8]) -> Outcome<Self> {
        if column.kind == ColumnType::SparseFloatVector {
            check_sparse(bytes).map_err(|failure| Failure {
                field_id: Some(column.id),
                ..failure
            })?;
            let bm25 = (metric == Metric::Bm25).then(|| bm25.unwrap_or_default());
            return Ok(ByteQuery::Sparse(SparseQuery::new(bytes, bm25)));
        }
        let width = column.kind.width(column.dim).unwrap_or(0);
        if bytes.len() != width {
            return Err(Failure::of_field("queryDim", column.id, vec![bytes.len().into(), width.into()]));
        }
        if column.kind == ColumnType::BinaryVector {
            return Ok(ByteQuery::Bits(bytes));
        }
        let mut vector = Vec::new();
        floats_of(column.kind, bytes, &mut vector);
        let inverse_norm = inverse_norm(metric, &vector);
        Ok(ByteQuery::Floats {
            vector,
            bytes,
            inverse_norm,
        })
    }

    /// None of a sparse vector.
    fn dense(&self, kind: ColumnType) -> Option<DenseQuery<'_>> {
        match self {
            ByteQuery::Floats {
                vector,
                bytes,
                inverse_norm,
            } => Some(DenseQuery {
                values: match kind {
                    ColumnType::Int8Vector => QueryValues::Int8(bytemuck::cast_slice(bytes)),
                    _ => QueryValues::Floats(vector),
                },
                inverse_norm: *inverse_norm,
            }),
            ByteQuery::Bits(bits) => Some(DenseQuery {
                values: QueryValues::Bits(bits),
                inverse_norm: 1.0,
            }),
            ByteQuery::Sparse(_) => None,
        }
    }
}

/// 1 unless the metric is COSINE.
fn inverse_norm(metric: Metric, vector: &[f32]) -> f32 {
    if metric == Metric::Cosine {
        kernels().inverse_norm(vector)
    } else {
        1.0
    }
}

fn floats_of(kind: ColumnType, bytes: &[u8], out: &mut Vec<f32>) {
    out.clear();
    match kind {
        ColumnType::Int8Vector => out.extend(bytes.iter().map(|&byte| f32::from(byte as i8))),
        _ => out.extend(
            bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|half| float_of_half(kind, u16::from_le_bytes(*half))),
        ),
    }
}

/// Vectors of a part and the rows of it that count.
pub struct ByteRows<'a> {
    pub part: u32,
    pub column: &'a Column,
    pub kind: ColumnType,
    pub visible: &'a Visible,
}

/// The hits of each query among `range` of the rows.
pub fn scan_bytes(
    rows: &ByteRows,
    range: Range<usize>,
    queries: &[&ByteQuery],
    wanted: &Wanted,
    order: &Order,
    bounds: &[AtomicU32],
) -> Vec<Found> {
    let dense: Option<Vec<DenseQuery>> = queries.iter().map(|query| query.dense(rows.kind)).collect();
    match (dense, Vectors::of(rows.kind, &rows.column.values)) {
        (Some(queries), Some(vectors)) => {
            let Values::Packed { width, .. } = rows.column.values else {
                unreachable!("vectors that are kept as bytes")
            };
            let rows = DenseRows {
                part: rows.part,
                column: rows.column,
                width: width / vectors.value_bytes(),
                vectors,
                visible: rows.visible,
            };
            scan_dense(&rows, range, &queries, wanted, order, bounds)
        }
        _ => scan_sparse(rows, range, queries, wanted, order, bounds),
    }
}

fn scan_sparse(
    rows: &ByteRows,
    range: Range<usize>,
    queries: &[&ByteQuery],
    wanted: &Wanted,
    order: &Order,
    bounds: &[AtomicU32],
) -> Vec<Found> {
    let mut tops: Vec<Top> = bounds.iter().map(|bound| Top::sharing(wanted.limit, bound)).collect();
    let mut block = Vec::new();
    let mut start = range.start;
    while start < range.end {
        block.clear();
        start = rows.visible.take(start..range.end, BLOCK_ROWS, &mut block);
        for &row in block.iter().filter(|&&row| rows.column.is_valid(row as usize)) {
            let pairs = rows.column.values.bytes_at(row as usize);
            for (query, top) in queries.iter().zip(&mut tops) {
                let ByteQuery::Sparse(query) = query else {
                    unreachable!("a query of the rows' kind")
                };
                let score = query.score(pairs);
                if score > 0.0 && wanted.accepts(score) {
                    let hit = Hit {
                        rank: rank(wanted.metric, score),
                        part: rows.part,
                        row,
                    };
                    top.push(hit, order);
                }
            }
        }
    }
    tops.into_iter().map(|top| top.finish(order)).collect()
}
