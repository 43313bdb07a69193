//! From one schema of a collection to another: what becomes of columns that are there already.
//!
//! A column of both schemas stays what it is (shared, not copied), one of the new schema alone gets its default or null in each row, or the terms of the
//! row's text; one of the old schema alone is let go. So rows that were decoded before a change fit into a segment after it. A column never changes its type.

use std::sync::Arc;

use super::chunk::Chunk;
use super::column::Column;
use super::decode::absent_column;
use super::rows::Rows;
use super::schema::{ColumnSchema, Schema};
use super::terms::put_terms;
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
        let Some(origins) = &self.origins else {
            return Ok(chunk.with_columns(chunk.columns.clone()));
        };
        let columns = origins.iter().zip(&self.to.columns).map(|(origin, column)| match origin {
            Some(at) => Ok(Some(Arc::clone(&chunk.columns[*at]))),
            None => Ok(absent(column, chunk.row_count)?.map(Arc::new)),
        });
        let columns = columns.collect::<Outcome<_>>()?;
        Ok(chunk.with_columns(put_terms(self.to, chunk.row_count, columns)))
    }

    pub fn rows(&self, rows: Rows) -> Outcome<Rows> {
        let Some(origins) = &self.origins else { return Ok(rows) };
        let mut columns: Vec<Option<Column>> = rows.columns.into_iter().map(Some).collect();
        let columns = origins.iter().zip(&self.to.columns).map(|(origin, column)| {
            let given = origin.and_then(|at| columns[at].take());
            given.map_or_else(|| absent(column, rows.row_count), |given| Ok(Some(given)))
        });
        let columns = columns.collect::<Outcome<_>>()?;
        Ok(Rows {
            schema: Arc::clone(self.to),
            row_count: rows.row_count,
            columns: put_terms(self.to, rows.row_count, columns),
            given_keys: rows.given_keys,
        })
    }
}

/// What rows have that lack the column; None for terms, which are made of their texts.
fn absent(column: &ColumnSchema, row_count: usize) -> Outcome<Option<Column>> {
    match column.terms_of {
        Some(_) => Ok(None),
        None => absent_column(column, row_count).map(Some),
    }
}
