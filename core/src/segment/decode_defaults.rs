//! What rows get that give no value: defaults of a column as values of its type.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::decode::geometry_of;
use super::schema::{ColumnSchema, ColumnType};
use crate::failure::{Failure, Outcome};

fn bad_default(value: &Json) -> Failure {
    Failure::malformed(format!("default {value}"))
}

pub(super) fn bool_of(value: &Json) -> Outcome<bool> {
    value.as_bool().ok_or_else(|| bad_default(value))
}

pub(super) fn default_integer<T: TryFrom<i64> + Default>(default: Option<&Json>) -> Outcome<T> {
    let Some(value) = default else { return Ok(T::default()) };
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| bad_default(value))
}

pub(super) fn default_float(default: Option<&Json>) -> Outcome<f64> {
    default.map_or(Ok(0.0), |value| value.as_f64().ok_or_else(|| bad_default(value)))
}

/// What a row of texts that gives none is kept as; a dynamic field without one is the empty object.
pub(super) fn default_bytes(column: &ColumnSchema) -> Outcome<Cow<'_, [u8]>> {
    let Some(value) = &column.default else {
        return Ok(Cow::Borrowed(if column.dynamic { b"{}" } else { b"" }));
    };
    let text = value.as_str().ok_or_else(|| bad_default(value))?.as_bytes();
    Ok(match column.kind {
        ColumnType::Geometry => Cow::Owned(geometry_of(text)?),
        _ => Cow::Borrowed(text),
    })
}
