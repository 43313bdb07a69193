//! All lists of a window are added up into a sum a row, by rising index, so that sums are those of the exact score; then the sums are looked through.

use super::best::Best;
use super::query::Weigh;
use super::window::{Term, Window};
use super::{Scratch, WINDOW};

/// Sums that are looked at together.
const SWEPT: usize = 64;
/// Values that are weighed together.
const TOGETHER: usize = 64;

/// Adds a list to the sums of its rows.
#[inline]
pub fn add<W: Weigh>(sums: &mut [f32; WINDOW], window: &Window, weigh: W, term: &Term) {
    // Weights of some values at a time, so that they are worked out side by side.
    let (mut lengths, mut parts) = ([0f32; TOGETHER], [0f32; TOGETHER]);
    for (rows, values) in term.rows.chunks(TOGETHER).zip(term.values.chunks(TOGETHER)) {
        window.lengths_of::<W>(rows, &mut lengths);
        for ((part, &value), &length) in parts.iter_mut().zip(values).zip(&lengths) {
            *part = term.query * weigh.weight(value, length);
        }
        for (&row, &part) in rows.iter().zip(&parts) {
            sums[usize::from(row)] += part;
        }
    }
}

/// Visits the allowed rows of `rows` (a multiple of 64 at its start) whose sums are greater than `floor`, rising, and zeroes all sums there.
pub fn sweep(sums: &mut [f32; WINDOW], window: &Window, rows: std::ops::Range<usize>, floor: f32, mut visit: impl FnMut(u16, f32)) {
    let end = rows.end.next_multiple_of(SWEPT);
    let chunks = sums[rows.start..end].as_chunks_mut::<SWEPT>().0;
    for (at, chunk) in (rows.start / SWEPT..).zip(chunks) {
        let mut lanes = [0f32; 8];
        for eight in chunk.as_chunks::<8>().0 {
            for (lane, &sum) in lanes.iter_mut().zip(eight) {
                *lane = if sum > *lane { sum } else { *lane };
            }
        }
        if lanes.iter().any(|&sum| sum > floor) {
            let allowed = window.allowed.map_or(u64::MAX, |words| words[at]);
            for (bit, &sum) in chunk.iter().enumerate() {
                if sum > floor && allowed >> bit & 1 == 1 {
                    visit((at * SWEPT + bit) as u16, sum);
                }
            }
        }
        chunk.fill(0.0);
    }
}

/// Looks for the best among `rows` of a window; `terms` are the runs of its lists there.
pub fn accumulate(
    scratch: &mut Scratch,
    window: &Window,
    rows: std::ops::Range<usize>,
    terms: &[Term],
    weigh: impl Weigh,
    best: &mut Best,
) {
    for term in terms {
        add(&mut scratch.sums, window, weigh, term);
        best.work.values += term.rows.len();
    }
    let floor = best.threshold();
    sweep(&mut scratch.sums, window, rows, floor, |row, sum| {
        best.push((window.first + usize::from(row)) as u32, sum)
    });
}
