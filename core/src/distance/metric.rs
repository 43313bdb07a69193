//! What a search ranks by.

/// Scores are those that users see: squared distance, inner product, cosine; of bits: how many differ, the share of them that is not common, and 0 of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    L2,
    Ip,
    Cosine,
    Hamming,
    Jaccard,
    /// The query's bits are all set in the row.
    Substructure,
    /// The row's bits are all set in the query.
    Superstructure,
    /// Of sparse vectors of frequencies; see `index::sparse::query`.
    Bm25,
}

impl Metric {
    /// Milvus's name of the metric, in any case.
    pub fn from_name(name: &str) -> Option<Metric> {
        let names = [
            ("L2", Metric::L2),
            ("IP", Metric::Ip),
            ("COSINE", Metric::Cosine),
            ("HAMMING", Metric::Hamming),
            ("JACCARD", Metric::Jaccard),
            ("SUBSTRUCTURE", Metric::Substructure),
            ("SUPERSTRUCTURE", Metric::Superstructure),
            ("BM25", Metric::Bm25),
        ];
        names
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, metric)| metric)
    }

    pub fn higher_is_better(self) -> bool {
        matches!(self, Metric::Ip | Metric::Cosine | Metric::Bm25)
    }
}
