//! Building: each window of rows is counted, then its lists are laid into their place in the index; windows side by side on the pool.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use rayon::prelude::*;

use super::query::{Limits, length_of};
use super::{BLOCK, SparseIndex, Strategy, WINDOW};
use crate::distance::Metric;
use crate::failure::{Failure, Outcome};
use crate::index::mix::mix;
use crate::index::vector_index::{IndexPlan, not_of};
use crate::index::vectors::Vectors;
use crate::segment::pair_of;
use crate::segment::schema::ColumnType;

#[derive(Default)]
struct MixHasher(u64);

impl Hasher for MixHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0 ^ u64::from(number));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Numbers of a window's lists by index.
type Numbers = HashMap<u32, u32, BuildHasherDefault<MixHasher>>;

/// The lists of a window before they are filled.
struct Counted {
    rows: Range<usize>,
    /// Ascending.
    indexes: Vec<u32>,
    counts: Vec<u32>,
    numbers: Numbers,
}

/// The part of the index that a window fills.
struct Place<'a> {
    rows: &'a mut [u16],
    values: &'a mut [f32],
    limits: &'a mut [[f32; 2]],
}

/// The rows that have a vector: number within the window, and bytes.
fn rows_of<'a>(vectors: &'a Vectors, rows: Range<usize>) -> impl Iterator<Item = (usize, &'a [u8])> {
    let start = rows.start;
    rows.filter(|&row| vectors.has(row))
        .map(move |row| (row - start, vectors.bytes(row)))
}

/// The pairs of a row whose value is not zero.
fn nonzero(row: &[u8]) -> impl Iterator<Item = (u32, f32)> {
    row.as_chunks::<8>().0.iter().map(pair_of).filter(|&(_, value)| value != 0.0)
}

fn count(vectors: &Vectors, rows: Range<usize>) -> Counted {
    let mut numbers = Numbers::default();
    let mut found: Vec<(u32, u32)> = Vec::new();
    for (_, row) in rows_of(vectors, rows.clone()) {
        for (index, _) in nonzero(row) {
            let number = *numbers.entry(index).or_insert_with(|| {
                found.push((index, 0));
                found.len() as u32 - 1
            });
            found[number as usize].1 += 1;
        }
    }
    found.sort_unstable();
    for (number, (index, _)) in found.iter().enumerate() {
        numbers.insert(*index, number as u32);
    }
    let (indexes, counts) = found.into_iter().unzip();
    Counted {
        rows,
        indexes,
        counts,
        numbers,
    }
}

fn fill(vectors: &Vectors, counted: &Counted, lengths: &[f32], place: Place) {
    let mut ends: Vec<u32> = Vec::with_capacity(counted.counts.len());
    let mut end = 0;
    for count in &counted.counts {
        ends.push(end);
        end += count;
    }
    for (local, row) in rows_of(vectors, counted.rows.clone()) {
        for (index, value) in nonzero(row) {
            let end = &mut ends[counted.numbers[&index] as usize];
            place.rows[*end as usize] = local as u16;
            place.values[*end as usize] = value;
            *end += 1;
        }
    }
    let (mut at, mut limits) = (0, place.limits.iter_mut());
    for &count in &counted.counts {
        let list = at..at + count as usize;
        let blocks = place.rows[list.clone()].chunks(BLOCK).zip(place.values[list].chunks(BLOCK));
        for ((rows, values), limits) in blocks.zip(limits.by_ref()) {
            let of = |(&row, &value): (&u16, &f32)| Limits {
                high: value,
                low: lengths.get(counted.rows.start + usize::from(row)).copied().unwrap_or(value),
            };
            *limits = rows.iter().zip(values).map(of).fold(Limits::NONE, Limits::with).into();
        }
        at += count as usize;
    }
}

