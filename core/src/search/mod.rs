//! One request over the snapshots of many segments.
//!
//! A snapshot's chunks are the parts of a request. For each, `visible` tells the rows that the reader may see and the filter takes; `search` ranks them
//! by a graph walk or a scan (`scan`: float32; `scan_bytes`: all other vectors) and keeps the best (`top`); `query` takes those with the smallest keys. `groups` makes a search's hits groups, by the
//! values that `group_keys` reads. `lexical` turns texts into query vectors. `request` has what is asked and answered, `effort` tells how much a search is.

mod dense;
mod effort;
mod group_keys;
mod groups;
mod key;
mod lexical;
mod products;
mod queries;
mod query;
mod reply;
mod request;
mod scan;
mod scan_bytes;
#[allow(clippy::module_inception)]
mod search;
#[cfg(test)]
mod tests;
mod top;
mod visible;

pub use effort::is_short;
pub use lexical::{TextQueries, weigh_texts};
pub use query::{count, keys, query};
pub use request::{Channels, GroupBy, GroupField, Output, QueryReply, QueryRequest, SearchReply, SearchRequest, Selection};
pub use search::search;
