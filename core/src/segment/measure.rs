//! Prints what sealing, merging and lookups cost on this machine: `cargo test --release measure_segments -- --ignored --nocapture`. It judges nothing.

use std::hint::black_box;
use std::sync::Arc;

use super::column::{Column, Values};
use super::rows::Rows;
use super::schema::Schema;
use super::{Keys, Merge, Sealing, Segment, merge};
use crate::index::mix::mix;

const ROWS: usize = 500_000;
const BATCHES: usize = 50;
const DIM: usize = 128;
const TEXT_BYTES: u64 = 100;
const SEGMENTS: usize = 50;
const SEGMENT_ROWS: usize = 100_000;
const LOOKUPS: usize = 10_000;
const TIMES: usize = 20;

const VECTORS: &str = r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":101,"dim":128},{"id":3,"type":5}]"#;
const TEXTS: &str = r#"[{"id":1,"type":21,"primary":true,"maxLength":64},{"id":2,"type":21,"maxLength":400},{"id":3,"type":21,"maxLength":400},{"id":4,"type":4}]"#;
const KEYS: &str = r#"[{"id":1,"type":5,"primary":true}]"#;

fn schema(text: &str) -> Arc<Schema> {
    Arc::new(Schema::parse(text).unwrap())
}

fn texts(row_count: usize, text: impl Fn(usize) -> String) -> Values {
    let (mut bytes, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..row_count {
        bytes.extend_from_slice(text(row).as_bytes());
        offsets.push(bytes.len() as u64);
    }
    Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    }
}

/// Rows whose keys are these numbers; texts are of 0 to twice `TEXT_BYTES`.
fn rows(schema: &Arc<Schema>, keys: &[i64]) -> Rows {
    let row_count = keys.len();
    let columns = schema.columns.iter().map(|column| {
        let values = match column.kind.number() {
            5 => Values::Int64(keys.to_vec().into()),
            4 => Values::Int32(vec![7; row_count].into()),
            101 => Values::Vectors {
                dim: DIM,
                values: (0..row_count * DIM).map(|at| at as f32).collect::<Vec<_>>().into(),
            },
            _ if column.id == 1 => texts(row_count, |row| format!("{:020}", keys[row] as u64)),
            _ => texts(row_count, |row| "x".repeat((mix(keys[row] as u64) % (2 * TEXT_BYTES)) as usize)),
        };
        let (id, valid) = (column.id, None);
        Column { id, values, valid }
    });
    Rows {
        schema: Arc::clone(schema),
        row_count,
        columns: columns.collect(),
        given_keys: None,
    }
}

fn growing(schema: &Arc<Schema>, keys: &[i64]) -> Segment {
    let segment = Segment::growing(Arc::clone(schema));
    for (batch, keys) in keys.chunks(ROWS / BATCHES).enumerate() {
        segment.append(rows(schema, keys), batch as u64 + 1).unwrap();
    }
    segment
}

fn random_keys(count: usize, seed: u64) -> Vec<i64> {
    (0..count as u64).map(|row| mix(row ^ seed << 32) as i64 >> 1).collect()
}

/// Seconds that this thread has worked: others may be at work on this machine too.
fn worked() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Does all work on one thread.
fn alone(work: impl FnOnce() + Send) {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work);
}

/// All blocks of a file, and what they cost.
fn print_blocks(what: &str, sealing: &Sealing) -> Vec<u8> {
    let start = worked();
    black_box(sealing.block(0).unwrap());
    let ordered = worked() - start;
    let mut bytes = Vec::new();
    let mut work = 0.0;
    for index in 0..sealing.block_count() {
        let start = worked();
        let block = sealing.block(index).unwrap();
        work += worked() - start;
        bytes.extend_from_slice(&block);
    }
    let (megabytes, all) = (bytes.len() as f64 / 1e6, work + ordered);
    println!(
        "{what}: {megabytes:.0} MB, order {ordered:.3} s, blocks {work:.3} s; {:.0} MB/s",
        megabytes / all
    );
    bytes
}

