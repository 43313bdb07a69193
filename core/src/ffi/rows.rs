//! Schemas and decoded rows.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{BigInt, Buffer, JsValue, Object, Unknown};
use napi_derive::napi;

use super::pool::{Urgency, promise, promise_at_once};
use super::requests::{CoreExpiry, Segments, expiry_of, snapshots_of};
use super::{error_of, guarded, timestamp_of};
use crate::failure::{Failure, Outcome};
use crate::segment::schema::Schema;
use crate::segment::{self, ArrayOperation, FieldBytes, Rows, UpdateRequest};

/// Up to here rows are decoded faster than a thread is woken for them.
const AT_ONCE_BYTES: usize = 16 << 10;
const AT_ONCE_ROWS: f64 = 64.0;

#[napi]
pub struct CoreSchema {
    pub(super) schema: Arc<Schema>,
}

#[napi]
impl CoreSchema {
    #[napi(getter)]
    pub fn column_count(&self) -> u32 {
        self.schema.columns.len() as u32
    }
}

#[napi]
pub fn create_schema(columns: String) -> napi::Result<CoreSchema> {
    let schema = guarded(|| Schema::parse(&columns))?;
    Ok(CoreSchema { schema: Arc::new(schema) })
}

/// One encoded FieldData and the column it is for.
#[napi(object, object_to_js = false)]
pub struct CoreField {
    pub id: u32,
    pub data: Buffer,
}

/// Rows until a segment takes them; what is asked of their keys was found out when they were decoded.
#[napi]
pub struct CoreRows {
    rows: Option<Rows>,
    row_count: usize,
    byte_size: usize,
    ids: Vec<u8>,
    /// None: the same as `ids`.
    given_ids: Option<Vec<u8>>,
    has_duplicate_keys: bool,
}

impl CoreRows {
    fn new(rows: Rows) -> Self {
        CoreRows {
            row_count: rows.row_count,
            byte_size: rows.byte_size(),
            ids: rows.ids(),
            given_ids: rows.given_keys.is_some().then(|| rows.given_ids()),
            has_duplicate_keys: rows.has_duplicate_keys(),
            rows: Some(rows),
        }
    }

    /// The rows, once.
    pub(super) fn take(&mut self) -> Outcome<Rows> {
        self.rows
            .take()
            .ok_or_else(|| Failure::malformed("these rows are in a segment or split already"))
    }
}

#[napi]
impl CoreRows {
    #[napi(getter)]
    pub fn row_count(&self) -> u32 {
        self.row_count as u32
    }

    #[napi(getter)]
    pub fn byte_size(&self) -> f64 {
        self.byte_size as f64
    }

    #[napi]
    pub fn ids(&self) -> Buffer {
        self.ids.clone().into()
    }

    #[napi]
    pub fn given_ids(&self) -> Buffer {
        self.given_ids.as_ref().unwrap_or(&self.ids).clone().into()
    }

    #[napi]
    pub fn has_duplicate_keys(&self) -> bool {
        self.has_duplicate_keys
    }

    /// The rows by the hash of their partition key; takes them, as appending does.
    #[napi]
    pub fn split<'env>(&mut self, env: &'env Env, field_id: u32, partition_count: u32) -> napi::Result<Unknown<'env>> {
        let is_small = self.row_count as f64 <= AT_ONCE_ROWS && self.byte_size <= AT_ONCE_BYTES;
        let rows = self.take();
        let work = move || {
            let parts = rows?.split(field_id, partition_count)?;
            Ok(parts.into_iter().map(|part| part.map(CoreRows::new)).collect::<Vec<_>>())
        };
        if is_small {
            return promise_at_once(env, work);
        }
        Ok(promise(env, Urgency::Request, work, |_, parts| Ok(parts))?.to_unknown())
    }
}

