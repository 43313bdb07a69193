//! The graph as an index among others.

use super::Hnsw;
use crate::distance::Metric;
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, Look, VectorIndex};
use crate::index::vectors::{QueryVector, Vectors};

/// Rows that a walk keeps. Where the request does not say: what the graph needs, or twice the rows wanted.
fn breadth(measured: usize, look: &Look) -> usize {
    let ef = if look.ef == 0 { measured.max(2 * look.k) } else { look.ef };
    let refined = look.refine_k.map_or(0, |ratio| (ratio * look.k as f32).ceil() as usize);
    ef.max(refined)
}

impl VectorIndex for Hnsw {
    fn kind(&self) -> IndexKind {
        self.kind
    }

    fn metric(&self) -> Metric {
        Hnsw::metric(self)
    }

    fn row_count(&self) -> usize {
        Hnsw::row_count(self)
    }

    fn byte_size(&self) -> usize {
        Hnsw::byte_size(self)
    }

    fn encode(&self) -> Vec<u8> {
        Hnsw::encode(self)
    }

    fn pays(&self, allowed: usize, vectors: &Vectors, look: &Look) -> bool {
        // So broad a walk would look at every row.
        look.ef < vectors.row_count && self.walk_pays(vectors, allowed, breadth(self.breadth, look))
    }

    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        Hnsw::search(self, vectors, query, look.k, breadth(self.breadth, look), allowed)
    }
}
