//! A schema that gains and loses columns while there are rows.

use super::files::{Scratch, all_blocks};
use super::*;
use crate::segment::chunk::Chunk;
use crate::segment::{Keys, Pick, Sealing, Segment, encode_field};

const NARROW: &str = r#"{"id":1,"type":5,"primary":true},{"id":2,"type":5}"#;
const ADDED: &str = r#"{"id":3,"type":4,"default":6},{"id":4,"type":21,"nullable":true},{"id":5,"type":101,"dim":2,"nullable":true},
    {"id":6,"type":21,"maxLength":9,"default":"none"},{"id":7,"type":23,"dynamic":true},{"id":8,"type":1,"nullable":true}"#;

fn schema_of(columns: &[&str]) -> Arc<Schema> {
    Arc::new(Schema::parse(&format!("[{}]", columns.join(","))).unwrap())
}

fn added_cells() -> Vec<Option<Cell>> {
    let text = |text: &str| Some(Cell::Text(text.into()));
    vec![Some(Cell::Integer(6)), None, None, text("none"), text("{}"), None]
}

fn rows(schema: &Arc<Schema>, keys: std::ops::Range<i64>) -> Rows {
    let numbers: Vec<_> = keys.map(|key| Some(Cell::Integer(key))).collect();
    decode_table(schema, &vec![numbers.clone(), numbers], true).unwrap()
}

fn cells_of(segment: &Segment) -> Vec<Vec<Option<Cell>>> {
    let snapshot = segment.snapshot();
    let row = |chunk: &Chunk, row: usize| chunk.columns.iter().map(|column| cell_at(column, row)).collect();
    let all = snapshot
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.row_count).map(move |at| row(chunk, at)));
    all.collect()
}

