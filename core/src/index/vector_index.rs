//! What every vector index is to the rest of the core: built of a sealed segment's vectors, kept as one file, asked for the best allowed rows.
//!
//! An index is derived: whatever is wrong with its file, it is built again. Row numbers are those of the segment. Searches see rows written or deleted
//! after the build through `allowed`, and take the vectors themselves from the segment, so an index need hold no more than what leads to them.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::Mmap;

use super::diskann::DiskAnn;
use super::file::IndexFile;
use super::hnsw::Hnsw;
use super::ivf::Ivf;
use super::ivf::bits::BitsIvf;
use super::row_set::RowSet;
use super::sparse::SparseIndex;
use super::sparse::query::Bm25;
use super::vectors::{QueryVector, Vectors};
use crate::distance::Metric;
use crate::failure::{Failure, Outcome};

/// The structures that the core builds. Its number names a kind in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    Hnsw = 1,
    HnswSq = 2,
    HnswPq = 3,
    HnswPrq = 4,
    DiskAnn = 5,
    IvfFlat = 10,
    IvfSq = 11,
    IvfPq = 12,
    IvfRabitq = 13,
    Scann = 14,
    BinIvfFlat = 15,
    SparseInverted = 20,
}

impl IndexKind {
    const ALL: [(&'static str, IndexKind); 12] = [
        ("HNSW", IndexKind::Hnsw),
        ("HNSW_SQ", IndexKind::HnswSq),
        ("HNSW_PQ", IndexKind::HnswPq),
        ("HNSW_PRQ", IndexKind::HnswPrq),
        ("DISKANN", IndexKind::DiskAnn),
        ("IVF_FLAT", IndexKind::IvfFlat),
        ("IVF_SQ", IndexKind::IvfSq),
        ("IVF_PQ", IndexKind::IvfPq),
        ("IVF_RABITQ", IndexKind::IvfRabitq),
        ("SCANN", IndexKind::Scann),
        ("BIN_IVF_FLAT", IndexKind::BinIvfFlat),
        ("SPARSE_INVERTED", IndexKind::SparseInverted),
    ];

    pub fn from_name(name: &str) -> Option<IndexKind> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    pub fn from_number(number: u32) -> Option<IndexKind> {
        Self::ALL.into_iter().map(|(_, kind)| kind).find(|&kind| kind as u32 == number)
    }
}

/// How many rows a build is done with; whoever holds a clone can look while it runs.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicUsize>);

impl Progress {
    pub fn add(&self, rows: usize) {
        self.0.fetch_add(rows, Ordering::Relaxed);
    }

    pub fn rows(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// How an index is built; every kind reads what it knows, in Milvus's names. Ranges are checked before (`src/operations/index-rules.ts`).
#[derive(Clone, Debug)]
pub struct IndexPlan {
    pub kind: IndexKind,
    pub metric: Metric,
    /// Graphs: links of a row on each upper level, half of those on level 0. PQ: sub-vectors, see `pq_m`.
    pub m: usize,
    pub ef_construction: usize,
    /// IVF: lists.
    pub nlist: usize,
    /// PQ: parts that a vector is cut into; bits of a part's code; code books one after another (PRQ).
    pub pq_m: usize,
    pub nbits: usize,
    pub nrq: usize,
    /// SCANN: dimensions of a part.
    pub sub_dim: usize,
    /// RaBitQ: bits a dimension.
    pub rbq_bits: usize,
    /// Scalar quantiser: `SQ4U`, `SQ6`, `SQ8`, `FP16`, `BF16`; empty: the kind's default.
    pub sq_type: String,
    /// What found rows are ranked by again, in capitals (`SQ6`, `SQ8`, `FP16`, `BF16`, `FP32`, `FLAT`); empty: by the codes alone.
    pub refine_type: String,
    /// DISKANN.
    pub max_degree: usize,
    pub search_list_size: usize,
    /// DISKANN: bytes of codes in memory as a part of the vectors' bytes.
    pub pq_code_ratio: f32,
    /// Sparse; empty: the default; `DAAT_MAXSCORE`, `DAAT_WAND`, `TAAT_NAIVE`, `BLOCK_MAX_MAXSCORE`, `BLOCK_MAX_WAND`, `SINDI`.
    pub inverted_index_algo: String,
    /// Not read: Milvus gave it up.
    pub drop_ratio_build: f32,
    /// Kinds whose builds take long count rows here while they run.
    pub progress: Progress,
}

/// What one search asks of an index; 0 and None: the kind's default.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Rows wanted.
    pub k: usize,
    /// Graphs: rows that a walk keeps.
    pub ef: usize,
    /// IVF: lists that are looked at.
    pub nprobe: usize,
    /// Rows ranked again, in multiples of k; at least 1.
    pub refine_k: Option<f32>,
    /// SCANN: rows ranked again.
    pub reorder_k: usize,
    /// RaBitQ: bits of a query's values.
    pub rbq_bits_query: usize,
    /// DISKANN: rows that a walk keeps; sectors read at once.
    pub search_list: usize,
    pub beam_width: usize,
    /// Sparse: the part of a query's smallest values that an index leaves out; a scan leaves out none, as in Milvus.
    pub drop_ratio_search: f32,
    pub dim_max_score_ratio: Option<f32>,
    /// Of searches by BM25, of rows without an index too.
    pub bm25: Option<Bm25>,
}

pub trait VectorIndex: Debug + Send + Sync + Any {
    fn kind(&self) -> IndexKind;

