//! One test of a bound filter: which rows of a block are true, false, null.

use std::cmp::Ordering;
use std::ops::Range;

use super::json::{self, PathStep};
use super::json_test::JsonTest;
use super::mask::{BLOCK_ROWS, Mask, Truth};
use super::numbers::{FloatTest, IntegerTest, load_floats, load_integers, test_floats, test_integers};
use super::program::{Comparison, Operator};
use super::text::TextTest;
use crate::segment::chunk::Chunk;
use crate::segment::column::{Column, Values};

/// `column`s are positions in the schema.
#[derive(Clone, Debug)]
pub enum Test {
    /// The same for every row, null or not.
    Constant(bool),
    IsNull {
        column: usize,
    },
    /// The answers for false and for true.
    Bools {
        column: usize,
        truth: [bool; 2],
    },
    Integers {
        column: usize,
        arithmetic: Option<(Operator, i64)>,
        test: IntegerTest,
    },
    Floats {
        column: usize,
        arithmetic: Option<(Operator, f64)>,
        test: FloatTest,
    },
    Text {
        column: usize,
        test: TextTest,
    },
    IntegerPair {
        comparison: Comparison,
        left: Side<i64>,
        right: Side<i64>,
    },
    FloatPair {
        comparison: Comparison,
        left: Side<f64>,
        right: Side<f64>,
    },
    BoolPair {
        comparison: Comparison,
        left: usize,
        right: usize,
    },
    TextPair {
        comparison: Comparison,
        left: usize,
        right: usize,
    },
    Json {
        column: usize,
        path: Vec<PathStep>,
        test: JsonTest,
    },
}

#[derive(Clone, Debug)]
pub struct Side<T> {
    pub column: usize,
    pub arithmetic: Option<(Operator, T)>,
}

impl Test {
    /// The answers for `rows` of a chunk, at most a block; only those in `wanted` matter.
    pub fn run(&self, chunk: &Chunk, rows: Range<usize>, wanted: &Mask) -> Truth {
        let column = |at: usize| &chunk.columns[at];
        match self {
            Test::Constant(value) => Truth::constant(*value),
            Test::IsNull { column: at } => Truth::known(&valid(column(*at), &rows), &Mask::ALL).not(),
            Test::Bools { column: at, truth } => {
                let Values::Bool(values) = &column(*at).values else {
                    unreachable!("bound to a bool column")
                };
                Truth::known(
                    &Mask::of(&values[rows.clone()], |value| truth[usize::from(value != 0)]),
                    &valid(column(*at), &rows),
                )
            }
            Test::Integers {
                column: at,
                arithmetic,
                test,
            } => Truth::known(
                &test_integers(&column(*at).values, rows.clone(), *arithmetic, test),
                &valid(column(*at), &rows),
            ),
            Test::Floats {
                column: at,
                arithmetic,
                test,
            } => Truth::known(
                &test_floats(&column(*at).values, rows.clone(), *arithmetic, test),
                &valid(column(*at), &rows),
            ),
            Test::Text { column: at, test } => {
                let known = valid(column(*at), &rows);
                let values = &column(*at).values;
                Truth::known(
                    &wanted.and(&known).filtered(|row| test.holds(values.bytes_at(rows.start + row))),
                    &known,
                )
            }
            Test::IntegerPair { comparison, left, right } => {
                let (mut left_buffer, mut right_buffer) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
                let left_values = load_integers(&column(left.column).values, rows.clone(), left.arithmetic, &mut left_buffer);
                let right_values = load_integers(&column(right.column).values, rows.clone(), right.arithmetic, &mut right_buffer);
                let known = valid(column(left.column), &rows).and(&valid(column(right.column), &rows));
                Truth::known(&compare_all(*comparison, left_values, right_values), &known)
            }
            Test::FloatPair { comparison, left, right } => {
                let (mut left_buffer, mut right_buffer) = ([0.0; BLOCK_ROWS], [0.0; BLOCK_ROWS]);
                let left_values = load_floats(&column(left.column).values, rows.clone(), left.arithmetic, &mut left_buffer);
                let right_values = load_floats(&column(right.column).values, rows.clone(), right.arithmetic, &mut right_buffer);
                let known = valid(column(left.column), &rows).and(&valid(column(right.column), &rows));
                Truth::known(&compare_all(*comparison, left_values, right_values), &known)
            }
            Test::BoolPair { comparison, left, right } => {
                let (Values::Bool(left_values), Values::Bool(right_values)) = (&column(*left).values, &column(*right).values) else {
                    unreachable!("bound to bool columns")
                };
                let known = valid(column(*left), &rows).and(&valid(column(*right), &rows));
                Truth::known(
                    &compare_all(*comparison, &left_values[rows.clone()], &right_values[rows.clone()]),
                    &known,
                )
            }
            Test::TextPair { comparison, left, right } => {
                let known = valid(column(*left), &rows).and(&valid(column(*right), &rows));
                let order = |row: usize| column(*left).values.bytes_at(row).cmp(column(*right).values.bytes_at(row));
                Truth::known(
                    &wanted.and(&known).filtered(|row| holds(*comparison, order(rows.start + row))),
                    &known,
                )
            }
            Test::Json { column: at, path, test } => run_json(column(*at), path, test, rows, wanted),
        }
    }
}

fn run_json(column: &Column, path: &[PathStep], test: &JsonTest, rows: Range<usize>, wanted: &Mask) -> Truth {
    let valid = valid(column, &rows);
    let mut truth = Truth {
        yes: Mask::NONE,
        no: Mask::NONE,
    };
    wanted.each(|row| {
        let text = if valid.get(row) {
            json::find(column.values.bytes_at(rows.start + row), path)
        } else {
            None
        };
        match test.judge(text) {
            Some(true) => truth.yes.set(row),
            Some(false) => truth.no.set(row),
            None => {}
        }
    });
    truth
}

/// Rows that are not null.
fn valid(column: &Column, rows: &Range<usize>) -> Mask {
    column
        .valid
        .as_ref()
        .map_or(Mask::ALL, |valid| Mask::of(&valid[rows.clone()], |byte| byte != 0))
}

fn compare_all<T: PartialOrd + Copy>(comparison: Comparison, left: &[T], right: &[T]) -> Mask {
    match comparison {
        Comparison::Equal => pairs(left, right, |left, right| left == right),
        Comparison::NotEqual => pairs(left, right, |left, right| left != right),
        Comparison::Less => pairs(left, right, |left, right| left < right),
        Comparison::LessEqual => pairs(left, right, |left, right| left <= right),
        Comparison::Greater => pairs(left, right, |left, right| left > right),
        Comparison::GreaterEqual => pairs(left, right, |left, right| left >= right),
    }
}

#[inline(always)]
fn pairs<T: Copy>(left: &[T], right: &[T], test: impl Fn(T, T) -> bool) -> Mask {
    let mut results = [false; BLOCK_ROWS];
    for ((result, &left), &right) in results.iter_mut().zip(left).zip(right) {
        *result = test(left, right);
    }
    Mask::of(&results, |result| result)
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    }
}

/// The answers for false and for true of a bool that is compared.
pub fn bool_truth(comparison: Comparison, with: bool) -> [bool; 2] {
    [false, true].map(|value: bool| holds(comparison, value.cmp(&with)))
}
