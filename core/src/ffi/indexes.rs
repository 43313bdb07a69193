//! Indexes of segments: building, writing, opening, and what searches ask of them.

use std::fs::File;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Either, Null, Object};
use napi_derive::napi;

use super::error_of;
use super::pool::{Urgency, promise};
use super::segment::CoreSegment;
use crate::distance::Metric;
use crate::failure::{Arg, Failure, Outcome};
use crate::index::vector_index::{self, AnyIndex, IndexKind, IndexPlan, Look, Progress};
use crate::index::vectors::Vectors;
use crate::segment::mapping::map;
use crate::segment::{IndexSlot, Segment, SegmentSnapshot};

/// How an index is built; what its kind does not know is not read.
#[napi(object, object_to_js = false)]
pub struct CoreIndex {
    pub kind: String,
    pub metric: String,
    pub m: Option<u32>,
    pub ef_construction: Option<u32>,
    pub nlist: Option<u32>,
    pub pq_m: Option<u32>,
    pub nbits: Option<u32>,
    pub nrq: Option<u32>,
    pub sub_dim: Option<u32>,
    pub rbq_bits: Option<u32>,
    pub sq_type: Option<String>,
    pub refine_type: Option<String>,
    pub max_degree: Option<u32>,
    pub search_list_size: Option<u32>,
    pub pq_code_ratio: Option<f64>,
    pub inverted_index_algo: Option<String>,
    pub drop_ratio_build: Option<f64>,
}

/// What a search asks of indexes.
#[napi(object, object_to_js = false)]
pub struct CoreLook {
    pub ef: Option<u32>,
    pub nprobe: Option<u32>,
    pub refine_k: Option<f64>,
    pub reorder_k: Option<u32>,
    pub rbq_bits_query: Option<u32>,
    pub search_list: Option<u32>,
    pub beam_width: Option<u32>,
    pub drop_ratio_search: Option<f64>,
    pub dim_max_score_ratio: Option<f64>,
}

#[napi]
impl CoreSegment {
    #[napi]
    pub fn build_index<'env>(&self, env: &'env Env, field_id: u32, parameters: CoreIndex) -> napi::Result<Object<'env>> {
        let segment = self.segment().map_err(error_of)?;
        let progress = Progress::default();
        self.builds().insert(field_id, progress.clone());
        let work = move || {
            let plan = plan_of(parameters, progress)?;
            let snapshot = segment.snapshot();
            put_index(&segment, field_id, vector_index::build(&vectors_of(&snapshot, field_id)?, &plan)?);
            Ok(())
        };
        promise(env, Urgency::Background, work, |_, ()| Ok(()))
    }

    /// Rows that the latest build of the field's index is done with; 0 when none was begun.
    #[napi]
    pub fn index_progress(&self, field_id: u32) -> u32 {
        self.builds().get(&field_id).map_or(0, Progress::rows) as u32
    }

    #[napi]
    pub fn drop_index(&self, field_id: u32) {
        self.builds().remove(&field_id);
        if let Some(segment) = self.get() {
            segment.drop_index(field_id);
        }
    }

    #[napi]
    pub fn has_index(&self, field_id: u32) -> bool {
        self.get().is_some_and(|segment| segment.snapshot().indexes.contains_key(&field_id))
    }

    #[napi]
    pub fn encode_index<'env>(&self, env: &'env Env, field_id: u32) -> napi::Result<Object<'env>> {
        let index = self.get().and_then(|segment| segment.snapshot().index::<AnyIndex>(field_id));
        let show = |_, bytes: Option<Vec<u8>>| Ok(bytes.map_or(Either::B(Null), |bytes| Either::A(Buffer::from(bytes))));
        promise(env, Urgency::Background, move || Ok(index.map(|index| index.encode())), show)
    }

    #[napi]
    pub fn open_index<'env>(&self, env: &'env Env, field_id: u32, path: String, resident: bool) -> napi::Result<Object<'env>> {
        let segment = self.segment().map_err(error_of)?;
        let work = move || {
            let snapshot = segment.snapshot();
            let vectors = vectors_of(&snapshot, field_id)?;
            let damaged = |text: String| Failure::of_field("damaged", field_id, vec![path.as_str().into(), 0usize.into(), text.into()]);
            let file = File::open(&path)
                .and_then(|file| map(&file))
                .map_err(|error| damaged(error.to_string()))?;
            let file_size = file.len();
            let index = vector_index::open(Arc::new(file), &vectors).map_err(|failure| named(failure, &path))?;
            let byte_size = if resident && !index.stays_on_disk() {
                file_size.max(index.byte_size())
            } else {
                index.byte_size()
            };
            put_index_of(&segment, field_id, index, byte_size);
            Ok(())
        };
        promise(env, Urgency::Request, work, |_, ()| Ok(()))
    }
}

