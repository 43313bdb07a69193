//! Tests of one scalar, wherever it stands: in a row of a column, in an array, or as the length of one.

use super::array::Item;
use super::integer_set::IntegerSet;
use super::json_test::Number;
use super::leaf::bool_truth;
use super::like::Pattern;
use super::numbers::{self, FloatTest, IntegerTest, Range, float_key};
use super::program::{Comparison, Operand, Operator, Value};
use super::text::TextTest;
use crate::failure::{Failure, Outcome};
use crate::segment::schema::ColumnType;

/// What an operand is compared with.
pub enum Against<'a> {
    One(Comparison, &'a Value),
    Between {
        low: &'a Value,
        low_inclusive: bool,
        high: &'a Value,
        high_inclusive: bool,
    },
    AnyOf(&'a [Value]),
    Like(&'a str),
}

#[derive(Clone, Debug)]
pub enum ScalarTest {
    /// The answers for false and for true.
    Bool([bool; 2]),
    Integers {
        arithmetic: Option<(Operator, i64)>,
        test: IntegerTest,
    },
    /// Also of integers that meet a float.
    Floats {
        arithmetic: Option<(Operator, f64)>,
        test: FloatTest,
        /// The values are float32.
        single: bool,
    },
    Text(TextTest),
}

impl ScalarTest {
    /// The test of a value of type `kind`; kind `malformed` when it has no such test.
    pub fn of(kind: ColumnType, operand: &Operand, against: &Against) -> Outcome<ScalarTest> {
        match kind {
            ColumnType::Bool => bools(operand, against),
            ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Timestamptz => {
                if has_float(operand, against) {
                    floats(operand, against, false)
                } else {
                    integers(operand, against)
                }
            }
            ColumnType::Float => floats(operand, against, true),
            ColumnType::Double => floats(operand, against, false),
            ColumnType::VarChar => {
                refuse_arithmetic(operand)?;
                text(operand, against).map(ScalarTest::Text)
            }
            _ => Err(refused(operand, "is no scalar")),
        }
    }

    /// None: null, which only an item of another type than the test's gives.
    pub fn judge(&self, item: &Item) -> Option<bool> {
        match (self, item) {
            (ScalarTest::Bool(truth), Item::Bool(value)) => Some(truth[usize::from(*value)]),
            (ScalarTest::Integers { arithmetic, test }, Item::Int(value)) => {
                let value = match arithmetic {
                    Some((operator, operand)) => numbers::integer_arithmetic(*operator, *value, *operand)?,
                    None => *value,
                };
                Some(test.holds(value))
            }
            (ScalarTest::Floats { arithmetic, test, single }, Item::Int(_) | Item::Float(_)) => {
                let value = item.as_float()?;
                let value = match arithmetic {
                    Some((operator, operand)) => numbers::float_arithmetic(*operator, value, *operand)?,
                    None => value,
                };
                Some(test.holds(if *single { f64::from(value as f32) } else { value }))
            }
            (ScalarTest::Text(test), Item::Text(text)) => Some(test.holds(text)),
            _ => None,
        }
    }
}

/// What the binder says of an operand that has no such test.
pub fn refused(operand: &Operand, what: &str) -> Failure {
    Failure::of_field(
        "malformed",
        operand.field,
        vec![format!("filter program, field {}: {what}", operand.field).into()],
    )
}

pub fn refuse_arithmetic(operand: &Operand) -> Outcome<()> {
    if operand.arithmetic.is_some() {
        Err(refused(operand, "is not a number"))
    } else {
        Ok(())
    }
}

fn has_float(operand: &Operand, against: &Against) -> bool {
    let is_float = |value: &Value| matches!(value, Value::Float(_));
    operand.arithmetic.as_ref().is_some_and(|(_, value)| is_float(value))
        || match against {
            Against::One(_, value) => is_float(value),
            Against::Between { low, high, .. } => is_float(low) || is_float(high),
            Against::AnyOf(values) => values.iter().any(is_float),
            Against::Like(_) => false,
        }
}

pub fn number(operand: &Operand, value: &Value) -> Outcome<Number> {
    match value {
        Value::Int(value) => Ok(Number::Int(*value)),
        Value::Float(value) => Ok(Number::Float(*value)),
        _ => Err(refused(operand, "meets a value that is not a number")),
    }
}

fn float(operand: &Operand, value: &Value) -> Outcome<f64> {
    number(operand, value).map(Number::as_float)
}

fn integer(operand: &Operand, value: &Value) -> Outcome<i64> {
    match value {
        Value::Int(value) => Ok(*value),
        _ => Err(refused(operand, "meets a value that is not an integer")),
    }
}

fn string(operand: &Operand, value: &Value) -> Outcome<String> {
    match value {
        Value::Text(value) => Ok(value.clone()),
        _ => Err(refused(operand, "meets a value that is not a string")),
    }
}

fn boolean(operand: &Operand, value: &Value) -> Outcome<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        _ => Err(refused(operand, "meets a value that is not a bool")),
    }
}

