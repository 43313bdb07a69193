//! Where the graph's rows lie: gives distances between them, smaller is nearer. One space reads the column's rows (`exact`), others codes of them.

/// Rows fetched ahead of those being computed.
pub const ROWS_AHEAD: usize = 8;

pub trait Space: Sync {
    type Point<'s>: Point
    where
        Self: 's;

    /// A row as a point to measure from.
    fn point(&self, row: u32) -> Self::Point<'_>;
}

/// A point, a query or a row, from which rows are measured.
pub trait Point {
    /// `distances` becomes the distances of `rows`, in their order.
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>);

    /// Whether one of `rows` is as near as `distance`; scratch space is the caller's.
    fn any_within(&self, rows: &[u32], distance: f32, scratch: &mut Vec<f32>) -> bool {
        rows.chunks(4).any(|block| {
            self.distances(block, scratch);
            scratch.iter().any(|&other| other <= distance)
        })
    }
}

/// `distances` becomes those of `rows`, computed four at once by `four` and the rest by `one`, while the rows ahead are fetched.
#[inline]
pub fn in_fours(
    rows: &[u32],
    distances: &mut Vec<f32>,
    fetch: impl Fn(u32),
    four: impl Fn([u32; 4]) -> [f32; 4],
    one: impl Fn(u32) -> f32,
) {
    distances.clear();
    rows.iter().take(ROWS_AHEAD).for_each(|&row| fetch(row));
    let mut blocks = rows.chunks_exact(4);
    for (at, block) in (&mut blocks).enumerate() {
        rows.iter().skip(at * 4 + ROWS_AHEAD).take(4).for_each(|&row| fetch(row));
        distances.extend(four([block[0], block[1], block[2], block[3]]));
    }
    distances.extend(blocks.remainder().iter().map(|&row| one(row)));
}
