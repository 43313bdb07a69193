//! Random rows and random programs over them. Values come from small sets, so that tests meet equal ones, ends of types and each other's kinds.

use serde_json::json;

use super::arrays;
use super::random::Random;
use crate::filter::program::{Comparison, Node, Operand, Operator, Source, Step, Value};
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::Schema;

pub const KEY: u32 = 100;
pub const BOOL: u32 = 101;
pub const INT8: u32 = 102;
pub const INT16: u32 = 103;
pub const INT32: u32 = 104;
pub const INT64: u32 = 105;
pub const FLOAT: u32 = 106;
pub const DOUBLE: u32 = 107;
pub const VARCHAR: u32 = 108;
pub const JSON: u32 = 109;

const TYPES: [(u32, u32); 10] = [
    (KEY, 5),
    (BOOL, 1),
    (INT8, 2),
    (INT16, 3),
    (INT32, 4),
    (INT64, 5),
    (FLOAT, 10),
    (DOUBLE, 11),
    (VARCHAR, 21),
    (JSON, 23),
];

pub const INTEGERS: [i64; 17] = [
    0,
    1,
    -1,
    2,
    3,
    -3,
    7,
    100,
    127,
    -128,
    300,
    32_767,
    -40_000,
    i32::MAX as i64,
    i32::MIN as i64,
    i64::MAX,
    i64::MIN,
];
pub const FLOATS: [f64; 13] = [0.0, -0.0, 1.0, -1.0, 0.1, 1.1, 2.5, -3.0, 7.0, 1e10, -1e300, 9.3e18, 127.0];
pub const TEXTS: [&str; 12] = ["", "a", "ab", "abc", "b", "ä", "aäb", "%", "_", "a\nb", "日本", "ab\\c"];
const PATTERNS: [&str; 14] = [
    "%", "_", "a%", "%b", "%a%", "a_b", "__", "ab", "", "\\%", "%\\_", "a%b%", "%_%_", "_本",
];

pub fn schema() -> Schema {
    let columns: Vec<_> = TYPES
        .iter()
        .map(|(id, number)| json!({ "id": id, "type": number, "nullable": *id != KEY, "primary": *id == KEY }))
        .chain(arrays::columns())
        .collect();
    Schema::parse(&json!(columns).to_string()).expect("a schema")
}

pub fn chunk(random: &mut Random, count: usize) -> Chunk {
    let mut columns: Vec<Column> = TYPES.iter().map(|(id, _)| column(random, *id, count)).collect();
    for id in arrays::IDS {
        let values = bytes((0..count).map(|_| arrays::row(random, id)));
        columns.push(with_nulls(random, id, values, count));
    }
    Chunk::new(count, columns, 1)
}

fn column(random: &mut Random, id: u32, count: usize) -> Column {
    fn fill<T>(count: usize, mut value: impl FnMut() -> T) -> Buffer<T> {
        Buffer::Owned((0..count).map(|_| value()).collect())
    }
    let values = match id {
        BOOL => Values::Bool(fill(count, || random.below(2) as u8)),
        INT8 => Values::Int8(fill(count, || random.pick(&INTEGERS) as i8)),
        INT16 => Values::Int16(fill(count, || random.pick(&INTEGERS) as i16)),
        INT32 => Values::Int32(fill(count, || random.pick(&INTEGERS) as i32)),
        KEY | INT64 => Values::Int64(fill(count, || random.pick(&INTEGERS))),
        FLOAT => Values::Float(fill(count, || (random.pick(&FLOATS) as f32).clamp(f32::MIN, f32::MAX))),
        DOUBLE => Values::Double(fill(count, || random.pick(&FLOATS))),
        VARCHAR => bytes((0..count).map(|_| random.pick(&TEXTS).to_owned())),
        _ => bytes((0..count).map(|_| document(random))),
    };
    with_nulls(random, id, values, count)
}

