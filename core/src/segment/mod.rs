//! Segments: rows as columns, in memory or mapped from a file.

pub mod buffer;
pub mod chunk;
pub mod column;
pub mod encode;
mod key_index;
pub mod keys;
pub mod schema;
pub mod snapshot;

pub use encode::encode_field;
pub use keys::{Keys, encode_ids};
pub use snapshot::{IndexSlot, Pick, SegmentSnapshot};
