//! Picked rows come back as the wire's columns.

use super::*;
use crate::segment::payload::Payload;
use crate::segment::{Keys, Pick, Segment, encode_field, encode_ids};

#[test]
fn picked_rows_are_encoded_as_clients_read_them() {
    let mut random = Random::new();
    for key in [5, 21] {
        let schema = schema(key);
        let segment = Segment::growing(Arc::clone(&schema));
        let tables: Vec<Table> = (0..4).map(|_| random_table(&mut random, &schema, 10)).collect();
        let mut held = Vec::new();
        for table in &tables {
            segment.append(decode_table(&schema, table, true).unwrap(), 1).unwrap();
            held.push(segment.snapshot());
        }
        let snapshot = segment.snapshot();
        let all: Vec<Pick> = snapshot
            .chunks
            .iter()
            .flat_map(|chunk| (0..chunk.row_count as u32).map(move |row| Pick { chunk, row }))
            .collect();
        let picked: Vec<usize> = (0..random.below(60)).map(|_| random.below(40)).collect();
        let picks: Vec<Pick> = picked.iter().map(|&at| all[at]).collect();
        for (at, column) in schema.columns.iter().enumerate() {
            let cells: Vec<Option<Cell>> = picked.iter().map(|row| stored(column, &tables[row / 10][at][row % 10])).collect();
            check_column(
                column,
                &cells,
                &encode_field(&[8, column.kind.number() as u8], column, &picks, None),
            );
        }
        let keys = picked.iter().map(|row| tables[row / 10][0][row % 10].clone());
        let expected = match key {
            5 => Keys::Int64(
                keys.map(|key| if let Some(Cell::Integer(key)) = key { key } else { unreachable!() })
                    .collect(),
            ),
            _ => Keys::VarChar(
                keys.map(|key| if let Some(Cell::Text(key)) = key { key } else { unreachable!() })
                    .collect(),
            ),
        };
        assert_eq!(Keys::decode(&encode_ids(&schema, &picks)), Ok(expected));
    }
}

fn check_column(column: &ColumnSchema, cells: &[Option<Cell>], bytes: &[u8]) {
    assert!(bytes.starts_with(&[8, column.kind.number() as u8]));
    let payload = Payload::read(bytes).unwrap();
    let valid: Vec<u8> = cells.iter().map(|cell| u8::from(cell.is_some())).collect();
    assert_eq!(payload.valid, if column.nullable { valid } else { vec![] });
    // A reader that knows nothing of nulls sees dense scalars and compact vectors.
    let plain = ColumnSchema {
        nullable: true,
        default: None,
        kind: if column.kind == ColumnType::Json {
            ColumnType::VarChar
        } else {
            column.kind
        },
        ..column.clone()
    };
    if column.kind == ColumnType::Array {
        return check_arrays(column, cells, bytes, &payload);
    }
    let compact: Vec<Cell> = cells.iter().flatten().cloned().collect();
    let is_vector = column.kind.is_vector();
    let row_count = if is_vector { compact.len() } else { cells.len() };
    let without_valid = strip_valid(bytes, column.kind == ColumnType::Json);
    let read = crate::segment::decode::decode_column(&plain, row_count, &without_valid).unwrap();
    for row in 0..row_count {
        let expected = if is_vector { Some(&compact[row]) } else { cells[row].as_ref() };
        if let Some(expected) = expected {
            assert_eq!(cell_at(&read, row).as_ref(), Some(expected), "column {} row {row}", column.id);
        }
    }
}

fn check_arrays(column: &ColumnSchema, cells: &[Option<Cell>], bytes: &[u8], payload: &Payload) {
    let mut rows = Vec::new();
    let keep = |row: &[u8]| {
        rows.push(row.to_vec());
        Ok(())
    };
    payload.texts(keep).unwrap();
    let expected = cells.iter().map(|cell| cell.as_ref().map_or(vec![], |cell| cell.bytes().to_vec()));
    assert_eq!(rows, expected.collect::<Vec<_>>(), "column {}", column.id);
    let element_type = [16, column.element.unwrap().number() as u8];
    assert!(bytes.windows(2).any(|pair| pair == element_type));
}

/// The message without `valid_data`, JSON texts as plain ones.
fn strip_valid(bytes: &[u8], json: bool) -> Vec<u8> {
    let mut reader = super::super::wire::Reader::new(bytes);
    let mut out = Vec::new();
    while let Some((number, value)) = reader.field().unwrap() {
        if let (3 | 4, super::super::wire::Value::Bytes(body)) = (number, value) {
            put_length(&mut out, number, body.len());
            out.extend_from_slice(body);
            if json {
                let at = out.len() - body.len();
                assert_eq!(out[at], 9 << 3 | 2);
                out[at] = 6 << 3 | 2;
            }
        }
    }
    out
}

#[test]
fn dynamic_fields_keep_the_keys_asked_for() {
    let schema = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":23,"dynamic":true}]"#).unwrap());
    let keys = vec![Some(Cell::Integer(1)), Some(Cell::Integer(2))];
    let objects = vec![Some(Cell::Text(r#"{"a":1,"b":2}"#.into())), Some(Cell::Text("{}".into()))];
    let segment = Segment::growing(Arc::clone(&schema));
    segment
        .append(decode_table(&schema, &vec![keys, objects], true).unwrap(), 1)
        .unwrap();
    let snapshot = segment.snapshot();
    let picks = [0, 1].map(|row| Pick {
        chunk: &snapshot.chunks[0],
        row,
    });
    let bytes = encode_field(&[], &schema.columns[1], &picks, Some(&["b".into()]));
    let mut texts = Vec::new();
    Payload::read(&bytes)
        .unwrap()
        .texts(|text| {
            texts.push(String::from_utf8(text.to_vec()).unwrap());
            Ok(())
        })
        .unwrap();
    assert_eq!(texts, [r#"{"b":2}"#, "{}"]);
}
