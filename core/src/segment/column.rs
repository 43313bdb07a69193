//! One column of a chunk: values laid out densely (nulls have a placeholder) and, where some row is null, a byte a row that says which are valid.

use std::ops::Range;
use std::sync::Arc;

use memmap2::Mmap;

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
    /// VarChar, JSON, geometries (WKB), arrays (each an encoded `schema.ScalarField`), sparse vectors (pairs of index and value): row i is `bytes[offsets[i]..offsets[i + 1]]`; `offsets` has one more entry than rows.
    Bytes {
        offsets: Buffer<u64>,
        bytes: Buffer<u8>,
    },
    /// Rows of texts that are all the same: a column that was added when there were rows.
    Repeated {
        text: Arc<[u8]>,
        row_count: usize,
    },
    /// Row i is `values[i * dim..(i + 1) * dim]`.
    Vectors {
        dim: usize,
        values: Buffer<f32>,
    },
    /// Vectors of other elements, as the wire has them: row i is `bytes[i * width..(i + 1) * width]`.
    Packed {
        width: usize,
        bytes: Buffer<u8>,
    },
}

#[derive(Clone, Debug)]
pub struct Column {
    pub id: u32,
    pub values: Values,
    /// 1: valid, 0: null; absent when no row is null.
    pub valid: Option<Buffer<u8>>,
}

impl AsRef<Column> for Column {
    fn as_ref(&self) -> &Column {
        self
    }
}

impl Column {
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid[row] != 0)
    }

    /// Row `row` of an Int64 column.
    pub fn integer_at(&self, row: usize) -> i64 {
        match &self.values {
            Values::Int64(values) => values[row],
            _ => unreachable!("not an Int64 column"),
        }
    }

    /// Adds `more`, of `more_rows` rows, behind this column's own `rows` rows.
    pub(super) fn extend(&mut self, rows: usize, more: &Column, more_rows: usize) {
        self.values.extend(&more.values);
        if self.valid.is_some() || more.valid.is_some() {
            let valid = self.valid.get_or_insert_with(|| vec![1; rows].into()).to_mut();
            match &more.valid {
                Some(flags) => valid.extend_from_slice(flags),
                None => valid.resize(rows + more_rows, 1),
            }
        }
    }

    /// Bytes that the values would take one by one.
    pub(super) fn spread_size(&self) -> usize {
        self.values.value_bytes() + self.values.row_count() * size_of::<u64>()
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.values.byte_size() + self.valid.as_ref().map_or(0, Buffer::byte_size)
    }

    /// The bytes of a map that it is a view of.
    pub(super) fn ranges_of(&self, map: &Arc<Mmap>) -> Vec<Range<usize>> {
        let mut ranges = self.values.ranges_of(map);
        ranges.extend(self.valid.as_ref().and_then(|valid| valid.range_of(map)));
        ranges
    }
}

