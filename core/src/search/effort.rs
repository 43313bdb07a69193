//! How much a search is, told before it is begun: one that takes less than waking a thread is done where it is asked for.

use super::request::SearchRequest;
use crate::segment::SegmentSnapshot;

/// Multiplications of a search that is short: about a tenth of a millisecond.
const SHORT_PRODUCTS: usize = 1 << 20;
/// Rows that a walk or a probe of lists looks at for each row that it keeps.
const LOOKED_AT: usize = 32;
/// Rows that an index keeps where the request says nothing.
const KEPT_DEFAULT: usize = 64;
/// What judging a row by a filter, by its time and its deletes is worth.
const JUDGED_PRODUCTS: usize = 16;

/// Whether the search is certainly short. Reads numbers of the segments only, no row.
pub fn is_short(segments: &[SegmentSnapshot], request: &SearchRequest) -> bool {
    let Some(first) = segments.first() else { return true };
    let Some(position) = first.schema.position(request.field_id) else {
        return true;
    };
    let column = &first.schema.columns[position];
    let width = column.kind.width(column.dim).unwrap_or(0);
    if width == 0 || request.vectors.len() > 16 * width || request.group_by.is_some() {
        return false;
    }
    let queries = request.vectors.len() / width;
    let kept = request
        .look
        .ef
        .max(KEPT_DEFAULT)
        .max(2 * request.limit.saturating_add(request.offset));
    let mut products = 0usize;
    for segment in segments {
        let indexed = segment.indexes.contains_key(&request.field_id) && request.range_filter.is_none();
        let rows = if indexed {
            segment.row_count.min(kept.saturating_mul(LOOKED_AT))
        } else {
            segment.row_count
        };
        let judged = if request.filter.is_some() || request.expiry.is_some() || segment.chunks.iter().any(|chunk| chunk.deletes.count() > 0)
        {
            segment.row_count * JUDGED_PRODUCTS
        } else {
            0
        };
        products = products.saturating_add(rows.saturating_mul(column.dim.max(1)).saturating_mul(queries) + judged);
    }
    products <= SHORT_PRODUCTS
}
