//! The graph as an index among others: over columns of float32.

use super::{Hnsw, HnswParameters};
use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::index::file::{self, IndexFile};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, IndexPlan, Look, VectorIndex, not_of};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::schema::ColumnType;

/// The section of `Hnsw::encode`.
const WHOLE: u32 = 1;
/// Breadth of a walk where the request gives none: this, or twice the rows wanted.
const EF_DEFAULT: usize = 64;

impl Hnsw {
    pub fn build_of(vectors: &Vectors, plan: &IndexPlan) -> Outcome<Hnsw> {
        let floats = vectors.floats().ok_or_else(|| not_of(vectors))?;
        if plan.m < 2 || plan.ef_construction < 1 {
            return Err(Failure::malformed("parameters of an index"));
        }
        let parameters = HnswParameters {
            metric: plan.metric,
            m: plan.m,
            ef_construction: plan.ef_construction,
        };
        Ok(Hnsw::build(floats, vectors.dim, vectors.valid(), parameters))
    }

    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<Hnsw> {
        Hnsw::decode(&file.section::<u8>(WHOLE)?, vectors.row_count, vectors.dim)
    }
}

impl VectorIndex for Hnsw {
    fn kind(&self) -> IndexKind {
        IndexKind::Hnsw
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
        let shape = (Hnsw::row_count(self), self.dim, ColumnType::FloatVector.number());
        file::encode(IndexKind::Hnsw, Hnsw::metric(self), shape, &[(WHOLE, &Hnsw::encode(self))])
    }

    fn pays(&self, allowed: usize, vectors: &Vectors, look: &Look) -> bool {
        // So broad a walk would look at every row.
        look.ef < vectors.row_count && super::walk_pays(allowed, vectors.row_count, vectors.dim)
    }

    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        let (Some(floats), QueryVector::Floats(query)) = (vectors.floats(), query) else {
            return Vec::new();
        };
        let ef = if look.ef == 0 { EF_DEFAULT.max(2 * look.k) } else { look.ef };
        Hnsw::search(self, floats, query, look.k, ef, allowed)
    }
}
