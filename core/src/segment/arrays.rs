//! Rows of Array columns: checks them and keeps each as an encoded `schema.ScalarField` of a single form, so that equal arrays have equal bytes.
//!
//! The form: the one member of the element type, in it the repeated field 1; numbers packed, booleans 0 or 1, fields of other numbers left out.
//! What a null row has is empty, which no array is. As in Milvus the lengths of all rows are checked before any element.

use std::collections::HashSet;

use super::decode::{in_range, member_of};
use super::payload::{Member, Payload};
use super::schema::{ColumnSchema, ColumnType};
use super::wire::{length_of_field, put_length, put_varint};
use crate::failure::{Failure, Outcome};

const DATA: u32 = 1;

/// Kind `arrayTooLong` for an array with more elements than the column takes.
pub(super) fn check_lengths(column: &ColumnSchema, payload: &Payload) -> Outcome<()> {
    let element = element_of(column);
    let mut row = 0usize;
    payload.texts(|bytes| {
        let length = length_of(element, &Payload::of_array(bytes)?)?;
        if length > column.max_capacity {
            return Err(Failure::new(
                "arrayTooLong",
                vec![length.into(), row.into(), column.max_capacity.into()],
            ));
        }
        row += 1;
        Ok(())
    })
}

/// Elements of an array; 0 when they are of another type.
pub(super) fn length_of(element: ColumnType, array: &Payload) -> Outcome<usize> {
    let mut length = 0;
    if array.member != Some(member_of(element)) {
        return Ok(0);
    }
    match element {
        ColumnType::Float => array.fixed_runs::<4>(|run| length += run.len() / 4)?,
        ColumnType::Double => array.fixed_runs::<8>(|run| length += run.len() / 8)?,
        ColumnType::VarChar => array.texts(|_| {
            length += 1;
            Ok(())
        })?,
        _ => array.varints(|_| {
            length += 1;
            Ok(())
        })?,
    }
    Ok(length)
}

fn element_of(column: &ColumnSchema) -> ColumnType {
    column.element.unwrap_or_else(|| unreachable!("not a column of arrays"))
}

/// Checks an array's elements and appends it to `out` in the one form.
pub(super) fn write_array(column: &ColumnSchema, row: usize, bytes: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
    let array = Payload::of_array(bytes)?;
    let element = element_of(column);
    let expected = member_of(element);
    if array.member != Some(expected) {
        let number = |member| {
            if let Some(Member::Scalar(number)) = member {
                number as usize
            } else {
                0
            }
        };
        let args = vec![number(Some(expected)).into(), number(array.member).into()];
        return Err(Failure::new("arrayTypeMismatch", args));
    }
    let mut body = Vec::new();
    match element {
        ColumnType::VarChar => {
            let mut at = 0;
            array.texts(|text| {
                check_text(column, row, at, text)?;
                at += 1;
                put_length(&mut body, DATA, text.len());
                body.extend_from_slice(text);
                Ok(())
            })?;
        }
        _ => {
            let run = numbers(element, &array)?;
            if !run.is_empty() {
                put_length(&mut body, DATA, run.len());
                body.extend_from_slice(&run);
            }
        }
    }
    let Member::Scalar(member) = expected else { return Ok(()) };
    out.reserve(length_of_field(member, body.len()));
    put_length(out, member, body.len());
    out.extend_from_slice(&body);
    Ok(())
}

/// The packed elements.
fn numbers(element: ColumnType, array: &Payload) -> Outcome<Vec<u8>> {
    let mut run = Vec::new();
    let mut at = 0;
    match element {
        ColumnType::Float => array.fixed_runs::<4>(|values| run.extend_from_slice(values))?,
        ColumnType::Double => array.fixed_runs::<8>(|values| run.extend_from_slice(values))?,
        _ => array.varints(|number| {
            let number = match element {
                ColumnType::Bool => u64::from(number != 0),
                ColumnType::Int8 => in_range::<i8>(at, number, i8::MIN.into(), i8::MAX.into())? as u64,
                ColumnType::Int16 => in_range::<i16>(at, number, i16::MIN.into(), i16::MAX.into())? as u64,
                ColumnType::Int32 => number as i32 as u64,
                _ => number,
            };
            at += 1;
            put_varint(&mut run, number);
            Ok(())
        })?,
    }
    Ok(run)
}

