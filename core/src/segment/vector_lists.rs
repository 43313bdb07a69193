//! Rows of lists of vectors: members of structs that are vectors.
//!
//! A row is kept as its vectors' bytes one after another, as the wire has them; a row without vectors, and one that is null, is empty. On the wire the
//! column is a `schema.VectorArray` whose repeated field 2 has one VectorField a row.

use super::column::Values;
use super::decode::{check_finite, member_of};
use super::decode_vectors::check_halves;
use super::payload::{Member, Payload};
use super::schema::{ColumnSchema, ColumnType};
use super::wire::{length_of_field, put_length, put_number, varint_length};
use crate::failure::{Failure, Outcome};

/// Fields of VectorArray, VectorField and FloatArray.
const DIM: u32 = 1;
const ROWS: u32 = 2;
const ELEMENT_TYPE: u32 = 3;
const LISTS: u32 = 8;
const FLOATS: u32 = 1;
const VECTORS: u32 = 4;

fn element_of(column: &ColumnSchema) -> ColumnType {
    column.element.unwrap_or_else(|| unreachable!("not a column of lists"))
}

/// Bytes of one vector of a list.
pub(super) fn width_of_listed(column: &ColumnSchema) -> usize {
    element_of(column).width(column.dim).unwrap_or(1).max(1)
}

pub(super) fn decode_lists(column: &ColumnSchema, payload: &Payload) -> Outcome<Values> {
    let mut bytes = Vec::new();
    let mut offsets = vec![0u64];
    payload.messages(ROWS, |message| {
        let row = Payload::of_vectors(message)?;
        if row.member != Some(member_of(element_of(column))) {
            return Err(Failure::new("typeMismatch", vec![]));
        }
        let start = bytes.len();
        match element_of(column) {
            ColumnType::FloatVector => row.fixed_runs::<4>(|run| bytes.extend_from_slice(run))?,
            _ => bytes.extend_from_slice(row.bytes()),
        }
        check_list(column, offsets.len() - 1, &bytes[start..])?;
        offsets.push(bytes.len() as u64);
        Ok(())
    })?;
    Ok(Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    })
}

fn check_list(column: &ColumnSchema, row: usize, bytes: &[u8]) -> Outcome<()> {
    let element = element_of(column);
    let width = width_of_listed(column);
    if !bytes.len().is_multiple_of(width) {
        // Milvus counts floats, and bytes of all other vectors.
        let unit = if element == ColumnType::FloatVector { 4 } else { 1 };
        return Err(Failure::new("listLength", vec![(bytes.len() / unit).into(), (width / unit).into()]));
    }
    if bytes.len() / width > column.max_capacity {
        return Err(Failure::new(
            "listTooLong",
            vec![(bytes.len() / width).into(), row.into(), column.max_capacity.into()],
        ));
    }
    match element {
        ColumnType::FloatVector => bytes
            .as_chunks::<4>()
            .0
            .iter()
            .try_for_each(|float| check_finite(f64::from(f32::from_le_bytes(*float)))),
        ColumnType::Float16Vector | ColumnType::BFloat16Vector => check_halves(element, bytes.as_chunks::<2>().0),
        _ => Ok(()),
    }
}

/// The column's values as a `VectorField` behind what `out` has of a FieldData.
pub(super) fn put_lists<'a>(out: &mut Vec<u8>, column: &ColumnSchema, rows: impl Iterator<Item = &'a [u8]> + Clone) {
    let (element, dim) = (element_of(column), column.dim as u64);
    let Member::Vector(member) = member_of(element) else { return };
    let body_of = |row: &[u8]| match element {
        ColumnType::FloatVector if !row.is_empty() => length_of_field(FLOATS, row.len()),
        _ => row.len(),
    };
    let dim_bytes = 1 + varint_length(dim);
    let row_bytes = |row: &[u8]| dim_bytes + length_of_field(member, body_of(row));
    let element_number = u64::from(element.number());
    let lists =
        dim_bytes + rows.clone().map(|row| length_of_field(ROWS, row_bytes(row))).sum::<usize>() + 1 + varint_length(element_number);
    put_length(out, VECTORS, dim_bytes + length_of_field(LISTS, lists));
    put_number(out, DIM, dim);
    put_length(out, LISTS, lists);
    put_number(out, DIM, dim);
    for row in rows {
        put_length(out, ROWS, row_bytes(row));
        put_number(out, DIM, dim);
        put_length(out, member, body_of(row));
        if element == ColumnType::FloatVector && !row.is_empty() {
            put_length(out, FLOATS, row.len());
        }
        out.extend_from_slice(row);
    }
    put_number(out, ELEMENT_TYPE, element_number);
}
