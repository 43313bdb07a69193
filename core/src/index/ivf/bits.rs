//! IVF of binary vectors: lists around the mean bits of their rows, with the rows themselves in the lists.
//!
//! A centroid has for each bit the share of its rows that have it, in 127ths, so that a query's bits (each a byte, 0 or 1) meet it in an integer product
//! that is finer than the distance to a vector of majorities. Scores are exact.

use std::cell::RefCell;

use rayon::prelude::*;

use super::build::{lists_for, sample_size};
use super::codes::{Place, in_fours};
use super::kmeans::Groups;
use super::lists::Lists;
use super::nearest::Nearest;
use super::search::{NPROBE_DEFAULT, Probe, probes_for, put_nearest_first};
use super::space::sample;
use crate::distance::{Metric, kernels};
use crate::failure::Outcome;
use crate::index::file::{self, IndexFile, damaged};
use crate::index::row_set::RowSet;
use crate::index::vector_index::{IndexKind, IndexPlan, Look, VectorIndex, not_of};
use crate::index::vectors::{QueryVector, Vectors};
use crate::segment::buffer::Buffer;
use crate::segment::schema::ColumnType;

const CENTROIDS: u32 = 1;
const OFFSETS: u32 = 2;
const ROWS: u32 = 3;
const BITS: u32 = 4;

/// Where the request does not say, one in so many lists is looked at, since lists of bits lie less apart than those of floats; but no fewer than of those.
const LISTS_A_PROBE: usize = 16;
/// Rounds over a part of the rows, then over all of them.
const ROUNDS_COARSE: usize = 6;
const ROUNDS_FINE: usize = 2;
const COARSE_PART: usize = 4;
const COARSE_ROWS_MIN: usize = 16;
const SEED: u64 = 0x00B1_75ED;
/// A bit that all rows of a list have.
const WHOLE: f32 = 127.0;
/// Values that one integer product takes.
const PRODUCT_VALUES: usize = 1 << 15;
const BLOCK_ROWS: usize = 32;

#[derive(Debug)]
pub struct BitsIvf {
    metric: Metric,
    /// Rows of the segment.
    row_count: usize,
    /// Bits of a vector.
    dim: usize,
    means: Means,
    lists: Lists,
    /// The rows' bits by position.
    bits: Buffer<u8>,
}

/// The centroids.
#[derive(Debug)]
struct Means {
    dim: usize,
    /// `dim` shares a list.
    shares: Buffer<i8>,
    /// Of each: the sum of its shares, and of their squares divided by twice a whole share.
    sums: Vec<f32>,
    halves: Vec<f32>,
}

impl Means {
    fn new(shares: Buffer<i8>, dim: usize) -> Means {
        let sum = |mean: &[i8], of: fn(f32) -> f32| mean.iter().map(|&share| of(f32::from(share))).sum();
        Means {
            dim,
            sums: shares.chunks_exact(dim).map(|mean| sum(mean, |share| share)).collect(),
            halves: shares
                .chunks_exact(dim)
                .map(|mean| sum(mean, |share| share * share / (2.0 * WHOLE)))
                .collect(),
            shares,
        }
    }

    fn mean(&self, list: usize) -> &[i8] {
        &self.shares[list * self.dim..(list + 1) * self.dim]
    }

    /// The nearest list of each row of spread bits, by squared distance.
    fn nearest(&self, block: &[i8]) -> Vec<u32> {
        let dim = self.dim;
        let mut best = vec![(f32::INFINITY, 0); block.len() / dim];
        let shares = &self.shares[..];
        for (list, (&half, mean)) in self.halves.iter().zip(shares.chunks_exact(dim)).enumerate() {
            let place = |best: &mut (f32, u32), product: i64| {
                let distance = half - product as f32;
                if distance < best.0 {
                    *best = (distance, list as u32);
                }
            };
            for (best, rows) in best.chunks_mut(4).zip(block.chunks(4 * dim)) {
                if rows.len() == 4 * dim && dim <= PRODUCT_VALUES {
                    let row = |at: usize| &rows[at * dim..(at + 1) * dim];
                    let products = kernels().dot_i8_four(mean, [row(0), row(1), row(2), row(3)]);
                    best.iter_mut()
                        .zip(products)
                        .for_each(|(best, product)| place(best, product.into()));
                } else {
                    let rows = rows.chunks_exact(dim);
                    best.iter_mut().zip(rows).for_each(|(best, row)| place(best, product(row, mean)));
                }
            }
        }
        best.into_iter().map(|(_, list)| list).collect()
    }
}

fn product(bits: &[i8], shares: &[i8]) -> i64 {
    let parts = bits.chunks(PRODUCT_VALUES).zip(shares.chunks(PRODUCT_VALUES));
    parts.map(|(bits, shares)| i64::from(kernels().dot_i8(bits, shares))).sum()
}

/// Each bit as a byte.
fn spread(bytes: &[u8], out: &mut Vec<i8>) {
    out.extend(bytes.iter().flat_map(|&byte| (0..8).map(move |bit| (byte >> bit & 1) as i8)));
}

