//! The sections of the index's file.
//!
//! | tag | content |
//! | --- | --- |
//! | 1 | u64: max_degree, search_list_size, entry (2^64 - 1 without rows), kind of codes, three numbers of theirs, scale (f32 bits) |
//! | 2 | a bit a row that has a vector, in u64 words; absent when all have |
//! | 3 | pairs of u32: a linked row and one that equals it; absent when there are none |
//! | 4 | sectors, from a multiple of 4096 on |
//! | 8 to 11 | codes, as `hnsw::file` has them |
//!
//! Sectors stay in the map; the codes are copied to memory, where every step of a walk reads them.

use std::sync::Mutex;

use super::DiskAnn;
use super::sectors::{Layout, Sectors, words_of};
use crate::distance::Metric;
use crate::failure::Outcome;
use crate::index::file::{self, IndexFile, damaged};
use crate::index::hnsw::stored::Stored;
use crate::index::hnsw::twins::Twins;
use crate::index::row_set::RowSet;
use crate::index::vector_index::IndexKind;
use crate::index::vectors::Vectors;
use crate::segment::schema::ColumnType;

const HEADER: u32 = 1;
const PRESENT: u32 = 2;
const TWINS: u32 = 3;
const SECTORS: u32 = 4;

const HEADER_NUMBERS: usize = 8;
/// Above what Milvus takes; keeps sizes in range.
const DEGREE_MAX: u64 = 1 << 16;

impl DiskAnn {
    /// The index as the content of a file.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, numbers, scale) = self.codes.header();
        let [first, second, third] = numbers.map(|number| number as u64);
        let header: [u64; HEADER_NUMBERS] = [
            self.sectors.layout.max_degree as u64,
            self.search_list_size as u64,
            self.entry.map_or(u64::MAX, u64::from),
            kind,
            first,
            second,
            third,
            u64::from(scale.to_bits()),
        ];
        let pairs = self.twins.iter().flat_map(|twins| twins.pairs());
        let twins: Vec<u32> = pairs.flat_map(|&(first, twin)| [first, twin]).collect();
        let mut sections: Vec<(u32, &[u8])> = vec![(HEADER, bytemuck::cast_slice(&header))];
        sections.extend(self.codes.sections());
        if let Some(present) = &self.present {
            sections.push((PRESENT, bytemuck::cast_slice(present.words())));
        }
        if !twins.is_empty() {
            sections.push((TWINS, bytemuck::cast_slice(&twins)));
        }
        sections.push((SECTORS, bytemuck::cast_slice(&self.sectors.words)));
        let shape = (self.row_count, self.dim, self.vector_type.number());
        file::encode(IndexKind::DiskAnn, self.metric, shape, &sections)
    }

    /// The index that `encode` wrote of these vectors. Kind `damaged` on sections that do not fit together.
    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<DiskAnn> {
        let (row_count, dim) = (vectors.row_count, vectors.dim);
        let header = file.section_of::<u64>(HEADER, HEADER_NUMBERS)?;
        let &[max_degree, search_list_size, entry, kind, first, second, third, scale] = &header[..] else {
            unreachable!("a section of that length")
        };
        let floats = [ColumnType::FloatVector, ColumnType::Float16Vector, ColumnType::BFloat16Vector];
        let ranked = matches!(file.metric, Metric::L2 | Metric::Ip | Metric::Cosine);
        if !floats.contains(&vectors.kind) || !ranked || !(1..=DEGREE_MAX).contains(&max_degree) {
            return Err(damaged(0, "the index is of other vectors"));
        }
        let entry = (entry != u64::MAX).then_some(entry);
        if entry.is_some_and(|entry| entry >= row_count as u64) {
            return Err(damaged(0, "the index starts nowhere"));
        }
        let impossible = || damaged(0, "the index has impossible codes");
        let codes = Stored::open(
            file,
            (kind, [first, second, third], f32::from_bits(scale as u32)),
            (row_count, dim),
            false,
        )?;
        if entry.is_some() && !codes.is_coded() {
            return Err(impossible());
        }
        let present = if file.has(PRESENT) {
            let words = file.section_of::<u64>(PRESENT, row_count.div_ceil(64))?;
            Some(RowSet::from_words(words.to_vec(), row_count))
        } else {
            None
        };
        let twins = if file.has(TWINS) {
            let pairs = file.section::<u32>(TWINS)?;
            let pairs = pairs.as_chunks::<2>().0.iter().map(|&[first, twin]| (first, twin)).collect();
            Some(Twins::from_pairs(pairs, row_count).ok_or_else(|| damaged(0, "the index has impossible twins"))?)
        } else {
            None
        };
        let layout = Layout {
            width: vectors.kind.width(dim).unwrap_or(0),
            max_degree: max_degree as usize,
        };
        let size = layout.size(row_count).ok_or_else(impossible)?;
        let sectors = Sectors {
            layout,
            words: file.section_of(SECTORS, words_of(size))?,
        };
        sectors.expect_random_reads();
        Ok(DiskAnn {
            metric: file.metric,
            vector_type: vectors.kind,
            dim,
            row_count,
            search_list_size: search_list_size as usize,
            entry: entry.map(|entry| entry as u32),
            present,
            twins,
            codes: codes.owned(),
            sectors,
            pool: Mutex::default(),
        })
    }
}
