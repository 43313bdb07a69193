//! IVF: the rows are divided into lists around centroids (k-means), and a search looks only at the lists whose centroids are nearest to the query.
//!
//! One structure serves IVF_FLAT, IVF_SQ8, IVF_PQ, IVF_RABITQ and SCANN: they differ in the codes that stand in the lists (`codes`). A search of coded
//! lists keeps more rows than are wanted and ranks these by their vectors, which stay in the segment's column, so that scores are exact for every kind.
//! IVF_FLAT has codes of a byte a dimension where a trial shows that they lose nothing, for they are a quarter of what is to be read; else its rows are
//! read where they lie in the column. Rows without a vector are in no list.
//!
//! `build` trains and codes, `search` probes and ranks, `cost` says when that beats a scan, `file` writes and reads the index. `bits` is the same idea for
//! binary vectors.

pub mod bits;
mod build;
mod codes;
mod cost;
mod exact;
mod file;
mod kmeans;
mod lists;
#[cfg(test)]
mod measure;
mod nearest;
mod rotation;
mod search;
mod space;
#[cfg(test)]
mod tests;

use crate::distance::{Metric, kernels};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, Look, VectorIndex};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::buffer::Buffer;
use crate::segment::schema::ColumnType;
use codes::Codes;
use lists::Lists;
use space::Space;

#[derive(Debug)]
pub struct Ivf {
    kind: IndexKind,
    vector_type: ColumnType,
    /// Rows of the segment.
    row_count: usize,
    space: Space,
    /// One a list, in the space.
    centroids: Buffer<f32>,
    /// Half the squared length of each.
    halves: Vec<f32>,
    lists: Lists,
    /// None: rows are read from the column.
    codes: Option<Codes>,
    /// By position, for COSINE without codes; else empty.
    inverse_norms: Buffer<f32>,
}

impl Ivf {
    fn new(kind: IndexKind, vectors: &Vectors, space: Space, centroids: Buffer<f32>, lists: Lists) -> Ivf {
        let half = |centroid: &[f32]| kernels().dot(centroid, centroid) / 2.0;
        Ivf {
            kind,
            vector_type: vectors.kind,
            row_count: vectors.row_count,
            halves: centroids.chunks_exact(space.dim()).map(half).collect(),
            space,
            centroids,
            lists,
            codes: None,
            inverse_norms: Buffer::default(),
        }
    }
}

impl VectorIndex for Ivf {
    fn kind(&self) -> IndexKind {
        self.kind
    }

    fn metric(&self) -> Metric {
        self.space.metric
    }

    fn row_count(&self) -> usize {
        self.row_count
    }

    fn byte_size(&self) -> usize {
        let codes = self.codes.as_ref().map_or(0, Codes::byte_size);
        let centroids = self.centroids.byte_size() + self.halves.len() * size_of::<f32>();
        self.lists.byte_size() + codes + centroids + self.inverse_norms.byte_size()
    }

    fn encode(&self) -> Vec<u8> {
        Ivf::encode(self)
    }

    fn pays(&self, allowed: usize, _: &Vectors, look: &Look) -> bool {
        Ivf::pays(self, allowed, look)
    }

    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        self.search_counted(vectors, query, look, allowed).0
    }
}
