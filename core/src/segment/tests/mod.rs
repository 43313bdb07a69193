//! What the tests of this room share: seeded randomness, a schema of every type, and rows as plain cells that are encoded and read back.

mod decoding;
mod encoding;
mod files;
mod growing;
mod hostile;
mod schema_change;
mod split;

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
    }
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
        ColumnType::FloatVector => (4, 2),
    };
    let mut run = Vec::new();
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
            (Cell::Text(text), _) => {
                put_varint(&mut bytes, text.len() as u64);
                bytes.extend_from_slice(text.as_bytes());
                put(2, &bytes);
            }
            (Cell::Vector(values), _) => values.iter().for_each(|value| put(5, &value.to_le_bytes())),
        }
    }
    if !run.is_empty() {
        put_length(&mut data, 1, run.len());
        data.extend_from_slice(&run);
    }
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
        values @ (Values::Bytes { .. } | Values::Repeated { .. }) => Cell::Text(String::from_utf8(values.bytes_at(row).to_vec()).unwrap()),
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
