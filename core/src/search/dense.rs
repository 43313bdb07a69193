//! Vectors that have all their values, in the form in which they are stored, and their scores by the kernels of that form.
//!
//! `DenseRows::score_all` is the one place where a kernel is chosen, so a pair of vectors has the same score whichever way a scan comes to it.

use super::visible::Visible;
use crate::distance::{Half, Metric, Pair, float_of_bf16, kernels, prefetch};
use crate::segment::column::{Column, Values};
use crate::segment::schema::ColumnType;

/// How far ahead of the row being read others are fetched.
const AHEAD_BYTES: usize = 6 * 1024;
/// What one call of `prefetch` fetches at most.
const FETCH_BYTES: usize = 1024;

/// Rows one after the other.
#[derive(Clone, Copy)]
pub enum Vectors<'a> {
    Floats(&'a [f32]),
    Binary16(&'a [Half]),
    Bfloat16(&'a [Half]),
    Int8(&'a [i8]),
    Bits(&'a [u8]),
}

impl<'a> Vectors<'a> {
    /// None of a column of other values.
    pub fn of(kind: ColumnType, values: &'a Values) -> Option<Vectors<'a>> {
        let bytes = match values {
            Values::Vectors { values, .. } => return Some(Vectors::Floats(values)),
            Values::Packed { bytes, .. } => bytes,
            _ => return None,
        };
        match kind {
            ColumnType::Float16Vector => Some(Vectors::Binary16(bytes.as_chunks().0)),
            ColumnType::BFloat16Vector => Some(Vectors::Bfloat16(bytes.as_chunks().0)),
            ColumnType::Int8Vector => Some(Vectors::Int8(bytemuck::cast_slice(bytes))),
            ColumnType::BinaryVector => Some(Vectors::Bits(bytes)),
            _ => None,
        }
    }

    pub fn value_bytes(&self) -> usize {
        match self {
            Vectors::Floats(_) => 4,
            Vectors::Binary16(_) | Vectors::Bfloat16(_) => 2,
            Vectors::Int8(_) | Vectors::Bits(_) => 1,
        }
    }
}

/// A query's values: floats for rows of floats of any size.
#[derive(Clone, Copy)]
pub enum QueryValues<'a> {
    Floats(&'a [f32]),
    Int8(&'a [i8]),
    Bits(&'a [u8]),
}

/// A query vector; `inverse_norm` is 1 unless the metric is COSINE.
#[derive(Clone, Copy)]
pub struct DenseQuery<'a> {
    pub values: QueryValues<'a>,
    pub inverse_norm: f32,
}

/// Vectors of a part and the rows of it that count; a row has `width` values, of bits: bytes.
pub struct DenseRows<'a> {
    pub part: u32,
    pub column: &'a Column,
    pub vectors: Vectors<'a>,
    pub width: usize,
    pub visible: &'a Visible,
}

/// Whether rows to be scored must come from memory first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Row by row, while others are fetched.
    Far,
    /// Four rows at once.
    Cached,
}

impl DenseRows<'_> {
    /// `scores[i]` becomes the score of the query with row `rows[i]`, whose inverse norm is `inverse_norms[i]`: asked of COSINE alone.
    ///
    /// Of SUBSTRUCTURE and SUPERSTRUCTURE the score is 0 of a match, else 1.
    pub fn score_all(&self, metric: Metric, query: &DenseQuery, rows: &[u32], inverse_norms: &[f32], place: Rows, scores: &mut Vec<f32>) {
        let kernels = kernels();
        let l2 = metric == Metric::L2;
        scores.clear();
        match (self.vectors, query.values) {
            (Vectors::Floats(all), QueryValues::Floats(query)) => {
                let kernel = if l2 { &kernels.l2 } else { &kernels.dot };
                self.each(kernel, query, all, rows, place, |score| scores.push(score));
            }
            (Vectors::Binary16(all), QueryValues::Floats(query)) => {
                let kernel = if l2 { &kernels.l2_f16 } else { &kernels.dot_f16 };
                self.each(kernel, query, all, rows, place, |score| scores.push(score));
            }
            (Vectors::Bfloat16(all), QueryValues::Floats(query)) => {
                let kernel = if l2 { &kernels.l2_bf16 } else { &kernels.dot_bf16 };
                self.each(kernel, query, all, rows, place, |score| scores.push(score));
            }
            (Vectors::Int8(all), QueryValues::Int8(query)) => {
                let kernel = if l2 { &kernels.l2_i8 } else { &kernels.dot_i8 };
                self.each(kernel, query, all, rows, place, |score| scores.push(score as f32));
            }
            (Vectors::Bits(all), QueryValues::Bits(query)) => self.score_bits(metric, query, all, rows, place, scores),
            _ => unreachable!("a query of the rows' kind"),
        }
        if metric == Metric::Cosine {
            for (score, inverse_norm) in scores.iter_mut().zip(inverse_norms) {
                *score *= query.inverse_norm * inverse_norm;
            }
        }
    }

    fn score_bits(&self, metric: Metric, query: &[u8], all: &[u8], rows: &[u32], place: Rows, scores: &mut Vec<f32>) {
        let kernels = kernels();
        let set = kernels.common.one(query, query);
        let unless = |matches: bool| if matches { 0.0 } else { 1.0 };
        match metric {
            Metric::Hamming => self.each(&kernels.hamming, query, all, rows, place, |count| scores.push(count as f32)),
            Metric::Jaccard => {
                self.each(&kernels.common, query, all, rows, place, |count| scores.push(count as f32));
                let mut both = scores.iter_mut();
                self.each(&kernels.either, query, all, rows, Rows::Cached, |either| {
                    if let Some(score) = both.next() {
                        *score = if either == 0 { 0.0 } else { 1.0 - *score / either as f32 };
                    }
                });
            }
            Metric::Substructure => self.each(&kernels.common, query, all, rows, place, |both| scores.push(unless(both == set))),
            Metric::Superstructure => self.each(&kernels.either, query, all, rows, place, |either| {
                scores.push(unless(either == set))
            }),
            Metric::L2 | Metric::Ip | Metric::Cosine | Metric::Bm25 => unreachable!("a metric of numbers"),
        }
    }

    /// Puts what the kernel makes of each row, in order.
    fn each<Q, R, S>(&self, kernel: &Pair<Q, R, S>, query: &[Q], all: &[R], rows: &[u32], place: Rows, mut put: impl FnMut(S)) {
        let vector = |row: u32| &all[row as usize * self.width..][..self.width];
        if place == Rows::Far {
            self.each_ahead(rows, |row| put(kernel.one(query, vector(row))));
            return;
        }
        let (fours, rest) = rows.as_chunks::<4>();
        for four in fours {
            kernel.four(query, four.map(vector)).into_iter().for_each(&mut put);
        }
        for &row in rest {
            put(kernel.one(query, vector(row)));
        }
    }

    /// Visits each row, and asks for those some way behind it.
    fn each_ahead(&self, rows: &[u32], mut visit: impl FnMut(u32)) {
        let ahead = (AHEAD_BYTES / self.row_bytes().max(1)).max(1);
        for (at, &row) in rows.iter().enumerate() {
            if let Some(&next) = rows.get(at + ahead) {
                self.fetch(next);
            }
            visit(row);
        }
    }

    /// Asks for a row's values.
    pub fn fetch(&self, row: u32) {
        fn ask<T>(all: &[T], row: u32, width: usize) {
            all[row as usize * width..][..width]
                .chunks(FETCH_BYTES / size_of::<T>())
                .for_each(prefetch);
        }
        match self.vectors {
            Vectors::Floats(all) => ask(all, row, self.width),
            Vectors::Binary16(all) | Vectors::Bfloat16(all) => ask(all, row, self.width),
            Vectors::Int8(all) => ask(all, row, self.width),
            Vectors::Bits(all) => ask(all, row, self.width),
        }
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.width * self.vectors.value_bytes()
    }

    /// The inverse norms of rows that must come from memory.
    pub fn inverse_norms(&self, rows: &[u32], zeros: &[f32], inverse_norms: &mut Vec<f32>) {
        inverse_norms.clear();
        self.each_ahead(rows, |row| inverse_norms.push(self.inverse_norm(row, zeros)));
    }

    /// 1 / |row|, and 0 of a zero vector. `zeros` has a zero for each value of a row.
    pub fn inverse_norm(&self, row: u32, zeros: &[f32]) -> f32 {
        let range = row as usize * self.width..(row as usize + 1) * self.width;
        let squared = match self.vectors {
            Vectors::Floats(all) => return kernels().inverse_norm(&all[range]),
            Vectors::Binary16(all) => kernels().l2_f16.one(zeros, &all[range]),
            Vectors::Bfloat16(all) => {
                let squared = kernels().l2_bf16.one(zeros, &all[range.clone()]);
                if !squared.is_normal() {
                    let values: Vec<f32> = all[range].iter().map(|&half| float_of_bf16(half)).collect();
                    return kernels().inverse_norm(&values);
                }
                squared
            }
            Vectors::Int8(all) => kernels().dot_i8(&all[range.clone()], &all[range]) as f32,
            Vectors::Bits(_) => unreachable!("bits have no norm"),
        };
        if squared > 0.0 { 1.0 / squared.sqrt() } else { 0.0 }
    }

    /// A row's values, where they are stored as float32.
    pub fn stored_floats(&self, row: u32) -> Option<&[f32]> {
        match self.vectors {
            Vectors::Floats(all) => Some(&all[row as usize * self.width..][..self.width]),
            _ => None,
        }
    }

    /// A row's values as float32: where they are not stored so they are written to `floats`, which has a place for each. Panics of bits.
    pub fn floats<'b>(&'b self, row: u32, floats: &'b mut [f32]) -> &'b [f32] {
        let range = row as usize * self.width..(row as usize + 1) * self.width;
        match self.vectors {
            Vectors::Floats(all) => return &all[range],
            Vectors::Binary16(all) => kernels().widen_f16(&all[range], floats),
            Vectors::Bfloat16(all) => {
                let halves = floats.iter_mut().zip(&all[range]);
                halves.for_each(|(float, &half)| *float = float_of_bf16(half));
            }
            Vectors::Int8(all) => {
                let values = floats.iter_mut().zip(&all[range]);
                values.for_each(|(float, &value)| *float = f32::from(value));
            }
            Vectors::Bits(_) => unreachable!("bits are not numbers"),
        }
        floats
    }
}
