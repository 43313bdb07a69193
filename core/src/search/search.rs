//! Searching: the rows of all segments that are nearest to each query vector.
//!
//! Each part of each segment is answered by itself, by a graph walk for one query or by scans of runs of rows for several queries, all side by side on the
//! pool; then the hits are merged for each query: best first, ties by smaller key, each key once. Where several rows of one key push others out
//! of a part's hits, the query is asked again with a longer list, so that rows that match are never missed.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use rayon::prelude::*;

use super::groups::Groups;
use super::key::key_of;
use super::queries::{ByChannel, Queries, split};
use super::reply;
use super::request::{SearchReply, SearchRequest};
use super::scan::{Query, Rows, Wanted, rows_of_task, scan};
use super::scan_bytes::{ByteQuery, ByteRows, ranks_by, scan_bytes};
use super::top::{Found, Hit, Order, Top, rank};
use super::visible::{Part, Sight, Visible};
use crate::failure::{Failure, Outcome};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{AnyIndex, Look};
use crate::index::vectors::Vectors;
use crate::segment::SegmentSnapshot;
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnSchema, ColumnType, Schema};

/// Queries that share a pass over rows, and are answered before the next ones are begun, which bounds the memory for their hits.
const QUERIES_AT_ONCE: usize = 256;

/// The nearest rows of each query. Kinds: `queryDim`, `malformed`, `replyTooLarge`, those of a filter. Without segments there is nothing to know of the vectors: the
/// reply then counts no queries.
pub fn search(segments: &[SegmentSnapshot], request: &SearchRequest) -> Outcome<SearchReply> {
    let Some(first) = segments.first() else {
        return Ok(reply::empty(request));
    };
    let schema = &*first.schema;
    let position = vector_column(schema, request)?;
    let column = &schema.columns[position];
    let vectors = split(column, request)?;
    let channels = ByChannel::new(segments, request, vectors.len())?;
    let floats: Vec<f32> = match column.kind {
        ColumnType::FloatVector => {
            let floats = request.vectors.as_chunks::<4>().0.iter();
            floats.map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        _ => Vec::new(),
    };
    let queries = match column.kind {
        ColumnType::FloatVector => {
            let vectors = floats.chunks_exact(column.dim);
            Queries::Floats(vectors.map(|vector| Query::new(request.metric, vector)).collect())
        }
        _ => {
            let queries = vectors
                .iter()
                .enumerate()
                .map(|(at, bytes)| ByteQuery::new(column, request.metric, channels.bm25(at), bytes));
            Queries::Bytes(queries.collect::<Outcome<_>>()?)
        }
    };
    let sight = Sight::new(segments, request.read_timestamp, request.filter.as_deref(), request.expiry.as_ref())?;
    let parts = sight.parts(segments);
    let search = Search {
        request,
        order: Order {
            parts: &parts,
            primary: schema.primary,
        },
        targets: parts
            .par_iter()
            .map(|part| Target::new(part, position, sight.visible(part), request))
            .collect(),
        queries: &queries,
        channels: &channels,
        column,
        position,
    };
    let count = channels.query_count;
    let starts = (0..count).step_by(QUERIES_AT_ONCE);
    let ranges = starts.map(|start| start..count.min(start + QUERIES_AT_ONCE));
    if let Some(by) = &request.group_by {
        let mut groups = Groups::new(&search, by, schema)?;
        let answers = within(request, ranges.map(|range| groups.answer(range)))?;
        let shown: Vec<&[Hit]> = answers.iter().map(Vec::as_slice).collect();
        let fields = groups.encode_values(&shown)?;
        let reply = reply::reply(schema, request, &search.order, &shown)?;
        return Ok(SearchReply { groups: fields, ..reply });
    }
    let at_end = request.offset.saturating_add(request.limit);
    let answers = within(request, ranges.map(|range| Ok(search.answer(range, at_end))))?;
    let shown: Vec<&[Hit]> = answers.iter().map(|hits| hits.get(request.offset..).unwrap_or(&[])).collect();
    reply::reply(schema, request, &search.order, &shown)
}

/// Bytes of a hit in a reply, its key and score, at least.
const HIT_BYTES_MIN: usize = 5;

/// The hits of all queries, as long as a reply can hold them.
fn within(request: &SearchRequest, batches: impl Iterator<Item = Outcome<Vec<Vec<Hit>>>>) -> Outcome<Vec<Vec<Hit>>> {
    let mut answers = Vec::new();
    let mut bytes = 0;
    for batch in batches {
        let batch = batch?;
        bytes += HIT_BYTES_MIN * batch.iter().map(Vec::len).sum::<usize>();
        reply::room(request).check(bytes)?;
        answers.extend(batch);
    }
    Ok(answers)
}

fn vector_column(schema: &Schema, request: &SearchRequest) -> Outcome<usize> {
    let refuse = |why: &str| Failure::of_field("malformed", request.field_id, vec![why.into()]);
    let position = schema.position(request.field_id).filter(|&at| schema.columns[at].kind.is_vector());
    let position = position.ok_or_else(|| refuse("search of a field that is not a vector"))?;
    match ranks_by(schema.columns[position].kind, request.metric) {
        true => Ok(position),
        false => Err(refuse("search by a metric that the vectors do not have")),
    }
}

pub(super) struct Search<'a> {
    pub request: &'a SearchRequest,
    pub order: Order<'a>,
    /// One a part.
    pub targets: Vec<Target<'a>>,
    queries: &'a Queries<'a>,
    channels: &'a ByChannel<'a>,
    column: &'a ColumnSchema,
    /// Of that column.
    position: usize,
}

