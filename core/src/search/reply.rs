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

/// `shown`: the hits of each query that the reply has; `groups` is left empty.
pub fn reply(schema: &Schema, request: &SearchRequest, order: &Order, shown: &[&[Hit]]) -> Outcome<SearchReply> {
    let hits = || shown.iter().flat_map(|hits| hits.iter());
    let picks: Vec<Pick> = hits().map(|hit| order.pick(hit)).collect();
    let score = |hit: &Hit| rounded(score_of(request.metric, hit.rank), request.round_decimal);
    Ok(SearchReply {
        topks: shown.iter().map(|hits| hits.len() as u32).collect(),
        ids: encode_ids(schema, &picks),
        scores: hits().flat_map(|hit| score(hit).to_le_bytes()).collect(),
        fields: encode_outputs(schema, &request.outputs, &picks)?,
        groups: Vec::new(),
    })
}

/// The values of these rows for each output.
pub fn encode_outputs(schema: &Schema, outputs: &[Output], picks: &[Pick]) -> Outcome<Vec<Vec<u8>>> {
    let columns: Vec<&ColumnSchema> = outputs
        .iter()
        .map(|output| {
            let position = schema.position(output.field_id);
            position
                .map(|at| &schema.columns[at])
                .ok_or_else(|| Failure::of_field("malformed", output.field_id, vec!["output field".into()]))
        })
        .collect::<Outcome<_>>()?;
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
