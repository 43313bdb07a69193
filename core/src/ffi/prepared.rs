//! A search that is asked again and again with other vectors: what stays the same crosses the border once, and the reply comes back encoded.

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, BufferSlice, Either, Object};
use napi_derive::napi;

use super::pool::{Urgency, here, promise};
use super::requests::{CoreExpiry, CoreSearch, Segments, expiry_of, search_request, snapshots_of};
use super::{error_of, timestamp_of};
use crate::search::{self, SearchRequest};

#[napi]
pub struct CorePreparedSearch {
    /// Its vectors, timestamp and expiry are each run's own.
    request: SearchRequest,
}

#[napi]
pub fn prepare_search(request: CoreSearch) -> napi::Result<CorePreparedSearch> {
    let request = search_request(request).map_err(error_of)?;
    Ok(CorePreparedSearch { request })
}

/// What few searches have: see `CoreSearch`.
#[derive(Default)]
#[napi(object, object_to_js = false)]
pub struct CoreRun {
    pub lengths: Option<Vec<u32>>,
    pub expiry: Option<CoreExpiry>,
}

/// The reply, or a promise of it.
type Reply<'env> = Either<BufferSlice<'env>, Object<'env>>;

#[napi]
impl CorePreparedSearch {
    /// The encoded `schema.SearchResultData`. `at_once`: a short search is done here and now; any other runs on the pool.
    #[napi]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        segments: Segments,
        vectors: Buffer,
        read_timestamp: BigInt,
        at_once: bool,
        more: Option<CoreRun>,
    ) -> napi::Result<Reply<'env>> {
        let snapshots = snapshots_of(&segments).map_err(error_of)?;
        let CoreRun { lengths, expiry } = more.unwrap_or_default();
        let request = SearchRequest {
            vectors: vectors.to_vec(),
            lengths,
            read_timestamp: timestamp_of(&read_timestamp).map_err(error_of)?,
            expiry: expiry.map(expiry_of).transpose().map_err(error_of)?,
            ..self.request.clone()
        };
        let is_short = at_once && search::is_short(&snapshots, &request);
        let work = move || Ok(search::search(&snapshots, &request)?.encode());
        if is_short {
            let bytes = here(work).map_err(error_of)?;
            return Ok(Either::A(BufferSlice::copy_from(env, bytes)?));
        }
        let show = |_, bytes: Vec<u8>| Ok(Buffer::from(bytes));
        promise(env, Urgency::Request, work, show).map(Either::B)
    }
}
