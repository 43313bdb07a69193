//! The sections of the index's file.
//!
//! | tag | content |
//! | --- | --- |
//! | 1 | u64: max_degree, search_list_size, entry (2^64 - 1 without rows), dimensions of a code's part, levels, entries of a book |
//! | 2 | a bit a row that has a vector, in u64 words; absent when all have |
//! | 3 | pairs of u32: a linked row and one that equals it; absent when there are none |
//! | 4 | sectors, from a multiple of 4096 on |
//! | 8 | f32: the mean that codes are less by |
//! | 9 | codes: a byte a part, row by row |
//! | 10 | f32 a row: bias of codes |
//! | 11 | f32: code books |
//!
//! Sectors stay in the map; the codes are copied to memory, where every step of a walk reads them.

use std::sync::Mutex;

use super::DiskAnn;
use super::sectors::{Layout, Sectors, words_of};
use crate::distance::Metric;
use crate::failure::Outcome;
use crate::index::file::{self, IndexFile, damaged};
use crate::index::hnsw::product::{Cut, ProductCodes};
use crate::index::hnsw::twins::Twins;
use crate::index::row_set::RowSet;
use crate::index::vector_index::IndexKind;
use crate::index::vectors::Vectors;
use crate::segment::schema::ColumnType;

const HEADER: u32 = 1;
const PRESENT: u32 = 2;
const TWINS: u32 = 3;
const SECTORS: u32 = 4;
const MEAN: u32 = 8;
const CODES: u32 = 9;
const BIAS: u32 = 10;
const BOOKS: u32 = 11;

const HEADER_NUMBERS: usize = 6;
/// Above what Milvus takes; keeps sizes in range.
const DEGREE_MAX: u64 = 1 << 16;

impl DiskAnn {
    /// The index as the content of a file.
    pub fn encode(&self) -> Vec<u8> {
        let [part_dim, levels, entries] = self.codes.cut.numbers().map(|number| number as u64);
        let header: [u64; HEADER_NUMBERS] = [
            self.sectors.layout.max_degree as u64,
            self.search_list_size as u64,
            self.entry.map_or(u64::MAX, u64::from),
            part_dim,
            levels,
            entries,
        ];
        let pairs = self.twins.iter().flat_map(|twins| twins.pairs());
        let twins: Vec<u32> = pairs.flat_map(|&(first, twin)| [first, twin]).collect();
        let mut sections: Vec<(u32, &[u8])> = vec![
            (HEADER, bytemuck::cast_slice(&header)),
            (MEAN, bytemuck::cast_slice(&self.codes.mean)),
            (CODES, &self.codes.codes),
            (BIAS, bytemuck::cast_slice(&self.codes.bias)),
            (BOOKS, bytemuck::cast_slice(&self.codes.books)),
        ];
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
        let &[max_degree, search_list_size, entry, part_dim, levels, entries] = &header[..] else {
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
        let cut = Cut::from_numbers(dim, [part_dim, levels, entries].map(|number| number as usize)).ok_or_else(impossible)?;
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
        let code_count = row_count.checked_mul(cut.width()).ok_or_else(impossible)?;
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
            codes: ProductCodes {
                cut,
                mean: file.section_of(MEAN, dim)?.to_vec(),
                books: file.section_of::<f32>(BOOKS, cut.book_values())?.to_vec().into(),
                codes: file.section_of::<u8>(CODES, code_count)?.to_vec().into(),
                bias: file.section_of::<f32>(BIAS, row_count)?.to_vec().into(),
            },
            sectors,
            pool: Mutex::default(),
        })
    }
}
