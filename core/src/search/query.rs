//! Querying: the rows that match, in ascending order of their keys; of several rows with one key the newest.
//!
//! Each part gives the rows with its smallest keys, as many as the request can need; these are sorted together. A sealed segment lies in the order of
//! its keys, so its rows are judged from the start until there are enough; a growing chunk is judged whole and its smallest keys are kept.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rayon::prelude::*;

use super::key::{Key, key_of};
use super::reply::{Room, encode_outputs};
use super::request::{QueryReply, QueryRequest, Selection};
use super::visible::{Part, Sight, push_bits};
use crate::failure::Outcome;
use crate::segment::{Keys, Pick, SegmentSnapshot, encode_ids};

/// Rows of a sealed segment that are judged first; then twice as many, and so on. A multiple of a filter's block.
const FIRST_ROWS: usize = 4096;
const NEXT_ROWS_MAX: usize = 256 * 1024;

/// The rows `offset..offset + limit` of those that match. Kinds: `malformed`, `replyTooLarge`, those of a filter.
pub fn query(segments: &[SegmentSnapshot], request: &QueryRequest) -> Outcome<QueryReply> {
    let Some(first) = segments.first() else {
        return Ok(QueryReply {
            row_count: 0,
            fields: request.outputs.iter().map(|output| output.header.clone()).collect(),
        });
    };
    let needed = request.limit.map_or(usize::MAX, |limit| limit.saturating_add(request.offset));
    let picks = select(segments, &request.selection, needed)?;
    let shown = picks.get(request.offset..).unwrap_or(&[]);
    let room = Room {
        what: "query",
        bytes_max: request.bytes_max,
    };
    Ok(QueryReply {
        row_count: shown.len(),
        fields: encode_outputs(&first.schema, &request.outputs, shown, room)?,
    })
}

/// How many rows match; rows with the same key count each.
pub fn count(segments: &[SegmentSnapshot], selection: &Selection) -> Outcome<usize> {
    let sight = Sight::new(
        segments,
        selection.read_timestamp,
        selection.filter.as_deref(),
        selection.expiry.as_ref(),
    )?;
    Ok(sight.parts(segments).par_iter().map(|part| sight.visible(part).count()).sum())
}

/// The keys of the rows that match, ascending, each once, as an encoded `schema.IDs`.
pub fn keys(segments: &[SegmentSnapshot], selection: &Selection) -> Outcome<Vec<u8>> {
    let Some(first) = segments.first() else {
        return Ok(Keys::Int64(Vec::new()).encode());
    };
    Ok(encode_ids(&first.schema, &select(segments, selection, usize::MAX)?))
}

/// The newest matching rows of the `needed` smallest keys, ascending.
fn select<'a>(segments: &'a [SegmentSnapshot], selection: &Selection, needed: usize) -> Outcome<Vec<Pick<'a>>> {
    let sight = Sight::new(
        segments,
        selection.read_timestamp,
        selection.filter.as_deref(),
        selection.expiry.as_ref(),
    )?;
    let Some(primary) = segments.first().map(|segment| segment.schema.primary) else {
        return Ok(Vec::new());
    };
    if needed == 0 {
        return Ok(Vec::new());
    }
    let parts = sight.parts(segments);
    let smallest = |part: &Part<'a>| {
        if part.is_sorted() {
            from_start(part, &sight, primary, needed)
        } else {
            from_all(part, &sight, primary, needed)
        }
    };
    let mut rows: Vec<(Key<'a>, Pick<'a>)> = parts.par_iter().flat_map_iter(smallest).collect();
    // Stable, so that of rows written at one moment the later one stays last.
    rows.par_sort_by(|(left_key, left), (right_key, right)| left_key.cmp(right_key).then(written(left).cmp(&written(right))));
    let newest = rows.chunk_by(|(left, _), (right, _)| left == right).filter_map(|same| same.last());
    Ok(newest.take(needed).map(|(_, pick)| *pick).collect())
}

fn written(pick: &Pick) -> u64 {
    pick.chunk.timestamps[pick.row as usize]
}

/// The matching rows of a part in the order of keys, until they have `needed` different keys.
fn from_start<'a>(part: &Part<'a>, sight: &Sight, primary: usize, needed: usize) -> Vec<(Key<'a>, Pick<'a>)> {
    let chunk = part.chunk;
    let mut found: Vec<(Key, Pick)> = Vec::new();
    let mut different = 0;
    let (mut start, mut step) = (0, FIRST_ROWS);
    let mut rows = Vec::new();
    while start < chunk.row_count {
        let range = start..chunk.row_count.min(start + step);
        rows.clear();
        for (at, word) in sight.words(chunk, range.clone()).into_iter().enumerate() {
            push_bits(word, start + at * 64, &range, &mut rows);
        }
        for &row in &rows {
            let pick = Pick { chunk, row };
            let key = key_of(&pick, primary);
            if found.last().is_none_or(|(last, _)| *last != key) {
                if different == needed {
                    return found;
                }
                different += 1;
            }
            found.push((key, pick));
        }
        start = range.end;
        step = (step * 2).min(NEXT_ROWS_MAX);
    }
    found
}

/// The newest matching rows of the `needed` smallest keys of a part that is in no order.
fn from_all<'a>(part: &Part<'a>, sight: &Sight, primary: usize, needed: usize) -> Vec<(Key<'a>, Pick<'a>)> {
    let mut rows = Vec::new();
    sight.visible(part).take(0..part.chunk.row_count, usize::MAX, &mut rows);
    let keyed = rows
        .into_iter()
        .map(|row| Pick { chunk: part.chunk, row })
        .map(|pick| (key_of(&pick, primary), pick));
    if needed >= part.chunk.row_count {
        return keyed.collect();
    }
    let mut smallest: BTreeMap<Key, Pick> = BTreeMap::new();
    for (key, pick) in keyed {
        if smallest.len() == needed && smallest.last_key_value().is_some_and(|(last, _)| key > *last) {
            continue;
        }
        match smallest.entry(key) {
            Entry::Occupied(mut held) => {
                if written(&pick) >= written(held.get()) {
                    held.insert(pick);
                }
            }
            Entry::Vacant(place) => {
                place.insert(pick);
                if smallest.len() > needed {
                    smallest.pop_last();
                }
            }
        }
    }
    smallest.into_iter().collect()
}
