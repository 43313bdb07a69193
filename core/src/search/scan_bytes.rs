//! The exact way for vectors that are kept as bytes: 16-bit floats, int8, bits and sparse vectors. Each visible row is read once for all queries.
//!
//! 16-bit floats and int8 become float32 and meet the float kernels; bits are compared word by word; a sparse row meets a query where both have an index.
//! A sparse row that shares no index with a query is no hit, as in Milvus.

use std::ops::Range;

use super::scan::Wanted;
use super::top::{Found, Hit, Order, Top, rank};
use super::visible::Visible;
use crate::distance::{Metric, kernels};
use crate::failure::{Failure, Outcome};
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnSchema, ColumnType};
use crate::segment::{check_sparse, float_of_half, pair_of};

const BLOCK_ROWS: usize = 1024;

/// A query vector, as its column's rows are compared with it.
pub enum ByteQuery<'a> {
    Floats { vector: Vec<f32>, inverse_norm: f32 },
    Bits(&'a [u8]),
    Sparse(&'a [u8]),
}

/// Whether rows of the column can be ranked by the metric.
pub fn ranks_by(kind: ColumnType, metric: Metric) -> bool {
    match kind {
        ColumnType::BinaryVector => matches!(metric, Metric::Hamming | Metric::Jaccard),
        ColumnType::SparseFloatVector => metric == Metric::Ip,
        _ => matches!(metric, Metric::L2 | Metric::Ip | Metric::Cosine),
    }
}

impl<'a> ByteQuery<'a> {
    /// Kinds: `queryDim`, those of a sparse vector.
    pub fn new(column: &ColumnSchema, metric: Metric, bytes: &'a [u8]) -> Outcome<Self> {
        if column.kind == ColumnType::SparseFloatVector {
            check_sparse(bytes).map_err(|failure| Failure {
                field_id: Some(column.id),
                ..failure
            })?;
            return Ok(ByteQuery::Sparse(bytes));
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
        Ok(ByteQuery::Floats { vector, inverse_norm })
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

impl<'a> ByteRows<'a> {
    fn bytes(&self, row: usize) -> &'a [u8] {
        match &self.column.values {
            Values::Packed { width, bytes } => &bytes[row * width..(row + 1) * width],
            values => values.bytes_at(row),
        }
    }
}

/// The hits of each query among `range` of the rows.
pub fn scan_bytes(rows: &ByteRows, range: Range<usize>, queries: &[&ByteQuery], wanted: &Wanted, order: &Order) -> Vec<Found> {
    let mut tops: Vec<Top> = queries.iter().map(|_| Top::new(wanted.limit)).collect();
    let mut block = Vec::new();
    let mut floats = Vec::new();
    let mut start = range.start;
    while start < range.end {
        block.clear();
        start = rows.visible.take(start..range.end, BLOCK_ROWS, &mut block);
        for &row in block.iter().filter(|&&row| rows.column.is_valid(row as usize)) {
            let bytes = rows.bytes(row as usize);
            let mut row_inverse_norm = 1.0;
            if matches!(queries.first(), Some(ByteQuery::Floats { .. })) {
                floats_of(rows.kind, bytes, &mut floats);
                row_inverse_norm = inverse_norm(wanted.metric, &floats);
            }
            for (query, top) in queries.iter().zip(&mut tops) {
                let score = match query {
                    ByteQuery::Floats { vector, .. } if wanted.metric == Metric::L2 => Some(kernels().l2(vector, &floats)),
                    ByteQuery::Floats { vector, inverse_norm } => Some(kernels().dot(vector, &floats) * inverse_norm * row_inverse_norm),
                    ByteQuery::Bits(vector) if wanted.metric == Metric::Hamming => Some(hamming(vector, bytes)),
                    ByteQuery::Bits(vector) => Some(jaccard(vector, bytes)),
                    ByteQuery::Sparse(vector) => Some(sparse_product(vector, bytes)).filter(|&product| product > 0.0),
                };
                if let Some(score) = score.filter(|&score| wanted.accepts(score)) {
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

/// Sum of `of` over the words of both.
fn words(left: &[u8], right: &[u8], of: impl Fn(u64, u64) -> u32) -> u32 {
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    let whole = left_words.iter().zip(right_words);
    let sum: u32 = whole
        .map(|(left, right)| of(u64::from_le_bytes(*left), u64::from_le_bytes(*right)))
        .sum();
    let rest = left_rest.iter().zip(right_rest);
    sum + rest.map(|(&left, &right)| of(left.into(), right.into())).sum::<u32>()
}

/// Bits that differ.
fn hamming(left: &[u8], right: &[u8]) -> f32 {
    words(left, right, |left, right| (left ^ right).count_ones()) as f32
}

/// 1 less the share of common bits among those that either has; 0 of two zero vectors.
fn jaccard(left: &[u8], right: &[u8]) -> f32 {
    let either = words(left, right, |left, right| (left | right).count_ones());
    let both = words(left, right, |left, right| (left & right).count_ones());
    if either == 0 { 0.0 } else { 1.0 - both as f32 / either as f32 }
}

fn sparse_product(left: &[u8], right: &[u8]) -> f32 {
    let (mut left, mut right) = (left.as_chunks::<8>().0, right.as_chunks::<8>().0);
    let mut sum = 0.0;
    while let (Some((one, left_rest)), Some((other, right_rest))) = (left.split_first(), right.split_first()) {
        let ((index, value), (other_index, other_value)) = (pair_of(one), pair_of(other));
        if index == other_index {
            sum += value * other_value;
        }
        if index <= other_index {
            left = left_rest;
        }
        if other_index <= index {
            right = right_rest;
        }
    }
    sum
}
