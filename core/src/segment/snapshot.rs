//! What a reader holds of a segment: its chunks and indexes as they were at one moment.
//!
//! A snapshot is taken under a short lock and costs one reference count a chunk. Chunks only ever gain deletes, so a reader at time T sees the rows
//! alive at T however long it holds the snapshot. Indexes are kept as `Any`, so that this room need not know them: `snapshot.index::<Hnsw>(field)`.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::Chunk;
use super::key_index::KeyLookup;
use super::keys::Keys;
use super::schema::Schema;

/// One row of one chunk.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'a> {
    pub chunk: &'a Chunk,
    pub row: u32,
}

/// An index of one column. Row numbers in it count through the chunks of the segment it was built from.
#[derive(Clone)]
pub struct IndexSlot {
    pub index: Arc<dyn Any + Send + Sync>,
    pub byte_size: usize,
}

#[derive(Clone)]
pub struct SegmentSnapshot {
    pub schema: Arc<Schema>,
    pub chunks: Vec<Arc<Chunk>>,
    pub row_count: usize,
    pub sealed: bool,
    /// By field id.
    pub indexes: HashMap<u32, IndexSlot>,
    pub(super) lookup: KeyLookup,
}

impl SegmentSnapshot {
    /// The index of a field, when it has one of this type.
    pub fn index<T: Any + Send + Sync>(&self, field_id: u32) -> Option<Arc<T>> {
        self.indexes
            .get(&field_id)
            .and_then(|slot| Arc::clone(&slot.index).downcast::<T>().ok())
    }

    /// All rows with these keys, whether alive or not, in the order of the keys; a key may have several rows or none.
    pub fn lookup(&self, keys: &Keys) -> Vec<Pick<'_>> {
        self.lookup.find(&self.chunks, self.schema.primary, keys)
    }
}
