//! What the tests of this room share: seeded randomness, a schema of every type, and rows as plain cells that are encoded and read back.

mod arrays;
mod decoding;
mod encoding;
mod files;
mod growing;
mod hostile;
mod lookups;
mod merging;
mod schema_change;
mod split;
mod update;
mod update_model;
mod vector_lists;
mod vectors;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::column::{Column, Values};
use super::rows::{FieldBytes, Rows};
use super::schema::{ColumnSchema, ColumnType, Schema};
use super::wire::{put_length, put_varint};
use crate::failure::Outcome;

/// Random numbers of a seed that is printed; `ELANUS_SEED` repeats a run.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let seed = std::env::var("ELANUS_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| RandomState::new().hash_one(1));
        println!("ELANUS_SEED={seed}");
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn text(&mut self, length_max: usize) -> String {
        (0..self.below(length_max + 1))
            .map(|_| ['a', 'b', 'Z', ' ', '"', 'é', '漢', '🙂'][self.below(8)])
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Integer(i64),
    Float(f64),
    Text(String),
    Vector(Vec<f32>),
    /// An array or a vector of another type as it is kept.
    Bytes(Vec<u8>),
}

impl Cell {
    /// Bytes of a column that does not say whether they are text.
    fn of_bytes(bytes: &[u8]) -> Self {
        String::from_utf8(bytes.to_vec()).map_or_else(|_| Cell::Bytes(bytes.to_vec()), Cell::Text)
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Cell::Text(text) => text.as_bytes(),
            Cell::Bytes(bytes) => bytes,
            _ => panic!("not bytes"),
        }
    }
}

