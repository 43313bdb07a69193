//! A growing segment against a plain list of rows: what snapshots show, keys find and deletes mark.

use super::*;
use crate::segment::chunk::ALIVE;
use crate::segment::{Keys, Segment, SegmentSnapshot};

struct Model {
    key: i64,
    written: u64,
    deleted: u64,
}

fn small_schema(key: u32) -> Arc<Schema> {
    Arc::new(
        Schema::parse(&format!(
            r#"[{{"id":1,"type":{key},"primary":true}},{{"id":2,"type":5,"nullable":true}},{{"id":3,"type":101,"dim":2}}]"#
        ))
        .unwrap(),
    )
}

fn key_cell(key: u32, value: i64) -> Cell {
    if key == 5 {
        Cell::Integer(value)
    } else {
        Cell::Text(format!("key {value}"))
    }
}

fn batch(random: &mut Random, schema: &Arc<Schema>, kind: u32, keys: &[i64]) -> Rows {
    let table = vec![
        keys.iter().map(|key| Some(key_cell(kind, *key))).collect(),
        keys.iter()
            .map(|key| if random.one_in(5) { None } else { Some(Cell::Integer(*key)) })
            .collect(),
        keys.iter().map(|key| Some(Cell::Vector(vec![*key as f32, 1.0]))).collect(),
    ];
    decode_table(schema, &table, true).unwrap()
}

fn keys_of(kind: u32, keys: &[i64]) -> Keys {
    match kind {
        5 => Keys::Int64(keys.to_vec()),
        _ => Keys::VarChar(keys.iter().map(|key| format!("key {key}")).collect()),
    }
}

fn check(snapshot: &SegmentSnapshot, kind: u32, model: &[Model]) {
    assert_eq!(snapshot.row_count, model.len());
    let rows = snapshot
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.row_count).map(move |row| (chunk, row)));
    let mut count = 0;
    for ((chunk, row), expected) in rows.zip(model) {
        assert_eq!(cell_at(&chunk.columns[0], row), Some(key_cell(kind, expected.key)));
        assert_eq!(cell_at(&chunk.columns[2], row), Some(Cell::Vector(vec![expected.key as f32, 1.0])));
        assert_eq!((chunk.timestamps[row], chunk.deletes.at(row)), (expected.written, expected.deleted));
        assert!(chunk.timestamp_max >= expected.written);
        count += 1;
    }
    assert_eq!(count, model.len());
}

#[test]
fn appends_deletes_and_lookups_agree_with_a_list() {
    let mut random = Random::new();
    for kind in [5, 21] {
        let schema = small_schema(kind);
        let segment = Segment::growing(Arc::clone(&schema));
        let mut model: Vec<Model> = Vec::new();
        let mut held = Vec::new();
        for step in 1..120u64 {
            let count = if random.one_in(30) {
                2048 + random.below(3000)
            } else {
                random.below(60)
            };
            let keys: Vec<i64> = (0..count).map(|_| random.below(2000) as i64).collect();
            segment.append(batch(&mut random, &schema, kind, &keys), step * 10).unwrap();
            model.extend(keys.iter().map(|&key| Model {
                key,
                written: step * 10,
                deleted: ALIVE,
            }));
            if random.one_in(3) {
                let keys: Vec<i64> = (0..random.below(50)).map(|_| random.below(2500) as i64).collect();
                let timestamp = step * 10 - 5 * random.below(3) as u64;
                let dying = |row: &Model| keys.contains(&row.key) && row.written < timestamp && row.deleted == ALIVE;
                let expected = model.iter_mut().filter(|row| dying(row)).map(|row| row.deleted = timestamp).count();
                assert_eq!(segment.delete(&keys_of(kind, &keys), timestamp), expected);
            }
            if random.one_in(2) {
                held.push((segment.snapshot(), model.len()));
            }
            if random.one_in(3) {
                held.clear();
            }
        }
        let deleted = model.iter().filter(|row| row.deleted != ALIVE).count();
        assert_eq!((segment.row_count(), segment.deleted_count()), (model.len(), deleted));
        check(&segment.snapshot(), kind, &model);
        for (snapshot, row_count) in &held {
            assert_eq!(snapshot.row_count, *row_count);
            let found = snapshot.lookup(&keys_of(kind, &[7]));
            assert_eq!(found.len(), model[..*row_count].iter().filter(|row| row.key == 7).count());
        }
    }
}

#[test]
fn keys_of_another_type_find_nothing() {
    let schema = small_schema(5);
    let segment = Segment::growing(Arc::clone(&schema));
    segment.append(batch(&mut Random::new(), &schema, 5, &[1, 2, 3]), 5).unwrap();
    assert_eq!(segment.delete(&keys_of(21, &[1]), 9), 0);
    assert_eq!(segment.delete(&keys_of(5, &[1]), 5), 0, "written then, not before");
    assert_eq!(segment.delete(&keys_of(5, &[1, 1, 4]), 6), 1);
    assert!(!segment.snapshot().chunks[0].alive_at(0, 6));
    assert!(segment.snapshot().chunks[0].alive_at(0, 5));
}

#[test]
fn readers_do_not_see_later_rows_and_do_not_stop_writers() {
    let schema = small_schema(5);
    let segment = Segment::growing(Arc::clone(&schema));
    let mut random = Random::new();
    let snapshots: Vec<SegmentSnapshot> = (0..20)
        .map(|step| {
            segment.append(batch(&mut random, &schema, 5, &[step]), step as u64).unwrap();
            segment.snapshot()
        })
        .collect();
    for (at, snapshot) in snapshots.iter().enumerate() {
        assert_eq!(snapshot.chunks.iter().map(|chunk| chunk.row_count).sum::<usize>(), at + 1);
        assert_eq!(snapshot.lookup(&Keys::Int64((0..20).collect())).len(), at + 1);
    }
    assert_eq!(segment.snapshot().chunks.len(), 1, "small batches share a chunk");
}

#[test]
fn keys_are_found_however_many_there_are() {
    let schema = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true}]"#).unwrap());
    let segment = Segment::growing(Arc::clone(&schema));
    for step in 0..20u64 {
        segment
            .append(Rows::decode(&schema, 10_000, &[], Some(step as i64 * 9_000)).unwrap(), step + 1)
            .unwrap();
    }
    let snapshot = segment.snapshot();
    for key in (0..182_000).step_by(501) {
        let found = snapshot.lookup(&Keys::Int64(vec![key]));
        let expected = (0..20).filter(|step| (step * 9_000..step * 9_000 + 10_000).contains(&key)).count();
        assert_eq!(found.len(), expected, "key {key}");
        assert!(found.iter().all(|pick| pick.chunk.columns[0].integer_at(pick.row as usize) == key));
    }
}
