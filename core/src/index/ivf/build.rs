//! Building: a sample of the rows gives the centroids and trains the codes, then each row is put into its list and coded.

use rayon::prelude::*;

use super::Ivf;
use super::codes::books::Books;
use super::codes::levels::Levels;
use super::codes::planes::Planes;
use super::codes::{Coder, Codes};
use super::exact::Exact;
use super::kmeans::{BLOCK_ROWS, Centroids, Groups, train};
use super::lists::Lists;
use super::space::{Space, sample};
use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::index::vector_index::{IndexKind, IndexPlan, Look, not_of};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::buffer::Buffer;
use crate::segment::schema::ColumnType;

const SEED: u64 = 0x001F_CE17;
/// Rows that a list has on average at least; with more lists asked for there are fewer.
const LIST_ROWS_MIN: usize = 39;
/// Rows of the sample for each list: at most, and where there are many lists at least.
const SAMPLED_MAX: usize = 256;
const SAMPLED_MIN: usize = 64;
const SAMPLE_ENOUGH: usize = 32 * 1024;
/// Rows whose residuals train the codes.
const CODES_SAMPLE: usize = 16 * 1024;
const NBITS_MAX: usize = 24;
/// Flat rows: from what dimension on codes save something, how they are tried, and what part of the rows they have to find.
const CODED_DIM_MIN: usize = 32;
const ROWS_TRIED: usize = 64;
const TRIED_K: usize = 10;
const TRIED_RECALL_MIN: f32 = 0.995;

impl Ivf {
    /// Builds on the current rayon pool. Kind `malformed` for vectors that are no floats and parameters out of range.
    pub fn build_of(vectors: &Vectors, plan: &IndexPlan) -> Outcome<Ivf> {
        let is_float = matches!(
            vectors.kind,
            ColumnType::FloatVector | ColumnType::Float16Vector | ColumnType::BFloat16Vector
        );
        if !is_float || !matches!(plan.metric, Metric::L2 | Metric::Ip | Metric::Cosine) {
            return Err(not_of(vectors));
        }
        let wants = Wants::of(plan, vectors.dim).ok_or_else(|| Failure::malformed("parameters of an index"))?;
        let present: Vec<u32> = (0..vectors.row_count as u32).filter(|&row| vectors.has(row as usize)).collect();
        let list_count = lists_for(plan.nlist, present.len());
        let sampled = sample(&present, sample_size(list_count), SEED);
        let rotated = matches!(wants, Wants::Bits(_));
        let space = Space::of(vectors, &sampled, plan.metric, rotated);
        let dim = vectors.dim;
        let mut rows = read_rows(vectors, &space, &sampled);
        let values = if present.is_empty() {
            vec![0.0; dim]
        } else {
            train(&rows, dim, list_count)
        };
        let centroids = Centroids::new(&values, dim);
        let lists = Lists::new(Groups::of(&assign(vectors, &space, &present, &centroids), list_count), &present);
        rows.truncate(CODES_SAMPLE * dim);
        subtract_centroids(&mut rows, &centroids, &values);
        let coder = wants.coder(&rows, dim);
        let codes = coder.map(|coder| Codes::of(coder, vectors, &space, &values, &lists, &plan.progress));
        if codes.is_none() {
            plan.progress.add(present.len());
        }
        let mut index = Ivf::new(plan.kind, vectors, space, values.into(), lists);
        if matches!(wants, Wants::Rows) {
            index.choose_codes(vectors, codes, &sampled);
        } else {
            index.codes = codes;
        }
        Ok(index)
    }

    /// Takes the codes where searches for `sampled` rows find by them what they find without.
    fn choose_codes(&mut self, vectors: &Vectors, codes: Option<Codes>, sampled: &[u32]) {
        if self.space.metric == Metric::Cosine {
            self.inverse_norms = self.norms_of(vectors).into();
        }
        let Some(codes) = codes else { return };
        let look = Look {
            k: TRIED_K,
            ..Look::default()
        };
        let tried = &sampled[..sampled.len().min(ROWS_TRIED)];
        let find = |index: &Ivf| -> Vec<Vec<u32>> {
            let answers = tried.par_iter().map(|&row| {
                let mut query = vec![0.0; vectors.dim];
                vectors.read(row as usize, &mut query);
                let (hits, _) = index.search_counted(vectors, QueryVector::Floats(&query), &look, None);
                hits.into_iter().map(|(row, _)| row).collect()
            });
            answers.collect()
        };
        let exact = find(self);
        self.codes = Some(codes);
        let pairs = find(self).into_iter().zip(&exact);
        let same: usize = pairs
            .map(|(found, exact)| found.iter().filter(|row| exact.contains(row)).count())
            .sum();
        let wanted: usize = exact.iter().map(Vec::len).sum();
        if same as f32 >= TRIED_RECALL_MIN * wanted as f32 {
            self.inverse_norms = Buffer::default();
        } else {
            self.codes = None;
        }
    }