fn vectors_of(snapshot: &SegmentSnapshot, field_id: u32) -> Outcome<Vectors<'_>> {
    let refuse = |text: &str| Failure::of_field("malformed", field_id, vec![text.into()]);
    let [chunk] = &snapshot.chunks[..] else {
        return Err(refuse("only sealed segments are indexed"));
    };
    if !snapshot.sealed {
        return Err(refuse("only sealed segments are indexed"));
    }
    let position = snapshot.schema.position(field_id).ok_or_else(|| refuse("no such column"))?;
    let vectors = Vectors::of(&snapshot.schema.columns[position], &chunk.columns[position], chunk.row_count);
    vectors.ok_or_else(|| refuse("not a column of vectors"))
}

fn put_index(segment: &Segment, field_id: u32, index: AnyIndex) {
    let byte_size = index.byte_size();
    put_index_of(segment, field_id, index, byte_size);
}

fn put_index_of(segment: &Segment, field_id: u32, index: AnyIndex, byte_size: usize) {
    segment.put_index(
        field_id,
        IndexSlot {
            index: Arc::new(index),
            byte_size,
        },
    );
}

fn plan_of(given: CoreIndex, progress: Progress) -> Outcome<IndexPlan> {
    let kind = IndexKind::from_name(&given.kind).ok_or_else(|| Failure::malformed(format!("index of kind {}", given.kind)))?;
    let number = |value: Option<u32>| value.unwrap_or(0) as usize;
    Ok(IndexPlan {
        kind,
        metric: metric_of(&given.metric)?,
        m: number(given.m),
        ef_construction: number(given.ef_construction),
        nlist: number(given.nlist),
        pq_m: number(given.pq_m),
        nbits: number(given.nbits),
        nrq: number(given.nrq),
        sub_dim: number(given.sub_dim),
        rbq_bits: number(given.rbq_bits),
        sq_type: given.sq_type.unwrap_or_default(),
        refine_type: given.refine_type.unwrap_or_default(),
        max_degree: number(given.max_degree),
        search_list_size: number(given.search_list_size),
        pq_code_ratio: given.pq_code_ratio.unwrap_or(0.0) as f32,
        inverted_index_algo: given.inverted_index_algo.unwrap_or_default(),
        drop_ratio_build: given.drop_ratio_build.unwrap_or(0.0) as f32,
        progress,
    })
}

pub(super) fn look_of(given: Option<CoreLook>) -> Look {
    let Some(given) = given else { return Look::default() };
    let number = |value: Option<u32>| value.unwrap_or(0) as usize;
    Look {
        k: 0,
        ef: number(given.ef),
        nprobe: number(given.nprobe),
        refine_k: given.refine_k.map(|ratio| ratio as f32),
        reorder_k: number(given.reorder_k),
        rbq_bits_query: number(given.rbq_bits_query),
        search_list: number(given.search_list),
        beam_width: number(given.beam_width),
        drop_ratio_search: given.drop_ratio_search.unwrap_or(0.0) as f32,
        dim_max_score_ratio: given.dim_max_score_ratio.map(|ratio| ratio as f32),
        bm25: None,
    }
}

pub(super) fn metric_of(name: &str) -> Outcome<Metric> {
    Metric::from_name(name).ok_or_else(|| Failure::malformed(format!("metric {name}")))
}

/// A failure of kind `damaged` with the file it is of.
fn named(mut failure: Failure, path: &str) -> Failure {
    if let (true, Some(file)) = (failure.kind == "damaged", failure.args.first_mut()) {
        *file = Arg::Text(path.to_owned());
    }
    failure
}
