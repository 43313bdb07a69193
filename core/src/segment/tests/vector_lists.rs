//! Lists of vectors, and structs whose members they are.

use super::files::{Scratch, all_blocks};
use super::*;
use crate::failure::{Arg, Failure};
use crate::segment::decode::decode_column;
use crate::segment::{FieldBytes, Pick, Sealing, Segment, encode_field};

const MEMBERS: &str = r#"[{"id":1,"type":5,"primary":true},
    {"id":3,"type":22,"elementType":5,"maxCapacity":4,"nullable":true,"structOf":2},
    {"id":4,"type":106,"elementType":101,"dim":2,"maxCapacity":4,"nullable":true,"structOf":2},
    {"id":5,"type":106,"elementType":100,"dim":16,"maxCapacity":4,"nullable":true,"structOf":2}]"#;

fn schema() -> Arc<Schema> {
    Arc::new(Schema::parse(MEMBERS).unwrap())
}

fn message(number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_length(&mut out, number, body.len());
    out.extend_from_slice(body);
    out
}

/// A FieldData of these rows, each the encoded member of a VectorField.
fn lists(rows: &[Vec<u8>], valid: &[u8]) -> Vec<u8> {
    let array: Vec<u8> = rows.iter().flat_map(|row| message(2, row)).collect();
    let mut data = message(4, &message(8, &array));
    if !valid.is_empty() {
        data.extend(message(7, valid));
    }
    data
}

fn floats(values: &[f32]) -> Vec<u8> {
    let run: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    message(2, &message(1, &run))
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    message(3, bytes)
}

fn arrays(rows: &[&[u8]], valid: &[u8]) -> Vec<u8> {
    let array: Vec<u8> = rows.iter().flat_map(|row| message(1, &message(3, &message(1, row)))).collect();
    let mut data = message(3, &message(8, &array));
    if !valid.is_empty() {
        data.extend(message(7, valid));
    }
    data
}

fn decode(columns: &[(u32, Vec<u8>)], row_count: usize) -> Result<Rows, Failure> {
    let fields: Vec<FieldBytes> = columns.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect();
    Rows::decode(&schema(), row_count, &fields, Some(1))
}

/// Rows of two elements, of none, and null.
fn three_rows() -> Rows {
    let valid = [1, 1, 0];
    let columns = [
        (3, arrays(&[&[7, 8], &[]], &valid)),
        (4, lists(&[floats(&[1.0, 2.0, 3.0, 4.0]), floats(&[])], &valid)),
        (5, lists(&[bits(&[1, 2, 3, 4]), bits(&[])], &valid)),
    ];
    decode(&columns, 3).unwrap()
}

fn encoded(segment: &Segment, id: u32) -> Vec<u8> {
    let (schema, snapshot) = (schema(), segment.snapshot());
    let column = &schema.columns[schema.position(id).unwrap()];
    let picks: Vec<Pick> = snapshot
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.row_count).map(move |row| Pick { chunk, row: row as u32 }))
        .collect();
    encode_field(&[], column, &picks, None)
}

#[test]
fn lists_come_back_as_they_came_with_a_place_for_each_row() {
    let segment = Segment::growing(schema());
    segment.append(three_rows(), 1).unwrap();
    for id in [4, 5] {
        let column = schema().columns[schema().position(id).unwrap()].clone();
        let again = decode_column(
            &ColumnSchema {
                nullable: false,
                ..column.clone()
            },
            3,
            &without_flags(&encoded(&segment, id)),
        )
        .unwrap();
        let original = segment.snapshot().chunks[0].columns[schema().position(id).unwrap()].clone();
        for row in 0..3 {
            assert_eq!(again.values.bytes_at(row), original.values.bytes_at(row), "column {id}, row {row}");
        }
    }
    assert_eq!(segment.snapshot().chunks[0].columns[2].values.bytes_at(0).len(), 16);
    assert!(!segment.snapshot().chunks[0].columns[2].is_valid(2));
}

/// The message without its `valid_data`, which is its last field.
fn without_flags(data: &[u8]) -> Vec<u8> {
    data[..data.len() - 5].to_vec()
}

#[test]
fn lists_are_the_same_in_a_file() {
    let segment = Segment::growing(schema());
    segment.append(three_rows(), 1).unwrap();
    let before = encoded(&segment, 4);
    let scratch = Scratch::new("vector-lists");
    let sealing = Sealing::start(&segment).unwrap();
    let path = scratch.write(&all_blocks(&sealing));
    let opened = Segment::open(&schema(), path).unwrap();
    assert_eq!(encoded(&opened, 4), before);
}

#[test]
fn each_fault_of_a_list_has_its_kind_and_arguments() {
    let column = schema().columns[2].clone();
    let check = |row: Vec<u8>, kind: &'static str, args: Vec<Arg>| {
        let failure = decode_column(&column, 1, &lists(&[row], &[])).unwrap_err();
        assert_eq!((failure.kind, failure.args, failure.field_id), (kind, args, Some(4)));
    };
    check(floats(&[1.0]), "listLength", vec![1usize.into(), 2usize.into()]);
    check(floats(&[0.0; 10]), "listTooLong", vec![5usize.into(), 0usize.into(), 4usize.into()]);
    check(floats(&[1.0, f32::NAN]), "notFinite", vec!["NaN".into()]);
    check(bits(&[1, 2]), "typeMismatch", vec![]);
    check(vec![], "typeMismatch", vec![]);
}

#[test]
fn members_have_the_same_rows_and_as_many_elements() {
    let longer = [
        (3, arrays(&[&[7, 8]], &[])),
        (4, lists(&[floats(&[1.0, 2.0])], &[])),
        (5, lists(&[bits(&[1, 2])], &[])),
    ];
    let failure = decode(&longer, 1).unwrap_err();
    assert_eq!((failure.kind, failure.field_id), ("structLength", Some(4)));
    assert_eq!(failure.args, vec![0usize.into(), 3usize.into(), 2usize.into(), 1usize.into()]);
    let holes = [
        (3, arrays(&[&[7]], &[1, 0])),
        (4, lists(&[floats(&[1.0, 2.0])], &[0, 1])),
        (5, lists(&[bits(&[1, 2])], &[1, 0])),
    ];
    let failure = decode(&holes, 2).unwrap_err();
    assert_eq!((failure.kind, failure.field_id), ("structNulls", Some(4)));
    assert!(decode(&[], 5).is_ok(), "a struct that takes nulls may be left out");
}

#[test]
fn lists_of_what_has_no_width_are_refused() {
    for element in [
        r#""elementType":104,"dim":2"#,
        r#""elementType":101"#,
        r#""elementType":5,"dim":2"#,
        r#""dim":2"#,
    ] {
        let json = format!(r#"[{{"id":1,"type":5,"primary":true}},{{"id":2,"type":106,{element}}}]"#);
        assert_eq!(Schema::parse(&json).unwrap_err().kind, "malformed", "{element}");
    }
}
