//! Primary keys of rows, for comparing.

use crate::segment::Pick;
use crate::segment::column::Values;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key<'a> {
    Int(i64),
    Text(&'a [u8]),
}

/// `primary`: position of the key column.
pub fn key_of<'a>(pick: &Pick<'a>, primary: usize) -> Key<'a> {
    match &pick.chunk.columns[primary].values {
        Values::Int64(keys) => Key::Int(keys[pick.row as usize]),
        values => Key::Text(values.bytes_at(pick.row as usize)),
    }
}
