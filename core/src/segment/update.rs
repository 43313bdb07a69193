//! Completes the rows of an upsert that gives some columns: what the segments hold under the same keys fills in the rest.
//!
//! Per row: a key that is alive keeps the values of its newest row in the columns that are absent; keys of the dynamic field's object are merged, and an
//! array column may be appended to or have elements removed. A key that is not alive gets the default or null in absent columns, which must have one.
//! The result is complete rows, and the same rows as encoded columns for the log, so that replay needs nothing else. Columns of terms are made anew.
//! Source of the rules: milvus internal/proxy/task_upsert.go, pkg/util/typeutil.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::arrays::{append_array, remove_elements};
use super::chunk::Chunk;
use super::column::{Column, Values};
use super::decode::{absent_column, decode_column};
use super::encode::encode_field;
use super::expiry::{Expired, Expiry};
use super::keys::Keys;
use super::rows::{FieldBytes, Rows, positions_of};
use super::schema::{ColumnSchema, ColumnType, Schema};
use super::snapshot::{Pick, SegmentSnapshot};
use super::terms::put_terms;
use super::wire::put_length;
use crate::failure::{Failure, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayOperation {
    Append,
    Remove,
}

pub struct UpdateRequest<'a> {
    pub read_timestamp: u64,
    pub expiry: Option<Expiry>,
    pub row_count: usize,
    pub fields: Vec<FieldBytes<'a>>,
    /// By column id.
    pub operations: Vec<(u32, ArrayOperation)>,
}

pub struct Update {
    pub rows: Rows,
    /// By column id: all columns but those of terms as encoded FieldData.
    pub fields: Vec<(u32, Vec<u8>)>,
}

const VALID: u32 = 7;

/// Kinds: those of decoding, `duplicateKeys`, `missingField` (new keys without a value that they need), `malformed`.
pub fn update_rows(schema: &Arc<Schema>, segments: &[SegmentSnapshot], request: &UpdateRequest) -> Outcome<Update> {
    let positions = positions_of(schema, &request.fields)?;
    let mut given: Vec<Option<Column>> = vec![None; schema.columns.len()];
    for (field, at) in request.fields.iter().zip(positions) {
        given[at] = Some(decode_column(&schema.columns[at], request.row_count, field.data)?);
    }
    let keys = given[schema.primary]
        .as_ref()
        .ok_or_else(|| Failure::of_field("missingField", schema.columns[schema.primary].id, vec![]))?;
    let expired = request.expiry.as_ref().map(|expiry| expiry.bind(schema)).transpose()?;
    let old = alive_rows(segments, keys, request.read_timestamp, expired.as_ref())?;
    let columns = schema.columns.iter().zip(&given).map(|(column, given)| {
        if column.terms_of.is_some() {
            return Ok(None);
        }
        let operation = request
            .operations
            .iter()
            .find(|(id, _)| *id == column.id)
            .map(|(_, operation)| *operation);
        let completed = complete(schema, column, given.as_ref(), operation, &old);
        completed.map(Some).map_err(|failure| Failure {
            field_id: failure.field_id.or(Some(column.id)),
            ..failure
        })
    });
    let columns = put_terms(schema, request.row_count, columns.collect::<Outcome<Vec<_>>>()?);
    let chunk = Chunk::new(request.row_count, columns, 0);
    let fields = schema
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.terms_of.is_none())
        .map(|(at, column)| (column.id, encode(column, at, &chunk)));
    let fields = fields.collect();
    let columns = chunk.columns.into_iter().map(Arc::unwrap_or_clone).collect();
    let rows = Rows {
        schema: Arc::clone(schema),
        row_count: request.row_count,
        columns,
        given_keys: None,
    };
    Ok(Update { rows, fields })
}