#[test]
fn rows_written_before_during_and_after_have_all_columns() {
    let (narrow, wide) = (schema_of(&[NARROW]), schema_of(&[ADDED, NARROW]));
    let segment = Segment::growing(Arc::clone(&narrow));
    segment.append(rows(&narrow, 0..3), 1).unwrap();
    segment.append(rows(&narrow, 3..3003), 2).unwrap();
    segment.append(rows(&narrow, 3003..3005), 3).unwrap();
    let (held, late) = (segment.snapshot(), rows(&narrow, 3005..3006));
    segment.set_schema(&wide).unwrap();
    segment.append(late, 4).unwrap();
    let full: Vec<_> = [7, 3006].iter().map(|number| Some(Cell::Integer(*number))).collect();
    let table = [3, 4, 5, 6, 7, 8, 1, 2].map(|id| match id {
        4 | 6 => vec![Some(Cell::Text("t".into()))],
        5 => vec![Some(Cell::Vector(vec![1.0, 2.0]))],
        7 => vec![Some(Cell::Text(r#"{"a":1}"#.into()))],
        1 | 2 => vec![full[1].clone()],
        8 => vec![Some(Cell::Integer(1))],
        _ => vec![full[0].clone()],
    });
    segment.append(decode_table(&wide, &table.to_vec(), true).unwrap(), 5).unwrap();
    let cells = cells_of(&segment);
    assert_eq!(cells.len(), 3007);
    for (key, row) in cells.iter().enumerate() {
        let key = Some(Cell::Integer(key as i64));
        let own = [key.clone(), key.clone()];
        match row.last() == Some(&full[1]) {
            true => assert_eq!(*row, table.iter().map(|column| column[0].clone()).collect::<Vec<_>>()),
            false => assert_eq!(*row, [&added_cells()[..], &own].concat()),
        }
    }
    assert_eq!((held.schema.columns.len(), held.chunks[0].columns.len()), (2, 2));
    check_deletes_and_file(&segment, &wide);
    segment.set_schema(&narrow).unwrap();
    assert!(cells_of(&segment).iter().all(|row| row.len() == 2));
}

fn check_deletes_and_file(segment: &Segment, wide: &Arc<Schema>) {
    assert_eq!(segment.delete(&Keys::Int64(vec![1, 3002, 3004, 9999]), 9), 3);
    let sealing = Sealing::start(segment).unwrap();
    let mut wider = String::from(r#"{"id":9,"type":11,"nullable":true},"#);
    wider.push_str(NARROW);
    let wider = schema_of(&[ADDED, &wider]);
    segment.set_schema(&wider).unwrap();
    assert_eq!(segment.delete(&Keys::Int64(vec![2]), 9), 1);
    let scratch = Scratch::new("schema-change");
    let sealed = Segment::open(wide, scratch.write(&all_blocks(&sealing))).unwrap();
    sealing.finish(&sealed).unwrap();
    assert_eq!(sealed.deleted_count(), 4, "marked in chunks made after the sealing began, too");
    sealed.set_schema(&wider).unwrap();
    assert_eq!((cells_of(&sealed), sealed.deleted_count()), (cells_of(segment), 4));
    segment.set_schema(wide).unwrap();
}

#[test]
fn many_rows_get_columns_that_take_little_memory() {
    let narrow = schema_of(&[r#"{"id":1,"type":5,"primary":true}"#]);
    let segment = Segment::growing(Arc::clone(&narrow));
    segment.append(Rows::decode(&narrow, 300_000, &[], Some(0)).unwrap(), 1).unwrap();
    let before = segment.byte_size();
    let text = "x".repeat(60_000);
    let late = format!(r#"{{"id":2,"type":21,"default":"{text}"}},{{"id":3,"type":101,"dim":32768,"nullable":true}}"#);
    let wide = schema_of(&[r#"{"id":1,"type":5,"primary":true}"#, &late]);
    segment.set_schema(&wide).unwrap();
    assert!(
        segment.byte_size() - before < 1 << 20,
        "{} bytes more",
        segment.byte_size() - before
    );
    for step in 0..20i64 {
        let few = Rows::decode(&narrow, 2, &[], Some(300_000 + step)).unwrap();
        segment.append(few, 2).unwrap();
    }
    assert!(
        segment.byte_size() - before < 16 << 20,
        "{} bytes more",
        segment.byte_size() - before
    );
    let snapshot = segment.snapshot();
    let picks = [0, 299_999].map(|row| Pick {
        chunk: &snapshot.chunks[0],
        row,
    });
    let vectors = encode_field(&[], &wide.columns[2], &picks, None);
    assert!(vectors.len() < 20, "no vectors but their dim and that they are null");
    assert!(encode_field(&[], &wide.columns[1], &picks, None).len() > 120_000);
}

#[test]
fn what_rows_cannot_follow_changes_nothing() {
    let narrow = schema_of(&[NARROW]);
    let segment = Segment::growing(Arc::clone(&narrow));
    segment.append(rows(&narrow, 0..2), 1).unwrap();
    for (columns, kind) in [
        (&[NARROW, r#"{"id":3,"type":5}"#][..], "rowCount"),
        (&[r#"{"id":1,"type":5,"primary":true},{"id":2,"type":4}"#], "malformed"),
        (&[r#"{"id":1,"type":5},{"id":2,"type":5,"primary":true}"#], "malformed"),
        (&[r#"{"id":9,"type":5,"primary":true},{"id":2,"type":5}"#], "malformed"),
    ] {
        assert_eq!(segment.set_schema(&schema_of(columns)).unwrap_err().kind, kind);
        let other = schema_of(columns);
        if kind == "malformed" {
            let foreign = rows(&other, 5..6);
            assert_eq!(segment.append(foreign, 2).unwrap_err().kind, "malformed");
        }
    }
    assert_eq!((segment.row_count(), cells_of(&segment)[1].len()), (2, 2));
    segment.append(rows(&narrow, 2..3), 2).unwrap();
}

#[test]
fn rows_that_are_there_get_the_terms_of_their_texts() {
    const PLAIN: &str = r#"{"id":1,"type":5,"primary":true},{"id":2,"type":21,"nullable":true}"#;
    const ANALYZED: &str =
        r#"{"id":1,"type":5,"primary":true},{"id":2,"type":21,"nullable":true,"analyzer":""},{"id":3,"type":104,"termsOf":2}"#;
    let (plain, analyzed) = (schema_of(&[PLAIN]), schema_of(&[ANALYZED]));
    let texts = |range: std::ops::Range<i64>| {
        let keys: Vec<_> = range.clone().map(|key| Some(Cell::Integer(key))).collect();
        let text = |key: i64| (key % 3 != 0).then(|| Cell::Text(format!("word{key} and another")));
        vec![keys, range.map(text).collect()]
    };
    let (late, changed) = (Segment::growing(Arc::clone(&analyzed)), Segment::growing(Arc::clone(&plain)));
    late.append(decode_table(&analyzed, &texts(0..600), true).unwrap(), 1).unwrap();
    changed.append(decode_table(&plain, &texts(0..600), true).unwrap(), 1).unwrap();
    let scratch = Scratch::new("terms-later");
    let stored = Segment::growing(Arc::clone(&plain));
    stored.append(decode_table(&plain, &texts(0..600), true).unwrap(), 1).unwrap();
    let path = scratch.write(&all_blocks(&Sealing::start(&stored).unwrap()));
    changed.set_schema(&analyzed).unwrap();
    assert_eq!(cells_of(&changed), cells_of(&late));
    assert_eq!(
        cells_of(&Segment::open(&analyzed, path).unwrap()),
        cells_of(&late),
        "a file that was written without them"
    );
    let on_its_way = decode_table(&plain, &texts(600..601), true).unwrap();
    changed.append(on_its_way, 2).unwrap();
    late.append(decode_table(&analyzed, &texts(600..601), true).unwrap(), 2).unwrap();
    assert_eq!(cells_of(&changed), cells_of(&late));
}
