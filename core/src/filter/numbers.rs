//! Tests on numeric columns: every comparison is made a range with inclusive ends (perhaps negated) when the filter is bound, so that one loop a
//! column type, which the compiler vectorises, serves them all.
//!
//! Integers compare as int64. A Float column compares in float32: literals are rounded to it, so that `f == 0.1` finds the value that was stored for
//! 0.1. Arithmetic writes the block's results to a buffer first; on a Float column it rounds to float32 after the operation.

use super::integer_set::IntegerSet;
use super::mask::{BLOCK_ROWS, Mask};
use super::program::{Comparison, Operator};
use crate::segment::column::Values;

/// `low <= x <= high`, or not so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    pub low: T,
    pub high: T,
    pub negate: bool,
}

impl<T: PartialOrd + Copy> Range<T> {
    #[inline(always)]
    pub fn holds(&self, value: T) -> bool {
        ((value >= self.low) & (value <= self.high)) ^ self.negate
    }
}

impl Range<i64> {
    const EMPTY: Range<i64> = Range {
        low: 1,
        high: 0,
        negate: false,
    };

    pub fn of(comparison: Comparison, with: i64) -> Self {
        let range = |low, high| Range { low, high, negate: false };
        match comparison {
            Comparison::Equal => range(with, with),
            Comparison::NotEqual => Range {
                low: with,
                high: with,
                negate: true,
            },
            Comparison::Less => with.checked_sub(1).map_or(Self::EMPTY, |high| range(i64::MIN, high)),
            Comparison::LessEqual => range(i64::MIN, with),
            Comparison::Greater => with.checked_add(1).map_or(Self::EMPTY, |low| range(low, i64::MAX)),
            Comparison::GreaterEqual => range(with, i64::MAX),
        }
    }

    pub fn between(low: i64, low_inclusive: bool, high: i64, high_inclusive: bool) -> Self {
        let low = Self::of(
            if low_inclusive {
                Comparison::GreaterEqual
            } else {
                Comparison::Greater
            },
            low,
        );
        let high = Self::of(if high_inclusive { Comparison::LessEqual } else { Comparison::Less }, high);
        Range {
            low: low.low.max(high.low),
            high: low.high.min(high.high),
            negate: false,
        }
    }

    /// The same range over the values that a column type can hold.
    fn narrowed<T: TryFrom<i64>>(&self, smallest: T, greatest: T) -> Range<T> {
        // An end beyond the type is the type's own end; a range wholly beyond it stays empty with its ends crossed.
        match (T::try_from(self.low), T::try_from(self.high)) {
            (Ok(low), Ok(high)) => Range {
                low,
                high,
                negate: self.negate,
            },
            (Ok(low), Err(_)) if self.high > 0 => Range {
                low,
                high: greatest,
                negate: self.negate,
            },
            (Err(_), Ok(high)) if self.low < 0 => Range {
                low: smallest,
                high,
                negate: self.negate,
            },
            (Err(_), Err(_)) if self.low < 0 && self.high > 0 => Range {
                low: smallest,
                high: greatest,
                negate: self.negate,
            },
            _ => Range {
                low: greatest,
                high: smallest,
                negate: self.negate,
            },
        }
    }
}

impl Range<f64> {
    const EMPTY: Range<f64> = Range {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        negate: false,
    };

    /// `single`: the values that it will see are float32.
    pub fn of(comparison: Comparison, with: f64, single: bool) -> Self {
        let (open, closed) = (f64::NEG_INFINITY, f64::INFINITY);
        let with = if single { f64::from(with as f32) } else { with };
        let below = if single {
            f64::from((with as f32).next_down())
        } else {
            with.next_down()
        };
        let above = if single {
            f64::from((with as f32).next_up())
        } else {
            with.next_up()
        };
        let range = |low, high| Range { low, high, negate: false };
        match comparison {
            Comparison::Equal => range(with, with),
            Comparison::NotEqual => Range {
                low: with,
                high: with,
                negate: true,
            },
            Comparison::Less if with == open => Self::EMPTY,
            Comparison::Less => range(open, below),
            Comparison::LessEqual => range(open, with),
            Comparison::Greater if with == closed => Self::EMPTY,
            Comparison::Greater => range(above, closed),
            Comparison::GreaterEqual => range(with, closed),
        }
    }