    fn norms_of(&self, vectors: &Vectors) -> Vec<f32> {
        let zeros = vec![0.0; vectors.dim];
        let chunks = self.lists.rows().par_chunks(1024);
        let norms = chunks.flat_map_iter(|rows| {
            let exact = Exact::new(vectors, Metric::Cosine, QueryVector::Floats(&zeros));
            rows.iter()
                .map(move |&row| exact.as_ref().map_or(0.0, |exact| exact.inverse_norm(row)))
        });
        norms.collect()
    }
}

/// Lists for so many rows.
pub fn lists_for(nlist: usize, rows: usize) -> usize {
    nlist.min(rows / LIST_ROWS_MIN).max(1)
}

/// Rows that so many lists are trained on.
pub fn sample_size(list_count: usize) -> usize {
    (SAMPLED_MAX * list_count).min(SAMPLE_ENOUGH.max(SAMPLED_MIN * list_count))
}

/// What codes an index is to have.
enum Wants {
    /// None, or levels of 8 bits where they lose nothing.
    Rows,
    Levels(usize),
    /// Dimensions of a part, bits of it, whether the loss is anisotropic.
    Books(usize, usize, bool),
    /// RaBitQ.
    Bits(usize),
}

impl Wants {
    /// None when the parameters are out of range.
    fn of(plan: &IndexPlan, dim: usize) -> Option<Wants> {
        match plan.kind {
            IndexKind::IvfFlat => Some(Wants::Rows),
            IndexKind::IvfSq => match plan.sq_type.as_str() {
                "" | "SQ8" => Some(Wants::Levels(8)),
                "SQ6" => Some(Wants::Levels(6)),
                "SQ4" => Some(Wants::Levels(4)),
                _ => None,
            },
            IndexKind::IvfPq => {
                let fits = (1..=dim).contains(&plan.pq_m) && (1..=NBITS_MAX).contains(&plan.nbits);
                fits.then(|| Wants::Books(dim.div_ceil(plan.pq_m), plan.nbits, false))
            }
            IndexKind::IvfRabitq => (1..=9).contains(&plan.rbq_bits).then_some(Wants::Bits(plan.rbq_bits)),
            IndexKind::Scann => (1..=dim)
                .contains(&plan.sub_dim)
                .then(|| Wants::Books(plan.sub_dim, 4, plan.metric != Metric::L2)),
            _ => None,
        }
    }

    /// The coder, trained on residuals in no order; None: rows are not coded.
    fn coder(&self, residuals: &[f32], dim: usize) -> Option<Coder> {
        match *self {
            Wants::Rows if dim < CODED_DIM_MIN => None,
            Wants::Rows => Some(Coder::Levels(Levels::train(8, residuals, dim))),
            Wants::Levels(bits) => Some(Coder::Levels(Levels::train(bits, residuals, dim))),
            Wants::Books(part, bits, anisotropic) => {
                let books = Books::train(residuals, dim, part, bits, anisotropic);
                Some(if bits <= 4 { Coder::SmallBooks(books) } else { Coder::Books(books) })
            }
            Wants::Bits(bits) if bits <= 2 => Some(Coder::Planes(Planes { bits, dim })),
            // Levels are packed in 4, 6 and 8 bits; what is asked for is the least of it.
            Wants::Bits(bits) => Some(Coder::Levels(Levels::scaled([4, 6, 8][(bits.clamp(4, 8) - 3) / 2], dim))),
        }
    }
}

fn read_rows(vectors: &Vectors, space: &Space, rows: &[u32]) -> Vec<f32> {
    let dim = space.dim();
    let mut values = vec![0.0; rows.len() * dim];
    let places = values.par_chunks_exact_mut(dim).zip(rows);
    places.for_each(|(place, &row)| space.read(vectors, row, place));
    values
}

/// The list of each of `present`.
fn assign(vectors: &Vectors, space: &Space, present: &[u32], centroids: &Centroids) -> Vec<u32> {
    let dim = space.dim();
    let blocks = present.par_chunks(BLOCK_ROWS);
    let lists = blocks.flat_map_iter(|rows| {
        let mut block = vec![0.0; rows.len() * dim];
        for (place, &row) in block.chunks_exact_mut(dim).zip(rows) {
            space.read(vectors, row, place);
        }
        centroids.nearest_of_block(&block)
    });
    lists.collect()
}

fn subtract_centroids(rows: &mut [f32], centroids: &Centroids, values: &[f32]) {
    let lists = centroids.nearest(rows);
    let dim = centroids.dim();
    rows.par_chunks_exact_mut(dim).zip(lists).for_each(|(row, list)| {
        let centroid = &values[list as usize * dim..(list as usize + 1) * dim];
        row.iter_mut().zip(centroid).for_each(|(value, centre)| *value -= centre);
    });
}
