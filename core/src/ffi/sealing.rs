//! A segment file in the making.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::pool::{Urgency, discard, promise};
use super::segment::CoreSegment;
use super::{error_of, guarded};
use crate::failure::{Failure, Outcome};
use crate::segment::Sealing;

/// Holds the growing segment's rows until it is finished.
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
