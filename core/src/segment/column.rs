//! One column of a chunk: values laid out densely (nulls have a placeholder) and, where some row is null, a byte a row that says which are valid.

use super::buffer::Buffer;

#[derive(Clone, Debug)]
pub enum Values {
    Bool(Buffer<u8>),
    Int8(Buffer<i8>),
    Int16(Buffer<i16>),
    Int32(Buffer<i32>),
    Int64(Buffer<i64>),
    Float(Buffer<f32>),
    Double(Buffer<f64>),
    /// VarChar and JSON: row i is `bytes[offsets[i]..offsets[i + 1]]`; `offsets` has one more entry than rows.
    Bytes { offsets: Buffer<u64>, bytes: Buffer<u8> },
    /// Row i is `values[i * dim..(i + 1) * dim]`.
    Vectors { dim: usize, values: Buffer<f32> },
}

#[derive(Clone, Debug)]
pub struct Column {
    pub id: u32,
    pub values: Values,
    /// 1: valid, 0: null; absent when no row is null.
    pub valid: Option<Buffer<u8>>,
}

impl Column {
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row] != 0)
    }
}

impl Values {
    /// Row `row` of a `Bytes` column.
    pub fn bytes_at(&self, row: usize) -> &[u8] {
        match self {
            Values::Bytes { offsets, bytes } => &bytes[offsets[row] as usize..offsets[row + 1] as usize],
            _ => unreachable!("not a column of bytes"),
        }
    }
}
