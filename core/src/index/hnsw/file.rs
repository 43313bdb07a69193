//! The sections of the index's file. All that searches read at length is read from the map as it is.
//!
//! | tag | content |
//! | --- | --- |
//! | 1 | u64: M, efConstruction, row and level of the entry (2^64 - 1 without rows), kind of codes, three numbers of theirs, scale (f32 bits) |
//! | 2 | a bit a row that has a vector, in u64 words; absent when all have |
//! | 3 | pairs of u32: a linked row and one that equals it; absent when there are none |
//! | 4 | u32: links of level 0, 2M a row |
//! | 5 | u32: links of the levels above, M for each row and level, by row |
//! | 6 | u32 a row: its first list in 5; 2^32 - 1: none |
//! | 7 | f32: 1 / |row|, for COSINE |
//! | 8 | f32: the mean that codes are less by |
//! | 9 | codes, row by row |
//! | 10 | f32 a row: bias of codes |
//! | 11 | f32: code books |
//! | 12 | u64: breadth of walks where a request does not say; absent in files of before it was measured |
//!
//! | kind of codes | its numbers | 9 |
//! | --- | --- | --- |
//! | 0: none | | |
//! | 1: int8 | | each row filled up to 64 bytes |
//! | 2: small | bits | as the kernels read them |
//! | 3: halves | 0: binary16, 1: bfloat16 | |
//! | 4: products | dimensions of a part, levels, entries | a byte a part and level |

use super::codes::Codes;
use super::graph::{Graph, Shape};
use super::product::{Cut, ProductCodes};
use super::small_codes::{Bits, SmallCodes};
use super::stored::{HalfKind, Stored};
use super::twins::Twins;
use super::walk::ScratchPool;
use super::{Hnsw, HnswParameters, breadth, linked_rows};
use crate::distance::Metric;
use crate::distance::code_line::lines_for;
use crate::failure::Outcome;
use crate::index::file::{self, IndexFile, damaged};
use crate::index::row_set::RowSet;
use crate::index::vectors::Vectors;
use crate::segment::schema::ColumnType;

const HEADER: u32 = 1;
const PRESENT: u32 = 2;
const TWINS: u32 = 3;
const BASE: u32 = 4;
const UPPER: u32 = 5;
const UPPER_START: u32 = 6;
const NORMS: u32 = 7;
const MEAN: u32 = 8;
const CODES: u32 = 9;
const BIAS: u32 = 10;
const BOOKS: u32 = 11;
const BREADTH: u32 = 12;

const HEADER_NUMBERS: usize = 9;
/// Above every M that Milvus takes; keeps sizes in range.
const M_MAX: u64 = 1 << 16;
/// Above every breadth that is measured.
const BREADTH_MAX: u64 = 1 << 16;
/// Above every dimension; keeps sizes in range.
const CODES_MAX: u64 = 1 << 24;

impl Hnsw {
    /// The index as the content of a file.
    pub fn encode(&self) -> Vec<u8> {
        let Shape { entry, .. } = self.graph.shape();
        let (entry_row, entry_level) = entry.map_or((u64::MAX, u64::MAX), |(row, level)| (u64::from(row), level as u64));
        let (kind, numbers, scale) = self.stored.header();
        let [first, second, third] = numbers.map(|number| number as u64);
        let header: [u64; HEADER_NUMBERS] = [
            self.parameters.m as u64,
            self.parameters.ef_construction as u64,
            entry_row,
            entry_level,
            kind,
            first,
            second,
            third,
            u64::from(scale.to_bits()),
        ];
        let breadth = [self.breadth as u64];
        let twins: Vec<u32> = self
            .twins
            .iter()
            .flat_map(|twins| twins.pairs())
            .flat_map(|&(first, twin)| [first, twin])
            .collect();
        let mut sections: Vec<(u32, &[u8])> = vec![
            (HEADER, bytemuck::cast_slice(&header)),
            (BASE, bytemuck::cast_slice(&self.graph.base)),
            (UPPER, bytemuck::cast_slice(&self.graph.upper)),
            (UPPER_START, bytemuck::cast_slice(&self.graph.upper_start)),
            (NORMS, bytemuck::cast_slice(&self.inverse_norms)),
            (BREADTH, bytemuck::cast_slice(&breadth)),
        ];
        if let Some(present) = &self.present {
            sections.push((PRESENT, bytemuck::cast_slice(present.words())));
        }
        if !twins.is_empty() {
            sections.push((TWINS, bytemuck::cast_slice(&twins)));
        }
        sections.extend(self.stored.sections());
        let shape = (self.row_count(), self.dim, self.vector_type.number());
        file::encode(self.kind, self.metric(), shape, &sections)
    }

