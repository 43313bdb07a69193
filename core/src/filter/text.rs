//! Tests on bytes: VarChar values and JSON strings. They compare bytewise.

use std::collections::HashSet;
use std::ops::Bound;

use super::like::Pattern;
use super::program::Comparison;

/// Up to so many are searched by halves.
const FEW: usize = 16;

#[derive(Clone, Debug)]
pub enum TextTest {
    Range { low: Bound<Vec<u8>>, high: Bound<Vec<u8>> },
    Equal { to: Vec<u8>, negate: bool },
    Few(Vec<Vec<u8>>),
    Many(HashSet<Vec<u8>>),
    Like(Pattern),
}

impl TextTest {
    pub fn compare(comparison: Comparison, with: String) -> Self {
        let with = with.into_bytes();
        match comparison {
            Comparison::Equal => TextTest::Equal { to: with, negate: false },
            Comparison::NotEqual => TextTest::Equal { to: with, negate: true },
            Comparison::Less => TextTest::Range {
                low: Bound::Unbounded,
                high: Bound::Excluded(with),
            },
            Comparison::LessEqual => TextTest::Range {
                low: Bound::Unbounded,
                high: Bound::Included(with),
            },
            Comparison::Greater => TextTest::Range {
                low: Bound::Excluded(with),
                high: Bound::Unbounded,
            },
            Comparison::GreaterEqual => TextTest::Range {
                low: Bound::Included(with),
                high: Bound::Unbounded,
            },
        }
    }

    pub fn between(low: String, low_inclusive: bool, high: String, high_inclusive: bool) -> Self {
        let bound = |text: String, inclusive| {
            if inclusive {
                Bound::Included(text.into_bytes())
            } else {
                Bound::Excluded(text.into_bytes())
            }
        };
        TextTest::Range {
            low: bound(low, low_inclusive),
            high: bound(high, high_inclusive),
        }
    }

    pub fn one_of(values: impl Iterator<Item = String>) -> Self {
        let mut values: Vec<Vec<u8>> = values.map(String::into_bytes).collect();
        if values.len() > FEW {
            return TextTest::Many(values.into_iter().collect());
        }
        values.sort();
        TextTest::Few(values)
    }

    pub fn holds(&self, text: &[u8]) -> bool {
        match self {
            TextTest::Range { low, high } => {
                let above = match low {
                    Bound::Included(low) => text >= low.as_slice(),
                    Bound::Excluded(low) => text > low.as_slice(),
                    Bound::Unbounded => true,
                };
                above
                    && match high {
                        Bound::Included(high) => text <= high.as_slice(),
                        Bound::Excluded(high) => text < high.as_slice(),
                        Bound::Unbounded => true,
                    }
            }
            TextTest::Equal { to, negate } => (text == to.as_slice()) != *negate,
            TextTest::Few(values) => values.binary_search_by(|value| value.as_slice().cmp(text)).is_ok(),
            TextTest::Many(values) => values.contains(text),
            TextTest::Like(pattern) => pattern.matches(text),
        }
    }
}
