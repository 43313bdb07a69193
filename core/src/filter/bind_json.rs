//! Binds tests to values inside JSON, whose types are known only row by row.

use super::json_test::{JsonTest, Number, NumberTest};
use super::leaf::bool_truth;
use super::program::{Comparison, Operand, Operator, Value};
use super::scalar::{Against, any_bool, number, refuse_arithmetic, refused, text};
use crate::failure::Outcome;

/// The test of the value at a JSON path.
pub fn json(operand: &Operand, against: &Against) -> Outcome<JsonTest> {
    if let Some(number_test) = json_number(operand, against)? {
        return Ok(JsonTest::Number(number_test));
    }
    refuse_arithmetic(operand)?;
    match against {
        Against::One(comparison, Value::Bool(with)) => Ok(JsonTest::Bool(bool_truth(*comparison, *with))),
        Against::One(comparison, Value::Json(tree)) => Ok(JsonTest::Trees {
            any_of: vec![tree.clone()],
            comparison: *comparison,
        }),
        Against::AnyOf([]) => Ok(JsonTest::Nothing),
        Against::AnyOf(values @ [Value::Bool(_), ..]) => Ok(JsonTest::Bool(any_bool(operand, values)?)),
        Against::AnyOf(values @ [Value::Json(_), ..]) => {
            let trees = values
                .iter()
                .filter_map(|value| if let Value::Json(tree) = value { Some(tree.clone()) } else { None });
            Ok(JsonTest::Trees {
                any_of: trees.collect(),
                comparison: Comparison::Equal,
            })
        }
        against => text(operand, against).map(JsonTest::Text),
    }
}

fn json_number(operand: &Operand, against: &Against) -> Outcome<Option<NumberTest>> {
    let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let mut test = match against {
        Against::One(comparison, value) if is_number(value) => NumberTest::compare(*comparison, number(operand, value)?),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } if is_number(low) => NumberTest::between(number(operand, low)?, *low_inclusive, number(operand, high)?, *high_inclusive),
        Against::AnyOf(values) if values.first().is_some_and(is_number) => NumberTest::one_of(
            &values
                .iter()
                .map(|value| number(operand, value))
                .collect::<Outcome<Vec<Number>>>()?,
        ),
        _ => return Ok(None),
    };
    test.arithmetic = match &operand.arithmetic {
        None => None,
        Some((Operator::Divide | Operator::Modulo, Value::Int(0))) => return Err(refused(operand, "is divided by zero")),
        Some((Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor, Value::Float(_))) => {
            return Err(refused(operand, "meets a value that is not an integer"));
        }
        Some((operator, value)) => Some((*operator, number(operand, value)?)),
    };
    Ok(Some(test))
}
