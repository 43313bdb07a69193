//! Meets a program with a schema: each test becomes the one made for its column's type, and what cannot meet is refused as `malformed` (the compiler
//! has told the user in words before).

use super::integer_set::IntegerSet;
use super::json::PathStep;
use super::json_test::{JsonTest, Number, NumberTest};
use super::leaf::{Side, Test, bool_truth};
use super::like::Pattern;
use super::numbers::{FloatTest, IntegerTest, Range, float_key};
use super::program::{Comparison, Node, Operand, Operator, Value};
use super::text::TextTest;
use crate::failure::{Failure, Outcome};
use crate::segment::schema::{ColumnType, Schema};

/// What an operand is compared with.
enum Against<'a> {
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

/// The test of a leaf; None for inner nodes.
pub fn bind(node: &Node, schema: &Schema) -> Outcome<Option<Test>> {
    let binder = Binder { schema };
    Ok(Some(match node {
        Node::And { .. } | Node::Or { .. } | Node::Not { .. } => return Ok(None),
        Node::Constant(value) => Test::Constant(*value),
        Node::Compare {
            comparison,
            operand,
            value,
        } => binder.against(operand, Against::One(*comparison, value))?,
        Node::Range {
            operand,
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => binder.against(
            operand,
            Against::Between {
                low,
                low_inclusive: *low_inclusive,
                high,
                high_inclusive: *high_inclusive,
            },
        )?,
        Node::In { operand, values } => binder.against(operand, Against::AnyOf(values))?,
        Node::Like { operand, pattern } => binder.against(operand, Against::Like(pattern))?,
        Node::IsNull(operand) => binder.presence(operand, JsonTest::IsNull)?,
        Node::Exists(operand) => binder.presence(operand, JsonTest::Exists)?,
        Node::CompareOperands { comparison, left, right } => binder.pair(*comparison, left, right)?,
    }))
}

struct Binder<'a> {
    schema: &'a Schema,
}

fn refused(operand: &Operand, what: &str) -> Failure {
    Failure::of_field(
        "malformed",
        operand.field,
        vec![format!("filter program, field {}: {what}", operand.field).into()],
    )
}

impl Binder<'_> {
    fn column(&self, operand: &Operand) -> Outcome<(usize, ColumnType)> {
        let at = self
            .schema
            .position(operand.field)
            .ok_or_else(|| refused(operand, "is not in the schema"))?;
        let kind = self.schema.columns[at].kind;
        if operand.path.is_some() && kind != ColumnType::Json {
            return Err(refused(operand, "has no paths"));
        }
        Ok((at, kind))
    }

    fn against(&self, operand: &Operand, against: Against) -> Outcome<Test> {
        let (column, kind) = self.column(operand)?;
        match kind {
            ColumnType::Bool => bools(operand, column, against),
            ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 if has_float(operand, &against) => {
                floats(operand, column, against, false)
            }
            ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => integers(operand, column, against),
            ColumnType::Float => floats(operand, column, against, true),
            ColumnType::Double => floats(operand, column, against, false),
            ColumnType::VarChar => {
                refuse_arithmetic(operand)?;
                Ok(Test::Text {
                    column,
                    test: text(operand, against)?,
                })
            }
            ColumnType::Json => Ok(Test::Json {
                column,
                path: path(operand),
                test: json(operand, against)?,
            }),
            _ => Err(refused(operand, "arrays and vectors are not compared")),
        }
    }

    fn presence(&self, operand: &Operand, test: JsonTest) -> Outcome<Test> {
        let (column, kind) = self.column(operand)?;
        refuse_arithmetic(operand)?;
        let path = path(operand);
        match test {
            // A column is null by itself, whatever its text says.
            JsonTest::IsNull if path.is_empty() => Ok(Test::IsNull { column }),
            _ if kind != ColumnType::Json => Err(refused(operand, "has no paths")),
            test => Ok(Test::Json { column, path, test }),
        }
    }

    fn pair(&self, comparison: Comparison, left: &Operand, right: &Operand) -> Outcome<Test> {
        let ((left_column, left_kind), (right_column, right_kind)) = (self.column(left)?, self.column(right)?);
        let is_integer = |kind| matches!(kind, ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64);
        let is_number = |kind| is_integer(kind) || matches!(kind, ColumnType::Float | ColumnType::Double);
        let has_float_operand = |operand: &Operand| matches!(operand.arithmetic, Some((_, Value::Float(_))));
        if left_kind == ColumnType::Bool && right_kind == ColumnType::Bool {
            refuse_arithmetic(left)?;
            refuse_arithmetic(right)?;
            Ok(Test::BoolPair {
                comparison,
                left: left_column,
                right: right_column,
            })
        } else if left_kind == ColumnType::VarChar && right_kind == ColumnType::VarChar {
            refuse_arithmetic(left)?;
            refuse_arithmetic(right)?;
            Ok(Test::TextPair {
                comparison,
                left: left_column,
                right: right_column,
            })
        } else if is_integer(left_kind) && is_integer(right_kind) && !has_float_operand(left) && !has_float_operand(right) {
            let left = Side {
                column: left_column,
                arithmetic: integer_arithmetic(left)?,
            };
            Ok(Test::IntegerPair {
                comparison,
                left,
                right: Side {
                    column: right_column,
                    arithmetic: integer_arithmetic(right)?,
                },
            })
        } else if is_number(left_kind) && is_number(right_kind) {
            let left = Side {
                column: left_column,
                arithmetic: float_arithmetic(left, left_kind == ColumnType::Float)?,
            };
            let right_arithmetic = float_arithmetic(right, right_kind == ColumnType::Float)?;
            Ok(Test::FloatPair {
                comparison,
                left,
                right: Side {
                    column: right_column,
                    arithmetic: right_arithmetic,
                },
            })
        } else {
            Err(refused(left, &format!("does not compare with field {}", right.field)))
        }
    }
}

