//! The query vectors of a request.

use super::request::SearchRequest;
use super::scan::Query;
use super::scan_bytes::ByteQuery;
use crate::failure::{Failure, Outcome};
use crate::index::sparse::query::Bm25;
use crate::index::vectors::QueryVector;
use crate::segment::SegmentSnapshot;
use crate::segment::schema::ColumnSchema;

/// The bytes of each query vector. Kind `queryDim` when they do not come out even.
pub fn split<'a>(column: &ColumnSchema, request: &'a SearchRequest) -> Outcome<Vec<&'a [u8]>> {
    let Some(lengths) = &request.lengths else {
        let width = column.kind.width(column.dim).unwrap_or(0).max(1);
        if !request.vectors.len().is_multiple_of(width) {
            return Err(Failure::of_field(
                "queryDim",
                column.id,
                vec![request.vectors.len().into(), width.into()],
            ));
        }
        return Ok(request.vectors.chunks_exact(width).collect());
    };
    let mut rest = request.vectors.as_slice();
    let vectors = lengths.iter().map(|&length| {
        let (vector, after) = rest.split_at_checked(length as usize)?;
        rest = after;
        Some(vector)
    });
    let vectors: Option<Vec<&[u8]>> = vectors.collect();
    vectors
        .filter(|_| rest.is_empty())
        .ok_or_else(|| Failure::of_field("malformed", column.id, vec!["lengths of query vectors".into()]))
}

/// All query vectors of a request.
pub enum Queries<'a> {
    Floats(Vec<Query<'a>>),
    Bytes(Vec<ByteQuery<'a>>),
}

impl Queries<'_> {
    /// A query's vector as indexes take it.
    pub fn at(&self, query: usize) -> QueryVector<'_> {
        match self {
            Queries::Floats(queries) => QueryVector::Floats(queries[query].vector),
            Queries::Bytes(queries) => match &queries[query] {
                ByteQuery::Floats { vector, .. } => QueryVector::Floats(vector),
                ByteQuery::Bits(bits) => QueryVector::Bits(bits),
                ByteQuery::Sparse(query) => QueryVector::Sparse(query.bytes()),
            },
        }
    }
}

/// Which of the query vectors a segment is searched with.
pub struct ByChannel<'a> {
    segments: &'a [SegmentSnapshot],
    request: &'a SearchRequest,
    /// Queries as the reply counts them.
    pub query_count: usize,
}

impl<'a> ByChannel<'a> {
    /// Kind `malformed` when the channels of segments and of vectors do not fit together.
    pub fn new(segments: &'a [SegmentSnapshot], request: &'a SearchRequest, vector_count: usize) -> Outcome<Self> {
        let query_count = match &request.channels {
            None => vector_count,
            Some(channels) => {
                let count = channels.bm25.len();
                let fits = channels.of_segments.len() == segments.len()
                    && channels.of_segments.iter().all(|&channel| (channel as usize) < count)
                    && count > 0
                    && vector_count.is_multiple_of(count);
                if !fits {
                    return Err(Failure::of_field(
                        "malformed",
                        request.field_id,
                        vec!["channels of a search".into()],
                    ));
                }
                vector_count / count
            }
        };
        Ok(ByChannel {
            segments,
            request,
            query_count,
        })
    }

    /// The place of the first query's vector for a segment.
    pub fn first_query(&self, segment: &SegmentSnapshot) -> usize {
        let Some(channels) = &self.request.channels else { return 0 };
        let at = self.segments.iter().position(|other| std::ptr::eq(other, segment)).unwrap_or(0);
        channels.of_segments[at] as usize * self.query_count
    }

    /// What ranks by a vector.
    pub fn bm25(&self, vector: usize) -> Option<Bm25> {
        match &self.request.channels {
            None => self.request.look.bm25,
            Some(channels) => channels.bm25.get(vector / self.query_count.max(1)).copied(),
        }
    }
}
