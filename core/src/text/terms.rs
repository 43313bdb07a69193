//! A text as a sparse vector: the index is a term, the value how often the text has it (Milvus's document vectors of BM25).
//!
//! A term's number is the CRC-32 (IEEE) of the first 100 bytes of its token, modulo 2^32 - 1, so terms that collide count as one.

use super::Analyzer;

/// Bytes of a token that count.
const TOKEN_BYTES: usize = 100;

pub fn term_of(token: &str) -> u32 {
    let bytes = token.as_bytes();
    crc32fast::hash(&bytes[..bytes.len().min(TOKEN_BYTES)]) % u32::MAX
}

/// Appends the text's vector to `out`: pairs of a term and its frequency (f32), ascending, little-endian. `terms` is room to work in.
pub fn write_terms(analyzer: &Analyzer, text: &str, terms: &mut Vec<u32>, out: &mut Vec<u8>) {
    terms.clear();
    analyzer.each(text, |token| terms.push(term_of(&token.text)));
    terms.sort_unstable();
    for same in terms.chunk_by(|one, other| one == other) {
        out.extend_from_slice(&same[0].to_le_bytes());
        out.extend_from_slice(&(same.len() as f32).to_le_bytes());
    }
}
