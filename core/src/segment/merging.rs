//! Plans how sealed segments become others: which rows are kept, and into which output each goes.
//!
//! A row is left out when nobody sees it any more: deleted at or before a given moment, or expired. The others go, with their times of writing, into outputs
//! that hold consecutive ranges of the primary key, or of a clustering column (nulls first); each output is in the order (key, time of writing), as every
//! sealed segment. Rows with one key that one request wrote stay together and in their order, since only that tells which of them is the newest; a clustering
//! column ranks them all by the last of them. The plan costs a few bytes a row; columns are copied block by block as the files are written (`sealing.rs`).

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::prelude::*;

use super::chunk::{ALIVE, Chunk};
use super::column::{Column, Values};
use super::expiry::{Expired, Expiry};
use super::layout::{bytes_of, plan_places};
use super::order::{Origin, Source};
use super::schema::Schema;
use super::sealing::{Sealing, text_bytes};
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
    let chunks = segments.iter().flat_map(|segment| segment.chunks.iter().cloned()).collect();
    let source = Source { schema, chunks };
    let keeps = |origin: &Origin| {
        let chunk = &source.chunks[origin.chunk as usize];
        keeps(chunk, origin.row as usize, merge.drop_deleted_up_to, expired.as_ref())
    };
    let kept: Vec<Origin> = source.all_rows().filter(keeps).collect();
    let row_count: usize = source.chunks.iter().map(|chunk| chunk.row_count).sum();
    let dropped_rows = row_count - kept.len();
    let count = output_count(&source, &kept, merge.target_bytes);
    let total = kept.len();
    let sorted = source.sorted(kept);
    let ordered = match clustering {
        None => sorted,
        Some(at) => by_column(&source, at, sorted),
    };
    let ends = (1..=count).map(|part| end_of_twins(&source, &ordered, part * total / count));
    let mut start = 0;
    let outputs = ends.filter_map(|end| {
        let rows = ordered.get(start..end).filter(|rows| !rows.is_empty())?.to_vec();
        start = end;
        let order = if clustering.is_some() { source.sorted(rows) } else { rows };
        Some(Sealing::of_rows(source.clone(), order, merge.drop_deleted_up_to))
    });
    Ok(Merging {
        outputs: outputs.collect(),
        dropped_rows,
    })
}

/// The first place from `end` on that does not divide rows with one key and time of writing.
fn end_of_twins(source: &Source, ordered: &[Origin], end: usize) -> usize {
    let divides = |end: &usize| (1..ordered.len()).contains(end) && source.are_twins(ordered[end - 1], ordered[*end]);
    (end..).find(|end| !divides(end)).unwrap_or(end)
}

/// As many as the bytes of one file of all rows have room in; none for no row.
fn output_count(source: &Source, rows: &[Origin], target_bytes: u64) -> usize {
    let bytes = bytes_of(&plan_places(source, rows.len(), |at| text_bytes(source, at, rows)));
    let count = bytes.div_ceil(target_bytes.max(1));
    usize::try_from(count).map_or(rows.len(), |count| count.min(rows.len()))
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
    let deleted = chunk.deletes.at(row);
    (deleted == ALIVE || deleted > drop_deleted_up_to) && !expired.is_some_and(|expired| expired.has(chunk, row))
}

/// Rows in the order (key, time of writing), put in the order of a column's values.
fn by_column(source: &Source, at: usize, sorted: Vec<Origin>) -> Vec<Origin> {
    let of = |origin: &Origin| (&*source.chunks[origin.chunk as usize].columns[at], origin.row as usize);
    let twins = sorted.chunk_by(|one, other| source.are_twins(*one, *other));
    let ranked = twins.flat_map(|twins| {
        let last = twins.last().copied();
        twins.iter().filter_map(move |origin| last.map(|last| (last, *origin)))
    });
    let mut ranked: Vec<(Origin, Origin)> = ranked.collect();
    ranked.par_sort_unstable_by(|one, other| compare(of(&one.0), of(&other.0)).then_with(|| one.cmp(other)));
    ranked.into_iter().map(|(_, origin)| origin).collect()
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
