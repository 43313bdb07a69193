//! Writes nodes in the format that `src/filter/program.ts` tells.

use crate::filter::program::{Comparison, Node, Operand, Operator, Source, Step, Value};

pub fn encode(nodes: &[Node]) -> Vec<u8> {
    let mut bytes = vec![2];
    for node in nodes {
        write_node(&mut bytes, node);
    }
    bytes
}

fn write_node(bytes: &mut Vec<u8>, node: &Node) {
    match node {
        Node::Constant(value) => bytes.push(if *value { 0x01 } else { 0x02 }),
        Node::And { count, .. } => write_count(bytes, 0x10, *count),
        Node::Or { count, .. } => write_count(bytes, 0x11, *count),
        Node::Not { .. } => bytes.push(0x12),
        Node::Compare {
            comparison,
            operand,
            value,
        } => {
            bytes.extend([0x20, comparison_number(*comparison)]);
            write_operand(bytes, operand);
            write_value(bytes, value);
        }
        Node::CompareOperands { comparison, left, right } => {
            bytes.extend([0x21, comparison_number(*comparison)]);
            write_operand(bytes, left);
            write_operand(bytes, right);
        }
        Node::Range {
            operand,
            low,
            low_inclusive,
            high,
            high_inclusive,
        } => {
            bytes.extend([0x22, u8::from(*low_inclusive) | u8::from(*high_inclusive) << 1]);
            write_operand(bytes, operand);
            write_value(bytes, low);
            write_value(bytes, high);
        }
        Node::In { operand, values } => {
            bytes.push(0x23);
            write_operand(bytes, operand);
            bytes.extend((values.len() as u32).to_le_bytes());
            values.iter().for_each(|value| write_value(bytes, value));
        }
        Node::Like { operand, pattern } => {
            bytes.push(0x24);
            write_operand(bytes, operand);
            write_string(bytes, pattern);
        }
        Node::IsNull(operand) => {
            bytes.push(0x25);
            write_operand(bytes, operand);
        }
        Node::Exists(operand) => {
            bytes.push(0x26);
            write_operand(bytes, operand);
        }
        Node::Contains { all, operand, values } => {
            bytes.extend([0x27, if *all { 2 } else { 1 }]);
            write_operand(bytes, operand);
            bytes.extend((values.len() as u32).to_le_bytes());
            values.iter().for_each(|value| write_value(bytes, value));
        }
    }
}

fn write_count(bytes: &mut Vec<u8>, tag: u8, count: usize) {
    bytes.push(tag);
    bytes.extend((count as u32).to_le_bytes());
}

fn write_string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn write_operand(bytes: &mut Vec<u8>, operand: &Operand) {
    bytes.push(match &operand.source {
        Source::Column => 1,
        Source::Path(_) => 2,
        Source::Element(_) => 3,
        Source::Length(_) => 4,
    });
    bytes.extend(operand.field.to_le_bytes());
    match &operand.source {
        Source::Column => {}
        Source::Element(index) => bytes.extend(index.to_le_bytes()),
        Source::Path(steps) | Source::Length(steps) => write_steps(bytes, steps),
    }
    match &operand.arithmetic {
        None => bytes.push(0),
        Some((operator, value)) => {
            bytes.push(match operator {
                Operator::Add => 1,
                Operator::Subtract => 2,
                Operator::Multiply => 3,
                Operator::Divide => 4,
                Operator::Modulo => 5,
                Operator::BitAnd => 6,
                Operator::BitOr => 7,
                Operator::BitXor => 8,
            });
            write_value(bytes, value);
        }
    }
}

fn write_steps(bytes: &mut Vec<u8>, steps: &[Step]) {
    bytes.extend((steps.len() as u32).to_le_bytes());
    for step in steps {
        match step {
            Step::Key(key) => {
                bytes.push(1);
                write_string(bytes, key);
            }
            Step::Index(index) => {
                bytes.push(2);
                bytes.extend(index.to_le_bytes());
            }
        }
    }
}

fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => bytes.extend([1, u8::from(*value)]),
        Value::Int(value) => {
            bytes.push(2);
            bytes.extend(value.to_le_bytes());
        }
        Value::Float(value) => {
            bytes.push(3);
            bytes.extend(value.to_le_bytes());
        }
        Value::Text(value) => {
            bytes.push(4);
            write_string(bytes, value);
        }
        Value::Json(tree) => {
            bytes.push(5);
            write_string(bytes, &tree.to_string());
        }
    }
}

fn comparison_number(comparison: Comparison) -> u8 {
    match comparison {
        Comparison::Equal => 1,
        Comparison::NotEqual => 2,
        Comparison::Less => 3,
        Comparison::LessEqual => 4,
        Comparison::Greater => 5,
        Comparison::GreaterEqual => 6,
    }
}
