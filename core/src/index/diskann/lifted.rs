//! Distances that are never negative and may be multiplied, which pruning needs: squared Euclidean ones, of the rows themselves (L2), of the rows on the
//! unit sphere (COSINE), or of the rows lifted by one dimension to a sphere around all of them, where near means a large inner product (IP).

use crate::distance::Metric;
use crate::index::hnsw::codes::CodeSpace;
use crate::index::hnsw::exact::Exact;
use crate::index::hnsw::space::{Point, Space};
use crate::index::hnsw::training::Centre;

enum Lift {
    /// They are so already.
    None,
    /// Of minus the cosine: 2 + 2 d.
    Cosine,
    /// Of minus the inner product, up to `shift`: 2 r² + 2 (d + shift) - 2 h h', r being the largest length and h = sqrt(r² - |row|²).
    Product { heights: Vec<f32>, twice_squared: f32, shift: f32 },
}

pub struct Lifted<S> {
    space: S,
    lift: Lift,
}

pub struct LiftedPoint<'a, P> {
    point: P,
    lift: &'a Lift,
    height: f32,
}

/// h of each row, and 2 r².
fn heights_of(exact: &Exact<'_>, centre: &Centre<'_>) -> (Vec<f32>, f32) {
    let mut buffer = Vec::new();
    let squared = |row: u32| exact.values(row, &mut buffer).iter().map(|value| value * value).sum::<f32>();
    let squares: Vec<f32> = centre.rows.iter().copied().map(squared).collect();
    let largest = squares.iter().copied().fold(0.0, f32::max);
    let last = centre.rows.last().map_or(0, |&row| row as usize + 1);
    let mut heights = vec![0.0; last];
    for (&row, square) in centre.rows.iter().zip(squares) {
        heights[row as usize] = (largest - square).max(0.0).sqrt();
    }
    (heights, 2.0 * largest)
}

impl<'a> Lifted<CodeSpace<'a>> {
    pub fn of_codes(space: CodeSpace<'a>, metric: Metric, exact: &Exact<'_>, centre: &Centre<'_>) -> Self {
        let lift = if metric == Metric::Ip {
            let (heights, twice_squared) = heights_of(exact, centre);
            Lift::Product {
                heights,
                twice_squared,
                shift: space.product_shift(),
            }
        } else {
            Lift::None
        };
        Lifted { space, lift }
    }
}

impl<'a> Lifted<Exact<'a>> {
    pub fn of_rows(space: Exact<'a>, centre: &Centre<'_>) -> Self {
        let lift = match space.metric() {
            Metric::Ip => {
                let (heights, twice_squared) = heights_of(&space, centre);
                Lift::Product {
                    heights,
                    twice_squared,
                    shift: 0.0,
                }
            }
            Metric::Cosine => Lift::Cosine,
            _ => Lift::None,
        };
        Lifted { space, lift }
    }
}

impl<S: Space> Space for Lifted<S> {
    type Point<'s>
        = LiftedPoint<'s, S::Point<'s>>
    where
        S: 's;

    fn point(&self, row: u32) -> Self::Point<'_> {
        LiftedPoint {
            point: self.space.point(row),
            lift: &self.lift,
            height: match &self.lift {
                Lift::Product { heights, .. } => heights[row as usize],
                _ => 0.0,
            },
        }
    }
}

impl<P: Point> Point for LiftedPoint<'_, P> {
    fn distances(&self, rows: &[u32], distances: &mut Vec<f32>) {
        self.point.distances(rows, distances);
        match self.lift {
            Lift::None => (),
            Lift::Cosine => distances
                .iter_mut()
                .for_each(|distance| *distance = (2.0 + 2.0 * *distance).max(0.0)),
            Lift::Product {
                heights,
                twice_squared,
                shift,
            } => {
                for (distance, &row) in distances.iter_mut().zip(rows) {
                    let lifted = twice_squared + 2.0 * (*distance + shift) - 2.0 * self.height * heights[row as usize];
                    *distance = lifted.max(0.0);
                }
            }
        }
    }
}
