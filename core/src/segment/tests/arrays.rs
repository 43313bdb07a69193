//! Arrays are kept in one form, whatever form they came in, and are refused in Milvus's order.

use super::*;
use crate::failure::{Arg, Failure};
use crate::segment::decode::decode_column;

fn column(description: &str) -> ColumnSchema {
    let schema = Schema::parse(&format!(
        r#"[{{"id":1,"type":5,"primary":true}},{{"id":2,"type":22,{description}}}]"#
    ))
    .unwrap();
    schema.columns[1].clone()
}

/// A FieldData of these rows, each an encoded ScalarField.
fn request(rows: &[&[u8]]) -> Vec<u8> {
    let cells: Vec<_> = rows.iter().map(|row| Some(Cell::Bytes(row.to_vec()))).collect();
    field_data(&column(r#""elementType":5"#), &cells, true)
}

fn kept(description: &str, row: &[u8]) -> Vec<u8> {
    let decoded = decode_column(&column(description), 1, &request(&[row])).unwrap();
    decoded.values.bytes_at(0).to_vec()
}

#[test]
fn all_ways_to_write_an_array_are_kept_alike() {
    // long_data { data: 1, 300 }: packed, one by one, in two parts, with a field that nobody knows.
    let packed = [0x1a, 5, 0x0a, 3, 1, 0xac, 2];
    for row in [
        &packed[..],
        &[0x1a, 5, 0x08, 1, 0x08, 0xac, 2],
        &[0x1a, 3, 0x0a, 1, 1, 0x1a, 3, 0x08, 0xac, 2],
        &[0x1a, 7, 0x0a, 3, 1, 0xac, 2, 0x78, 9],
    ] {
        assert_eq!(kept(r#""elementType":5"#, row), packed);
    }
    assert_eq!(
        kept(r#""elementType":1"#, &[0x0a, 5, 0x0a, 3, 0, 0x82, 1]),
        [0x0a, 4, 0x0a, 2, 0, 1]
    );
    assert_eq!(kept(r#""elementType":5"#, &[0x1a, 0]), [0x1a, 0], "an empty array is an array");
}

#[test]
fn each_fault_of_an_array_has_its_kind_and_arguments() {
    let empty: &[u8] = &[0x1a, 0];
    let two: &[u8] = &[0x1a, 4, 0x0a, 2, 1, 2];
    let texts: &[u8] = &[0x32, 7, 0x0a, 1, b'a', 0x0a, 2, b'b', b'c'];
    let check = |description: &str, rows: &[&[u8]], kind: &'static str, args: Vec<usize>| {
        let failure = decode_column(&column(description), rows.len(), &request(rows)).unwrap_err();
        let args: Vec<Arg> = args.into_iter().map(Arg::from).collect();
        assert_eq!(failure, Failure::of_field(kind, 2, args), "{description}");
    };
    check(r#""elementType":5,"maxCapacity":1"#, &[empty, two], "arrayTooLong", vec![2, 1, 1]);
    check(r#""elementType":5,"maxCapacity":1"#, &[texts, two], "arrayTooLong", vec![2, 1, 1]);
    check(r#""elementType":5"#, &[two, texts], "arrayTypeMismatch", vec![3, 6]);
    check(r#""elementType":21"#, &[texts, &[]], "arrayTypeMismatch", vec![6, 0]);
    check(
        r#""elementType":21,"maxLength":1"#,
        &[texts],
        "arrayVarcharTooLong",
        vec![0, 1, 2, 1],
    );
    check(r#""elementType":21"#, &[texts, &[0x32, 3, 0x0a, 1, 0xff]], "notUtf8", vec![1]);
    let failure = decode_column(&column(r#""elementType":2"#), 1, &request(&[&[0x12, 5, 0x0a, 3, 1, 0x80, 1]])).unwrap_err();
    let args = vec![1usize.into(), 128usize.into(), (-128i64).into(), 127usize.into()];
    assert_eq!(failure, Failure::of_field("outOfRange", 2, args));
    for description in [r#""elementType":23"#, r#""elementType":101"#, r#""elementType":22"#, r#""dim":4"#] {
        let schema = format!(r#"[{{"id":1,"type":5,"primary":true}},{{"id":2,"type":22,{description}}}]"#);
        assert_eq!(Schema::parse(&schema).unwrap_err().kind, "malformed");
    }
}
