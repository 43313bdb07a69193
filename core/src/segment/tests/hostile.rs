//! Bytes that nobody's client makes: no panic, no huge allocation, only failures.

use super::*;
use crate::segment::{Keys, Segment};

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1));
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), random.next() as u8),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
}

/// What was read must be whole, or be a failure that has words.
fn try_column(column: &ColumnSchema, row_count: usize, bytes: &[u8]) {
    match crate::segment::decode::decode_column(column, row_count, bytes) {
        Ok(column) => {
            assert_eq!(column.values.row_count(), row_count);
            (0..row_count).for_each(|row| {
                cell_at(&column, row);
            });
        }
        Err(failure) => assert!(failure.to_json().starts_with(r#"{"kind":""#)),
    }
}

#[test]
fn mutated_and_random_bytes_never_panic() {
    let mut random = Random::new();
    let schema = schema(21);
    for round in 0..300 {
        let row_count = random.below(6);
        let table = random_table(&mut random, &schema, row_count);
        for (column, cells) in schema.columns.iter().zip(&table) {
            let mut bytes = field_data(column, cells, random.one_in(2));
            mutate(&mut random, &mut bytes);
            try_column(column, row_count, &bytes);
            if round % 10 == 0 {
                let noise: Vec<u8> = (0..random.below(60)).map(|_| random.next() as u8).collect();
                try_column(column, row_count, &noise);
                let _ = Keys::decode(&noise);
            }
        }
        let mut ids = Keys::VarChar((0..3).map(|_| random.text(4)).collect()).encode();
        mutate(&mut random, &mut ids);
        let _ = Keys::decode(&ids);
    }
}

#[test]
fn a_small_message_cannot_ask_for_much_memory() {
    let schema = Schema::parse(r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":101,"dim":32768,"nullable":true}]"#).unwrap();
    let mut bytes = Vec::new();
    put_length(&mut bytes, 7, 1 << 20);
    bytes.resize(bytes.len() + (1 << 20), 0);
    let failure = crate::segment::decode::decode_column(&schema.columns[1], 1 << 20, &bytes).unwrap_err();
    assert_eq!(failure.kind, "malformed");
}

#[test]
fn damaged_delete_sets_are_refused() {
    let mut random = Random::new();
    let schema = schema(5);
    let table = random_table(&mut random, &schema, 20);
    let segment = || {
        let segment = Segment::growing(Arc::clone(&schema));
        segment.append(decode_table(&schema, &table, true).unwrap(), 10).unwrap();
        segment
    };
    let whole = segment();
    whole.delete_all(11);
    let bytes = whole.encode_deletes();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << random.below(8);
        let other = segment();
        assert_eq!(other.apply_deletes(&flipped, u64::MAX).unwrap_err().kind, "damaged");
        assert_eq!(other.apply_deletes(&bytes[..at], u64::MAX).unwrap_err().kind, "damaged");
        assert_eq!(other.deleted_count(), 0);
    }
    let other = segment();
    other.apply_deletes(&bytes, u64::MAX).unwrap();
    assert_eq!((other.deleted_count(), other.encode_deletes()), (20, bytes));
}