fn with_nulls(random: &mut Random, id: u32, values: Values, count: usize) -> Column {
    let valid = (id != KEY && random.below(3) > 0).then(|| Buffer::Owned((0..count).map(|_| u8::from(random.below(5) > 0)).collect()));
    Column { id, values, valid }
}

fn bytes<T: AsRef<[u8]>>(rows: impl Iterator<Item = T>) -> Values {
    let (mut offsets, mut bytes) = (vec![0], Vec::new());
    for row in rows {
        bytes.extend(row.as_ref());
        offsets.push(bytes.len() as u64);
    }
    Values::Bytes {
        offsets: Buffer::Owned(offsets),
        bytes: Buffer::Owned(bytes),
    }
}

fn document(random: &mut Random) -> String {
    let depth = random.below(4);
    let tree = tree(random, depth);
    if random.below(2) == 0 {
        tree.to_string()
    } else {
        serde_json::to_string_pretty(&tree).expect("a tree")
    }
}

pub fn tree(random: &mut Random, depth: usize) -> serde_json::Value {
    match random.below(if depth == 0 { 6 } else { 12 }) {
        0 => json!(null),
        1 => json!(random.below(2) == 0),
        2 => json!(random.pick(&INTEGERS)),
        3 => json!(random.pick(&FLOATS)),
        4 => json!(random.pick(&TEXTS)),
        5 => json!(u64::MAX - random.below(3) as u64),
        6 | 7 => (0..random.below(4)).map(|_| tree(random, depth - 1)).collect(),
        _ => (0..random.below(5))
            .map(|_| (random.pick(&["a", "b", "0", "1", "ä\"\n"]).to_owned(), tree(random, depth - 1)))
            .collect(),
    }
}

/// Nodes in preorder.
pub fn program(random: &mut Random, depth: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    push_node(random, depth, &mut nodes);
    nodes
}

fn push_node(random: &mut Random, depth: usize, nodes: &mut Vec<Node>) {
    let at = nodes.len();
    match random.below(if depth == 0 { 4 } else { 12 }) {
        4..8 => {
            let count = 1 + random.below(3);
            nodes.push(Node::And { count, end: 0 });
            (0..count).for_each(|_| push_node(random, depth - 1, nodes));
        }
        8..10 => {
            let count = 1 + random.below(3);
            nodes.push(Node::Or { count, end: 0 });
            (0..count).for_each(|_| push_node(random, depth - 1, nodes));
        }
        10 => {
            nodes.push(Node::Not { end: 0 });
            push_node(random, depth - 1, nodes);
        }
        _ => nodes.push(leaf(random)),
    }
    let total = nodes.len();
    if let Node::And { end, .. } | Node::Or { end, .. } | Node::Not { end } = &mut nodes[at] {
        *end = total;
    }
}

fn leaf(random: &mut Random) -> Node {
    let comparison = random.pick(&[
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
    ]);
    let field = random.pick(&TYPES).0;
    match random.below(18) {
        14..18 => arrays::leaf(random, comparison),
        0 => Node::Constant(random.below(2) == 0),
        1 => Node::IsNull(operand(random, field)),
        2 => Node::Exists(operand(random, JSON)),
        3 => Node::Like {
            operand: operand(random, random_text_field(field)),
            pattern: random.pick(&PATTERNS).to_owned(),
        },
        4 | 5 => pair(random, comparison),
        6 | 7 if field != BOOL => range(random, field),
        8 | 9 => membership(random, field),
        _ => {
            let value = value(random, field);
            let mut operand = operand(random, field);
            if matches!(value, Value::Int(_) | Value::Float(_)) {
                operand.arithmetic = arithmetic(random, field);
            }
            Node::Compare {
                comparison,
                operand,
                value,
            }
        }
    }
}

fn random_text_field(field: u32) -> u32 {
    if field.is_multiple_of(2) { VARCHAR } else { JSON }
}

pub fn operand(random: &mut Random, field: u32) -> Operand {
    let source = if field == JSON && random.below(5) > 0 {
        Source::Path(steps(random))
    } else {
        Source::Column
    };
    Operand {
        field,
        source,
        arithmetic: None,
    }
}

