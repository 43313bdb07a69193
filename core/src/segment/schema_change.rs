//! From one schema of a collection to another: what becomes of columns that are there already.
//!
//! A column of both schemas stays what it is (shared, not copied), one of the new schema alone gets its default or null in each row, one of the old
//! schema alone is let go. So rows that were decoded before a change fit into a segment after it. A column never changes its type.

use std::sync::Arc;

use super::chunk::Chunk;
use super::column::Column;
use super::decode::absent_column;
use super::rows::Rows;
use super::schema::Schema;
use crate::failure::{Failure, Outcome};

pub(super) struct SchemaChange<'a> {
    to: &'a Arc<Schema>,
    /// For each column of the new schema its position in the old one; None: the schemas have the same columns.
    origins: Option<Vec<Option<usize>>>,
}

impl<'a> SchemaChange<'a> {
    pub fn new(from: &Arc<Schema>, to: &'a Arc<Schema>) -> Outcome<Self> {
        if Arc::ptr_eq(from, to) {
            return Ok(SchemaChange { to, origins: None });
        }
        let mut origins = Vec::with_capacity(to.columns.len());
        for (at, column) in to.columns.iter().enumerate() {
            let origin = from.position(column.id);
            if origin.is_some_and(|origin| !from.columns[origin].has_values_of(column))
                || (origin == Some(from.primary)) != (at == to.primary)
            {
                return Err(Failure::of_field("malformed", column.id, vec!["column of another type".into()]));
            }
            origins.push(origin);
        }
        if origins[to.primary].is_none() {
            return Err(Failure::malformed("schema of other keys"));
        }
        Ok(SchemaChange {
            to,
            origins: Some(origins),
        })
    }

    pub fn chunk(&self, chunk: &Chunk) -> Outcome<Chunk> {
        let columns = match &self.origins {
            None => chunk.columns.clone(),
            Some(origins) => {
                let columns = origins.iter().zip(&self.to.columns).map(|(origin, column)| match origin {
                    Some(at) => Ok(Arc::clone(&chunk.columns[*at])),
                    None => absent_column(column, chunk.row_count).map(Arc::new),
                });
                columns.collect::<Outcome<_>>()?
            }
        };
        Ok(chunk.with_columns(columns))
    }

    pub fn rows(&self, rows: Rows) -> Outcome<Rows> {
        let Some(origins) = &self.origins else { return Ok(rows) };
        let mut columns: Vec<Option<Column>> = rows.columns.into_iter().map(Some).collect();
        let columns = origins.iter().zip(&self.to.columns).map(|(origin, column)| {
            let given = origin.and_then(|at| columns[at].take());
            given.map_or_else(|| absent_column(column, rows.row_count), Ok)
        });
        Ok(Rows {
            schema: Arc::clone(self.to),
            row_count: rows.row_count,
            columns: columns.collect::<Outcome<_>>()?,
            given_keys: rows.given_keys,
        })
    }
}
