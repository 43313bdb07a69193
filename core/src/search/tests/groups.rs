//! Hits as groups agree with the model.

use super::plain_search;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::json;

use super::model::{NUMBER, Row, RowFilter, SERIAL, VECTOR, World, integers_in, vector};
use crate::distance::Metric;
use crate::filter::tests::random::{Random, seed};
use crate::search::request::{GroupBy, GroupField, Output, SearchReply, SearchRequest};
use crate::search::search;
use crate::segment::Keys;
use crate::segment::buffer::Buffer;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};
use crate::segment::schema::{ColumnType, Schema};
use crate::segment::segment::Segment;

fn field(field_id: u32) -> GroupField {
    GroupField {
        field_id,
        header: Vec::new(),
        path: Vec::new(),
        cast: None,
        strict_cast: false,
    }
}

fn request(vectors: &[Vec<f32>], by: GroupBy, limit: usize, offset: usize) -> SearchRequest {
    SearchRequest {
        field_id: VECTOR,
        metric: Metric::L2,
        vectors: vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect(),
        limit,
        offset,
        read_timestamp: u64::MAX - 1,
        outputs: vec![Output {
            field_id: SERIAL,
            header: Vec::new(),
            keys: None,
        }],
        group_by: Some(by),
        ..plain_search()
    }
}

/// The rows of each group of `NUMBER`, best first; best group first.
fn model<'a>(rows: &[&'a Row], query: &[f32]) -> Vec<(Option<i64>, Vec<&'a Row>)> {
    let score = |row: &Row| {
        let vector = row.vector.as_ref().expect("a vector");
        query
            .iter()
            .zip(vector)
            .map(|(left, right)| (left - right) * (left - right))
            .sum::<f32>()
    };
    let mut sorted: Vec<&Row> = rows.to_vec();
    sorted.sort_by(|left, right| score(left).total_cmp(&score(right)).then(left.key.cmp(&right.key)));
    let mut groups: Vec<(Option<i64>, Vec<&Row>)> = Vec::new();
    for row in sorted {
        match groups.iter_mut().find(|(number, _)| *number == row.number) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row.number, vec![row])),
        }
    }
    groups
}

#[test]
fn groups_agree_with_the_model() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut compared = 0;
    // Worlds in which keys repeat are compared less closely; there are to be enough of the others.
    for case in 0..1000 {
        if case >= 60 && compared > 500 {
            break;
        }
        let world = World::random(&mut random);
        let snapshots = world.snapshots();
        for _ in 0..4 {
            let queries: Vec<Vec<f32>> = (0..random.pick(&[1, 2, 5])).map(|_| vector(&mut random)).collect();
            let filter = RowFilter::random(&mut random);
            let (limit, offset, size) = (random.pick(&[1, 4, 30, 200]), random.pick(&[0, 0, 3]), random.pick(&[1, 2, 10]));
            let strict = random.below(2) == 0;
            let by = GroupBy {
                fields: vec![field(NUMBER)],
                size,
                strict,
            };
            let request = SearchRequest {
                filter: filter.program(&world),
                ..request(&queries, by, limit, offset)
            };
            let what = format!("seed {seed} case {case}: {request:?} {filter:?}");
            let reply = search(&snapshots, &request).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
            let visible = world.visible(request.read_timestamp, &filter);
            let rows: Vec<&Row> = visible.into_iter().filter(|row| row.vector.is_some()).collect();
            compared += check(&world, &rows, &queries, &request, &reply, &what);
        }
    }
    assert!(compared > 500, "{compared}");
}

/// Holds a reply against the model; returns the groups that were compared row by row. Where keys repeat, only what holds of any choice among their rows is.
fn check(world: &World, rows: &[&Row], queries: &[Vec<f32>], request: &SearchRequest, reply: &SearchReply, what: &str) -> usize {
    let by = request.group_by.as_ref().expect("groups");
    let unique = rows.iter().map(|row| row.key).collect::<HashSet<_>>().len() == rows.len();
    let ids = world.numbers_of(&reply.ids);
    let serials = integers_in(&reply.fields[0]);
    let by_serial: BTreeMap<i64, &Row> = rows.iter().map(|row| (row.serial, *row)).collect();
    let found: Vec<&Row> = serials.iter().map(|serial| by_serial[serial]).collect();
    assert!(found.iter().zip(&ids).all(|(row, id)| row.key == *id), "{what}");
    let numbers: Vec<Option<i64>> = found.iter().map(|row| row.number).collect();
    assert_eq!(nullable_integers_in(&reply.groups[0]), numbers, "{what}");
    let mut rest = &found[..];
    let mut compared = 0;
    for (query, &topk) in queries.iter().zip(&reply.topks) {
        let (hits, after) = rest.split_at(topk as usize);
        rest = after;
        let keys: HashSet<i64> = hits.iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), hits.len(), "{what}");
        let groups: Vec<&[&Row]> = hits.chunk_by(|left, right| left.number == right.number).collect();
        let names: HashSet<Option<i64>> = groups.iter().map(|group| group[0].number).collect();
        assert_eq!(names.len(), groups.len(), "{what}");
        assert!(
            groups.len() <= request.limit && groups.iter().all(|group| group.len() <= by.size),
            "{what}"
        );
        if !unique {
            continue;
        }
        let expected = model(rows, query);
        let expected = expected.iter().skip(request.offset).take(request.limit);
        assert_eq!(groups.len(), expected.len(), "{what}");
        for (group, (number, best)) in groups.iter().zip(expected) {
            let most = best.len().min(by.size);
            assert_eq!(group[0].number, *number, "{what}");
            assert!(group.iter().zip(best).all(|(left, right)| left.serial == right.serial), "{what}");
            assert!(!by.strict || group.len() == most, "{what}");
            compared += 1;
        }
    }
    assert!(rest.is_empty(), "{what}");
    compared
}