/// The newest row of each key that is alive at the moment. Kind `duplicateKeys` when a key is there twice.
fn alive_rows<'a>(
    segments: &'a [SegmentSnapshot],
    keys: &Column,
    timestamp: u64,
    expired: Option<&Expired>,
) -> Outcome<Vec<Option<Pick<'a>>>> {
    let row_count = keys.values.row_count();
    // With the place of the segment.
    let mut rows: Vec<Option<(usize, Pick)>> = vec![None; row_count];
    let (places, asked): (HashMap<Vec<u8>, usize>, Keys) = match &keys.values {
        Values::Int64(values) => (
            values
                .iter()
                .enumerate()
                .map(|(row, key)| (key.to_le_bytes().to_vec(), row))
                .collect(),
            Keys::Int64(values.to_vec()),
        ),
        values => {
            let text = |row| String::from_utf8_lossy(values.bytes_at(row)).into_owned();
            let places = (0..row_count).map(|row| (values.bytes_at(row).to_vec(), row)).collect();
            (places, Keys::VarChar((0..row_count).map(text).collect()))
        }
    };
    if places.len() < row_count {
        return Err(Failure::new("duplicateKeys", vec![]));
    }
    for (at, segment) in segments.iter().enumerate() {
        let primary = segment.schema.primary;
        for pick in segment.lookup(&asked) {
            let row = pick.row as usize;
            if !pick.chunk.alive_at(row, timestamp) || expired.is_some_and(|expired| expired.has(pick.chunk, row)) {
                continue;
            }
            let key = match &pick.chunk.columns[primary].values {
                Values::Int64(values) => places.get(&values[row].to_le_bytes()[..]),
                values => places.get(values.bytes_at(row)),
            };
            let Some(&place) = key else { continue };
            // Of rows written at one moment the later one, as for a query.
            let age = |of: usize, pick: &Pick| (pick.chunk.timestamps[pick.row as usize], of, pick.row);
            if rows[place].as_ref().is_none_or(|(of, held)| age(*of, held) <= age(at, &pick)) {
                rows[place] = Some((at, pick));
            }
        }
    }
    Ok(rows.into_iter().map(|row| row.map(|(_, pick)| pick)).collect())
}

fn complete(
    schema: &Schema,
    column: &ColumnSchema,
    given: Option<&Column>,
    operation: Option<ArrayOperation>,
    old: &[Option<Pick>],
) -> Outcome<Column> {
    let at = schema.position(column.id).unwrap_or(0);
    let held = |row: usize| old[row].map(|pick| (&*pick.chunk.columns[at], pick.row as usize));
    match given {
        Some(given) if column.dynamic => merge_objects(column, given, old.len(), held),
        Some(given) => match operation {
            None => Ok(given.clone()),
            Some(operation) => change_arrays(column, given, operation, old.len(), held),
        },
        None => {
            let absent = match old.iter().any(Option::is_none) {
                true => Some(absent_column(column, 1).map_err(|_| Failure::of_field("missingField", column.id, vec![]))?),
                false => None,
            };
            let sources: Vec<(&Column, usize)> = (0..old.len())
                .filter_map(|row| held(row).or(absent.as_ref().map(|absent| (absent, 0))))
                .collect();
            Ok(gather(column, &sources))
        }
    }
}

/// A column of values that stand in others of the same type.
fn gather(column: &ColumnSchema, sources: &[(&Column, usize)]) -> Column {
    macro_rules! fixed {
        ($variant:ident) => {
            Values::$variant(
                sources
                    .iter()
                    .filter_map(|(column, row)| match &column.values {
                        Values::$variant(values) => Some(values[*row]),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
                    .into(),
            )
        };
    }
    let values = match column.kind {
        ColumnType::Bool => fixed!(Bool),
        ColumnType::Int8 => fixed!(Int8),
        ColumnType::Int16 => fixed!(Int16),
        ColumnType::Int32 => fixed!(Int32),
        ColumnType::Int64 | ColumnType::Timestamptz => fixed!(Int64),
        ColumnType::Float => fixed!(Float),
        ColumnType::Double => fixed!(Double),
        ColumnType::VarChar
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Array
        | ColumnType::SparseFloatVector
        | ColumnType::VectorList => texts_of(sources.iter().map(|(column, row)| column.values.bytes_at(*row))),
        ColumnType::FloatVector => {
            let dim = column.dim;
            let vectors = sources.iter().filter_map(|(column, row)| match &column.values {
                Values::Vectors { values, .. } => Some(&values[row * dim..(row + 1) * dim]),
                _ => None,
            });
            Values::Vectors {
                dim,
                values: vectors.flatten().copied().collect::<Vec<_>>().into(),
            }
        }
        ColumnType::BinaryVector | ColumnType::Float16Vector | ColumnType::BFloat16Vector | ColumnType::Int8Vector => {
            let width = column.kind.width(column.dim).unwrap_or(1);
            let vectors = sources
                .iter()
                .map(|(column, row)| &column.values.as_bytes()[row * width..(row + 1) * width]);
            Values::Packed {
                width,
                bytes: vectors.flatten().copied().collect::<Vec<_>>().into(),
            }
        }
    };
    let valid: Vec<u8> = sources.iter().map(|(column, row)| u8::from(column.is_valid(*row))).collect();
    Column {
        id: column.id,
        values,
        valid: valid.contains(&0).then(|| valid.into()),
    }
}

fn texts_of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Values {
    let mut bytes = Vec::new();
    let mut offsets = vec![0u64];
    for text in texts {
        bytes.extend_from_slice(text);
        offsets.push(bytes.len() as u64);
    }
    Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    }
}

/// The members of an object by key; values are the texts that they are, so numbers keep all their digits. Of a key that occurs twice the last counts.
fn object_of(text: &[u8]) -> Outcome<BTreeMap<String, &RawValue>> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_slice(text).map_err(|error| not_object(&error))
}