fn opened(schema: &Arc<Schema>, bytes: &[u8]) -> Segment {
    let path = std::env::temp_dir().join(format!("elanus-measure-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let segment = Segment::open(schema, path.to_str().unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    segment
}

fn print_merge(what: &str, schema: &Arc<Schema>, sources: &[Segment]) {
    let snapshots: Vec<_> = sources.iter().map(Segment::snapshot).collect();
    let request = Merge {
        drop_deleted_up_to: 0,
        expiry: None,
        target_bytes: 1 << 40,
        clustering: None,
    };
    let start = worked();
    let merging = merge(&snapshots, &request).unwrap();
    println!("{what}: planned in {:.3} s", worked() - start);
    let output = opened(schema, &print_blocks(what, &merging.outputs[0]));
    sources[0].delete_all(1 << 40);
    let start = worked();
    merging.outputs[0].finish(&output).unwrap();
    println!("{what}: deletes taken over in {:.3} s", worked() - start);
}

#[test]
#[ignore = "prints figures, takes half a minute"]
fn measure_segments_sealing() {
    alone(sealing);
}

fn sealing() {
    for (name, columns) in [("vectors", VECTORS), ("texts", TEXTS)] {
        let schema = schema(columns);
        for order in ["random", "ascending"] {
            let keys = if order == "random" {
                random_keys(ROWS, 1)
            } else {
                (0..ROWS as i64).collect()
            };
            let sealing = Sealing::start(&growing(&schema, &keys)).unwrap();
            print_blocks(&format!("seal {name}, {order} keys"), &sealing);
            let sources: Vec<Segment> = keys
                .chunks(ROWS / 4)
                .map(|keys| {
                    let sealing = Sealing::start(&growing(&schema, keys)).unwrap();
                    let bytes: Vec<u8> = (0..sealing.block_count()).flat_map(|index| sealing.block(index).unwrap()).collect();
                    opened(&schema, &bytes)
                })
                .collect();
            print_merge(&format!("merge {name}, {order} keys"), &schema, &sources);
        }
    }
}

fn print_lookups(what: &str, segments: &[Segment], keys: &[i64]) {
    let keys = Keys::Int64(keys.to_vec());
    let find = || -> usize {
        segments
            .iter()
            .map(|segment| black_box(segment.snapshot().lookup(&keys)).len())
            .sum()
    };
    let found = find();
    let start = worked();
    for _ in 0..TIMES {
        find();
    }
    println!("{what}: {found} found in {:.2} ms", (worked() - start) * 1e3 / TIMES as f64);
}

#[test]
#[ignore = "prints figures, takes ten seconds"]
fn measure_segments_lookups() {
    alone(lookups);
}

fn lookups() {
    let schema = schema(KEYS);
    for order in ["random", "ascending"] {
        let all = match order {
            "random" => random_keys(SEGMENTS * SEGMENT_ROWS, 1),
            _ => (0..(SEGMENTS * SEGMENT_ROWS) as i64).map(|key| key * 2).collect(),
        };
        let (mut plain, mut filtered) = (Vec::new(), Vec::new());
        for keys in all.chunks(SEGMENT_ROWS) {
            let sealing = Sealing::start(&growing(&schema, keys)).unwrap();
            let bytes: Vec<u8> = (0..sealing.block_count()).flat_map(|index| sealing.block(index).unwrap()).collect();
            let segment = opened(&schema, &bytes);
            let chunk = Arc::clone(&segment.snapshot().chunks[0]);
            filtered.push(segment);
            let chunk = chunk.with_columns(chunk.columns.clone());
            plain.push(Segment::sealed(Arc::clone(&schema), chunk));
        }
        let present: Vec<i64> = (0..LOOKUPS).map(|at| all[mix(at as u64) as usize % all.len()]).collect();
        let absent: Vec<i64> = present.iter().map(|key| key ^ 1).collect();
        for (state, keys) in [("present", &present), ("absent", &absent)] {
            print_lookups(&format!("{order} keys, {state}, fences alone"), &plain, keys);
            print_lookups(&format!("{order} keys, {state}, fences and filter"), &filtered, keys);
        }
    }
}
