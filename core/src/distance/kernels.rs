//! The table of kernels of one instruction set, and the checks that stand before each of them.
//!
//! A `Pair` compares a query with one row, or with four rows at once (the query's lanes are then loaded once for four rows), with the same result to the
//! last bit, so that a score does not depend on how a row was come upon. Its methods check that lengths are equal; the few kernels whose rows are packed more tightly than the query have methods of `Kernels`.

/// A 16-bit float (IEEE binary16 or bfloat16), little-endian, as the wire and the files have it.
pub type Half = [u8; 2];

/// Rows of a block of 4-bit codes (`Kernels::nibble_sums`).
pub const NIBBLE_ROWS: usize = 32;
/// Codes of a row that one sum of 16 bits can take without running over.
pub const NIBBLE_CODES_MAX: usize = 256;

/// Queries and rows of a tile of products (`Kernels::add_products`).
pub const TILE_QUERIES: usize = 6;
pub const TILE_ROWS: usize = 64;

pub(super) type OneRow<Q, R, S> = unsafe fn(&[Q], &[R]) -> S;
pub(super) type FourRows<Q, R, S> = unsafe fn(&[Q], [&[R]; 4]) -> [S; 4];
pub(super) type NibbleSums = unsafe fn(&[[u8; 16]], &[[u8; 16]], &mut [u16; NIBBLE_ROWS]);
pub(super) type AddProducts = unsafe fn(&[[f32; TILE_QUERIES]], &[[f32; TILE_ROWS]], &mut [[f32; TILE_ROWS]; TILE_QUERIES]);
pub(super) type Passing = unsafe fn(&[f32; TILE_ROWS], &[f32; TILE_ROWS], f32, f32) -> u64;
pub(super) type Spread = unsafe fn([&[f32]; 8], &mut [[f32; TILE_ROWS]], usize);
pub(super) type Widen = unsafe fn(&[Half], &mut [f32]);

/// One comparison of a query with one row and with four.
#[derive(Clone, Copy)]
pub struct Pair<Q, R, S> {
    pub(super) one: OneRow<Q, R, S>,
    pub(super) four: FourRows<Q, R, S>,
}

impl<Q, R, S> Pair<Q, R, S> {
    /// Of `query` and `row`; panics when their lengths differ.
    #[inline]
    pub fn one(&self, query: &[Q], row: &[R]) -> S {
        assert_eq!(query.len(), row.len());
        // SAFETY: the table's instructions were detected; lengths are equal.
        unsafe { (self.one)(query, row) }
    }

    /// Of `query` and each of four rows; panics when their lengths differ.
    #[inline]
    pub fn four(&self, query: &[Q], rows: [&[R]; 4]) -> [S; 4] {
        assert!(rows.iter().all(|row| row.len() == query.len()));
        // SAFETY: as in `one`.
        unsafe { (self.four)(query, rows) }
    }
}

/// The kernels of one instruction set. "dot" is the inner product, "l2" the squared Euclidean distance.
pub struct Kernels {
    pub(super) f32_name: &'static str,
    pub(super) i8_name: &'static str,
    pub(super) bits_name: &'static str,
    pub dot: Pair<f32, f32, f32>,
    pub l2: Pair<f32, f32, f32>,
    /// A float32 query with rows of binary16.
    pub dot_f16: Pair<f32, Half, f32>,
    pub l2_f16: Pair<f32, Half, f32>,
    /// A float32 query with rows of bfloat16.
    pub dot_bf16: Pair<f32, Half, f32>,
    pub l2_bf16: Pair<f32, Half, f32>,
    /// Both of bfloat16: the fastest where the processor multiplies them itself, which takes denormal values for 0.
    pub dot_bf16_both: Pair<Half, Half, f32>,
    /// A float32 query with rows of int8.
    pub dot_f32_i8: Pair<f32, i8, f32>,
    pub l2_f32_i8: Pair<f32, i8, f32>,
    pub dot_i8: Pair<i8, i8, i32>,
    /// Exact, of any int8 values; at most 32,768 of them.
    pub l2_i8: Pair<i8, i8, i32>,
    /// Bits that differ, that both have, that either has; of any number of bytes up to 2^28.
    pub hamming: Pair<u8, u8, u32>,
    pub common: Pair<u8, u8, u32>,
    pub either: Pair<u8, u8, u32>,
    pub(super) dot_u4: Pair<i8, u8, i32>,
    pub(super) dot_u6: Pair<i8, u8, i32>,
    pub(super) nibble_sums: NibbleSums,
    pub(super) add_products: AddProducts,
    pub(super) passing: Passing,
    pub(super) spread: Spread,
    pub(super) widen_f16: Widen,
}

impl Kernels {
    /// Inner product.
    #[inline]
    pub fn dot(&self, left: &[f32], right: &[f32]) -> f32 {
        self.dot.one(left, right)
    }

    /// Inner products of `query` with four rows.
    #[inline]
    pub fn dot_four(&self, query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
        self.dot.four(query, rows)
    }

    /// Squared Euclidean distance.
    #[inline]
    pub fn l2(&self, left: &[f32], right: &[f32]) -> f32 {
        self.l2.one(left, right)
    }

    /// Squared Euclidean distances of `query` to four rows.
    #[inline]
    pub fn l2_four(&self, query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
        self.l2.four(query, rows)
    }

