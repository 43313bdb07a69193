//! Merged segments show at every moment that is still answered the rows that their sources showed, and the same key filter tells of absent keys.

use std::collections::HashSet;

use rayon::prelude::*;

use super::files::{Scratch, all_blocks};
use super::*;
use crate::segment::{Expiry, Keys, Merge, Pick, Sealing, Segment, merge};

const DROP_UP_TO: u64 = 60;
const TARGET_BYTES: u64 = 20_000;

/// A sealed segment of random rows, written at `written` and later, some of them deleted at random times.
fn sealed(random: &mut Random, schema: &Arc<Schema>, written: u64, name: &str) -> Segment {
    let growing = Segment::growing(Arc::clone(schema));
    for step in 0..3 {
        let row_count = 1 + random.below(60);
        let table = random_table(random, schema, row_count);
        growing.append(decode_table(schema, &table, true).unwrap(), written + step).unwrap();
    }
    let sealing = Sealing::start(&growing).unwrap();
    let scratch = Scratch::new(name);
    let sealed = Segment::open(schema, scratch.write(&all_blocks(&sealing))).unwrap();
    sealing.finish(&sealed).unwrap();
    let rarely = if random.one_in(2) { 3 } else { 200 };
    delete_some(random, &sealed, rarely, 100);
    sealed
}

fn delete_some(random: &mut Random, segment: &Segment, rarely: usize, until: usize) {
    let snapshot = segment.snapshot();
    let chunk = &snapshot.chunks[0];
    for row in 0..chunk.row_count {
        if random.one_in(rarely) {
            let time = chunk.timestamps[row] + 1 + random.below(until) as u64;
            chunk.deletes.mark(row, chunk.row_count, time);
        }
    }
}

type Row = (Vec<Option<Cell>>, u64);

fn seen_at(segments: &[Segment], time: u64, expired_up_to: u64) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for segment in segments {
        for chunk in &segment.snapshot().chunks {
            for row in (0..chunk.row_count).filter(|&row| chunk.alive_at(row, time) && chunk.timestamps[row] > expired_up_to) {
                let cells = chunk.columns.iter().map(|column| cell_at(column, row)).collect();
                let row: Row = (cells, chunk.timestamps[row]);
                rows.push(format!("{row:?}"));
            }
        }
    }
    rows.sort();
    rows
}

#[test]
fn merging_changes_nothing_that_is_still_seen() {
    let mut random = Random::new();
    for round in 0..20 {
        let schema = schema(if random.one_in(2) { 5 } else { 21 });
        let count = 1 + random.below(4);
        let sources: Vec<Segment> = (0..count)
            .map(|at| sealed(&mut random, &schema, 1 + 10 * at as u64, &format!("merge-{round}-{at}")))
            .collect();
        let clustering = [None, Some(4), Some(22), Some(8), Some(28), Some(7)][random.below(6)];
        let expired_up_to = if random.one_in(2) { 12 } else { 0 };
        let request = Merge {
            drop_deleted_up_to: DROP_UP_TO,
            expiry: (expired_up_to > 0).then_some(Expiry {
                written_up_to: Some(expired_up_to),
                field: None,
            }),
            target_bytes: [1 << 30, TARGET_BYTES][random.below(2)],
            clustering,
        };
        let snapshots: Vec<_> = sources.iter().map(Segment::snapshot).collect();
        let merging = merge(&snapshots, &request).unwrap();
        // Deletes that come while the files are written.
        let rarely = if random.one_in(2) { 3 } else { 200 };
        sources.iter().for_each(|source| delete_some(&mut random, source, rarely, 300));
        let outputs: Vec<Segment> = merging
            .outputs
            .into_iter()
            .enumerate()
            .map(|(at, sealing)| {
                written(
                    &schema,
                    sealing.in_blocks_of(64 + random.next() % 4000),
                    &format!("merged-{round}-{at}"),
                )
            })
            .collect();
        for time in [DROP_UP_TO, 61, 75, 90, 120, 200, u64::MAX - 1] {
            assert_eq!(
                seen_at(&outputs, time, expired_up_to),
                seen_at(&sources, time, expired_up_to),
                "at {time}"
            );
        }
        let rows = |segments: &[Segment]| segments.iter().map(Segment::row_count).sum::<usize>();
        assert_eq!(rows(&outputs) + merging.dropped_rows, rows(&sources));
        check_ranges(&schema, clustering, &outputs);
    }
}

