//! Segments of random rows and the same rows as a plain list.

use std::sync::Arc;

use serde_json::json;

use crate::filter::program::{Comparison, Node, Operand, Value};
use crate::filter::tests::encode::encode;
use crate::filter::tests::random::Random;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::{ALIVE, Chunk};
use crate::segment::column::{Column, Values};
use crate::segment::rows::Rows;
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;
use crate::segment::{Keys, SegmentSnapshot};

pub const KEY: u32 = 100;
pub const SERIAL: u32 = 101;
pub const NUMBER: u32 = 102;
pub const VECTOR: u32 = 103;
pub const DIM: usize = 8;

#[derive(Clone, Debug)]
pub struct Row {
    pub key: i64,
    /// Different for each row.
    pub serial: i64,
    pub number: Option<i64>,
    /// Small integers, so that sums are exact in any order.
    pub vector: Option<Vec<f32>>,
    pub written: u64,
    pub deleted: u64,
}

pub struct World {
    pub text_keys: bool,
    pub schema: Arc<Schema>,
    pub segments: Vec<Segment>,
    pub rows: Vec<Row>,
    pub clock: u64,
}

impl World {
    /// Sealed and growing segments, into which rows come and out of which rows go; keys repeat within and among them.
    pub fn random(random: &mut Random) -> World {
        let text_keys = random.below(2) == 0;
        let schema = json!([
            { "id": KEY, "type": if text_keys { 21 } else { 5 }, "primary": true },
            { "id": SERIAL, "type": 5 },
            { "id": NUMBER, "type": 5, "nullable": true },
            { "id": VECTOR, "type": 101, "dim": DIM, "nullable": true },
        ]);
        let schema = Arc::new(Schema::parse(&schema.to_string()).expect("a schema"));
        let mut world = World {
            text_keys,
            schema,
            segments: Vec::new(),
            rows: Vec::new(),
            clock: 10,
        };
        let key_count = random.pick(&[20, 300, 100_000]);
        for _ in 0..random.below(3) {
            let count = random.pick(&[1, 70, 6000]);
            let mut rows = world.new_rows(random, count, key_count, true);
            rows.sort_by_key(|row| (row.key, row.written));
            let timestamps = Buffer::Owned(rows.iter().map(|row| row.written).collect());
            let chunk = Chunk::of(columns(&rows, text_keys), timestamps);
            world.segments.push(Segment::sealed(Arc::clone(&world.schema), chunk));
            world.rows.extend(rows);
        }
        let growing = world.segments.len();
        (0..1 + random.below(2)).for_each(|_| world.segments.push(Segment::growing(Arc::clone(&world.schema))));
        for _ in 0..random.below(12) {
            if random.below(3) == 0 {
                let count = random.pick(&[1, 5, 40]);
                let keys = (0..count).map(|_| random.below(key_count) as i64).collect();
                world.delete(keys);
            } else {
                let count = random.pick(&[1, 10, 100, 3000]);
                let rows = world.new_rows(random, count, key_count, false);
                let at = growing + random.below(world.segments.len() - growing);
                let appended = Rows {
                    schema: Arc::clone(&world.schema),
                    row_count: count,
                    columns: columns(&rows, text_keys),
                    given_keys: None,
                };
                world.segments[at].append(appended, world.clock).expect("a growing segment");
                world.rows.extend(rows);
            }
        }
        world
    }

    fn new_rows(&mut self, random: &mut Random, count: usize, key_count: usize, spread: bool) -> Vec<Row> {
        self.clock += if spread { 10 } else { 1 };
        let nulls = random.below(2) == 0;
        let row = |at: usize| Row {
            key: random.below(key_count) as i64,
            serial: (self.rows.len() + at) as i64,
            number: (random.below(4) > 0).then(|| random.below(100) as i64),
            vector: (!nulls || random.below(5) > 0).then(|| vector(random)),
            written: if spread { self.clock - random.below(10) as u64 } else { self.clock },
            deleted: ALIVE,
        };
        (0..count).map(row).collect()
    }

    fn delete(&mut self, keys: Vec<i64>) {
        self.clock += 1;
        for row in &mut self.rows {
            if row.written < self.clock && row.deleted == ALIVE && keys.contains(&row.key) {
                row.deleted = self.clock;
            }
        }
        let keys = self.keys(&keys);
        let marked: usize = self.segments.iter().map(|segment| segment.delete(&keys, self.clock)).sum();
        assert_eq!(marked, self.rows.iter().filter(|row| row.deleted == self.clock).count());
    }

    pub fn keys(&self, keys: &[i64]) -> Keys {
        if self.text_keys {
            Keys::VarChar(keys.iter().map(|&key| text_key(key)).collect())
        } else {
            Keys::Int64(keys.to_vec())
        }
    }

    /// Keys of a reply as numbers.
    pub fn numbers_of(&self, ids: &[u8]) -> Vec<i64> {
        match Keys::decode(ids).expect("ids") {
            Keys::Int64(keys) => keys,
            Keys::VarChar(keys) => keys.iter().map(|key| key[1..].parse().expect("a number")).collect(),
        }
    }

    pub fn snapshots(&self) -> Vec<SegmentSnapshot> {
        self.segments.iter().map(Segment::snapshot).collect()
    }

    /// The rows alive at `timestamp` that the filter takes.
    pub fn visible(&self, timestamp: u64, filter: &RowFilter) -> Vec<&Row> {
        let alive = |row: &&Row| row.written <= timestamp && row.deleted > timestamp;
        self.rows.iter().filter(alive).filter(|row| filter.takes(row)).collect()
    }
}

