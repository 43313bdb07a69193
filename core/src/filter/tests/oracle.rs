//! The rules of filters, one row at a time, over trees.

use std::cmp::Ordering;

use serde_json::Value as Tree;

use super::arrays;
use crate::filter::program::{Comparison, Node, Operand, Operator, Source, Step, Value};
use crate::segment::chunk::Chunk;
use crate::segment::column::Values;
use crate::segment::schema::Schema;

/// A value that is not null.
#[derive(Clone, Debug)]
pub enum Datum {
    Bool(bool),
    Int(i64),
    /// Of a Float column.
    Single(f32),
    Float(f64),
    Text(String),
    Tree(Tree),
    Array(Vec<Datum>),
}

pub fn evaluate(nodes: &[Node], schema: &Schema, chunk: &Chunk, row: usize) -> Option<bool> {
    Oracle { schema, chunk, row }.node(nodes, &mut 0)
}

struct Oracle<'a> {
    schema: &'a Schema,
    chunk: &'a Chunk,
    row: usize,
}

impl Oracle<'_> {
    fn node(&self, nodes: &[Node], at: &mut usize) -> Option<bool> {
        let node = &nodes[*at];
        *at += 1;
        match node {
            Node::Constant(value) => Some(*value),
            Node::And { count, .. } => {
                let children: Vec<_> = (0..*count).map(|_| self.node(nodes, at)).collect();
                let is_false = children.contains(&Some(false));
                (is_false || !children.contains(&None)).then_some(!is_false)
            }
            Node::Or { count, .. } => {
                let children: Vec<_> = (0..*count).map(|_| self.node(nodes, at)).collect();
                let is_true = children.contains(&Some(true));
                (is_true || !children.contains(&None)).then_some(is_true)
            }
            Node::Not { .. } => self.node(nodes, at).map(|value| !value),
            Node::Compare {
                comparison,
                operand,
                value,
            } => {
                let left = self.computed(operand, std::slice::from_ref(value))?;
                self.compare(*comparison, &left, value)
            }
            Node::Range {
                operand,
                low,
                low_inclusive,
                high,
                high_inclusive,
            } => {
                let value = self.computed(operand, &[low.clone(), high.clone()])?;
                let low_comparison = if *low_inclusive {
                    Comparison::GreaterEqual
                } else {
                    Comparison::Greater
                };
                let high_comparison = if *high_inclusive { Comparison::LessEqual } else { Comparison::Less };
                Some(self.compare(low_comparison, &value, low)? && self.compare(high_comparison, &value, high)?)
            }
            Node::In { operand, values } => self.one_of(operand, values),
            Node::Like { operand, pattern } => match self.value(operand)? {
                Datum::Text(text) | Datum::Tree(Tree::String(text)) => {
                    Some(like(&text.chars().collect::<Vec<_>>(), &pattern.chars().collect::<Vec<_>>()))
                }
                _ => None,
            },
            Node::IsNull(operand) => Some(self.is_null(operand)),
            Node::Exists(operand) => Some(matches!(self.value(operand), Some(Datum::Tree(tree)) if has_leaf(&tree))),
            Node::CompareOperands { comparison, left, right } => {
                let (left, right) = (self.computed(left, &[])?, self.computed(right, &[])?);
                order(&left, &right).map(|order| holds(*comparison, order))
            }
            Node::Contains { all, operand, values } => self.contains(*all, operand, values),
        }
    }

    fn one_of(&self, operand: &Operand, values: &[Value]) -> Option<bool> {
        let value = self.value(operand)?;
        if matches!(value, Datum::Tree(Tree::Null)) {
            return None;
        }
        let found: Vec<_> = values.iter().map(|of| self.compare(Comparison::Equal, &value, of)).collect();
        let is_other_kind = !found.is_empty() && found.iter().all(Option::is_none);
        (!is_other_kind).then(|| found.contains(&Some(true)))
    }

    fn contains(&self, all: bool, operand: &Operand, values: &[Value]) -> Option<bool> {
        let elements = match self.value(operand)? {
            Datum::Array(elements) => elements,
            Datum::Tree(Tree::Array(items)) => items.into_iter().map(Datum::Tree).collect(),
            _ => return None,
        };
        let has = |wanted: &Value| {
            elements
                .iter()
                .any(|element| self.compare(Comparison::Equal, element, wanted) == Some(true))
        };
        Some(if all { values.iter().all(has) } else { values.iter().any(has) })
    }

    fn is_null(&self, operand: &Operand) -> bool {
        match self.value(operand) {
            None => true,
            Some(Datum::Tree(Tree::Null)) => matches!(&operand.source, Source::Path(path) if !path.is_empty()),
            Some(_) => false,
        }
    }

    /// The operand before arithmetic; None when the row is null or the path leads nowhere.
    fn value(&self, operand: &Operand) -> Option<Datum> {
        match (self.stored(operand)?, &operand.source) {
            (Datum::Array(items), Source::Element(index)) => items.get(*index as usize).cloned(),
            (Datum::Array(items), Source::Length(_)) => Some(Datum::Int(items.len() as i64)),
            (Datum::Tree(tree), Source::Length(_)) => tree.as_array().map(|items| Datum::Int(items.len() as i64)),
            (value, _) => Some(value),
        }
    }

    /// What is in the column, at the path if there is one.
    fn stored(&self, operand: &Operand) -> Option<Datum> {
        let column = &self.chunk.columns[self.schema.position(operand.field).expect("a column")];
        if !column.is_valid(self.row) {
            return None;
        }
        Some(match &column.values {
            Values::Bool(values) => Datum::Bool(values[self.row] != 0),
            Values::Int8(values) => Datum::Int(values[self.row].into()),
            Values::Int16(values) => Datum::Int(values[self.row].into()),
            Values::Int32(values) => Datum::Int(values[self.row].into()),
            Values::Int64(values) => Datum::Int(values[self.row]),
            Values::Float(values) => Datum::Single(values[self.row]),
            Values::Double(values) => Datum::Float(values[self.row]),
            Values::Bytes { .. } => {
                if arrays::IDS.contains(&operand.field) {
                    return Some(Datum::Array(arrays::decode(operand.field, column.values.bytes_at(self.row))));
                }
                let text = std::str::from_utf8(column.values.bytes_at(self.row)).expect("UTF-8");
                if operand.field != super::generate::JSON {
                    return Some(Datum::Text(text.to_owned()));
                }
                let tree: Tree = serde_json::from_str(text).expect("JSON");
                let mut path = match &operand.source {
                    Source::Path(steps) | Source::Length(steps) => steps.iter(),
                    _ => [].iter(),
                };
                Datum::Tree(path.try_fold(&tree, descend)?.clone())
            }
            _ => unreachable!("not in the schema"),
        })
    }

    /// After arithmetic. `against`: what it will be compared with.
    fn computed(&self, operand: &Operand, against: &[Value]) -> Option<Datum> {
        let value = self.value(operand)?;
        let Some((operator, by)) = &operand.arithmetic else {
            return Some(value);
        };
        let by_float = match by {
            Value::Int(by) => *by as f64,
            Value::Float(by) => *by,
            _ => unreachable!("numbers only"),
        };
        let integral_only = matches!(operator, Operator::Modulo | Operator::BitAnd | Operator::BitOr | Operator::BitXor);
        let floats = against.iter().any(|value| matches!(value, Value::Float(_)));
        let number = match &value {
            Datum::Tree(Tree::Number(number)) => number.as_i64().map(Datum::Int).or(number.as_f64().map(Datum::Float))?,
            Datum::Tree(_) => return None,
            number => number.clone(),
        };
        match (number, by) {
            (Datum::Int(left), Value::Int(right)) if integral_only || !floats => {
                Some(Datum::Int(integer_arithmetic(*operator, left, *right)))
            }
            (Datum::Float(left), Value::Int(right)) if integral_only => {
                let whole = left.fract() == 0.0 && left >= i64::MIN as f64 && left < i64::MAX as f64;
                whole.then(|| Datum::Int(integer_arithmetic(*operator, left as i64, *right)))
            }
            (Datum::Int(left), _) => float_arithmetic(*operator, left as f64, by_float).map(Datum::Float),
            (Datum::Float(left), _) => float_arithmetic(*operator, left, by_float).map(Datum::Float),
            (Datum::Single(left), _) => Some(Datum::Single(match operator {
                Operator::Add => left + by_float as f32,
                Operator::Subtract => left - by_float as f32,
                Operator::Multiply => left * by_float as f32,
                Operator::Divide => left / by_float as f32,
                _ => return None,
            })),
            _ => None,
        }
    }

    fn compare(&self, comparison: Comparison, left: &Datum, right: &Value) -> Option<bool> {
        let right = match right {
            Value::Bool(value) => Datum::Bool(*value),
            Value::Int(value) if matches!(left, Datum::Single(_)) => Datum::Single(*value as f64 as f32),
            Value::Int(value) => Datum::Int(*value),
            Value::Float(value) if matches!(left, Datum::Single(_)) => Datum::Single(*value as f32),
            Value::Float(value) => Datum::Float(*value),
            Value::Text(value) => Datum::Text(value.clone()),
            Value::Json(tree) if matches!(left, Datum::Array(_)) => {
                let Datum::Array(left) = left else { return None };
                let equal = tree.as_array().is_some_and(|items| {
                    items.len() == left.len() && left.iter().zip(items).all(|(element, item)| self.is_equal(element, item))
                });
                return Some(equal == (comparison == Comparison::Equal));
            }
            Value::Json(tree) => {
                let Datum::Tree(left) = left else { return None };
                if left.is_array() != tree.is_array() || left.is_object() != tree.is_object() {
                    return None;
                }
                return Some(match comparison {
                    Comparison::Equal => same(left, tree),
                    Comparison::NotEqual => !same(left, tree),
                    _ => false,
                });
            }
        };
        // Not a number: nothing is known to be in order, but it differs.
        match order(left, &right) {
            Some(order) => Some(holds(comparison, order)),
            None if is_nan(left) => Some(comparison == Comparison::NotEqual),
            None => None,
        }
    }
}

