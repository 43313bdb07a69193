//! Requests over many segments: the objects of `core.ts` become the core's requests, its replies become objects.

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, ClassInstance, Object};
use napi_derive::napi;

use super::indexes::{CoreLook, look_of, metric_of};
use super::pool::{Urgency, promise, promise_here};
use super::segment::CoreSegment;
use super::texts::{CoreChannels, channels_of};
use super::{error_of, timestamp_of};
use crate::failure::{Failure, Outcome};
use crate::search::{self, GroupBy, GroupField, Output, QueryRequest, SearchReply, SearchRequest, Selection};
use crate::segment::schema::ColumnType;
use crate::segment::{Expiry, SegmentSnapshot};

#[napi(object, object_to_js = false)]
pub struct CoreOutput {
    pub id: u32,
    pub header: Buffer,
    pub keys: Option<Vec<String>>,
}

#[napi(object, object_to_js = false)]
pub struct CoreSearch {
    pub field_id: u32,
    pub metric: String,
    pub vectors: Buffer,
    pub lengths: Option<Vec<u32>>,
    pub limit: u32,
    pub offset: u32,
    pub look: Option<CoreLook>,
    pub channels: Option<CoreChannels>,
    pub read_timestamp: BigInt,
    pub filter: Option<Buffer>,
    pub expiry: Option<CoreExpiry>,
    pub radius: Option<f64>,
    pub range_filter: Option<f64>,
    pub round_decimal: i32,
    pub outputs: Vec<CoreOutput>,
    pub group_by: Option<CoreGroupBy>,
    pub bytes_max: Option<u32>,
}

#[napi(object, object_to_js = false)]
pub struct CoreGroupBy {
    pub fields: Vec<CoreGroupField>,
    pub size: u32,
    pub strict: bool,
}

#[napi(object, object_to_js = false)]
pub struct CoreGroupField {
    pub id: u32,
    pub header: Buffer,
    pub path: Option<Vec<String>>,
    pub cast: Option<u32>,
    pub strict_cast: Option<bool>,
}

#[napi(object, object_from_js = false)]
pub struct CoreSearchResult {
    pub topks: Vec<u32>,
    pub ids: Buffer,
    pub scores: Buffer,
    pub fields: Vec<Buffer>,
    pub groups: Vec<Buffer>,
}

#[napi(object, object_to_js = false)]
pub struct CoreQuery {
    pub read_timestamp: BigInt,
    pub filter: Option<Buffer>,
    pub expiry: Option<CoreExpiry>,
    /// -1: all.
    pub limit: i64,
    pub offset: u32,
    pub outputs: Vec<CoreOutput>,
    pub bytes_max: Option<u32>,
}

#[napi(object, object_from_js = false)]
pub struct CoreQueryResult {
    pub row_count: u32,
    pub fields: Vec<Buffer>,
}

#[napi(object, object_to_js = false)]
pub struct CoreSelection {
    pub read_timestamp: BigInt,
    pub filter: Option<Buffer>,
    pub expiry: Option<CoreExpiry>,
}

pub(super) type Segments<'env> = Vec<ClassInstance<'env, CoreSegment>>;

/// A short search is done here and now, any other on the pool.
#[napi]
pub fn search<'env>(env: &'env Env, segments: Segments, request: CoreSearch) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let request = search_request(request).map_err(error_of)?;
    let is_short = search::is_short(&snapshots, &request);
    let work = move || search::search(&snapshots, &request);
    let show = |_, reply: SearchReply| {
        Ok(CoreSearchResult {
            topks: reply.topks,
            ids: reply.ids.into(),
            scores: reply.scores.into(),
            fields: buffers(reply.fields),
            groups: buffers(reply.groups),
        })
    };
    if is_short {
        promise_here(env, work, show)
    } else {
        promise(env, Urgency::Request, work, show)
    }
}

#[napi]
pub fn query<'env>(env: &'env Env, segments: Segments, request: CoreQuery) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let request = query_request(request).map_err(error_of)?;
    promise(
        env,
        Urgency::Request,
        move || search::query(&snapshots, &request),
        |_, reply| {
            Ok(CoreQueryResult {
                row_count: reply.row_count as u32,
                fields: buffers(reply.fields),
            })
        },
    )
}

#[napi]
pub fn count<'env>(env: &'env Env, segments: Segments, request: CoreSelection) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let selection = selection_of(&request.read_timestamp, request.filter, request.expiry).map_err(error_of)?;
    promise(
        env,
        Urgency::Request,
        move || search::count(&snapshots, &selection),
        |_, count| Ok(count as f64),
    )
}

