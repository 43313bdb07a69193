//! AVX-512 kernels: floats with AVX-512F, int8 and small codes with VNNI, bits with VPOPCNTDQ, bfloat16 pairs with BF16. What a processor lacks of
//! these is taken from AVX2.

mod bits;
mod bytes;
mod floats;
mod product;

use std::arch::is_x86_feature_detected;

use super::avx2;
use super::kernels::{Kernels, Pair};

macro_rules! floats {
    ($source:ident, $l2:literal) => {
        Pair {
            one: |query, row| unsafe { floats::sums::<floats::$source, $l2, 1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { floats::sums::<floats::$source, $l2, 4, 4>(query, rows) },
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

/// The table, when this processor has AVX-512 F, BW and VL.
pub fn detect() -> Option<Kernels> {
    if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")) {
        return None;
    }
    let mut table = Kernels {
        f32_name: "avx512f",
        dot: floats!(Single, false),
        l2: floats!(Single, true),
        dot_f16: floats!(Binary16, false),
        l2_f16: floats!(Binary16, true),
        dot_bf16: floats!(Bfloat16, false),
        l2_bf16: floats!(Bfloat16, true),
        dot_f32_i8: floats!(Int8, false),
        l2_f32_i8: floats!(Int8, true),
        nibble_sums: |tables, block, sums| unsafe { bytes::nibble_sums(tables, block, sums) },
        add_products: |queries, rows, sums| unsafe { product::add_products(queries, rows, sums) },
        passing: |sums, terms, factor, threshold| unsafe { product::passing(sums, terms, factor, threshold) },
        ..avx2::detect()?
    };
    if is_x86_feature_detected!("avx512bf16") {
        table.dot_bf16_both = Pair {
            one: |query, row| unsafe { floats::bf16_sums::<1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { floats::bf16_sums::<4, 4>(query, rows) },
        };
    }
    if is_x86_feature_detected!("avx512vnni") {
        table.i8_name = "avx512vnni";
        table.dot_i8 = Pair {
            one: |query, row| unsafe { bytes::dot_i8::<1, 4>(query, [row]) }[0],
            four: |query, rows| unsafe { bytes::dot_i8::<4, 1>(query, rows) },
        };
        table.l2_i8 = rows!(bytes::l2_i8);
        table.dot_u4 = rows!(bytes::dot_u4);
        table.dot_u6 = rows!(bytes::dot_u6);
    }
    if is_x86_feature_detected!("avx512vpopcntdq") {
        table.bits_name = "avx512vpopcntdq";
        table.hamming = rows!(bits::counts::<{ bits::DIFFERENT }, _>);
        table.common = rows!(bits::counts::<{ bits::BOTH }, _>);
        table.either = rows!(bits::counts::<{ bits::EITHER }, _>);
    }
    Some(table)
}
