//! Filters: programs (made by `src/filter/`) over columns, in blocks of rows, with three-valued logic.
//!
//! bytes -> `program` (nodes) -> `bind` (tests fit to column types) -> `execute` (bits of the rows that are true).

mod array;
mod array_test;
mod bind;
mod bind_json;
mod contains;
mod execute;
mod integer_set;
pub(crate) mod json;
mod json_test;
mod leaf;
mod like;
mod mask;
mod numbers;
pub mod program;
mod scalar;
mod text;

#[cfg(test)]
pub(crate) mod tests;

pub use execute::Filter;
