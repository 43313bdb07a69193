//! The query vectors of a request.

use super::request::SearchRequest;
use super::scan::Query;
use super::scan_bytes::ByteQuery;
use crate::failure::{Failure, Outcome};
use crate::index::vectors::QueryVector;
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