fn check_text(column: &ColumnSchema, row: usize, at: usize, text: &[u8]) -> Outcome<()> {
    if std::str::from_utf8(text).is_err() {
        return Err(Failure::new("notUtf8", vec![row.into()]));
    }
    if text.len() > column.max_length {
        let args = vec![row.into(), at.into(), text.len().into(), column.max_length.into()];
        return Err(Failure::new("arrayVarcharTooLong", args));
    }
    Ok(())
}

/// The elements of `new` behind those of `old`. Kind `appendTooLong` beyond the column's capacity.
pub(super) fn append_array(column: &ColumnSchema, row: usize, old: &[u8], new: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
    let element = element_of(column);
    let lengths = [
        length_of(element, &Payload::of_array(old)?)?,
        length_of(element, &Payload::of_array(new)?)?,
    ];
    let length = lengths[0] + lengths[1];
    if length > column.max_capacity {
        let args = vec![length.into(), row.into(), column.max_capacity.into()];
        return Err(Failure::new("appendTooLong", args));
    }
    // Two encoded messages one after another are their merger.
    write_array(column, row, &[old, new].concat(), out)
}

/// The elements of `old` that equal none of `unwanted`, in the one form.
pub(super) fn remove_elements(column: &ColumnSchema, old: &[u8], unwanted: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
    let element = element_of(column);
    let unwanted: HashSet<Vec<u8>> = elements(element, unwanted)?
        .into_iter()
        .map(|value| without_sign_of_zero(element, value))
        .collect();
    let kept: Vec<Vec<u8>> = elements(element, old)?
        .into_iter()
        .filter(|value| !unwanted.contains(&without_sign_of_zero(element, value.clone())))
        .collect();
    let mut body = Vec::new();
    match element {
        ColumnType::VarChar => kept.iter().for_each(|text| {
            put_length(&mut body, DATA, text.len());
            body.extend_from_slice(text);
        }),
        _ if kept.is_empty() => {}
        _ => {
            let run = kept.concat();
            put_length(&mut body, DATA, run.len());
            body.extend_from_slice(&run);
        }
    }
    let Member::Scalar(member) = member_of(element) else {
        return Ok(());
    };
    put_length(out, member, body.len());
    out.extend_from_slice(&body);
    Ok(())
}

/// Zero and minus zero are equal, and the only equal numbers that differ in their bytes.
fn without_sign_of_zero(element: ColumnType, mut value: Vec<u8>) -> Vec<u8> {
    if matches!(element, ColumnType::Float | ColumnType::Double)
        && let Some((last, rest)) = value.split_last_mut()
        && *last == 0x80
        && rest.iter().all(|byte| *byte == 0)
    {
        *last = 0;
    }
    value
}

/// The elements of an array one by one: texts as they are, numbers as they stand in a packed run.
fn elements(element: ColumnType, bytes: &[u8]) -> Outcome<Vec<Vec<u8>>> {
    let array = Payload::of_array(bytes)?;
    let mut found = Vec::new();
    match element {
        ColumnType::Float => array.fixed_runs::<4>(|run| found.extend(run.as_chunks::<4>().0.iter().map(|value| value.to_vec())))?,
        ColumnType::Double => array.fixed_runs::<8>(|run| found.extend(run.as_chunks::<8>().0.iter().map(|value| value.to_vec())))?,
        ColumnType::VarChar => array.texts(|text| {
            found.push(text.to_vec());
            Ok(())
        })?,
        _ => array.varints(|number| {
            let mut value = Vec::new();
            put_varint(&mut value, number);
            found.push(value);
            Ok(())
        })?,
    }
    Ok(found)
}
