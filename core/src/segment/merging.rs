//! Plans how sealed segments become others: which rows are kept, and into which output each goes.
//!
//! A row is left out when nobody sees it any more: deleted at or before a given moment, or expired. The others go, with their times of writing, into outputs
//! that hold consecutive ranges of the primary key, or of a clustering column (nulls first); each output is in the order (key, time of writing), as every
//! sealed segment. The plan costs a few bytes a row; columns are copied block by block as the files are written (`sealing.rs`).

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::prelude::*;

use super::chunk::Chunk;
use super::column::{Column, Values};
use super::expiry::{Expired, Expiry};
use super::schema::Schema;
use super::sealing::{Origin, Sealing, Source, all_rows, order_of};
use super::snapshot::SegmentSnapshot;
use crate::failure::{Failure, Outcome};

/// Same as `CoreMerge` in `src/engine/core.ts`.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Rows deleted at or before this timestamp are left out.
    pub drop_deleted_up_to: u64,
    pub expiry: Option<Expiry>,
    /// About how many bytes an output has at most.
    pub target_bytes: u64,
    pub clustering: Option<u32>,
}

pub struct Merging {
    /// None when no row is left.
    pub outputs: Vec<Sealing>,
    pub dropped_rows: usize,
}

/// Kind `malformed`: segments that grow or have different schemas, or a column that is none.
pub fn merge(segments: &[SegmentSnapshot], merge: &Merge) -> Outcome<Merging> {
    let schema = segments.first().map(|segment| Arc::clone(&segment.schema));
    let Some(schema) = schema.filter(|schema| {
        segments
            .iter()
            .all(|segment| segment.sealed && has_columns_of(&segment.schema, schema))
    }) else {
        return Err(Failure::malformed("only sealed segments of one schema are merged"));
    };
    let expired = merge.expiry.as_ref().map(|expiry| expiry.bind(&schema)).transpose()?;
    let clustering = match merge.clustering {
        None => None,
        Some(id) => Some(schema.position(id).ok_or_else(|| Failure::malformed(format!("no column {id}")))?),
    };
    let chunks: Vec<Arc<Chunk>> = segments.iter().flat_map(|segment| segment.chunks.iter().cloned()).collect();
    let keeps = |origin: &Origin| {
        keeps(
            &chunks[origin.chunk as usize],
            origin.row as usize,
            merge.drop_deleted_up_to,
            expired.as_ref(),
        )
    };
    let kept: Vec<Origin> = all_rows(&chunks).filter(keeps).collect();
    let row_count: usize = chunks.iter().map(|chunk| chunk.row_count).sum();
    let dropped_rows = row_count - kept.len();
    let source = || Source {
        schema: Arc::clone(&schema),
        chunks: chunks.clone(),
    };
    if kept.is_empty() {
        let outputs = Vec::new();
        return Ok(Merging { outputs, dropped_rows });
    }
    let parts = bytes_of(&source(), kept.len(), row_count).div_ceil(merge.target_bytes.max(1));
    let rows_a_part = kept
        .len()
        .div_ceil(usize::try_from(parts).unwrap_or(usize::MAX).clamp(1, kept.len()));
    let ordered = match clustering {
        None => order_of(&source(), kept),
        Some(at) => by_column(&chunks, at, kept),
    };
    let outputs = ordered.chunks(rows_a_part).map(|rows| {
        let rows = rows.to_vec();
        let order = if clustering.is_some() { order_of(&source(), rows) } else { rows };
        Sealing::of_rows(source(), order)
    });
    Ok(Merging {
        outputs: outputs.collect(),
        dropped_rows,
    })
}

fn has_columns_of(schema: &Schema, other: &Schema) -> bool {
    schema.columns.len() == other.columns.len()
        && schema
            .columns
            .iter()
            .zip(&other.columns)
            .all(|(one, other)| one.id == other.id && one.has_values_of(other))
}

fn keeps(chunk: &Chunk, row: usize, drop_deleted_up_to: u64, expired: Option<&Expired>) -> bool {
    chunk.deletes.at(row) > drop_deleted_up_to && !expired.is_some_and(|expired| expired.has(chunk, row))
}

/// About how many bytes so many of all rows take in a file.
fn bytes_of(source: &Source, kept: usize, row_count: usize) -> u64 {
    let bytes = source
        .chunks
        .iter()
        .flat_map(|chunk| &chunk.columns)
        .map(|column| column.spread_size() as u128);
    (bytes.sum::<u128>() * kept as u128 / row_count.max(1) as u128) as u64
}

/// The rows in the order of a column's values.
fn by_column(chunks: &[Arc<Chunk>], at: usize, mut rows: Vec<Origin>) -> Vec<Origin> {
    let of = |origin: &Origin| (&*chunks[origin.chunk as usize].columns[at], origin.row as usize);
    rows.par_sort_unstable_by(|one, other| compare(of(one), of(other)).then_with(|| one.cmp(other)));
    rows
}

/// Null is before every value.
fn compare((one, row): (&Column, usize), (other, other_row): (&Column, usize)) -> Ordering {
    let valid = one.is_valid(row).cmp(&other.is_valid(other_row));
    if valid != Ordering::Equal || !one.is_valid(row) {
        return valid;
    }
    match (&one.values, &other.values) {
        (Values::Bool(a), Values::Bool(b)) => a[row].cmp(&b[other_row]),
        (Values::Int8(a), Values::Int8(b)) => a[row].cmp(&b[other_row]),
        (Values::Int16(a), Values::Int16(b)) => a[row].cmp(&b[other_row]),
        (Values::Int32(a), Values::Int32(b)) => a[row].cmp(&b[other_row]),
        (Values::Int64(a), Values::Int64(b)) => a[row].cmp(&b[other_row]),
        (Values::Float(a), Values::Float(b)) => a[row].total_cmp(&b[other_row]),
        (Values::Double(a), Values::Double(b)) => a[row].total_cmp(&b[other_row]),
        (Values::Bytes { .. } | Values::Repeated { .. }, Values::Bytes { .. } | Values::Repeated { .. }) => {
            one.values.bytes_at(row).cmp(other.values.bytes_at(other_row))
        }
        // Vectors have no order: rows stay as they are.
        _ => Ordering::Equal,
    }
}
