//! Distances: how near two vectors are, at the speed of the machine.
//!
//! Each instruction set has a table of the same six kernels (`Kernels`): dot product and squared L2 of f32 vectors, dot product of int8 codes, each of
//! one vector with one other and with four others at once (the query's lanes are then loaded once for four rows). `kernels()` picks the best table
//! that this processor can run, once. All that is unsafe in the core's arithmetic is here: a table is only reachable when its instructions were
//! detected, and the methods check lengths before a kernel reads. f32 sums differ between tables by rounding only; int8 sums are exact.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod code_line;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use scan::{scan, score};

/// What a search ranks by. Scores are those that users see: squared distance, inner product, cosine, differing bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    L2,
    Ip,
    Cosine,
    /// Of bits, which the kernels here do not compare.
    Hamming,
    Jaccard,
}

impl Metric {
    /// Milvus's name of the metric, in any case.
    pub fn from_name(name: &str) -> Option<Metric> {
        let names = [
            ("L2", Metric::L2),
            ("IP", Metric::Ip),
            ("COSINE", Metric::Cosine),
            ("HAMMING", Metric::Hamming),
            ("JACCARD", Metric::Jaccard),
        ];
        names
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, metric)| metric)
    }

    pub fn higher_is_better(self) -> bool {
        matches!(self, Metric::Ip | Metric::Cosine)
    }
}

type OneRow<T, S> = unsafe fn(&[T], &[T]) -> S;
type FourRows<T, S> = unsafe fn(&[T], [&[T]; 4]) -> [S; 4];

/// The kernels of one instruction set. Rows of a call have equal lengths.
pub struct Kernels {
    f32_name: &'static str,
    i8_name: &'static str,
    dot: OneRow<f32, f32>,
    dot_four: FourRows<f32, f32>,
    l2: OneRow<f32, f32>,
    l2_four: FourRows<f32, f32>,
    dot_i8: OneRow<i8, i32>,
    dot_i8_four: FourRows<i8, i32>,
}

impl Kernels {
    /// Inner product.
    #[inline]
    pub fn dot(&self, left: &[f32], right: &[f32]) -> f32 {
        assert_eq!(left.len(), right.len());
        // SAFETY: the table's instructions were detected; lengths are equal.
        unsafe { (self.dot)(left, right) }
    }

    /// Inner products of `query` with four rows.
    #[inline]
    pub fn dot_four(&self, query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
        assert!(rows.iter().all(|row| row.len() == query.len()));
        // SAFETY: as in `dot`.
        unsafe { (self.dot_four)(query, rows) }
    }

    /// Squared Euclidean distance.
    #[inline]
    pub fn l2(&self, left: &[f32], right: &[f32]) -> f32 {
        assert_eq!(left.len(), right.len());
        // SAFETY: as in `dot`.
        unsafe { (self.l2)(left, right) }
    }

    /// Squared Euclidean distances of `query` to four rows.
    #[inline]
    pub fn l2_four(&self, query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
        assert!(rows.iter().all(|row| row.len() == query.len()));
        // SAFETY: as in `dot`.
        unsafe { (self.l2_four)(query, rows) }
    }

    /// Exact inner product of codes in -127..=127 (-128 is not a code); at most 65,536 of them.
    #[inline]
    pub fn dot_i8(&self, left: &[i8], right: &[i8]) -> i32 {
        assert_eq!(left.len(), right.len());
        // SAFETY: as in `dot`.
        unsafe { (self.dot_i8)(left, right) }
    }

    /// Exact inner products of `query` with four rows of codes; limits as for `dot_i8`.
    #[inline]
    pub fn dot_i8_four(&self, query: &[i8], rows: [&[i8]; 4]) -> [i32; 4] {
        assert!(rows.iter().all(|row| row.len() == query.len()));
        // SAFETY: as in `dot`.
        unsafe { (self.dot_i8_four)(query, rows) }
    }

    /// 1 / |row|, and 0 for a zero vector, so that a cosine with it is 0.
    pub fn inverse_norm(&self, row: &[f32]) -> f32 {
        let squared = self.dot(row, row);
        if squared.is_normal() {
            1.0 / squared.sqrt()
        } else {
            wide_inverse_norm(row)
        }
    }
}

/// The inverse norm where the square leaves the range of f32.
fn wide_inverse_norm(row: &[f32]) -> f32 {
    let squared: f64 = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    if squared > 0.0 { (1.0 / squared.sqrt()) as f32 } else { 0.0 }
}

/// All tables that this processor can run, the best first; the last is the portable one.
fn available() -> Vec<Kernels> {
    let mut tables = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        tables.extend(avx512::detect());
        tables.extend(avx2::detect());
    }
    #[cfg(target_arch = "aarch64")]
    tables.extend(neon::detect());
    tables.push(portable::KERNELS);
    tables
}

/// The best kernels of this processor.
pub fn kernels() -> &'static Kernels {
    static BEST: OnceLock<Kernels> = OnceLock::new();
    BEST.get_or_init(|| available().swap_remove(0))
}

/// Names of the instruction sets in use, for f32 and for int8.
pub fn instruction_sets() -> Vec<&'static str> {
    let mut names = vec![kernels().f32_name, kernels().i8_name];
    names.dedup();
    names
}

/// Asks the processor to fetch the cache lines of `values`, at most 16 of them; a hint, never an access.
#[inline(always)]
pub fn prefetch<T>(values: &[T]) {
    let start = values.as_ptr().cast::<i8>();
    for offset in (0..size_of_val(values)).step_by(64).take(16) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE is part of x86-64, and the address lies within `values`.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(start.add(offset));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: prfm reads nothing; the address lies within `values`.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) start.add(offset), options(nostack, preserves_flags, readonly));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = (start, offset);
    }
}
