//! Which rows are past their time: a reader does not see them, a merge leaves them out. Same as `CoreExpiry` in `src/engine/core.ts`.

use super::chunk::Chunk;
use super::schema::{ColumnType, Schema};
use crate::failure::{Failure, Outcome};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Rows written at or before this timestamp are expired.
    pub written_up_to: Option<u64>,
    /// A Timestamptz column by id, and the present in microseconds since 1970: rows whose value is not later are expired, null never.
    pub field: Option<(u32, i64)>,
}

/// An expiry and the columns of one schema.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    written_up_to: u64,
    column: Option<(usize, i64)>,
}

impl Expiry {
    /// Kind `malformed` when the field is no Timestamptz column of the schema.
    pub fn bind(&self, schema: &Schema) -> Outcome<Expired> {
        let column = self.field.map(|(id, now)| {
            let at = schema.position(id).filter(|&at| schema.columns[at].kind == ColumnType::Timestamptz);
            at.map(|at| (at, now))
                .ok_or_else(|| Failure::malformed(format!("no Timestamptz column {id}")))
        });
        Ok(Expired {
            written_up_to: self.written_up_to.unwrap_or(0),
            column: column.transpose()?,
        })
    }
}

impl Expired {
    /// False: no row of the chunk is expired.
    pub fn touches(&self, chunk: &Chunk) -> bool {
        self.column.is_some() || chunk.timestamp_min <= self.written_up_to
    }

    pub fn has(&self, chunk: &Chunk, row: usize) -> bool {
        chunk.timestamps[row] <= self.written_up_to
            || self.column.is_some_and(|(at, now)| {
                let column = &chunk.columns[at];
                column.is_valid(row) && column.integer_at(row) <= now
            })
    }
}
