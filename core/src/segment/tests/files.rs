//! Sealed files: they hold what the growing segment held, in the order of the keys, and tell when they are damaged.

use std::path::PathBuf;

use super::*;
use crate::segment::file::{Directory, Role, TRAILER};
use crate::segment::{Keys, Pick, Sealing, Segment};

pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        Scratch(std::env::temp_dir().join(format!("elanus-segment-{}-{name}", std::process::id())))
    }

    pub fn write(&self, bytes: &[u8]) -> &str {
        std::fs::write(&self.0, bytes).unwrap();
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn filled(random: &mut Random, schema: &Arc<Schema>, batches: usize) -> Segment {
    let segment = Segment::growing(Arc::clone(schema));
    for step in 0..batches {
        let row_count = if step == 1 { 2100 } else { random.below(40) };
        let table = random_table(random, schema, row_count);
        segment
            .append(decode_table(schema, &table, true).unwrap(), step as u64 + 1)
            .unwrap();
    }
    segment
}

pub fn all_blocks(sealing: &Sealing) -> Vec<u8> {
    (0..sealing.block_count()).flat_map(|index| sealing.block(index).unwrap()).collect()
}

/// All cells of a row, its key first, then when it was written and deleted.
fn row_cells(pick: &Pick) -> (Vec<Option<Cell>>, u64, u64) {
    let row = pick.row as usize;
    let cells = pick.chunk.columns.iter().map(|column| cell_at(column, row)).collect();
    (cells, pick.chunk.timestamps[row], pick.chunk.deletes.at(row))
}

fn rows_of(segment: &Segment) -> Vec<(Vec<Option<Cell>>, u64, u64)> {
    let snapshot = segment.snapshot();
    let rows = snapshot
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.row_count as u32).map(move |row| row_cells(&Pick { chunk, row })));
    rows.collect()
}

fn sort_key(row: &(Vec<Option<Cell>>, u64, u64)) -> String {
    format!("{row:?}")
}

#[test]
fn a_sealed_file_holds_the_rows_sorted_by_key_and_takes_over_deletes() {
    let mut random = Random::new();
    for key in [5, 21] {
        let schema = schema(key);
        let growing = filled(&mut random, &schema, 4);
        let sealing = Sealing::start(&growing).unwrap();
        assert!(Sealing::start(&growing).is_err());
        assert!(
            growing
                .append(decode_table(&schema, &random_table(&mut random, &schema, 1), true).unwrap(), 99)
                .is_err()
        );
        let scratch = Scratch::new(&format!("whole-{key}"));
        let sealed = Segment::open(&schema, scratch.write(&all_blocks(&sealing))).unwrap();
        growing.delete(&Keys::Int64((-1000..1000).collect()), 50);
        growing.delete(&Keys::VarChar(vec!["a".into(), "b".into(), String::new()]), 50);
        sealing.finish(&sealed).unwrap();
        let (mut before, mut after) = (rows_of(&growing), rows_of(&sealed));
        assert!(after.is_sorted_by(|a, b| match (&a.0[0], &b.0[0]) {
            (Some(Cell::Integer(left)), Some(Cell::Integer(right))) => (left, a.1) <= (right, b.1),
            (Some(Cell::Text(left)), Some(Cell::Text(right))) => (left, a.1) <= (right, b.1),
            _ => false,
        }));
        assert!(before.iter().any(|row| row.2 == 50));
        before.sort_by_key(sort_key);
        after.sort_by_key(sort_key);
        assert_eq!(before, after);
        check_lookups(&mut random, &growing, &sealed);
    }
}

fn check_lookups(random: &mut Random, growing: &Segment, sealed: &Segment) {
    let (left, right) = (growing.snapshot(), sealed.snapshot());
    let known = rows_of(growing);
    for _ in 0..200 {
        let keys = match &known[random.below(known.len())].0[0] {
            Some(Cell::Integer(key)) => Keys::Int64(vec![*key, key.wrapping_add(1)]),
            Some(Cell::Text(key)) => Keys::VarChar(vec![key.clone(), format!("{key}x")]),
            _ => unreachable!(),
        };
        let mut found: Vec<_> = left.lookup(&keys).iter().map(row_cells).collect();
        let mut again: Vec<_> = right.lookup(&keys).iter().map(row_cells).collect();
        assert!(!found.is_empty());
        found.sort_by_key(sort_key);
        again.sort_by_key(sort_key);
        assert_eq!(found, again);
    }
}

#[test]
fn empty_segments_and_blocks_out_of_order_make_the_same_file() {
    let mut random = Random::new();
    let schema = schema(5);
    for batches in [0, 2] {
        let segment = filled(&mut random, &schema, batches);
        let sealing = Sealing::start(&segment).unwrap();
        let last = sealing.block(sealing.block_count() - 1).unwrap();
        let backwards: Vec<Vec<u8>> = (0..sealing.block_count())
            .rev()
            .map(|index| sealing.block(index).unwrap())
            .collect();
        assert_eq!(last, backwards[0]);
        assert!(sealing.block(sealing.block_count()).is_err());
        let scratch = Scratch::new(&format!("order-{batches}"));
        let bytes: Vec<u8> = backwards.into_iter().rev().flatten().collect();
        let sealed = Segment::open(&schema, scratch.write(&bytes)).unwrap();
        assert_eq!(sealed.row_count(), segment.row_count());
        assert_eq!(bytes, all_blocks(&sealing));
    }
}

