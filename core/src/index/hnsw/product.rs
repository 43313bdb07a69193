//! The rows as codes of parts (product quantisation, Jégou et al.; residual: additive code books one after another, as in faiss's PRQ).
//!
//! A row less the mean is cut into parts; each part is coded by the nearest of up to 256 centroids of its book, and what is left of it by the next book,
//! level by level. A row is read as the sum of its centroids x̂. With y the query (less the mean, but for IP):
//!
//! | metric | distance |
//! | --- | --- |
//! | L2, COSINE | y·y + x̂·x̂ - 2 y·x̂ |
//! | IP | -(y·mean) - y·x̂ |
//!
//! x̂·x̂ is kept for each row; y·x̂ is a sum of one entry a code of tables that are made for each query. Training is the same each time.

use rayon::prelude::*;

use super::exact::Exact;
use super::space::{Point, in_fours};
use super::training::Centre;
use crate::distance::{Metric, lookup_sum, lookup_sum_four, prefetch};
use crate::index::mix::mix;
use crate::segment::buffer::Buffer;

/// Bits of a code: it takes a byte. More bits are further levels.
const BITS_MAX: usize = 8;
const ENTRIES: usize = 256;
const ROUNDS: usize = 8;

/// How rows are cut and coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub parts: usize,
    /// Dimensions of a part; the last part is filled up with zeros.
    pub part_dim: usize,
    pub levels: usize,
    /// Centroids of a book, at most 256.
    pub entries: usize,
}

impl Cut {
    /// About `m` parts of `nbits` each, `nrq` times; just m where it divides the dimension.
    pub fn new(dim: usize, m: usize, nbits: usize, nrq: usize) -> Cut {
        let part_dim = dim.div_ceil(m.clamp(1, dim));
        Cut {
            parts: dim.div_ceil(part_dim),
            part_dim,
            levels: nrq.max(1) * nbits.max(1).div_ceil(BITS_MAX),
            entries: 1 << nbits.clamp(1, BITS_MAX),
        }
    }

    /// Values of a row with what fills up its last part.
    fn filled(&self) -> usize {
        self.parts * self.part_dim
    }

    /// Values of the books.
    pub fn book_values(&self) -> usize {
        self.filled() * self.levels * ENTRIES
    }

    /// What a file keeps of it, besides the dimension.
    pub fn numbers(&self) -> [usize; 3] {
        [self.part_dim, self.levels, self.entries]
    }

    /// None when numbers are impossible.
    pub fn from_numbers(dim: usize, [part_dim, levels, entries]: [usize; 3]) -> Option<Cut> {
        let possible = (1..=dim).contains(&part_dim) && (1..=64).contains(&levels) && (1..=ENTRIES).contains(&entries);
        possible.then(|| Cut {
            parts: dim.div_ceil(part_dim),
            part_dim,
            levels,
            entries,
        })
    }

    /// Bytes of a row's codes.
    pub fn width(&self) -> usize {
        self.parts * self.levels
    }
}

/// The values of all centroids of a book in one dimension.
type Line = [f32; ENTRIES];

#[derive(Debug)]
pub struct ProductCodes {
    pub cut: Cut,
    pub mean: Vec<f32>,
    /// For each part, level and dimension of the part: the centroids' values there.
    pub books: Buffer<f32>,
    pub codes: Buffer<u8>,
    /// x̂·x̂ of each row.
    pub bias: Buffer<f32>,
}

/// A query, measured from.
pub struct ProductPoint<'a> {
    tables: Vec<Line>,
    codes: &'a [u8],
    bias: &'a [f32],
    offset: f32,
}

/// The centroids of a part on one level.
struct Book {
    lines: Vec<Line>,
    /// Squared lengths; infinite beyond the last centroid.
    squares: Line,
}

impl Book {
    fn new(lines: Vec<Line>, entries: usize) -> Book {
        let mut squares = [f32::INFINITY; ENTRIES];
        for (entry, square) in squares.iter_mut().enumerate().take(entries) {
            *square = lines.iter().map(|line| line[entry] * line[entry]).sum();
        }
        Book { lines, squares }
    }

    /// The centroid nearest to `values`.
    fn nearest(&self, values: &[f32]) -> u8 {
        let mut distances = self.squares;
        for (line, &value) in self.lines.iter().zip(values) {
            add_scaled(&mut distances, line, -2.0 * value);
        }
        let smallest = distances.iter().copied().fold(f32::INFINITY, f32::min);
        distances.iter().position(|&distance| distance <= smallest).unwrap_or(0) as u8
    }

    /// Takes the centroid off.
    fn subtract(&self, code: u8, values: &mut [f32]) {
        for (value, line) in values.iter_mut().zip(&self.lines) {
            *value -= line[usize::from(code)];
        }
    }

    /// Centroids of `rows`, of `dim` values each (Lloyd's algorithm).
    fn train(rows: &[f32], dim: usize, entries: usize, seed: u64) -> Book {
        let count = rows.len() / dim;
        let entries = entries.min(count.max(1));
        let row = |at: usize| &rows[at * dim..(at + 1) * dim];
        let mut lines = vec![[0.0; ENTRIES]; dim];
        let set = |lines: &mut Vec<Line>, entry: usize, values: &[f32]| {
            lines.iter_mut().zip(values).for_each(|(line, &value)| line[entry] = value);
        };
        for entry in 0..entries {
            set(&mut lines, entry, row(entry * count / entries));
        }
        for round in 0..ROUNDS {
            let book = Book::new(lines.clone(), entries);
            let mut sums = vec![[0.0f32; ENTRIES]; dim];
            let mut counts = [0usize; ENTRIES];
            for values in rows.chunks_exact(dim) {
                let code = usize::from(book.nearest(values));
                counts[code] += 1;
                sums.iter_mut().zip(values).for_each(|(line, &value)| line[code] += value);
            }
            for entry in 0..entries {
                if counts[entry] == 0 {
                    let other = mix(seed ^ ((round * ENTRIES + entry) as u64)) % count.max(1) as u64;
                    set(&mut lines, entry, row(other as usize));
                    continue;
                }
                for (line, sums) in lines.iter_mut().zip(&sums) {
                    line[entry] = sums[entry] / counts[entry] as f32;
                }
            }
        }
        Book::new(lines, entries)
    }
}

