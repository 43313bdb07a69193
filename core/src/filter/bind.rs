//! Meets a program with a schema: each test becomes the one made for its column's type, and what cannot meet is refused as `malformed` (the compiler
//! has told the user in words before).

use super::array_test::{ArrayAt, ArrayTest};
use super::bind_json::json;
use super::contains::Wanted;
use super::json::PathStep;
use super::json_test::JsonTest;
use super::leaf::{Side, Test};
use super::program::{Comparison, Node, Operand, Source, Step, Value};
use super::scalar::{Against, ScalarTest, float_arithmetic, integer_arithmetic, refuse_arithmetic, refused};
use crate::failure::Outcome;
use crate::segment::schema::{ColumnType, Schema};

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
        Node::Contains { all, operand, values } => binder.contains(*all, operand, values)?,
    }))
}

struct Binder<'a> {
    schema: &'a Schema,
}

impl Binder<'_> {
    /// Position and type of the operand's column, which has what the operand's source asks of it.
    fn column(&self, operand: &Operand) -> Outcome<(usize, ColumnType)> {
        let at = self
            .schema
            .position(operand.field)
            .ok_or_else(|| refused(operand, "is not in the schema"))?;
        let kind = self.schema.columns[at].kind;
        match &operand.source {
            Source::Path(_) if kind != ColumnType::Json => Err(refused(operand, "has no paths")),
            Source::Element(_) if kind != ColumnType::Array => Err(refused(operand, "has no elements")),
            _ => Ok((at, kind)),
        }
    }

    fn element_type(&self, column: usize, operand: &Operand) -> Outcome<ColumnType> {
        self.schema.columns[column].element.ok_or_else(|| refused(operand, "is no array"))
    }

    fn against(&self, operand: &Operand, against: Against) -> Outcome<Test> {
        let (column, kind) = self.column(operand)?;
        match &operand.source {
            Source::Element(index) => {
                let element = self.element_type(column, operand)?;
                let test = ArrayTest::Element {
                    element,
                    index: *index as usize,
                    test: ScalarTest::of(element, operand, &against)?,
                };
                Ok(Test::Array { column, test })
            }
            Source::Length(steps) => {
                let test = ArrayTest::Length {
                    array: self.array(column, operand, steps)?,
                    test: ScalarTest::of(ColumnType::Int64, operand, &against)?,
                };
                Ok(Test::Array { column, test })
            }
            _ if kind == ColumnType::Json => Ok(Test::Json {
                column,
                path: path(operand),
                test: json(operand, &against)?,
            }),
            _ if kind == ColumnType::Array => self.whole_array(column, operand, &against),
            _ => Ok(match ScalarTest::of(kind, operand, &against)? {
                ScalarTest::Bool(truth) => Test::Bools { column, truth },
                ScalarTest::Integers { arithmetic, test } => Test::Integers { column, arithmetic, test },
                ScalarTest::Floats { arithmetic, test, .. } => Test::Floats { column, arithmetic, test },
                ScalarTest::Text(test) => Test::Text { column, test },
            }),
        }
    }

    /// Where an array is: in an Array column itself, or at a path in a JSON column.
    fn array(&self, column: usize, operand: &Operand, steps: &[Step]) -> Outcome<ArrayAt> {
        match self.schema.columns[column].kind {
            ColumnType::Json => Ok(ArrayAt::Path(steps.iter().map(PathStep::from).collect())),
            ColumnType::Array if steps.is_empty() => self.element_type(column, operand).map(ArrayAt::Column),
            _ => Err(refused(operand, "is no array")),
        }
    }

    fn whole_array(&self, column: usize, operand: &Operand, against: &Against) -> Outcome<Test> {
        refuse_arithmetic(operand)?;
        let element = self.element_type(column, operand)?;
        let (comparison, items) = match against {
            Against::One(comparison @ (Comparison::Equal | Comparison::NotEqual), Value::Json(serde_json::Value::Array(items))) => {
                (*comparison, items)
            }
            _ => return Err(refused(operand, "is an array, which only equals lists")),
        };
        let capacity = self.schema.columns[column].max_capacity;
        let test = ArrayTest::Equal {
            element,
            wanted: (items.len() <= capacity).then(|| equal_items(element, operand, items)).flatten(),
            negate: comparison == Comparison::NotEqual,
        };
        Ok(Test::Array { column, test })
    }

    fn contains(&self, all: bool, operand: &Operand, values: &[Value]) -> Outcome<Test> {
        let (column, _) = self.column(operand)?;
        refuse_arithmetic(operand)?;
        let steps: &[Step] = match &operand.source {
            Source::Column => &[],
            Source::Path(steps) => steps,
            _ => return Err(refused(operand, "is no array")),
        };
        let array = self.array(column, operand, steps)?;
        let wanted = match &array {
            ArrayAt::Column(element) => Wanted::in_array(all, *element, operand, values)?,
            ArrayAt::Path(_) => Wanted::in_json(all, values),
        };
        Ok(Test::Array {
            column,
            test: ArrayTest::Contains { array, wanted },
        })
    }

    fn presence(&self, operand: &Operand, test: JsonTest) -> Outcome<Test> {
        let (column, kind) = self.column(operand)?;
        refuse_arithmetic(operand)?;
        if matches!(operand.source, Source::Element(_) | Source::Length(_)) {
            return Err(refused(operand, "has no presence of its own"));
        }
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
        if left.source != Source::Column || right.source != Source::Column {
            return Err(refused(left, "meets a column only as a column"));
        }
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
    match &operand.source {
        Source::Path(steps) => steps.iter().map(PathStep::from).collect(),
        _ => Vec::new(),
    }
}

/// A test of equality an item; None when an item is of a kind that no element has.
fn equal_items(element: ColumnType, operand: &Operand, items: &[serde_json::Value]) -> Option<Vec<ScalarTest>> {
    let equal = |item: &serde_json::Value| {
        let value = match item {
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => number.as_i64().map(Value::Int).or(number.as_f64().map(Value::Float))?,
            serde_json::Value::String(text) => Value::Text(text.clone()),
            _ => return None,
        };
        ScalarTest::of(element, operand, &Against::One(Comparison::Equal, &value)).ok()
    };
    items.iter().map(equal).collect()
}