impl Oracle<'_> {
    /// An element of an Array column and an item of a list.
    fn is_equal(&self, element: &Datum, item: &Tree) -> bool {
        let value = match item {
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Number(number) => match number.as_i64() {
                Some(value) => Value::Int(value),
                None => Value::Float(number.as_f64().expect("a number")),
            },
            Tree::String(text) => Value::Text(text.clone()),
            _ => return false,
        };
        self.compare(Comparison::Equal, element, &value) == Some(true)
    }
}

fn is_nan(datum: &Datum) -> bool {
    matches!(datum, Datum::Single(value) if value.is_nan()) || matches!(datum, Datum::Float(value) if value.is_nan())
}

fn order(left: &Datum, right: &Datum) -> Option<Ordering> {
    match (left, right) {
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(right)),
        (Datum::Text(left), Datum::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(right)),
        (Datum::Tree(Tree::Bool(left)), Datum::Bool(right)) => Some(left.cmp(right)),
        (Datum::Tree(Tree::String(left)), Datum::Text(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Datum::Tree(Tree::Number(left)), _) => {
            let left = left.as_i64().map(Datum::Int).or(left.as_f64().map(Datum::Float))?;
            order(&left, right)
        }
        _ => float(left)?.partial_cmp(&float(right)?),
    }
}