impl SparseIndex {
    /// Kind `malformed` when the vectors are not sparse, the metric not one of theirs, or there are 2^32 values or more.
    pub fn build_of(vectors: &Vectors, plan: &IndexPlan) -> Outcome<SparseIndex> {
        if vectors.kind != ColumnType::SparseFloatVector || !matches!(plan.metric, Metric::Ip | Metric::Bm25) {
            return Err(not_of(vectors));
        }
        let strategy = Strategy::of_algorithm(&plan.inverted_index_algo)?;
        let windows = (0..vectors.row_count).step_by(WINDOW);
        let windows: Vec<Range<usize>> = windows.map(|start| start..vectors.row_count.min(start + WINDOW)).collect();
        let lengths: Vec<f32> = match plan.metric {
            Metric::Bm25 => {
                let length = |row: usize| if vectors.has(row) { length_of(vectors.bytes(row)) } else { 0.0 };
                (0..vectors.row_count).into_par_iter().map(length).collect()
            }
            _ => Vec::new(),
        };
        let counted: Vec<Counted> = windows.into_par_iter().map(|rows| count(vectors, rows)).collect();
        let directory = Directory::of(&counted)?;
        let (mut rows, mut values) = (vec![0u16; directory.values()], vec![0f32; directory.values()]);
        let mut limits = vec![[0f32; 2]; directory.blocks()];
        let places = places(&counted, &mut rows, &mut values, &mut limits);
        counted
            .par_iter()
            .zip(places)
            .for_each(|(counted, place)| fill(vectors, counted, &lengths, place));
        Ok(SparseIndex {
            metric: plan.metric,
            strategy,
            row_count: vectors.row_count,
            window_lists: directory.window_lists.into(),
            indexes: directory.indexes.into(),
            starts: directory.starts.into(),
            block_starts: directory.block_starts.into(),
            rows: rows.into(),
            values: values.into(),
            limits: limits.into(),
            lengths: lengths.into(),
            scratch: Default::default(),
        })
    }
}

/// Where the lists of all windows begin; as in `SparseIndex`.
struct Directory {
    window_lists: Vec<u32>,
    indexes: Vec<u32>,
    starts: Vec<u32>,
    block_starts: Vec<u32>,
}

impl Directory {
    /// Kind `malformed` when there are 2^32 values or more.
    fn of(windows: &[Counted]) -> Outcome<Directory> {
        let mut directory = Directory {
            window_lists: vec![0],
            indexes: Vec::new(),
            starts: vec![0],
            block_starts: vec![0],
        };
        let (mut values, mut blocks) = (0usize, 0usize);
        for window in windows {
            for &count in &window.counts {
                values += count as usize;
                blocks += (count as usize).div_ceil(BLOCK);
                directory.starts.push(values as u32);
                directory.block_starts.push(blocks as u32);
            }
            directory.indexes.extend_from_slice(&window.indexes);
            directory.window_lists.push(directory.indexes.len() as u32);
        }
        match u32::try_from(values) {
            Ok(_) => Ok(directory),
            Err(_) => Err(Failure::malformed("an index of 2^32 values or more")),
        }
    }

    fn values(&self) -> usize {
        self.starts.last().map_or(0, |&end| end as usize)
    }

    fn blocks(&self) -> usize {
        self.block_starts.last().map_or(0, |&end| end as usize)
    }
}

fn places<'a>(windows: &[Counted], mut rows: &'a mut [u16], mut values: &'a mut [f32], mut limits: &'a mut [[f32; 2]]) -> Vec<Place<'a>> {
    let place = |window: &Counted| {
        let counts = || window.counts.iter().map(|&count| count as usize);
        Place {
            rows: split_off(&mut rows, counts().sum()),
            values: split_off(&mut values, counts().sum()),
            limits: split_off(&mut limits, counts().map(|count| count.div_ceil(BLOCK)).sum()),
        }
    };
    windows.iter().map(place).collect()
}

/// Takes the first `count` values off a slice.
fn split_off<'a, T>(rest: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (first, after) = std::mem::take(rest).split_at_mut(count);
    *rest = after;
    first
}
