//! HNSW: a navigable small-world graph in levels, after Malkov & Yashunin, arXiv 1603.09320.
//!
//! The index holds links (`graph`), and for dimensions of 32 and more int8 codes of the rows (`codes`) that walks read instead of the f32 values; the
//! values stay where they are, in the segment's column, and are passed to each call. Walks over codes find `max(ef, 2k)` rows, whose f32
//! scores then decide. Null rows are not in the graph, and of equal rows only one is (`twins`); deleted and filtered rows are, and are passed over by a search's `allowed`.
//!
//! `build` links the rows, `walk` moves over them, `plan` chooses between walk and scan, `search` answers, `file` writes and reads the index.

mod build;
mod codes;
mod file;
mod graph;
#[cfg(test)]
mod measure;
mod plan;
mod search;
mod served;
mod space;
#[cfg(test)]
mod tests;
mod twins;
mod walk;

use rayon::prelude::*;

use crate::distance::{Metric, kernels};
use crate::index::row_set::RowSet;
use codes::Codes;
use graph::Graph;
use space::Floats;
use twins::Twins;
use walk::ScratchPool;

pub use plan::walk_pays;

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
    parameters: HnswParameters,
    dim: usize,
    graph: Graph,
    /// The rows that have a vector; None: all.
    present: Option<RowSet>,
    /// Rows that are found through an equal one; None: none.
    twins: Option<Twins>,
    /// The rows in the graph: present and not a twin; None: all.
    linked: Option<RowSet>,
    /// 1 / |row| of each row for COSINE, else empty.
    inverse_norms: Vec<f32>,
    codes: Option<Codes>,
    pool: ScratchPool,
}

impl Hnsw {
    /// Builds on the current rayon pool. `vectors` are rows of `dim` finite values; rows whose `valid` byte is 0 are left out.
    ///
    /// Panics on shapes that do not fit, and on m below 2.
    pub fn build(vectors: &[f32], dim: usize, valid: Option<&[u8]>, parameters: HnswParameters) -> Hnsw {
        Hnsw::build_in(vectors, dim, valid, parameters, true)
    }

    /// As `build`; `may_code`: walks may read codes where they serve.
    fn build_in(vectors: &[f32], dim: usize, valid: Option<&[u8]>, parameters: HnswParameters, may_code: bool) -> Hnsw {
        assert!(dim > 0 && vectors.len().is_multiple_of(dim), "vectors are rows of dim values");
        let row_count = vectors.len() / dim;
        assert!(valid.is_none_or(|valid| valid.len() == row_count), "a valid byte for each row");
        let present = valid
            .filter(|valid| valid.contains(&0))
            .map(|valid| RowSet::from_fn(row_count, |row| valid[row] != 0));
        let inverse_norms = if parameters.metric == Metric::Cosine {
            vectors.par_chunks_exact(dim).map(|row| kernels().inverse_norm(row)).collect()
        } else {
            Vec::new()
        };
        let twins = Twins::find(vectors, dim, present.as_ref());
        let linked = linked_rows(present.as_ref(), twins.as_ref());
        let graph = Graph::new(row_count, linked.as_ref(), parameters.m, SEED);
        let pool = ScratchPool::default();
        let floats = Floats::new(parameters.metric, dim, vectors, &inverse_norms);
        let codes = if may_code {
            Codes::train(&floats, parameters.metric, dim, row_count, present.as_ref())
        } else {
            None
        };
        match &codes {
            Some(codes) => build::link_rows(codes, &graph, linked.as_ref(), parameters.ef_construction, &pool),
            None => build::link_rows(&floats, &graph, linked.as_ref(), parameters.ef_construction, &pool),
        }
        Hnsw {
            parameters,
            dim,
            graph,
            present,
            twins,
            linked,
            inverse_norms,
            codes,
            pool,
        }
    }

    fn has_vector(&self, row: u32) -> bool {
        self.present.as_ref().is_none_or(|present| present.get(row as usize))
    }

    fn is_linked(&self, row: u32) -> bool {
        self.linked.as_ref().is_none_or(|linked| linked.get(row as usize))
    }

    fn floats<'a>(&'a self, vectors: &'a [f32]) -> Floats<'a> {
        Floats::new(self.parameters.metric, self.dim, vectors, &self.inverse_norms)
    }

    pub fn metric(&self) -> Metric {
        self.parameters.metric
    }

    pub fn parameters(&self) -> HnswParameters {
        self.parameters
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Rows of the segment, those without a vector included.
    pub fn row_count(&self) -> usize {
        self.graph.row_count()
    }

    /// Whether walks read int8 codes.
    pub fn is_coded(&self) -> bool {
        self.codes.is_some()
    }

    /// Bytes of memory held, but for the space that walks work in (2 bytes a row and thread).
    pub fn byte_size(&self) -> usize {
        self.graph.byte_size() + self.inverse_norms.len() * size_of::<f32>() + self.codes.as_ref().map_or(0, Codes::byte_size)
    }
}

fn linked_rows(present: Option<&RowSet>, twins: Option<&Twins>) -> Option<RowSet> {
    twins.map_or_else(|| present.cloned(), |twins| Some(twins.linked(present)))
}