/// The sealed segment of all blocks, which are made side by side.
fn written(schema: &Arc<Schema>, sealing: Sealing, name: &str) -> Segment {
    let bytes: Vec<Vec<u8>> = (0..sealing.block_count())
        .into_par_iter()
        .map(|index| sealing.block(index).unwrap())
        .collect();
    assert!(bytes.concat() == all_blocks(&sealing), "{name}: blocks differ from time to time");
    let output = Segment::open(schema, Scratch::new(name).write(&bytes.concat())).unwrap();
    sealing.finish(&output).unwrap();
    output
}

/// A cell that compares as a clustering column does: null first.
fn rank(cell: Option<Cell>) -> (u8, i64, f64, Vec<u8>) {
    match cell {
        None => (0, 0, 0.0, Vec::new()),
        Some(Cell::Integer(value)) => (1, value, 0.0, Vec::new()),
        Some(Cell::Float(value)) => (1, 0, value, Vec::new()),
        Some(cell) => (1, 0, 0.0, cell.bytes().to_vec()),
    }
}

/// Outputs are consecutive ranges of the clustering column or the key, with about as many rows each, and within one the rows are in the order of their keys.
/// Rows with one key and time of writing are in one output, where the last of them counts.
fn check_ranges(schema: &Schema, clustering: Option<u32>, outputs: &[Segment]) {
    let at = clustering.map_or(schema.primary, |id| schema.position(id).unwrap());
    let mut highest = None;
    let mut seen = HashSet::new();
    let mut most_twins = 1;
    for output in outputs {
        let snapshot = output.snapshot();
        let chunk = &snapshot.chunks[0];
        let ranks = |at: usize| (0..output.row_count()).map(move |row| rank(cell_at(&chunk.columns[at], row)));
        let identity = |row: usize| format!("{:?}", (cell_at(&chunk.columns[schema.primary], row), chunk.timestamps[row]));
        let rows: Vec<usize> = (0..output.row_count()).collect();
        let twins: Vec<&[usize]> = rows.chunk_by(|one, other| identity(*one) == identity(*other)).collect();
        for twins in &twins {
            assert!(seen.insert(identity(twins[0])), "rows of one request are in two outputs");
            most_twins = most_twins.max(twins.len());
        }
        let lasts = twins.iter().map(|twins| twins[twins.len() - 1]);
        let mut values: Vec<_> = lasts.map(|row| rank(cell_at(&chunk.columns[at], row))).collect();
        values.sort_by(|one, other| one.partial_cmp(other).unwrap());
        assert!(highest.is_none_or(|highest| highest <= values[0]));
        highest = values.pop();
        assert!(ranks(schema.primary).is_sorted());
    }
    // Each end of an output moves by less than the most rows that belong together.
    let counts = outputs.iter().map(Segment::row_count);
    assert!(counts.clone().max().unwrap_or(0) - counts.min().unwrap_or(0) < 2 * most_twins);
}

