//! Segments and their indexes.

use std::sync::{Arc, PoisonError, RwLock};

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, Either, Null, Object, ObjectFinalize};
use napi_derive::napi;

use super::pool::{Urgency, discard, promise};
use super::rows::{CoreRows, CoreSchema};
use super::sealing::CoreSealing;
use super::{error_of, guarded, timestamp_of};
use crate::distance::Metric;
use crate::failure::{Arg, Failure, Outcome};
use crate::index::hnsw::{Hnsw, HnswParameters};
use crate::segment::column::Values;
use crate::segment::{IndexSlot, Keys, Sealing, Segment, SegmentSnapshot};

/// Holds a segment until JavaScript lets go of it. Letting go can take long (memory goes back to the system), so a thread of the pool does it: at
/// `release`, or when the garbage collector finds the object, which is tiny for it.
#[napi(custom_finalize)]
pub struct CoreSegment {
    segment: RwLock<Option<Arc<Segment>>>,
}

impl ObjectFinalize for CoreSegment {
    fn finalize(self, _env: Env) -> napi::Result<()> {
        self.let_go();
        Ok(())
    }
}

/// How an index is built.
#[napi(object, object_to_js = false)]
pub struct CoreHnsw {
    pub kind: String,
    pub metric: String,
    pub m: u32,
    pub ef_construction: u32,
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
        }
    }

    fn get(&self) -> Option<Arc<Segment>> {
        self.segment.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn segment(&self) -> Outcome<Arc<Segment>> {
        self.get().ok_or_else(|| Failure::malformed("the segment was released"))
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
        promise(env, Urgency::Background, work, |_, ()| Ok(()))
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

    #[napi]
    pub fn build_index<'env>(&self, env: &'env Env, field_id: u32, parameters: CoreHnsw) -> napi::Result<Object<'env>> {
        let segment = self.segment().map_err(error_of)?;
        let work = move || {
            let parameters = parameters_of(&parameters)?;
            let snapshot = segment.snapshot();
            let vectors = Vectors::of(&snapshot, field_id)?;
            put_index(
                &segment,
                field_id,
                Hnsw::build(vectors.values, vectors.dim, vectors.valid, parameters),
            );
            Ok(())
        };
        promise(env, Urgency::Background, work, |_, ()| Ok(()))
    }

    #[napi]
    pub fn drop_index(&self, field_id: u32) {
        if let Some(segment) = self.get() {
            segment.drop_index(field_id);
        }
    }

    #[napi]
    pub fn has_index(&self, field_id: u32) -> bool {
        self.get()
            .is_some_and(|segment| segment.snapshot().index::<Hnsw>(field_id).is_some())
    }

    #[napi]
    pub fn encode_index<'env>(&self, env: &'env Env, field_id: u32) -> napi::Result<Object<'env>> {
        let index = self.get().and_then(|segment| segment.snapshot().index::<Hnsw>(field_id));
        let show = |_, bytes: Option<Vec<u8>>| Ok(bytes.map_or(Either::B(Null), |bytes| Either::A(Buffer::from(bytes))));
        promise(env, Urgency::Background, move || Ok(index.map(|index| index.encode())), show)
    }

    #[napi]
    pub fn open_index<'env>(&self, env: &'env Env, field_id: u32, path: String) -> napi::Result<Object<'env>> {
        let segment = self.segment().map_err(error_of)?;
        let work = move || {
            let snapshot = segment.snapshot();
            let vectors = Vectors::of(&snapshot, field_id)?;
            let damaged = |text: String| Failure::of_field("damaged", field_id, vec![path.as_str().into(), 0usize.into(), text.into()]);
            let bytes = std::fs::read(&path).map_err(|error| damaged(error.to_string()))?;
            let index = Hnsw::decode(&bytes, snapshot.row_count, vectors.dim).map_err(|failure| named(failure, &path))?;
            put_index(&segment, field_id, index);
            Ok(())
        };
        promise(env, Urgency::Request, work, |_, ()| Ok(()))
    }
}

/// The vectors that an index is of.
struct Vectors<'a> {
    values: &'a [f32],
    dim: usize,
    valid: Option<&'a [u8]>,
}

impl<'a> Vectors<'a> {
    fn of(snapshot: &'a SegmentSnapshot, field_id: u32) -> Outcome<Self> {
        let refuse = |text: &str| Failure::of_field("malformed", field_id, vec![text.into()]);
        let [chunk] = &snapshot.chunks[..] else {
            return Err(refuse("only sealed segments are indexed"));
        };
        if !snapshot.sealed {
            return Err(refuse("only sealed segments are indexed"));
        }
        let column = snapshot
            .schema
            .position(field_id)
            .map(|at| &chunk.columns[at])
            .ok_or_else(|| refuse("no such column"))?;
        let Values::Vectors { dim, values } = &column.values else {
            return Err(refuse("not a column of vectors"));
        };
        Ok(Vectors {
            values,
            dim: *dim,
            valid: column.valid.as_deref(),
        })
    }
}

fn put_index(segment: &Segment, field_id: u32, index: Hnsw) {
    let byte_size = index.byte_size();
    segment.put_index(
        field_id,
        IndexSlot {
            index: Arc::new(index),
            byte_size,
        },
    );
}

fn parameters_of(parameters: &CoreHnsw) -> Outcome<HnswParameters> {
    let metric = metric_of(&parameters.metric)?;
    if parameters.kind != "HNSW" || parameters.m < 2 || parameters.ef_construction < 1 {
        return Err(Failure::malformed("parameters of an index"));
    }
    Ok(HnswParameters {
        metric,
        m: parameters.m as usize,
        ef_construction: parameters.ef_construction as usize,
    })
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