/// `sums[i] += factor * line[i]`.
#[inline]
fn add_scaled(sums: &mut Line, line: &Line, factor: f32) {
    for (sum, &value) in sums.iter_mut().zip(line) {
        *sum += factor * value;
    }
}

impl ProductCodes {
    pub fn train(exact: &Exact<'_>, centre: &Centre<'_>, row_count: usize, cut: Cut) -> ProductCodes {
        let sample = centre.sample();
        let (filled, part_dim) = (cut.filled(), cut.part_dim);
        let mut buffer = Vec::new();
        let mut sampled = Vec::with_capacity(sample.len() * filled);
        for (at, &row) in sample.iter().enumerate() {
            sampled.extend(centre.values(exact, row, &mut buffer));
            sampled.resize((at + 1) * filled, 0.0);
        }
        let books_of = |part: usize| -> Vec<Book> {
            let range = part * part_dim..(part + 1) * part_dim;
            let mut rest: Vec<f32> = sampled.chunks_exact(filled).flat_map(|row| &row[range.clone()]).copied().collect();
            let train = |level: usize| {
                let book = Book::train(&rest, part_dim, cut.entries, (part * cut.levels + level) as u64);
                rest.chunks_exact_mut(part_dim)
                    .for_each(|values| book.subtract(book.nearest(values), values));
                book
            };
            (0..cut.levels).map(train).collect()
        };
        let books: Vec<Book> = (0..cut.parts).into_par_iter().flat_map_iter(books_of).collect();
        let mut codes = vec![0u8; row_count * cut.width()];
        let mut bias = vec![0.0; row_count];
        let code_row = |(buffer, rest): &mut (Vec<f32>, Vec<f32>), (row, (codes, bias)): (usize, (&mut [u8], &mut f32))| {
            if !centre.has(row) {
                return;
            }
            rest.clear();
            rest.extend(centre.values(exact, row as u32, buffer));
            rest.resize(filled, 0.0);
            let parts = rest.chunks_exact_mut(part_dim).zip(codes.chunks_exact_mut(cut.levels));
            for (part, (values, codes)) in parts.enumerate() {
                for (code, book) in codes.iter_mut().zip(&books[part * cut.levels..]) {
                    *code = book.nearest(values);
                    book.subtract(*code, values);
                }
            }
            let values = centre.values(exact, row as u32, buffer).zip(rest.iter());
            *bias = values.map(|(value, rest)| (value - rest) * (value - rest)).sum();
            if exact.metric() == Metric::Cosine && exact.inverse_norm(row as u32) == 0.0 {
                *bias += 1.0;
            }
        };
        let all = codes.par_chunks_mut(cut.width()).zip(bias.par_iter_mut()).enumerate();
        all.for_each_init(Default::default, code_row);
        let lines = books.iter().flat_map(|book| &book.lines).flatten().copied();
        ProductCodes {
            cut,
            mean: centre.mean.clone(),
            books: lines.collect::<Vec<f32>>().into(),
            codes: codes.into(),
            bias: bias.into(),
        }
    }

    /// A query as a point; `inverse_norm` is 1 unless the metric is COSINE.
    pub fn query(&self, metric: Metric, vector: &[f32], inverse_norm: f32) -> ProductPoint<'_> {
        let is_product = metric == Metric::Ip;
        let values = vector.iter().zip(&self.mean);
        let mut y: Vec<f32> = values
            .map(|(&value, &mean)| if is_product { value } else { value * inverse_norm - mean })
            .collect();
        let factor = if is_product { -1.0 } else { -2.0 };
        let offset = if is_product {
            -y.iter().zip(&self.mean).map(|(value, mean)| value * mean).sum::<f32>()
        } else {
            y.iter().map(|value| value * value).sum()
        };
        let part_dim = self.cut.part_dim;
        y.resize(self.cut.filled(), 0.0);
        let mut tables = vec![[0.0; ENTRIES]; self.cut.width()];
        let (lines, _) = self.books.as_chunks::<ENTRIES>();
        for (book, (table, lines)) in tables.iter_mut().zip(lines.chunks_exact(part_dim)).enumerate() {
            let start = book / self.cut.levels * part_dim;
            for (line, &value) in lines.iter().zip(&y[start..start + part_dim]) {
                add_scaled(table, line, factor * value);
            }
        }
        ProductPoint {
            tables,
            codes: &self.codes,
            bias: if is_product { &[] } else { &self.bias },
            offset,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        self.codes.byte_size() + self.bias.byte_size() + self.books.byte_size() + size_of_val(self.mean.as_slice())
    }
}

impl Point for ProductPoint<'_> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        let width = self.tables.len();
        let row = |row: u32| &self.codes[row as usize * width..(row as usize + 1) * width];
        let bias = |row: u32| self.offset + self.bias.get(row as usize).copied().unwrap_or(0.0);
        let four = |at: [u32; 4]| {
            let sums = lookup_sum_four(&self.tables, at.map(row));
            std::array::from_fn(|lane| sums[lane] + bias(at[lane]))
        };
        in_fours(
            rows,
            distances,
            |at| prefetch(row(at)),
            four,
            |at| lookup_sum(&self.tables, row(at)) + bias(at),
        );
    }
}
