//! How long a search takes, told before it is begun: one that takes about as long as handing it to a thread is done where it is asked for.

use super::request::SearchRequest;
use crate::segment::SegmentSnapshot;

/// Nanoseconds of a search that is short.
const SHORT: f64 = 300_000.0;
/// Rows that a walk or a probe of lists looks at for each row that it keeps.
const LOOKED_AT: usize = 32;
/// Rows that an index keeps where the request says nothing.
const KEPT_DEFAULT: usize = 64;
/// Nanoseconds of a row that an index leads to, which is seldom in the processor's cache; of one that a scan comes to; of each byte of its vector; of
/// judging a row by a filter, its time and its deletes.
const JUMP: f64 = 20.0;
const STEP: f64 = 2.0;
const BYTE: f64 = 0.03;
const JUDGED: f64 = 2.0;

/// Whether the search is certainly short. Reads numbers of the segments only, no row.
pub fn is_short(segments: &[SegmentSnapshot], request: &SearchRequest) -> bool {
    let Some(first) = segments.first() else { return true };
    let Some(position) = first.schema.position(request.field_id) else {
        return true;
    };
    let column = &first.schema.columns[position];
    let width = column.kind.width(column.dim).unwrap_or(0);
    if width == 0 || request.group_by.is_some() {
        return false;
    }
    let queries = (request.vectors.len() / width) as f64;
    let most = request.limit.saturating_add(request.offset);
    let kept = request.look.ef.max(KEPT_DEFAULT).max(most.saturating_mul(2));
    let bytes = width as f64 * BYTE;
    let of_segment = |segment: &SegmentSnapshot| {
        let rows = segment.row_count as f64;
        let indexed = segment.indexes.contains_key(&request.field_id) && request.range_filter.is_none();
        let found = if indexed {
            rows.min(kept.saturating_mul(LOOKED_AT) as f64) * (JUMP + bytes)
        } else {
            rows * (STEP + bytes)
        };
        let is_judged =
            request.filter.is_some() || request.expiry.is_some() || segment.chunks.iter().any(|chunk| chunk.deletes.count() > 0);
        found * queries + if is_judged { rows * JUDGED } else { 0.0 }
    };
    segments.iter().map(of_segment).sum::<f64>() <= SHORT
}
