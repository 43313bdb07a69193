//! Distances: how near two vectors are, at the speed of the machine.
//!
//! Each instruction set has a table of the same kernels (`Kernels`), for each kind of vector that is stored: float32, 16-bit floats, int8, bits, and the
//! small codes of quantised indexes. `kernels()` picks the best table that this processor can run, once. All that is unsafe in the core's arithmetic
//! is here: a table is only reachable when its instructions were detected, and lengths are checked before a kernel reads. Sums of floats differ
//! between tables by rounding only; sums of integers are exact.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod code_line;
mod half;
mod kernels;
mod lookup;
mod metric;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

pub use half::{float_of_bf16, float_of_f16};
pub use kernels::{Half, Kernels, NIBBLE_CODES_MAX, NIBBLE_ROWS, Pair, TILE_QUERIES, TILE_ROWS};
pub use lookup::{lookup_sum, lookup_sum_four};
pub use metric::Metric;
pub use scan::{scan, score};

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

/// Names of the instruction sets in use, for f32, int8 and bits.
pub fn instruction_sets() -> Vec<&'static str> {
    let mut names = vec![kernels().f32_name, kernels().i8_name, kernels().bits_name];
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
