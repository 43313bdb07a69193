//! MAXSCORE over runs of rows: lists that together cannot lift a row above the threshold are not added up; only rows that the other lists bring near it
//! are looked for in them.
//!
//! After Turtle & Flood (1995), with sums of a whole run of rows in place of a cursor a list. Which lists are left out is chosen by how many values
//! that saves for its share of the threshold. Sums over some of the lists are in another order than those of the exact score, so bounds give way by what
//! rounding may do (`slack`), and rows that remain are scored from the column.

use std::ops::Range;

use super::Scratch;
use super::accumulate::{accumulate, add, sweep};
use super::best::Best;
use super::query::Weigh;
use super::served::Hunt;
use super::window::{Term, Window};

/// The part of the threshold that lists that are left out may make up: the more it is, the more rows are candidates.
const SHARE: f32 = 0.35;
/// The part of the values that must be saved to make up for looking at candidates.
const SAVED_MIN: f32 = 0.5;
/// A candidate costs as much to be looked for in a list as so many values of it to be added up.
const PROBE_VALUES: usize = 32;
/// And as much to be scored from the column.
const SCORE_VALUES: usize = 300;
/// Of f32's rounding, twice over.
const ROUNDING: f32 = 1.0 / (1 << 22) as f32;

/// A run of a list and the most that it can add to a row.
#[derive(Clone, Copy, Debug)]
pub struct Bounded<'a> {
    term: Term<'a>,
    bound: f32,
}

/// Looks for the best among `rows` of a window, as `accumulate` does. `parts` is only room.
pub fn prune<'a, W: Weigh>(
    scratch: &mut Scratch,
    window: &Window,
    rows: Range<usize>,
    terms: &[Term<'a>],
    hunt: &Hunt<W>,
    best: &mut Best,
    parts: &mut Vec<Bounded<'a>>,
) {
    if !best.is_full() {
        return accumulate(scratch, window, rows, terms, hunt.weigh, best);
    }
    parts.clear();
    let mut most = 0f32;
    for term in terms.iter().filter(|term| !term.rows.is_empty()) {
        let limits = term.limits();
        most += hunt.weigh.magnitude(term.query, limits);
        parts.push(Bounded {
            term: *term,
            bound: hunt.weigh.bound(term.query, limits) * hunt.ratio,
        });
    }
    let slack = most * parts.len() as f32 * ROUNDING;
    let goal = best.threshold() - slack;
    if parts.iter().map(|part| part.bound).sum::<f32>() < goal {
        return;
    }
    // Most values for its share of the threshold first.
    parts.sort_unstable_by(|left, right| {
        let (left_gain, right_gain) = (left.term.rows.len() as f32 * right.bound, right.term.rows.len() as f32 * left.bound);
        right_gain.total_cmp(&left_gain)
    });
    let mut rest = 0f32;
    let mut left_out = 0;
    let (mut saved, mut values) = (0, 0);
    // Lists that do not fit any more are passed over.
    for at in 0..parts.len() {
        let (bound, count) = (parts[at].bound, parts[at].term.rows.len());
        values += count;
        if rest + bound < goal * SHARE {
            rest += bound;
            saved += count;
            parts.swap(left_out, at);
            left_out += 1;
        }
    }
    if (saved as f32) < values as f32 * SAVED_MIN {
        return accumulate(scratch, window, rows, terms, hunt.weigh, best);
    }
    let (left_out, added) = parts.split_at_mut(left_out);
    for part in added.iter() {
        add(&mut scratch.sums, window, hunt.weigh, &part.term);
        best.work.values += part.term.rows.len();
    }
    let Scratch { sums, candidates } = scratch;
    candidates.clear();
    sweep(sums, window, rows, goal - rest, |row, sum| candidates.push((row, sum)));
    left_out.sort_unstable_by(|left, right| right.bound.total_cmp(&left.bound));
    for part in left_out.iter() {
        if candidates.is_empty() || candidates.len() * SCORE_VALUES <= part.term.rows.len() {
            break;
        }
        if candidates.len() * PROBE_VALUES <= part.term.rows.len() {
            probe(candidates, window, hunt.weigh, &part.term);
            best.work.values += candidates.len();
        } else {
            add(sums, window, hunt.weigh, &part.term);
            best.work.values += part.term.rows.len();
            candidates.iter_mut().for_each(|(row, sum)| *sum += sums[usize::from(*row)]);
            part.term.rows.iter().for_each(|&row| sums[usize::from(row)] = 0.0);
        }
        rest -= part.bound;
        candidates.retain(|&(_, sum)| sum + rest > goal);
    }
    for &(row, sum) in candidates.iter() {
        if sum + rest > best.threshold() - slack {
            let row = (window.first + usize::from(row)) as u32;
            best.work.rows += 1;
            best.push(row, hunt.score(row));
        }
    }
}

/// Looks for the candidates in a list, and adds what it has of them to their sums.
fn probe(candidates: &mut [(u16, f32)], window: &Window, weigh: impl Weigh, term: &Term) {
    let (mut rows, mut values) = (term.rows, term.values);
    for (row, sum) in candidates {
        let at = gallop(rows, *row);
        (rows, values) = (&rows[at..], &values[at..]);
        match rows.first() {
            None => return,
            Some(found) if found == row => *sum += window.part(weigh, term.query, *row, values[0]),
            Some(_) => {}
        }
    }
}

/// How many of the rows, which ascend, are below `row`.
#[inline]
pub fn gallop(rows: &[u16], row: u16) -> usize {
    let mut step = 1;
    while step <= rows.len() && rows[step - 1] < row {
        step *= 2;
    }
    let from = step / 2;
    let to = step.min(rows.len());
    from + rows[from..to].partition_point(|&known| known < row)
}
