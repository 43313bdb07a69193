//! Finds the rows of a key.

use std::sync::Arc;

use super::chunk::Chunk;
use super::keys::Keys;
use super::snapshot::Pick;

#[derive(Clone)]
pub(super) struct KeyLookup;

impl KeyLookup {
    pub fn find<'a>(&self, _chunks: &'a [Arc<Chunk>], _keys: &Keys) -> Vec<Pick<'a>> {
        todo!()
    }
}