impl Values {
    pub fn row_count(&self) -> usize {
        match self {
            Values::Bool(values) => values.len(),
            Values::Int8(values) => values.len(),
            Values::Int16(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bytes { offsets, .. } => offsets.len() - 1,
            Values::Repeated { row_count, .. } => *row_count,
            Values::Vectors { dim, values } => values.len() / dim,
            Values::Packed { width, bytes } => bytes.len() / width,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        match self {
            Values::Bool(values) => values.byte_size(),
            Values::Int8(values) => values.byte_size(),
            Values::Int16(values) => values.byte_size(),
            Values::Int32(values) => values.byte_size(),
            Values::Int64(values) => values.byte_size(),
            Values::Float(values) => values.byte_size(),
            Values::Double(values) => values.byte_size(),
            Values::Bytes { offsets, bytes } => offsets.byte_size() + bytes.byte_size(),
            Values::Repeated { text, .. } => text.len(),
            Values::Vectors { values, .. } => values.byte_size(),
            Values::Packed { bytes, .. } => bytes.byte_size(),
        }
    }

    fn ranges_of(&self, map: &Arc<Mmap>) -> Vec<Range<usize>> {
        let range = match self {
            Values::Bool(values) => values.range_of(map),
            Values::Int8(values) => values.range_of(map),
            Values::Int16(values) => values.range_of(map),
            Values::Int32(values) => values.range_of(map),
            Values::Int64(values) => values.range_of(map),
            Values::Float(values) => values.range_of(map),
            Values::Double(values) => values.range_of(map),
            Values::Bytes { offsets, bytes } => {
                let ranges = [offsets.range_of(map), bytes.range_of(map)];
                return ranges.into_iter().flatten().collect();
            }
            Values::Repeated { .. } => None,
            Values::Vectors { values, .. } => values.range_of(map),
            Values::Packed { bytes, .. } => bytes.range_of(map),
        };
        range.into_iter().collect()
    }

    /// Bytes of all values, without the offsets of texts.
    pub(super) fn value_bytes(&self) -> usize {
        match self {
            Values::Repeated { text, row_count } => text.len() * row_count,
            values => values.as_bytes().len(),
        }
    }

    /// The bytes of values of a fixed width, one row after another; of texts those of the texts.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Values::Bool(values) => values,
            Values::Int8(values) => bytemuck::cast_slice(values),
            Values::Int16(values) => bytemuck::cast_slice(values),
            Values::Int32(values) => bytemuck::cast_slice(values),
            Values::Int64(values) => bytemuck::cast_slice(values),
            Values::Float(values) => bytemuck::cast_slice(values),
            Values::Double(values) => bytemuck::cast_slice(values),
            Values::Bytes { bytes, .. } => bytes,
            Values::Repeated { text, .. } => text,
            Values::Vectors { values, .. } => bytemuck::cast_slice(values),
            Values::Packed { bytes, .. } => bytes,
        }
    }

    fn extend(&mut self, more: &Values) {
        if let (
            Values::Repeated { text, row_count },
            Values::Repeated {
                text: other,
                row_count: more,
            },
        ) = (&mut *self, more)
            && text == other
        {
            *row_count += more;
            return;
        }
        self.write_out();
        match (self, more) {
            (Values::Bool(values), Values::Bool(more)) => values.to_mut().extend_from_slice(more),
            (Values::Int8(values), Values::Int8(more)) => values.to_mut().extend_from_slice(more),
            (Values::Int16(values), Values::Int16(more)) => values.to_mut().extend_from_slice(more),
            (Values::Int32(values), Values::Int32(more)) => values.to_mut().extend_from_slice(more),
            (Values::Int64(values), Values::Int64(more)) => values.to_mut().extend_from_slice(more),
            (Values::Float(values), Values::Float(more)) => values.to_mut().extend_from_slice(more),
            (Values::Double(values), Values::Double(more)) => values.to_mut().extend_from_slice(more),
            (Values::Vectors { values, .. }, Values::Vectors { values: more, .. }) => values.to_mut().extend_from_slice(more),
            (Values::Packed { bytes, .. }, Values::Packed { bytes: more, .. }) => bytes.to_mut().extend_from_slice(more),
            (
                Values::Bytes { offsets, bytes },
                Values::Bytes {
                    offsets: more_offsets,
                    bytes: more_bytes,
                },
            ) => {
                let start = bytes.len() as u64;
                bytes.to_mut().extend_from_slice(more_bytes);
                offsets.to_mut().extend(more_offsets[1..].iter().map(|offset| start + offset));
            }
            (Values::Bytes { offsets, bytes }, Values::Repeated { text, row_count }) => {
                let start = bytes.len() as u64;
                bytes.to_mut().extend_from_slice(&text.repeat(*row_count));
                offsets
                    .to_mut()
                    .extend((1..=*row_count as u64).map(|row| start + row * text.len() as u64));
            }
            _ => unreachable!("columns of two types"),
        }
    }

    /// Makes repeated texts texts of their own.
    fn write_out(&mut self) {
        if let Values::Repeated { text, row_count } = self {
            *self = Values::Bytes {
                offsets: (0..=*row_count as u64)
                    .map(|row| row * text.len() as u64)
                    .collect::<Vec<_>>()
                    .into(),
                bytes: text.repeat(*row_count).into(),
            };
        }
    }

    /// Row `row` of a column of texts.
    pub fn bytes_at(&self, row: usize) -> &[u8] {
        match self {
            Values::Bytes { offsets, bytes } => &bytes[offsets[row] as usize..offsets[row + 1] as usize],
            Values::Repeated { text, .. } => text,
            _ => unreachable!("not a column of bytes"),
        }
    }
}
