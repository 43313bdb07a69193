//! What is asked of segments and what comes back; the same as `CoreSearch`, `CoreQuery` and their results in `src/engine/core.ts`.

use crate::distance::Metric;
use crate::index::sparse::query::Bm25;
use crate::index::vector_index::Look;
use crate::segment::Expiry;
use crate::segment::schema::ColumnType;
use crate::segment::wire::{put_length, put_number, put_varint, varint_length};

/// One output column. The values are appended to `header`, the encoded type, name and id of its FieldData.
#[derive(Clone, Debug)]
pub struct Output {
    pub field_id: u32,
    pub header: Vec<u8>,
    /// Dynamic field: only these keys; None: all.
    pub keys: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub field_id: u32,
    pub metric: Metric,
    /// The query vectors one after another, each as its column has them: float32 little-endian, other elements as they are.
    pub vectors: Vec<u8>,
    /// Bytes of each query vector, where they differ: sparse vectors.
    pub lengths: Option<Vec<u32>>,
    /// Hits wanted per query after `offset`.
    pub limit: usize,
    pub offset: usize,
    /// What is asked of indexes; its `k` is not read.
    pub look: Look,
    /// Where rows are ranked by what their channel holds, BM25; None: all alike.
    pub channels: Option<Channels>,
    pub read_timestamp: u64,
    pub filter: Option<Vec<u8>>,
    pub expiry: Option<Expiry>,
    /// The worse end of a range search, exclusive.
    pub radius: Option<f32>,
    /// The better end of a range search, inclusive.
    pub range_filter: Option<f32>,
    /// Decimals that scores are rounded to; negative: none.
    pub round_decimal: i32,
    pub outputs: Vec<Output>,
    /// `limit` and `offset` then count groups.
    pub group_by: Option<GroupBy>,
    /// A reply that would have more bytes is refused before they are made; None: any.
    pub bytes_max: Option<usize>,
}

/// Segments of several channels, each with query vectors of its own: first all queries of the first channel, then all of the second, and so on.
#[derive(Clone, Debug)]
pub struct Channels {
    /// One a segment.
    pub of_segments: Vec<u32>,
    /// One a channel, in the place of `look`'s.
    pub bm25: Vec<Bm25>,
}

/// How hits are grouped: those with the same values of these fields make a group; null is a value of its own.
#[derive(Clone, Debug)]
pub struct GroupBy {
    pub fields: Vec<GroupField>,
    /// Hits that a group has at most.
    pub size: usize,
    /// Groups are filled as far as there are rows; else with what is found while looking for other groups.
    pub strict: bool,
}

#[derive(Clone, Debug)]
pub struct GroupField {
    pub field_id: u32,
    /// The encoded type, name and id of the FieldData that tells each hit's value.
    pub header: Vec<u8>,
    /// JSON: the keys that lead to the value; none: the whole document.
    pub path: Vec<String>,
    /// JSON: what the value is read as, Bool, an integer type or VarChar, others being null; None: its text.
    pub cast: Option<ColumnType>,
    /// JSON: a value of another type fails the search.
    pub strict_cast: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SearchReply {
    /// Hits of each query.
    pub topks: Vec<u32>,
    /// Encoded `schema.IDs` of all hits.
    pub ids: Vec<u8>,
    /// float32 little-endian, one a hit.
    pub scores: Vec<u8>,
    /// One encoded FieldData an output.
    pub fields: Vec<Vec<u8>>,
    /// One encoded FieldData a field of `group_by`. A query's hits stand group by group, best group first.
    pub groups: Vec<Vec<u8>>,
}

impl SearchReply {
    /// The same as an encoded `schema.SearchResultData`; values of groups are left to the caller.
    pub fn encode(&self) -> Vec<u8> {
        let hits = self.scores.len() / 4;
        let topks = || self.topks.iter().map(|&count| u64::from(count));
        let mut out = Vec::with_capacity(64 + 9 * hits + self.ids.len() + self.fields.iter().map(|field| 8 + field.len()).sum::<usize>());
        put_number(&mut out, NUM_QUERIES, self.topks.len() as u64);
        put_number(&mut out, TOP_K, topks().next_back().unwrap_or(0));
        for field in &self.fields {
            put_bytes(&mut out, FIELDS_DATA, field);
        }
        put_bytes(&mut out, SCORES, &self.scores);
        put_bytes(&mut out, IDS, &self.ids);
        put_length(&mut out, TOPKS, topks().map(varint_length).sum());
        topks().for_each(|count| put_varint(&mut out, count));
        put_number(&mut out, ALL_SEARCH_COUNT, hits as u64);
        out
    }
}

/// Fields of `schema.SearchResultData`.
const NUM_QUERIES: u32 = 1;
const TOP_K: u32 = 2;
const FIELDS_DATA: u32 = 3;
const SCORES: u32 = 4;
const IDS: u32 = 5;
const TOPKS: u32 = 6;
const ALL_SEARCH_COUNT: u32 = 9;

fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_length(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

/// The rows that a query, a count or a listing of keys is about.
#[derive(Clone, Debug)]
pub struct Selection {
    pub read_timestamp: u64,
    pub filter: Option<Vec<u8>>,
    pub expiry: Option<Expiry>,
}

#[derive(Clone, Debug)]
pub struct QueryRequest {
    pub selection: Selection,
    /// Rows come in ascending key order; None: all of them.
    pub limit: Option<usize>,
    pub offset: usize,
    pub outputs: Vec<Output>,
    /// As in `SearchRequest`.
    pub bytes_max: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QueryReply {
    pub row_count: usize,
    /// One encoded FieldData an output.
    pub fields: Vec<Vec<u8>>,
}