/// The lists of `rows`.
fn assign(vectors: &Vectors, means: &Means, rows: &[u32]) -> Vec<u32> {
    let blocks = rows.par_chunks(BLOCK_ROWS);
    let lists = blocks.flat_map_iter(|rows| {
        let mut block = Vec::with_capacity(rows.len() * means.dim);
        rows.iter().for_each(|&row| spread(vectors.bytes(row as usize), &mut block));
        means.nearest(&block)
    });
    lists.collect()
}

fn train(vectors: &Vectors, rows: &[u32], list_count: usize) -> Means {
    let dim = vectors.dim;
    let mut shares = Vec::with_capacity(list_count * dim);
    let seeds = rows.iter().take(list_count);
    seeds.for_each(|&row| spread(vectors.bytes(row as usize), &mut shares));
    shares.resize(list_count * dim, 0);
    shares.iter_mut().for_each(|share| *share *= WHOLE as i8);
    let means = Means::new(shares.into(), dim);
    let coarse = (rows.len() / COARSE_PART).max(list_count * COARSE_ROWS_MIN).min(rows.len());
    let means = move_means(vectors, means, &rows[..coarse], ROUNDS_COARSE);
    move_means(vectors, means, rows, ROUNDS_FINE)
}

/// Moves each centroid to the mean of its rows, in so many rounds or until nothing changes.
fn move_means(vectors: &Vectors, mut means: Means, rows: &[u32], rounds: usize) -> Means {
    let (dim, list_count) = (vectors.dim, means.halves.len());
    for _ in 0..rounds {
        let groups = Groups::of(&assign(vectors, &means, rows), list_count);
        let mut shares = means.shares.to_vec();
        shares.par_chunks_exact_mut(dim).enumerate().for_each(|(list, shares)| {
            let members = groups.list(list);
            if members.is_empty() {
                return;
            }
            let (mut counts, mut bits) = (vec![0u32; dim], Vec::with_capacity(dim));
            for &member in members {
                bits.clear();
                spread(vectors.bytes(rows[member as usize] as usize), &mut bits);
                counts.iter_mut().zip(&bits).for_each(|(count, &bit)| *count += bit as u32);
            }
            let part = WHOLE / members.len() as f32;
            let of_counts = shares.iter_mut().zip(counts);
            of_counts.for_each(|(share, count)| *share = (count as f32 * part).round() as i8);
        });
        if shares[..] == means.shares[..] {
            break;
        }
        means = Means::new(shares.into(), dim);
    }
    means
}

impl BitsIvf {
    /// Builds on the current rayon pool. Kind `malformed` for other vectors and metrics.
    pub fn build_of(vectors: &Vectors, plan: &IndexPlan) -> Outcome<BitsIvf> {
        let is_known = matches!(plan.metric, Metric::Hamming | Metric::Jaccard);
        if vectors.kind != ColumnType::BinaryVector || !is_known {
            return Err(not_of(vectors));
        }
        let present: Vec<u32> = (0..vectors.row_count as u32).filter(|&row| vectors.has(row as usize)).collect();
        let list_count = lists_for(plan.nlist, present.len());
        let means = train(vectors, &sample(&present, sample_size(list_count), SEED), list_count);
        let lists = Lists::new(Groups::of(&assign(vectors, &means, &present), list_count), &present);
        let mut bits = Vec::with_capacity(present.len() * vectors.dim / 8);
        lists
            .rows()
            .iter()
            .for_each(|&row| bits.extend_from_slice(vectors.bytes(row as usize)));
        plan.progress.add(present.len());
        Ok(BitsIvf {
            metric: plan.metric,
            row_count: vectors.row_count,
            dim: vectors.dim,
            means,
            lists,
            bits: bits.into(),
        })
    }

    /// The index that a file holds; kind `damaged` where it is not whole.
    pub fn open(file: &IndexFile, vectors: &Vectors) -> Outcome<BitsIvf> {
        if !matches!(file.metric, Metric::Hamming | Metric::Jaccard) || vectors.kind != ColumnType::BinaryVector {
            return Err(damaged(16, "the index has a metric that its vectors do not have"));
        }
        let lists = Lists::open(file.section(OFFSETS)?, file.section(ROWS)?, vectors.row_count)?;
        let shares = file.section_of(CENTROIDS, lists.count() * vectors.dim)?;
        Ok(BitsIvf {
            metric: file.metric,
            row_count: vectors.row_count,
            dim: vectors.dim,
            means: Means::new(shares, vectors.dim),
            bits: file.section_of(BITS, lists.rows().len() * vectors.dim / 8)?,
            lists,
        })
    }

    /// The lists that have rows, with the distance that their rows have on average.
    fn probes(&self, query: &[u8]) -> Vec<Probe> {
        let mut spread_bits = Vec::with_capacity(self.dim);
        spread(query, &mut spread_bits);
        let own = spread_bits.iter().filter(|&&bit| bit != 0).count() as f32;
        let distance = |list: usize| {
            let both = product(&spread_bits, self.means.mean(list)) as f32 / WHOLE;
            let sum = own + self.means.sums[list] / WHOLE;
            match self.metric {
                Metric::Jaccard if sum > both => 1.0 - both / (sum - both),
                Metric::Jaccard => 0.0,
                _ => sum - 2.0 * both,
            }
        };
        let lists = (0..self.lists.count()).filter(|&list| !self.lists.range(list).is_empty());
        lists.map(|list| (distance(list), list as u32)).collect()
    }

