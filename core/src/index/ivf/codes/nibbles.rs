//! Codes of four bits a part, 32 rows a block: sums of table entries that are looked up within registers.
//!
//! A block has 16 bytes for each part: byte i has the code of row i in its low half and that of row 16 + i in its high half. The last block of a list is
//! filled up with zeros. Tables are rounded to bytes, with one step for all of them.

use super::super::nearest::Nearest;
use super::{Codes, Place};
use crate::distance::{NIBBLE_CODES_MAX, NIBBLE_ROWS, kernels, prefetch};

/// Bytes of one part in a block.
pub const BLOCK_PART: usize = NIBBLE_ROWS / 2;

pub struct NibblesQuery {
    tables: Vec<[u8; 16]>,
    step: f32,
    /// What each product has besides.
    offset: f32,
}

impl NibblesQuery {
    /// Of tables of products, one a part.
    pub fn new(tables: &[[f32; 16]], offset: f32) -> NibblesQuery {
        let low = |table: &[f32; 16]| table.iter().fold(f32::INFINITY, |least, &value| least.min(value));
        let high = |table: &[f32; 16]| table.iter().fold(f32::NEG_INFINITY, |most, &value| most.max(value));
        let widest = tables.iter().map(|table| high(table) - low(table)).fold(0.0, f32::max);
        let inverse = if widest > 0.0 && widest.is_finite() { 255.0 / widest } else { 0.0 };
        NibblesQuery {
            offset: offset + tables.iter().map(low).sum::<f32>(),
            step: if inverse > 0.0 { 1.0 / inverse } else { 0.0 },
            tables: tables
                .iter()
                .map(|table| table.map(|value| ((value - low(table)) * inverse + 0.5) as u8))
                .collect(),
        }
    }
}

pub fn blocks_of(rows: usize) -> usize {
    rows.div_ceil(NIBBLE_ROWS)
}

/// The blocks of rows whose codes have `width` parts, a byte each.
pub fn pack(codes: &[u8], width: usize) -> Vec<u8> {
    let rows = codes.len() / width;
    let part = |row: usize, part: usize| codes.get(row * width + part).copied().unwrap_or(0);
    let mut blocks = Vec::with_capacity(blocks_of(rows) * width * BLOCK_PART);
    for first in (0..rows).step_by(NIBBLE_ROWS) {
        for at in 0..width {
            blocks.extend((first..first + BLOCK_PART).map(|row| part(row, at) | part(row + BLOCK_PART, at) << 4));
        }
    }
    blocks
}

/// Offers the allowed rows of a list; `width` is the number of parts.
pub fn scan(codes: &Codes, width: usize, query: &NibblesQuery, place: &Place, nearest: &mut Nearest) {
    let positions = place.range.clone();
    let (bytes, all_bias, all_factors) = (&codes.bytes[..], &codes.bias[..], codes.factor.as_deref());
    let start = codes.block_starts[place.list];
    let block_bytes = width * BLOCK_PART;
    let mut estimates = [0.0f32; NIBBLE_ROWS];
    for (number, first) in positions.clone().step_by(NIBBLE_ROWS).enumerate() {
        let block = &bytes[(start + number) * block_bytes..(start + number + 1) * block_bytes];
        let rows = NIBBLE_ROWS.min(positions.end - first);
        prefetch(&all_bias[first..first + rows]);
        let sums = sums(query, block.as_chunks::<BLOCK_PART>().0);
        let estimates = &mut estimates[..rows];
        let bias = &all_bias[first..first + rows];
        match all_factors {
            None => {
                let factor = place.weight * query.step;
                let base = place.base - place.weight * query.offset;
                for ((estimate, bias), sum) in estimates.iter_mut().zip(bias).zip(sums) {
                    *estimate = base + bias - factor * sum;
                }
            }
            Some(factors) => {
                let factors = &factors[first..first + rows];
                for (((estimate, bias), factor), sum) in estimates.iter_mut().zip(bias).zip(factors).zip(sums) {
                    *estimate = place.base + bias - place.weight * factor * (query.offset + query.step * sum);
                }
            }
        }
        offer(estimates, first, place, nearest);
    }
}

#[inline]
fn sums(query: &NibblesQuery, block: &[[u8; BLOCK_PART]]) -> [f32; NIBBLE_ROWS] {
    let kernels = kernels();
    if block.len() <= NIBBLE_CODES_MAX {
        return kernels.nibble_sums(&query.tables, block).map(f32::from);
    }
    let mut total = [0.0; NIBBLE_ROWS];
    for (tables, parts) in query.tables.chunks(NIBBLE_CODES_MAX).zip(block.chunks(NIBBLE_CODES_MAX)) {
        let sums = kernels.nibble_sums(tables, parts);
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += f32::from(sum));
    }
    total
}

#[inline]
fn offer(estimates: &[f32], first: usize, place: &Place, nearest: &mut Nearest) {
    let bound = nearest.bound();
    // Most blocks of a long list have no row near enough; a comparison that is false for NaN would lose it.
    if estimates.iter().all(|&estimate| estimate > bound) {
        return;
    }
    for (at, &estimate) in estimates.iter().enumerate() {
        if estimate > nearest.bound() {
            continue;
        }
        let row = place.rows[first + at];
        if place.allowed.is_none_or(|allowed| allowed.get(row as usize)) {
            nearest.offer(estimate, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::mix::mix;

    #[test]
    fn packed_codes_pick_the_entries_of_their_rows() {
        for (rows, width) in [(1, 3), (32, 4), (70, 300), (33, 1)] {
            let codes: Vec<u8> = (0..rows * width).map(|at| (mix(at as u64) % 16) as u8).collect();
            let tables: Vec<[f32; 16]> = (0..width as u64)
                .map(|part| std::array::from_fn(|code| (mix(part << 8 | code as u64) % 100) as f32 - 50.0))
                .collect();
            let query = NibblesQuery::new(&tables, 7.0);
            let blocks = pack(&codes, width);
            assert_eq!(blocks.len(), blocks_of(rows) * width * BLOCK_PART);
            for row in 0..rows {
                let block = &blocks[row / NIBBLE_ROWS * width * BLOCK_PART..][..width * BLOCK_PART];
                let sum = sums(&query, block.as_chunks::<BLOCK_PART>().0)[row % NIBBLE_ROWS];
                let exact: f32 = (0..width).map(|part| tables[part][usize::from(codes[row * width + part])]).sum();
                let found = query.offset + query.step * sum;
                assert!((found - 7.0 - exact).abs() <= 0.21 * width as f32, "{found} {exact}");
            }
        }
    }
}
