//! AVX2 kernels: floats with FMA and F16C, integers in pairs of 16 bits, bits by tables of 16.

mod bits;
mod bytes;
mod floats;
mod product;

use std::arch::is_x86_feature_detected;

use super::kernels::{Kernels, Pair};

macro_rules! floats {
    ($source:ident, $l2:literal) => {
        Pair {
            one: |query, row| unsafe { floats::sums::<floats::Single, floats::$source, $l2, 1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { floats::four::<floats::Single, floats::$source, $l2>(query, rows) },
        }
    };
}

macro_rules! rows {
    ($kernel:path) => {
        Pair {
            one: |query, row| unsafe { $kernel(query, [row]) }[0],
            four: |query, rows| unsafe { $kernel(query, rows) },
        }
    };
}

/// The table, when this processor has AVX2, FMA, F16C and POPCNT.
pub fn detect() -> Option<Kernels> {
    if !is_x86_feature_detected!("avx2")
        || !is_x86_feature_detected!("fma")
        || !is_x86_feature_detected!("f16c")
        || !is_x86_feature_detected!("popcnt")
    {
        return None;
    }
    Some(Kernels {
        f32_name: "avx2",
        i8_name: "avx2",
        bits_name: "avx2",
        dot: floats!(Single, false),
        l2: floats!(Single, true),
        dot_f16: floats!(Binary16, false),
        l2_f16: floats!(Binary16, true),
        dot_bf16: floats!(Bfloat16, false),
        l2_bf16: floats!(Bfloat16, true),
        dot_bf16_both: Pair {
            one: |query, row| unsafe { floats::sums::<floats::Bfloat16, floats::Bfloat16, false, 1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { floats::four::<floats::Bfloat16, floats::Bfloat16, false>(query, rows) },
        },
        dot_f32_i8: floats!(Int8, false),
        l2_f32_i8: floats!(Int8, true),
        dot_i8: rows!(bytes::sums_i8::<false, _>),
        l2_i8: rows!(bytes::sums_i8::<true, _>),
        hamming: rows!(bits::counts::<{ bits::DIFFERENT }, _>),
        common: rows!(bits::counts::<{ bits::BOTH }, _>),
        either: rows!(bits::counts::<{ bits::EITHER }, _>),
        dot_u4: rows!(bytes::dot_u4),
        dot_u6: rows!(bytes::dot_u6),
        nibble_sums: |tables, block, sums| unsafe { bytes::nibble_sums(tables, block, sums) },
        add_products: |queries, rows, sums| unsafe { product::add_products(queries, rows, sums) },
        passing: |sums, terms, factor, threshold| unsafe { product::passing(sums, terms, factor, threshold) },
        spread: |rows, panel, first| unsafe { product::spread(rows, panel, first) },
        widen_f16: |halves, floats| unsafe { floats::widen_f16(halves, floats) },
    })
}
