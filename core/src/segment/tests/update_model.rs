//! Random upserts of some columns against a plain map of rows, over growing and sealed segments, with deletes and expiry.

use std::collections::BTreeMap;

use super::files::{Scratch, all_blocks};
use super::*;
use crate::segment::payload::Payload;
use crate::segment::{ArrayOperation, Expiry, Keys, Sealing, Segment, UpdateRequest, update_rows};

const DYNAMIC: u32 = 50;
/// Arrays of Int64 and of VarChar, once plain and once nullable.
const ARRAYS: [u32; 4] = [60, 61, 80, 81];

type Row = Vec<Option<Cell>>;

struct World {
    schema: Arc<Schema>,
    segments: Vec<Segment>,
    /// The rows that are alive, with their time of writing.
    rows: BTreeMap<i64, (Row, u64)>,
    now: u64,
}

fn key_cell(schema: &Schema, key: i64) -> Cell {
    match schema.columns[schema.primary].kind {
        ColumnType::Int64 => Cell::Integer(key),
        _ => Cell::Text(format!("key {key}")),
    }
}

fn keys_of(schema: &Schema, keys: &[i64]) -> Keys {
    match schema.columns[schema.primary].kind {
        ColumnType::Int64 => Keys::Int64(keys.to_vec()),
        _ => Keys::VarChar(keys.iter().map(|key| format!("key {key}")).collect()),
    }
}

fn elements(bytes: &[u8]) -> Vec<Vec<u8>> {
    let array = Payload::of_array(bytes).unwrap();
    let mut found = Vec::new();
    match bytes.first() {
        // The member of texts.
        Some(0x32) => array
            .texts(|text| {
                found.push(text.to_vec());
                Ok(())
            })
            .unwrap(),
        _ => array
            .varints(|number| {
                found.push(number.to_le_bytes().to_vec());
                Ok(())
            })
            .unwrap(),
    }
    found
}

fn changed_array(old: &Cell, new: &Cell, operation: ArrayOperation) -> Vec<Vec<u8>> {
    let (old, new) = (elements(old.bytes()), elements(new.bytes()));
    match operation {
        ArrayOperation::Append => [old, new].concat(),
        ArrayOperation::Remove => old.into_iter().filter(|value| !new.contains(value)).collect(),
    }
}

fn merged_objects(old: &Cell, new: &Cell) -> Cell {
    let object = |cell: &Cell| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(cell.bytes()).unwrap();
    let mut merged: BTreeMap<_, _> = object(old).into_iter().collect();
    merged.extend(object(new));
    Cell::Text(serde_json::to_string(&merged).unwrap())
}

fn random_object(random: &mut Random) -> Cell {
    let members: BTreeMap<String, usize> = (0..random.below(4))
        .map(|_| (["a", "b", "é", "d e", "\""][random.below(5)].into(), random.below(100)))
        .collect();
    Cell::Text(serde_json::to_string(&members).unwrap())
}

impl World {
    fn new(schema: Arc<Schema>) -> Self {
        let segments = vec![Segment::growing(Arc::clone(&schema))];
        World {
            schema,
            segments,
            rows: BTreeMap::new(),
            now: 10,
        }
    }

    /// Appends complete rows in place of those with the same keys.
    fn upsert(&mut self, keys: &[i64], rows: Rows) {
        self.now += 1;
        for segment in &self.segments {
            segment.delete(&keys_of(&self.schema, keys), self.now);
        }
        for (at, key) in keys.iter().enumerate() {
            let cells = rows.columns.iter().map(|column| cell_at(column, at)).collect();
            self.rows.insert(*key, (cells, self.now));
        }
        self.segments.last().unwrap().append(rows, self.now).unwrap();
    }

    fn seal(&mut self, name: &str) {
        let growing = self.segments.pop().unwrap();
        if growing.row_count() > 0 {
            let sealing = Sealing::start(&growing).unwrap();
            let scratch = Scratch::new(name);
            let sealed = Segment::open(&self.schema, scratch.write(&all_blocks(&sealing))).unwrap();
            sealing.finish(&sealed).unwrap();
            self.segments.push(sealed);
        }
        self.segments.push(Segment::growing(Arc::clone(&self.schema)));
    }

    fn delete(&mut self, key: i64) {
        self.now += 1;
        for segment in &self.segments {
            segment.delete(&keys_of(&self.schema, &[key]), self.now);
        }
        self.rows.remove(&key);
    }

    /// What a row must become; None: it is not there and lacks a column.
    fn expected(&self, held: Option<&Row>, given: &[Option<Option<Cell>>], operations: &[(u32, ArrayOperation)]) -> Option<Row> {
        let cells = self.schema.columns.iter().enumerate().map(|(at, column)| {
            let held = held.map(|row| row[at].clone());
            let operation = operations.iter().find(|(id, _)| *id == column.id).map(|(_, operation)| *operation);
            match (held, &given[at]) {
                (Some(held), None) => Some(held),
                (None, None) if column.nullable || column.default.is_some() => Some(stored(column, &None)),
                (None, None) if column.dynamic => Some(Some(Cell::Text("{}".into()))),
                (None, None) => None,
                (Some(Some(old)), Some(Some(new))) if column.dynamic => Some(Some(merged_objects(&old, new))),
                (Some(held), Some(new)) if operation.is_some() => Some(match (held, new) {
                    (Some(old), Some(new)) => Some(encoded_array(column, changed_array(&old, new, operation?))),
                    (None, Some(new)) if operation == Some(ArrayOperation::Append) => Some(new.clone()),
                    (held, _) => held,
                }),
                (_, Some(new)) => Some(stored(column, new)),
            }
        });
        cells.collect()
    }
}

