//! Codes of rows: what stands in the lists in place of the vectors. A search ranks by what codes say, and then ranks the best rows by their vectors.
//!
//! A row x of the list with centroid c is c + r. Its code stands for a vector s, and a factor f makes f s about r. With q the query:
//!
//! | metric | distance that is estimated | bias of the row |
//! | --- | --- | --- |
//! | L2 | abs(q - c)² + bias - 2 f q·s | L + 2 f c·s |
//! | IP, COSINE | -q·c + bias - f q·s | f c·s - c·r |
//!
//! L is f² s·s, and of RaBitQ's codes r·r. So what a query needs of a list is its distance to the centroid; all else is per query (`Prepared`) or per row. Codes are:
//!
//! - levels (`levels`): a small integer a dimension, compared by integer products; s is what the levels stand for (scalar quantiser), or the levels
//!   themselves (RaBitQ of more than two bits), which then have a factor a row;
//! - books (`books`): the number of a vector of a code book for each part of the dimensions, compared by sums from tables (product quantiser);
//! - nibbles (`nibbles`): the same with four bits a part, in blocks of 32 rows whose sums come from registers. RaBitQ's bits are such nibbles, too:
//!   four dimensions a part.

pub mod books;
pub mod levels;
pub mod nibbles;
pub mod planes;

use books::{Books, BooksQuery, BooksWriter};
use levels::{Levels, LevelsQuery};
use nibbles::NibblesQuery;
use planes::Planes;
use std::ops::Range;

use rayon::prelude::*;

use super::lists::Lists;
use super::nearest::Nearest;
use super::search::Probe;
use super::space::Space;
use crate::distance::{Metric, kernels};
use crate::failure::Outcome;
use crate::index::file::IndexFile;
use crate::index::row_set::RowSet;
use crate::index::vector_index::Progress;
use crate::index::vectors::Vectors;
use crate::segment::buffer::Buffer;

/// What turns rows into codes.
#[derive(Debug)]
pub enum Coder {
    Levels(Levels),
    Books(Books),
    /// Books of 16 vectors, in blocks.
    SmallBooks(Books),
    Planes(Planes),
}

/// The codes of all rows, list by list.
#[derive(Debug)]
pub struct Codes {
    pub coder: Coder,
    pub bytes: Buffer<u8>,
    /// One a row.
    pub bias: Buffer<f32>,
    /// One a row; None: 1.
    pub factor: Option<Buffer<f32>>,
    /// Rows in blocks: the number of each list's first block.
    block_starts: Vec<usize>,
}

/// A query as codes of a kind meet it.
pub enum Prepared {
    Levels(LevelsQuery),
    Books(BooksQuery),
    Nibbles(NibblesQuery),
}

/// One list as it is scanned.
pub struct Place<'a> {
    /// Its positions.
    pub range: Range<usize>,
    /// The number of the list.
    pub list: usize,
    /// The list's part of the estimate.
    pub base: f32,
    /// The row at each position of all lists.
    pub rows: &'a [u32],
    pub allowed: Option<&'a RowSet>,
    /// By what a row's product is multiplied: 2 for L2, else 1.
    pub weight: f32,
}

impl<'a> Place<'a> {
    pub fn new((base, list): Probe, lists: &'a Lists, allowed: Option<&'a RowSet>, weight: f32) -> Self {
        Place {
            range: lists.range(list as usize),
            list: list as usize,
            base,
            rows: lists.rows(),
            allowed,
            weight,
        }
    }
}

/// What estimates of a list's rows are made of.
struct Estimates<'a> {
    bias: &'a [f32],
    factor: Option<&'a [f32]>,
    base: f32,
    weight: f32,
}

impl Estimates<'_> {
    /// Of the row at `position`, with `product` = q·s.
    #[inline]
    fn of(&self, position: usize, product: f32) -> f32 {
        let factor = self.factor.map_or(1.0, |factor| factor[position]);
        self.base + self.bias[position] - self.weight * factor * product
    }
}

impl Coder {
    /// Whether rows stand in blocks.
    pub fn in_blocks(&self) -> bool {
        matches!(self, Coder::SmallBooks(_) | Coder::Planes(_))
    }

