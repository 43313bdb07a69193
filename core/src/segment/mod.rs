//! Segments: rows as columns, in memory or mapped from a file.
//!
//! Values in memory, in files and on the wire have the same bytes, which holds on little-endian machines only.

mod arrays;
pub mod buffer;
pub mod chunk;
pub mod column;
pub mod decode;
mod decode_defaults;
mod decode_vectors;
pub mod delete_set;
pub mod encode;
mod encode_json;
pub mod expiry;
mod file;
mod gather;
pub mod geometry;
mod key_filter;
mod key_index;
pub mod keys;
mod layout;
pub mod mapping;
#[cfg(test)]
mod measure;
pub mod merging;
mod opening;
mod order;
mod payload;
pub mod rows;
pub mod schema;
mod schema_change;
pub mod sealing;
#[allow(clippy::module_inception)]
pub mod segment;
pub mod snapshot;
mod split;
mod structs;
mod term_counts;
mod terms;
pub mod update;
mod vector_lists;
pub mod wire;

#[cfg(test)]
mod tests;

pub use decode_vectors::{check_sparse, float_of_half, pair_of};
pub use encode::encode_field;
pub use expiry::{Expired, Expiry};
pub use keys::{Keys, encode_ids};
pub use merging::{Merge, Merging, merge};
pub use rows::{FieldBytes, Rows};
pub use sealing::Sealing;
pub use segment::Segment;
pub use snapshot::{IndexSlot, Pick, SegmentSnapshot};
pub use term_counts::TermCounts;
pub use update::{ArrayOperation, Update, UpdateRequest, update_rows};

#[cfg(target_endian = "big")]
compile_error!("values are kept in the wire's byte order, which must be the machine's");
