//! Segments: rows as columns, in memory or mapped from a file.

pub mod buffer;
pub mod chunk;
pub mod column;
pub mod decode;
mod decode_vectors;
pub mod delete_set;
pub mod encode;
mod encode_json;
mod key_index;
pub mod keys;
mod payload;
pub mod rows;
pub mod schema;
pub mod segment;
pub mod snapshot;
pub mod wire;

pub use encode::encode_field;
pub use keys::{Keys, encode_ids};
pub use rows::{FieldBytes, Rows};
pub use segment::Segment;
pub use snapshot::{IndexSlot, Pick, SegmentSnapshot};
