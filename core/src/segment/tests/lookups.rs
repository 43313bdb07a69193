//! Sealed segments are not searched for most keys that they do not hold.

use super::files::{Scratch, all_blocks};
use super::*;
use crate::segment::key_index::SEARCHES;
use crate::segment::{Keys, Sealing, Segment};

const ROWS: i64 = 4000;

/// A sealed segment of every other key from 0 on.
fn sealed(kind: u32) -> Segment {
    let schema = Arc::new(Schema::parse(&format!(r#"[{{"id":1,"type":{kind},"primary":true,"maxLength":64}}]"#)).unwrap());
    let growing = Segment::growing(Arc::clone(&schema));
    let cells = (0..ROWS).map(|key| {
        Some(match kind {
            5 => Cell::Integer(key * 2),
            _ => Cell::Text(format!("{:06}", key * 2)),
        })
    });
    growing
        .append(decode_table(&schema, &vec![cells.collect()], true).unwrap(), 1)
        .unwrap();
    let bytes = all_blocks(&Sealing::start(&growing).unwrap());
    Segment::open(&schema, Scratch::new(&format!("lookups-{kind}")).write(&bytes)).unwrap()
}

fn keys(kind: u32, numbers: impl Iterator<Item = i64>) -> Keys {
    match kind {
        5 => Keys::Int64(numbers.collect()),
        _ => Keys::VarChar(numbers.map(|key| format!("{key:06}")).collect()),
    }
}

/// How often the keys are searched for these, and how many rows are found.
fn searches(segment: &Segment, keys: &Keys) -> (usize, usize) {
    let before = SEARCHES.get();
    let found = segment.snapshot().lookup(keys).len();
    (SEARCHES.get() - before, found)
}

#[test]
fn absent_keys_are_told_by_fences_and_filter() {
    for kind in [5, 21] {
        let segment = sealed(kind);
        let rows = ROWS as usize;
        assert_eq!(searches(&segment, &keys(kind, (0..ROWS).map(|key| key * 2))), (rows, rows));
        let (wrong, found) = searches(&segment, &keys(kind, (0..ROWS).map(|key| key * 2 + 1)));
        assert!(found == 0 && wrong < rows / 30, "{wrong} of {rows} absent keys are searched for");
        assert_eq!(searches(&segment, &keys(kind, 2 * ROWS..3 * ROWS)), (0, 0));
    }
}
