//! Upserts of some columns: what is absent is kept, what is given replaces, objects merge, arrays grow and shrink.

use super::*;
use crate::segment::{ArrayOperation, Expiry, Segment, UpdateRequest, update_rows};

fn small_schema() -> Arc<Schema> {
    let columns = [
        r#"{"id":100,"type":5,"primary":true}"#,
        r#"{"id":101,"type":4,"nullable":true}"#,
        r#"{"id":102,"type":101,"dim":2}"#,
        r#"{"id":103,"type":22,"elementType":5,"maxCapacity":4,"nullable":true}"#,
        r#"{"id":104,"type":23,"maxLength":1000,"dynamic":true}"#,
        r#"{"id":105,"type":21,"maxLength":9,"default":"d"}"#,
    ];
    Arc::new(Schema::parse(&format!("[{}]", columns.join(","))).unwrap())
}

fn number(values: &[i64]) -> Vec<u8> {
    let column = |values: &[i64]| {
        let mut run = Vec::new();
        values.iter().for_each(|value| put_varint(&mut run, *value as u64));
        run
    };
    let mut data = Vec::new();
    put_length(&mut data, 1, column(values).len());
    data.extend(column(values));
    data
}

/// A FieldData whose scalars' member holds these bytes.
fn scalars(member: u32, data: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    put_length(&mut inner, member, data.len());
    inner.extend_from_slice(data);
    let mut out = Vec::new();
    put_length(&mut out, 3, inner.len());
    out.extend(inner);
    out
}

fn texts(member: u32, values: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    for value in values {
        put_length(&mut data, 1, value.len());
        data.extend_from_slice(value);
    }
    scalars(member, &data)
}

fn array(values: &[i64]) -> Vec<u8> {
    let mut out = Vec::new();
    let body = if values.is_empty() { Vec::new() } else { number(values) };
    put_length(&mut out, 3, body.len());
    out.extend(body);
    out
}

fn vectors(values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut data = Vec::new();
    put_length(&mut data, 1, bytes.len());
    data.extend(bytes);
    let mut inner = vec![8, 2];
    put_length(&mut inner, 2, data.len());
    inner.extend(data);
    let mut out = Vec::new();
    put_length(&mut out, 4, inner.len());
    out.extend(inner);
    out
}

