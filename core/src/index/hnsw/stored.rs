//! What walks of searches read of the rows instead of the column: codes of one kind, or nothing, where the column serves best.
//!
//! Whatever is read, found rows are ranked by their exact distances, so scores are those of the column's vectors.

use super::codes::{CodePoint, Codes};
use super::exact::{Exact, ExactPoint, Rows};
use super::product::{Cut, ProductCodes, ProductPoint};
use super::small_codes::{Bits, SmallCodes, SmallPoint};
use super::space::Point;
use super::training::Centre;
use crate::distance::{Half, Metric};
use crate::failure::{Failure, Outcome};
use crate::index::vector_index::{IndexKind, IndexPlan};
use crate::index::vectors::QueryVector;
use crate::segment::buffer::Buffer;

/// What codes a plan asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// int8 codes where they serve.
    Best,
    /// No codes.
    #[cfg(test)]
    Nothing,
    Small(Bits),
    Half(HalfKind),
    Product(Cut),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalfKind {
    Float16,
    BFloat16,
}

#[derive(Debug)]
pub enum Stored {
    Nothing,
    Codes(Codes),
    Small(SmallCodes),
    Half { kind: HalfKind, rows: Buffer<Half> },
    Product(ProductCodes),
}

/// A query, as walks measure from it.
pub enum StoredPoint<'a> {
    Exact(ExactPoint<'a>),
    Codes(CodePoint<'a, Vec<i8>>),
    Small(SmallPoint<'a>),
    Product(ProductPoint<'a>),
}

impl Wanted {
    /// Kind `malformed` when the plan names no quantiser.
    pub fn of(plan: &IndexPlan, dim: usize) -> Outcome<Wanted> {
        Ok(match plan.kind {
            IndexKind::HnswSq => match plan.sq_type.to_ascii_uppercase().as_str() {
                "SQ4U" => Wanted::Small(Bits::Four),
                "SQ6" => Wanted::Small(Bits::Six),
                "SQ8" | "" => Wanted::Best,
                "FP16" => Wanted::Half(HalfKind::Float16),
                "BF16" => Wanted::Half(HalfKind::BFloat16),
                other => return Err(Failure::malformed(format!("a scalar quantiser {other}"))),
            },
            IndexKind::HnswPq => Wanted::Product(Cut::new(dim, plan.pq_m, plan.nbits, 1)),
            IndexKind::HnswPrq => Wanted::Product(Cut::new(dim, plan.pq_m, plan.nbits, plan.nrq)),
            _ => Wanted::Best,
        })
    }
}

impl Wanted {
    /// Whether the graph may be built by int8 codes.
    pub fn builds_by_codes(self) -> bool {
        #[cfg(test)]
        return self != Wanted::Nothing;
        #[cfg(not(test))]
        true
    }
}

/// Rounds to the nearest binary16, ties to even; overflow is infinite.
pub(super) fn half_of(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = f32::from_bits(bits & 0x7fff_ffff);
    if magnitude >= 65_520.0 || magnitude.is_nan() {
        return sign | 0x7c00;
    }
    if magnitude < 6.103_515_6e-5 {
        // A denormal: a multiple of 2^-24.
        return sign | (magnitude * 16_777_216.0).round_ties_even() as u16;
    }
    let rebiased = magnitude.to_bits() - (112 << 23);
    let half = (rebiased + 0xfff + (rebiased >> 13 & 1)) >> 13;
    sign | half as u16
}

/// Rounds to the nearest bfloat16, ties to even.
pub(super) fn brain_half_of(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// The rows as 16-bit floats; None when some value is not finite then.
fn halves_of(exact: &Exact<'_>, row_count: usize, kind: HalfKind) -> Option<Buffer<Half>> {
    let mut halves: Vec<Half> = Vec::with_capacity(row_count * exact.width());
    let mut buffer = Vec::new();
    let round = match kind {
        HalfKind::Float16 => half_of,
        HalfKind::BFloat16 => brain_half_of,
    };
    for row in 0..row_count as u32 {
        halves.extend(exact.values(row, &mut buffer).iter().map(|&value| round(value).to_le_bytes()));
    }
    let infinite = if kind == HalfKind::Float16 { 0x7c00 } else { 0x7f80 };
    let finite = halves.iter().all(|&half| u16::from_le_bytes(half) & infinite != infinite);
    finite.then_some(halves.into())
}

impl Stored {
    /// The codes that are wanted; Nothing where the column's rows cannot be coded so, or are as small.
    pub fn train(wanted: Wanted, exact: &Exact<'_>, centre: Option<&Centre<'_>>, row_count: usize) -> Stored {
        let Some(centre) = centre else { return Stored::Nothing };
        match wanted {
            #[cfg(test)]
            Wanted::Nothing => Stored::Nothing,
            Wanted::Best if exact.is_bytes() => Stored::Nothing,
            Wanted::Best => Codes::train(exact, centre, row_count).map_or(Stored::Nothing, Stored::Codes),
            Wanted::Small(bits) => SmallCodes::train(exact, centre, row_count, bits).map_or(Stored::Nothing, Stored::Small),
            Wanted::Half(_) if !exact.is_floats() => Stored::Nothing,
            Wanted::Half(kind) => halves_of(exact, row_count, kind).map_or(Stored::Nothing, |rows| Stored::Half { kind, rows }),
            Wanted::Product(cut) => Stored::Product(ProductCodes::train(exact, centre, row_count, cut)),
        }
    }

    /// A query as walks measure from it; `exact` is the same query among the column's rows.
    pub fn query<'a>(
        &'a self,
        exact: &Exact<'a>,
        query: QueryVector<'a>,
        inverse_norm: f32,
        inverse_norms: &'a [f32],
    ) -> Option<StoredPoint<'a>> {
        let metric: Metric = exact.metric();
        let QueryVector::Floats(floats) = query else {
            return exact.query(query).map(StoredPoint::Exact);
        };
        Some(match self {
            Stored::Nothing => StoredPoint::Exact(exact.query(query)?),
            Stored::Codes(codes) => StoredPoint::Codes(codes.space(metric).query(floats, inverse_norm)),
            Stored::Small(codes) => StoredPoint::Small(codes.query(metric, floats, inverse_norm)),
            Stored::Product(codes) => StoredPoint::Product(codes.query(metric, floats, inverse_norm)),
            Stored::Half { kind, rows } => {
                let rows = match kind {
                    HalfKind::Float16 => Rows::Float16(rows),
                    HalfKind::BFloat16 => Rows::BFloat16(rows),
                };
                StoredPoint::Exact(Exact::new(metric, exact.width(), rows, inverse_norms).query(query)?)
            }
        })
    }

    /// The same, in memory of its own.
    pub fn owned(self) -> Stored {
        let own = |bytes: Buffer<u8>| Buffer::Owned(bytes.to_vec());
        let own_floats = |floats: Buffer<f32>| Buffer::Owned(floats.to_vec());
        match self {
            Stored::Small(codes) => Stored::Small(SmallCodes {
                rows: own(codes.rows),
                bias: own_floats(codes.bias),
                ..codes
            }),
            Stored::Product(codes) => Stored::Product(ProductCodes {
                codes: own(codes.codes),
                bias: own_floats(codes.bias),
                books: own_floats(codes.books),
                ..codes
            }),
            other => other,
        }
    }

    /// Whether found rows must be ranked again.
    pub fn is_coded(&self) -> bool {
        !matches!(self, Stored::Nothing)
    }

    /// How many rows a walk keeps at least for each that is wanted: coarse codes rank near rows badly.
    pub fn spread(&self) -> usize {
        match self {
            Stored::Nothing => 1,
            Stored::Codes(_) | Stored::Half { .. } => 2,
            Stored::Small(codes) if codes.bits == Bits::Six => 2,
            Stored::Small(_) | Stored::Product(_) => 4,
        }
    }

    /// Nanoseconds that a look at a row takes, about, when it is not in a cache.
    pub fn row_ns(&self, exact: &Exact<'_>) -> f32 {
        let dim = exact.width() as f32;
        match self {
            Stored::Nothing => exact.row_ns(),
            Stored::Codes(_) => 2.2 + 0.022 * dim,
            Stored::Small(codes) => 2.2 + 0.003 * codes.bits as u32 as f32 * dim,
            Stored::Half { .. } => 4.0 + 0.065 * dim,
            Stored::Product(codes) => 3.0 + 0.4 * codes.cut.width() as f32,
        }
    }

    /// Bytes of memory held.
    pub fn byte_size(&self) -> usize {
        match self {
            Stored::Nothing => 0,
            Stored::Codes(codes) => codes.byte_size(),
            Stored::Small(codes) => codes.byte_size(),
            Stored::Half { rows, .. } => rows.byte_size(),
            Stored::Product(codes) => codes.byte_size(),
        }
    }
}

impl Point for StoredPoint<'_> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        match self {
            StoredPoint::Exact(point) => point.distances(rows, distances),
            StoredPoint::Codes(point) => point.distances(rows, distances),
            StoredPoint::Small(point) => point.distances(rows, distances),
            StoredPoint::Product(point) => point.distances(rows, distances),
        }
    }
}