    fn metric(&self) -> Metric;

    /// Rows of the segment, those without a vector included.
    fn row_count(&self) -> usize;

    /// Bytes of memory held; mapped ones do not count.
    fn byte_size(&self) -> usize;

    /// Whether what is mapped is to be read from the disk when it is needed, rather than kept in memory.
    fn stays_on_disk(&self) -> bool {
        false
    }

    /// The index as the content of a file (`IndexFile`).
    fn encode(&self) -> Vec<u8>;

    /// Whether a search costs less than a scan of so many allowed rows.
    fn pays(&self, allowed: usize, vectors: &Vectors, look: &Look) -> bool;

    /// Whether fewer rows than `min(k, allowed rows with a vector)` may come back. Where not, a scan makes up for it.
    fn may_find_fewer(&self) -> bool {
        false
    }

    /// The best allowed rows that are found, at most k, best first, with the scores that users see; equal scores are ordered by row.
    ///
    /// `vectors` are those that the index was built of, `query` has their shape, and `allowed` (None: all) is of the segment's rows. Rows without a
    /// vector never come back.
    fn search(&self, vectors: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)>;
}

/// An index of any kind.
pub type AnyIndex = Box<dyn VectorIndex>;

/// Builds on the current rayon pool. Kind `malformed` when the kind is not of such vectors.
pub fn build(vectors: &Vectors, plan: &IndexPlan) -> Outcome<AnyIndex> {
    match plan.kind {
        IndexKind::Hnsw | IndexKind::HnswSq | IndexKind::HnswPq | IndexKind::HnswPrq => Hnsw::build(vectors, plan).map(boxed),
        IndexKind::DiskAnn => DiskAnn::build(vectors, plan).map(boxed),
        IndexKind::IvfFlat | IndexKind::IvfSq | IndexKind::IvfPq | IndexKind::IvfRabitq | IndexKind::Scann => {
            Ivf::build_of(vectors, plan).map(boxed)
        }
        IndexKind::BinIvfFlat => BitsIvf::build_of(vectors, plan).map(boxed),
        IndexKind::SparseInverted => SparseIndex::build_of(vectors, plan).map(boxed),
    }
}

/// The index that a file holds, mapped. Kind `damaged` (file name empty, for the caller to fill in; offset; what) when it is not whole, or of another segment.
pub fn open(map: Arc<Mmap>, vectors: &Vectors) -> Outcome<AnyIndex> {
    let file = IndexFile::open(map, vectors)?;
    match file.kind {
        IndexKind::Hnsw | IndexKind::HnswSq | IndexKind::HnswPq | IndexKind::HnswPrq => Hnsw::open(&file, vectors).map(boxed),
        IndexKind::DiskAnn => DiskAnn::open(&file, vectors).map(boxed),
        IndexKind::IvfFlat | IndexKind::IvfSq | IndexKind::IvfPq | IndexKind::IvfRabitq | IndexKind::Scann => {
            Ivf::open(&file, vectors).map(boxed)
        }
        IndexKind::BinIvfFlat => BitsIvf::open(&file, vectors).map(boxed),
        IndexKind::SparseInverted => SparseIndex::open(&file, vectors).map(boxed),
    }
}

fn boxed(index: impl VectorIndex) -> AnyIndex {
    Box::new(index)
}

/// For kinds that are asked to index what they cannot.
pub fn not_of(vectors: &Vectors) -> Failure {
    Failure::malformed(format!("an index of this kind over vectors of type {:?}", vectors.kind))
}