    fn scan(&self, query: &[u8], place: &Place, nearest: &mut Nearest) {
        let kernels = kernels();
        let (width, bits) = (self.dim / 8, &self.bits[..]);
        let row = |position: usize| &bits[position * width..(position + 1) * width];
        let nearest = RefCell::new(nearest);
        let offer = |position: usize, distance: f32| nearest.borrow_mut().offer_at(distance, position, place.rows);
        let share = |both: u32, either: u32| if either == 0 { 0.0 } else { 1.0 - both as f32 / either as f32 };
        if self.metric == Metric::Hamming {
            let four = |positions: [usize; 4]| {
                let distances = kernels.hamming.four(query, positions.map(row));
                positions
                    .iter()
                    .zip(distances)
                    .for_each(|(&position, distance)| offer(position, distance as f32));
            };
            in_fours(place, four, |position| {
                offer(position, kernels.hamming.one(query, row(position)) as f32)
            });
            return;
        }
        let four = |positions: [usize; 4]| {
            let rows = positions.map(row);
            let (both, either) = (kernels.common.four(query, rows), kernels.either.four(query, rows));
            for (lane, &position) in positions.iter().enumerate() {
                offer(position, share(both[lane], either[lane]));
            }
        };
        in_fours(place, four, |position| {
            let row = row(position);
            offer(position, share(kernels.common.one(query, row), kernels.either.one(query, row)));
        });
    }

    /// The answer, and how many rows it looked at.
    pub(super) fn search_counted(&self, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> (Vec<(u32, f32)>, usize) {
        let QueryVector::Bits(query) = query else {
            return (Vec::new(), 0);
        };
        let allowed_count = allowed.map_or(self.row_count, RowSet::count);
        let k = look.k.min(allowed_count).min(self.lists.rows().len());
        if k == 0 {
            return (Vec::new(), 0);
        }
        let mut probes = self.probes(query);
        let asked = self.probes_for(look, allowed_count);
        let mut nearest = Nearest::new(k, self.row_count);
        put_nearest_first(&mut probes, asked);
        let (mut done, mut sorted, mut computed) = (0, asked, 0);
        while done < probes.len() && (done < asked || nearest.len() < k) {
            if done >= sorted {
                put_nearest_first(&mut probes[done..], done);
                sorted += done;
            }
            let place = Place::new(probes[done], &self.lists, allowed, 1.0);
            computed += place.range.len();
            self.scan(query, &place, &mut nearest);
            done += 1;
        }
        (nearest.finish().collect(), computed)
    }

    fn probes_for(&self, look: &Look, allowed: usize) -> usize {
        let asked = if look.nprobe == 0 {
            (self.lists.count() / LISTS_A_PROBE).max(NPROBE_DEFAULT)
        } else {
            look.nprobe
        };
        probes_for(asked, allowed, self.lists.rows().len()).min(self.lists.count())
    }
}

impl VectorIndex for BitsIvf {
    fn kind(&self) -> IndexKind {
        IndexKind::BinIvfFlat
    }

    fn metric(&self) -> Metric {
        self.metric
    }

    fn row_count(&self) -> usize {
        self.row_count
    }

    fn byte_size(&self) -> usize {
        let means = self.means.shares.byte_size() + 2 * self.means.sums.len() * size_of::<f32>();
        self.lists.byte_size() + means + self.bits.byte_size()
    }

    fn encode(&self) -> Vec<u8> {
        let sections: [(u32, &[u8]); 4] = [
            (CENTROIDS, bytemuck::cast_slice(&self.means.shares)),
            (OFFSETS, bytemuck::cast_slice(self.lists.offsets())),
            (ROWS, bytemuck::cast_slice(self.lists.rows())),
            (BITS, &self.bits),
        ];
        let shape = (self.row_count, self.dim, ColumnType::BinaryVector.number());
        file::encode(IndexKind::BinIvfFlat, self.metric, shape, &sections)
    }

    /// Nanoseconds, as in `cost`.
    fn pays(&self, allowed: usize, _: &Vectors, look: &Look) -> bool {
        let row_ns = 4.0 + 0.004 * self.dim as f32;
        let probed = self.probes_for(look, allowed) as f32 / self.lists.count() as f32;
        let lists_ns = self.lists.count() as f32 * (6.0 + 0.012 * self.dim as f32);
        let rows_ns = self.lists.rows().len() as f32 * probed + allowed as f32 * probed * row_ns;
        2_000.0 + lists_ns + rows_ns < allowed as f32 * (2.0 + row_ns)
    }

    fn search(&self, _: &Vectors, query: QueryVector, look: &Look, allowed: Option<&RowSet>) -> Vec<(u32, f32)> {
        self.search_counted(query, look, allowed).0
    }
}