#[test]
fn outputs_are_as_many_as_their_bytes_need() {
    let mut random = Random::new();
    let schema =
        Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":5},{"id":3,"type":21,"maxLength":99}]"#).unwrap());
    let sources: Vec<Segment> = (0..4).map(|at| sealed(&mut random, &schema, 1, &format!("bytes-{at}"))).collect();
    let snapshots: Vec<_> = sources.iter().map(Segment::snapshot).collect();
    let of = |target_bytes: u64| {
        let request = Merge {
            drop_deleted_up_to: 0,
            expiry: None,
            target_bytes,
            clustering: None,
        };
        merge(&snapshots, &request).unwrap().outputs
    };
    let whole = all_blocks(&of(1 << 30)[0]).len() as u64;
    // One file of all has room in the bytes of the sources, so it is not divided.
    assert_eq!(of(sources.iter().map(Segment::mapped_size).sum::<usize>() as u64).len(), 1);
    assert_eq!(of(whole / 2).len(), 2);
    for sealing in of(whole / 3) {
        let bytes = all_blocks(&sealing).len() as u64;
        assert!(bytes < whole / 2, "{bytes} of {whole}");
    }
    let rows = sources.iter().map(Segment::row_count).sum::<usize>();
    assert!((rows / 2..=rows).contains(&of(1).len()));
}

#[test]
fn rows_that_one_request_wrote_under_one_key_stay_in_their_order() {
    let kinds = [(5, Cell::Integer(7)), (21, Cell::Text("seven".into()))];
    for (kind, key) in kinds {
        let text = format!(r#"[{{"id":1,"type":{kind},"primary":true,"maxLength":9}},{{"id":2,"type":5}}]"#);
        let schema = Arc::new(Schema::parse(&text).unwrap());
        let growing = Segment::growing(Arc::clone(&schema));
        let values = [5, 9, 1, 8, 3];
        let column = |value: i64| Some(Cell::Integer(value));
        let table = vec![vec![Some(key); values.len()], values.map(column).to_vec()];
        growing.append(decode_table(&schema, &table, true).unwrap(), 1).unwrap();
        let mut segments = vec![written(&schema, Sealing::start(&growing).unwrap(), "twins")];
        for (round, clustering) in [Some(2), None, Some(2)].into_iter().enumerate() {
            let request = Merge {
                drop_deleted_up_to: 0,
                expiry: None,
                target_bytes: 1,
                clustering,
            };
            let snapshots: Vec<_> = segments.iter().map(Segment::snapshot).collect();
            let outputs = merge(&snapshots, &request).unwrap().outputs.into_iter().enumerate();
            segments = outputs
                .map(|(at, sealing)| written(&schema, sealing, &format!("twins-{round}-{at}")))
                .collect();
            let rows: Vec<i64> = segments
                .iter()
                .flat_map(|segment| match &segment.snapshot().chunks[0].columns[1].values {
                    Values::Int64(values) => values.to_vec(),
                    _ => unreachable!(),
                })
                .collect();
            assert_eq!((segments.len(), rows), (1, values.to_vec()));
        }
    }
}

#[test]
fn rows_past_their_time_are_left_out_and_nulls_stay() {
    let mut random = Random::new();
    let schema = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":26,"nullable":true}]"#).unwrap());
    let keys = (0..90).map(|key| Some(Cell::Integer(key))).collect();
    let times = (0..90).map(|key| (key % 3 > 0).then_some(Cell::Integer(key))).collect();
    let growing = Segment::growing(Arc::clone(&schema));
    growing.append(decode_table(&schema, &vec![keys, times], true).unwrap(), 5).unwrap();
    let source = written(&schema, Sealing::start(&growing).unwrap(), "times");
    let request = |written_up_to: u64, now: i64| Merge {
        drop_deleted_up_to: 0,
        expiry: Some(Expiry {
            written_up_to: Some(written_up_to),
            field: Some((2, now)),
        }),
        target_bytes: 1 << 30,
        clustering: [None, Some(2)][random.below(2)],
    };
    let mut request = request;
    let merging = merge(&[source.snapshot()], &request(4, 49)).unwrap();
    assert_eq!(merging.dropped_rows, (0..90).filter(|key| key % 3 > 0 && *key <= 49).count());
    let output = written(&schema, merging.outputs.into_iter().next().unwrap(), "times-left");
    let left: Vec<i64> = match &output.snapshot().chunks[0].columns[0].values {
        Values::Int64(keys) => keys.to_vec(),
        _ => unreachable!(),
    };
    assert_eq!(left, (0..90).filter(|key| key % 3 == 0 || *key > 49).collect::<Vec<i64>>());
    let nothing = merge(&[source.snapshot()], &request(5, 0)).unwrap();
    assert_eq!((nothing.outputs.len(), nothing.dropped_rows), (0, 90));
    let mut other = request(5, 0);
    other.expiry = Some(Expiry {
        written_up_to: None,
        field: Some((1, 0)),
    });
    assert!(merge(&[source.snapshot()], &other).is_err());
}

#[test]
fn columns_that_sources_got_later_are_merged_too() {
    let mut random = Random::new();
    let narrow = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true}]"#).unwrap());
    let columns = r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":21,"maxLength":99,"default":"later","nullable":true},{"id":3,"type":4,"nullable":true}]"#;
    let wide = Arc::new(Schema::parse(columns).unwrap());
    let (old, new) = (sealed(&mut random, &narrow, 1, "old"), sealed(&mut random, &wide, 1, "new"));
    let request = Merge {
        drop_deleted_up_to: 0,
        expiry: None,
        target_bytes: 1 << 30,
        clustering: None,
    };
    assert!(merge(&[old.snapshot(), new.snapshot()], &request).is_err());
    old.set_schema(&wide).unwrap();
    let sources = [old, new];
    let merging = merge(&[sources[0].snapshot(), sources[1].snapshot()], &request).unwrap();
    let output = written(&wide, merging.outputs.into_iter().next().unwrap(), "later");
    for time in [0, 5, 50, u64::MAX - 1] {
        assert_eq!(seen_at(std::slice::from_ref(&output), time, 0), seen_at(&sources, time, 0));
    }
}

