//! The product quantiser: the dimensions are cut into parts, and each part of a row is the number of the nearest vector of that part's code book.
//!
//! Codes of up to 8 bits have one book a part. Longer ones have one for each 8 bits: the next book codes what the one before leaves over, so that a code of 16
//! bits is two bytes and not the nearest of 65,536 vectors. For inner products of SCANN, errors along the row count more than errors across it
//! (anisotropic loss, Guo et al., arXiv 1908.10396): parts are then chosen one by one until the sum of both is least.

use std::cell::RefCell;

use rayon::prelude::*;

use super::super::nearest::Nearest;
use super::{Codes, Place, in_fours};
use crate::distance::{lookup_sum, lookup_sum_four};
use crate::segment::buffer::Buffer;

/// Vectors of a book, at most.
const ENTRIES_MAX: usize = 256;
const ITERATIONS: usize = 8;
/// The share of a query's length along a row from which its score matters (the threshold T of the paper).
const THRESHOLD: f32 = 0.2;
const SWEEPS: usize = 2;

#[derive(Debug)]
pub struct Books {
    pub dim: usize,
    /// Dimensions of a part; the last part may have fewer.
    pub part: usize,
    /// Books one after another for each part.
    pub stages: usize,
    /// Vectors of a book: 2 to 256.
    pub entries: usize,
    /// By part, then stage: each dimension's values of all entries.
    pub values: Buffer<f32>,
    /// By what errors along a row count more; 0: they do not.
    pub along: f32,
}

pub struct BooksQuery {
    tables: Vec<[f32; ENTRIES_MAX]>,
}

/// A book: for each dimension of its part the values of all entries, and half the squared lengths of these.
struct Book<'a> {
    entries: usize,
    values: &'a [f32],
    halves: Vec<f32>,
}

impl<'a> Book<'a> {
    fn new(values: &'a [f32], entries: usize) -> Self {
        let mut halves = vec![0.0; entries];
        for dimension in values.chunks_exact(entries) {
            halves
                .iter_mut()
                .zip(dimension)
                .for_each(|(half, value)| *half += value * value / 2.0);
        }
        Book { entries, values, halves }
    }

    /// Of each entry its inner product with `vector`, in `products`.
    fn products(&self, vector: &[f32], products: &mut [f32]) {
        products.fill(0.0);
        for (&value, dimension) in vector.iter().zip(self.values.chunks_exact(self.entries)) {
            products
                .iter_mut()
                .zip(dimension)
                .for_each(|(product, entry)| *product += value * entry);
        }
    }

    fn nearest(&self, vector: &[f32], scratch: &mut [f32]) -> u8 {
        self.products(vector, scratch);
        let (mut best, mut nearest) = (f32::INFINITY, 0);
        for (number, (half, product)) in self.halves.iter().zip(&*scratch).enumerate() {
            let distance = half - product;
            if distance < best {
                (best, nearest) = (distance, number);
            }
        }
        nearest as u8
    }
}

/// The book of `rows`, vectors of `size` values in no order.
fn train_book(rows: &[f32], size: usize, entries: usize) -> Vec<f32> {
    let count = rows.len() / size;
    let mut values = vec![0.0; size * entries];
    for entry in 0..entries {
        let row = entry % count.max(1);
        (0..size).for_each(|at| values[at * entries + entry] = rows.get(row * size + at).copied().unwrap_or(0.0));
    }
    let mut scratch = vec![0.0; entries];
    for _ in 0..ITERATIONS {
        let book = Book::new(&values, entries);
        let (mut sums, mut counts) = (vec![0.0; size * entries], vec![0u32; entries]);
        for row in rows.chunks_exact(size) {
            let entry = usize::from(book.nearest(row, &mut scratch));
            counts[entry] += 1;
            row.iter().enumerate().for_each(|(at, value)| sums[at * entries + entry] += value);
        }
        for entry in (0..entries).filter(|&entry| counts[entry] > 0) {
            (0..size).for_each(|at| values[at * entries + entry] = sums[at * entries + entry] / counts[entry] as f32);
        }
    }
    values
}

impl Books {
    /// The books of `residuals`, rows of `dim` values in no order. `bits` a part; `anisotropic`: see above.
    pub fn train(residuals: &[f32], dim: usize, part: usize, bits: usize, anisotropic: bool) -> Books {
        let (stages, entries) = (bits.div_ceil(8), 1 << bits.min(8));
        let parts: Vec<usize> = (0..dim).step_by(part).collect();
        let books: Vec<Vec<f32>> = parts
            .into_par_iter()
            .map(|start| train_part(residuals, dim, start..dim.min(start + part), stages, entries))
            .collect();
        let weight = (dim as f32 - 1.0) * THRESHOLD * THRESHOLD / (1.0 - THRESHOLD * THRESHOLD);
        Books {
            dim,
            part,
            stages,
            entries,
            values: books.concat().into(),
            along: if anisotropic { (weight - 1.0).max(0.0) } else { 0.0 },
        }
    }

    /// Bytes of a row's code.
    pub fn width(&self) -> usize {
        self.dim.div_ceil(self.part) * self.stages
    }

    fn books(&self) -> impl Iterator<Item = (std::ops::Range<usize>, &[f32])> {
        let mut rest = &self.values[..];
        (0..self.dim).step_by(self.part).flat_map(move |start| {
            let range = start..self.dim.min(start + self.part);
            let books: Vec<_> = (0..self.stages)
                .map(|_| {
                    let (book, after) = rest.split_at(range.len() * self.entries);
                    rest = after;
                    (range.clone(), book)
                })
                .collect();
            books
        })
    }