    fn has_factor(&self) -> bool {
        match self {
            Coder::Levels(levels) => levels.is_scaled(),
            Coder::Planes(_) => true,
            _ => false,
        }
    }

    /// Bytes of a row's code; rows in blocks: parts of it, each half a byte.
    pub fn width(&self) -> usize {
        match self {
            Coder::Levels(levels) => levels.width(),
            Coder::Books(books) | Coder::SmallBooks(books) => books.width(),
            Coder::Planes(planes) => planes.width(),
        }
    }

    /// Bytes of the codes of a list of so many rows.
    pub fn list_bytes(&self, rows: usize) -> usize {
        if self.in_blocks() {
            nibbles::blocks_of(rows) * self.width() * nibbles::BLOCK_PART
        } else {
            rows * self.width()
        }
    }

    fn writer(&self) -> Writer<'_> {
        match self {
            Coder::Levels(levels) => Writer::Levels(levels),
            Coder::Books(books) | Coder::SmallBooks(books) => Writer::Books(books.writer()),
            Coder::Planes(planes) => Writer::Planes(planes),
        }
    }

    pub fn prepare(&self, query: &[f32]) -> Prepared {
        match self {
            Coder::Levels(levels) => Prepared::Levels(levels.prepare(query)),
            Coder::Books(books) => Prepared::Books(books.prepare(query)),
            Coder::SmallBooks(books) => Prepared::Nibbles(NibblesQuery::new(&books.tables_of_16(query), 0.0)),
            Coder::Planes(planes) => Prepared::Nibbles(planes.prepare(query)),
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        match self {
            Coder::Levels(levels) => levels.byte_size(),
            Coder::Books(books) | Coder::SmallBooks(books) => books.byte_size(),
            Coder::Planes(_) => 0,
        }
    }
}

/// A coder that is ready to code rows.
enum Writer<'a> {
    Levels(&'a Levels),
    Books(BooksWriter<'a>),
    Planes(&'a Planes),
}

impl Writer<'_> {
    /// Appends the code of a row, `row` in the space and `residual` of it; `decoded` becomes s. Returns the factor.
    fn encode(&self, row: &[f32], residual: &[f32], decoded: &mut [f32], code: &mut Vec<u8>) -> f32 {
        match self {
            Writer::Levels(levels) => levels.encode(residual, decoded, code),
            Writer::Books(books) => {
                books.encode(row, residual, decoded, code);
                1.0
            }
            Writer::Planes(planes) => planes.encode(residual, decoded, code),
        }
    }
}

/// What one list's rows become.
#[derive(Default)]
struct Coded {
    bytes: Vec<u8>,
    bias: Vec<f32>,
    factor: Vec<f32>,
}

impl Codes {
    /// Codes all rows of the lists, and counts them in `progress`.
    pub fn of(coder: Coder, vectors: &Vectors, space: &Space, centroids: &[f32], lists: &Lists, progress: &Progress) -> Codes {
        let writer = coder.writer();
        let work = Work {
            coder: &coder,
            writer: &writer,
            vectors,
            space,
        };
        let centroids = centroids.par_chunks_exact(space.dim()).enumerate();
        let code = |(list, centroid)| {
            let coded = work.code(centroid, lists.rows_of(list));
            progress.add(coded.bias.len());
            coded
        };
        let coded: Vec<Coded> = centroids.map(code).collect();
        drop(writer);
        let rows = lists.rows().len();
        let mut whole = Coded {
            bytes: Vec::with_capacity(coded.iter().map(|list| list.bytes.len()).sum()),
            bias: Vec::with_capacity(rows),
            factor: Vec::with_capacity(rows),
        };
        for list in coded {
            whole.bytes.extend(list.bytes);
            whole.bias.extend(list.bias);
            whole.factor.extend(list.factor);
        }
        let factor = coder.has_factor().then(|| whole.factor.into());
        Codes::new(coder, whole.bytes.into(), whole.bias.into(), factor, lists)
    }

    fn new(coder: Coder, bytes: Buffer<u8>, bias: Buffer<f32>, factor: Option<Buffer<f32>>, lists: &Lists) -> Codes {
        let blocks = (0..lists.count()).scan(0, |next, list| {
            let start = *next;
            *next += nibbles::blocks_of(lists.range(list).len());
            Some(start)
        });
        let block_starts = if coder.in_blocks() { blocks.collect() } else { Vec::new() };
        Codes {
            coder,
            bytes,
            bias,
            factor,
            block_starts,
        }
    }

    /// Codes from a file; kind `damaged` where they are not of these lists.
    pub fn open(file: &IndexFile, tags: [u32; 3], coder: Coder, lists: &Lists) -> Outcome<Codes> {
        let row_count = lists.rows().len();
        let byte_count = (0..lists.count()).map(|list| coder.list_bytes(lists.range(list).len())).sum();
        let bytes = file.section_of(tags[0], byte_count)?;
        let bias = file.section_of(tags[1], row_count)?;
        let factor = if coder.has_factor() {
            Some(file.section_of(tags[2], row_count)?)
        } else {
            None
        };
        Ok(Codes::new(coder, bytes, bias, factor, lists))
    }

    /// Offers the rows of a list that are allowed.
    pub fn scan(&self, query: &Prepared, place: &Place, nearest: &mut Nearest) {
        match (query, &self.coder) {
            (Prepared::Levels(query), Coder::Levels(levels)) => levels.scan(self, query, place, nearest),
            (Prepared::Books(query), Coder::Books(books)) => books.scan(self, query, place, nearest),
            (Prepared::Nibbles(query), coder) => nibbles::scan(self, coder.width(), query, place, nearest),
            _ => unreachable!("a query prepared by another coder"),
        }
    }

    fn estimates(&self, place: &Place) -> Estimates<'_> {
        Estimates {
            bias: &self.bias,
            factor: self.factor.as_deref(),
            base: place.base,
            weight: place.weight,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        let factor = self.factor.as_ref().map_or(0, Buffer::byte_size);
        self.coder.byte_size() + self.bytes.byte_size() + self.bias.byte_size() + factor
    }
}

/// What all lists are coded with.
struct Work<'a> {
    coder: &'a Coder,
    writer: &'a Writer<'a>,
    vectors: &'a Vectors<'a>,
    space: &'a Space,
}

