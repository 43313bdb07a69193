//! Fetches values of rows that lie anywhere, one behind another.
//!
//! Rows that follow one another where they come from are copied at once.

use std::hint::black_box;
use std::ops::Range;

use super::column::Values;
use super::order::Origin;

const ROWS_AT_ONCE: usize = 64;

/// Values of a fixed width. `runs`: the bytes of each chunk's values; None: each value is one byte, 1.
pub(super) fn put_values(out: &mut Vec<u8>, rows: &[Origin], width: usize, runs: &[Option<&[u8]>]) {
    match width {
        1 => put_narrow::<1>(out, rows, runs),
        2 => put_narrow::<2>(out, rows, runs),
        4 => put_narrow::<4>(out, rows, runs),
        8 => put_narrow::<8>(out, rows, runs),
        _ => {
            let span = |first: Origin, count: usize| {
                let start = first.row as usize * width;
                runs[first.chunk as usize].map_or(&[][..], |run| &run[start..start + count * width])
            };
            let mut spans = Vec::with_capacity(ROWS_AT_ONCE);
            for rows in rows.chunks(ROWS_AT_ONCE) {
                spans.clear();
                spans.extend(runs_of(rows).map(|(first, count)| span(first, count)));
                put_spans(out, &spans);
            }
        }
    }
}

fn put_narrow<const WIDTH: usize>(out: &mut Vec<u8>, rows: &[Origin], runs: &[Option<&[u8]>]) {
    let runs: Vec<Option<&[[u8; WIDTH]]>> = runs.iter().map(|run| run.map(|run| run.as_chunks().0)).collect();
    for origin in rows {
        out.extend_from_slice(&runs[origin.chunk as usize].map_or([1; WIDTH], |run| run[origin.row as usize]));
    }
}

/// Where a range of texts begins: the row that its first byte is of, and the bytes before that row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextStart {
    pub row: usize,
    pub before: u64,
}

/// The bytes `range` of all rows' texts one behind another.
pub(super) fn put_texts(out: &mut Vec<u8>, rows: &[Origin], texts: &[&Values], start: TextStart, range: Range<u64>) {
    let mut before = start.before;
    let mut spans = Vec::with_capacity(ROWS_AT_ONCE);
    for rows in rows[start.row..].chunks(ROWS_AT_ONCE) {
        if before >= range.end {
            break;
        }
        spans.clear();
        for (first, count) in runs_of(rows) {
            push_texts(
                &mut spans,
                texts[first.chunk as usize],
                first.row as usize..first.row as usize + count,
            );
        }
        touch(&spans);
        for span in &mut spans {
            let end = before + span.len() as u64;
            let (from, to) = (range.start.clamp(before, end) - before, range.end.clamp(before, end) - before);
            *span = &span[from as usize..to as usize];
            before = end;
        }
        put_spans(out, &spans);
    }
}

fn push_texts<'a>(spans: &mut Vec<&'a [u8]>, texts: &'a Values, rows: Range<usize>) {
    match texts {
        Values::Bytes { offsets, bytes } => spans.push(&bytes[offsets[rows.start] as usize..offsets[rows.end] as usize]),
        texts => spans.extend(rows.map(|row| texts.bytes_at(row))),
    }
}

/// Where the ranges that begin at these bytes (ascending) and those that begin at these rows (ascending) begin.
pub(super) fn find_starts(rows: &[Origin], texts: &[&Values], at_bytes: &[u64], at_rows: &[usize]) -> (Vec<TextStart>, Vec<TextStart>) {
    let (mut of_bytes, mut of_rows) = (Vec::with_capacity(at_bytes.len()), Vec::with_capacity(at_rows.len()));
    let mut before = 0;
    for (row, origin) in rows.iter().enumerate() {
        if at_rows.get(of_rows.len()) == Some(&row) {
            of_rows.push(TextStart { row, before });
        }
        let end = before + texts[origin.chunk as usize].bytes_at(origin.row as usize).len() as u64;
        while at_bytes.get(of_bytes.len()).is_some_and(|start| *start < end) {
            of_bytes.push(TextStart { row, before });
        }
        before = end;
    }
    // The offset behind the last text may begin a range.
    of_rows.resize(at_rows.len(), TextStart { row: rows.len(), before });
    (of_bytes, of_rows)
}

/// Rows that follow one another: the first and how many.
fn runs_of(rows: &[Origin]) -> impl Iterator<Item = (Origin, usize)> {
    let follows = |one: &Origin, other: &Origin| one.chunk == other.chunk && one.row + 1 == other.row;
    rows.chunk_by(follows).map(|run| (run[0], run.len()))
}

/// Texts are found by way of their offsets; when they lie apart, the processor fetches them together before the first is copied.
fn touch(spans: &[&[u8]]) {
    if spans.len() > 1 {
        black_box(spans.iter().filter_map(|span| span.first()).fold(0, |sum, byte| sum ^ byte));
    }
}

fn put_spans(out: &mut Vec<u8>, spans: &[&[u8]]) {
    spans.iter().for_each(|span| out.extend_from_slice(span));
}
