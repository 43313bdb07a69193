//! The column's own rows as a space: float32, 16-bit floats, int8, bits. Its distances are exact, and its scores are those that users see.
//!
//! | metric | distance |
//! | --- | --- |
//! | L2, HAMMING, JACCARD | the score |
//! | IP, COSINE | minus the score |

use std::borrow::Cow;

use rayon::prelude::*;

use super::space::{Point, Space, in_fours};
use crate::distance::{Half, Kernels, Metric, float_of_bf16, float_of_f16, kernels, prefetch};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::schema::ColumnType;

#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    Floats(&'a [f32]),
    Float16(&'a [Half]),
    BFloat16(&'a [Half]),
    Bytes(&'a [i8]),
    Bits(&'a [u8]),
}

#[derive(Clone, Copy)]
pub struct Exact<'a> {
    kernels: &'static Kernels,
    metric: Metric,
    /// Elements of a row; bytes of one of bits.
    width: usize,
    rows: Rows<'a>,
    /// 1 / |row| of each row for COSINE, else empty.
    inverse_norms: &'a [f32],
}

/// The vector of a point, in the form that rows are compared with.
#[derive(Clone)]
enum Vector<'a> {
    Floats(Cow<'a, [f32]>),
    Bytes(Cow<'a, [i8]>),
    Bits(&'a [u8]),
}

pub struct ExactPoint<'a> {
    space: Exact<'a>,
    vector: Vector<'a>,
    inverse_norm: f32,
}

/// 1 / |row| of each row; empty unless the metric is COSINE. Rows without a vector have some value.
pub fn inverse_norms_of(vectors: &Vectors, metric: Metric) -> Vec<f32> {
    if metric != Metric::Cosine {
        return Vec::new();
    }
    let norm_of = |buffer: &mut Vec<f32>, row: usize| {
        vectors.read(row, buffer);
        kernels().inverse_norm(buffer)
    };
    let rows = (0..vectors.row_count).into_par_iter();
    rows.map_init(|| vec![0.0; vectors.dim], norm_of).collect()
}

impl<'a> Exact<'a> {
    /// None when the vectors are not of a kind that the metric ranks.
    pub fn of(vectors: &Vectors<'a>, metric: Metric, inverse_norms: &'a [f32]) -> Option<Self> {
        let packed = vectors.packed();
        let rows = match vectors.kind {
            ColumnType::FloatVector => Rows::Floats(vectors.floats()?),
            ColumnType::Float16Vector => Rows::Float16(packed?.as_chunks().0),
            ColumnType::BFloat16Vector => Rows::BFloat16(packed?.as_chunks().0),
            ColumnType::Int8Vector => Rows::Bytes(bytemuck::cast_slice(packed?)),
            ColumnType::BinaryVector => Rows::Bits(packed?),
            _ => return None,
        };
        let ranked = match rows {
            Rows::Bits(_) => matches!(metric, Metric::Hamming | Metric::Jaccard),
            _ => matches!(metric, Metric::L2 | Metric::Ip | Metric::Cosine),
        };
        let width = if vectors.kind == ColumnType::BinaryVector {
            vectors.dim / 8
        } else {
            vectors.dim
        };
        ranked.then(|| Exact::new(metric, width, rows, inverse_norms))
    }

    pub fn new(metric: Metric, width: usize, rows: Rows<'a>, inverse_norms: &'a [f32]) -> Self {
        Exact {
            kernels: kernels(),
            metric,
            width,
            rows,
            inverse_norms,
        }
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Elements of a row; bytes of one of bits.
    pub fn width(&self) -> usize {
        self.width
    }

    pub fn is_bits(&self) -> bool {
        matches!(self.rows, Rows::Bits(_))
    }

    /// Whether rows are of float32.
    pub fn is_floats(&self) -> bool {
        matches!(self.rows, Rows::Floats(_))
    }

    pub fn is_bytes(&self) -> bool {
        matches!(self.rows, Rows::Bytes(_))
    }

    /// Nanoseconds that a look at a row takes, about, when it is not in a cache.
    pub fn row_ns(&self) -> f32 {
        let width = self.width as f32;
        match self.rows {
            Rows::Floats(_) => 4.0 + 0.125 * width,
            Rows::Float16(_) | Rows::BFloat16(_) => 4.0 + 0.065 * width,
            Rows::Bytes(_) | Rows::Bits(_) => 2.2 + 0.03 * width,
        }
    }

    /// The values of a row of floats or int8: the column's own, or made float32 in `buffer`.
    pub fn values<'b>(&self, row: u32, buffer: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        let range = row as usize * self.width..(row as usize + 1) * self.width;
        buffer.clear();
        match self.rows {
            Rows::Floats(rows) => return &rows[range],
            Rows::Float16(rows) => buffer.extend(rows[range].iter().map(|&half| float_of_f16(half))),
            Rows::BFloat16(rows) => buffer.extend(rows[range].iter().map(|&half| float_of_bf16(half))),
            Rows::Bytes(rows) => buffer.extend(rows[range].iter().map(|&value| f32::from(value))),
            Rows::Bits(rows) => buffer.extend(rows[range].iter().map(|&value| f32::from(value))),
        }
        buffer
    }

    /// 1 / |row| for COSINE, else 1.
    #[inline]
    pub fn inverse_norm(&self, row: u32) -> f32 {
        self.inverse_norms.get(row as usize).copied().unwrap_or(1.0)
    }

    /// None when the query has another form or dimension than the rows.
    pub fn query(&self, query: QueryVector<'a>) -> Option<ExactPoint<'a>> {
        let cosine = self.metric == Metric::Cosine;
        let (vector, inverse_norm) = match (query, self.rows) {
            (QueryVector::Bits(bits), Rows::Bits(_)) if bits.len() == self.width => (Vector::Bits(bits), 1.0),
            (QueryVector::Floats(floats), rows) if floats.len() == self.width => {
                let inverse_norm = if cosine { self.kernels.inverse_norm(floats) } else { 1.0 };
                match rows {
                    Rows::Bits(_) => return None,
                    Rows::Bytes(_) => (
                        Vector::Bytes(floats.iter().map(|&value| value as i8).collect::<Vec<_>>().into()),
                        inverse_norm,
                    ),
                    _ => (Vector::Floats(floats.into()), inverse_norm),
                }
            }
            _ => return None,
        };
        Some(ExactPoint {
            space: *self,
            vector,
            inverse_norm,
        })
    }

    /// The score that users see of a distance of this space.
    pub fn score(&self, distance: f32) -> f32 {
        if self.metric.higher_is_better() { 0.0 - distance } else { distance }
    }
}

impl Space for Exact<'_> {
    type Point<'s>
        = ExactPoint<'s>
    where
        Self: 's;

    fn point(&self, row: u32) -> ExactPoint<'_> {
        let range = row as usize * self.width..(row as usize + 1) * self.width;
        let vector = match self.rows {
            Rows::Floats(rows) => Vector::Floats(rows[range].into()),
            Rows::Bytes(rows) => Vector::Bytes(rows[range].into()),
            Rows::Bits(rows) => Vector::Bits(&rows[range]),
            Rows::Float16(_) | Rows::BFloat16(_) => {
                let mut values = Vec::with_capacity(self.width);
                self.values(row, &mut values);
                Vector::Floats(values.into())
            }
        };
        ExactPoint {
            space: *self,
            vector,
            inverse_norm: self.inverse_norm(row),
        }
    }
}

/// The distances of `rows`, of `width` elements each in `all`.
#[inline]
fn measure<R, S: Copy>(
    (all, width): (&[R], usize),
    rows: &[u32],
    distances: &mut Vec<f32>,
    four: impl Fn([&[R]; 4]) -> [S; 4],
    one: impl Fn(&[R]) -> S,
    distance: impl Fn(S) -> f32,
) {
    let row = |row: u32| &all[row as usize * width..(row as usize + 1) * width];
    in_fours(
        rows,
        distances,
        |at| prefetch(row(at)),
        |at| four(at.map(row)).map(&distance),
        |at| distance(one(row(at))),
    );
}

/// 1 less the share of the bits of either that both have; 0 where neither has any.
fn jaccard(common: u32, either: u32) -> f32 {
    if either == 0 { 0.0 } else { 1.0 - common as f32 / either as f32 }
}

impl ExactPoint<'_> {
    /// 1 / |vector| for COSINE, else 1.
    pub fn inverse_norm(&self) -> f32 {
        self.inverse_norm
    }

    /// The distance of a row that is given as its bytes, of a column of floats; aligned as its type.
    pub fn distance_to(&self, row: &[u8], inverse_norm: f32) -> f32 {
        let Exact { kernels, metric, .. } = self.space;
        let Vector::Floats(vector) = &self.vector else {
            unreachable!("a point has the form of its space")
        };
        let is_l2 = metric == Metric::L2;
        let value = match self.space.rows {
            Rows::Float16(_) if is_l2 => kernels.l2_f16.one(vector, row.as_chunks().0),
            Rows::Float16(_) => kernels.dot_f16.one(vector, row.as_chunks().0),
            Rows::BFloat16(_) if is_l2 => kernels.l2_bf16.one(vector, row.as_chunks().0),
            Rows::BFloat16(_) => kernels.dot_bf16.one(vector, row.as_chunks().0),
            _ if is_l2 => kernels.l2(vector, bytemuck::cast_slice(row)),
            _ => kernels.dot(vector, bytemuck::cast_slice(row)),
        };
        if is_l2 { value } else { value * -self.inverse_norm * inverse_norm }
    }

    fn squares(&self, rows: &[u32], out: &mut Vec<f32>) {
        let Exact { kernels, width, .. } = self.space;
        match (self.space.rows, &self.vector) {
            (Rows::Floats(all), Vector::Floats(vector)) => measure(
                (all, width),
                rows,
                out,
                |at| kernels.l2_four(vector, at),
                |at| kernels.l2(vector, at),
                |value| value,
            ),
            (Rows::Float16(all), Vector::Floats(vector)) => {
                let pair = &kernels.l2_f16;
                measure(
                    (all, width),
                    rows,
                    out,
                    |at| pair.four(vector, at),
                    |at| pair.one(vector, at),
                    |value| value,
                )
            }
            (Rows::BFloat16(all), Vector::Floats(vector)) => {
                let pair = &kernels.l2_bf16;
                measure(
                    (all, width),
                    rows,
                    out,
                    |at| pair.four(vector, at),
                    |at| pair.one(vector, at),
                    |value| value,
                )
            }
            (Rows::Bytes(all), Vector::Bytes(vector)) => {
                let pair = &kernels.l2_i8;
                measure(
                    (all, width),
                    rows,
                    out,
                    |at| pair.four(vector, at),
                    |at| pair.one(vector, at),
                    |value| value as f32,
                )
            }
            _ => unreachable!("a point has the form of its space"),
        }
    }

    fn products(&self, rows: &[u32], out: &mut Vec<f32>) {
        let Exact { kernels, width, .. } = self.space;
        match (self.space.rows, &self.vector) {
            (Rows::Floats(all), Vector::Floats(vector)) => measure(
                (all, width),
                rows,
                out,
                |at| kernels.dot_four(vector, at),
                |at| kernels.dot(vector, at),
                |value| value,
            ),
            (Rows::Float16(all), Vector::Floats(vector)) => {
                let pair = &kernels.dot_f16;
                measure(
                    (all, width),
                    rows,
                    out,
                    |at| pair.four(vector, at),
                    |at| pair.one(vector, at),
                    |value| value,
                )
            }
            (Rows::BFloat16(all), Vector::Floats(vector)) => {
                let pair = &kernels.dot_bf16;
                measure(
                    (all, width),
                    rows,
                    out,
                    |at| pair.four(vector, at),
                    |at| pair.one(vector, at),
                    |value| value,
                )
            }
            (Rows::Bytes(all), Vector::Bytes(vector)) => measure(
                (all, width),
                rows,
                out,
                |at| kernels.dot_i8_four(vector, at),
                |at| kernels.dot_i8(vector, at),
                |value| value as f32,
            ),
            _ => unreachable!("a point has the form of its space"),
        }
    }

    fn bits(&self, rows: &[u32], out: &mut Vec<f32>) {
        let Exact { kernels, width, .. } = self.space;
        let (Rows::Bits(all), Vector::Bits(vector)) = (self.space.rows, &self.vector) else {
            unreachable!("a point has the form of its space")
        };
        if self.space.metric == Metric::Hamming {
            let pair = &kernels.hamming;
            return measure(
                (all, width),
                rows,
                out,
                |at| pair.four(vector, at),
                |at| pair.one(vector, at),
                |value| value as f32,
            );
        }
        let (common, either) = (&kernels.common, &kernels.either);
        let four = |at: [&[u8]; 4]| {
            let (common, either) = (common.four(vector, at), either.four(vector, at));
            std::array::from_fn(|lane| jaccard(common[lane], either[lane]))
        };
        let one = |at: &[u8]| jaccard(common.one(vector, at), either.one(vector, at));
        measure((all, width), rows, out, four, one, |value| value);
    }
}

impl Point for ExactPoint<'_> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        match self.space.metric {
            Metric::L2 => self.squares(rows, distances),
            Metric::Ip | Metric::Cosine => {
                self.products(rows, distances);
                for (distance, &row) in distances.iter_mut().zip(rows) {
                    *distance *= -self.inverse_norm * self.space.inverse_norm(row);
                }
            }
            _ => self.bits(rows, distances),
        }
    }
}
