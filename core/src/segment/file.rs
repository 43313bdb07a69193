//! The file of a sealed segment. Little-endian. Rows stand in the order (key, time of writing).
//!
//! ```text
//! file      := header part* directory trailer
//! header    := magic "ELANSEGM" version:u32 (2) reserved:u32 (0) row_count:u64 zeros, 64 bytes in all
//! part      := the bytes of one run of values, then zeros up to a multiple of 64
//! directory := row_count:u64 column_count:u32 part_count:u32 block_count:u32 reserved:u32 (0)
//!              column{column_count} place{part_count} block{block_count}
//! column    := field_id:u32 type:u32 (Milvus's DataType) dim:u32 reserved:u32 (0)
//! place     := column:u32 (position among the columns; 0xffffffff: none) role:u32 offset:u64 length:u64 (without the zeros)
//! block     := offset:u64 length:u64 checksum:u64
//! trailer   := directory_offset:u64 directory_length:u64 checksum:u64 magic "ELANTAIL"
//! checksum  := xxh3-64; the trailer's is of the directory
//! ```
//!
//! Roles: 0 values of a fixed width (row_count x width; Bool is 1 byte, a FloatVector dim x 4, Float16Vector and BFloat16Vector dim x 2, Int8Vector dim,
//! BinaryVector dim / 8), 1 offsets of texts (row_count + 1 of u64, from 0, never falling), 2 bytes of texts (arrays and sparse vectors, too), 3 validity (a byte a row, 0 or 1; absent when no row is null), 4 times of writing (u64; of no column), 5 filter of the keys (`key_filter.rs`; of no column, in blocks of its own).
//! Blocks are what is written, read and checked at once; one after another they cover each byte before the directory, so no byte is unchecked.
//! Each part starts at a multiple of 64, which suits any value type and cache line. What the reader maps it has verified; damage is a failure of kind
//! `damaged` with the file, the offset and what is wrong. The key filter is derived from the keys: with a damaged one the file is opened all the same.

use super::schema::ColumnType;

pub(super) const MAGIC: &[u8; 8] = b"ELANSEGM";
pub(super) const TAIL_MAGIC: &[u8; 8] = b"ELANTAIL";
pub(super) const VERSION: u32 = 2;
pub(super) const HEADER: u64 = 64;
pub(super) const TRAILER: usize = 32;
pub(super) const ALIGNMENT: u64 = 64;
const NO_COLUMN: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Values = 0,
    Offsets = 1,
    Bytes = 2,
    Valid = 3,
    Timestamps = 4,
    Filter = 5,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileColumn {
    pub id: u32,
    pub kind: ColumnType,
    pub dim: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Position among the columns; None: times of writing.
    pub column: Option<usize>,
    pub role: Role,
    pub offset: u64,
    pub length: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub offset: u64,
    pub length: u64,
    pub checksum: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub row_count: u64,
    pub columns: Vec<FileColumn>,
    pub places: Vec<Place>,
    pub blocks: Vec<Block>,
}

pub(super) fn align(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGNMENT)
}

pub(super) fn encode_header(row_count: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER as usize);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
    out.extend_from_slice(&row_count.to_le_bytes());
    out.resize(HEADER as usize, 0);
    out
}

impl Directory {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |words: &[u32], longs: &[u64]| {
            words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
            longs.iter().for_each(|long| out.extend_from_slice(&long.to_le_bytes()));
        };
        put(&[], &[self.row_count]);
        put(
            &[self.columns.len() as u32, self.places.len() as u32, self.blocks.len() as u32, 0],
            &[],
        );
        self.columns
            .iter()
            .for_each(|column| put(&[column.id, column.kind.number(), column.dim, 0], &[]));
        for place in &self.places {
            put(
                &[place.column.map_or(NO_COLUMN, |at| at as u32), place.role as u32],
                &[place.offset, place.length],
            );
        }
        self.blocks
            .iter()
            .for_each(|block| put(&[], &[block.offset, block.length, block.checksum]));
        out
    }

    /// None when the bytes are no directory.
    pub fn decode(bytes: &[u8]) -> Option<Directory> {
        let mut reader = Words { rest: bytes };
        let row_count = reader.long()?;
        let [columns, places, blocks, _] = [reader.word()?, reader.word()?, reader.word()?, reader.word()?];
        let size = 24 + u64::from(columns) * 16 + u64::from(places) * 24 + u64::from(blocks) * 24;
        if size != bytes.len() as u64 {
            return None;
        }
        let columns = (0..columns).map(|_| reader.column()).collect::<Option<Vec<_>>>()?;
        let places = (0..places).map(|_| reader.place(columns.len())).collect::<Option<Vec<_>>>()?;
        let blocks = (0..blocks).map(|_| reader.block()).collect::<Option<Vec<_>>>()?;
        Some(Directory {
            row_count,
            columns,
            places,
            blocks,
        })
    }
}

struct Words<'a> {
    rest: &'a [u8],
}

impl Words<'_> {
    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*word))
    }

    fn long(&mut self) -> Option<u64> {
        let (long, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*long))
    }

    fn column(&mut self) -> Option<FileColumn> {
        let (id, number, dim) = (self.word()?, self.word()?, self.word()?);
        self.word()?;
        Some(FileColumn {
            id,
            kind: ColumnType::from_number(number)?,
            dim,
        })
    }

    fn place(&mut self, column_count: usize) -> Option<Place> {
        let (column, role) = (self.word()?, self.word()?);
        let role = [
            Role::Values,
            Role::Offsets,
            Role::Bytes,
            Role::Valid,
            Role::Timestamps,
            Role::Filter,
        ]
        .into_iter()
        .find(|known| *known as u32 == role)?;
        let column = match (column, role) {
            (NO_COLUMN, Role::Timestamps | Role::Filter) => None,
            (_, Role::Timestamps | Role::Filter) => return None,
            (at, _) => Some(at as usize).filter(|at| *at < column_count).map(Some)?,
        };
        Some(Place {
            column,
            role,
            offset: self.long()?,
            length: self.long()?,
        })
    }

    fn block(&mut self) -> Option<Block> {
        Some(Block {
            offset: self.long()?,
            length: self.long()?,
            checksum: self.long()?,
        })
    }
}