/// The numbers of a FieldData of Int64 without a header, which may have `valid_data`.
fn nullable_integers_in(field: &[u8]) -> Vec<Option<i64>> {
    for count in 0..=field.len() {
        let (values, flags) = field.split_at(field.len() - count);
        let mut tail = vec![0x3A];
        let mut length = count;
        while length >= 0x80 {
            tail.push(length as u8 | 0x80);
            length >>= 7;
        }
        tail.push(length as u8);
        if flags.iter().all(|&flag| flag < 2) && values.ends_with(&tail) && count > 0 {
            let numbers = integers_in(&values[..values.len() - tail.len()]);
            if numbers.len() == count {
                let valid = numbers.iter().zip(flags).map(|(&number, &flag)| (flag == 1).then_some(number));
                return valid.collect();
            }
        }
    }
    integers_in(field).into_iter().map(Some).collect()
}

fn documents(texts: &[&str]) -> Segment {
    let schema = json!([
        { "id": 100, "type": 5, "primary": true },
        { "id": SERIAL, "type": 5 },
        { "id": VECTOR, "type": 101, "dim": 2 },
        { "id": 110, "type": 23 },
    ]);
    let column = |id, values| Column { id, values, valid: None };
    let keys = || Values::Int64(Buffer::Owned((0..texts.len() as i64).collect()));
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        offsets.push(bytes.len() as u64);
    }
    let columns = vec![
        column(100, keys()),
        column(SERIAL, keys()),
        column(
            VECTOR,
            Values::Vectors {
                dim: 2,
                values: Buffer::Owned((0..texts.len()).flat_map(|row| [row as f32, 0.0]).collect()),
            },
        ),
        column(
            110,
            Values::Bytes {
                offsets: Buffer::Owned(offsets),
                bytes: Buffer::Owned(bytes),
            },
        ),
    ];
    let chunk = Chunk::of(columns, Buffer::Owned(vec![5; texts.len()]));
    Segment::sealed(Arc::new(Schema::parse(&schema.to_string()).expect("a schema")), chunk)
}

/// The groups of documents by a value in them, as row numbers, which are the distances' order too.
fn grouped(segment: &Segment, field: GroupField) -> Result<Vec<i64>, crate::failure::Failure> {
    let by = GroupBy {
        fields: vec![field],
        size: 2,
        strict: true,
    };
    let reply = search(&[segment.snapshot()], &request(&[vec![0.0, 0.0]], by, 3, 0))?;
    let Keys::Int64(ids) = Keys::decode(&reply.ids).expect("ids") else {
        panic!("integers")
    };
    Ok(ids)
}

#[test]
fn documents_are_grouped_by_a_value_in_them() {
    let segment = documents(&[
        r#"{"a": {"b": 1}}"#,
        r#"{"a":{"b":"1"}}"#,
        r#"{"a": {"b":  1 }, "c": 2}"#,
        r#"{"c": true}"#,
        r#"[]"#,
        r#"{"a": {"b": 2}}"#,
        r#"{"a": {"b": "1"}}"#,
    ]);
    let at = |path: &[&str], cast, strict_cast| GroupField {
        path: path.iter().map(|key| (*key).to_owned()).collect(),
        cast,
        strict_cast,
        ..field(110)
    };
    // As text: 1, "1", nothing.
    assert_eq!(grouped(&segment, at(&["a", "b"], None, false)), Ok(vec![0, 2, 1, 6, 3, 4]));
    // As integers texts are nothing.
    assert_eq!(
        grouped(&segment, at(&["a", "b"], Some(ColumnType::Int64), false)),
        Ok(vec![0, 2, 1, 3, 5])
    );
    assert_eq!(
        grouped(&segment, at(&["a", "b"], Some(ColumnType::VarChar), false)),
        Ok(vec![0, 2, 1, 6])
    );
    // Whole documents, whatever the space in them.
    assert_eq!(grouped(&segment, at(&[], None, false)), Ok(vec![0, 1, 6, 2]));
    let refused = grouped(&segment, at(&["a", "b"], Some(ColumnType::Int64), true));
    assert_eq!(refused.map_err(|failure| failure.kind), Err("execution"));
}

#[test]
fn what_cannot_be_grouped_by_is_refused() {
    let segment = documents(&["{}"]);
    for id in [VECTOR, 999] {
        assert_eq!(grouped(&segment, field(id)).map_err(|failure| failure.kind), Err("malformed"));
    }
}