/// A column of every type; 20 of them nullable, 30 with a default.
pub fn schema(key: u32) -> Arc<Schema> {
    let mut columns = vec![format!(r#"{{"id":100,"type":{key},"primary":true,"maxLength":64}}"#)];
    for (shift, extra) in [(0, ""), (20, r#","nullable":true"#), (30, r#","nullable":true,"default""#)] {
        for (id, kind, default) in [
            (1, 1, "true"),
            (2, 2, "-7"),
            (3, 3, "300"),
            (4, 4, "70000"),
            (5, 5, r#""9007199254740993""#),
            (6, 10, "1.5"),
            (7, 11, "0.1"),
        ] {
            let default = if shift == 30 { format!(":{default}") } else { String::new() };
            columns.push(format!(r#"{{"id":{},"type":{kind}{extra}{default}}}"#, id + shift));
        }
        let default = if shift == 30 { r#":"none""# } else { "" };
        columns.push(format!(r#"{{"id":{},"type":21,"maxLength":200{extra}{default}}}"#, 8 + shift));
        if shift < 30 {
            columns.push(format!(r#"{{"id":{},"type":23,"maxLength":65536{extra}}}"#, 9 + shift));
            columns.push(format!(r#"{{"id":{},"type":101,"dim":3{extra}}}"#, 10 + shift));
            for (id, kind) in [
                (60, r#"22,"elementType":5,"maxCapacity":9"#),
                (61, r#"22,"elementType":21,"maxCapacity":9,"maxLength":200"#),
                (62, r#"22,"elementType":1"#),
                (63, r#"22,"elementType":11"#),
                (64, r#"22,"elementType":3"#),
                (65, r#"100,"dim":16"#),
                (66, r#"102,"dim":3"#),
                (67, r#"103,"dim":3"#),
                (68, r#"105,"dim":5"#),
                (69, "104"),
            ] {
                columns.push(format!(r#"{{"id":{},"type":{kind}{extra}}}"#, id + shift));
            }
        }
    }
    columns.push(r#"{"id":50,"type":23,"maxLength":65536,"dynamic":true}"#.into());
    Arc::new(Schema::parse(&format!("[{}]", columns.join(","))).unwrap())
}

pub fn random_cell(random: &mut Random, column: &ColumnSchema) -> Cell {
    let number = random.next() as i64 >> random.below(64);
    match column.kind {
        ColumnType::Bool => Cell::Integer(number & 1),
        ColumnType::Int8 => Cell::Integer(i64::from(number as i8)),
        ColumnType::Int16 => Cell::Integer(i64::from(number as i16)),
        ColumnType::Int32 => Cell::Integer(i64::from(number as i32)),
        ColumnType::Int64 => Cell::Integer(number),
        ColumnType::Float => Cell::Float(f64::from(number as f32)),
        ColumnType::Double => Cell::Float(number as f64 / 3.0),
        ColumnType::VarChar => Cell::Text(random.text(12)),
        ColumnType::Json if column.dynamic => Cell::Text(format!(r#"{{"n":{number},"t":{:?}}}"#, random.text(5))),
        ColumnType::Json => Cell::Text([format!("{number}"), format!("[{number}, null]"), String::from("{}")][random.below(3)].clone()),
        ColumnType::FloatVector => Cell::Vector((0..column.dim).map(|_| random.next() as i32 as f32).collect()),
        ColumnType::Array => Cell::of_bytes(&random_array(random, column.element.unwrap())),
        ColumnType::SparseFloatVector => Cell::of_bytes(&random_sparse(random)),
        // The low bits of the exponents are clear, so that all numbers are finite.
        kind => Cell::of_bytes(
            &(0..kind.width(column.dim).unwrap())
                .map(|_| random.next() as u8 & 0xbb)
                .collect::<Vec<_>>(),
        ),
    }
}

fn random_array(random: &mut Random, element: ColumnType) -> Vec<u8> {
    let (mut run, mut texts) = (Vec::new(), Vec::new());
    for _ in 0..random.below(10) {
        match element {
            ColumnType::Int64 => put_varint(&mut run, random.next() >> random.below(64)),
            ColumnType::Int16 => put_varint(&mut run, random.next() as i16 as u64),
            ColumnType::Bool => run.push(random.below(2) as u8),
            ColumnType::Double => run.extend_from_slice(&(random.next() as f64).to_le_bytes()),
            _ => {
                let text = random.text(12);
                put_length(&mut texts, 1, text.len());
                texts.extend_from_slice(text.as_bytes());
            }
        }
    }
    if !run.is_empty() {
        put_length(&mut texts, 1, run.len());
        texts.append(&mut run);
    }
    let member = [(1, 1), (3, 2), (5, 3), (11, 5), (21, 6)];
    let member = member.iter().find(|(number, _)| *number == element.number()).unwrap().1;
    let mut out = Vec::new();
    put_length(&mut out, member, texts.len());
    out.append(&mut texts);
    out
}

fn random_sparse(random: &mut Random) -> Vec<u8> {
    let mut index = 0u32;
    let pair = |_| {
        index += 1 + random.below(1000) as u32;
        [index.to_le_bytes(), (random.below(1000) as f32).to_le_bytes()].concat()
    };
    (0..3).flat_map(pair).collect()
}

/// Cells of each column, in schema order; None: null.
pub type Table = Vec<Vec<Option<Cell>>>;

pub fn random_table(random: &mut Random, schema: &Schema, row_count: usize) -> Table {
    let mut table = Vec::new();
    for column in &schema.columns {
        let may_be_null = column.nullable && !random.one_in(4);
        table.push(
            (0..row_count)
                .map(|_| {
                    if may_be_null && random.one_in(3) {
                        None
                    } else {
                        Some(random_cell(random, column))
                    }
                })
                .collect(),
        );
    }
    table
}

/// The message that a client sends for these cells.
pub fn field_data(column: &ColumnSchema, cells: &[Option<Cell>], packed: bool) -> Vec<u8> {
    let mut data = Vec::new();
    let (group, member) = match column.kind {
        ColumnType::Bool => (3, 1),
        ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 => (3, 2),
        ColumnType::Int64 => (3, 3),
        ColumnType::Float => (3, 4),
        ColumnType::Double => (3, 5),
        ColumnType::VarChar => (3, 6),
        ColumnType::Json => (3, 9),
        ColumnType::Timestamptz => (3, 11),
        ColumnType::Geometry => (3, 12),
        ColumnType::Array => (3, 8),
        ColumnType::FloatVector => (4, 2),
        ColumnType::BinaryVector => (4, 3),
        ColumnType::Float16Vector => (4, 4),
        ColumnType::BFloat16Vector => (4, 5),
        ColumnType::SparseFloatVector => (4, 6),
        ColumnType::Int8Vector => (4, 7),
        ColumnType::VectorList => unreachable!("made by the tests of lists themselves"),
    };
    let (mut run, mut raw) = (Vec::new(), Vec::new());
    let mut put = |wire: u64, bytes: &[u8]| {
        if packed && wire != 2 {
            return run.extend_from_slice(bytes);
        }
        put_varint(&mut data, 8 | wire);
        data.extend_from_slice(bytes);
    };
    for cell in cells.iter().flatten() {
        let mut bytes = Vec::new();
        match (cell, column.kind) {
            (Cell::Integer(value), _) => {
                put_varint(&mut bytes, *value as u64);
                put(0, &bytes);
            }
            (Cell::Float(value), ColumnType::Float) => put(5, &(*value as f32).to_le_bytes()),
            (Cell::Float(value), _) => put(1, &value.to_le_bytes()),
            (Cell::Text(_) | Cell::Bytes(_), kind) if kind.is_vector() && kind != ColumnType::SparseFloatVector => {
                raw.extend_from_slice(cell.bytes());
            }
            (Cell::Text(_) | Cell::Bytes(_), _) => {
                put_varint(&mut bytes, cell.bytes().len() as u64);
                bytes.extend_from_slice(cell.bytes());
                put(2, &bytes);
            }
            (Cell::Vector(values), _) => values.iter().for_each(|value| put(5, &value.to_le_bytes())),
        }
    }
    if !run.is_empty() {
        put_length(&mut data, 1, run.len());
        data.extend_from_slice(&run);
    }
    data.append(&mut raw);
    let mut body = Vec::new();
    if group == 4 {
        put_varint(&mut body, 8);
        put_varint(&mut body, column.dim as u64);
    }
    put_length(&mut body, member, data.len());
    body.extend_from_slice(&data);
    let mut out = vec![8, column.kind.number() as u8];
    put_length(&mut out, 2, 4);
    out.extend_from_slice(b"name");
    put_length(&mut out, group, body.len());
    out.extend_from_slice(&body);
    if cells.contains(&None) {
        put_length(&mut out, 7, cells.len());
        out.extend(cells.iter().map(|cell| u8::from(cell.is_some())));
    }
    out
}

pub fn decode_table(schema: &Arc<Schema>, table: &Table, packed: bool) -> Outcome<Rows> {
    let row_count = table[0].len();
    let bytes: Vec<Vec<u8>> = schema
        .columns
        .iter()
        .zip(table)
        .map(|(column, cells)| field_data(column, cells, packed))
        .collect();
    let fields: Vec<FieldBytes> = schema
        .columns
        .iter()
        .zip(&bytes)
        .map(|(column, data)| FieldBytes { id: column.id, data })
        .collect();
    Rows::decode(schema, row_count, &fields, None)
}

pub fn cell_at(column: &Column, row: usize) -> Option<Cell> {
    column.is_valid(row).then(|| match &column.values {
        Values::Bool(values) => Cell::Integer(values[row].into()),
        Values::Int8(values) => Cell::Integer(values[row].into()),
        Values::Int16(values) => Cell::Integer(values[row].into()),
        Values::Int32(values) => Cell::Integer(values[row].into()),
        Values::Int64(values) => Cell::Integer(values[row]),
        Values::Float(values) => Cell::Float(values[row].into()),
        Values::Double(values) => Cell::Float(values[row]),
        values @ (Values::Bytes { .. } | Values::Repeated { .. }) => Cell::of_bytes(values.bytes_at(row)),
        Values::Packed { width, bytes } => Cell::of_bytes(&bytes[row * width..(row + 1) * width]),
        Values::Vectors { dim, values } => Cell::Vector(values[row * dim..(row + 1) * dim].to_vec()),
    })
}

/// What a column with a default stores for a null cell.
pub fn stored(column: &ColumnSchema, cell: &Option<Cell>) -> Option<Cell> {
    let default = || match (column.default.as_ref()?, column.kind) {
        (_, ColumnType::Int64) => Some(Cell::Integer(9_007_199_254_740_993)),
        (serde_json::Value::Bool(value), _) => Some(Cell::Integer((*value).into())),
        (serde_json::Value::String(text), _) => Some(Cell::Text(text.clone())),
        (value, ColumnType::Float | ColumnType::Double) => value.as_f64().map(Cell::Float),
        (value, _) => value.as_i64().map(Cell::Integer),
    };
    cell.clone().or_else(default)
}
