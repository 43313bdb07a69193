//! The nearest rows that a search has met: gathers up to twice as many as wanted, then drops the farther half.

/// Distance and row as one number that sorts by distance, then row. NaN counts as infinitely far.
#[inline]
fn key(distance: f32, row: u32) -> u64 {
    let distance = if distance.is_nan() { f32::INFINITY } else { distance + 0.0 };
    let bits = distance.to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ordered) << 32 | u64::from(row)
}

#[inline]
fn distance_of(key: u64) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

pub struct Nearest {
    limit: usize,
    keys: Vec<u64>,
    /// Rows farther than this are not among the nearest.
    bound: f32,
}

impl Nearest {
    /// `limit` is 1 at least; so many rows are kept at most, and no more than `row_count` will come.
    pub fn new(limit: usize, row_count: usize) -> Nearest {
        Nearest {
            limit,
            keys: Vec::with_capacity((2 * limit).min(row_count)),
            bound: f32::INFINITY,
        }
    }

    /// Rows held; while they are fewer than the limit, all that were offered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Rows farther than this need not be offered.
    #[inline]
    pub fn bound(&self) -> f32 {
        self.bound
    }

    /// Offers a row that was not offered before.
    #[inline]
    pub fn offer(&mut self, distance: f32, row: u32) {
        if distance > self.bound {
            return;
        }
        self.keys.push(key(distance, row));
        if self.keys.len() >= 2 * self.limit {
            self.shrink();
        }
    }

    /// Offers the row at `position` of `rows`, which is only looked up when it is near enough.
    #[inline]
    pub fn offer_at(&mut self, distance: f32, position: usize, rows: &[u32]) {
        if distance > self.bound {
            return;
        }
        self.offer(distance, rows[position]);
    }

    fn shrink(&mut self) {
        if self.keys.len() > self.limit {
            let (_, last, _) = self.keys.select_nth_unstable(self.limit - 1);
            self.bound = distance_of(*last);
            self.keys.truncate(self.limit);
        }
    }

    /// The nearest rows with their distances, nearest first, equal distances by row.
    pub fn finish(mut self) -> impl Iterator<Item = (u32, f32)> {
        self.shrink();
        self.keys.sort_unstable();
        self.keys.into_iter().map(|key| (key as u32, distance_of(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::Nearest;

    #[test]
    fn the_nearest_rows_are_kept_in_order() {
        let distances = [3.0, -1.0, f32::NAN, 2.0, 3.0, -0.0, 0.0, 7.5, f32::INFINITY];
        for limit in [1, 2, 5, 9, 20] {
            let mut nearest = Nearest::new(limit, distances.len());
            for row in (0..distances.len()).rev() {
                nearest.offer(distances[row], row as u32);
            }
            let rows: Vec<u32> = nearest.finish().map(|(row, _)| row).collect();
            let all = [1, 5, 6, 3, 0, 4, 7, 2, 8];
            assert_eq!(rows, all[..limit.min(9)]);
        }
    }
}
