//! Tests on a value inside JSON text. A value that is absent, null or of another kind than what it meets gives null.
//!
//! Numbers meet numerically: two integers as int64, else as float64. Arrays and objects meet only literals that are such, as trees.

use serde_json::Value as Tree;

use super::integer_set::IntegerSet;
use super::json::{self, Kind};
use super::numbers::{FloatTest, IntegerTest, Range, float_arithmetic, float_key, integer_arithmetic};
use super::program::{Comparison, Operator};
use super::text::TextTest;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn as_float(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

#[derive(Clone, Debug)]
pub struct NumberTest {
    pub arithmetic: Option<(Operator, Number)>,
    /// For integers, when all literals are integers.
    integers: Option<IntegerTest>,
    floats: FloatTest,
}

#[derive(Clone, Debug)]
pub enum JsonTest {
    IsNull,
    Exists,
    /// False wherever there is a value.
    Nothing,
    Bool([bool; 2]),
    Number(NumberTest),
    Text(TextTest),
    Trees {
        any_of: Vec<Tree>,
        comparison: Comparison,
    },
}

impl JsonTest {
    /// `text`: the value and what follows it. None: null.
    pub fn judge(&self, text: Option<&[u8]>) -> Option<bool> {
        match self {
            JsonTest::IsNull => return Some(text.and_then(json::kind).is_none_or(|kind| kind == Kind::Null)),
            JsonTest::Exists => return Some(text.is_some_and(json::has_leaf)),
            _ => {}
        }
        let text = text?;
        let kind = json::kind(text)?;
        match (self, &kind) {
            (_, Kind::Null) => None,
            (JsonTest::Nothing, _) => Some(false),
            (JsonTest::Bool(truth), Kind::Bool(value)) => Some(truth[usize::from(*value)]),
            (JsonTest::Number(test), Kind::Int(value)) => test.judge(Number::Int(*value)),
            (JsonTest::Number(test), Kind::Float(value)) => test.judge(Number::Float(*value)),
            (JsonTest::Text(test), Kind::Text(value)) => Some(test.holds(value)),
            (JsonTest::Trees { any_of, comparison }, _) => judge_trees(any_of, *comparison, text, &kind),
            _ => None,
        }
    }
}

fn judge_trees(any_of: &[Tree], comparison: Comparison, text: &[u8], kind: &Kind) -> Option<bool> {
    let same_kind = any_of.iter().any(|tree| match kind {
        Kind::Array => tree.is_array(),
        Kind::Object => tree.is_object(),
        Kind::Bool(_) => tree.is_boolean(),
        Kind::Int(_) | Kind::Float(_) => tree.is_number(),
        Kind::Text(_) => tree.is_string(),
        Kind::Null => false,
    });
    if !same_kind {
        return None;
    }
    let value: Tree = serde_json::from_slice(json::value_text(text)?).ok()?;
    let equal = any_of.iter().any(|tree| equal_trees(tree, &value));
    Some(match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        _ => false,
    })
}

/// serde_json reads trees of at most 128 levels, which bounds the recursion.
pub fn equal_trees(left: &Tree, right: &Tree) -> bool {
    match (left, right) {
        (Tree::Number(left), Tree::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left == right,
            _ => left.as_f64() == right.as_f64(),
        },
        (Tree::Array(left), Tree::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal_trees(left, right))
        }
        (Tree::Object(left), Tree::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| equal_trees(left, right)))
        }
        _ => left == right,
    }
}

impl NumberTest {
    pub fn compare(comparison: Comparison, with: Number) -> Self {
        let integers = match with {
            Number::Int(with) => Some(IntegerTest::Range(Range::<i64>::of(comparison, with))),
            Number::Float(_) => None,
        };
        NumberTest {
            arithmetic: None,
            integers,
            floats: FloatTest::Range(Range::<f64>::of(comparison, with.as_float(), false)),
        }
    }

    pub fn between(low: Number, low_inclusive: bool, high: Number, high_inclusive: bool) -> Self {
        let integers = match (low, high) {
            (Number::Int(low), Number::Int(high)) => {
                Some(IntegerTest::Range(Range::<i64>::between(low, low_inclusive, high, high_inclusive)))
            }
            _ => None,
        };
        let floats = Range::<f64>::between(low.as_float(), low_inclusive, high.as_float(), high_inclusive, false);
        NumberTest {
            arithmetic: None,
            integers,
            floats: FloatTest::Range(floats),
        }
    }

    pub fn one_of(values: &[Number]) -> Self {
        let integers: Option<Vec<i64>> = values
            .iter()
            .map(|value| match value {
                Number::Int(value) => Some(*value),
                Number::Float(_) => None,
            })
            .collect();
        let floats = values.iter().map(|value| float_key(value.as_float())).collect();
        NumberTest {
            arithmetic: None,
            integers: integers.map(|values| IntegerTest::Set(IntegerSet::new(values))),
            floats: FloatTest::Set(IntegerSet::new(floats)),
        }
    }

    fn judge(&self, value: Number) -> Option<bool> {
        let value = match self.arithmetic {
            None => value,
            Some((operator, operand)) => self.compute(operator, value, operand)?,
        };
        Some(match (value, &self.integers) {
            (Number::Int(value), Some(test)) => test.holds(value),
            (value, _) => self.floats.holds(value.as_float()),
        })
    }

    /// In int64 when all that takes part is an integer, and for operators that floats do not have; else in float64.
    fn compute(&self, operator: Operator, value: Number, operand: Number) -> Option<Number> {
        let only_integers = matches!(operator, Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor);
        match (value, operand) {
            (Number::Int(left), Number::Int(right)) if only_integers || self.integers.is_some() => {
                integer_arithmetic(operator, left, right).map(Number::Int)
            }
            (Number::Float(left), Number::Int(right)) if only_integers && is_integer(left) => {
                integer_arithmetic(operator, left as i64, right).map(Number::Int)
            }
            _ => float_arithmetic(operator, value.as_float(), operand.as_float()).map(Number::Float),
        }
    }
}

/// Whether a float64 is a value of int64.
fn is_integer(value: f64) -> bool {
    value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value)
}
