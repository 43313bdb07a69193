//! Primary keys outside of a chunk, and their wire form `schema.IDs` { int_id = 1 { data = 1, packed int64 } | str_id = 2 { data = 1, strings } }.

use super::column::{Column, Values};
use super::schema::{ColumnType, Schema};
use super::snapshot::Pick;
use super::wire::{Reader, Value, length_of_field, put_length, put_varint, varint_length};
use crate::failure::{Failure, Outcome};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    Int64(Vec<i64>),
    VarChar(Vec<String>),
}

const INTEGERS: u32 = 1;
const TEXTS: u32 = 2;
const DATA: u32 = 1;

impl Keys {
    pub fn len(&self) -> usize {
        match self {
            Keys::Int64(keys) => keys.len(),
            Keys::VarChar(keys) => keys.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads an encoded `schema.IDs`; kind `malformed` when it is none. No member at all means no keys.
    pub fn decode(bytes: &[u8]) -> Outcome<Keys> {
        let mut keys = Keys::Int64(Vec::new());
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (INTEGERS, Value::Bytes(body)) => keys.add_integers(body)?,
                (TEXTS, Value::Bytes(body)) => keys.add_texts(body)?,
                (INTEGERS | TEXTS, _) => return Err(Failure::malformed("ids are no message")),
                _ => {}
            }
        }
        Ok(keys)
    }

    fn add_integers(&mut self, body: &[u8]) -> Outcome<()> {
        if let Keys::VarChar(_) = self {
            *self = Keys::Int64(Vec::new());
        }
        let Keys::Int64(keys) = self else { return Ok(()) };
        let mut reader = Reader::new(body);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (DATA, Value::Varint(key)) => keys.push(key as i64),
                (DATA, Value::Bytes(run)) => {
                    let mut run = Reader::new(run);
                    while !run.is_empty() {
                        keys.push(run.varint()? as i64);
                    }
                }
                (DATA, _) => return Err(Failure::malformed("id of a fixed width")),
                _ => {}
            }
        }
        Ok(())
    }

    fn add_texts(&mut self, body: &[u8]) -> Outcome<()> {
        if let Keys::Int64(_) = self {
            *self = Keys::VarChar(Vec::new());
        }
        let Keys::VarChar(keys) = self else { return Ok(()) };
        let mut reader = Reader::new(body);
        while let Some((number, value)) = reader.field()? {
            match (number, value) {
                (DATA, Value::Bytes(text)) => {
                    let text = std::str::from_utf8(text).map_err(|_| Failure::malformed("id is not UTF-8"))?;
                    keys.push(text.to_owned());
                }
                (DATA, _) => return Err(Failure::malformed("id is no text")),
                _ => {}
            }
        }
        Ok(())
    }

    /// An encoded `schema.IDs`.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Keys::Int64(keys) => encode_integers(keys.iter().copied()),
            Keys::VarChar(keys) => encode_texts(keys.iter().map(String::as_bytes)),
        }
    }
}

/// The keys of these rows as an encoded `schema.IDs`.
pub fn encode_ids(schema: &Schema, picks: &[Pick]) -> Vec<u8> {
    let primary = schema.primary;
    match schema.columns[primary].kind {
        ColumnType::Int64 => encode_integers(picks.iter().map(|pick| pick.chunk.columns[primary].integer_at(pick.row as usize))),
        _ => encode_texts(
            picks
                .iter()
                .map(|pick| pick.chunk.columns[primary].values.bytes_at(pick.row as usize)),
        ),
    }
}

/// All keys of a key column as an encoded `schema.IDs`.
pub(super) fn encode_keys_of(column: &Column, row_count: usize) -> Vec<u8> {
    match &column.values {
        Values::Int64(keys) => encode_integers(keys.iter().copied()),
        values => encode_texts((0..row_count).map(|row| values.bytes_at(row))),
    }
}

fn encode_integers(keys: impl Iterator<Item = i64> + Clone) -> Vec<u8> {
    let packed: usize = keys.clone().map(|key| varint_length(key as u64)).sum();
    let body = if packed == 0 { 0 } else { length_of_field(DATA, packed) };
    let mut out = Vec::with_capacity(length_of_field(INTEGERS, body));
    put_length(&mut out, INTEGERS, body);
    if packed > 0 {
        put_length(&mut out, DATA, packed);
        keys.for_each(|key| put_varint(&mut out, key as u64));
    }
    out
}

fn encode_texts<'a>(keys: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let body: usize = keys.clone().map(|key| length_of_field(DATA, key.len())).sum();
    let mut out = Vec::with_capacity(length_of_field(TEXTS, body));
    put_length(&mut out, TEXTS, body);
    for key in keys {
        put_length(&mut out, DATA, key.len());
        out.extend_from_slice(key);
    }
    out
}