    /// Books that are ready to code rows.
    pub fn writer(&self) -> BooksWriter<'_> {
        BooksWriter {
            along: self.along,
            books: self
                .books()
                .map(|(range, values)| (range, Book::new(values, self.entries)))
                .collect(),
        }
    }

    /// Of each book its entries' inner products with the query.
    fn tables<const N: usize>(&self, query: &[f32]) -> Vec<[f32; N]> {
        let table = |(range, values): (std::ops::Range<usize>, &[f32])| {
            let mut table = [0.0; N];
            let entries = &mut table[..self.entries];
            for (&value, dimension) in query[range].iter().zip(values.chunks_exact(self.entries)) {
                entries
                    .iter_mut()
                    .zip(dimension)
                    .for_each(|(product, entry)| *product += value * entry);
            }
            table
        };
        self.books().map(table).collect()
    }

    pub fn prepare(&self, query: &[f32]) -> BooksQuery {
        BooksQuery {
            tables: self.tables(query),
        }
    }

    /// For books of at most 16 entries.
    pub fn tables_of_16(&self, query: &[f32]) -> Vec<[f32; 16]> {
        self.tables(query)
    }

    pub fn scan(&self, codes: &Codes, query: &BooksQuery, place: &Place, nearest: &mut Nearest) {
        let (width, bytes) = (self.width(), &codes.bytes[..]);
        let code = |position: usize| &bytes[position * width..(position + 1) * width];
        let estimates = codes.estimates(place);
        let nearest = RefCell::new(nearest);
        let offer = |position: usize, product: f32| {
            nearest.borrow_mut().offer_at(estimates.of(position, product), position, place.rows);
        };
        let four = |positions: [usize; 4]| {
            let products = lookup_sum_four(&query.tables, positions.map(code));
            positions
                .iter()
                .zip(products)
                .for_each(|(&position, product)| offer(position, product));
        };
        in_fours(place, four, |position| offer(position, lookup_sum(&query.tables, code(position))));
    }

    pub fn byte_size(&self) -> usize {
        self.values.byte_size()
    }
}

fn train_part(residuals: &[f32], dim: usize, range: std::ops::Range<usize>, stages: usize, entries: usize) -> Vec<f32> {
    let size = range.len();
    let mut rows: Vec<f32> = residuals
        .chunks_exact(dim)
        .flat_map(|row| row[range.clone()].iter().copied())
        .collect();
    let mut books = Vec::with_capacity(stages * size * entries);
    for stage in 0..stages {
        let values = train_book(&rows, size, entries);
        if stage + 1 < stages {
            let (book, mut scratch) = (Book::new(&values, entries), vec![0.0; entries]);
            for row in rows.chunks_exact_mut(size) {
                let entry = usize::from(book.nearest(row, &mut scratch));
                (0..size).for_each(|at| row[at] -= values[at * entries + entry]);
            }
        }
        books.extend(values);
    }
    books
}

/// Codes rows by books.
pub struct BooksWriter<'a> {
    along: f32,
    /// By part, then stage.
    books: Vec<(std::ops::Range<usize>, Book<'a>)>,
}

impl BooksWriter<'_> {
    /// Appends a row's code; `decoded` becomes what it stands for.
    pub fn encode(&self, row: &[f32], residual: &[f32], decoded: &mut [f32], code: &mut Vec<u8>) {
        let start = code.len();
        let mut scratch = [0.0; ENTRIES_MAX];
        decoded.fill(0.0);
        let mut left = [0.0; 64];
        let mut long = Vec::new();
        for (range, book) in &self.books {
            let left = if range.len() <= left.len() {
                &mut left[..range.len()]
            } else {
                long.resize(range.len(), 0.0);
                &mut long[..]
            };
            for (at, left) in left.iter_mut().enumerate() {
                *left = residual[range.start + at] - decoded[range.start + at];
            }
            let entry = book.nearest(left, &mut scratch[..book.entries]);
            code.push(entry);
            for (at, decoded) in decoded[range.clone()].iter_mut().enumerate() {
                *decoded += book.values[at * book.entries + usize::from(entry)];
            }
        }
        if self.along > 0.0 {
            self.turn_errors(row, residual, decoded, &mut code[start..]);
        }
    }

    /// Chooses entries anew, part by part, by the anisotropic loss; for books of one stage.
    fn turn_errors(&self, row: &[f32], residual: &[f32], decoded: &mut [f32], code: &mut [u8]) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length == 0.0 || !length.is_finite() {
            return;
        }
        let error = |at: usize, value: f32| residual[at] - value;
        let mut along: f32 = (0..row.len()).map(|at| error(at, decoded[at]) * row[at]).sum();
        for _ in 0..SWEEPS {
            let mut changed = false;
            for ((range, book), code) in self.books.iter().zip(&mut *code) {
                let of_entry = |entry: usize| {
                    let (mut squared, mut along) = (0.0, 0.0);
                    for (place, at) in range.clone().enumerate() {
                        let error = error(at, book.values[place * book.entries + entry]);
                        squared += error * error;
                        along += error * row[at];
                    }
                    (squared, along)
                };
                let others = along - of_entry(usize::from(*code)).1;
                let loss = |entry: usize| {
                    let (squared, part) = of_entry(entry);
                    squared + self.along * ((others + part) / length).powi(2)
                };
                let best = (0..book.entries)
                    .map(|entry| (loss(entry), entry))
                    .reduce(|best, other| if other.0 < best.0 { other } else { best });
                let best = best.map_or(usize::from(*code), |(_, entry)| entry);
                changed |= best != usize::from(*code);
                along = others + of_entry(best).1;
                *code = best as u8;
            }
            if !changed {
                break;
            }
        }
        for ((range, book), &code) in self.books.iter().zip(&*code) {
            for (place, at) in range.clone().enumerate() {
                decoded[at] = book.values[place * book.entries + usize::from(code)];
            }
        }
    }
}