/// Sorts as the number does.
fn text_key(key: i64) -> String {
    format!("k{key:06}")
}

pub fn vector(random: &mut Random) -> Vec<f32> {
    (0..DIM).map(|_| random.below(7) as f32 - 3.0).collect()
}

fn columns(rows: &[Row], text_keys: bool) -> Vec<Column> {
    let keys = if text_keys {
        let mut offsets = vec![0];
        let mut bytes = Vec::new();
        for row in rows {
            bytes.extend(text_key(row.key).into_bytes());
            offsets.push(bytes.len() as u64);
        }
        Values::Bytes {
            offsets: Buffer::Owned(offsets),
            bytes: Buffer::Owned(bytes),
        }
    } else {
        Values::Int64(Buffer::Owned(rows.iter().map(|row| row.key).collect()))
    };
    let valid = |is_valid: &dyn Fn(&Row) -> bool| {
        let bytes: Vec<u8> = rows.iter().map(|row| u8::from(is_valid(row))).collect();
        bytes.contains(&0).then_some(Buffer::Owned(bytes))
    };
    let serials = rows.iter().map(|row| row.serial).collect();
    let numbers = rows.iter().map(|row| row.number.unwrap_or(0)).collect();
    let vectors = rows.iter().flat_map(|row| row.vector.clone().unwrap_or(vec![0.0; DIM])).collect();
    vec![
        Column {
            id: KEY,
            values: keys,
            valid: None,
        },
        Column {
            id: SERIAL,
            values: Values::Int64(Buffer::Owned(serials)),
            valid: None,
        },
        Column {
            id: NUMBER,
            values: Values::Int64(Buffer::Owned(numbers)),
            valid: valid(&|row| row.number.is_some()),
        },
        Column {
            id: VECTOR,
            values: Values::Vectors {
                dim: DIM,
                values: Buffer::Owned(vectors),
            },
            valid: valid(&|row| row.vector.is_some()),
        },
    ]
}

#[derive(Clone, Debug)]
pub enum RowFilter {
    All,
    NumberBelow(i64),
    NumberIsNull,
    Keys(Vec<i64>),
    KeysAndNumberBelow(Vec<i64>, i64),
    Nothing,
}

impl RowFilter {
    pub fn random(random: &mut Random) -> RowFilter {
        let keys = |random: &mut Random| (0..random.pick(&[1, 2, 30])).map(|_| random.key()).collect();
        match random.below(8) {
            0 | 1 => RowFilter::NumberBelow(random.pick(&[1, 10, 50, 99])),
            2 => RowFilter::NumberIsNull,
            3 => RowFilter::Keys(keys(random)),
            4 => RowFilter::KeysAndNumberBelow(keys(random), 60),
            5 => RowFilter::Nothing,
            _ => RowFilter::All,
        }
    }

    pub fn takes(&self, row: &Row) -> bool {
        let below = |limit: i64| row.number.is_some_and(|number| number < limit);
        match self {
            RowFilter::All => true,
            RowFilter::NumberBelow(limit) => below(*limit),
            RowFilter::NumberIsNull => row.number.is_none(),
            RowFilter::Keys(keys) => keys.contains(&row.key),
            RowFilter::KeysAndNumberBelow(keys, limit) => keys.contains(&row.key) && below(*limit),
            RowFilter::Nothing => false,
        }
    }

    pub fn program(&self, world: &World) -> Option<Vec<u8>> {
        let operand = Operand::column;
        let below = |limit: i64| Node::Compare {
            comparison: Comparison::Less,
            operand: operand(NUMBER),
            value: Value::Int(limit),
        };
        let one_of = |keys: &[i64]| {
            let value = |key: &i64| {
                if world.text_keys {
                    Value::Text(text_key(*key))
                } else {
                    Value::Int(*key)
                }
            };
            match keys {
                [key] => Node::Compare {
                    comparison: Comparison::Equal,
                    operand: operand(KEY),
                    value: value(key),
                },
                keys => Node::In {
                    operand: operand(KEY),
                    values: keys.iter().map(value).collect(),
                },
            }
        };
        Some(encode(&match self {
            RowFilter::All => return None,
            RowFilter::NumberBelow(limit) => vec![below(*limit)],
            RowFilter::NumberIsNull => vec![Node::IsNull(operand(NUMBER))],
            RowFilter::Keys(keys) => vec![one_of(keys)],
            RowFilter::KeysAndNumberBelow(keys, limit) => vec![Node::And { count: 2, end: 3 }, below(*limit), one_of(keys)],
            RowFilter::Nothing => vec![Node::Constant(false)],
        }))
    }
}

impl Random {
    fn key(&mut self) -> i64 {
        let limit = self.pick(&[20, 300]);
        self.below(limit) as i64
    }
}

/// The numbers in a FieldData of Int64 that has no header and no nulls.
pub fn integers_in(field: &[u8]) -> Vec<i64> {
    let mut rest = field;
    // scalars = 3, long_data = 3, data = 1.
    for tag in [0x1A, 0x1A, 0x0A] {
        let [first, body @ ..] = rest else { return Vec::new() };
        assert_eq!(*first, tag);
        rest = body;
        let length = varint(&mut rest) as usize;
        assert_eq!(rest.len(), length);
    }
    std::iter::from_fn(|| (!rest.is_empty()).then(|| varint(&mut rest) as i64)).collect()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    while let [byte, rest @ ..] = *bytes {
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