#[napi]
pub fn keys<'env>(env: &'env Env, segments: Segments, request: CoreSelection) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let selection = selection_of(&request.read_timestamp, request.filter, request.expiry).map_err(error_of)?;
    promise(
        env,
        Urgency::Request,
        move || search::keys(&snapshots, &selection),
        |_, ids| Ok(Buffer::from(ids)),
    )
}

/// Taken where the call is made, so that it sees what the caller has written and nothing later.
pub(super) fn snapshots_of(segments: &Segments) -> Outcome<Vec<SegmentSnapshot>> {
    segments.iter().map(|segment| Ok(segment.segment()?.snapshot())).collect()
}

/// Which rows are past their time.
#[napi(object, object_to_js = false)]
pub struct CoreExpiry {
    pub written_up_to: Option<BigInt>,
    pub field: Option<CoreExpiryField>,
}

#[napi(object, object_to_js = false)]
pub struct CoreExpiryField {
    pub id: u32,
    pub now: BigInt,
}

pub(super) fn expiry_of(expiry: CoreExpiry) -> Outcome<Expiry> {
    let field = expiry.field.map(|field| match field.now.get_i64() {
        (now, true) => Ok((field.id, now)),
        _ => Err(Failure::malformed("time beyond 64 bits")),
    });
    Ok(Expiry {
        written_up_to: expiry.written_up_to.as_ref().map(timestamp_of).transpose()?,
        field: field.transpose()?,
    })
}

fn selection_of(read_timestamp: &BigInt, filter: Option<Buffer>, expiry: Option<CoreExpiry>) -> Outcome<Selection> {
    Ok(Selection {
        read_timestamp: timestamp_of(read_timestamp)?,
        filter: filter.map(|filter| filter.to_vec()),
        expiry: expiry.map(expiry_of).transpose()?,
    })
}

pub(super) fn search_request(request: CoreSearch) -> Outcome<SearchRequest> {
    Ok(SearchRequest {
        field_id: request.field_id,
        metric: metric_of(&request.metric)?,
        vectors: request.vectors.to_vec(),
        lengths: request.lengths,
        limit: request.limit as usize,
        offset: request.offset as usize,
        look: look_of(request.look),
        channels: request.channels.map(channels_of),
        read_timestamp: timestamp_of(&request.read_timestamp)?,
        filter: request.filter.map(|filter| filter.to_vec()),
        expiry: request.expiry.map(expiry_of).transpose()?,
        radius: request.radius.map(|radius| radius as f32),
        range_filter: request.range_filter.map(|end| end as f32),
        round_decimal: request.round_decimal,
        outputs: request.outputs.into_iter().map(output_of).collect(),
        group_by: request.group_by.map(group_by_of).transpose()?,
        bytes_max: request.bytes_max.map(|bytes| bytes as usize),
    })
}

fn group_by_of(by: CoreGroupBy) -> Outcome<GroupBy> {
    let field = |field: CoreGroupField| {
        let cast = |number: u32| ColumnType::from_number(number).ok_or_else(|| Failure::malformed("type to cast groups to"));
        Ok(GroupField {
            field_id: field.id,
            header: field.header.to_vec(),
            path: field.path.unwrap_or_default(),
            cast: field.cast.map(cast).transpose()?,
            strict_cast: field.strict_cast.unwrap_or(false),
        })
    };
    Ok(GroupBy {
        fields: by.fields.into_iter().map(field).collect::<Outcome<_>>()?,
        size: (by.size as usize).max(1),
        strict: by.strict,
    })
}

fn query_request(request: CoreQuery) -> Outcome<QueryRequest> {
    let limit = match request.limit {
        -1 => None,
        limit => Some(usize::try_from(limit).map_err(|_| Failure::malformed(format!("limit {limit}")))?),
    };
    Ok(QueryRequest {
        selection: selection_of(&request.read_timestamp, request.filter, request.expiry)?,
        limit,
        offset: request.offset as usize,
        outputs: request.outputs.into_iter().map(output_of).collect(),
        bytes_max: request.bytes_max.map(|bytes| bytes as usize),
    })
}

fn output_of(output: CoreOutput) -> Output {
    Output {
        field_id: output.id,
        header: output.header.to_vec(),
        keys: output.keys,
    }
}

fn buffers(fields: Vec<Vec<u8>>) -> Vec<Buffer> {
    fields.into_iter().map(Buffer::from).collect()
}
