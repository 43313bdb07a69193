//! Tells quickly that a sealed segment does not hold a key: its smallest and largest key, and a Bloom filter whose bits for a key lie in one block of 32 bytes.
//!
//! The filter is a part of the segment file (`file.rs`): blocks of eight u32, ten bits a key, about one wrong "perhaps" in a hundred. A key sets one bit
//! in each word of its block. It is derived from the keys: a damaged one is left out, and lookups go on without it.
//! Source: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007); the salts are those of Apache Parquet's split block filters.

use xxhash_rust::xxh3::xxh3_64;

use super::buffer::Buffer;
use super::column::{Column, Values};

const WORDS: usize = 8;
pub(super) const BLOCK_BYTES: usize = WORDS * 4;
const BITS_PER_KEY: usize = 10;
const SALTS: [u32; WORDS] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// Bytes of the filter of so many keys.
pub(super) fn filter_bytes(key_count: usize) -> usize {
    (key_count * BITS_PER_KEY).div_ceil(BLOCK_BYTES * 8) * BLOCK_BYTES
}

fn hash_integer(key: i64) -> u64 {
    xxh3_64(&key.to_le_bytes())
}

/// The block of a key and the bit it has in each word there.
fn place(hash: u64, words: usize) -> (usize, [u32; WORDS]) {
    let blocks = (words / WORDS) as u64;
    let block = ((hash >> 32) * blocks) >> 32;
    (
        block as usize * WORDS,
        SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27)),
    )
}

/// The filter of keys that are handed over one by one.
pub(super) struct FilterBuilder {
    words: Vec<u32>,
}

impl FilterBuilder {
    pub fn new(key_count: usize) -> Self {
        FilterBuilder {
            words: vec![0; filter_bytes(key_count) / 4],
        }
    }

    pub fn add_integer(&mut self, key: i64) {
        self.add(hash_integer(key));
    }

    pub fn add_text(&mut self, key: &[u8]) {
        self.add(xxh3_64(key));
    }

    fn add(&mut self, hash: u64) {
        let (start, bits) = place(hash, self.words.len());
        for (word, bit) in self.words[start..start + WORDS].iter_mut().zip(bits) {
            *word |= bit;
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

#[derive(Clone, Debug)]
enum Fences {
    Integers(i64, i64),
    Texts(Vec<u8>, Vec<u8>),
    /// No key at all.
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) struct KeyFilter {
    fences: Fences,
    /// None: damaged, or the segment was made without.
    words: Option<Buffer<u32>>,
}

impl KeyFilter {
    /// Of the keys of a sealed segment, which are ascending.
    pub fn new(keys: &Column, words: Option<Buffer<u32>>) -> Self {
        let row_count = keys.values.row_count();
        let fences = match (&keys.values, row_count) {
            (_, 0) => Fences::Nothing,
            (Values::Int64(values), last) => Fences::Integers(values[0], values[last - 1]),
            (values, last) => Fences::Texts(values.bytes_at(0).to_vec(), values.bytes_at(last - 1).to_vec()),
        };
        KeyFilter {
            fences,
            words: words.filter(|words| !words.is_empty()),
        }
    }

    pub fn may_have_integer(&self, key: i64) -> bool {
        matches!(self.fences, Fences::Integers(low, high) if low <= key && key <= high) && self.passes(|| hash_integer(key))
    }

    pub fn may_have_text(&self, key: &[u8]) -> bool {
        matches!(&self.fences, Fences::Texts(low, high) if &low[..] <= key && key <= &high[..]) && self.passes(|| xxh3_64(key))
    }

    fn passes(&self, hash: impl FnOnce() -> u64) -> bool {
        let Some(words) = &self.words else { return true };
        let (start, bits) = place(hash(), words.len());
        words[start..start + WORDS].iter().zip(bits).all(|(word, bit)| word & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter_of(keys: &[i64]) -> KeyFilter {
        let mut builder = FilterBuilder::new(keys.len());
        keys.iter().for_each(|&key| builder.add_integer(key));
        let words: Vec<u32> = builder
            .into_bytes()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let column = Column {
            id: 1,
            values: Values::Int64(keys.to_vec().into()),
            valid: None,
        };
        KeyFilter::new(&column, Some(words.into()))
    }

    #[test]
    fn finds_every_key_and_hardly_any_other() {
        let keys: Vec<i64> = (0..100_000).map(|key| key * 2).collect();
        let filter = filter_of(&keys);
        assert!(keys.iter().all(|&key| filter.may_have_integer(key)));
        let wrong = (0..100_000).filter(|key| filter.may_have_integer(key * 2 + 1)).count();
        assert!(wrong < 2500, "{wrong} of 100,000 absent keys pass");
        assert!(!filter.may_have_integer(-1) && !filter.may_have_integer(200_000));
    }
}
