//! Primary keys outside of a chunk, and their wire form `schema.IDs` (int_id = 1 { data = 1, packed int64 } or str_id = 2 { data = 1, strings }).

use super::schema::Schema;
use super::snapshot::Pick;
use crate::failure::Outcome;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    Int64(Vec<i64>),
    VarChar(Vec<String>),
}

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

    /// Reads an encoded `schema.IDs`; kind `malformed` when it is none.
    pub fn decode(_bytes: &[u8]) -> Outcome<Keys> {
        todo!()
    }

    /// An encoded `schema.IDs`.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }
}

/// The keys of these rows as an encoded `schema.IDs`.
pub fn encode_ids(_schema: &Schema, _picks: &[Pick]) -> Vec<u8> {
    todo!()
}