impl Work<'_> {
    fn code(&self, centroid: &[f32], rows: &[u32]) -> Coded {
        let dim = self.space.dim();
        let (mut row, mut residual, mut decoded) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
        let mut coded = Coded::default();
        let scaled = self.coder.has_factor();
        for &number in rows {
            self.space.read(self.vectors, number, &mut row);
            let parts = residual.iter_mut().zip(row.iter().zip(centroid));
            parts.for_each(|(residual, (value, centre))| *residual = value - centre);
            let factor = self.writer.encode(&row, &residual, &mut decoded, &mut coded.bytes);
            coded
                .bias
                .push(bias(self.space.metric, centroid, &residual, &decoded, factor, scaled));
            coded.factor.push(factor);
        }
        if self.coder.in_blocks() {
            coded.bytes = nibbles::pack(&coded.bytes, self.coder.width());
        }
        coded
    }
}

/// The bias of a row, see the table above.
fn bias(metric: Metric, centroid: &[f32], residual: &[f32], decoded: &[f32], factor: f32, scaled: bool) -> f32 {
    let kernels = kernels();
    let of_centre = factor * kernels.dot(centroid, decoded);
    if metric != Metric::L2 {
        return of_centre - kernels.dot(centroid, residual);
    }
    let length = if scaled {
        kernels.dot(residual, residual)
    } else {
        factor * factor * kernels.dot(decoded, decoded)
    };
    length + 2.0 * of_centre
}

/// Visits the allowed positions of a list in fours, the last ones one by one.
#[inline]
pub fn in_fours(place: &Place, mut four: impl FnMut([usize; 4]), mut one: impl FnMut(usize)) {
    let range = place.range.clone();
    let Some(allowed) = place.allowed else {
        let mut start = range.start;
        while start + 4 <= range.end {
            four([start, start + 1, start + 2, start + 3]);
            start += 4;
        }
        (start..range.end).for_each(one);
        return;
    };
    let (mut held, mut count) = ([0; 4], 0);
    for position in range {
        if !allowed.get(place.rows[position] as usize) {
            continue;
        }
        held[count] = position;
        count += 1;
        if count == 4 {
            four(held);
            count = 0;
        }
    }
    held[..count].iter().for_each(|&position| one(position));
}
