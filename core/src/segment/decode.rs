//! Decodes one encoded `schema.FieldData` into a column, checking every value.
//!
//! Steps: the payload's member must be the column's type; its values are copied out (compact: only valid rows are there) and checked one by one;
//! `valid_data` is held against their number; then they are spread out so that each row has a place. A row without a value gets the column's default,
//! or else is null with a placeholder (0, empty, zero vector). What the client controls never sizes an allocation by more than `COLUMN_BYTES_MAX`.

use bytemuck::Pod;
use serde::de::IgnoredAny;

use super::arrays::{check_lengths, write_array};
use super::buffer::Buffer;
use super::column::{Column, Values};
use super::decode_defaults::{bool_of, default_bytes, default_float, default_integer};
use super::decode_vectors::{check_sparse, decode_halves, decode_packed, decode_vectors};
use super::geometry::wkb_of;
use super::payload::{Member, Payload};
use super::schema::{ColumnSchema, ColumnType};
use super::vector_lists::decode_lists;
use crate::failure::{Failure, Outcome};

/// Bytes that one column of one request may take once its absent rows are filled; a message is small where they are many.
const COLUMN_BYTES_MAX: usize = 1 << 30;

/// The column that these bytes hold.
pub fn decode_column(column: &ColumnSchema, row_count: usize, bytes: &[u8]) -> Outcome<Column> {
    decode_unnamed(column, row_count, bytes).map_err(|failure| Failure {
        field_id: Some(column.id),
        ..failure
    })
}

/// The column of rows that have none: their default or null in each row. It takes little memory however many rows there are.
pub fn absent_column(column: &ColumnSchema, row_count: usize) -> Outcome<Column> {
    if column.default.is_none() && !column.nullable && !column.dynamic {
        return Err(Failure::of_field("rowCount", column.id, vec![0usize.into(), row_count.into()]));
    }
    absent_unnamed(column, row_count).map_err(|failure| Failure {
        field_id: Some(column.id),
        ..failure
    })
}

fn absent_unnamed(column: &ColumnSchema, row_count: usize) -> Outcome<Column> {
    let default = column.default.as_ref();
    let values = match no_values(column) {
        Values::Bytes { .. } => Values::Repeated {
            text: (*default_bytes(column)?).into(),
            row_count,
        },
        Values::Vectors { dim, .. } => Values::Vectors {
            dim,
            values: Buffer::zeros(row_count.saturating_mul(dim))?,
        },
        Values::Packed { width, .. } => Values::Packed {
            width,
            bytes: Buffer::zeros(row_count.saturating_mul(width))?,
        },
        values if default.is_some() => return fill_absent(column, values, vec![0; row_count]),
        Values::Bool(_) => Values::Bool(Buffer::zeros(row_count)?),
        Values::Int8(_) => Values::Int8(Buffer::zeros(row_count)?),
        Values::Int16(_) => Values::Int16(Buffer::zeros(row_count)?),
        Values::Int32(_) => Values::Int32(Buffer::zeros(row_count)?),
        Values::Int64(_) => Values::Int64(Buffer::zeros(row_count)?),
        Values::Float(_) => Values::Float(Buffer::zeros(row_count)?),
        Values::Double(_) => Values::Double(Buffer::zeros(row_count)?),
        Values::Repeated { .. } => unreachable!("only made here"),
    };
    let is_null = default.is_none() && !column.dynamic && row_count > 0;
    Ok(Column {
        id: column.id,
        values,
        valid: if is_null { Some(Buffer::zeros(row_count)?) } else { None },
    })
}

fn decode_unnamed(column: &ColumnSchema, row_count: usize, bytes: &[u8]) -> Outcome<Column> {
    let payload = Payload::read(bytes)?;
    let values = match payload.member {
        None => no_values(column),
        Some(member) if member == member_of(column.kind) => decode_values(column, &payload)?,
        Some(FLOATS) if is_half(column.kind) => decode_halves(column, &payload)?,
        Some(_) => return Err(Failure::new("typeMismatch", vec![])),
    };
    let value_count = values.row_count();
    if payload.valid.is_empty() {
        return match value_count == row_count {
            true => Ok(Column {
                id: column.id,
                values,
                valid: None,
            }),
            false if payload.member.is_none() => Err(Failure::new("typeMismatch", vec![])),
            false => Err(Failure::new("rowCount", vec![value_count.into(), row_count.into()])),
        };
    }
    check_validity(column, row_count, value_count, &payload.valid)?;
    if value_count == row_count {
        return Ok(Column {
            id: column.id,
            values,
            valid: None,
        });
    }
    fill_absent(column, values, payload.valid)
}