#[test]
fn growing_segments_and_other_schemas_are_not_merged() {
    let mut random = Random::new();
    let (one, other) = (schema(5), schema(21));
    let request = Merge {
        drop_deleted_up_to: 0,
        expiry: None,
        target_bytes: 1,
        clustering: None,
    };
    let growing = Segment::growing(Arc::clone(&one)).snapshot();
    assert!(merge(&[growing], &request).is_err());
    let sources = [sealed(&mut random, &one, 1, "kind-a"), sealed(&mut random, &other, 1, "kind-b")];
    assert!(merge(&[sources[0].snapshot(), sources[1].snapshot()], &request).is_err());
    assert!(merge(&[], &request).is_err());
}

#[test]
fn a_damaged_key_filter_is_done_without_and_told() {
    let mut random = Random::new();
    let schema = schema(5);
    let growing = Segment::growing(Arc::clone(&schema));
    let table = random_table(&mut random, &schema, 500);
    growing.append(decode_table(&schema, &table, true).unwrap(), 1).unwrap();
    let sealing = Sealing::start(&growing).unwrap();
    let mut bytes = all_blocks(&sealing);
    let scratch = Scratch::new("filter");
    let whole = Segment::open(&schema, scratch.write(&bytes)).unwrap();
    assert!(!whole.filter_damaged());
    // The filter is the last part before the directory, whose block ends where that begins.
    let trailer = bytes.len() - 32;
    let directory = u64::from_le_bytes(bytes[trailer..trailer + 8].try_into().unwrap()) as usize;
    bytes[directory - 64] ^= 4;
    let other = Scratch::new("filter-damaged");
    let healed = Segment::open(&schema, other.write(&bytes)).unwrap();
    assert!(healed.filter_damaged());
    let keys = Keys::Int64(match &growing.snapshot().chunks[0].columns[schema.primary].values {
        Values::Int64(values) => values.to_vec(),
        _ => unreachable!(),
    });
    let found = |segment: &Segment| {
        segment
            .snapshot()
            .lookup(&keys)
            .iter()
            .map(|pick: &Pick| pick.row)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&healed), found(&whole));
}