fn not_object(error: &serde_json::Error) -> Failure {
    Failure::new("dynamicNotObject", vec![error.to_string().into()])
}

/// The held object with the given one's keys put over it.
fn merge_objects<'a>(
    column: &ColumnSchema,
    given: &Column,
    row_count: usize,
    held: impl Fn(usize) -> Option<(&'a Column, usize)>,
) -> Outcome<Column> {
    let mut merged: Vec<Vec<u8>> = Vec::with_capacity(row_count);
    for row in 0..row_count {
        let new = given.values.bytes_at(row);
        let Some((old, at)) = held(row) else {
            merged.push(new.to_vec());
            continue;
        };
        let mut base = object_of(old.values.bytes_at(at))?;
        base.extend(object_of(new)?);
        let text = serde_json::to_vec(&base).map_err(|error| not_object(&error))?;
        if text.len() > column.max_length {
            let args = vec![text.len().into(), column.max_length.into(), 1i64.into()];
            return Err(Failure::new("jsonTooLong", args));
        }
        merged.push(text);
    }
    Ok(Column {
        id: column.id,
        values: texts_of(merged.iter().map(Vec::as_slice)),
        valid: given.valid.clone(),
    })
}

/// The held array with the given elements appended or removed. A null that is given changes nothing; one that is held counts as empty.
fn change_arrays<'a>(
    column: &ColumnSchema,
    given: &Column,
    operation: ArrayOperation,
    row_count: usize,
    held: impl Fn(usize) -> Option<(&'a Column, usize)>,
) -> Outcome<Column> {
    let mut arrays: Vec<Vec<u8>> = Vec::with_capacity(row_count);
    let mut valid = vec![1u8; row_count];
    for (row, valid) in valid.iter_mut().enumerate() {
        let new = given.is_valid(row).then(|| given.values.bytes_at(row));
        let old = held(row)
            .filter(|(old, at)| old.is_valid(*at))
            .map(|(old, at)| old.values.bytes_at(at));
        let mut array = Vec::new();
        match (held(row), old, new) {
            // A new row has what is given, whatever the operation.
            (None, _, Some(new)) => array.extend_from_slice(new),
            (Some(_), None, Some(new)) if operation == ArrayOperation::Append => array.extend_from_slice(new),
            (_, Some(old), Some(new)) if operation == ArrayOperation::Append => append_array(column, row, old, new, &mut array)?,
            (_, Some(old), Some(new)) => remove_elements(column, old, new, &mut array)?,
            (_, Some(old), None) => array.extend_from_slice(old),
            (_, None, _) => *valid = 0,
        }
        arrays.push(array);
    }
    Ok(Column {
        id: column.id,
        values: texts_of(arrays.iter().map(Vec::as_slice)),
        valid: valid.contains(&0).then(|| valid.into()),
    })
}

/// A column as a client would send it: of rows that are null only their flags.
fn encode(column: &ColumnSchema, at: usize, chunk: &Chunk) -> Vec<u8> {
    let plain = ColumnSchema {
        nullable: false,
        ..column.clone()
    };
    let values = &chunk.columns[at];
    let picks = (0..chunk.row_count as u32).map(|row| Pick { chunk, row });
    let picks: Vec<Pick> = picks.filter(|pick| values.is_valid(pick.row as usize)).collect();
    let mut out = encode_field(&[], &plain, &picks, None);
    if picks.len() < chunk.row_count {
        put_length(&mut out, VALID, chunk.row_count);
        out.extend((0..chunk.row_count).map(|row| u8::from(values.is_valid(row))));
    }
    out
}