fn check_validity(column: &ColumnSchema, row_count: usize, value_count: usize, valid: &[u8]) -> Outcome<()> {
    if !column.nullable && column.default.is_none() {
        return Err(Failure::new("unexpectedNulls", vec![]));
    }
    if valid.len() != row_count {
        return Err(Failure::new("validLength", vec![valid.len().into(), row_count.into()]));
    }
    let valid_count = valid.iter().map(|&flag| usize::from(flag)).sum::<usize>();
    if valid_count != value_count {
        return Err(match column.kind {
            kind if kind.is_vector() => Failure::new("rowCount", vec![value_count.into(), row_count.into()]),
            _ => Failure::new("validLength", vec![value_count.into(), valid_count.into()]),
        });
    }
    Ok(())
}

const FLOATS: Member = Member::Vector(2);

/// Whether vectors of 32-bit floats are taken and rounded.
fn is_half(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Float16Vector | ColumnType::BFloat16Vector)
}

pub(super) fn member_of(kind: ColumnType) -> Member {
    match kind {
        ColumnType::Bool => Member::Scalar(1),
        ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 => Member::Scalar(2),
        ColumnType::Int64 => Member::Scalar(3),
        ColumnType::Float => Member::Scalar(4),
        ColumnType::Double => Member::Scalar(5),
        ColumnType::VarChar => Member::Scalar(6),
        ColumnType::Array => Member::Scalar(8),
        ColumnType::Json => Member::Scalar(9),
        ColumnType::Timestamptz => Member::Scalar(11),
        ColumnType::Geometry => Member::Scalar(12),
        ColumnType::FloatVector => FLOATS,
        ColumnType::BinaryVector => Member::Vector(3),
        ColumnType::Float16Vector => Member::Vector(4),
        ColumnType::BFloat16Vector => Member::Vector(5),
        ColumnType::SparseFloatVector => Member::Vector(6),
        ColumnType::Int8Vector => Member::Vector(7),
        ColumnType::VectorList => Member::Vector(8),
    }
}

fn no_values(column: &ColumnSchema) -> Values {
    match column.kind {
        ColumnType::Bool => Values::Bool(Buffer::default()),
        ColumnType::Int8 => Values::Int8(Buffer::default()),
        ColumnType::Int16 => Values::Int16(Buffer::default()),
        ColumnType::Int32 => Values::Int32(Buffer::default()),
        ColumnType::Int64 | ColumnType::Timestamptz => Values::Int64(Buffer::default()),
        ColumnType::Float => Values::Float(Buffer::default()),
        ColumnType::Double => Values::Double(Buffer::default()),
        ColumnType::VarChar
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Array
        | ColumnType::SparseFloatVector
        | ColumnType::VectorList => Values::Bytes {
            offsets: vec![0].into(),
            bytes: Buffer::default(),
        },
        ColumnType::BinaryVector | ColumnType::Float16Vector | ColumnType::BFloat16Vector | ColumnType::Int8Vector => Values::Packed {
            width: column.kind.width(column.dim).unwrap_or(1),
            bytes: Buffer::default(),
        },
        ColumnType::FloatVector => Values::Vectors {
            dim: column.dim,
            values: Buffer::default(),
        },
    }
}

