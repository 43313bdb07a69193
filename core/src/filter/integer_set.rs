//! A set of 64-bit integers for `in` tests: a few are compared one after another, many are hashed into an open table.

/// Up to so many are compared one after another.
const FEW: usize = 8;

#[derive(Clone, Debug)]
pub enum IntegerSet {
    Few(Vec<i64>),
    Many {
        /// A power of two of slots, at most half of them taken; a slot that holds `vacant` is free.
        slots: Vec<i64>,
        shift: u32,
        /// A value that is not in the set.
        vacant: i64,
        low: i64,
        high: i64,
    },
}

impl IntegerSet {
    pub fn new(mut values: Vec<i64>) -> Self {
        values.sort_unstable();
        values.dedup();
        if values.len() <= FEW {
            return IntegerSet::Few(values);
        }
        let (low, high) = (values[0], values[values.len() - 1]);
        // Fewer values than integers: one of the first `len + 1` from the bottom is missing.
        let vacant = (0..).map(|step| i64::MIN + step).zip(values.iter().map(Some).chain([None]));
        let vacant = vacant
            .into_iter()
            .find(|(candidate, value)| *value != Some(candidate))
            .map_or(i64::MAX, |(candidate, _)| candidate);
        let size = (values.len() * 2).next_power_of_two();
        let shift = 64 - size.trailing_zeros();
        let mut slots = vec![vacant; size];
        for value in values {
            let mut at = slot_of(value, shift);
            while slots[at] != vacant {
                at = (at + 1) & (size - 1);
            }
            slots[at] = value;
        }
        IntegerSet::Many {
            slots,
            shift,
            vacant,
            low,
            high,
        }
    }

    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        match self {
            IntegerSet::Few(values) => values.iter().fold(false, |found, &of| found | (of == value)),
            IntegerSet::Many {
                slots,
                shift,
                vacant,
                low,
                high,
            } => {
                if value < *low || value > *high {
                    return false;
                }
                let mut at = slot_of(value, *shift);
                loop {
                    let slot = slots[at];
                    if slot == value {
                        return value != *vacant;
                    }
                    if slot == *vacant {
                        return false;
                    }
                    at = (at + 1) & (slots.len() - 1);
                }
            }
        }
    }
}

fn slot_of(value: i64, shift: u32) -> usize {
    ((value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::IntegerSet;

    #[test]
    fn holds_what_was_put_in_and_nothing_else() {
        let dense: Vec<i64> = (0..50).collect();
        let low: Vec<i64> = (0..50).map(|step| i64::MIN + step).chain([i64::MAX, i64::MIN]).collect();
        let sparse: Vec<i64> = (0..1000).map(|step| step * 7919 - 3_000_000).collect();
        for values in [vec![], vec![3], dense, low, sparse] {
            let set = IntegerSet::new(values.clone());
            for value in &values {
                assert!(set.contains(*value), "{value}");
            }
            for probe in (-2000..2000).chain([i64::MIN, i64::MIN + 50, i64::MIN + 51, i64::MAX, i64::MAX - 1]) {
                assert_eq!(set.contains(probe), values.contains(&probe), "{probe}");
            }
        }
    }
}
