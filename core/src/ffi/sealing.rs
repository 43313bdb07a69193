//! A segment file in the making.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;

use super::guarded;
use super::pool::{Urgency, promise};
use super::segment::CoreSegment;
use crate::segment::Sealing;

#[napi]
pub struct CoreSealing {
    sealing: Arc<Sealing>,
}

impl CoreSealing {
    pub(super) fn new(sealing: Sealing) -> Self {
        CoreSealing {
            sealing: Arc::new(sealing),
        }
    }
}

#[napi]
impl CoreSealing {
    #[napi(getter)]
    pub fn block_count(&self) -> u32 {
        self.sealing.block_count() as u32
    }

    #[napi]
    pub fn block<'env>(&self, env: &'env Env, index: u32) -> napi::Result<Object<'env>> {
        let sealing = Arc::clone(&self.sealing);
        promise(
            env,
            Urgency::Request,
            move || sealing.block(index as usize),
            |_, bytes| Ok(Buffer::from(bytes)),
        )
    }

    #[napi]
    pub fn finish(&self, sealed: &CoreSegment) -> napi::Result<()> {
        guarded(|| self.sealing.finish(&sealed.segment))
    }
}
