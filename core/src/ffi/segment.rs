//! Segments.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, Object, ObjectFinalize};
use napi_derive::napi;

use super::pool::{Urgency, discard, promise};
use super::rows::{CoreRows, CoreSchema};
use super::sealing::CoreSealing;
use super::{error_of, guarded, timestamp_of};
use crate::failure::{Failure, Outcome};
use crate::index::vector_index::Progress;
use crate::segment::{Keys, Sealing, Segment};

/// Holds a segment until JavaScript lets go of it. Letting go can take long (memory goes back to the system), so a thread of the pool does it: at
/// `release`, or when the garbage collector finds the object, which is tiny for it.
#[napi(custom_finalize)]
pub struct CoreSegment {
    segment: RwLock<Option<Arc<Segment>>>,
    /// How far builds of indexes are, by field.
    builds: Mutex<HashMap<u32, Progress>>,
}

impl ObjectFinalize for CoreSegment {
    fn finalize(self, _env: Env) -> napi::Result<()> {
        self.let_go();
        Ok(())
    }
}

#[napi]
pub fn create_segment(schema: &CoreSchema) -> CoreSegment {
    CoreSegment::new(Segment::growing(Arc::clone(&schema.schema)))
}

#[napi]
pub fn open_segment<'env>(env: &'env Env, schema: &CoreSchema, path: String) -> napi::Result<Object<'env>> {
    let schema = Arc::clone(&schema.schema);
    promise(
        env,
        Urgency::Request,
        move || Segment::open(&schema, &path),
        |_, segment| Ok(CoreSegment::new(segment)),
    )
}

impl CoreSegment {
    fn new(segment: Segment) -> Self {
        CoreSegment {
            segment: RwLock::new(Some(Arc::new(segment))),
            builds: Mutex::default(),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<Segment>> {
        self.segment.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn segment(&self) -> Outcome<Arc<Segment>> {
        self.get().ok_or_else(|| Failure::malformed("the segment was released"))
    }

    pub(super) fn builds(&self) -> MutexGuard<'_, HashMap<u32, Progress>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_go(&self) {
        let segment = self.segment.write().unwrap_or_else(PoisonError::into_inner).take();
        segment.into_iter().for_each(discard);
    }
}

#[napi]
impl CoreSegment {
    #[napi(getter)]
    pub fn row_count(&self) -> u32 {
        self.get().map_or(0, |segment| segment.row_count()) as u32
    }

    #[napi(getter)]
    pub fn deleted_count(&self) -> u32 {
        self.get().map_or(0, |segment| segment.deleted_count()) as u32
    }

    #[napi(getter)]
    pub fn byte_size(&self) -> f64 {
        self.get().map_or(0, |segment| segment.byte_size()) as f64
    }

    #[napi(getter)]
    pub fn sealed(&self) -> bool {
        self.get().is_some_and(|segment| segment.is_sealed())
    }

    #[napi(getter)]
    pub fn mapped_size(&self) -> f64 {
        self.get().map_or(0, |segment| segment.mapped_size()) as f64
    }

    #[napi(getter)]
    pub fn filter_damaged(&self) -> bool {
        self.get().is_some_and(|segment| segment.filter_damaged())
    }

    #[napi]
    pub fn mapped_size_of(&self, field_ids: Vec<u32>) -> f64 {
        self.get().map_or(0, |segment| segment.mapped_size_of(&field_ids)) as f64
    }

    #[napi]
    pub fn advise<'env>(&self, env: &'env Env, resident: bool, field_ids: Option<Vec<u32>>) -> napi::Result<Object<'env>> {
        let segment = self.segment().map_err(error_of)?;
        let work = move || {
            segment.advise(resident, field_ids.as_deref());
            Ok(())
        };
        promise(env, Urgency::Paging, work, |_, ()| Ok(()))
    }

    #[napi]
    pub fn append(&self, rows: &mut CoreRows, timestamp: BigInt) -> napi::Result<()> {
        guarded(|| self.segment()?.append(rows.take()?, timestamp_of(&timestamp)?))
    }

    /// Lets go of the rows; searches that are under way keep them until they end. Afterwards every call fails.
    #[napi]
    pub fn release(&self) {
        self.let_go();
    }

    #[napi]
    pub fn set_schema(&self, schema: &CoreSchema) -> napi::Result<()> {
        guarded(|| self.segment()?.set_schema(&schema.schema))
    }

    #[napi]
    pub fn delete(&self, ids: Buffer, timestamp: BigInt) -> napi::Result<u32> {
        guarded(|| Ok(self.segment()?.delete(&Keys::decode(&ids)?, timestamp_of(&timestamp)?) as u32))
    }

    #[napi]
    pub fn delete_all(&self, timestamp: BigInt) -> napi::Result<()> {
        guarded(|| {
            self.segment()?.delete_all(timestamp_of(&timestamp)?);
            Ok(())
        })
    }

    #[napi]
    pub fn encode_deletes(&self) -> napi::Result<Buffer> {
        guarded(|| Ok(self.segment()?.encode_deletes().into()))
    }

    #[napi]
    pub fn apply_deletes(&self, bytes: Buffer, up_to: Option<BigInt>) -> napi::Result<()> {
        guarded(|| {
            let up_to = up_to.as_ref().map(timestamp_of).transpose()?;
            self.segment()?.apply_deletes(&bytes, up_to.unwrap_or(u64::MAX))
        })
    }

    #[napi]
    pub fn start_sealing(&self) -> napi::Result<CoreSealing> {
        guarded(|| Sealing::start(&*self.segment()?)).map(CoreSealing::new)
    }
}
