//! Tests on arrays: one element, all of them against a list, how many there are, whether some are among them. Where no array is, and beyond its end, the
//! answer is null.

use super::array::Elements;
use super::contains::{Marks, Wanted};
use super::json::{self, Kind, PathStep};
use super::mask::{Mask, Truth};
use super::scalar::ScalarTest;
use crate::segment::schema::ColumnType;

/// Where a row has its array.
#[derive(Clone, Debug)]
pub enum ArrayAt {
    /// The row is one, of such elements.
    Column(ColumnType),
    /// At a path in JSON.
    Path(Vec<PathStep>),
}

#[derive(Clone, Debug)]
pub enum ArrayTest {
    Element {
        element: ColumnType,
        index: usize,
        test: ScalarTest,
    },
    /// `wanted`: a test of equality an element; None: no array equals it.
    Equal {
        element: ColumnType,
        wanted: Option<Vec<ScalarTest>>,
        negate: bool,
    },
    Length {
        array: ArrayAt,
        test: ScalarTest,
    },
    Contains {
        array: ArrayAt,
        wanted: Wanted,
    },
}

impl ArrayTest {
    /// The answers for the rows in `wanted`, which are not null; all others stay null.
    pub fn run<'c>(&self, row: impl Fn(usize) -> &'c [u8], wanted: &Mask) -> Truth {
        let mut truth = Truth {
            yes: Mask::NONE,
            no: Mask::NONE,
        };
        let mut marks = Marks::default();
        wanted.each(|at| match self.judge(row(at), &mut marks) {
            Some(true) => truth.yes.set(at),
            Some(false) => truth.no.set(at),
            None => {}
        });
        truth
    }

    fn judge(&self, row: &[u8], marks: &mut Marks) -> Option<bool> {
        match self {
            ArrayTest::Element { element, index, test } => test.judge(&Elements::of(*element, row).at(*index)?),
            ArrayTest::Equal { element, wanted, negate } => {
                let equal = wanted.as_ref().is_some_and(|wanted| equals(Elements::of(*element, row), wanted));
                Some(equal != *negate)
            }
            ArrayTest::Length { array, test } => {
                let length = match array {
                    ArrayAt::Column(element) => Elements::of(*element, row).length(),
                    ArrayAt::Path(path) => json::elements(array_at(row, path)?).count(),
                };
                test.judge(&super::array::Item::Int(length as i64))
            }
            ArrayTest::Contains { array, wanted } => Some(match array {
                ArrayAt::Column(element) => {
                    wanted.judge(Elements::of(*element, row), marks, |wanted, item, found| wanted.find(&item, found))
                }
                ArrayAt::Path(path) => wanted.judge(json::elements(array_at(row, path)?), marks, Wanted::find_json),
            }),
        }
    }
}

/// The text from the array at a path on; None when none is there.
fn array_at<'a>(document: &'a [u8], path: &[PathStep]) -> Option<&'a [u8]> {
    json::find(document, path).filter(|text| json::kind(text) == Some(Kind::Array))
}

fn equals(mut elements: Elements, wanted: &[ScalarTest]) -> bool {
    wanted
        .iter()
        .all(|test| elements.next().is_some_and(|item| test.judge(&item) == Some(true)))
        && elements.next().is_none()
}
