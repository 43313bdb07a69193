//! A segment file in the making.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, Object};
use napi_derive::napi;

use super::pool::{Urgency, discard, promise};
use super::requests::{CoreExpiry, Segments, expiry_of, snapshots_of};
use super::segment::CoreSegment;
use super::{error_of, guarded, timestamp_of};
use crate::failure::{Failure, Outcome};
use crate::segment::{Merge, Sealing, merge};

/// How segments become others.
#[napi(object, object_to_js = false)]
pub struct CoreMerge {
    pub drop_deleted_up_to: BigInt,
    pub expiry: Option<CoreExpiry>,
    pub target_bytes: f64,
    pub clustering_field_id: Option<u32>,
}

#[napi(object, object_from_js = false)]
pub struct CoreMerging {
    pub outputs: Vec<CoreSealing>,
    pub dropped_rows: u32,
}

#[napi]
pub fn start_merging<'env>(env: &'env Env, segments: Segments, request: CoreMerge) -> napi::Result<Object<'env>> {
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let request = merge_of(request).map_err(error_of)?;
    promise(
        env,
        Urgency::Background,
        move || merge(&snapshots, &request),
        |_, merging| {
            Ok(CoreMerging {
                outputs: merging.outputs.into_iter().map(CoreSealing::new).collect(),
                dropped_rows: merging.dropped_rows as u32,
            })
        },
    )
}

fn merge_of(request: CoreMerge) -> Outcome<Merge> {
    Ok(Merge {
        drop_deleted_up_to: timestamp_of(&request.drop_deleted_up_to)?,
        expiry: request.expiry.map(expiry_of).transpose()?,
        target_bytes: request.target_bytes as u64,
        clustering: request.clustering_field_id,
    })
}

/// Holds the rows until it is finished.
#[napi]
pub struct CoreSealing {
    sealing: Option<Arc<Sealing>>,
    block_count: u32,
}

impl CoreSealing {
    pub(super) fn new(sealing: Sealing) -> Self {
        CoreSealing {
            block_count: sealing.block_count() as u32,
            sealing: Some(Arc::new(sealing)),
        }
    }

    fn sealing(&self) -> Outcome<Arc<Sealing>> {
        self.sealing.clone().ok_or_else(|| Failure::malformed("the sealing is finished"))
    }
}

#[napi]
impl CoreSealing {
    #[napi(getter)]
    pub fn block_count(&self) -> u32 {
        self.block_count
    }

    #[napi]
    pub fn block<'env>(&self, env: &'env Env, index: u32) -> napi::Result<Object<'env>> {
        let sealing = self.sealing().map_err(error_of)?;
        promise(
            env,
            Urgency::Request,
            move || sealing.block(index as usize),
            |_, bytes| Ok(Buffer::from(bytes)),
        )
    }

    #[napi]
    pub fn finish(&mut self, sealed: &CoreSegment) -> napi::Result<()> {
        guarded(|| self.sealing()?.finish(&*sealed.segment()?))?;
        self.sealing.take().into_iter().for_each(discard);
        Ok(())
    }
}