pub fn steps(random: &mut Random) -> Vec<Step> {
    let step = |random: &mut Random| match random.below(8) {
        0 => Step::Index(random.below(3) as u32),
        1 => Step::Key("ä\"\n".into()),
        _ => Step::Key(random.pick(&["a", "b", "0", "1"]).into()),
    };
    (0..random.below(3)).map(|_| step(random)).collect()
}

pub fn arithmetic(random: &mut Random, field: u32) -> Option<(Operator, Value)> {
    let small = |random: &mut Random| random.pick(&[1, 2, -1, 3, 7, i64::MAX]);
    if random.below(2) == 0 {
        return None;
    }
    let plain = [Operator::Add, Operator::Subtract, Operator::Multiply, Operator::Divide];
    let integral = [Operator::Modulo, Operator::BitAnd, Operator::BitOr, Operator::BitXor];
    match field {
        FLOAT | DOUBLE => Some((random.pick(&plain), Value::Float(random.pick(&[0.1, 2.0, -3.0])))),
        JSON if random.below(2) == 0 => Some((random.pick(&plain), Value::Float(random.pick(&[0.5, 2.0])))),
        _ if random.below(2) == 0 => Some((random.pick(&plain), Value::Int(small(random)))),
        _ => Some((random.pick(&integral), Value::Int(small(random)))),
    }
}

pub fn value(random: &mut Random, field: u32) -> Value {
    match field {
        BOOL => Value::Bool(random.below(2) == 0),
        FLOAT | DOUBLE => Value::Float(random.pick(&FLOATS)),
        VARCHAR => Value::Text(random.pick(&TEXTS).into()),
        JSON => match random.below(6) {
            0 => Value::Bool(random.below(2) == 0),
            1 => Value::Float(random.pick(&FLOATS)),
            2 => Value::Text(random.pick(&TEXTS).into()),
            3 => {
                let depth = random.below(2);
                Value::Json((0..random.below(3)).map(|_| tree(random, depth)).collect())
            }
            _ => Value::Int(random.pick(&INTEGERS)),
        },
        _ => Value::Int(random.pick(&INTEGERS)),
    }
}

/// `field` says what values: those of an element are those of its column type.
pub fn range(random: &mut Random, field: u32) -> Node {
    let fits = |value: &Value| !matches!(value, Value::Bool(_) | Value::Json(_));
    loop {
        let (low, high) = (value(random, field), value(random, field));
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if fits(&low) && fits(&high) && is_text(&low) == is_text(&high) {
            let mut operand = operand(random, field);
            if !is_text(&low) && random.below(3) == 0 {
                operand.arithmetic = arithmetic(random, field);
            }
            return Node::Range {
                operand,
                low,
                low_inclusive: random.below(2) == 0,
                high,
                high_inclusive: random.below(2) == 0,
            };
        }
    }
}

pub fn membership(random: &mut Random, field: u32) -> Node {
    let count = random.pick(&[0, 1, 3, 12, 40]);
    let mut values: Vec<Value> = Vec::new();
    while values.len() < count {
        let next = value(random, field);
        if values
            .first()
            .is_none_or(|first| std::mem::discriminant(first) == std::mem::discriminant(&next))
        {
            values.push(next);
        }
    }
    Node::In {
        operand: operand(random, field),
        values,
    }
}

fn pair(random: &mut Random, comparison: Comparison) -> Node {
    let group: &[u32] = random.pick(&[
        &[BOOL][..],
        &[VARCHAR],
        &[KEY, INT8, INT16, INT32, INT64],
        &[INT64, FLOAT, DOUBLE, INT8],
        &[INT16, INT64],
    ]);
    let side = |random: &mut Random| {
        let field = random.pick(group);
        let mut operand = operand(random, field);
        if group.len() == 2 {
            operand.arithmetic = arithmetic(random, field);
        }
        operand
    };
    Node::CompareOperands {
        comparison,
        left: side(random),
        right: side(random),
    }
}
