//! A sparse query and the exact score of a row against it: the one definition that scans and every algorithm of the index share.
//!
//! A score is the f32 sum over the indexes that both have, in rising order of index, of the query's value times the row's weight. By IP a weight is the
//! row's value. By BM25 the value is a term's frequency f, and its weight is f (k1 + 1) / (f + k1 (1 - b + b l / a)), with the length l of the row (the
//! sum of its frequencies) and the average length a; the query's value then holds how rare the term is.
//! Rows that score 0 or less are no hits, as in Milvus, so a row that shares no index with the query is none.

use std::borrow::Cow;

use crate::segment::pair_of;

/// Not an index of a sparse vector.
const NO_INDEX: u32 = u32::MAX;
/// Places of the table an index of the query, at least.
const PLACES: usize = 8;
const PLACES_MIN: usize = 64;

/// The parameters of BM25. Defaults are those of Milvus's index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25 {
    /// In 0..=3.
    pub k1: f32,
    /// In 0..=1.
    pub b: f32,
    /// Above 0.
    pub average_length: f32,
}

impl Default for Bm25 {
    fn default() -> Self {
        Bm25 {
            k1: 1.2,
            b: 0.75,
            average_length: 100.0,
        }
    }
}

/// What a row's value counts for; `length` is the row's.
pub trait Weigh: Copy {
    /// Whether the row's length is read.
    const BY_LENGTH: bool;

    fn weight(self, value: f32, length: f32) -> f32;

    /// The most that the query's value can add to a row whose value and length lie in a block with these limits; 0 at least.
    fn bound(self, query: f32, limits: Limits) -> f32;

    /// As `bound`, of what is added or taken away.
    fn magnitude(self, query: f32, limits: Limits) -> f32;
}

/// What holds of the rows of a block: the greatest value, and the smallest (IP) or the smallest length (BM25).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub high: f32,
    pub low: f32,
}

impl From<[f32; 2]> for Limits {
    fn from([high, low]: [f32; 2]) -> Self {
        Limits { high, low }
    }
}

impl From<Limits> for [f32; 2] {
    fn from(limits: Limits) -> Self {
        [limits.high, limits.low]
    }
}

impl Limits {
    pub const NONE: Limits = Limits {
        high: f32::NEG_INFINITY,
        low: f32::INFINITY,
    };

    #[inline]
    pub fn with(self, other: Limits) -> Limits {
        Limits {
            high: if other.high > self.high { other.high } else { self.high },
            low: if other.low < self.low { other.low } else { self.low },
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Product;

impl Weigh for Product {
    const BY_LENGTH: bool = false;

    #[inline(always)]
    fn weight(self, value: f32, _: f32) -> f32 {
        value
    }

    #[inline]
    fn bound(self, query: f32, limits: Limits) -> f32 {
        (query * limits.high).max(query * limits.low).max(0.0)
    }

    #[inline]
    fn magnitude(self, query: f32, limits: Limits) -> f32 {
        (query * limits.high).abs().max((query * limits.low).abs())
    }
}

/// BM25 with what does not depend on the row worked out.
#[derive(Clone, Copy, Debug)]
pub struct Saturation {
    scale: f32,
    base: f32,
    slope: f32,
}

impl From<Bm25> for Saturation {
    fn from(Bm25 { k1, b, average_length }: Bm25) -> Self {
        Saturation {
            scale: k1 + 1.0,
            base: k1 * (1.0 - b),
            slope: k1 * b / average_length,
        }
    }
}

impl Weigh for Saturation {
    const BY_LENGTH: bool = true;

    #[inline(always)]
    fn weight(self, value: f32, length: f32) -> f32 {
        let weight = value * self.scale / (value + (self.base + self.slope * length));
        // 0 / 0, of a frequency of 0 where k1 is 0.
        if value == 0.0 { 0.0 } else { weight }
    }

    #[inline]
    fn bound(self, query: f32, limits: Limits) -> f32 {
        self.magnitude(query.max(0.0), limits)
    }

    #[inline]
    fn magnitude(self, query: f32, limits: Limits) -> f32 {
        (query * self.weight(limits.high, limits.low)).abs()
    }
}

/// A query's pairs, and a table that finds the value of an index.
#[derive(Clone, Debug)]
pub struct SparseQuery<'a> {
    bytes: Cow<'a, [u8]>,
    /// Open addressing; a power of two of places, NO_INDEX where empty.
    places: Vec<(u32, f32)>,
    bm25: Option<Bm25>,
}

impl<'a> SparseQuery<'a> {
    /// `bytes`: pairs of a u32 index, ascending, and an f32 value, little-endian. `bm25`: None ranks by inner product.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>, bm25: Option<Bm25>) -> Self {
        let bytes = bytes.into();
        let pairs = bytes.as_chunks::<8>().0;
        let count = (pairs.len() * PLACES).next_power_of_two().max(PLACES_MIN);
        let mut places = vec![(NO_INDEX, 0.0); count];
        for (index, value) in pairs.iter().map(pair_of) {
            let mut place = place_of(index, count);
            while places[place].0 != NO_INDEX {
                place = (place + 1) & (count - 1);
            }
            places[place] = (index, value);
        }
        SparseQuery { bytes, places, bm25 }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn bm25(&self) -> Option<Bm25> {
        self.bm25
    }

    /// The score of a row as the column has it.
    pub fn score(&self, row: &[u8]) -> f32 {
        match self.bm25 {
            None => self.sum(row, Product, 0.0),
            Some(bm25) => self.sum(row, Saturation::from(bm25), length_of(row)),
        }
    }

    fn sum(&self, row: &[u8], weigh: impl Weigh, length: f32) -> f32 {
        let count = self.places.len();
        let mut sum = 0.0;
        for pair in row.as_chunks::<8>().0 {
            let (index, value) = pair_of(pair);
            let mut place = place_of(index, count);
            while self.places[place & (count - 1)].0 != NO_INDEX {
                let (found, query) = self.places[place & (count - 1)];
                if found == index {
                    sum += query * weigh.weight(value, length);
                    break;
                }
                place += 1;
            }
        }
        sum
    }
}

/// Where the search for an index begins among `count` places.
#[inline(always)]
fn place_of(index: u32, count: usize) -> usize {
    // The upper bits of a product with the golden ratio; neighbours come to lie far apart.
    (index.wrapping_mul(0x9E37_79B9) >> 8) as usize & (count - 1)
}

/// The length of a row: the sum of its values in order.
pub fn length_of(row: &[u8]) -> f32 {
    row.as_chunks::<8>().0.iter().map(|pair| pair_of(pair).1).sum()
}

/// The query without the given part of its values, the smallest in size; of equal ones it keeps all.
pub fn without_smallest(bytes: &[u8], part: f32) -> Cow<'_, [u8]> {
    let pairs = bytes.as_chunks::<8>().0;
    let count = (part * pairs.len() as f32) as usize;
    if count == 0 || count >= pairs.len() {
        return Cow::Borrowed(bytes);
    }
    let mut sizes: Vec<f32> = pairs.iter().map(|pair| pair_of(pair).1.abs()).collect();
    let (_, &mut least, _) = sizes.select_nth_unstable_by(count, f32::total_cmp);
    let kept = pairs.iter().filter(|pair| pair_of(pair).1.abs() >= least);
    Cow::Owned(kept.flatten().copied().collect())
}
