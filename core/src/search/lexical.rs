//! What full-text search asks for: texts as sparse query vectors, weighed by how rare their terms are among the rows that are searched.
//!
//! A term's value is how often the query has it times its idf, ln(1 + (N - n + 0.5) / (n + 0.5)) of N rows, n of them with the term; the rows' own part of
//! BM25 is `index::sparse::query`'s. N, n and the average length are those of the segments given (Milvus: of one shard channel), deleted rows included.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::segment::{SegmentSnapshot, pair_of};
use crate::text::terms::write_terms;

#[derive(Clone, Debug, PartialEq)]
pub struct TextQueries {
    /// Sparse vectors one after another, and the bytes of each.
    pub vectors: Vec<u8>,
    pub lengths: Vec<u32>,
    /// 1 where no row has a term.
    pub average_length: f32,
}

/// Kind `malformed` when the field is not made of texts, or a query is no text.
pub fn weigh_texts(segments: &[SegmentSnapshot], field_id: u32, texts: &[&[u8]]) -> Outcome<TextQueries> {
    let refuse = |why: &str| Failure::of_field("malformed", field_id, vec![why.into()]);
    let first = segments.first().ok_or_else(|| refuse("texts for no segments"))?;
    let position = first.schema.position(field_id).ok_or_else(|| refuse("search of no field"))?;
    let (_, analyzer) = first
        .schema
        .source_of(&first.schema.columns[position])
        .ok_or_else(|| refuse("texts for a field that is not made of texts"))?;
    let (mut vectors, mut lengths, mut room) = (Vec::new(), Vec::with_capacity(texts.len()), Vec::new());
    for text in texts {
        let text = std::str::from_utf8(text).map_err(|_| Failure::of_field("queryNotUtf8", field_id, vec![]))?;
        let start = vectors.len();
        write_terms(analyzer, text, &mut room, &mut vectors);
        lengths.push((vectors.len() - start) as u32);
    }
    let mut terms: Vec<u32> = vectors.as_chunks::<8>().0.iter().map(|pair| pair_of(pair).0).collect();
    terms.sort_unstable();
    terms.dedup();
    let seen = Seen::of(segments, position, &terms);
    let idf: HashMap<u32, f32> = terms
        .iter()
        .zip(&seen.with)
        .map(|(&term, &with)| (term, idf(seen.rows, with)))
        .collect();
    for pair in vectors.as_chunks_mut::<8>().0 {
        let (term, frequency) = pair_of(pair);
        let value = frequency * idf.get(&term).copied().unwrap_or(0.0);
        pair[4..].copy_from_slice(&value.to_le_bytes());
    }
    let average_length = if seen.tokens > 0.0 {
        (seen.tokens / seen.rows as f64) as f32
    } else {
        1.0
    };
    Ok(TextQueries {
        vectors,
        lengths,
        average_length,
    })
}

fn idf(rows: usize, with: usize) -> f32 {
    // A row that came while the others were counted may be among those with the term alone.
    let (rows, with) = (rows.max(with) as f64, with as f64);
    (1.0 + (rows - with + 0.5) / (with + 0.5)).ln() as f32
}

struct Seen {
    rows: usize,
    tokens: f64,
    /// Rows with each term.
    with: Vec<usize>,
}

impl Seen {
    fn of(segments: &[SegmentSnapshot], position: usize, terms: &[u32]) -> Seen {
        let chunks: Vec<_> = segments.iter().flat_map(|segment| &segment.chunks).collect();
        let none = || Seen {
            rows: 0,
            tokens: 0.0,
            with: vec![0; terms.len()],
        };
        let one = |chunk: &&std::sync::Arc<crate::segment::chunk::Chunk>| {
            chunk.term_counts(position, |counts| Seen {
                rows: counts.row_count,
                tokens: counts.tokens,
                with: terms.iter().map(|&term| counts.rows_with(term)).collect(),
            })
        };
        chunks.par_iter().map(one).reduce(none, |mut all, part| {
            all.rows += part.rows;
            all.tokens += part.tokens;
            all.with.iter_mut().zip(part.with).for_each(|(sum, with)| *sum += with);
            all
        })
    }
}
