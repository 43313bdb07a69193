//! Rows shared out by a partition key keep all their cells and their order.

use super::*;
use crate::segment::Keys;

#[test]
fn each_row_falls_in_one_part_and_equal_keys_in_the_same() {
    let mut random = Random::new();
    for (field, key) in [(5, 5), (8, 21), (38, 5), (100, 21)] {
        let schema = schema(key);
        let at = schema.position(field).unwrap();
        for (row_count, partition_count) in [(0, 3), (1, 16), (60, 1), (200, 7)] {
            let mut table = random_table(&mut random, &schema, row_count);
            let few: Vec<_> = (0..20).map(|_| Some(random_cell(&mut random, &schema.columns[at]))).collect();
            table[at].iter_mut().for_each(|cell| *cell = few[random.below(20)].clone());
            table[at] = if field == 38 { vec![None; row_count] } else { table[at].clone() };
            let serials: Vec<_> = (0..row_count as i64).map(|row| Some(Cell::Integer(row))).collect();
            let serial = schema.position(4).unwrap();
            table[serial] = serials;
            let rows = decode_table(&schema, &table, true).unwrap();
            let parts = rows.split(field, partition_count).unwrap();
            assert_eq!(parts.len(), partition_count as usize);
            let (mut seen, mut homes) = (0, std::collections::HashMap::new());
            for (home, part) in parts.iter().enumerate() {
                let Some(part) = part else { continue };
                let mut before = None;
                assert!(part.row_count > 0);
                for row in 0..part.row_count {
                    let cell = |at: usize| cell_at(&part.columns[at], row);
                    let Some(Cell::Integer(serial)) = cell(serial) else {
                        panic!("no serial")
                    };
                    assert!(before.replace(serial).is_none_or(|before| before < serial), "order");
                    for (at, column) in schema.columns.iter().enumerate() {
                        assert_eq!(cell(at), stored(column, &table[at][serial as usize]), "column {}", column.id);
                    }
                    assert_eq!(*homes.entry(format!("{:?}", cell(at))).or_insert(home), home);
                    seen += 1;
                }
            }
            assert_eq!(seen, row_count);
        }
    }
}

#[test]
fn parts_keep_their_given_keys_and_other_columns_are_refused() {
    let schema = Arc::new(
        Schema::parse(
            r#"[{"id":1,"type":5,"primary":true},{"id":2,"type":5},{"id":3,"type":4,"nullable":true},
        {"id":4,"type":21,"default":"same"}]"#,
        )
        .unwrap(),
    );
    let numbers: Vec<_> = (0..40).map(|number| Some(Cell::Integer(number))).collect();
    let data = field_data(&schema.columns[0], &numbers, true);
    let rows = || {
        let fields = [FieldBytes { id: 1, data: &data }, FieldBytes { id: 2, data: &data }];
        Rows::decode(&schema, 40, &fields, Some(1000)).unwrap()
    };
    let parts = rows().split(2, 4).unwrap();
    assert!(parts.iter().flatten().count() > 1);
    for part in parts.iter().flatten() {
        let (Ok(Keys::Int64(made)), Ok(Keys::Int64(given))) = (Keys::decode(&part.ids()), Keys::decode(&part.given_ids())) else {
            panic!("no keys")
        };
        assert_eq!(made, given.iter().map(|key| key + 1000).collect::<Vec<_>>());
    }
    let parts = rows().split(4, 4).unwrap();
    assert_eq!(
        parts.iter().flatten().map(|part| part.row_count).collect::<Vec<_>>(),
        [40],
        "one key, one part"
    );
    for (field, count) in [(3, 4), (9, 4), (2, 0)] {
        assert_eq!(rows().split(field, count).unwrap_err().kind, "malformed");
    }
}
