//! Searches and queries against a model: a list of rows that is looked through from end to end.

mod bytes;
mod exact;
mod golden;
mod groups;
mod lexical;
mod measure;
mod model;
mod products;
mod replies;
mod walk;

use super::SearchRequest;
use crate::distance::Metric;
use crate::index::vector_index::Look;

/// A search without anything that can be left out: tests say what they are about. It sees all rows written up to 100.
fn plain_search() -> SearchRequest {
    SearchRequest {
        field_id: 0,
        metric: Metric::L2,
        vectors: Vec::new(),
        lengths: None,
        limit: 10,
        offset: 0,
        look: Look::default(),
        channels: None,
        read_timestamp: 100,
        filter: None,
        expiry: None,
        radius: None,
        range_filter: None,
        round_decimal: -1,
        outputs: Vec::new(),
        group_by: None,
        bytes_max: None,
    }
}
