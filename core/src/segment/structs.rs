//! Members of one struct: they have as many elements in each row, and the same rows are null.

use super::arrays::length_of;
use super::column::Column;
use super::payload::Payload;
use super::schema::{ColumnSchema, ColumnType, Schema};
use super::vector_lists::width_of_listed;
use crate::failure::{Failure, Outcome};

/// Kinds `structNulls` (row, other member, whether that one is there, whether this one is) and `structLength` (row, other member, its elements, these).
pub(super) fn check_structs(schema: &Schema, row_count: usize, columns: &[Column]) -> Outcome<()> {
    for (at, member) in schema.columns.iter().enumerate() {
        let Some(of) = member.struct_of else { continue };
        let first = schema.columns.iter().position(|other| other.struct_of == Some(of)).unwrap_or(at);
        if first < at {
            let pair = [(&schema.columns[first], &columns[first]), (member, &columns[at])];
            check_pair(row_count, pair)?;
        }
    }
    Ok(())
}

fn check_pair(row_count: usize, [(first, one), (member, other)]: [(&ColumnSchema, &Column); 2]) -> Outcome<()> {
    for row in 0..row_count {
        let valid = (one.is_valid(row), other.is_valid(row));
        if valid.0 != valid.1 {
            let args = vec![
                row.into(),
                (first.id as usize).into(),
                i64::from(valid.0).into(),
                i64::from(valid.1).into(),
            ];
            return Err(Failure::of_field("structNulls", member.id, args));
        }
        let lengths = (elements_at(first, one, row)?, elements_at(member, other, row)?);
        if lengths.0 != lengths.1 {
            let args = vec![row.into(), (first.id as usize).into(), lengths.0.into(), lengths.1.into()];
            return Err(Failure::of_field("structLength", member.id, args));
        }
    }
    Ok(())
}

fn elements_at(schema: &ColumnSchema, column: &Column, row: usize) -> Outcome<usize> {
    let bytes = column.values.bytes_at(row);
    match (schema.kind, schema.element) {
        (ColumnType::Array, Some(element)) => length_of(element, &Payload::of_array(bytes)?),
        _ => Ok(bytes.len() / width_of_listed(schema)),
    }
}
