//! Rows with the same vector: only the first of them is linked, the others, its twins, are found through it.
//!
//! A thousand equal rows (empty texts, placeholders) would otherwise fill each walk that comes by, and hide what lies behind them.

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::index::row_set::RowSet;
use crate::index::vectors::Vectors;

#[derive(Debug)]
pub struct Twins {
    /// A first row and one of its twins, in rising order.
    pairs: Vec<(u32, u32)>,
    /// Rows that have twins.
    firsts: RowSet,
}

impl Twins {
    /// The twins among the rows of `present` (all when None); None when there are none.
    pub fn find(vectors: &Vectors, present: Option<&RowSet>) -> Option<Twins> {
        let bytes = |row: u32| vectors.row_bytes(row as usize);
        let row_count = vectors.row_count;
        let is_present = |row: &u32| present.is_none_or(|present| present.get(*row as usize));
        let mut hashes: Vec<(u64, u32)> = (0..row_count as u32)
            .into_par_iter()
            .filter(is_present)
            .map(|row| (xxh3_64(bytes(row)), row))
            .collect();
        hashes.par_sort_unstable();
        let groups = hashes.chunk_by(|left, right| left.0 == right.0).filter(|group| group.len() > 1);
        let twins_of = |group: &[(u64, u32)]| {
            let first = group[0].1;
            let twins = group[1..].iter().map(|&(_, row)| row).filter(|&row| bytes(row) == bytes(first));
            twins.map(|row| (first, row)).collect::<Vec<_>>()
        };
        let mut pairs: Vec<(u32, u32)> = groups.flat_map(twins_of).collect();
        pairs.sort_unstable();
        Twins::from_pairs(pairs, row_count).filter(|twins| !twins.pairs.is_empty())
    }

    /// None unless the pairs are in rising order, of rows below `row_count`, and no row is the twin of two or both a twin and a first.
    pub fn from_pairs(pairs: Vec<(u32, u32)>, row_count: usize) -> Option<Twins> {
        let mut firsts = RowSet::empty(row_count);
        let mut others = RowSet::empty(row_count);
        for &(first, twin) in &pairs {
            if first >= twin || twin as usize >= row_count || others.get(twin as usize) {
                return None;
            }
            firsts.set(first as usize, true);
            others.set(twin as usize, true);
        }
        let apart = firsts.iter().all(|first| !others.get(first));
        (apart && pairs.is_sorted()).then_some(Twins { pairs, firsts })
    }

    pub fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// The twins of a row, in rising order; none unless it is a first.
    #[inline]
    pub fn of(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        let start = if self.firsts.get(row as usize) {
            self.pairs.partition_point(|pair| pair.0 < row)
        } else {
            self.pairs.len()
        };
        self.pairs[start..].iter().take_while(move |pair| pair.0 == row).map(|pair| pair.1)
    }

    /// The rows of `present` (all when None) that are not twins of another.
    pub fn linked(&self, present: Option<&RowSet>) -> RowSet {
        let mut linked = present.cloned().unwrap_or_else(|| RowSet::full(self.firsts.row_count()));
        self.pairs.iter().for_each(|&(_, twin)| linked.set(twin as usize, false));
        linked
    }
}

#[cfg(test)]
mod tests {
    use super::Twins;
    use crate::index::hnsw::tests::column_of;
    use crate::index::row_set::RowSet;
    use crate::index::vectors::Vectors;
    use crate::segment::schema::ColumnType;

    #[test]
    fn equal_rows_are_twins_of_the_first_present_one() {
        let (schema, column) = column_of(ColumnType::FloatVector, 1, &[1.0, 2.0, 3.0, 1.0, 2.0, 1.0, 4.0], None);
        let vectors = Vectors::of(&schema, &column, 7).expect("vectors");
        let twins = Twins::find(&vectors, None).expect("twins");
        assert_eq!(twins.pairs(), [(0, 3), (0, 5), (1, 4)]);
        assert_eq!(
            (twins.of(0).collect(), twins.of(3).collect(), twins.of(6).collect()),
            (vec![3, 5], vec![], Vec::<u32>::new())
        );
        assert_eq!(twins.linked(None).iter().collect::<Vec<_>>(), [0, 1, 2, 6]);
        let present = RowSet::from_fn(7, |row| row != 0 && row != 4);
        let twins = Twins::find(&vectors, Some(&present)).expect("twins");
        assert_eq!(twins.pairs(), [(3, 5)]);
        assert_eq!(twins.linked(Some(&present)).iter().collect::<Vec<_>>(), [1, 2, 3, 6]);
        let first = RowSet::from_fn(7, |row| row < 3);
        assert!(Twins::find(&vectors, Some(&first)).is_none());
    }

    #[test]
    fn pairs_that_are_no_twins_are_refused() {
        for pairs in [
            vec![(1, 1)],
            vec![(2, 1)],
            vec![(0, 9)],
            vec![(0, 2), (1, 2)],
            vec![(0, 1), (1, 2)],
            vec![(1, 2), (0, 3)],
        ] {
            assert!(Twins::from_pairs(pairs.clone(), 9).is_none(), "{pairs:?}");
        }
    }
}