    pub fn between(low: f64, low_inclusive: bool, high: f64, high_inclusive: bool, single: bool) -> Self {
        let low = Self::of(
            if low_inclusive {
                Comparison::GreaterEqual
            } else {
                Comparison::Greater
            },
            low,
            single,
        );
        let high = Self::of(if high_inclusive { Comparison::LessEqual } else { Comparison::Less }, high, single);
        // Not `max`: it would drop a NaN, which no value is in range of.
        Range {
            low: if high.low > low.low { high.low } else { low.low },
            high: if low.high < high.high { low.high } else { high.high },
            negate: false,
        }
    }
}

#[derive(Clone, Debug)]
pub enum IntegerTest {
    Range(Range<i64>),
    Set(IntegerSet),
}

impl IntegerTest {
    pub fn holds(&self, value: i64) -> bool {
        match self {
            IntegerTest::Range(range) => range.holds(value),
            IntegerTest::Set(set) => set.contains(value),
        }
    }
}

#[derive(Clone, Debug)]
pub enum FloatTest {
    Range(Range<f64>),
    /// Of `float_key`s.
    Set(IntegerSet),
}

impl FloatTest {
    pub fn holds(&self, value: f64) -> bool {
        match self {
            FloatTest::Range(range) => range.holds(value),
            FloatTest::Set(set) => !value.is_nan() && set.contains(float_key(value)),
        }
    }
}

/// Equal numbers have equal keys; no two others do, NaN aside.
pub fn float_key(value: f64) -> i64 {
    // 0.0 and -0.0 are equal.
    (value + 0.0).to_bits() as i64
}

/// Integer arithmetic in int64, wrapping. None: division by zero.
pub fn integer_arithmetic(operator: Operator, left: i64, right: i64) -> Option<i64> {
    Some(match operator {
        Operator::Add => left.wrapping_add(right),
        Operator::Subtract => left.wrapping_sub(right),
        Operator::Multiply => left.wrapping_mul(right),
        Operator::Divide if right == 0 => return None,
        Operator::Divide => left.wrapping_div(right),
        Operator::Modulo if right == 0 => return None,
        Operator::Modulo => left.wrapping_rem(right),
        Operator::BitAnd => left & right,
        Operator::BitOr => left | right,
        Operator::BitXor => left ^ right,
    })
}

/// Float arithmetic; None: an operator that floats do not have.
pub fn float_arithmetic(operator: Operator, left: f64, right: f64) -> Option<f64> {
    Some(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor => return None,
    })
}

/// Runs `$body` with `$values` the typed rows `$rows` of an integer column.
macro_rules! with_integers {
    ($column:expr, $rows:expr, $values:ident => $body:expr) => {
        match $column {
            Values::Int8(all) => {
                let $values = &all[$rows];
                $body
            }
            Values::Int16(all) => {
                let $values = &all[$rows];
                $body
            }
            Values::Int32(all) => {
                let $values = &all[$rows];
                $body
            }
            Values::Int64(all) => {
                let $values = &all[$rows];
                $body
            }
            _ => unreachable!("bound to an integer column"),
        }
    };
}

/// Rows of an integer column that pass.
pub fn test_integers(values: &Values, rows: std::ops::Range<usize>, arithmetic: Option<(Operator, i64)>, test: &IntegerTest) -> Mask {
    if let Some((operator, operand)) = arithmetic {
        let mut buffer = [0; BLOCK_ROWS];
        let results = load_integers(values, rows, Some((operator, operand)), &mut buffer);
        return match test {
            IntegerTest::Range(range) => wide_mask(results, *range),
            IntegerTest::Set(set) => Mask::of(results, |value| set.contains(value)),
        };
    }
    match (test, values) {
        (IntegerTest::Range(range), Values::Int8(all)) => range_mask(&all[rows], range.narrowed(i8::MIN, i8::MAX)),
        (IntegerTest::Range(range), Values::Int16(all)) => range_mask(&all[rows], range.narrowed(i16::MIN, i16::MAX)),
        (IntegerTest::Range(range), Values::Int32(all)) => range_mask(&all[rows], range.narrowed(i32::MIN, i32::MAX)),
        (IntegerTest::Range(range), Values::Int64(all)) => wide_mask(&all[rows], *range),
        (IntegerTest::Set(set), _) => with_integers!(values, rows, values => set_mask(values, set)),
        _ => unreachable!("bound to an integer column"),
    }
}