fn encoded_array(column: &ColumnSchema, elements: Vec<Vec<u8>>) -> Cell {
    let mut body = Vec::new();
    let is_text = column.element == Some(ColumnType::VarChar);
    if is_text {
        for text in &elements {
            put_length(&mut body, 1, text.len());
            body.extend_from_slice(text);
        }
    } else if !elements.is_empty() {
        let mut run = Vec::new();
        for number in &elements {
            put_varint(&mut run, u64::from_le_bytes(number[..].try_into().unwrap()));
        }
        put_length(&mut body, 1, run.len());
        body.extend(run);
    }
    let mut out = Vec::new();
    put_length(&mut out, if is_text { 6 } else { 3 }, body.len());
    out.extend(body);
    Cell::of_bytes(&out)
}

/// Different keys, some of them known.
fn random_keys(random: &mut Random) -> Vec<i64> {
    let mut keys: Vec<i64> = (0..1 + random.below(6)).map(|_| random.below(20) as i64 - 5).collect();
    let mut seen = std::collections::BTreeSet::new();
    keys.retain(|key| seen.insert(*key));
    keys
}

/// By column: the cells of a request, or None for a column that it leaves out.
fn random_request(random: &mut Random, world: &World, keys: &[i64]) -> Vec<Option<Vec<Option<Cell>>>> {
    let all = random.one_in(3);
    let table = random_table(random, &world.schema, keys.len());
    let columns = world.schema.columns.iter().zip(table).map(|(column, cells)| {
        if column.id == world.schema.columns[world.schema.primary].id {
            return Some(keys.iter().map(|key| Some(key_cell(&world.schema, *key))).collect());
        }
        let needed = all && !column.nullable && column.default.is_none();
        if !needed && !random.one_in(3) {
            return None;
        }
        if column.dynamic {
            return Some(cells.iter().map(|_| Some(random_object(random))).collect());
        }
        Some(cells)
    });
    columns.collect()
}

/// One request of random columns; whether it was taken.
fn update_once(random: &mut Random, world: &mut World, expired_up_to: u64) -> bool {
    let keys = random_keys(random);
    let request = random_request(random, world, &keys);
    let mut operations = Vec::new();
    for id in ARRAYS {
        if request[world.schema.position(id).unwrap()].is_some() && random.one_in(2) {
            operations.push((id, [ArrayOperation::Append, ArrayOperation::Remove][random.below(2)]));
        }
    }
    let expected: Vec<Option<Row>> = keys
        .iter()
        .enumerate()
        .map(|(row, key)| {
            let given: Vec<Option<Option<Cell>>> = request.iter().map(|cells| cells.as_ref().map(|cells| cells[row].clone())).collect();
            let held = world.rows.get(key).filter(|(_, written)| *written > expired_up_to);
            world.expected(held.map(|(cells, _)| cells), &given, &operations)
        })
        .collect();
    let too_long = expected.iter().flatten().any(|row| {
        ARRAYS.iter().any(|id| {
            let at = world.schema.position(*id).unwrap();
            row[at]
                .as_ref()
                .is_some_and(|cell| elements(cell.bytes()).len() > world.schema.columns[at].max_capacity)
        })
    });
    let bytes: Vec<(u32, Vec<u8>)> = (world.schema.columns.iter().zip(&request))
        .filter_map(|(column, cells)| Some((column.id, field_data(column, cells.as_ref()?, true))))
        .collect();
    let snapshots: Vec<_> = world.segments.iter().map(Segment::snapshot).collect();
    let update = update_rows(
        &world.schema,
        &snapshots,
        &UpdateRequest {
            read_timestamp: world.now,
            expiry: (expired_up_to > 0).then_some(Expiry {
                written_up_to: Some(expired_up_to),
                field: None,
            }),
            row_count: keys.len(),
            fields: bytes.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect(),
            operations,
        },
    );
    let update = match update {
        Ok(update) => update,
        Err(failure) => {
            let lacks = expected.contains(&None);
            match failure.kind {
                "missingField" => assert!(lacks),
                "appendTooLong" => assert!(too_long || lacks),
                kind => panic!("{kind} {:?}", failure.field_id),
            }
            return false;
        }
    };
    assert!(!too_long);
    let fields: Vec<FieldBytes> = update.fields.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect();
    let logged = Rows::decode(&world.schema, keys.len(), &fields, None).unwrap();
    for (at, column) in world.schema.columns.iter().enumerate() {
        for (row, expected) in expected.iter().enumerate() {
            let expected = &expected.as_ref().expect("a row that lacks a column was taken")[at];
            assert_eq!(
                &cell_at(&update.rows.columns[at], row),
                expected,
                "column {} of row {row}",
                column.id
            );
            assert_eq!(
                &cell_at(&logged.columns[at], row),
                expected,
                "logged column {} of row {row}",
                column.id
            );
        }
    }
    world.upsert(&keys, update.rows);
    true
}

#[test]
fn any_sequence_of_updates_makes_the_rows_of_a_plain_map() {
    let mut random = Random::new();
    for round in 0..8 {
        let mut world = World::new(schema(if round % 2 == 0 { 5 } else { 21 }));
        assert!(world.schema.position(DYNAMIC).is_some_and(|at| world.schema.columns[at].dynamic));
        let mut taken = 0;
        for step in 0..60 {
            match random.below(10) {
                0 => world.seal(&format!("update-{round}-{step}")),
                1 => world.delete(random.below(20) as i64 - 5),
                _ => {
                    let expired_up_to = if random.one_in(8) { world.now - random.below(10) as u64 } else { 0 };
                    taken += usize::from(update_once(&mut random, &mut world, expired_up_to));
                }
            }
        }
        assert!(taken > 5, "only {taken} updates were taken");
    }
}
