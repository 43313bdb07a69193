//! Texts that are searched for.

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::error_of;
use super::pool::{Urgency, promise};
use super::requests::{Segments, snapshots_of};
use crate::index::sparse::query::Bm25;
use crate::search::{self, Channels};

/// The parameters of BM25.
#[napi(object, object_to_js = false)]
pub struct CoreBm25 {
    pub k1: f64,
    pub b: f64,
    pub average_length: f64,
}

/// Segments of several channels, each searched with vectors of its own.
#[napi(object, object_to_js = false)]
pub struct CoreChannels {
    pub of_segments: Vec<u32>,
    pub bm25: Vec<CoreBm25>,
}

pub(super) fn channels_of(channels: CoreChannels) -> Channels {
    let bm25 = channels.bm25.into_iter().map(|given| Bm25 {
        k1: given.k1 as f32,
        b: given.b as f32,
        average_length: given.average_length as f32,
    });
    Channels {
        of_segments: channels.of_segments,
        bm25: bm25.collect(),
    }
}

#[napi(object, object_from_js = false)]
pub struct CoreTextQueries {
    pub vectors: Buffer,
    pub lengths: Vec<u32>,
    pub average_length: f64,
}

#[napi]
pub fn weigh_texts<'env>(env: &'env Env, segments: Segments, field_id: u32, texts: Vec<Buffer>) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let work = move || {
        let texts: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
        search::weigh_texts(&snapshots, field_id, &texts)
    };
    promise(env, Urgency::Request, work, |_, queries| {
        Ok(CoreTextQueries {
            vectors: queries.vectors.into(),
            lengths: queries.lengths,
            average_length: f64::from(queries.average_length),
        })
    })
}
