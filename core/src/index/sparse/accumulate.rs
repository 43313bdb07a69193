//! All lists of a window are added up into a sum a row, by rising index, so that sums are those of the exact score; then the sums are looked through.

use super::best::Best;
use super::query::Weigh;
use super::window::{Term, Window};
use super::{Scratch, WINDOW};

/// Sums that are looked at together.
const SWEPT: usize = 64;

/// Adds a list to the sums of its rows.
#[inline]
pub fn add(sums: &mut [f32; WINDOW], window: &Window, weigh: impl Weigh, term: &Term) {
    for (&row, &value) in term.rows.iter().zip(term.values) {
        sums[usize::from(row)] += window.part(weigh, term.query, row, value);
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
