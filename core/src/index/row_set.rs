//! A set of rows of one segment, a bit a row, that knows its size.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    /// Bit `row % 64` of word `row / 64`; bits at and beyond `row_count` are 0.
    words: Vec<u64>,
    row_count: usize,
    count: usize,
}

impl RowSet {
    /// No row of `row_count`.
    pub fn empty(row_count: usize) -> RowSet {
        RowSet {
            words: vec![0; row_count.div_ceil(64)],
            row_count,
            count: 0,
        }
    }

    /// All of `row_count` rows.
    pub fn full(row_count: usize) -> RowSet {
        RowSet::from_words(vec![u64::MAX; row_count.div_ceil(64)], row_count)
    }

    /// The rows for which `contains` is true.
    pub fn from_fn(row_count: usize, mut contains: impl FnMut(usize) -> bool) -> RowSet {
        let word = |at: usize| (0..64.min(row_count - at * 64)).fold(0, |word, bit| word | (u64::from(contains(at * 64 + bit)) << bit));
        RowSet::from_words((0..row_count.div_ceil(64)).map(word).collect(), row_count)
    }

    /// The rows whose bit is set; bits beyond `row_count` are ignored. Panics when there are not `row_count / 64` words, rounded up.
    pub fn from_words(mut words: Vec<u64>, row_count: usize) -> RowSet {
        assert_eq!(words.len(), row_count.div_ceil(64), "words of a row set");
        if let Some(last) = words.last_mut().filter(|_| !row_count.is_multiple_of(64)) {
            *last &= (1 << (row_count % 64)) - 1;
        }
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        RowSet { words, row_count, count }
    }

    /// Whether `row` is in the set; false beyond the last row.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Puts a row in, or takes it out. Panics when there is no such row.
    pub fn set(&mut self, row: usize, contained: bool) {
        assert!(row < self.row_count, "row {row} of {}", self.row_count);
        let (word, bit) = (&mut self.words[row / 64], 1 << (row % 64));
        if contained && *word & bit == 0 {
            *word |= bit;
            self.count += 1;
        } else if !contained && *word & bit != 0 {
            *word &= !bit;
            self.count -= 1;
        }
    }

    /// Rows in the set.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Rows of the segment, in the set or not.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The rows of the set in rising order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let rest_of = |word: u64| (word != 0).then_some(word);
            std::iter::successors(rest_of(word), move |&rest| rest_of(rest & (rest - 1)))
                .map(move |rest| at * 64 + rest.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RowSet;

    #[test]
    fn a_set_has_the_rows_it_was_made_of() {
        for row_count in [0, 1, 63, 64, 65, 200] {
            let set = RowSet::from_fn(row_count, |row| row % 3 == 0);
            let rows: Vec<usize> = (0..row_count).filter(|row| row % 3 == 0).collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), rows);
            assert_eq!((set.count(), set.row_count()), (rows.len(), row_count));
            assert!((0..row_count).all(|row| set.get(row) == (row % 3 == 0)));
            assert!(!set.get(row_count) && !set.get(row_count + 64));
            assert_eq!(RowSet::full(row_count).count(), row_count);
            assert_eq!(RowSet::full(row_count), RowSet::from_fn(row_count, |_| true));
        }
    }

    #[test]
    fn setting_twice_counts_once() {
        let mut set = RowSet::empty(70);
        for _ in 0..2 {
            set.set(69, true);
            assert_eq!((set.count(), set.get(69)), (1, true));
        }
        for _ in 0..2 {
            set.set(69, false);
            assert_eq!((set.count(), set.get(69)), (0, false));
        }
    }
}
