//! Decoded, checked rows that belong to no segment yet, and how a request's encoded columns become them.
//!
//! The columns are decoded side by side on the pool; of several failures the one of the earliest given column is told. Columns that the request leaves
//! out get their default or null, and the key column gets generated keys when the request says from where. Columns of terms are made of their texts.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::column::{Column, Values};
use super::decode::{absent_column, decode_column};
use super::keys::encode_keys_of;
use super::schema::{ColumnSchema, ColumnType, Schema};
use super::structs::check_structs;
use super::terms::put_terms;
use crate::failure::{Failure, Outcome};

#[derive(Debug)]
pub struct Rows {
    pub schema: Arc<Schema>,
    pub row_count: usize,
    /// All columns, in schema order.
    pub columns: Vec<Column>,
    /// The key column of the request where generated keys replaced it.
    pub given_keys: Option<Column>,
}

/// From so many bytes on columns are decoded side by side.
const PARALLEL_BYTES: usize = 64 << 10;

/// One encoded `schema.FieldData` and the column it is for.
pub struct FieldBytes<'a> {
    pub id: u32,
    pub data: &'a [u8],
}

impl Rows {
    /// Decodes `fields` into `row_count` rows. `auto_id_start`: first of consecutive keys that the rows get.
    pub fn decode(schema: &Arc<Schema>, row_count: usize, fields: &[FieldBytes], auto_id_start: Option<i64>) -> Outcome<Rows> {
        if u32::try_from(row_count).is_err() {
            return Err(Failure::malformed(format!("{row_count} rows")));
        }
        let positions = positions_of(schema, fields)?;
        let decode = |(field, at): (&FieldBytes, &usize)| decode_column(&schema.columns[*at], row_count, field.data);
        let decoded: Vec<Outcome<Column>> = match fields.iter().map(|field| field.data.len()).sum::<usize>() {
            PARALLEL_BYTES.. => fields.par_iter().zip(&positions).map(decode).collect(),
            _ => fields.iter().zip(&positions).map(decode).collect(),
        };
        let mut columns: Vec<Option<Column>> = vec![None; schema.columns.len()];
        for (column, at) in decoded.into_iter().zip(positions) {
            columns[at] = Some(column?);
        }
        let mut given_keys = None;
        if let Some(start) = auto_id_start {
            given_keys = columns[schema.primary].replace(generated_keys(&schema.columns[schema.primary], start, row_count)?);
        }
        let columns = columns.into_iter().zip(&schema.columns).map(|(column, of)| match column {
            None if of.terms_of.is_none() => absent_column(of, row_count).map(Some),
            column => Ok(column),
        });
        let columns = put_terms(schema, row_count, columns.collect::<Outcome<Vec<_>>>()?);
        check_structs(schema, row_count, &columns)?;
        Ok(Rows {
            schema: Arc::clone(schema),
            row_count,
            columns,
            given_keys,
        })
    }

    pub fn keys(&self) -> &Column {
        &self.columns[self.schema.primary]
    }

    /// The keys as an encoded `schema.IDs`.
    pub fn ids(&self) -> Vec<u8> {
        encode_keys_of(self.keys(), self.row_count)
    }

    /// The keys that the request carried, as an encoded `schema.IDs`.
    pub fn given_ids(&self) -> Vec<u8> {
        encode_keys_of(self.given_keys.as_ref().unwrap_or(self.keys()), self.row_count)
    }

    pub fn has_duplicate_keys(&self) -> bool {
        match &self.keys().values {
            Values::Int64(keys) => {
                let mut seen = HashSet::with_capacity(keys.len());
                keys.iter().any(|key| !seen.insert(*key))
            }
            values => {
                let mut seen = HashSet::with_capacity(self.row_count);
                (0..self.row_count).any(|row| !seen.insert(values.bytes_at(row)))
            }
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.columns.iter().map(Column::byte_size).sum()
    }
}

pub(super) fn positions_of(schema: &Schema, fields: &[FieldBytes]) -> Outcome<Vec<usize>> {
    let mut positions = Vec::with_capacity(fields.len());
    for field in fields {
        let at = schema
            .position(field.id)
            .ok_or_else(|| Failure::malformed(format!("no column {}", field.id)))?;
        if schema.columns[at].terms_of.is_some() {
            return Err(Failure::of_field(
                "malformed",
                field.id,
                vec!["column given that is made of texts".into()],
            ));
        }
        if positions.contains(&at) {
            return Err(Failure::of_field("malformed", field.id, vec!["column given twice".into()]));
        }
        positions.push(at);
    }
    Ok(positions)
}

fn generated_keys(column: &ColumnSchema, start: i64, row_count: usize) -> Outcome<Column> {
    let end = start
        .checked_add(row_count as i64)
        .ok_or_else(|| Failure::malformed("generated keys beyond 64 bits"))?;
    let values = match column.kind {
        ColumnType::Int64 => Values::Int64((start..end).collect::<Vec<_>>().into()),
        _ => {
            let mut bytes = Vec::with_capacity(row_count * 20);
            let mut offsets = Vec::with_capacity(row_count + 1);
            offsets.push(0);
            for key in start..end {
                bytes.extend_from_slice(key.to_string().as_bytes());
                offsets.push(bytes.len() as u64);
            }
            Values::Bytes {
                offsets: offsets.into(),
                bytes: bytes.into(),
            }
        }
    };
    Ok(Column {
        id: column.id,
        values,
        valid: None,
    })
}