fn float(datum: &Datum) -> Option<f64> {
    match datum {
        Datum::Int(value) => Some(*value as f64),
        Datum::Single(value) => Some(f64::from(*value)),
        Datum::Float(value) => Some(*value),
        _ => None,
    }
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterEqual => order != Ordering::Less,
    }
}

fn integer_arithmetic(operator: Operator, left: i64, right: i64) -> i64 {
    let wide = match operator {
        Operator::Add => i128::from(left) + i128::from(right),
        Operator::Subtract => i128::from(left) - i128::from(right),
        Operator::Multiply => i128::from(left) * i128::from(right),
        Operator::Divide => i128::from(left) / i128::from(right),
        Operator::Modulo => i128::from(left) % i128::from(right),
        Operator::BitAnd => i128::from(left & right),
        Operator::BitOr => i128::from(left | right),
        Operator::BitXor => i128::from(left ^ right),
    };
    wide as i64
}

fn float_arithmetic(operator: Operator, left: f64, right: f64) -> Option<f64> {
    match operator {
        Operator::Add => Some(left + right),
        Operator::Subtract => Some(left - right),
        Operator::Multiply => Some(left * right),
        Operator::Divide => Some(left / right),
        _ => None,
    }
}

fn descend<'t>(tree: &'t Tree, step: &Step) -> Option<&'t Tree> {
    let token = match step {
        Step::Key(key) => key.replace('~', "~0").replace('/', "~1"),
        Step::Index(index) => index.to_string(),
    };
    tree.pointer(&format!("/{token}"))
}

fn same(left: &Tree, right: &Tree) -> bool {
    match (left, right) {
        (Tree::Number(left), Tree::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left == right,
            _ => left.as_f64() == right.as_f64(),
        },
        (Tree::Array(left), Tree::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Tree::Object(left), Tree::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((name, left), (other, right))| name == other && same(left, right))
        }
        _ => left == right,
    }
}

fn has_leaf(tree: &Tree) -> bool {
    match tree {
        Tree::Null => false,
        Tree::Array(items) => items.iter().any(has_leaf),
        Tree::Object(members) => members.values().any(has_leaf),
        _ => true,
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', unit, rest @ ..] | [unit, rest @ ..] => text.first() == Some(unit) && like(&text[1..], rest),
    }
}
