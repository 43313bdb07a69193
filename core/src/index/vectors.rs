//! What an index is built of and refines by: the vectors of one column of one sealed segment, and a query's vector beside them.

use crate::segment::column::{Column, Values};
use crate::segment::float_of_half;
use crate::segment::schema::{ColumnSchema, ColumnType};

/// Row i of the column is vector i; null rows have none.
#[derive(Clone, Copy)]
pub struct Vectors<'a> {
    pub kind: ColumnType,
    /// Elements of a vector; bits of a binary one; 0 of sparse ones.
    pub dim: usize,
    pub row_count: usize,
    column: &'a Column,
}

/// A query's vector in the form that indexes take.
#[derive(Clone, Copy, Debug)]
pub enum QueryVector<'a> {
    /// Of columns of float32, 16-bit floats and int8: `dim` values.
    Floats(&'a [f32]),
    /// `dim / 8` bytes.
    Bits(&'a [u8]),
    /// Pairs of a u32 index, ascending, and an f32 value, little-endian.
    Sparse(&'a [u8]),
}

impl<'a> Vectors<'a> {
    /// None when the column is not one of vectors.
    pub fn of(schema: &ColumnSchema, column: &'a Column, row_count: usize) -> Option<Self> {
        schema.kind.is_vector().then_some(Vectors {
            kind: schema.kind,
            dim: schema.dim,
            row_count,
            column,
        })
    }

    /// All values of a column of float32, row by row; None of other columns.
    pub fn floats(&self) -> Option<&'a [f32]> {
        match &self.column.values {
            Values::Vectors { values, .. } => Some(values),
            _ => None,
        }
    }

    /// All bytes of a column whose rows have one width, one after another; None of float32, and of sparse ones.
    pub fn packed(&self) -> Option<&'a [u8]> {
        match &self.column.values {
            Values::Packed { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    /// A byte a row, 0 where it is null; None: no row is.
    pub fn valid(&self) -> Option<&'a [u8]> {
        self.column.valid.as_deref()
    }

    /// Whether the row has a vector.
    pub fn has(&self, row: usize) -> bool {
        self.column.is_valid(row)
    }

    /// A row as the wire has it, of columns that are not float32.
    pub fn bytes(&self, row: usize) -> &'a [u8] {
        match &self.column.values {
            Values::Packed { width, bytes } => &bytes[row * width..(row + 1) * width],
            values => values.bytes_at(row),
        }
    }

    /// The bytes of a row of any kind.
    pub fn row_bytes(&self, row: usize) -> &'a [u8] {
        match self.floats() {
            Some(floats) => bytemuck::cast_slice(&floats[row * self.dim..(row + 1) * self.dim]),
            None => self.bytes(row),
        }
    }

    /// The `dim` values of a row of float32, 16-bit floats or int8 into `out`.
    pub fn read(&self, row: usize, out: &mut [f32]) {
        if let Some(floats) = self.floats() {
            out.copy_from_slice(&floats[row * self.dim..(row + 1) * self.dim]);
            return;
        }
        let bytes = self.bytes(row);
        if self.kind == ColumnType::Int8Vector {
            for (value, &byte) in out.iter_mut().zip(bytes) {
                *value = f32::from(byte as i8);
            }
            return;
        }
        for (value, half) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *value = float_of_half(self.kind, u16::from_le_bytes(*half));
        }
    }
}
