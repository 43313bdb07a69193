//! One test of a bound filter: which rows of a block are true, false, null.

use std::cmp::Ordering;
use std::ops::Range;

use super::array_test::ArrayTest;
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
    Array {
        column: usize,
        test: ArrayTest,
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
        let (column, holds) = match self {
            Test::Constant(value) => return Truth::constant(*value),
            Test::IsNull { column } => return Truth::known(&valid(&chunk.columns[*column], &rows), &Mask::ALL).not(),
            Test::Json { column, path, test } => return run_json(&chunk.columns[*column], path, test, rows, wanted),
            Test::Array { column, test } => {
                let column = &chunk.columns[*column];
                let rows_with_one = wanted.and(&valid(column, &rows));
                return test.run(|row| column.values.bytes_at(rows.start + row), &rows_with_one);
            }
            Test::Bools { column, truth } => {
                let values = bools(&chunk.columns[*column]);
                (column, Mask::of(&values[rows.clone()], |value| truth[usize::from(value != 0)]))
            }
            Test::Integers { column, arithmetic, test } => (
                column,
                test_integers(&chunk.columns[*column].values, rows.clone(), *arithmetic, test),
            ),
            Test::Floats { column, arithmetic, test } => {
                (column, test_floats(&chunk.columns[*column].values, rows.clone(), *arithmetic, test))
            }
            Test::Text { column, test } => {
                let values = &chunk.columns[*column].values;
                let known = valid(&chunk.columns[*column], &rows);
                (
                    column,
                    wanted.and(&known).filtered(|row| test.holds(values.bytes_at(rows.start + row))),
                )
            }
            pair => return pair.run_pair(chunk, rows, wanted),
        };
        Truth::known(&holds, &valid(&chunk.columns[*column], &rows))
    }

    /// Two columns, of which a null in either makes null.
    fn run_pair(&self, chunk: &Chunk, rows: Range<usize>, wanted: &Mask) -> Truth {
        let known = |left: usize, right: usize| valid(&chunk.columns[left], &rows).and(&valid(&chunk.columns[right], &rows));
        match self {
            Test::IntegerPair { comparison, left, right } => {
                let (mut left_buffer, mut right_buffer) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
                let left_values = load_integers(&chunk.columns[left.column].values, rows.clone(), left.arithmetic, &mut left_buffer);
                let right_values = load_integers(
                    &chunk.columns[right.column].values,
                    rows.clone(),
                    right.arithmetic,
                    &mut right_buffer,
                );
                Truth::known(
                    &compare_all(*comparison, left_values, right_values),
                    &known(left.column, right.column),
                )
            }
            Test::FloatPair { comparison, left, right } => {
                let (mut left_buffer, mut right_buffer) = ([0.0; BLOCK_ROWS], [0.0; BLOCK_ROWS]);
                let left_values = load_floats(&chunk.columns[left.column].values, rows.clone(), left.arithmetic, &mut left_buffer);
                let right_values = load_floats(
                    &chunk.columns[right.column].values,
                    rows.clone(),
                    right.arithmetic,
                    &mut right_buffer,
                );
                Truth::known(
                    &compare_all(*comparison, left_values, right_values),
                    &known(left.column, right.column),
                )
            }
            Test::BoolPair { comparison, left, right } => {
                let (left_values, right_values) = (bools(&chunk.columns[*left]), bools(&chunk.columns[*right]));
                let compared = compare_all(*comparison, &left_values[rows.clone()], &right_values[rows.clone()]);
                Truth::known(&compared, &known(*left, *right))
            }
            Test::TextPair { comparison, left, right } => {
                let known = known(*left, *right);
                let text = |column: usize, row: usize| chunk.columns[column].values.bytes_at(rows.start + row);
                let compared = wanted
                    .and(&known)
                    .filtered(|row| holds(*comparison, text(*left, row).cmp(text(*right, row))));
                Truth::known(&compared, &known)
            }
            _ => unreachable!("not a pair"),
        }
    }
}

fn bools(column: &Column) -> &[u8] {
    match &column.values {
        Values::Bool(values) => values,
        _ => unreachable!("bound to a bool column"),
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
