//! The elements of an Array column's row, read where they stand in the one form that `segment/arrays.rs` gives them.
//!
//! The form: one member of `schema.ScalarField`, in it the repeated field 1, numbers packed. It was checked when the row came in; bytes that are broken
//! nevertheless end the array.

use crate::segment::schema::ColumnType;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a [u8]),
}

impl Item<'_> {
    /// None: not a number.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Item::Int(value) => Some(*value as f64),
            Item::Float(value) => Some(*value),
            _ => None,
        }
    }
}

/// Iterates over what is left of an array.
pub struct Elements<'a> {
    element: ColumnType,
    rest: &'a [u8],
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            *rest = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

/// The bytes of a length-delimited field, whatever its number; `rest` moves behind it.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    varint(rest)?;
    let length = usize::try_from(varint(rest)?).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

impl<'a> Elements<'a> {
    /// `row`: a row that is not null of a column of `element`s.
    pub fn of(element: ColumnType, row: &'a [u8]) -> Self {
        let mut rest = row;
        let mut body = field(&mut rest).unwrap_or(&[]);
        if element != ColumnType::VarChar {
            body = field(&mut body).unwrap_or(&[]);
        }
        Elements { element, rest: body }
    }

    pub fn length(mut self) -> usize {
        match self.element {
            ColumnType::Float => self.rest.len() / 4,
            ColumnType::Double => self.rest.len() / 8,
            ColumnType::VarChar => std::iter::from_fn(|| field(&mut self.rest)).count(),
            // A number ends with the byte that has no top bit.
            _ => self.rest.iter().filter(|&&byte| byte < 0x80).count(),
        }
    }

    /// The element at `index`; None beyond the end.
    pub fn at(mut self, index: usize) -> Option<Item<'a>> {
        let width = match self.element {
            ColumnType::Float => 4,
            ColumnType::Double => 8,
            _ => return self.nth(index),
        };
        self.rest = self.rest.get(index.checked_mul(width)?..)?;
        self.next()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        Some(match self.element {
            ColumnType::Float => {
                let (bytes, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                Item::Float(f32::from_le_bytes(*bytes).into())
            }
            ColumnType::Double => {
                let (bytes, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                Item::Float(f64::from_le_bytes(*bytes))
            }
            ColumnType::VarChar => Item::Text(field(&mut self.rest)?),
            ColumnType::Bool => Item::Bool(varint(&mut self.rest)? != 0),
            _ => Item::Int(varint(&mut self.rest)? as i64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_rows_end_early_and_never_panic() {
        // Three long numbers, the last of ten bytes; then two texts.
        let numbers = [0x1a, 14, 0x0a, 12, 1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let texts = [0x32, 7, 0x0a, 2, b'a', b'b', 0x0a, 1, b'c'];
        let kinds = [
            ColumnType::Bool,
            ColumnType::Int64,
            ColumnType::Float,
            ColumnType::Double,
            ColumnType::VarChar,
        ];
        let whole: Vec<Item> = Elements::of(ColumnType::Int64, &numbers).collect();
        assert_eq!(whole, [Item::Int(1), Item::Int(2), Item::Int(-1)]);
        assert_eq!(Elements::of(ColumnType::VarChar, &texts).at(1), Some(Item::Text(b"c")));
        for row in [&numbers[..], &texts] {
            for end in 0..row.len() {
                for kind in kinds {
                    let count = Elements::of(kind, &row[..end]).count();
                    assert!(count <= row.len());
                    assert_eq!(Elements::of(kind, &row[..end]).at(usize::MAX), None);
                    Elements::of(kind, &row[..end]).length();
                }
            }
        }
    }
}