fn decode_values(column: &ColumnSchema, payload: &Payload) -> Outcome<Values> {
    Ok(match column.kind {
        ColumnType::Bool => Values::Bool(varints(payload, |_, number| Ok(u8::from(number != 0)))?),
        ColumnType::Int8 => Values::Int8(varints(payload, |at, number| in_range(at, number, i8::MIN.into(), i8::MAX.into()))?),
        ColumnType::Int16 => Values::Int16(varints(payload, |at, number| {
            in_range(at, number, i16::MIN.into(), i16::MAX.into())
        })?),
        ColumnType::Int32 => Values::Int32(varints(payload, |_, number| Ok(number as i32))?),
        ColumnType::Int64 | ColumnType::Timestamptz => Values::Int64(varints(payload, |_, number| Ok(number as i64))?),
        ColumnType::Float => Values::Float(floats(payload)?),
        ColumnType::Double => Values::Double(doubles(payload)?),
        ColumnType::VarChar => texts(payload, as_is(|row, text| check_text(column, row, text)))?,
        ColumnType::Json => texts(payload, as_is(|_, text| check_json(column, text)))?,
        ColumnType::Geometry => texts(payload, |_, text, out| {
            out.extend_from_slice(&geometry_of(text)?);
            Ok(())
        })?,
        ColumnType::Array => {
            check_lengths(column, payload)?;
            texts(payload, |row, array, out| write_array(column, row, array, out))?
        }
        ColumnType::FloatVector => decode_vectors(column.dim, payload)?,
        ColumnType::SparseFloatVector => texts(payload, as_is(|_, vector| check_sparse(vector)))?,
        ColumnType::VectorList => decode_lists(column, payload)?,
        ColumnType::BinaryVector | ColumnType::Float16Vector | ColumnType::BFloat16Vector | ColumnType::Int8Vector => {
            decode_packed(column, payload)?
        }
    })
}

fn varints<T>(payload: &Payload, convert: impl Fn(usize, u64) -> Outcome<T>) -> Outcome<Buffer<T>> {
    let mut values = Vec::new();
    payload.varints(|number| {
        values.push(convert(values.len(), number)?);
        Ok(())
    })?;
    Ok(Buffer::Owned(values))
}

pub(super) fn in_range<T: TryFrom<i32>>(at: usize, number: u64, low: i64, high: i64) -> Outcome<T> {
    // An int32 is 64 bits wide on the wire; readers take the low half.
    let number = number as i32;
    T::try_from(number).map_err(|_| Failure::new("outOfRange", vec![at.into(), i64::from(number).into(), low.into(), high.into()]))
}

fn floats(payload: &Payload) -> Outcome<Buffer<f32>> {
    let mut values = Vec::new();
    payload.fixed_runs::<4>(|run| values.extend(run.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))))?;
    values.iter().try_for_each(|&value| check_finite(f64::from(value)))?;
    Ok(Buffer::Owned(values))
}

fn doubles(payload: &Payload) -> Outcome<Buffer<f64>> {
    let mut values = Vec::new();
    payload.fixed_runs::<8>(|run| values.extend(run.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes))))?;
    values.iter().try_for_each(|&value| check_finite(value))?;
    Ok(Buffer::Owned(values))
}

/// Kind `notFinite` for what is no number.
pub fn check_finite(value: f64) -> Outcome<()> {
    if value.is_finite() {
        return Ok(());
    }
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    };
    Err(Failure::new("notFinite", vec![text.into()]))
}

/// Writes what passes a check as it is.
fn as_is(check: impl Fn(usize, &[u8]) -> Outcome<()>) -> impl Fn(usize, &[u8], &mut Vec<u8>) -> Outcome<()> {
    move |row, text, out| {
        check(row, text)?;
        out.extend_from_slice(text);
        Ok(())
    }
}

/// `write` checks a row and appends the bytes it is kept as.
fn texts(payload: &Payload, write: impl Fn(usize, &[u8], &mut Vec<u8>) -> Outcome<()>) -> Outcome<Values> {
    let mut bytes = Vec::new();
    let mut offsets = vec![0u64];
    payload.texts(|text| {
        write(offsets.len() - 1, text, &mut bytes)?;
        offsets.push(bytes.len() as u64);
        Ok(())
    })?;
    Ok(Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    })
}

fn check_text(column: &ColumnSchema, row: usize, text: &[u8]) -> Outcome<()> {
    if std::str::from_utf8(text).is_err() {
        return Err(Failure::new("notUtf8", vec![row.into()]));
    }
    if text.len() > column.max_length {
        return Err(Failure::new(
            "varcharTooLong",
            vec![row.into(), text.len().into(), column.max_length.into()],
        ));
    }
    Ok(())
}

fn check_json(column: &ColumnSchema, text: &[u8]) -> Outcome<()> {
    if text.len() > column.max_length {
        let dynamic = i64::from(column.dynamic);
        return Err(Failure::new(
            "jsonTooLong",
            vec![text.len().into(), column.max_length.into(), dynamic.into()],
        ));
    }
    let kind = if column.dynamic { "dynamicNotObject" } else { "notJson" };
    let text = std::str::from_utf8(text).map_err(|_| Failure::new(kind, vec!["not UTF-8".into()]))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| Failure::new(kind, vec![error.to_string().into()]))?;
    if column.dynamic && !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(Failure::new(kind, vec![text.chars().take(100).collect::<String>().into()]));
    }
    Ok(())
}

