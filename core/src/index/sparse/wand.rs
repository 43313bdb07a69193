//! WAND: lists are walked side by side from row to row, past rows whose lists together cannot lift them above the threshold.
//!
//! After Broder et al. (2003), and with blocks after Ding & Suel (2011): cursors are kept in the order of their rows; the first of them at which the bounds
//! of the lists up to it exceed the threshold is the next row that can be among the best.

use super::best::Best;
use super::prune::gallop;
use super::query::Weigh;
use super::served::Hunt;
use super::window::{Term, Window};

/// Beyond every row of a window.
const END: u32 = u32::MAX;
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;

#[derive(Clone, Copy, Debug)]
struct Cursor<'a> {
    term: Term<'a>,
    /// Place among the terms, which are ordered by index.
    number: usize,
    at: usize,
    /// The row at `at`, END behind the last.
    row: u32,
    bound: f32,
}

impl Cursor<'_> {
    fn seek(&mut self, row: u32) {
        if self.row < row {
            let rest = &self.term.rows[self.at..];
            self.at += u16::try_from(row).map_or(rest.len(), |row| gallop(rest, row));
            self.row = self.term.rows.get(self.at).map_or(END, |&row| row.into());
        }
    }

    /// The limits' bound of the block in which `row` lies or would lie, and the last row of that block; None: behind the last.
    fn block<W: Weigh>(&self, hunt: &Hunt<W>, row: u32) -> Option<(f32, u32)> {
        let mut end = (self.at / super::BLOCK + 1) * super::BLOCK;
        loop {
            let last = self.term.rows.get(end.min(self.term.rows.len()).wrapping_sub(1))?;
            if u32::from(*last) >= row {
                let limits = self.term.limits_at(end - super::BLOCK);
                return Some((hunt.weigh.bound(self.term.query, limits) * hunt.ratio, (*last).into()));
            }
            if end >= self.term.rows.len() {
                return None;
            }
            end += super::BLOCK;
        }
    }
}

/// Looks for the best rows of a window; `terms` are its lists. `by_blocks`: rows are judged by the blocks that they lie in, too.
pub fn wand<W: Weigh>(window: &Window, terms: &[Term], hunt: &Hunt<W>, best: &mut Best, by_blocks: bool) {
    let mut most = 0f64;
    let cursors = terms.iter().enumerate().map(|(number, term)| {
        let limits = term.limits();
        most += f64::from(hunt.weigh.magnitude(term.query, limits));
        Cursor {
            term: *term,
            number,
            at: 0,
            row: term.rows.first().map_or(END, |&row| row.into()),
            bound: hunt.weigh.bound(term.query, limits) * hunt.ratio,
        }
    });
    let mut cursors: Vec<Cursor> = cursors.collect();
    cursors.sort_unstable_by_key(|cursor| cursor.row);
    let slack = most * terms.len() as f64 * ROUNDING;
    let mut parts = vec![None; terms.len()];
    loop {
        let goal = f64::from(best.threshold()) - slack;
        let Some(pivot) = pivot_of(&cursors, goal) else { return };
        let row = cursors[pivot].row;
        let with_row = pivot + cursors[pivot..].iter().take_while(|cursor| cursor.row == row).count();
        let blocks_end = (by_blocks && best.is_full()).then(|| beyond_blocks(&cursors, with_row, row, goal, hunt));
        if let Some(next) = blocks_end.flatten() {
            advance(&mut cursors, with_row, next);
            continue;
        }
        if !window.allows(row as u16) {
            advance(&mut cursors, with_row, row + 1);
            continue;
        }
        for cursor in &mut cursors[..with_row] {
            cursor.seek(row);
            if cursor.row == row {
                let value = cursor.term.values[cursor.at];
                parts[cursor.number] = Some(window.part(hunt.weigh, cursor.term.query, row as u16, value));
            }
        }
        // By rising index, as the exact score is summed.
        let score = parts.iter_mut().filter_map(Option::take).fold(0.0, |sum, part| sum + part);
        best.work.rows += 1;
        best.push(window.first as u32 + row, score);
        advance(&mut cursors, with_row, row + 1);
    }
}

/// The first cursor at which the bounds up to it exceed the goal.
fn pivot_of(cursors: &[Cursor], goal: f64) -> Option<usize> {
    let mut sum = 0f64;
    let exceeds = |cursor: &Cursor| {
        sum += f64::from(cursor.bound);
        sum > goal && cursor.row != END
    };
    cursors.iter().position(exceeds)
}

/// The next row that may be better, when the blocks around `row` tell that it is not.
fn beyond_blocks<W: Weigh>(cursors: &[Cursor], with_row: usize, row: u32, goal: f64, hunt: &Hunt<W>) -> Option<u32> {
    let mut sum = 0f64;
    let mut next = cursors.get(with_row).map_or(END, |cursor| cursor.row);
    for cursor in &cursors[..with_row] {
        if let Some((bound, last)) = cursor.block(hunt, row) {
            sum += f64::from(bound);
            next = next.min(last + 1);
        }
    }
    (sum <= goal).then_some(next)
}

/// Moves the first `count` cursors to `row` or beyond, and puts them into order.
fn advance(cursors: &mut [Cursor], count: usize, row: u32) {
    for at in (0..count).rev() {
        cursors[at].seek(row);
        let moved = cursors[at];
        let mut to = at;
        while to + 1 < cursors.len() && cursors[to + 1].row < moved.row {
            cursors[to] = cursors[to + 1];
            to += 1;
        }
        cursors[to] = moved;
    }
}
