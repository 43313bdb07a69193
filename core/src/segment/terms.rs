//! Columns that are made of texts: each row has the terms of its text, as a sparse vector. A row whose text is null has none.

use rayon::prelude::*;

use super::column::{Column, Values};
use super::schema::Schema;
use crate::text::Analyzer;
use crate::text::terms::write_terms;

/// Rows that one thread analyzes at a time.
const TASK_ROWS: usize = 256;

/// All columns of some rows, with those of terms, which are not there yet.
pub(super) fn put_terms<C: AsRef<Column> + From<Column>>(schema: &Schema, row_count: usize, columns: Vec<Option<C>>) -> Vec<C> {
    let made: Vec<Option<C>> = schema
        .columns
        .iter()
        .zip(&columns)
        .map(|(column, given)| {
            let (None, Some((at, analyzer))) = (given, schema.source_of(column)) else {
                return None;
            };
            let texts = columns[at].as_ref()?.as_ref();
            Some(C::from(Column {
                id: column.id,
                values: terms_of(analyzer, texts, row_count),
                valid: None,
            }))
        })
        .collect();
    columns.into_iter().zip(made).filter_map(|(given, made)| given.or(made)).collect()
}

fn terms_of(analyzer: &Analyzer, texts: &Column, row_count: usize) -> Values {
    if let Values::Repeated { row_count, .. } = texts.values {
        let (bytes, _) = terms_of_rows(analyzer, texts, 0..row_count.min(1));
        return Values::Repeated {
            text: bytes.into(),
            row_count,
        };
    }
    let starts: Vec<usize> = (0..row_count).step_by(TASK_ROWS).collect();
    let made = |start: usize| terms_of_rows(analyzer, texts, start..row_count.min(start + TASK_ROWS));
    let parts: Vec<(Vec<u8>, Vec<usize>)> = match starts.len() {
        0 | 1 => starts.into_iter().map(made).collect(),
        _ => starts.into_par_iter().map(made).collect(),
    };
    let mut bytes = Vec::with_capacity(parts.iter().map(|(bytes, _)| bytes.len()).sum());
    let mut offsets = Vec::with_capacity(row_count + 1);
    offsets.push(0u64);
    for (part, ends) in parts {
        let start = bytes.len();
        offsets.extend(ends.iter().map(|end| (start + end) as u64));
        bytes.extend_from_slice(&part);
    }
    Values::Bytes {
        offsets: offsets.into(),
        bytes: bytes.into(),
    }
}

/// The rows' vectors one after another, and where each ends.
fn terms_of_rows(analyzer: &Analyzer, texts: &Column, rows: std::ops::Range<usize>) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends, mut terms) = (Vec::new(), Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        if texts.is_valid(row) {
            // Texts were checked when they came.
            let text = String::from_utf8_lossy(texts.values.bytes_at(row));
            write_terms(analyzer, &text, &mut terms, &mut bytes);
        }
        ends.push(bytes.len());
    }
    (bytes, ends)
}