fn range_mask<T: PartialOrd + Copy>(values: &[T], range: Range<T>) -> Mask {
    Mask::of(values, |value| range.holds(value))
}

/// As `range_mask`: one unsigned comparison does for two signed ones, which the least of x86-64 lacks for 64 bits.
fn wide_mask(values: &[i64], range: Range<i64>) -> Mask {
    if range.low > range.high {
        return if range.negate { Mask::ALL } else { Mask::NONE };
    }
    let width = range.high.wrapping_sub(range.low) as u64;
    Mask::of(values, |value| (value.wrapping_sub(range.low) as u64 <= width) ^ range.negate)
}

fn set_mask<T: Into<i64> + Copy>(values: &[T], set: &IntegerSet) -> Mask {
    Mask::of(values, |value| set.contains(value.into()))
}

fn widen<T: Into<i64> + Copy>(values: &[T], into: &mut [i64]) {
    into.iter_mut().zip(values).for_each(|(slot, &value)| *slot = value.into());
}

/// Rows of a Float or Double column, or of an integer column that meets a float, that pass.
pub fn test_floats(values: &Values, rows: std::ops::Range<usize>, arithmetic: Option<(Operator, f64)>, test: &FloatTest) -> Mask {
    match (values, test, arithmetic) {
        // The ends are float32 values already.
        (Values::Float(all), FloatTest::Range(range), None) => range_mask(
            &all[rows],
            Range {
                low: range.low as f32,
                high: range.high as f32,
                negate: range.negate,
            },
        ),
        (Values::Double(all), FloatTest::Range(range), None) => range_mask(&all[rows], *range),
        _ => {
            let mut buffer = [0.0; BLOCK_ROWS];
            let results = load_floats(values, rows, arithmetic, &mut buffer);
            match test {
                FloatTest::Range(range) => range_mask(results, *range),
                FloatTest::Set(_) => Mask::of(results, |value| test.holds(value)),
            }
        }
    }
}

/// The rows as int64, after arithmetic.
pub fn load_integers<'b>(
    values: &Values,
    rows: std::ops::Range<usize>,
    arithmetic: Option<(Operator, i64)>,
    buffer: &'b mut [i64; BLOCK_ROWS],
) -> &'b [i64] {
    let loaded = &mut buffer[..rows.len()];
    with_integers!(values, rows, values => widen(values, loaded));
    if let Some((operator, operand)) = arithmetic {
        // The operator is chosen outside of the loop.
        let each = |loaded: &mut [i64], compute: fn(i64, i64) -> i64| loaded.iter_mut().for_each(|value| *value = compute(*value, operand));
        match operator {
            Operator::Add => loaded.iter_mut().for_each(|value| *value = value.wrapping_add(operand)),
            Operator::Subtract => loaded.iter_mut().for_each(|value| *value = value.wrapping_sub(operand)),
            Operator::Multiply => loaded.iter_mut().for_each(|value| *value = value.wrapping_mul(operand)),
            Operator::Divide => each(loaded, i64::wrapping_div),
            Operator::Modulo => each(loaded, i64::wrapping_rem),
            Operator::BitAnd => loaded.iter_mut().for_each(|value| *value &= operand),
            Operator::BitOr => loaded.iter_mut().for_each(|value| *value |= operand),
            Operator::BitXor => loaded.iter_mut().for_each(|value| *value ^= operand),
        }
    }
    loaded
}

/// The rows as float64, after arithmetic.
pub fn load_floats<'b>(
    values: &Values,
    rows: std::ops::Range<usize>,
    arithmetic: Option<(Operator, f64)>,
    buffer: &'b mut [f64; BLOCK_ROWS],
) -> &'b [f64] {
    let loaded = &mut buffer[..rows.len()];
    let single = match values {
        Values::Double(all) => {
            loaded.copy_from_slice(&all[rows]);
            false
        }
        Values::Float(all) => {
            loaded
                .iter_mut()
                .zip(&all[rows])
                .for_each(|(slot, &value)| *slot = f64::from(value));
            true
        }
        _ => {
            with_integers!(values, rows, values => loaded.iter_mut().zip(values).for_each(|(slot, &value)| *slot = value as f64));
            false
        }
    };
    if let Some((operator, operand)) = arithmetic {
        for value in loaded.iter_mut() {
            *value = float_arithmetic(operator, *value, operand).unwrap_or(f64::NAN);
            if single {
                *value = f64::from(*value as f32);
            }
        }
    }
    loaded
}
