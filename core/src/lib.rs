//! The core of Elanus: columns, filter programs, distances, indexes and top-k.
//!
//! It knows no names, no users, no network and no files but those it is handed: bytes and ids in, bytes and ids out. Rooms: `segment` (columns,
//! wire codec, sealed files), `text` (analyzers), `filter` (programs over columns), `distance` (kernels), `index` (graphs), `search` (one request over many segments),
//! `ffi` (the only door to Node). Imports go one way: `failure` <- `distance`, `text` <- `segment` <- `filter`, `index` <- `search` <- `ffi`.

pub mod distance;
pub mod failure;
pub mod ffi;
pub mod filter;
pub mod index;
pub mod search;
pub mod segment;
pub mod text;
