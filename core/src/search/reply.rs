//! The hits of a search as the columns of its reply.

use rayon::prelude::*;

use super::request::{Output, SearchReply, SearchRequest};
use super::top::{Hit, Order, score_of};
use crate::failure::{Failure, Outcome};
use crate::segment::schema::{ColumnSchema, Schema};
use crate::segment::{Keys, Pick, encode_field, encode_ids};

/// The reply of a search that met no segment.
pub fn empty(request: &SearchRequest) -> SearchReply {
    let headers = |outputs: &[Output]| outputs.iter().map(|output| output.header.clone()).collect();
    SearchReply {
        topks: Vec::new(),
        ids: Keys::Int64(Vec::new()).encode(),
        scores: Vec::new(),
        fields: headers(&request.outputs),
        groups: Vec::new(),
    }
}

pub fn room(request: &SearchRequest) -> Room {
    Room {
        what: "search",
        bytes_max: request.bytes_max,
    }
}

/// `shown`: the hits of each query that the reply has; `groups` is left empty.
pub fn reply(schema: &Schema, request: &SearchRequest, order: &Order, shown: &[&[Hit]]) -> Outcome<SearchReply> {
    let hits = || shown.iter().flat_map(|hits| hits.iter());
    let picks: Vec<Pick> = hits().map(|hit| order.pick(hit)).collect();
    let score = |hit: &Hit| rounded(score_of(request.metric, hit.rank), request.round_decimal);
    Ok(SearchReply {
        topks: shown.iter().map(|hits| hits.len() as u32).collect(),
        ids: encode_ids(schema, &picks),
        scores: hits().flat_map(|hit| score(hit).to_le_bytes()).collect(),
        fields: encode_outputs(schema, &request.outputs, &picks, room(request))?,
        groups: Vec::new(),
    })
}

/// The bytes that the reply of a search or query may have; None: any.
#[derive(Clone, Copy)]
pub struct Room {
    pub what: &'static str,
    pub bytes_max: Option<usize>,
}

impl Room {
    /// Kind `replyTooLarge` when there is no room for so many bytes.
    pub fn check(&self, bytes: usize) -> Outcome<()> {
        match self.bytes_max {
            Some(max) if bytes > max => Err(Failure::new("replyTooLarge", vec![self.what.into(), max.into()])),
            _ => Ok(()),
        }
    }
}

/// Bytes of these rows' values in a column, about as many as they take in a reply.
fn value_bytes(column: &ColumnSchema, position: usize, picks: &[Pick]) -> usize {
    match column.kind.width(column.dim) {
        Some(width) => width.saturating_mul(picks.len()),
        None => picks
            .iter()
            .map(|pick| pick.chunk.columns[position].values.bytes_at(pick.row as usize).len())
            .sum(),
    }
}

/// The values of these rows for each output. Kinds: `malformed`, `replyTooLarge`.
pub fn encode_outputs(schema: &Schema, outputs: &[Output], picks: &[Pick], room: Room) -> Outcome<Vec<Vec<u8>>> {
    let columns: Vec<&ColumnSchema> = outputs
        .iter()
        .map(|output| {
            let position = schema.position(output.field_id);
            position
                .map(|at| &schema.columns[at])
                .ok_or_else(|| Failure::of_field("malformed", output.field_id, vec!["output field".into()]))
        })
        .collect::<Outcome<_>>()?;
    if room.bytes_max.is_some() {
        let bytes = outputs.iter().zip(&columns).map(|(output, column)| {
            let position = schema.position(output.field_id).unwrap_or(0);
            value_bytes(column, position, picks)
        });
        room.check(bytes.fold(0, usize::saturating_add))?;
    }
    let encode = |(output, column): (&Output, &&ColumnSchema)| encode_field(&output.header, column, picks, output.keys.as_deref());
    Ok(outputs.par_iter().zip(columns.par_iter()).map(encode).collect())
}

fn rounded(score: f32, decimals: i32) -> f32 {
    if decimals < 0 {
        return score;
    }
    let factor = 10f32.powi(decimals);
    let rounded = (score * factor).round() / factor;
    if rounded.is_finite() { rounded } else { score }
}