/// Kind `notGeometry`, with what Milvus says of the text.
pub(super) fn geometry_of(text: &[u8]) -> Outcome<Vec<u8>> {
    let text = std::str::from_utf8(text).map_err(|_| Failure::malformed("text is not UTF-8"))?;
    wkb_of(text).map_err(|why| Failure::new("notGeometry", vec![why.into()]))
}

/// Gives each row its place: `valid` says which rows the values are of; the others get the default, or a placeholder and null.
fn fill_absent(column: &ColumnSchema, values: Values, valid: Vec<u8>) -> Outcome<Column> {
    check_size(column, valid.len())?;
    let default = column.default.as_ref();
    let values = match values {
        Values::Bool(values) => Values::Bool(spread(&values, &valid, default.map_or(Ok(false), bool_of)?.into())),
        Values::Int8(values) => Values::Int8(spread(&values, &valid, default_integer(default)?)),
        Values::Int16(values) => Values::Int16(spread(&values, &valid, default_integer(default)?)),
        Values::Int32(values) => Values::Int32(spread(&values, &valid, default_integer(default)?)),
        Values::Int64(values) => Values::Int64(spread(&values, &valid, default_integer(default)?)),
        Values::Float(values) => Values::Float(spread(&values, &valid, default_float(default)? as f32)),
        Values::Double(values) => Values::Double(spread(&values, &valid, default_float(default)?)),
        Values::Repeated { .. } => unreachable!("only in columns without values"),
        Values::Bytes { offsets, bytes } => spread_bytes(&offsets, &bytes, &valid, &default_bytes(column)?),
        Values::Vectors { dim, values } => Values::Vectors {
            dim,
            values: spread_vectors(dim, &values, &valid),
        },
        Values::Packed { width, bytes } => Values::Packed {
            width,
            bytes: spread_vectors(width, &bytes, &valid),
        },
    };
    let is_null = default.is_none() && !column.dynamic && valid.contains(&0);
    Ok(Column {
        id: column.id,
        values,
        valid: is_null.then(|| valid.into()),
    })
}

fn check_size(column: &ColumnSchema, row_count: usize) -> Outcome<()> {
    let width = match column.kind.width(column.dim) {
        Some(width) if column.kind.is_vector() => width,
        _ => 8 + default_bytes(column).map_or(0, |bytes| bytes.len()),
    };
    match row_count.checked_mul(width) {
        Some(size) if size <= COLUMN_BYTES_MAX => Ok(()),
        _ => Err(Failure::malformed(format!("{row_count} rows without a value"))),
    }
}

fn spread<T: Copy>(values: &[T], valid: &[u8], fill: T) -> Buffer<T> {
    let mut values = values.iter();
    Buffer::Owned(
        valid
            .iter()
            .map(|&flag| if flag != 0 { *values.next().unwrap_or(&fill) } else { fill })
            .collect(),
    )
}

fn spread_bytes(offsets: &[u64], bytes: &[u8], valid: &[u8], fill: &[u8]) -> Values {
    let mut spread = Vec::with_capacity(bytes.len());
    let mut ends = Vec::with_capacity(valid.len() + 1);
    ends.push(0);
    let mut rows = offsets.windows(2).map(|pair| &bytes[pair[0] as usize..pair[1] as usize]);
    for &flag in valid {
        spread.extend_from_slice(if flag != 0 { rows.next().unwrap_or(fill) } else { fill });
        ends.push(spread.len() as u64);
    }
    Values::Bytes {
        offsets: ends.into(),
        bytes: spread.into(),
    }
}

/// `dim` values a row.
fn spread_vectors<T: Pod>(dim: usize, values: &[T], valid: &[u8]) -> Buffer<T> {
    let mut spread = vec![T::zeroed(); valid.len() * dim];
    let places = spread.chunks_exact_mut(dim.max(1)).zip(valid).filter(|(_, flag)| **flag != 0);
    for ((place, _), vector) in places.zip(values.chunks_exact(dim.max(1))) {
        place.copy_from_slice(vector);
    }
    Buffer::Owned(spread)
}