#[napi]
pub fn decode_rows<'env>(
    env: &'env Env,
    schema: &CoreSchema,
    row_count: f64,
    fields: Vec<CoreField>,
    auto_id_start: Option<BigInt>,
) -> napi::Result<Unknown<'env>> {
    let schema = Arc::clone(&schema.schema);
    let auto_id_start = auto_id_start.map(|start| key_of(&start)).transpose().map_err(error_of)?;
    // A dictionary may have to be loaded for texts.
    let is_analyzed = schema.columns.iter().any(|column| column.terms_of.is_some());
    let is_small = !is_analyzed && row_count <= AT_ONCE_ROWS && fields.iter().map(|field| field.data.len()).sum::<usize>() <= AT_ONCE_BYTES;
    let work = move || {
        if !(0.0..=f64::from(u32::MAX)).contains(&row_count) || row_count.fract() != 0.0 {
            return Err(Failure::malformed(format!("{row_count} rows")));
        }
        let fields: Vec<FieldBytes> = fields
            .iter()
            .map(|field| FieldBytes {
                id: field.id,
                data: &field.data,
            })
            .collect();
        Rows::decode(&schema, row_count as usize, &fields, auto_id_start).map(CoreRows::new)
    };
    if is_small {
        return promise_at_once(env, work);
    }
    Ok(promise(env, Urgency::Request, work, |_, rows| Ok(rows))?.to_unknown())
}

fn key_of(number: &BigInt) -> Outcome<i64> {
    let failure = || Failure::malformed("key beyond 64 bits");
    let [word] = number.words[..] else { return Err(failure()) };
    let key = if number.sign_bit { -i128::from(word) } else { i128::from(word) };
    i64::try_from(key).map_err(|_| failure())
}

/// What an upsert of some columns does to an array column.
#[napi(object, object_to_js = false)]
pub struct CoreArrayOperation {
    pub field_id: u32,
    pub operation: String,
}

#[napi(object, object_to_js = false)]
pub struct CoreUpdateRequest {
    pub read_timestamp: BigInt,
    pub expiry: Option<CoreExpiry>,
    pub row_count: u32,
    pub fields: Vec<CoreField>,
    pub operations: Vec<CoreArrayOperation>,
}

#[napi(object, object_from_js = false)]
pub struct CoreEncodedField {
    pub id: u32,
    pub data: Buffer,
}

#[napi(object, object_from_js = false)]
pub struct CoreUpdate {
    pub rows: CoreRows,
    pub fields: Vec<CoreEncodedField>,
}

#[napi]
pub fn update_rows<'env>(
    env: &'env Env,
    schema: &CoreSchema,
    segments: Segments,
    request: CoreUpdateRequest,
) -> napi::Result<Object<'env>> {
    let schema = Arc::clone(&schema.schema);
    let snapshots = snapshots_of(&segments).map_err(error_of)?;
    let read_timestamp = timestamp_of(&request.read_timestamp).map_err(error_of)?;
    let expiry = request.expiry.map(expiry_of).transpose().map_err(error_of)?;
    let operations = request
        .operations
        .iter()
        .map(operation_of)
        .collect::<Outcome<Vec<_>>>()
        .map_err(error_of)?;
    let (fields, row_count) = (request.fields, request.row_count as usize);
    let work = move || {
        let fields = fields.iter().map(|field| FieldBytes {
            id: field.id,
            data: &field.data,
        });
        let request = UpdateRequest {
            read_timestamp,
            expiry,
            row_count,
            fields: fields.collect(),
            operations,
        };
        segment::update_rows(&schema, &snapshots, &request)
    };
    promise(env, Urgency::Request, work, |_, update| {
        let fields = update
            .fields
            .into_iter()
            .map(|(id, data)| CoreEncodedField { id, data: data.into() });
        Ok(CoreUpdate {
            rows: CoreRows::new(update.rows),
            fields: fields.collect(),
        })
    })
}

fn operation_of(operation: &CoreArrayOperation) -> Outcome<(u32, ArrayOperation)> {
    let kind = match &operation.operation[..] {
        "append" => ArrayOperation::Append,
        "remove" => ArrayOperation::Remove,
        other => return Err(Failure::malformed(format!("operation {other}"))),
    };
    Ok((operation.field_id, kind))
}