    /// Exact inner product of int8 values; at most 65,536 of them.
    #[inline]
    pub fn dot_i8(&self, left: &[i8], right: &[i8]) -> i32 {
        self.dot_i8.one(left, right)
    }

    /// Exact inner products of `query` with four rows of int8 values; limits as for `dot_i8`.
    #[inline]
    pub fn dot_i8_four(&self, query: &[i8], rows: [&[i8]; 4]) -> [i32; 4] {
        self.dot_i8.four(query, rows)
    }

    /// Exact inner product of `query` with codes in 0..16, two a byte: byte i of n has code i in its low half and code n + i in its high half, so `query`
    /// has 2 n values (a last one of 0 where the dimension is odd); at most 65,536 of them.
    #[inline]
    pub fn dot_u4(&self, query: &[i8], row: &[u8]) -> i32 {
        assert_eq!(query.len(), row.len() * 2);
        // SAFETY: the table's instructions were detected; the lengths are as `dot_u4` of a table needs them.
        unsafe { (self.dot_u4.one)(query, row) }
    }

    /// `dot_u4` with four rows.
    #[inline]
    pub fn dot_u4_four(&self, query: &[i8], rows: [&[u8]; 4]) -> [i32; 4] {
        assert!(rows.iter().all(|row| query.len() == row.len() * 2));
        // SAFETY: as in `dot_u4`.
        unsafe { (self.dot_u4.four)(query, rows) }
    }

    /// Exact inner product of `query` with codes in 0..64, four in three bytes: of n triples, the low six bits of bytes i, n + i and 2 n + i are the codes
    /// i, n + i and 2 n + i, and their high two bits, from low to high, are code 3 n + i. So `query` has 4 n values (0 beyond the dimension), at most
    /// 65,536, and a row has 3 n bytes.
    #[inline]
    pub fn dot_u6(&self, query: &[i8], row: &[u8]) -> i32 {
        assert!(row.len().is_multiple_of(3) && query.len() == row.len() / 3 * 4);
        // SAFETY: the table's instructions were detected; the lengths are as `dot_u6` of a table needs them.
        unsafe { (self.dot_u6.one)(query, row) }
    }

    /// `dot_u6` with four rows.
    #[inline]
    pub fn dot_u6_four(&self, query: &[i8], rows: [&[u8]; 4]) -> [i32; 4] {
        assert!(
            rows.iter()
                .all(|row| row.len().is_multiple_of(3) && query.len() == row.len() / 3 * 4)
        );
        // SAFETY: as in `dot_u6`.
        unsafe { (self.dot_u6.four)(query, rows) }
    }

    /// For each of 32 rows of 4-bit codes the sum of what its codes pick from the tables, one table of 16 values a code.
    ///
    /// `block[j]` has code j of all rows: byte i has that of row i in its low half and that of row 16 + i in its high half. Panics unless `block` has as
    /// many codes as there are tables, at most `NIBBLE_CODES_MAX`.
    #[inline]
    pub fn nibble_sums(&self, tables: &[[u8; 16]], block: &[[u8; 16]]) -> [u16; NIBBLE_ROWS] {
        assert!(tables.len() == block.len() && block.len() <= NIBBLE_CODES_MAX);
        let mut sums = [0; NIBBLE_ROWS];
        // SAFETY: the table's instructions were detected; the lengths are equal.
        unsafe { (self.nibble_sums)(tables, block, &mut sums) };
        sums
    }

    /// Adds to `sums[q][r]` the sum over k of `queries[k][q] * rows[k][r]`, one k after the other, so that a sum does not depend on its place in the tile.
    /// Panics unless both have as many k.
    #[inline]
    pub fn add_products(&self, queries: &[[f32; TILE_QUERIES]], rows: &[[f32; TILE_ROWS]], sums: &mut [[f32; TILE_ROWS]; TILE_QUERIES]) {
        assert_eq!(queries.len(), rows.len());
        // SAFETY: the table's instructions were detected; the lengths are equal.
        unsafe { (self.add_products)(queries, rows, sums) }
    }

    /// Bit r is set unless `sums[r] + terms[r] * factor < threshold`; so what is not a number passes.
    #[inline]
    pub fn passing(&self, sums: &[f32; TILE_ROWS], terms: &[f32; TILE_ROWS], factor: f32, threshold: f32) -> u64 {
        // SAFETY: the table's instructions were detected.
        unsafe { (self.passing)(sums, terms, factor, threshold) }
    }

    /// Writes eight rows as columns: `panel[k][first + r] = rows[r][k]`. Panics unless each row is as long as the panel and the columns are there.
    #[inline]
    pub fn spread(&self, rows: [&[f32]; 8], panel: &mut [[f32; TILE_ROWS]], first: usize) {
        assert!(first + 8 <= TILE_ROWS && rows.iter().all(|row| row.len() == panel.len()));
        // SAFETY: the table's instructions were detected; lengths and columns fit.
        unsafe { (self.spread)(rows, panel, first) }
    }

    /// `floats[i]` becomes the value of the binary16 `halves[i]`; panics unless both are as long.
    #[inline]
    pub fn widen_f16(&self, halves: &[Half], floats: &mut [f32]) {
        assert_eq!(halves.len(), floats.len());
        // SAFETY: the table's instructions were detected; the lengths are equal.
        unsafe { (self.widen_f16)(halves, floats) }
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
