//! A request's columns become the rows they say, or the failure that names what is wrong.

use super::*;
use crate::failure::{Arg, Failure};
use crate::segment::Keys;

#[test]
fn every_type_comes_back_packed_or_not() {
    let mut random = Random::new();
    for key in [5, 21] {
        for row_count in [0, 1, 2, 50] {
            let schema = schema(key);
            let table = random_table(&mut random, &schema, row_count);
            let rows = decode_table(&schema, &table, random.one_in(2)).unwrap();
            assert_eq!(rows.row_count, row_count);
            for (at, column) in schema.columns.iter().enumerate() {
                for (row, cell) in table[at].iter().enumerate() {
                    assert_eq!(
                        cell_at(&rows.columns[at], row),
                        stored(column, cell),
                        "column {} row {row}",
                        column.id
                    );
                }
            }
        }
    }
}

#[test]
fn absent_columns_get_their_default_or_null() {
    let schema = schema(5);
    let needed: Vec<_> = schema
        .columns
        .iter()
        .filter(|column| !column.nullable && column.default.is_none() && !column.dynamic)
        .collect();
    let mut random = Random::new();
    let cells: Vec<Vec<u8>> = needed
        .iter()
        .map(|column| field_data(column, &[Some(random_cell(&mut random, column))], true))
        .collect();
    let mut fields: Vec<FieldBytes> = needed
        .iter()
        .zip(&cells)
        .map(|(column, data)| FieldBytes { id: column.id, data })
        .collect();
    let rows = Rows::decode(&schema, 1, &fields, None).unwrap();
    for (at, column) in schema.columns.iter().enumerate().filter(|(_, column)| column.nullable) {
        assert_eq!(cell_at(&rows.columns[at], 0), stored(column, &None), "column {}", column.id);
    }
    assert_eq!(
        cell_at(&rows.columns[schema.position(50).unwrap()], 0),
        Some(Cell::Text("{}".into()))
    );
    fields.pop();
    assert_eq!(Rows::decode(&schema, 1, &fields, None).unwrap_err().kind, "rowCount");
}

