//! Encodes picked rows as the values of one `schema.FieldData` message, ready to be framed by a reply.
//!
//! Scalars and lists of vectors are dense: a null row has a placeholder. Vectors are compact: a null row has nothing. A nullable column's `valid_data` tells each row.
//! Arrays and sparse vectors are kept as they are encoded; geometries leave as WKT. Repeated numbers are packed. Tags as in `payload.rs`.

use super::column::Values;
use super::decode::member_of;
use super::decode_vectors::sparse_dim;
use super::encode_json::keep_keys;
use super::geometry::{Damaged, write_wkt};
use super::payload::Member;
use super::schema::{ColumnSchema, ColumnType};
use super::snapshot::Pick;
use super::vector_lists::put_lists;
use super::wire::{length_of_field, put_length, put_number, put_varint, varint_length};

const SCALARS: u32 = 3;
const VECTORS: u32 = 4;
const VALID: u32 = 7;
/// Members of ScalarField and VectorField, and their fields beside `DATA`.
const ARRAYS: u32 = 8;
const ELEMENT_TYPE: u32 = 2;
const DIM: u32 = 1;
const FLOAT_VECTOR: u32 = 2;
const SPARSE_VECTOR: u32 = 6;
const SPARSE_DIM: u32 = 2;
const DATA: u32 = 1;

/// `header` (the encoded type, name, id of a FieldData) followed by the encoded values of these rows.
/// `keys`: of each JSON object only these keys.
pub fn encode_field(header: &[u8], column: &ColumnSchema, picks: &[Pick], keys: Option<&[String]>) -> Vec<u8> {
    let rows = Rows {
        picks,
        at: position(column, picks),
    };
    let mut out = Vec::from(header);
    match column.kind {
        ColumnType::Bool => put_varints(&mut out, 1, rows.values().map(|(values, row)| integer(values, row))),
        ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 => {
            put_varints(&mut out, 2, rows.values().map(|(values, row)| integer(values, row)));
        }
        ColumnType::Int64 => put_varints(&mut out, 3, rows.values().map(|(values, row)| integer(values, row))),
        ColumnType::Timestamptz => put_varints(&mut out, 11, rows.values().map(|(values, row)| integer(values, row))),
        ColumnType::Float => put_fixed(&mut out, 4, rows.values().map(|(values, row)| float(values, row).to_le_bytes())),
        ColumnType::Double => put_fixed(&mut out, 5, rows.values().map(|(values, row)| double(values, row).to_le_bytes())),
        ColumnType::VarChar => put_texts(&mut out, 6, rows.values().map(|(values, row)| values.bytes_at(row))),
        ColumnType::Json => match keys {
            None => put_texts(&mut out, 9, rows.values().map(|(values, row)| values.bytes_at(row))),
            Some(keys) => {
                let kept: Vec<Vec<u8>> = rows.values().map(|(values, row)| keep_keys(values.bytes_at(row), keys)).collect();
                put_texts(&mut out, 9, kept.iter().map(Vec::as_slice));
            }
        },
        ColumnType::Geometry => {
            let texts: Vec<Vec<u8>> = rows.values().map(|(values, row)| text_of(values.bytes_at(row))).collect();
            put_texts(&mut out, 12, texts.iter().map(Vec::as_slice));
        }
        ColumnType::Array => put_arrays(&mut out, column, rows.values().map(|(values, row)| values.bytes_at(row))),
        ColumnType::VectorList => put_lists(&mut out, column, rows.values().map(|(values, row)| values.bytes_at(row))),
        kind if kind.is_vector() => put_vectors(&mut out, column, &rows),
        _ => unreachable!("vectors are the last"),
    }
    if column.nullable && !picks.is_empty() {
        put_length(&mut out, VALID, picks.len());
        out.extend(
            picks
                .iter()
                .map(|pick| u8::from(pick.chunk.columns[rows.at].is_valid(pick.row as usize))),
        );
    }
    out
}

/// As `encode_field`, of texts that are no column's.
pub fn encode_texts(header: &[u8], texts: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut out = Vec::from(header);
    put_texts(&mut out, 6, texts.iter().map(|text| text.as_deref().unwrap_or(&[])));
    put_valid(&mut out, texts.iter().map(Option::is_some));
    out
}

/// As `encode_field`, of numbers that are no column's: `kind` is Bool or an integer type.
pub fn encode_integers(header: &[u8], kind: ColumnType, numbers: &[Option<i64>]) -> Vec<u8> {
    let member = match kind {
        ColumnType::Bool => 1,
        ColumnType::Int64 => 3,
        _ => 2,
    };
    let mut out = Vec::from(header);
    put_varints(&mut out, member, numbers.iter().map(|number| number.unwrap_or(0) as u64));
    put_valid(&mut out, numbers.iter().map(Option::is_some));
    out
}

fn put_valid(out: &mut Vec<u8>, valid: impl ExactSizeIterator<Item = bool>) {
    if valid.len() > 0 {
        put_length(out, VALID, valid.len());
        out.extend(valid.map(u8::from));
    }
}

/// A null row has no text.
fn text_of(geometry: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    if !geometry.is_empty() {
        // Only what the reader made is stored, and files are checked when they are opened.
        write_wkt(geometry, &mut text).unwrap_or_else(|Damaged| unreachable!("a geometry that the reader did not make"));
    }
    text
}

/// Where the column stands in the chunks, which all have the order of the schema.
fn position(column: &ColumnSchema, picks: &[Pick]) -> usize {
    picks
        .first()
        .and_then(|pick| pick.chunk.columns.iter().position(|other| other.id == column.id))
        .unwrap_or(0)
}

struct Rows<'a> {
    picks: &'a [Pick<'a>],
    at: usize,
}