fn filled(schema: &Arc<Schema>) -> Segment {
    let (keys, numbers, vectors) = (
        scalars(3, &number(&[1, 2, 3])),
        scalars(2, &number(&[10, 20, 30])),
        vectors(&[1., 1., 2., 2., 3., 3.]),
    );
    let arrays = texts(8, &[&array(&[1, 2]), &array(&[5]), &array(&[7, 7, 8])]);
    let objects = texts(9, &[br#"{"a":1,"b":2}"#, br#"{"a":5}"#, b"{}"]);
    let names = texts(6, &[b"one", b"two", b"three"]);
    let fields = [
        (100, &keys),
        (101, &numbers),
        (102, &vectors),
        (103, &arrays),
        (104, &objects),
        (105, &names),
    ];
    let fields: Vec<FieldBytes> = fields.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect();
    let segment = Segment::growing(Arc::clone(schema));
    segment.append(Rows::decode(schema, 3, &fields, None).unwrap(), 5).unwrap();
    segment
}

struct Updated {
    rows: Rows,
    again: Rows,
}

fn update(fields: &[(u32, Vec<u8>)], row_count: usize, operations: &[(u32, ArrayOperation)]) -> Outcome<Updated> {
    let schema = small_schema();
    let segment = filled(&schema);
    let request = UpdateRequest {
        read_timestamp: 9,
        expiry: None::<Expiry>,
        row_count,
        fields: fields.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect(),
        operations: operations.to_vec(),
    };
    let update = update_rows(&schema, &[segment.snapshot()], &request)?;
    let encoded: Vec<FieldBytes> = update.fields.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect();
    let again = Rows::decode(&schema, row_count, &encoded, None)?;
    Ok(Updated { rows: update.rows, again })
}

fn cells(rows: &Rows) -> Vec<Vec<Option<Cell>>> {
    (0..rows.row_count)
        .map(|row| rows.columns.iter().map(|column| cell_at(column, row)).collect())
        .collect()
}

#[test]
fn absent_columns_are_kept_and_the_log_holds_the_whole_rows() {
    let updated = update(
        &[(100, scalars(3, &number(&[3, 1]))), (101, scalars(2, &number(&[31, 11])))],
        2,
        &[],
    )
    .unwrap();
    let found = cells(&updated.rows);
    assert_eq!(found, cells(&updated.again));
    assert_eq!(
        found[0][..3],
        [Some(Cell::Integer(3)), Some(Cell::Integer(31)), Some(Cell::Vector(vec![3., 3.]))]
    );
    assert_eq!(found[1][1..3], [Some(Cell::Integer(11)), Some(Cell::Vector(vec![1., 1.]))]);
    assert_eq!(found[0][5], Some(Cell::Text("three".into())));
}

#[test]
fn objects_of_the_dynamic_field_merge_by_key() {
    let objects = texts(9, &[br#"{"b":3,"c":[1]}"#]);
    let updated = update(&[(100, scalars(3, &number(&[1]))), (104, objects)], 1, &[]).unwrap();
    assert_eq!(cells(&updated.rows)[0][4], Some(Cell::Text(r#"{"a":1,"b":3,"c":[1]}"#.into())));
}

#[test]
fn values_of_merged_objects_stay_the_texts_that_they_are() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    let given = format!(r#"{{"a":18446744073709551617,"z":{deep},"q":1.50}}"#);
    let objects = texts(9, &[given.as_bytes()]);
    let updated = update(&[(100, scalars(3, &number(&[1]))), (104, objects)], 1, &[]).unwrap();
    let expected = format!(r#"{{"a":18446744073709551617,"b":2,"q":1.50,"z":{deep}}}"#);
    assert_eq!(cells(&updated.rows)[0][4], Some(Cell::Text(expected)));
}

#[test]
fn a_key_that_is_there_twice_is_refused_first() {
    let keys = (100, scalars(3, &number(&[77, 1, 77])));
    assert_eq!(update(&[keys], 3, &[]).err().unwrap().kind, "duplicateKeys");
}

#[test]
fn minus_zero_is_zero_where_elements_are_removed() {
    let schema = Schema::parse(
        r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":22,"elementType":10,"maxCapacity":9},{"id":3,"type":22,"elementType":11,"maxCapacity":9}]"#,
    );
    let schema = Arc::new(schema.unwrap());
    let key = scalars(3, &number(&[1]));
    let floats = |values: &[f32]| run(4, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    let doubles = |values: &[f64]| run(5, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    let fields = |floats: &[u8], doubles: &[u8]| vec![(1, key.clone()), (2, texts(8, &[floats])), (3, texts(8, &[doubles]))];
    let held = fields(&floats(&[0.0, -0.0, 1.0]), &doubles(&[-0.0, 0.0, -1.0]));
    let segment = Segment::growing(Arc::clone(&schema));
    let held: Vec<FieldBytes> = held.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect();
    segment.append(Rows::decode(&schema, 1, &held, None).unwrap(), 5).unwrap();
    let given = fields(&floats(&[-0.0]), &doubles(&[0.0]));
    let request = UpdateRequest {
        read_timestamp: 9,
        expiry: None,
        row_count: 1,
        fields: given.iter().map(|(id, data)| FieldBytes { id: *id, data }).collect(),
        operations: vec![(2, ArrayOperation::Remove), (3, ArrayOperation::Remove)],
    };
    let rows = update_rows(&schema, &[segment.snapshot()], &request).unwrap().rows;
    assert_eq!(rows.columns[1].values.bytes_at(0), floats(&[1.0]));
    assert_eq!(rows.columns[2].values.bytes_at(0), doubles(&[-1.0]));
}

/// An array of fixed-width elements.
fn run(member: u32, values: Vec<u8>) -> Vec<u8> {
    let mut body = Vec::new();
    put_length(&mut body, 1, values.len());
    body.extend(values);
    let mut out = Vec::new();
    put_length(&mut out, member, body.len());
    out.extend(body);
    out
}

#[test]
fn arrays_grow_and_shrink() {
    let fields = |values: &[i64]| vec![(100, scalars(3, &number(&[3]))), (103, texts(8, &[&array(values)]))];
    let of = |updated: Updated| updated.rows.columns[3].values.bytes_at(0).to_vec();
    let append = [(103, ArrayOperation::Append)];
    let remove = [(103, ArrayOperation::Remove)];
    assert_eq!(of(update(&fields(&[9]), 1, &append).unwrap()), array(&[7, 7, 8, 9]));
    assert_eq!(of(update(&fields(&[7, 1]), 1, &remove).unwrap()), array(&[8]));
    assert_eq!(of(update(&fields(&[7, 8]), 1, &remove).unwrap()), array(&[]));
    assert_eq!(update(&fields(&[1, 2]), 1, &append).err().unwrap().kind, "appendTooLong");
}

#[test]
fn new_keys_need_what_has_no_default() {
    let keys = (100, scalars(3, &number(&[1, 77])));
    let failure = update(&[keys.clone(), (101, scalars(2, &number(&[1, 2])))], 2, &[]).err().unwrap();
    assert_eq!((failure.kind, failure.field_id), ("missingField", Some(102)));
    let updated = update(&[keys, (102, vectors(&[8., 8., 9., 9.]))], 2, &[]).unwrap();
    let found = cells(&updated.rows);
    assert_eq!(found, cells(&updated.again));
    assert_eq!(found[0][1], Some(Cell::Integer(10)));
    assert_eq!((&found[1][1], &found[1][3]), (&None, &None));
    assert_eq!(found[1][5], Some(Cell::Text("d".into())));
}
