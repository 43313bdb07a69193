//! NEON kernels for aarch64.

mod bits;
mod bytes;
mod floats;
mod product;

use std::arch::is_aarch64_feature_detected;

use super::kernels::{Kernels, Pair};

macro_rules! floats {
    ($query:ident, $source:ident, $l2:literal) => {
        Pair {
            one: |query, row| unsafe { floats::sums::<floats::$query, floats::$source, $l2, 1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { floats::sums::<floats::$query, floats::$source, $l2, 4, 4>(query, rows) },
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

/// The table, when this processor has NEON.
pub fn detect() -> Option<Kernels> {
    if !is_aarch64_feature_detected!("neon") {
        return None;
    }
    Some(Kernels {
        f32_name: "neon",
        i8_name: "neon",
        bits_name: "neon",
        dot: floats!(Single, Single, false),
        l2: floats!(Single, Single, true),
        dot_f16: floats!(Single, Binary16, false),
        l2_f16: floats!(Single, Binary16, true),
        dot_bf16: floats!(Single, Bfloat16, false),
        l2_bf16: floats!(Single, Bfloat16, true),
        dot_bf16_both: floats!(Bfloat16, Bfloat16, false),
        dot_f32_i8: floats!(Single, Int8, false),
        l2_f32_i8: floats!(Single, Int8, true),
        dot_i8: rows!(bytes::dot_i8),
        l2_i8: rows!(bytes::l2_i8),
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