impl<'a> Rows<'a> {
    fn values(&self) -> impl Iterator<Item = (&'a Values, usize)> + Clone + use<'a> {
        let at = self.at;
        self.picks
            .iter()
            .map(move |pick| (&pick.chunk.columns[at].values, pick.row as usize))
    }
}

fn integer(values: &Values, row: usize) -> u64 {
    match values {
        Values::Bool(values) => u64::from(values[row]),
        Values::Int8(values) => values[row] as u64,
        Values::Int16(values) => values[row] as u64,
        Values::Int32(values) => values[row] as u64,
        Values::Int64(values) => values[row] as u64,
        _ => unreachable!("not a column of integers"),
    }
}

fn float(values: &Values, row: usize) -> f32 {
    match values {
        Values::Float(values) => values[row],
        _ => unreachable!("not a Float column"),
    }
}

fn double(values: &Values, row: usize) -> f64 {
    match values {
        Values::Double(values) => values[row],
        _ => unreachable!("not a Double column"),
    }
}

/// Tags and lengths of a scalar member whose values take `length` bytes.
fn put_member(out: &mut Vec<u8>, member: u32, body: usize) {
    let inner = length_of_field(member, body);
    out.reserve(length_of_field(SCALARS, inner));
    put_length(out, SCALARS, inner);
    put_length(out, member, body);
}

/// As `put_member`, for values that are one packed run.
fn put_packed(out: &mut Vec<u8>, member: u32, length: usize) {
    if length == 0 {
        return put_member(out, member, 0);
    }
    put_member(out, member, length_of_field(DATA, length));
    put_length(out, DATA, length);
}

fn put_varints(out: &mut Vec<u8>, member: u32, values: impl Iterator<Item = u64> + Clone) {
    put_packed(out, member, values.clone().map(varint_length).sum());
    values.for_each(|value| put_varint(out, value));
}

fn put_fixed<const N: usize>(out: &mut Vec<u8>, member: u32, values: impl Iterator<Item = [u8; N]> + Clone) {
    put_packed(out, member, values.clone().count() * N);
    values.for_each(|value| out.extend_from_slice(&value));
}

fn put_texts<'a>(out: &mut Vec<u8>, member: u32, texts: impl Iterator<Item = &'a [u8]> + Clone) {
    put_member(out, member, texts.clone().map(|text| length_of_field(DATA, text.len())).sum());
    for text in texts {
        put_length(out, DATA, text.len());
        out.extend_from_slice(text);
    }
}

fn put_arrays<'a>(out: &mut Vec<u8>, column: &ColumnSchema, arrays: impl Iterator<Item = &'a [u8]> + Clone) {
    let element = column.element.map_or(0, |element| u64::from(element.number()));
    let body = arrays.clone().map(|array| length_of_field(DATA, array.len())).sum::<usize>();
    put_member(out, ARRAYS, body + 1 + varint_length(element));
    for array in arrays {
        put_length(out, DATA, array.len());
        out.extend_from_slice(array);
    }
    put_number(out, ELEMENT_TYPE, element);
}

fn put_vectors(out: &mut Vec<u8>, column: &ColumnSchema, rows: &Rows) {
    let valid = rows
        .picks
        .iter()
        .map(|pick| (&*pick.chunk.columns[rows.at], pick.row as usize))
        .filter(|(column, row)| column.is_valid(*row))
        .map(|(column, row)| (&column.values, row));
    match column.kind {
        ColumnType::FloatVector => put_floats(out, column.dim, valid),
        ColumnType::SparseFloatVector => put_sparse(out, valid.map(|(values, row)| values.bytes_at(row))),
        kind => {
            let width = kind.width(column.dim).unwrap_or(0);
            let body = valid.clone().count() * width;
            let Member::Vector(member) = member_of(kind) else { return };
            put_vector_member(out, member, column.dim as u64, body);
            for (values, row) in valid {
                out.extend_from_slice(&values.as_bytes()[row * width..(row + 1) * width]);
            }
        }
    }
}

/// The vectors' dim, and tag and length of a member whose values take `body` bytes.
fn put_vector_member(out: &mut Vec<u8>, member: u32, dim: u64, body: usize) {
    let inner = length_of_field(member, body) + 1 + varint_length(dim);
    out.reserve(length_of_field(VECTORS, inner));
    put_length(out, VECTORS, inner);
    put_number(out, DIM, dim);
    put_length(out, member, body);
}

fn put_floats<'a>(out: &mut Vec<u8>, dim: usize, rows: impl Iterator<Item = (&'a Values, usize)> + Clone) {
    let length = rows.clone().count() * dim * size_of::<f32>();
    put_vector_member(
        out,
        FLOAT_VECTOR,
        dim as u64,
        if length == 0 { 0 } else { length_of_field(DATA, length) },
    );
    if length > 0 {
        put_length(out, DATA, length);
    }
    for (values, row) in rows {
        if let Values::Vectors { values, .. } = values {
            // The machine is little-endian, as the wire is; `segment` does not compile elsewhere.
            out.extend_from_slice(bytemuck::cast_slice(&values[row * dim..(row + 1) * dim]));
        }
    }
}

fn put_sparse<'a>(out: &mut Vec<u8>, vectors: impl Iterator<Item = &'a [u8]> + Clone) {
    let dim = vectors.clone().map(sparse_dim).max().unwrap_or(0);
    let body = vectors.clone().map(|vector| length_of_field(DATA, vector.len())).sum::<usize>();
    put_vector_member(out, SPARSE_VECTOR, dim, body + 1 + varint_length(dim));
    for vector in vectors {
        put_length(out, DATA, vector.len());
        out.extend_from_slice(vector);
    }
    put_number(out, SPARSE_DIM, dim);
}
