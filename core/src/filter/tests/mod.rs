//! Filters against a row-at-a-time interpreter that is written from the rules, not from the executor.

mod arrays;
pub(crate) mod encode;
mod generate;
mod oracle;
pub(crate) mod random;

use super::Filter;
use super::program::{Comparison, Node, Operand, Program, Source, Step, Value};
use crate::segment::schema::Schema;
use encode::encode;
use random::Random;

fn matching(filter: &Filter, chunk: &crate::segment::chunk::Chunk, wanted: &[u64]) -> Vec<usize> {
    let mut rows = wanted.to_vec();
    filter.retain(chunk, 0, &mut rows);
    let found: Vec<usize> = (0..chunk.row_count).filter(|row| rows[row / 64] >> (row % 64) & 1 != 0).collect();
    let mut few = (0..chunk.row_count as u32)
        .filter(|row| wanted[*row as usize / 64] >> (row % 64) & 1 != 0)
        .collect();
    filter.retain_rows(chunk, &mut few);
    assert!(
        few.iter().map(|&row| row as usize).eq(found.iter().copied()),
        "both ways of asking agree"
    );
    found
}

fn all_rows(count: usize) -> Vec<u64> {
    (0..count.div_ceil(64))
        .map(|word| {
            if count >= word * 64 + 64 {
                u64::MAX
            } else {
                (1 << (count % 64)) - 1
            }
        })
        .collect()
}

#[test]
fn agrees_with_the_interpreter_on_random_programs_and_rows() {
    let seed = random::seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let schema = generate::schema();
    let mut matched = 0;
    for case in 0..400 {
        let count = [1, 63, 64, 65, 300, 1024, 1025, 2500][random.below(8)];
        let chunk = generate::chunk(&mut random, count);
        for _ in 0..10 {
            let nodes = generate::program(&mut random, 3);
            let bytes = encode(&nodes);
            let program = Program::parse(&bytes).unwrap_or_else(|failure| panic!("seed {seed} case {case}: {failure:?} {nodes:?}"));
            assert_eq!(program.nodes, nodes, "seed {seed} case {case}");
            let filter = Filter::parse(&bytes, &schema).unwrap_or_else(|failure| panic!("seed {seed} case {case}: {failure:?} {nodes:?}"));
            let mut wanted = all_rows(count);
            if random.below(2) == 0 {
                wanted.iter_mut().for_each(|word| *word &= random.next() | random.next());
            }
            let expected: Vec<usize> = (0..count)
                .filter(|row| wanted[row / 64] >> (row % 64) & 1 != 0 && oracle::evaluate(&nodes, &schema, &chunk, *row) == Some(true))
                .collect();
            assert_eq!(matching(&filter, &chunk, &wanted), expected, "seed {seed} case {case}: {nodes:?}");
            matched += expected.len();
        }
    }
    assert!(matched > 10_000, "the cases test something: {matched}");
}