pub fn integer_arithmetic(operand: &Operand) -> Outcome<Option<(Operator, i64)>> {
    let Some((operator, value)) = &operand.arithmetic else {
        return Ok(None);
    };
    match (operator, integer(operand, value)?) {
        (Operator::Divide | Operator::Modulo, 0) => Err(refused(operand, "is divided by zero")),
        (operator, value) => Ok(Some((*operator, value))),
    }
}

pub fn float_arithmetic(operand: &Operand, single: bool) -> Outcome<Option<(Operator, f64)>> {
    let Some((operator, value)) = &operand.arithmetic else {
        return Ok(None);
    };
    if matches!(operator, Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor) {
        return Err(refused(operand, "is not an integer"));
    }
    let value = float(operand, value)?;
    Ok(Some((*operator, if single { f64::from(value as f32) } else { value })))
}

fn bools(operand: &Operand, against: &Against) -> Outcome<ScalarTest> {
    refuse_arithmetic(operand)?;
    Ok(ScalarTest::Bool(match against {
        Against::One(comparison, value) => bool_truth(*comparison, boolean(operand, value)?),
        Against::AnyOf(values) => any_bool(operand, values)?,
        _ => return Err(refused(operand, "is a bool")),
    }))
}

pub fn any_bool(operand: &Operand, values: &[Value]) -> Outcome<[bool; 2]> {
    let mut truth = [false; 2];
    for value in values {
        truth[usize::from(boolean(operand, value)?)] = true;
    }
    Ok(truth)
}

fn integers(operand: &Operand, against: &Against) -> Outcome<ScalarTest> {
    let test = match against {
        Against::One(comparison, value) => IntegerTest::Range(Range::<i64>::of(*comparison, integer(operand, value)?)),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => {
            let (low, high) = (integer(operand, low)?, integer(operand, high)?);
            IntegerTest::Range(Range::<i64>::between(low, *low_inclusive, high, *high_inclusive))
        }
        Against::AnyOf(values) => IntegerTest::Set(IntegerSet::new(
            values.iter().map(|value| integer(operand, value)).collect::<Outcome<_>>()?,
        )),
        Against::Like(_) => return Err(refused(operand, "is not a string")),
    };
    Ok(ScalarTest::Integers {
        arithmetic: integer_arithmetic(operand)?,
        test,
    })
}

/// `single`: float32.
fn floats(operand: &Operand, against: &Against, single: bool) -> Outcome<ScalarTest> {
    let test = match against {
        Against::One(comparison, value) => FloatTest::Range(Range::<f64>::of(*comparison, float(operand, value)?, single)),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => {
            let (low, high) = (float(operand, low)?, float(operand, high)?);
            FloatTest::Range(Range::<f64>::between(low, *low_inclusive, high, *high_inclusive, single))
        }
        Against::AnyOf(values) => {
            let key = |value: f64| float_key(if single { f64::from(value as f32) } else { value });
            FloatTest::Set(IntegerSet::new(
                values.iter().map(|value| float(operand, value).map(key)).collect::<Outcome<_>>()?,
            ))
        }
        Against::Like(_) => return Err(refused(operand, "is not a string")),
    };
    Ok(ScalarTest::Floats {
        arithmetic: float_arithmetic(operand, single)?,
        test,
        single,
    })
}

pub fn text(operand: &Operand, against: &Against) -> Outcome<TextTest> {
    Ok(match against {
        Against::One(comparison, value) => TextTest::compare(*comparison, string(operand, value)?),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => TextTest::between(string(operand, low)?, *low_inclusive, string(operand, high)?, *high_inclusive),
        Against::AnyOf(values) => TextTest::one_of(
            values
                .iter()
                .map(|value| string(operand, value))
                .collect::<Outcome<Vec<String>>>()?
                .into_iter(),
        ),
        Against::Like(pattern) => TextTest::Like(Pattern::parse(pattern)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float32_is_calculated_and_compared_in_float32() {
        let mut operand = Operand::column(1);
        operand.arithmetic = Some((Operator::Add, Value::Float(0.1)));
        let equal = |kind, literal: f64| {
            let value = Value::Float(literal);
            let test = ScalarTest::of(kind, &operand, &Against::One(Comparison::Equal, &value)).expect("a test");
            test.judge(&Item::Float(1.0))
        };
        assert_eq!(equal(ColumnType::Float, 1.1), Some(true));
        assert_eq!(equal(ColumnType::Float, f64::from(1.1f32)), Some(true));
        assert_eq!(equal(ColumnType::Double, 1.0 + 0.1), Some(true));
        assert_eq!(equal(ColumnType::Double, f64::from(1.1f32)), Some(false));
    }
}
