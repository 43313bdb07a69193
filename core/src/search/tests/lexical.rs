//! Texts in, scores of BM25 out: by what each channel holds, for rows that come one by one, are deleted and are given by updates.

use super::plain_search;
use std::sync::Arc;

use serde_json::json;

use crate::distance::Metric;
use crate::index::sparse::query::Bm25;
use crate::search::request::{Channels, SearchRequest};
use crate::search::{TextQueries, search, weigh_texts};
use crate::segment::schema::Schema;
use crate::segment::segment::Segment;
use crate::segment::wire::{put_length, put_varint};
use crate::segment::{FieldBytes, Keys, Rows, SegmentSnapshot, UpdateRequest, update_rows};

const KEY: u32 = 100;
const TEXT: u32 = 101;
const TERMS: u32 = 102;

fn schema() -> Arc<Schema> {
    let columns = json!([
        { "id": KEY, "type": 5, "primary": true },
        { "id": TEXT, "type": 21, "analyzer": "", "nullable": true },
        { "id": TERMS, "type": 104, "termsOf": TEXT },
    ]);
    Arc::new(Schema::parse(&columns.to_string()).expect("a schema"))
}

/// A FieldData of scalars: the member's number and the body of its message.
fn scalars(member: u32, body: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    put_length(&mut inner, member, body.len());
    inner.extend_from_slice(body);
    let mut out = Vec::new();
    put_length(&mut out, 3, inner.len());
    out.extend_from_slice(&inner);
    out
}

fn keys(keys: &[i64]) -> Vec<u8> {
    let mut run = Vec::new();
    keys.iter().for_each(|&key| put_varint(&mut run, key as u64));
    let mut body = Vec::new();
    put_length(&mut body, 1, run.len());
    body.extend_from_slice(&run);
    scalars(3, &body)
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for text in texts {
        put_length(&mut body, 1, text.len());
        body.extend_from_slice(text.as_bytes());
    }
    scalars(6, &body)
}

fn append(segment: &Segment, schema: &Arc<Schema>, rows: &[(i64, &str)], timestamp: u64) {
    let (ids, words): (Vec<i64>, Vec<&str>) = rows.iter().copied().unzip();
    let (ids, words) = (keys(&ids), texts(&words));
    let fields = [FieldBytes { id: KEY, data: &ids }, FieldBytes { id: TEXT, data: &words }];
    let rows = Rows::decode(schema, rows.len(), &fields, None).expect("rows");
    segment.append(rows, timestamp).expect("a growing segment");
}

fn ask(segments: &[SegmentSnapshot], weighed: &[&TextQueries], of_segments: Vec<u32>) -> Vec<(i64, f32)> {
    let bm25 = weighed.iter().map(|queries| Bm25 {
        average_length: queries.average_length,
        ..Bm25::default()
    });
    let request = SearchRequest {
        field_id: TERMS,
        metric: Metric::Bm25,
        vectors: weighed.iter().flat_map(|queries| queries.vectors.clone()).collect(),
        lengths: Some(weighed.iter().flat_map(|queries| queries.lengths.clone()).collect()),
        limit: 10,
        channels: Some(Channels {
            of_segments,
            bm25: bm25.collect(),
        }),
        read_timestamp: 100,
        ..plain_search()
    };
    let reply = search(segments, &request).expect("a reply");
    assert_eq!(reply.topks.len(), weighed[0].lengths.len());
    let Keys::Int64(ids) = Keys::decode(&reply.ids).expect("ids") else {
        panic!("integers")
    };
    let scores = reply.scores.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    ids.into_iter().zip(scores).collect()
}

fn weigh(segment: &SegmentSnapshot, text: &str) -> TextQueries {
    weigh_texts(std::slice::from_ref(segment), TERMS, &[text.as_bytes()]).expect("query vectors")
}

