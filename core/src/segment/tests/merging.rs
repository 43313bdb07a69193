//! Merged segments show at every moment that is still answered the rows that their sources showed, and the same key filter tells of absent keys.

use super::files::{Scratch, all_blocks};
use super::*;
use crate::segment::{Expiry, Keys, Merge, Pick, Sealing, Segment, merge};

const DROP_UP_TO: u64 = 60;

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
    delete_some(random, &sealed, 100);
    sealed
}

fn delete_some(random: &mut Random, segment: &Segment, until: usize) {
    let snapshot = segment.snapshot();
    let chunk = &snapshot.chunks[0];
    for row in 0..chunk.row_count {
        if random.one_in(3) {
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
    for round in 0..12 {
        let schema = schema(if random.one_in(2) { 5 } else { 21 });
        let count = 1 + random.below(4);
        let sources: Vec<Segment> = (0..count)
            .map(|at| sealed(&mut random, &schema, 1 + 10 * at as u64, &format!("merge-{round}-{at}")))
            .collect();
        let clustering = [None, Some(4), Some(22), Some(8), Some(7)][random.below(5)];
        let expired_up_to = if random.one_in(2) { 12 } else { 0 };
        let request = Merge {
            drop_deleted_up_to: DROP_UP_TO,
            expiry: (expired_up_to > 0).then_some(Expiry {
                written_up_to: Some(expired_up_to),
                field: None,
            }),
            target_bytes: [1 << 30, 20_000][random.below(2)],
            clustering,
        };
        let snapshots: Vec<_> = sources.iter().map(Segment::snapshot).collect();
        let merging = merge(&snapshots, &request).unwrap();
        // Deletes that come while the files are written.
        sources.iter().for_each(|source| delete_some(&mut random, source, 300));
        let outputs: Vec<Segment> = merging
            .outputs
            .iter()
            .enumerate()
            .map(|(at, sealing)| {
                let scratch = Scratch::new(&format!("merged-{round}-{at}"));
                let output = Segment::open(&schema, scratch.write(&all_blocks(sealing))).unwrap();
                sealing.finish(&output).unwrap();
                output
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

/// Outputs are consecutive ranges of the clustering column.
fn check_ranges(schema: &Schema, clustering: Option<u32>, outputs: &[Segment]) {
    let Some(at) = clustering.filter(|id| *id == 4).and_then(|id| schema.position(id)) else {
        return;
    };
    let mut highest = i64::MIN;
    for output in outputs {
        let snapshot = output.snapshot();
        let values: Vec<i64> = (0..output.row_count())
            .map(|row| match cell_at(&snapshot.chunks[0].columns[at], row) {
                Some(Cell::Integer(value)) => value,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(values.iter().all(|value| *value >= highest));
        highest = values.into_iter().max().unwrap_or(highest);
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