fn path(operand: &Operand) -> Vec<PathStep> {
    operand.path.iter().flatten().map(PathStep::from).collect()
}

fn refuse_arithmetic(operand: &Operand) -> Outcome<()> {
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

fn number(operand: &Operand, value: &Value) -> Outcome<Number> {
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

fn integer_arithmetic(operand: &Operand) -> Outcome<Option<(Operator, i64)>> {
    let Some((operator, value)) = &operand.arithmetic else {
        return Ok(None);
    };
    match (operator, integer(operand, value)?) {
        (Operator::Divide | Operator::Modulo, 0) => Err(refused(operand, "is divided by zero")),
        (operator, value) => Ok(Some((*operator, value))),
    }
}

fn float_arithmetic(operand: &Operand, single: bool) -> Outcome<Option<(Operator, f64)>> {
    let Some((operator, value)) = &operand.arithmetic else {
        return Ok(None);
    };
    if matches!(operator, Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor) {
        return Err(refused(operand, "is not an integer"));
    }
    let value = float(operand, value)?;
    Ok(Some((*operator, if single { f64::from(value as f32) } else { value })))
}

fn bools(operand: &Operand, column: usize, against: Against) -> Outcome<Test> {
    refuse_arithmetic(operand)?;
    let truth = match against {
        Against::One(comparison, value) => bool_truth(comparison, boolean(operand, value)?),
        Against::AnyOf(values) => any_bool(operand, values)?,
        _ => return Err(refused(operand, "is a bool")),
    };
    Ok(Test::Bools { column, truth })
}

fn any_bool(operand: &Operand, values: &[Value]) -> Outcome<[bool; 2]> {
    let mut truth = [false; 2];
    for value in values {
        truth[usize::from(boolean(operand, value)?)] = true;
    }
    Ok(truth)
}

fn integers(operand: &Operand, column: usize, against: Against) -> Outcome<Test> {
    let test = match against {
        Against::One(comparison, value) => IntegerTest::Range(Range::<i64>::of(comparison, integer(operand, value)?)),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => {
            let (low, high) = (integer(operand, low)?, integer(operand, high)?);
            IntegerTest::Range(Range::<i64>::between(low, low_inclusive, high, high_inclusive))
        }
        Against::AnyOf(values) => IntegerTest::Set(IntegerSet::new(
            values.iter().map(|value| integer(operand, value)).collect::<Outcome<_>>()?,
        )),
        Against::Like(_) => return Err(refused(operand, "is not a string")),
    };
    Ok(Test::Integers {
        column,
        arithmetic: integer_arithmetic(operand)?,
        test,
    })
}

/// `single`: a Float column.
fn floats(operand: &Operand, column: usize, against: Against, single: bool) -> Outcome<Test> {
    let test = match against {
        Against::One(comparison, value) => FloatTest::Range(Range::<f64>::of(comparison, float(operand, value)?, single)),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => {
            let (low, high) = (float(operand, low)?, float(operand, high)?);
            FloatTest::Range(Range::<f64>::between(low, low_inclusive, high, high_inclusive, single))
        }
        Against::AnyOf(values) => {
            let key = |value: f64| float_key(if single { f64::from(value as f32) } else { value });
            FloatTest::Set(IntegerSet::new(
                values.iter().map(|value| float(operand, value).map(key)).collect::<Outcome<_>>()?,
            ))
        }
        Against::Like(_) => return Err(refused(operand, "is not a string")),
    };
    Ok(Test::Floats {
        column,
        arithmetic: float_arithmetic(operand, single)?,
        test,
    })
}

fn text(operand: &Operand, against: Against) -> Outcome<TextTest> {
    Ok(match against {
        Against::One(comparison, value) => TextTest::compare(comparison, string(operand, value)?),
        Against::Between {
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => TextTest::between(string(operand, low)?, low_inclusive, string(operand, high)?, high_inclusive),
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

fn json(operand: &Operand, against: Against) -> Outcome<JsonTest> {
    if let Some(number_test) = json_number(operand, &against)? {
        return Ok(JsonTest::Number(number_test));
    }
    refuse_arithmetic(operand)?;
    match against {
        Against::One(comparison, Value::Bool(with)) => Ok(JsonTest::Bool(bool_truth(comparison, *with))),
        Against::One(comparison, Value::Json(tree)) => Ok(JsonTest::Trees {
            any_of: vec![tree.clone()],
            comparison,
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
