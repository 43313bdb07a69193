//! DISKANN: a graph whose links and full vectors lie in sectors of the index's file, with codes of the rows in memory, after Subramanya et al.,
//! "DiskANN: Fast Accurate Billion-point Nearest Neighbor Search on a Single Node", NeurIPS 2019.
//!
//! A search walks by the codes (`hnsw::stored`), reads the sectors of a beam of rows at a time, and ranks the rows that it read by their full vectors. So
//! memory holds the codes alone; what is read of the file is the operating system's to keep or to drop. Null rows are not in the graph, of equal rows
//! only one is (`hnsw::twins`).
//!
//! `link` builds the graph, `sectors` lays it out, `search` answers, `file` writes and reads the index.

mod file;
mod lifted;
mod link;
mod search;
mod sectors;
#[cfg(test)]
mod tests;

use std::sync::Mutex;

use super::hnsw::codes::Codes;
use super::hnsw::exact::{Exact, inverse_norms_of};
use super::hnsw::graph::Growing;
use super::hnsw::product::Cut;
use super::hnsw::small_codes::Bits;
use super::hnsw::space::Point;
use super::hnsw::stored::{Stored, Wanted};
use super::hnsw::training::{Centre, every_nth};
use super::hnsw::twins::Twins;
use super::hnsw::{linked_rows, present_rows};
use super::row_set::RowSet;
use super::vector_index::{IndexPlan, not_of};
use super::vectors::{QueryVector, Vectors};
use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::segment::schema::ColumnType;
use lifted::Lifted;
use search::BeamScratch;
use sectors::Sectors;

/// A longer list finds nothing more: greater ones are taken as this.
const SEARCH_LIST_USED_MAX: usize = 2_000;
/// Rows among which the entry is looked for.
const ROWS_TRIED: usize = 10_000;

#[derive(Debug)]
pub struct DiskAnn {
    metric: Metric,
    vector_type: ColumnType,
    dim: usize,
    row_count: usize,
    search_list_size: usize,
    /// Where each walk starts: near the middle of the rows; None without rows.
    entry: Option<u32>,
    /// The rows that have a vector; None: all.
    present: Option<RowSet>,
    /// Rows that are found through an equal one; None: none.
    twins: Option<Twins>,
    /// Codes of 4 or 6 bits, or of parts; Nothing without rows.
    codes: Stored,
    sectors: Sectors,
    pool: Mutex<Vec<BeamScratch>>,
}

impl DiskAnn {
    /// Builds on the current rayon pool. Kind `malformed`: the plan is not of such vectors.
    pub fn build(vectors: &Vectors, plan: &IndexPlan) -> Outcome<DiskAnn> {
        if plan.max_degree < 1 || plan.search_list_size < 1 {
            return Err(Failure::malformed("parameters of an index"));
        }
        let row_count = vectors.row_count;
        let inverse_norms = inverse_norms_of(vectors, plan.metric);
        let exact = Exact::of(vectors, plan.metric, &inverse_norms).filter(|exact| !exact.is_bits() && !exact.is_bytes());
        let exact = exact.ok_or_else(|| not_of(vectors))?;
        let present = present_rows(vectors);
        let twins = Twins::find(vectors, present.as_ref());
        let linked = linked_rows(present.as_ref(), twins.as_ref());
        let centre = Centre::of(&exact, row_count, present.as_ref());
        let entry = centre.as_ref().and_then(|centre| entry_of(&exact, centre, linked.as_ref()));
        let graph = Growing::flat(row_count, plan.max_degree, entry);
        if let (Some(centre), Some(_)) = (&centre, entry) {
            let options = link::Options {
                max_degree: plan.max_degree,
                search_list_size: plan.search_list_size.min(SEARCH_LIST_USED_MAX),
                progress: &plan.progress,
            };
            match Codes::train(&exact, centre, row_count) {
                Some(codes) => {
                    let space = codes.space(plan.metric);
                    let lifted = Lifted::of_codes(space, plan.metric, &exact, centre);
                    link::link_rows(&lifted, &graph, linked.as_ref(), &options);
                }
                None => link::link_rows(&Lifted::of_rows(exact, centre), &graph, linked.as_ref(), &options),
            }
        }
        let codes = codes_of(&exact, vectors, plan.pq_code_ratio, centre.as_ref());
        Ok(DiskAnn {
            metric: plan.metric,
            vector_type: vectors.kind,
            dim: vectors.dim,
            row_count,
            search_list_size: plan.search_list_size,
            entry,
            sectors: Sectors::write(vectors, &inverse_norms, &graph.freeze(), plan.max_degree),
            present,
            twins,
            codes,
            pool: Mutex::default(),
        })
    }

    fn has_vector(&self, row: u32) -> bool {
        self.present.as_ref().is_none_or(|present| present.get(row as usize))
    }
}

/// Codes that take about that part of the vectors' bytes: whole numbers where they have four bits a dimension, since those are compared ten times as fast,
/// else codes of parts.
fn codes_of(exact: &Exact<'_>, vectors: &Vectors, ratio: f32, centre: Option<&Centre<'_>>) -> Stored {
    let width = vectors.kind.width(vectors.dim).unwrap_or(0);
    let ratio = if ratio > 0.0 { ratio.min(1.0) } else { 0.125 };
    let bytes = width as f32 * ratio;
    let small = [Bits::Six, Bits::Four]
        .into_iter()
        .find(|bits| bits.width(vectors.dim) as f32 <= bytes.ceil());
    let parts = Wanted::Product(Cut::new(vectors.dim, bytes as usize, 8, 1));
    let train = |wanted: Wanted| Stored::train(wanted, exact, centre, vectors.row_count);
    match small.map(|bits| train(Wanted::Small(bits))) {
        Some(stored) if stored.is_coded() => stored,
        _ => train(parts),
    }
}

/// The linked row that is nearest to the mean, of a sample.
fn entry_of(exact: &Exact<'_>, centre: &Centre<'_>, linked: Option<&RowSet>) -> Option<u32> {
    let rows: Vec<u32> = centre
        .rows
        .iter()
        .copied()
        .filter(|&row| linked.is_none_or(|linked| linked.get(row as usize)))
        .collect();
    let rows = every_nth(&rows, ROWS_TRIED);
    let mut distances = Vec::new();
    exact.query(QueryVector::Floats(&centre.mean))?.distances(&rows, &mut distances);
    let nearest = rows.iter().zip(&distances).min_by(|left, right| left.1.total_cmp(right.1));
    nearest.map(|(&row, _)| row)
}
