//! HNSW: a navigable small-world graph in levels, after Malkov & Yashunin, arXiv 1603.09320.
//!
//! The index holds links (`graph`) and, where they serve, codes of the rows that walks read instead of the vectors (`stored`): int8 codes by default, or
//! those that HNSW_SQ, HNSW_PQ and HNSW_PRQ name. The vectors stay where they are, in the segment's column, and are passed to each call. Walks over
//! codes find some more rows than are wanted, whose exact scores then decide. The graph is always built by int8 codes or the column itself. Null rows are
//! not in the graph, and of equal rows only one is (`twins`); deleted and filtered rows are, and are passed over by a search's `allowed`.
//!
//! `build` links the rows, `walk` moves over them, `plan` chooses between walk and scan, `search` answers, `file` writes and reads the index.

mod breadth;
pub(super) mod build;
pub(super) mod codes;
pub(super) mod exact;
mod file;
pub(super) mod graph;
#[cfg(test)]
mod measure;
mod plan;
pub(super) mod product;
mod search;
mod served;
pub(super) mod small_codes;
pub(super) mod space;
pub(super) mod stored;
#[cfg(test)]
pub(crate) mod tests;
pub(super) mod training;
pub(super) mod twins;
pub(super) mod walk;

use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, IndexPlan, not_of};
use crate::index::vectors::Vectors;
use crate::segment::buffer::Buffer;
use crate::segment::schema::ColumnType;
use build::Levels;
use codes::Codes;
use exact::Exact;
use graph::{Graph, Growing};
use stored::{Stored, Wanted};
use training::Centre;
use twins::Twins;
use walk::ScratchPool;

/// More links and broader walks of insertions than these cost time and memory and find nothing more: greater parameters are taken as these.
const M_USED_MAX: usize = 128;
const EF_CONSTRUCTION_USED_MAX: usize = 2_000;
/// From what rows' levels are drawn.
const SEED: u64 = 0x00E1_A405;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HnswParameters {
    pub metric: Metric,
    /// Links of a row on each upper level, half of those on level 0; at least 2.
    pub m: usize,
    /// Rows that the walk of an insertion keeps.
    pub ef_construction: usize,
}

#[derive(Debug)]
pub struct Hnsw {
    kind: IndexKind,
    parameters: HnswParameters,
    vector_type: ColumnType,
    dim: usize,
    graph: Graph,
    /// The rows that have a vector; None: all.
    present: Option<RowSet>,
    /// Rows that are found through an equal one; None: none.
    twins: Option<Twins>,
    /// The rows in the graph: present and not a twin; None: all.
    linked: Option<RowSet>,
    /// 1 / |row| of each row for COSINE, else empty.
    inverse_norms: Buffer<f32>,
    stored: Stored,
    /// Of walks where the request does not say.
    breadth: usize,
    pool: ScratchPool,
}

/// The rows that have a vector; None: all.
pub(super) fn present_rows(vectors: &Vectors) -> Option<RowSet> {
    let valid = vectors.valid().filter(|valid| valid.contains(&0))?;
    Some(RowSet::from_fn(vectors.row_count, |row| valid[row] != 0))
}

/// The rows to link: those of `present` that are not a twin of another; None: all.
pub(super) fn linked_rows(present: Option<&RowSet>, twins: Option<&Twins>) -> Option<RowSet> {
    twins.map_or_else(|| present.cloned(), |twins| Some(twins.linked(present)))
}

impl Hnsw {
    /// Builds on the current rayon pool. Kind `malformed`: the plan is not of such vectors.
    pub fn build(vectors: &Vectors, plan: &IndexPlan) -> Outcome<Hnsw> {
        Hnsw::build_in(vectors, plan, Wanted::of(plan, vectors.dim)?)
    }

    fn build_in(vectors: &Vectors, plan: &IndexPlan, wanted: Wanted) -> Outcome<Hnsw> {
        if plan.m < 2 || plan.ef_construction < 1 {
            return Err(Failure::malformed("parameters of an index"));
        }
        let (m, ef_construction) = (plan.m.min(M_USED_MAX), plan.ef_construction.min(EF_CONSTRUCTION_USED_MAX));
        let row_count = vectors.row_count;
        let inverse_norms = exact::inverse_norms_of(vectors, plan.metric);
        let exact = Exact::of(vectors, plan.metric, &inverse_norms).ok_or_else(|| not_of(vectors))?;
        if exact.is_bits() && plan.kind != IndexKind::Hnsw {
            return Err(not_of(vectors));
        }
        let present = present_rows(vectors);
        let twins = Twins::find(vectors, present.as_ref());
        let linked = linked_rows(present.as_ref(), twins.as_ref());
        let graph = Growing::new(row_count, linked.as_ref(), m, SEED);
        let centre = Centre::of(&exact, row_count, present.as_ref());
        let pool = ScratchPool::default();
        let link = |codes: Option<&Codes>| {
            let levels = Levels { m, seed: SEED };
            let (view, rows) = (graph.view(), linked.as_ref());
            match codes {
                Some(codes) => build::link_rows(
                    &codes.space(plan.metric),
                    view,
                    levels,
                    rows,
                    ef_construction,
                    &pool,
                    &plan.progress,
                ),
                None => build::link_rows(&exact, view, levels, rows, ef_construction, &pool, &plan.progress),
            }
        };
        let stored = if wanted == Wanted::Best {
            let stored = Stored::train(wanted, &exact, centre.as_ref(), row_count);
            link(if let Stored::Codes(codes) = &stored { Some(codes) } else { None });
            stored
        } else {
            let codes = centre.as_ref().filter(|_| wanted.builds_by_codes() && !exact.is_bytes());
            link(codes.and_then(|centre| Codes::train(&exact, centre, row_count)).as_ref());
            Stored::train(wanted, &exact, centre.as_ref(), row_count)
        };
        let mut built = Hnsw {
            kind: plan.kind,
            parameters: HnswParameters {
                metric: plan.metric,
                m,
                ef_construction,
            },
            vector_type: vectors.kind,
            dim: vectors.dim,
            graph: graph.freeze(),
            present,
            twins,
            linked,
            inverse_norms: inverse_norms.into(),
            stored,
            breadth: breadth::UNMEASURED,
            pool,
        };
        built.breadth = breadth::measure(&built, vectors);
        Ok(built)
    }

    fn has_vector(&self, row: u32) -> bool {
        self.present.as_ref().is_none_or(|present| present.get(row as usize))
    }

    fn is_linked(&self, row: u32) -> bool {
        self.linked.as_ref().is_none_or(|linked| linked.get(row as usize))
    }

    /// The column's rows; None when they are not those of the index.
    fn exact<'a>(&'a self, vectors: &Vectors<'a>) -> Option<Exact<'a>> {
        let same = (vectors.kind, vectors.dim, vectors.row_count) == (self.vector_type, self.dim, self.row_count());
        same.then(|| Exact::of(vectors, self.parameters.metric, &self.inverse_norms))?
    }

    pub fn metric(&self) -> Metric {
        self.parameters.metric
    }

    pub fn parameters(&self) -> HnswParameters {
        self.parameters
    }

    /// Rows of the segment, those without a vector included.
    pub fn row_count(&self) -> usize {
        self.graph.shape().row_count
    }

    /// Whether walks read codes.
    pub fn is_coded(&self) -> bool {
        self.stored.is_coded()
    }

    /// Bytes of memory held, but for the space that walks work in (2 bytes a row and thread).
    pub fn byte_size(&self) -> usize {
        self.graph.byte_size() + self.inverse_norms.byte_size() + self.stored.byte_size()
    }
}
