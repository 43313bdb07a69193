//! Indexes: structures beside a segment's vectors that find near rows without looking at all of them.

pub mod diskann;
pub mod file;
pub mod hnsw;
pub mod ivf;
pub(crate) mod mix;
pub mod row_set;
pub mod sparse;
pub mod vector_index;
pub mod vectors;