#[test]
fn each_channel_is_searched_by_what_it_holds() {
    let schema = schema();
    let channels = [Segment::growing(Arc::clone(&schema)), Segment::growing(Arc::clone(&schema))];
    append(&channels[0], &schema, &[(1, "kite"), (3, "wind"), (5, "wind wind")], 5);
    append(&channels[1], &schema, &[(2, "kite kite"), (4, "kite")], 5);
    let snapshots = [channels[0].snapshot(), channels[1].snapshot()];
    let weighed: Vec<TextQueries> = snapshots.iter().map(|snapshot| weigh(snapshot, "kite")).collect();
    let mut apart: Vec<(i64, f32)> = (0..2)
        .flat_map(|at| ask(std::slice::from_ref(&snapshots[at]), &[&weighed[at]], vec![0]))
        .collect();
    apart.sort_by(|left, right| right.1.total_cmp(&left.1));
    assert_eq!(ask(&snapshots, &[&weighed[0], &weighed[1]], vec![0, 1]), apart);
    // One of three rows of the first channel has the term, and it is shorter than the average of 4/3.
    let idf = (1.0f64 + 2.5 / 1.5).ln();
    let weight = 2.2 / (1.0 + 1.2 * (0.25 + 0.75 / (4.0 / 3.0)));
    let (_, score) = apart.iter().find(|(key, _)| *key == 1).expect("a hit");
    assert!((f64::from(*score) - idf * weight).abs() < 1e-6, "{score}");
}

#[test]
fn what_is_counted_follows_rows_as_they_come() {
    let schema = schema();
    let segment = Segment::growing(Arc::clone(&schema));
    append(&segment, &schema, &[(1, "kite"), (2, "")], 5);
    let before = segment.snapshot();
    assert_eq!(weigh(&before, "kite").average_length, 0.5);
    append(&segment, &schema, &[(3, "kite in the wind")], 6);
    let after = segment.snapshot();
    assert_eq!(weigh(&after, "kite").average_length, 5.0 / 3.0);
    // Deleted rows count until a compaction drops them.
    assert_eq!(segment.delete(&Keys::Int64(vec![3]), 7), 1);
    assert_eq!(weigh(&segment.snapshot(), "kite").average_length, 5.0 / 3.0);
    assert_eq!(ask(&[segment.snapshot()], &[&weigh(&after, "kite")], vec![0]).len(), 1);
    let failure = weigh_texts(&[after], TERMS, &[&[0xff]]).unwrap_err();
    assert_eq!((failure.kind, failure.field_id), ("queryNotUtf8", Some(TERMS)));
}

#[test]
fn updates_make_terms_anew_and_do_not_log_them() {
    let schema = schema();
    let segment = Segment::growing(Arc::clone(&schema));
    append(&segment, &schema, &[(1, "kite"), (2, "wind")], 5);
    let (ids, words) = (keys(&[1, 2]), texts(&["wind", "glider"]));
    let request = UpdateRequest {
        read_timestamp: 9,
        expiry: None,
        row_count: 2,
        fields: vec![FieldBytes { id: KEY, data: &ids }, FieldBytes { id: TEXT, data: &words }],
        operations: Vec::new(),
    };
    let update = update_rows(&schema, &[segment.snapshot()], &request).expect("an update");
    assert_eq!(update.fields.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [KEY, TEXT]);
    segment.delete(&Keys::Int64(vec![1, 2]), 10);
    segment.append(update.rows, 10).expect("rows");
    let snapshot = segment.snapshot();
    let found = |text: &str| ask(std::slice::from_ref(&snapshot), &[&weigh(&snapshot, text)], vec![0]);
    assert!(found("kite").is_empty());
    assert_eq!(found("wind").iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1]);
    assert_eq!(found("GLIDER").len(), 1);
}

#[test]
fn columns_of_terms_are_not_given() {
    let schema = schema();
    let ids = keys(&[1]);
    let fields = [FieldBytes { id: KEY, data: &ids }, FieldBytes { id: TERMS, data: &[] }];
    assert_eq!(Rows::decode(&schema, 1, &fields, None).unwrap_err().kind, "malformed");
    // A text that is null has no terms.
    let rows = Rows::decode(&schema, 1, &fields[..1], None).expect("rows");
    assert!(rows.columns[2].values.bytes_at(0).is_empty() && rows.columns[2].valid.is_none());
    for columns in [
        json!([{ "id": KEY, "type": 5, "primary": true }, { "id": TERMS, "type": 104, "termsOf": TEXT }]),
        json!([{ "id": KEY, "type": 5, "primary": true }, { "id": TEXT, "type": 21 }, { "id": TERMS, "type": 104, "termsOf": TEXT }]),
        json!([{ "id": KEY, "type": 5, "primary": true, "analyzer": "" }]),
    ] {
        assert_eq!(Schema::parse(&columns.to_string()).unwrap_err().kind, "malformed", "{columns}");
    }
}
