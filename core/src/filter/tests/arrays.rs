//! Array columns for the random tests: rows in the one form that segments keep, the same rows decoded, and tests on them.

use serde_json::json;

use super::generate::{self, FLOATS, INTEGERS, JSON, TEXTS};
use super::oracle::Datum;
use super::random::Random;
use crate::filter::program::{Comparison, Node, Operand, Source, Value};
use crate::segment::wire::{Reader, Value as Wire};

const BOOLS: u32 = 120;
const BYTES: u32 = 121;
const LONGS: u32 = 122;
const SINGLES: u32 = 123;
const DOUBLES: u32 = 124;
const STRINGS: u32 = 125;
pub const IDS: [u32; 6] = [BOOLS, BYTES, LONGS, SINGLES, DOUBLES, STRINGS];

/// Of a column: DataType and ScalarField member of its elements, and a scalar column whose values they have.
fn element_of(id: u32) -> (u32, u8, u32) {
    match id {
        BOOLS => (1, 1, generate::BOOL),
        BYTES => (2, 2, generate::INT8),
        LONGS => (5, 3, generate::INT64),
        SINGLES => (10, 4, generate::FLOAT),
        DOUBLES => (11, 5, generate::DOUBLE),
        _ => (21, 6, generate::VARCHAR),
    }
}

pub fn columns() -> impl Iterator<Item = serde_json::Value> {
    IDS.iter()
        .map(|id| json!({ "id": id, "type": 22, "elementType": element_of(*id).0, "maxCapacity": 6, "nullable": true }))
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

pub fn row(random: &mut Random, id: u32) -> Vec<u8> {
    let (mut run, mut body, mut row) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..random.below(6) {
        match id {
            BOOLS => varint(random.below(2) as u64, &mut run),
            BYTES => varint(i64::from(random.pick(&INTEGERS) as i8) as u64, &mut run),
            LONGS => varint(random.pick(&INTEGERS) as u64, &mut run),
            SINGLES => run.extend((random.pick(&FLOATS) as f32).to_le_bytes()),
            DOUBLES => run.extend(random.pick(&FLOATS).to_le_bytes()),
            _ => field(1, random.pick(&TEXTS).as_bytes(), &mut body),
        }
    }
    if !run.is_empty() {
        field(1, &run, &mut body);
    }
    field(element_of(id).1, &body, &mut row);
    row
}

pub fn decode(id: u32, row: &[u8]) -> Vec<Datum> {
    let Some((_, Wire::Bytes(body))) = Reader::new(row).field().expect("a member") else {
        panic!("an array without its member");
    };
    let mut reader = Reader::new(body);
    let mut found = Vec::new();
    while let Some((_, Wire::Bytes(bytes))) = reader.field().expect("elements") {
        let mut run = Reader::new(bytes);
        match id {
            SINGLES => found.extend(bytes.as_chunks().0.iter().map(|four| Datum::Single(f32::from_le_bytes(*four)))),
            DOUBLES => found.extend(bytes.as_chunks().0.iter().map(|eight| Datum::Float(f64::from_le_bytes(*eight)))),
            STRINGS => found.push(Datum::Text(String::from_utf8(bytes.to_vec()).expect("UTF-8"))),
            BOOLS => {
                while !run.is_empty() {
                    found.push(Datum::Bool(run.varint().expect("a number") != 0));
                }
            }
            _ => {
                while !run.is_empty() {
                    found.push(Datum::Int(run.varint().expect("a number") as i64));
                }
            }
        }
    }
    found
}

pub fn leaf(random: &mut Random, comparison: Comparison) -> Node {
    let field = random.pick(&IDS);
    let scalar = element_of(field).2;
    match random.below(8) {
        0 => whole(random, field, scalar),
        1 | 2 => length(random, comparison),
        3 | 4 => contains(random, field, scalar),
        _ => element(random, comparison, field, scalar),
    }
}

fn element(random: &mut Random, comparison: Comparison, field: u32, scalar: u32) -> Node {
    let mut node = match random.below(4) {
        0 if scalar != generate::BOOL => generate::range(random, scalar),
        1 => generate::membership(random, scalar),
        2 if scalar == generate::VARCHAR => Node::Like {
            operand: Operand::column(field),
            pattern: random.pick(&["a%", "%b", "_", "%"]).to_owned(),
        },
        _ => {
            let value = generate::value(random, scalar);
            let mut operand = Operand::column(field);
            if matches!(value, Value::Int(_) | Value::Float(_)) {
                operand.arithmetic = generate::arithmetic(random, scalar);
            }
            Node::Compare {
                comparison,
                operand,
                value,
            }
        }
    };
    if let Node::Compare { operand, .. } | Node::Range { operand, .. } | Node::In { operand, .. } | Node::Like { operand, .. } = &mut node {
        operand.field = field;
        operand.source = Source::Element(random.below(6) as u32);
    }
    node
}

fn whole(random: &mut Random, field: u32, scalar: u32) -> Node {
    let item = |random: &mut Random| {
        let kind = if random.below(9) == 0 { JSON } else { scalar };
        match generate::value(random, kind) {
            Value::Bool(value) => json!(value),
            Value::Int(value) => json!(value),
            Value::Float(value) => json!(value),
            Value::Text(text) => json!(text),
            Value::Json(tree) => tree,
        }
    };
    Node::Compare {
        comparison: random.pick(&[Comparison::Equal, Comparison::NotEqual]),
        operand: Operand::column(field),
        value: Value::Json((0..random.pick(&[0, 0, 1, 1, 2, 8])).map(|_| item(random)).collect()),
    }
}

/// An array: a column, or what is at a JSON path.
fn array(random: &mut Random, field: u32) -> Operand {
    if random.below(2) == 0 {
        generate::operand(random, JSON)
    } else {
        Operand::column(field)
    }
}

fn length(random: &mut Random, comparison: Comparison) -> Node {
    let field = random.pick(&IDS);
    let mut operand = array(random, field);
    operand.source = Source::Length(match operand.source {
        Source::Path(steps) => steps,
        _ => Vec::new(),
    });
    operand.arithmetic = generate::arithmetic(random, generate::INT64);
    Node::Compare {
        comparison,
        operand,
        value: Value::Int(random.below(5) as i64),
    }
}

fn contains(random: &mut Random, field: u32, scalar: u32) -> Node {
    let operand = array(random, field);
    let scalar = if operand.field == JSON { JSON } else { scalar };
    let value = |random: &mut Random| match generate::value(random, scalar) {
        Value::Int(value) if random.below(6) == 0 => Value::Float(value as f64),
        Value::Json(_) => {
            let depth = random.below(2);
            Value::Json((0..random.below(2)).map(|_| generate::tree(random, depth)).collect())
        }
        value => value,
    };
    Node::Contains {
        all: random.below(2) == 0,
        operand,
        values: (0..random.pick(&[1, 1, 2, 3, 30])).map(|_| value(random)).collect(),
    }
}
