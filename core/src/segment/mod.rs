//! Segments: rows as columns, in memory or mapped from a file.

pub mod buffer;
pub mod chunk;
pub mod column;
pub mod schema;
