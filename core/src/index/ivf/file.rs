//! The index as sections of an index file.
//!
//! | tag | content |
//! | --- | --- |
//! | 1 | u32: what codes there are (0 none, 1 levels, 2 books, 3 small books, 4 planes), bits, dimensions of a part, stages, entries, then the f32 of the anisotropic loss |
//! | 2 | f32: the mean that the space is centred by |
//! | 3 | f32: centroids, list by list |
//! | 4 | u32: the position at which each list begins, and the end of the last |
//! | 5 | u32: the row at each position |
//! | 6 | bytes: codes, list by list; small books and planes in blocks of 32 rows |
//! | 7, 8 | f32: bias and factor at each position |
//! | 9, 10 | f32: lows and steps of levels; the books |
//! | 11 | f32: 1 / length at each position, for COSINE without codes |

use super::Ivf;
use super::codes::books::Books;
use super::codes::levels::Levels;
use super::codes::planes::Planes;
use super::codes::{Coder, Codes};
use super::lists::Lists;
use super::space::Space;
use crate::distance::Metric;
use crate::failure::Outcome;
use crate::index::file::{self, IndexFile, damaged};
use crate::index::vector_index::IndexKind;
use crate::index::vectors::Vectors;

const PARAMETERS: u32 = 1;
const MEAN: u32 = 2;
const CENTROIDS: u32 = 3;
const OFFSETS: u32 = 4;
const ROWS: u32 = 5;
const CODES: [u32; 3] = [6, 7, 8];
const TABLE: u32 = 9;
const STEPS: u32 = 10;
const INVERSE_NORMS: u32 = 11;

/// Numbers of section 1.
fn parameters_of(coder: Option<&Coder>) -> [u32; 6] {
    let of_books = |kind: u32, books: &Books| {
        let sizes = [books.part, books.stages, books.entries].map(|size| size as u32);
        [kind, 0, sizes[0], sizes[1], sizes[2], books.along.to_bits()]
    };
    match coder {
        None => [0; 6],
        Some(Coder::Levels(levels)) => [1, levels.bits as u32, u32::from(levels.is_scaled()), 0, 0, 0],
        Some(Coder::Books(books)) => of_books(2, books),
        Some(Coder::SmallBooks(books)) => of_books(3, books),
        Some(Coder::Planes(planes)) => [4, planes.bits as u32, 0, 0, 0, 0],
    }
}

fn open_coder(file: &IndexFile, parameters: &[u32], dim: usize) -> Outcome<Option<Coder>> {
    let wrong = || damaged(0, "the parameters of the index are out of range");
    let number = |at: usize| parameters[at] as usize;
    Ok(Some(match parameters[0] {
        0 => return Ok(None),
        1 => {
            if ![4, 6, 8].contains(&number(1)) {
                return Err(wrong());
            }
            let mut levels = Levels::scaled(number(1), dim);
            if number(2) == 0 {
                levels.lows = file.section_of(TABLE, dim)?;
                levels.steps = file.section_of(STEPS, dim)?;
            }
            Coder::Levels(levels)
        }
        2 | 3 => {
            let (part, stages, entries) = (number(2), number(3), number(4));
            let entries_max = if parameters[0] == 3 { 16 } else { 256 };
            let fits = (1..=dim).contains(&part) && (1..=3).contains(&stages) && (2..=entries_max).contains(&entries);
            if !fits || (parameters[0] == 3 && stages != 1) {
                return Err(wrong());
            }
            let books = Books {
                dim,
                part,
                stages,
                entries,
                values: file.section_of(TABLE, dim * stages * entries)?,
                along: f32::from_bits(parameters[5]),
            };
            if parameters[0] == 2 {
                Coder::Books(books)
            } else {
                Coder::SmallBooks(books)
            }
        }
        4 if matches!(number(1), 1 | 2) => Coder::Planes(Planes { bits: number(1), dim }),
        _ => return Err(wrong()),
    }))
}

impl Ivf {
    /// The index as the content of a file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let coder = self.codes.as_ref().map(|codes| &codes.coder);
        let parameters = parameters_of(coder);
        let mut sections: Vec<(u32, &[u8])> = vec![
            (PARAMETERS, bytemuck::cast_slice(&parameters)),
            (MEAN, bytemuck::cast_slice(&self.space.mean)),
            (CENTROIDS, bytemuck::cast_slice(&self.centroids)),
            (OFFSETS, bytemuck::cast_slice(self.lists.offsets())),
            (ROWS, bytemuck::cast_slice(self.lists.rows())),
        ];
        if let Some(codes) = &self.codes {
            sections.push((CODES[0], &codes.bytes));
            sections.push((CODES[1], bytemuck::cast_slice(&codes.bias)));
            if let Some(factor) = &codes.factor {
                sections.push((CODES[2], bytemuck::cast_slice(factor)));
            }
        }
        match coder {
            Some(Coder::Levels(levels)) if !levels.is_scaled() => {
                sections.push((TABLE, bytemuck::cast_slice(&levels.lows)));
                sections.push((STEPS, bytemuck::cast_slice(&levels.steps)));
            }
            Some(Coder::Books(books) | Coder::SmallBooks(books)) => sections.push((TABLE, bytemuck::cast_slice(&books.values))),
            _ => {}
        }
        if !self.inverse_norms.is_empty() {
            sections.push((INVERSE_NORMS, bytemuck::cast_slice(&self.inverse_norms)));
        }
        let shape = (self.row_count, self.space.dim(), self.vector_type.number());
        file::encode(self.kind, self.space.metric, shape, &sections)
    }

    /// The index that a file holds; kind `damaged` where it is not whole.
    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<Ivf> {
        if !matches!(file.metric, Metric::L2 | Metric::Ip | Metric::Cosine) {
            return Err(damaged(16, "the index has a metric that its vectors do not have"));
        }
        let dim = vectors.dim;
        let parameters = file.section_of::<u32>(PARAMETERS, 6)?;
        let space = Space::new(file.metric, file.section_of(MEAN, dim)?, file.kind == IndexKind::IvfRabitq);
        let lists = Lists::open(file.section(OFFSETS)?, file.section(ROWS)?, vectors.row_count)?;
        let centroids = file.section_of(CENTROIDS, lists.count() * dim)?;
        let codes = match open_coder(file, &parameters, dim)? {
            Some(coder) => Some(Codes::open(file, CODES, coder, &lists)?),
            None => None,
        };
        let mut index = Ivf::new(file.kind, vectors, space, centroids, lists);
        if codes.is_none() && file.metric == Metric::Cosine {
            index.inverse_norms = file.section_of(INVERSE_NORMS, index.lists.rows().len())?;
        }
        index.codes = codes;
        Ok(index)
    }
}