/// A part as this search meets it.
pub(super) struct Target<'a> {
    column: &'a Column,
    /// None of a column of other vectors.
    vectors: &'a [f32],
    pub visible: Visible,
    /// The index, where walking it is faster than a scan.
    pub walk: Option<Arc<AnyIndex>>,
}

impl<'a> Target<'a> {
    fn new(part: &Part<'a>, position: usize, visible: Visible, request: &SearchRequest) -> Self {
        let column = &part.chunk.columns[position];
        let vectors: &[f32] = match &column.values {
            Values::Vectors { values, .. } => values,
            _ => &[],
        };
        let schema = &part.segment.schema.columns[position];
        let walk = part.segment.index::<AnyIndex>(request.field_id).filter(|index| {
            let Some(of) = Vectors::of(schema, column, part.chunk.row_count) else {
                return false;
            };
            // A list of what is better than the range would have to be walked through first.
            let serves = index.metric() == request.metric && index.row_count() == part.chunk.row_count && request.range_filter.is_none();
            serves
                && part.segment.chunks.len() == 1
                && !matches!(visible, Visible::Few(_))
                && index.pays(visible.count(), &of, &request.look)
        });
        Target {
            column,
            vectors,
            visible,
            walk,
        }
    }
}

enum Task {
    Walk { part: usize, query: usize },
    Scan { part: usize, rows: Range<usize> },
}