#[test]
fn columns_added_to_the_schema_are_filled_in() {
    let narrow = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":5}]"#).unwrap());
    let wide = r#"[{"id":3,"type":4,"default":6},{"id":1,"type":5,"primary":true},{"id":4,"type":21,"nullable":true}]"#;
    let wide = Arc::new(Schema::parse(wide).unwrap());
    let table = vec![vec![Some(Cell::Integer(9))], vec![Some(Cell::Integer(8))]];
    let growing = Segment::growing(Arc::clone(&narrow));
    growing.append(decode_table(&narrow, &table, true).unwrap(), 1).unwrap();
    let scratch = Scratch::new("wider");
    let path = scratch.write(&all_blocks(&Sealing::start(&growing).unwrap()));
    let rows = rows_of(&Segment::open(&wide, path).unwrap());
    assert_eq!(rows[0].0, [Some(Cell::Integer(6)), Some(Cell::Integer(9)), None]);
    let other = Arc::new(Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":4}]"#).unwrap());
    assert_eq!(Segment::open(&other, path).err().unwrap().kind, "damaged");
}

#[test]
fn damage_is_told_and_never_read() {
    let mut random = Random::new();
    for key in [5, 21] {
        let schema = schema(key);
        let growing = filled(&mut random, &schema, 1);
        let bytes = all_blocks(&Sealing::start(&growing).unwrap());
        let scratch = Scratch::new(&format!("damage-{key}"));
        let refuse = |damaged: &[u8], what: String| match Segment::open(&schema, scratch.write(damaged)) {
            // The key filter is derived: a damaged one is done without.
            Ok(healed) => assert!(healed.filter_damaged(), "{what}: opened"),
            Err(failure) => assert_eq!((failure.kind, failure.args.len()), ("damaged", 3), "{what}"),
        };
        for _ in 0..400 {
            let (at, bit) = (random.below(bytes.len()), random.below(8));
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            refuse(&flipped, format!("bit {bit} of byte {at}"));
        }
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 200).chain(bytes.len() - 40..bytes.len()) {
            refuse(&bytes[..cut], format!("cut at {cut}"));
        }
        refuse(&[&bytes[..], b"x"].concat(), "a byte more".into());
    }
    assert_eq!(Segment::open(&schema(5), "/no/such/file").err().unwrap().kind, "damaged");
}

#[test]
fn damage_names_the_file_and_the_block_of_each_part() {
    let mut random = Random::new();
    let schema = schema(21);
    let bytes = all_blocks(&Sealing::start(&filled(&mut random, &schema, 2)).unwrap());
    let trailer = bytes.len() - TRAILER;
    let start = u64::from_le_bytes(bytes[trailer..trailer + 8].try_into().unwrap()) as usize;
    let directory = Directory::decode(&bytes[start..trailer]).unwrap();
    let scratch = Scratch::new("parts");
    let mut roles = Vec::new();
    for place in directory.places.iter().filter(|place| place.length > 0) {
        let mut damaged = bytes.clone();
        damaged[place.offset as usize + random.below(place.length as usize)] ^= 16;
        let path = scratch.write(&damaged);
        let opened = Segment::open(&schema, path);
        roles.push(place.role as u32);
        if place.role == Role::Filter {
            assert!(opened.unwrap().filter_damaged());
            continue;
        }
        let failure = opened.err().unwrap();
        assert_eq!(failure.kind, "damaged");
        assert_eq!(
            failure.args,
            [path.into(), (place.offset as usize).into(), "checksum".into()],
            "{:?}",
            place.role
        );
    }
    roles.sort_unstable();
    roles.dedup();
    assert_eq!(roles, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn pages_come_and_go_by_column_and_change_nothing() {
    let mut random = Random::new();
    let schema = schema(5);
    let segment = filled(&mut random, &schema, 3);
    let sealing = Sealing::start(&segment).unwrap();
    let scratch = Scratch::new("pages");
    let sealed = Segment::open(&schema, scratch.write(&all_blocks(&sealing))).unwrap();
    let rows = rows_of(&sealed);
    let fields: Vec<u32> = schema.columns.iter().map(|column| column.id).collect();
    let each: Vec<usize> = fields.iter().map(|&field| sealed.mapped_size_of(&[field])).collect();
    assert!(each.iter().any(|&bytes| bytes > 0), "{each:?}");
    assert_eq!(each.iter().sum::<usize>(), sealed.mapped_size_of(&fields));
    assert!(sealed.mapped_size_of(&fields) < sealed.mapped_size());
    assert_eq!((segment.mapped_size_of(&fields), sealed.mapped_size_of(&[9999])), (0, 0));
    for (resident, some) in [(false, None), (true, Some(&fields[..1])), (true, None), (false, Some(&fields[..]))] {
        sealed.advise(resident, some);
        assert!(rows_of(&sealed) == rows);
    }
}
