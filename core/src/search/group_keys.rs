//! The values that rows are grouped by: as bytes that are equal when the values are, and as the columns of a reply.

use std::borrow::Cow;

use super::request::{GroupBy, GroupField};
use crate::failure::{Failure, Outcome};
use crate::filter::json::{Kind, PathStep, find, kind, value_text};
use crate::filter::program::Step;
use crate::segment::chunk::Chunk;
use crate::segment::column::Values;
use crate::segment::encode::{encode_integers, encode_texts};
use crate::segment::schema::{ColumnSchema, ColumnType, Schema};
use crate::segment::{Pick, encode_field};

/// Milvus's number of a cast that does not succeed (UnexpectedError).
const CAST_FAILED: usize = 2001;

pub struct GroupKeys<'a> {
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    by: &'a GroupField,
    column: &'a ColumnSchema,
    /// Of the column.
    position: usize,
    path: Vec<PathStep>,
}

#[derive(Debug, PartialEq)]
enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, [u8]>),
}

impl<'a> GroupKeys<'a> {
    /// Kind `malformed` for fields that are not there or cannot be grouped by.
    pub fn new(by: &'a GroupBy, schema: &'a Schema) -> Outcome<GroupKeys<'a>> {
        let bind = |by: &'a GroupField| {
            let position = schema.position(by.field_id).filter(|&at| can_group(schema.columns[at].kind));
            let position = position.ok_or_else(|| Failure::of_field("malformed", by.field_id, vec!["field to group by".into()]))?;
            Ok(Field {
                by,
                column: &schema.columns[position],
                position,
                path: by.path.iter().map(|key| PathStep::from(&Step::Key(key.clone()))).collect(),
            })
        };
        Ok(GroupKeys {
            fields: by.fields.iter().map(bind).collect::<Outcome<_>>()?,
        })
    }

    /// Appends the bytes of a row's values to `key`.
    pub fn write(&self, chunk: &Chunk, row: usize, key: &mut Vec<u8>) -> Outcome<()> {
        for field in &self.fields {
            match field.value(chunk, row)? {
                Value::Null => key.push(0),
                Value::Integer(number) => {
                    key.push(1);
                    key.extend_from_slice(&number.to_le_bytes());
                }
                Value::Text(text) => {
                    key.push(2);
                    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    key.extend_from_slice(&text);
                }
            }
        }
        Ok(())
    }

    /// The values of these rows, one encoded FieldData a field.
    pub fn encode(&self, picks: &[Pick]) -> Outcome<Vec<Vec<u8>>> {
        self.fields.iter().map(|field| field.encode(picks)).collect()
    }
}

fn can_group(kind: ColumnType) -> bool {
    use ColumnType::*;
    matches!(kind, Bool | Int8 | Int16 | Int32 | Int64 | Timestamptz | VarChar | Json)
}

impl Field<'_> {
    fn value<'c>(&self, chunk: &'c Chunk, row: usize) -> Outcome<Value<'c>> {
        let column = &chunk.columns[self.position];
        if !column.is_valid(row) {
            return Ok(Value::Null);
        }
        Ok(match &column.values {
            Values::Bool(values) => Value::Integer(i64::from(values[row])),
            Values::Int8(values) => Value::Integer(i64::from(values[row])),
            Values::Int16(values) => Value::Integer(i64::from(values[row])),
            Values::Int32(values) => Value::Integer(i64::from(values[row])),
            Values::Int64(values) => Value::Integer(values[row]),
            values if self.column.kind == ColumnType::Json => return self.of_json(values.bytes_at(row)),
            values => Value::Text(Cow::Borrowed(values.bytes_at(row))),
        })
    }

    fn of_json<'c>(&self, document: &'c [u8]) -> Outcome<Value<'c>> {
        let found = find(document, &self.path);
        let value = match self.by.cast {
            None => found.and_then(value_text).map(|text| Value::Text(compact(text))),
            Some(ColumnType::VarChar) => match found.and_then(kind) {
                Some(Kind::Text(text)) => Some(Value::Text(text)),
                _ => None,
            },
            Some(ColumnType::Bool) => match found.and_then(kind) {
                Some(Kind::Bool(flag)) => Some(Value::Integer(i64::from(flag))),
                _ => None,
            },
            Some(integer) => match found.and_then(kind) {
                Some(Kind::Int(number)) => Some(Value::Integer(narrow(integer, number))),
                _ => None,
            },
        };
        match value {
            Some(value) => Ok(value),
            None if self.by.strict_cast => Err(self.refused()),
            None => Ok(Value::Null),
        }
    }

    /// Words of milvus internal/core/src/exec/operator/search-groupby/SearchGroupByOperator.h.
    fn refused(&self) -> Failure {
        let what = match self.by.cast {
            None => "object node to string",
            Some(ColumnType::VarChar) => "string to string",
            Some(ColumnType::Bool) => "value to bool",
            Some(_) => "value to int64_t",
        };
        let words = format!("failed to cast json {what}, wrong json data inner type");
        Failure::of_field("execution", self.by.field_id, vec![CAST_FAILED.into(), words.into()])
    }

    fn encode(&self, picks: &[Pick]) -> Outcome<Vec<u8>> {
        if self.column.kind != ColumnType::Json {
            return Ok(encode_field(&self.by.header, self.column, picks, None));
        }
        let values: Vec<Value> = picks
            .iter()
            .map(|pick| self.value(pick.chunk, pick.row as usize))
            .collect::<Outcome<_>>()?;
        let kind = self.by.cast.unwrap_or(ColumnType::VarChar);
        if kind == ColumnType::VarChar {
            let text = |value: &'_ Value| match value {
                Value::Text(text) => Some(text.to_vec()),
                _ => None,
            };
            return Ok(encode_texts(&self.by.header, &values.iter().map(text).collect::<Vec<_>>()));
        }
        let number = |value: &Value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        };
        Ok(encode_integers(
            &self.by.header,
            kind,
            &values.iter().map(number).collect::<Vec<_>>(),
        ))
    }
}

/// What is left of a number that does not fit, as a cast of C.
fn narrow(kind: ColumnType, number: i64) -> i64 {
    match kind {
        ColumnType::Int8 => i64::from(number as i8),
        ColumnType::Int16 => i64::from(number as i16),
        ColumnType::Int32 => i64::from(number as i32),
        _ => number,
    }
}

/// JSON without the space between its tokens.
fn compact(text: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Vec::new();
    let mut in_string = false;
    let mut at = 0;
    let mut start = 0;
    while at < text.len() {
        match text[at] {
            b'"' => in_string = !in_string,
            b'\\' if in_string => at += 1,
            byte if !in_string && byte.is_ascii_whitespace() => {
                kept.extend_from_slice(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if start == 0 {
        return Cow::Borrowed(text);
    }
    kept.extend_from_slice(&text[start..]);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn compacting_takes_only_the_space_between_tokens() {
        for (text, expected) in [
            (r#"{"a": [1, 2 ], "b c" :"d \" e" }"#, r#"{"a":[1,2],"b c":"d \" e"}"#),
            (r#""a \\" "#, r#""a \\""#),
            ("12", "12"),
            (" \n12\t", "12"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&compact(text.as_bytes())), expected);
        }
    }
}
