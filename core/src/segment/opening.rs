//! Opens a segment file (`file.rs`): maps it, verifies every byte and every rule that readers rely on, and makes a sealed segment of it.

use std::fs::File;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::buffer::Buffer;
use super::chunk::Chunk;
use super::column::{Column, Values};
use super::decode::absent_column;
use super::decode_vectors::check_sparse;
use super::file::{ALIGNMENT, Block, Directory, FileColumn, MAGIC, Place, Role, TAIL_MAGIC, TRAILER, VERSION, align};
use super::geometry::is_wkb;
use super::key_filter::filter_bytes;
use super::mapping;
use super::schema::{ColumnSchema, ColumnType, Schema};
use super::segment::{MappedFile, Segment};
use super::terms::put_terms;
use super::vector_lists::width_of_listed;
use crate::failure::{Failure, Outcome};

impl Segment {
    /// Opens the segment file at `path`. Columns that the schema has gained since it was written get their default or null, or the terms of their texts; those it lost are passed over.
    pub fn open(schema: &Arc<Schema>, path: &str) -> Outcome<Segment> {
        let file = Opened::map(path)?;
        let filter_damaged = file.check_blocks()?;
        let columns: Vec<Outcome<Option<Column>>> = schema.columns.par_iter().map(|column| file.column(column)).collect();
        let columns = put_terms(schema, file.row_count, columns.into_iter().collect::<Outcome<Vec<_>>>()?);
        file.check_sorted(&columns[schema.primary])?;
        let timestamps: Buffer<u64> = file.values(file.place(None, Role::Timestamps)?, file.row_count)?;
        let words = if filter_damaged { None } else { file.filter_words()? };
        let mapped = MappedFile {
            map: Arc::clone(&file.map),
            filter_damaged,
        };
        Ok(Segment::opened(Arc::clone(schema), Chunk::of(columns, timestamps), words, mapped))
    }
}

struct Opened<'a> {
    path: &'a str,
    map: Arc<Mmap>,
    directory: Directory,
    directory_offset: u64,
    row_count: usize,
}