#[test]
fn broken_bytes_are_malformed_and_never_panic() {
    let seed = random::seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let schema = generate::schema();
    let chunk = generate::chunk(&mut random, 100);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = encode(&generate::program(&mut random, 2));
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len())),
            1 => bytes.push(random.next() as u8),
            _ => {
                for _ in 0..=random.below(3) {
                    let at = random.below(bytes.len());
                    bytes[at] = if random.below(2) == 0 {
                        random.next() as u8
                    } else {
                        random.below(0x2a) as u8
                    };
                }
            }
        }
        match Filter::parse(&bytes, &schema) {
            Ok(filter) => drop(matching(&filter, &chunk, &all_rows(100))),
            Err(failure) => {
                assert!(matches!(failure.kind, "malformed" | "execution"), "seed {seed}: {failure:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5_000, "{refused}");
}

#[test]
fn ten_thousand_nested_nodes_run_on_a_small_stack() {
    let schema = generate::schema();
    let chunk = generate::chunk(&mut Random::new(1), 3000);
    let nested = |opcode: &[u8], depth: usize, leaf: &[u8]| [&[2u8][..], &opcode.repeat(depth), leaf].concat();
    let work = move || {
        let and = [0x10, 1, 0, 0, 0];
        let or = [0x11, 1, 0, 0, 0];
        for (opcode, depth, expected) in [
            (&[0x12][..], 10_000, 3000),
            (&[0x12], 9_999, 0),
            (&and, 10_000, 3000),
            (&or, 10_000, 3000),
        ] {
            let filter = Filter::parse(&nested(opcode, depth, &[0x01]), &schema).expect("within the depth");
            assert_eq!(matching(&filter, &chunk, &all_rows(3000)).len(), expected);
        }
        for opcode in [&[0x12][..], &and, &or] {
            assert_eq!(
                Program::parse(&nested(opcode, 20_000, &[0x01])).expect_err("too deep").kind,
                "malformed"
            );
            assert_eq!(Program::parse(&nested(opcode, 5_000, &[])).expect_err("no leaf").kind, "malformed");
        }
    };
    std::thread::Builder::new()
        .stack_size(128 * 1024)
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no panic");
}

#[test]
fn counts_beyond_the_bytes_take_no_memory() {
    for bytes in [
        &[2, 0x10, 255, 255, 255, 255, 1][..],
        &[2, 0x23, 1, 0, 0, 0, 0, 0, 255, 255, 255, 255],
        &[2, 0x24, 1, 0, 0, 0, 0, 0, 255, 255, 255, 255],
        &[2, 0x27, 1, 1, 0, 0, 0, 0, 0, 255, 255, 255, 255],
        &[2, 0x20, 1, 4, 0, 0, 0, 0, 255, 255, 255, 255],
    ] {
        assert_eq!(Program::parse(bytes).expect_err("counts too much").kind, "malformed");
    }
}

fn compare(field: u32, comparison: Comparison, value: Value) -> Vec<u8> {
    encode(&[Node::Compare {
        comparison,
        operand: Operand::column(field),
        value,
    }])
}

fn keys_schema() -> Schema {
    generate::schema()
}

#[test]
fn what_does_not_fit_the_schema_is_malformed() {
    let schema = keys_schema();
    for (field, value) in [
        (generate::BOOL, Value::Int(1)),
        (generate::INT64, Value::Text("1".into())),
        (generate::VARCHAR, Value::Int(1)),
        (generate::DOUBLE, Value::Bool(true)),
        (999, Value::Int(1)),
    ] {
        let failure = Filter::parse(&compare(field, Comparison::Equal, value), &schema).expect_err("does not fit");
        assert_eq!((failure.kind, failure.field_id), ("malformed", Some(field)));
    }
}

#[test]
fn what_arrays_do_not_have_is_malformed() {
    let schema = keys_schema();
    let of = |field, source| Operand {
        source,
        ..Operand::column(field)
    };
    let contains = |operand, value| Node::Contains {
        all: true,
        operand,
        values: vec![value],
    };
    let (integers, texts) = (arrays::IDS[2], arrays::IDS[5]);
    for node in [
        contains(Operand::column(generate::INT64), Value::Int(1)),
        contains(Operand::column(integers), Value::Text("1".into())),
        contains(Operand::column(texts), Value::Int(1)),
        contains(of(integers, Source::Element(0)), Value::Int(1)),
        contains(of(integers, Source::Path(vec![Step::Index(0)])), Value::Int(1)),
        Node::IsNull(of(integers, Source::Element(0))),
        Node::Exists(of(generate::JSON, Source::Length(vec![]))),
        Node::Like {
            operand: of(integers, Source::Element(0)),
            pattern: "1".into(),
        },
        Node::In {
            operand: Operand::column(integers),
            values: vec![Value::Int(1)],
        },
        Node::CompareOperands {
            comparison: Comparison::Equal,
            left: of(integers, Source::Length(vec![])),
            right: Operand::column(generate::INT64),
        },
        Node::In {
            operand: of(generate::VARCHAR, Source::Element(0)),
            values: vec![],
        },
        Node::In {
            operand: of(integers, Source::Length(vec![Step::Index(0)])),
            values: vec![],
        },
    ] {
        let failure = Filter::parse(&encode(std::slice::from_ref(&node)), &schema).expect_err("does not fit");
        assert_eq!(failure.kind, "malformed", "{node:?}");
    }
}

#[test]
fn a_literal_beyond_a_columns_width_is_a_constant() {
    let schema = keys_schema();
    let chunk = generate::chunk(&mut Random::new(7), 500);
    let valid = (0..500)
        .filter(|&row| chunk.columns[schema.position(generate::INT8).expect("column")].is_valid(row))
        .count();
    for (comparison, value, every) in [
        (Comparison::Less, 300, true),
        (Comparison::Less, -300, false),
        (Comparison::Equal, 300, false),
        (Comparison::NotEqual, 300, true),
        (Comparison::GreaterEqual, -129, true),
        (Comparison::Greater, i64::MAX, false),
        (Comparison::LessEqual, i64::MAX, true),
    ] {
        let filter = Filter::parse(&compare(generate::INT8, comparison, Value::Int(value)), &schema).expect("fits");
        assert_eq!(
            matching(&filter, &chunk, &all_rows(500)).len(),
            if every { valid } else { 0 },
            "{comparison:?} {value}"
        );
    }
}

#[test]
fn key_conditions_are_found_at_the_top_only() {
    let schema = keys_schema();
    let key = |value| Node::Compare {
        comparison: Comparison::Equal,
        operand: Operand::column(generate::KEY),
        value: Value::Int(value),
    };
    let many = Node::In {
        operand: Operand::column(generate::KEY),
        values: vec![Value::Int(5), Value::Int(6)],
    };
    let keys = |nodes: &[Node]| Filter::parse(&encode(nodes), &schema).expect("fits").keys;
    use crate::segment::keys::Keys;
    assert_eq!(keys(&[key(5)]), Some(Keys::Int64(vec![5])));
    assert_eq!(
        keys(&[Node::And { count: 3, end: 4 }, Node::Constant(true), many.clone(), key(7)]),
        Some(Keys::Int64(vec![7]))
    );
    assert_eq!(
        keys(&[Node::And { count: 2, end: 4 }, Node::Not { end: 3 }, key(5), many.clone()]),
        Some(Keys::Int64(vec![5, 6]))
    );
    assert_eq!(keys(&[Node::Or { count: 2, end: 3 }, key(5), many]), None);
    assert_eq!(keys(&[Node::Not { end: 2 }, key(5)]), None);
}
