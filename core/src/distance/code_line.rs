//! int8 codes in runs of 64 that start on cache lines, so that a row of codes never touches more lines than it fills.

use bytemuck::{Pod, Zeroable};

pub const CODES_PER_LINE: usize = 64;

#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct CodeLine([i8; CODES_PER_LINE]);

// SAFETY: an array of i8 without padding, for which all bit patterns are values.
unsafe impl Zeroable for CodeLine {}
// SAFETY: as above.
unsafe impl Pod for CodeLine {}

/// Lines that a row of `dim` codes takes; the codes beyond `dim` are 0 and add nothing to a product.
pub fn lines_for(dim: usize) -> usize {
    dim.div_ceil(CODES_PER_LINE)
}

/// `count` lines of zeros.
pub fn zeroed_lines(count: usize) -> Vec<CodeLine> {
    vec![CodeLine([0; CODES_PER_LINE]); count]
}