impl<'a> Opened<'a> {
    /// Maps the file and reads its directory, which is verified itself.
    fn map(path: &'a str) -> Outcome<Opened<'a>> {
        let damaged = |offset: usize, what: &str| Failure::new("damaged", vec![path.into(), offset.into(), what.into()]);
        let file = File::open(path).map_err(|error| damaged(0, &error.to_string()))?;
        let map = mapping::map(&file).map_err(|error| damaged(0, &error.to_string()))?;
        let (before, trailer) = map.split_last_chunk::<TRAILER>().ok_or_else(|| damaged(map.len(), "too short"))?;
        let long = |at: usize| trailer[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if &trailer[24..] != TAIL_MAGIC {
            return Err(damaged(before.len(), "does not end as a segment file does"));
        }
        let bytes = usize::try_from(long(0))
            .ok()
            .and_then(|offset| before.get(offset..))
            .filter(|bytes| bytes.len() as u64 == long(8));
        let bytes = bytes.ok_or_else(|| damaged(before.len(), "directory out of place"))?;
        let directory_offset = long(0);
        if xxh3_64(bytes) != long(16) {
            return Err(damaged(directory_offset as usize, "checksum of the directory"));
        }
        let directory = Directory::decode(bytes).ok_or_else(|| damaged(directory_offset as usize, "directory"))?;
        let row_count = directory.row_count;
        if row_count >= u64::from(u32::MAX) {
            return Err(damaged(directory_offset as usize, "number of rows"));
        }
        Ok(Opened {
            path,
            map: Arc::new(map),
            directory,
            directory_offset,
            row_count: row_count as usize,
        })
    }

    fn damaged(&self, offset: u64, what: &str) -> Failure {
        Failure::new("damaged", vec![self.path.into(), (offset as i64).into(), what.into()])
    }

    /// The blocks must cover each byte before the directory, and be as they were written; says whether the key filter, which can be done without, is not.
    fn check_blocks(&self) -> Outcome<bool> {
        let mut end = 0u64;
        for block in &self.directory.blocks {
            let next = end
                .checked_add(block.length)
                .filter(|next| block.offset == end && *next <= self.directory_offset);
            end = next.ok_or_else(|| self.damaged(block.offset, "block out of place"))?;
        }
        if end != self.directory_offset {
            return Err(self.damaged(end, "bytes without a checksum"));
        }
        let is_broken = |block: &&Block| {
            let bytes = &self.map[block.offset as usize..(block.offset + block.length) as usize];
            xxh3_64(bytes) != block.checksum
        };
        let (derived, data): (Vec<&Block>, Vec<&Block>) = self.directory.blocks.iter().partition(|block| self.is_of_filter(block));
        if let Some(block) = data.into_par_iter().find_first(is_broken) {
            return Err(self.damaged(block.offset, "checksum"));
        }
        let filter_damaged = derived.iter().any(is_broken);
        let mut header = [0u8; 24];
        let found = self
            .map
            .get(..24)
            .filter(|_| self.directory_offset >= 64)
            .ok_or_else(|| self.damaged(0, "header"))?;
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[16..].copy_from_slice(&self.directory.row_count.to_le_bytes());
        if found != header {
            return Err(self.damaged(0, "magic, version or number of rows"));
        }
        Ok(filter_damaged)
    }

    /// Whether the block holds nothing but the key filter and the zeros behind it.
    fn is_of_filter(&self, block: &Block) -> bool {
        self.place(None, Role::Filter).is_ok_and(|place| {
            place.offset <= block.offset && block.offset + block.length <= align(place.offset.saturating_add(place.length))
        })
    }

    fn filter_words(&self) -> Outcome<Option<Buffer<u32>>> {
        let Ok(place) = self.place(None, Role::Filter) else {
            return Ok(None);
        };
        if place.length != filter_bytes(self.row_count) as u64 {
            return Err(self.damaged(place.offset, "key filter of another number of rows"));
        }
        Ok(Some(self.values(place, place.length as usize / size_of::<u32>())?))
    }

    fn place(&self, column: Option<usize>, role: Role) -> Outcome<&Place> {
        let place = self
            .directory
            .places
            .iter()
            .find(|place| place.column == column && place.role == role);
        place.ok_or_else(|| self.damaged(self.directory_offset, "part missing"))
    }

    /// `count` values that lie at this place.
    fn values<T: Pod>(&self, place: &Place, count: usize) -> Outcome<Buffer<T>> {
        let end = place.offset.checked_add(place.length).filter(|end| *end <= self.directory_offset);
        let length = count.checked_mul(size_of::<T>()).map(|length| length as u64);
        if end.is_none() || length != Some(place.length) || !place.offset.is_multiple_of(ALIGNMENT) {
            return Err(self.damaged(place.offset, "part of a wrong length or place"));
        }
        Ok(Buffer::mapped(Arc::clone(&self.map), place.offset as usize, count))
    }

    /// None: one of terms that the file was written without, which are made of its texts.
    fn column(&self, schema: &ColumnSchema) -> Outcome<Option<Column>> {
        let Some(at) = self.directory.columns.iter().position(|column| column.id == schema.id) else {
            return match schema.terms_of {
                Some(_) => Ok(None),
                None => absent_column(schema, self.row_count).map(Some),
            };
        };
        let FileColumn { kind, dim, .. } = self.directory.columns[at];
        if kind != schema.kind || dim as usize != schema.dim {
            return Err(self.damaged(self.directory_offset, "column of another type"));
        }
        let values = match kind {
            ColumnType::VarChar | ColumnType::Json => self.texts(at)?,
            ColumnType::Array => self.runs(at)?.0,
            ColumnType::Geometry => self.geometries(at)?,
            ColumnType::SparseFloatVector => self.sparse(at)?,
            ColumnType::VectorList => self.lists(at, schema)?,
            _ => self.fixed(schema, self.place(Some(at), Role::Values)?)?,
        };
        let valid = match self.place(Some(at), Role::Valid) {
            Ok(place) => Some(self.flags(place)?),
            Err(_) => None,
        };
        Ok(Some(Column {
            id: schema.id,
            values,
            valid,
        }))
    }

    fn fixed(&self, schema: &ColumnSchema, place: &Place) -> Outcome<Values> {
        let rows = self.row_count;
        Ok(match schema.kind {
            ColumnType::Bool => Values::Bool(self.flags(place)?),
            ColumnType::Int8 => Values::Int8(self.values(place, rows)?),
            ColumnType::Int16 => Values::Int16(self.values(place, rows)?),
            ColumnType::Int32 => Values::Int32(self.values(place, rows)?),
            ColumnType::Int64 | ColumnType::Timestamptz => Values::Int64(self.values(place, rows)?),
            ColumnType::Float => Values::Float(self.values(place, rows)?),
            ColumnType::Double => Values::Double(self.values(place, rows)?),
            ColumnType::BinaryVector | ColumnType::Float16Vector | ColumnType::BFloat16Vector | ColumnType::Int8Vector => {
                let width = schema.kind.width(schema.dim).unwrap_or(1);
                let count = rows.checked_mul(width).ok_or_else(|| self.damaged(place.offset, "dim"))?;
                Values::Packed {
                    width,
                    bytes: self.values(place, count)?,
                }
            }
            _ => {
                let count = rows.checked_mul(schema.dim).ok_or_else(|| self.damaged(place.offset, "dim"))?;
                Values::Vectors {
                    dim: schema.dim,
                    values: self.values(place, count)?,
                }
            }
        })
    }

    fn flags(&self, place: &Place) -> Outcome<Buffer<u8>> {
        let flags: Buffer<u8> = self.values(place, self.row_count)?;
        match flags.iter().position(|&flag| flag > 1) {
            None => Ok(flags),
            Some(at) => Err(self.damaged(place.offset + at as u64, "flag that is neither 0 nor 1")),
        }
    }

    /// Runs of bytes of different lengths, and where the bytes lie.
    fn runs(&self, at: usize) -> Outcome<(Values, u64)> {
        let (ends, texts) = (self.place(Some(at), Role::Offsets)?, self.place(Some(at), Role::Bytes)?);
        let offsets: Buffer<u64> = self.values(ends, self.row_count + 1)?;
        let bytes: Buffer<u8> = self.values(texts, texts.length as usize)?;
        if offsets.first() != Some(&0) || offsets.last() != Some(&texts.length) || !offsets.is_sorted() {
            return Err(self.damaged(ends.offset, "offsets of texts"));
        }
        Ok((Values::Bytes { offsets, bytes }, texts.offset))
    }

    fn texts(&self, at: usize) -> Outcome<Values> {
        let (values, start) = self.runs(at)?;
        let Values::Bytes { offsets, bytes } = &values else {
            return Ok(values);
        };
        let text = std::str::from_utf8(bytes).map_err(|error| self.damaged(start + error.valid_up_to() as u64, "text is not UTF-8"))?;
        match offsets.iter().find(|&&offset| !text.is_char_boundary(offset as usize)) {
            None => Ok(values),
            Some(offset) => Err(self.damaged(start + offset, "text ends inside a character")),
        }
    }

    /// A null row has no bytes.
    fn geometries(&self, at: usize) -> Outcome<Values> {
        let (values, start) = self.runs(at)?;
        match (0..self.row_count).all(|row| values.bytes_at(row).is_empty() || is_wkb(values.bytes_at(row))) {
            true => Ok(values),
            false => Err(self.damaged(start, "geometry")),
        }
    }

    fn sparse(&self, at: usize) -> Outcome<Values> {
        let (values, start) = self.runs(at)?;
        match (0..self.row_count).all(|row| check_sparse(values.bytes_at(row)).is_ok()) {
            true => Ok(values),
            false => Err(self.damaged(start, "sparse vector")),
        }
    }

    fn lists(&self, at: usize, schema: &ColumnSchema) -> Outcome<Values> {
        let (values, start) = self.runs(at)?;
        let width = width_of_listed(schema);
        match (0..self.row_count).all(|row| values.bytes_at(row).len().is_multiple_of(width)) {
            true => Ok(values),
            false => Err(self.damaged(start, "list of vectors")),
        }
    }

    /// Lookups of keys are binary searches.
    fn check_sorted(&self, keys: &Column) -> Outcome<()> {
        let sorted = match &keys.values {
            Values::Int64(values) => values.is_sorted(),
            values => (1..self.row_count).all(|row| values.bytes_at(row - 1) <= values.bytes_at(row)),
        };
        if sorted {
            Ok(())
        } else {
            Err(self.damaged(0, "rows are not in the order of their keys"))
        }
    }
}
