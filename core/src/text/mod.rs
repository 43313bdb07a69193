//! Texts as terms: what full-text search finds rows by.
//!
//! An analyzer is a tokenizer, which cuts a text into tokens, and filters, which each token goes through in their order; it is made of Milvus's JSON
//! (`analyzer`). `tokenizer` and `filter` have the kinds, `dictionary`, `stop_words`, `folding` and `han` what they know of languages and scripts. `terms` makes the sparse
//! vector of a text, in which BM25 counts. What an analyzer makes of a text must not change while rows are kept that it made: a query's terms are
//! compared with theirs.
//!
//! To add a tokenizer or a filter: a variant, its arm in `parse`, its arm where tokens go. All faults are of kind `analyzer`, with a name that
//! `src/engine/analyzer-words.ts` has the words for.

mod analyzer;
mod dictionary;
mod filter;
mod folding;
mod han;
mod json;
mod stop_words;
pub mod terms;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use analyzer::Analyzer;
