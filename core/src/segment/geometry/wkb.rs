//! Parts of WKB: where a geometry begins, its code, its numbers.

use super::{Kind, Layout};

pub(super) fn numbers_of(bytes: &[u8]) -> impl Iterator<Item = f64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes))
}

/// Byte order and a place for the code; where the code is known at the end, `set_code` writes it.
pub(super) fn begin(out: &mut Vec<u8>, kind: Kind) -> usize {
    out.push(1);
    out.extend_from_slice(&(kind as u32).to_le_bytes());
    out.len() - 4
}

pub(super) fn set_code(out: &mut [u8], at: usize, kind: Kind, layout: Layout) {
    out[at..at + 4].copy_from_slice(&(kind as u32 + layout.code()).to_le_bytes());
}