impl<'a> Search<'a> {
    /// The same search among other rows: one set a part.
    pub fn among(&self, visible: Vec<Visible>) -> Search<'a> {
        let parts = self.order.parts;
        let target = |(part, visible): (&'a Part<'a>, Visible)| Target::new(part, self.position, visible, self.request);
        Search {
            order: Order {
                parts,
                primary: self.order.primary,
            },
            targets: parts.iter().zip(visible).map(target).collect(),
            ..*self
        }
    }

    /// The best `at_end` hits of each query, best first.
    pub fn answer(&self, queries: Range<usize>, at_end: usize) -> Vec<Vec<Hit>> {
        let mut answers: Vec<Vec<Hit>> = vec![Vec::new(); queries.len()];
        let mut open: Vec<usize> = queries.clone().collect();
        let mut limit = at_end;
        while !open.is_empty() && limit > 0 {
            let found = self.find(&open, limit);
            let merged: Vec<Option<Vec<Hit>>> = found.into_par_iter().map(|found| self.merge(found, at_end)).collect();
            let mut again = Vec::new();
            for (at, merged) in open.into_iter().zip(merged) {
                match merged {
                    Some(hits) => answers[at - queries.start] = hits,
                    None => again.push(at),
                }
            }
            open = again;
            limit = limit.saturating_mul(2);
        }
        answers
    }

    /// For each of these queries what was found in each part.
    fn find(&self, queries: &[usize], limit: usize) -> Vec<Vec<Found>> {
        let request = self.request;
        let wanted = Wanted {
            metric: request.metric,
            radius: request.radius,
            range_filter: request.range_filter,
            limit,
        };
        let bounds: Vec<AtomicU32> = queries.iter().map(|_| AtomicU32::new(u32::MAX)).collect();
        let tasks = self.tasks(queries.len(), limit);
        let results: Vec<(usize, Vec<Found>)> = tasks
            .into_par_iter()
            .map(|task| match task {
                Task::Walk { part, query } => (query, vec![self.walk(part, queries[query], &wanted)]),
                Task::Scan { part, rows } => (0, self.scan(part, rows, queries, &wanted, &bounds)),
            })
            .collect();
        let mut found: Vec<Vec<Found>> = queries.iter().map(|_| Vec::new()).collect();
        for (first, results) in results {
            results
                .into_iter()
                .enumerate()
                .for_each(|(at, result)| found[first + at].push(result));
        }
        found
    }

    fn tasks(&self, query_count: usize, limit: usize) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (part, target) in self.targets.iter().enumerate() {
            if target.visible.count() == 0 {
                continue;
            }
            if target.walk.is_some() {
                tasks.extend((0..query_count).map(|query| Task::Walk { part, query }));
                continue;
            }
            let row_count = self.order.parts[part].chunk.row_count;
            // The fewer of the rows count, the more of them make a task.
            let products = self.column.dim.max(1) * query_count * target.visible.count() / row_count;
            let rows = rows_of_task(row_count, products, query_count, limit);
            let ranges = (0..row_count).step_by(rows).map(|start| start..row_count.min(start + rows));
            tasks.extend(ranges.map(|rows| Task::Scan { part, rows }));
        }
        tasks
    }

    fn scan(&self, part: usize, range: Range<usize>, queries: &[usize], wanted: &Wanted, bounds: &[AtomicU32]) -> Vec<Found> {
        let Target {
            column, vectors, visible, ..
        } = &self.targets[part];
        let first = self.channels.first_query(self.order.parts[part].segment);
        let part = part as u32;
        match self.queries {
            Queries::Floats(all) => {
                let rows = Rows {
                    part,
                    column,
                    vectors,
                    dim: self.column.dim,
                    visible,
                };
                let queries: Vec<Query> = queries.iter().map(|&query| all[query]).collect();
                scan(&rows, range, &queries, wanted, &self.order, bounds)
            }
            Queries::Bytes(all) => {
                let rows = ByteRows {
                    part,
                    column,
                    kind: self.column.kind,
                    visible,
                };
                let queries: Vec<&ByteQuery> = queries.iter().map(|&query| &all[first + query]).collect();
                scan_bytes(&rows, range, &queries, wanted, &self.order, bounds)
            }
        }
    }

    fn walk(&self, part: usize, query: usize, wanted: &Wanted) -> Found {
        let target = &self.targets[part];
        let row_count = self.order.parts[part].chunk.row_count;
        let of = Vectors::of(self.column, target.column, row_count);
        let (Some(index), Some(of)) = (&target.walk, of) else {
            unreachable!("a task to walk has an index")
        };
        let allowed: Option<&RowSet> = if let Visible::Set(set) = &target.visible { Some(set) } else { None };
        let limit = wanted.limit.min(target.visible.count());
        // Groups, and keys that several rows have, need more hits than the request tells of.
        let asked = &self.request.look;
        let vector = self.channels.first_query(self.order.parts[part].segment) + query;
        let at_least = |list: usize| if list == 0 { 0 } else { list.max(limit) };
        let look = Look {
            k: limit,
            ef: at_least(asked.ef),
            reorder_k: at_least(asked.reorder_k),
            search_list: at_least(asked.search_list),
            bm25: self.channels.bm25(vector),
            ..asked.clone()
        };
        let rows = index.search(&of, self.queries.at(vector), &look, allowed);
        if rows.len() < limit && target.column.valid.is_none() && !index.may_find_fewer() {
            // The index did not lead to rows that are there.
            let mut found = self.scan(part, 0..row_count, &[query], wanted, &[AtomicU32::new(u32::MAX)]);
            return found.remove(0);
        }
        let full = rows.len() == limit && limit < target.visible.count();
        let mut top = Top::new(wanted.limit);
        let accepted = rows.iter().filter(|(_, score)| wanted.accepts(*score));
        accepted.for_each(|&(row, score)| {
            top.push(
                Hit {
                    rank: rank(wanted.metric, score),
                    part: part as u32,
                    row,
                },
                &self.order,
            )
        });
        let found = top.finish(&self.order);
        // Beyond a hit that is out of range there are only such.
        Found {
            cut: full && found.hits.len() == limit,
            ..found
        }
    }

    /// The best `at_end` hits with different keys; None when a part left out rows that may belong to them.
    fn merge(&self, found: Vec<Found>, at_end: usize) -> Option<Vec<Hit>> {
        // Whatever was left out anywhere is not better than this.
        let worst = found
            .iter()
            .filter(|found| found.cut)
            .filter_map(|found| found.hits.last())
            .copied();
        let surely = worst.min_by(|left, right| self.order.compare(left, right));
        let mut all: Vec<Hit> = found.into_iter().flat_map(|found| found.hits).collect();
        all.sort_unstable_by(|left, right| self.order.compare(left, right));
        let mut keys = HashSet::with_capacity(at_end.min(all.len()));
        let mut hits = Vec::with_capacity(at_end.min(all.len()));
        for hit in all {
            if surely.is_some_and(|surely| self.order.compare(&hit, &surely).is_gt()) {
                return None;
            }
            if keys.insert(key_of(&self.order.pick(&hit), self.order.primary)) {
                hits.push(hit);
                if hits.len() == at_end {
                    return Some(hits);
                }
            }
        }
        surely.is_none().then_some(hits)
    }
}