#[test]
fn generated_keys_replace_given_ones() {
    for key in [5, 21] {
        let schema = Arc::new(Schema::parse(&format!(r#"[{{"id":1,"type":{key},"primary":true}}]"#)).unwrap());
        let given = if key == 5 { Cell::Integer(3) } else { Cell::Text("three".into()) };
        let data = field_data(&schema.columns[0], &[Some(given.clone()), Some(given)], true);
        let fields = [FieldBytes { id: 1, data: &data }];
        let rows = Rows::decode(&schema, 2, &fields, Some(1000)).unwrap();
        let (made, kept) = match key {
            5 => (Keys::Int64(vec![1000, 1001]), Keys::Int64(vec![3, 3])),
            _ => (
                Keys::VarChar(vec!["1000".into(), "1001".into()]),
                Keys::VarChar(vec!["three".into(), "three".into()]),
            ),
        };
        assert_eq!(Keys::decode(&rows.ids()), Ok(made));
        assert_eq!(Keys::decode(&rows.given_ids()), Ok(kept));
        assert!(!rows.has_duplicate_keys());
        assert!(Rows::decode(&schema, 2, &fields, None).unwrap().has_duplicate_keys());
        assert_eq!(Rows::decode(&schema, 2, &fields, Some(i64::MAX)).unwrap_err().kind, "malformed");
    }
}

fn refused(column: &str, cells: &[Option<Cell>], row_count: usize) -> Failure {
    let schema = Arc::new(Schema::parse(&format!(r#"[{{"id":1,"type":5,"primary":true}},{column}]"#)).unwrap());
    let keys: Vec<Option<Cell>> = (0..row_count).map(|key| Some(Cell::Integer(key as i64))).collect();
    let keys = field_data(&schema.columns[0], &keys, true);
    let data = field_data(&schema.columns[1], cells, true);
    Rows::decode(
        &schema,
        row_count,
        &[FieldBytes { id: 1, data: &keys }, FieldBytes { id: 2, data: &data }],
        None,
    )
    .unwrap_err()
}

#[test]
fn each_fault_has_its_kind_and_arguments() {
    let number = |value: f64| Some(Cell::Float(value));
    let text = |value: &str| Some(Cell::Text(value.into()));
    let vector = |length: usize| Some(Cell::Vector(vec![0.5; length]));
    let check = |column: &str, cells: &[Option<Cell>], kind: &'static str, args: Vec<Arg>| {
        assert_eq!(refused(column, cells, 2), Failure::of_field(kind, 2, args), "{column}");
    };
    let integers = [Some(Cell::Integer(5)), Some(Cell::Integer(-129))];
    check(
        r#"{"id":2,"type":2}"#,
        &integers,
        "outOfRange",
        vec![1i64.into(), (-129i64).into(), (-128i64).into(), 127i64.into()],
    );
    let integers = [Some(Cell::Integer(40_000)), None];
    check(
        r#"{"id":2,"type":3}"#,
        &integers,
        "outOfRange",
        vec![0i64.into(), 40_000i64.into(), (-32768i64).into(), 32767i64.into()],
    );
    check(
        r#"{"id":2,"type":10}"#,
        &[number(1.0), number(f64::NAN)],
        "notFinite",
        vec!["NaN".into()],
    );
    check(
        r#"{"id":2,"type":11}"#,
        &[number(1.0), number(f64::NEG_INFINITY)],
        "notFinite",
        vec!["-Inf".into()],
    );
    let infinite = Some(Cell::Vector(vec![0.0, f32::INFINITY]));
    check(
        r#"{"id":2,"type":101,"dim":2}"#,
        &[vector(2), infinite],
        "notFinite",
        vec!["+Inf".into()],
    );
    check(
        r#"{"id":2,"type":101,"dim":4}"#,
        &[vector(4), vector(3)],
        "vectorLength",
        vec![7i64.into(), 4i64.into()],
    );
    check(
        r#"{"id":2,"type":101,"dim":4}"#,
        &[vector(4)],
        "rowCount",
        vec![1i64.into(), 2i64.into()],
    );
    check(
        r#"{"id":2,"type":21,"maxLength":3}"#,
        &[text("abc"), text("éé")],
        "varcharTooLong",
        vec![1i64.into(), 4i64.into(), 3i64.into()],
    );
    check(
        r#"{"id":2,"type":23,"maxLength":3}"#,
        &[text("1"), text("1000")],
        "jsonTooLong",
        vec![4i64.into(), 3i64.into(), 0i64.into()],
    );
    check(
        r#"{"id":2,"type":23,"dynamic":true}"#,
        &[text("{}"), text(" [1]")],
        "dynamicNotObject",
        vec![" [1]".into()],
    );
    assert_eq!(refused(r#"{"id":2,"type":23}"#, &[text("{}"), text("{a:1}")], 2).kind, "notJson");
    check(
        r#"{"id":2,"type":21}"#,
        &[text("a"), text("b"), text("c")],
        "rowCount",
        vec![3i64.into(), 2i64.into()],
    );
    check(r#"{"id":2,"type":1}"#, &[Some(Cell::Integer(1)), None], "unexpectedNulls", vec![]);
    check(
        r#"{"id":2,"type":1,"nullable":true}"#,
        &[None, None, None],
        "validLength",
        vec![3i64.into(), 2i64.into()],
    );
}

#[test]
fn other_payloads_and_dimensions_are_refused() {
    let schema = schema(5);
    for column in &schema.columns {
        let other = &schema.columns[usize::from(column.kind == ColumnType::Bool) + 1];
        let cell = random_cell(&mut Random::new(), other);
        let data = field_data(other, &[Some(cell)], true);
        assert_eq!(
            crate::segment::decode::decode_column(column, 1, &data).unwrap_err().kind,
            "typeMismatch",
            "column {}",
            column.id
        );
        assert_eq!(
            crate::segment::decode::decode_column(column, 1, &[]).unwrap_err().kind,
            "typeMismatch",
            "column {}",
            column.id
        );
    }
    let vectors = &schema.columns[schema.position(10).unwrap()];
    let wider = ColumnSchema { dim: 6, ..vectors.clone() };
    let data = field_data(&wider, &[Some(Cell::Vector(vec![1.0; 6]))], true);
    let failure = crate::segment::decode::decode_column(vectors, 1, &data).unwrap_err();
    assert_eq!(failure, Failure::of_field("dimMismatch", 10, vec![6i64.into(), 3i64.into()]));
}