    /// The index that `encode` wrote of these vectors. Kind `damaged` on sections that do not fit together.
    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<Hnsw> {
        let (row_count, dim) = (vectors.row_count, vectors.dim);
        let header = file.section_of::<u64>(HEADER, HEADER_NUMBERS)?;
        let &[m, ef_construction, entry_row, entry_level, kind, first, second, third, scale] = &header[..] else {
            unreachable!("a section of that length")
        };
        if !(2..=M_MAX).contains(&m) {
            return Err(damaged(0, "the index has an impossible M"));
        }
        let is_bits = vectors.kind == ColumnType::BinaryVector;
        if vectors.kind == ColumnType::SparseFloatVector || is_bits != matches!(file.metric, Metric::Hamming | Metric::Jaccard) {
            return Err(damaged(0, "the index has a metric that its vectors do not have"));
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
        let shape = Shape {
            row_count,
            base_capacity: 2 * m as usize,
            upper_capacity: m as usize,
            entry: (entry_row != u64::MAX).then_some((entry_row as u32, entry_level as usize)),
        };
        let graph = Graph::restore(shape, file.section(BASE)?, file.section(UPPER)?, file.section(UPPER_START)?);
        let graph = graph.ok_or_else(|| damaged(0, "a link of the index leads nowhere"))?;
        let norm_count = if file.metric == Metric::Cosine { row_count } else { 0 };
        let header = (kind, [first, second, third], f32::from_bits(scale as u32));
        Ok(Hnsw {
            kind: file.kind,
            parameters: HnswParameters {
                metric: file.metric,
                m: m as usize,
                ef_construction: ef_construction as usize,
            },
            vector_type: vectors.kind,
            dim,
            graph,
            linked: linked_rows(present.as_ref(), twins.as_ref()),
            present,
            twins,
            inverse_norms: file.section_of(NORMS, norm_count)?,
            stored: Stored::open(file, header, (row_count, dim), is_bits)?,
            breadth: breadth_in(file)?,
            pool: ScratchPool::default(),
        })
    }
}

fn breadth_in(file: &IndexFile) -> Outcome<usize> {
    if !file.has(BREADTH) {
        return Ok(breadth::UNMEASURED);
    }
    match file.section_of::<u64>(BREADTH, 1)?[..] {
        [breadth] if (1..=BREADTH_MAX).contains(&breadth) => Ok(breadth as usize),
        _ => Err(damaged(0, "the index has an impossible breadth of walks")),
    }
}

impl Stored {
    /// Kind, numbers and scale, as the header has them.
    pub fn header(&self) -> (u64, [usize; 3], f32) {
        match self {
            Stored::Nothing => (0, [0; 3], 0.0),
            Stored::Codes(codes) => (1, [0; 3], codes.scale),
            Stored::Small(codes) => (2, [codes.bits as usize, 0, 0], codes.scale),
            Stored::Half { kind, .. } => (3, [*kind as usize, 0, 0], 0.0),
            Stored::Product(codes) => (4, codes.cut.numbers(), 0.0),
        }
    }

    /// The sections 8 to 11.
    pub fn sections(&self) -> Vec<(u32, &[u8])> {
        match self {
            Stored::Nothing => Vec::new(),
            Stored::Codes(codes) => vec![
                (MEAN, bytemuck::cast_slice(&codes.mean)),
                (CODES, bytemuck::cast_slice(&codes.lines)),
                (BIAS, bytemuck::cast_slice(&codes.bias)),
            ],
            Stored::Small(codes) => vec![
                (MEAN, bytemuck::cast_slice(&codes.mean)),
                (CODES, &codes.rows),
                (BIAS, bytemuck::cast_slice(&codes.bias)),
            ],
            Stored::Half { rows, .. } => vec![(CODES, bytemuck::cast_slice(rows))],
            Stored::Product(codes) => vec![
                (MEAN, bytemuck::cast_slice(&codes.mean)),
                (CODES, &codes.codes),
                (BIAS, bytemuck::cast_slice(&codes.bias)),
                (BOOKS, bytemuck::cast_slice(&codes.books)),
            ],
        }
    }

    /// What `header` and `sections` gave. Kind `damaged` when they do not fit together.
    pub fn open(file: &IndexFile, header: (u64, [u64; 3], f32), (row_count, dim): (usize, usize), is_bits: bool) -> Outcome<Stored> {
        let (kind, numbers, scale) = header;
        let impossible = || damaged(0, "the index has impossible codes");
        if is_bits && kind != 0 || numbers.iter().any(|&number| number > CODES_MAX) {
            return Err(impossible());
        }
        let [first, second, third] = numbers.map(|number| number as usize);
        let count = |width: usize| row_count.checked_mul(width).ok_or_else(impossible);
        Ok(match kind {
            0 => Stored::Nothing,
            1 => Stored::Codes(Codes {
                mean: file.section_of(MEAN, dim)?.to_vec(),
                scale,
                lines: file.section_of(CODES, count(lines_for(dim))?)?,
                bias: file.section_of(BIAS, row_count)?,
            }),
            2 => {
                let bits = [Bits::Four, Bits::Six].into_iter().find(|&bits| bits as usize == first);
                let bits = bits.ok_or_else(impossible)?;
                Stored::Small(SmallCodes {
                    bits,
                    mean: file.section_of(MEAN, dim)?.to_vec(),
                    scale,
                    rows: file.section_of(CODES, count(bits.width(dim))?)?,
                    bias: file.section_of(BIAS, row_count)?,
                })
            }
            3 => {
                let kinds = [HalfKind::Float16, HalfKind::BFloat16].into_iter();
                Stored::Half {
                    kind: kinds.clone().find(|&kind| kind as usize == first).ok_or_else(impossible)?,
                    rows: file.section_of(CODES, count(dim)?)?,
                }
            }
            4 => {
                let cut = Cut::from_numbers(dim, [first, second, third]).ok_or_else(impossible)?;
                Stored::Product(ProductCodes {
                    cut,
                    mean: file.section_of(MEAN, dim)?.to_vec(),
                    books: file.section_of(BOOKS, cut.book_values())?,
                    codes: file.section_of(CODES, count(cut.width())?)?,
                    bias: file.section_of(BIAS, row_count)?,
                })
            }
            _ => return Err(impossible()),
        })
    }
}
