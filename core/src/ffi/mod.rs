//! The door to Node: what `src/engine/core.ts` declares, and nothing else.
//!
//! Calls that only look at a request or mark rows run where they are called. All others run on the core's own threads (`pool`) and answer by a promise;
//! the event loop only hands over references. A failure crosses as an Error whose message is the JSON of a `Failure`; a panic is one of kind `panic`.

// In tests napi's macros export nothing, so that nobody calls what they would.
#![cfg_attr(test, allow(dead_code))]

mod indexes;
mod pool;
mod prepared;
mod requests;
mod rows;
mod sealing;
mod segment;
mod texts;

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::distance;
use crate::failure::{Failure, Outcome};

/// Threads for all heavy work of this process; 0: one a core. Once, before anything else; later calls change nothing.
#[napi]
pub fn configure(threads: u32) {
    pool::configure(threads as usize);
}

/// Names of the instruction sets in use.
#[napi]
pub fn instruction_sets() -> Vec<String> {
    distance::instruction_sets().into_iter().map(String::from).collect()
}

fn error_of(failure: Failure) -> napi::Error {
    napi::Error::from_reason(failure.to_json())
}

/// Runs work on the caller's thread; failures and panics become errors.
fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> napi::Result<T> {
    pool::caught(work).map_err(error_of)
}

fn timestamp_of(number: &BigInt) -> Outcome<u64> {
    match number.get_u64() {
        (_, timestamp, true) => Ok(timestamp),
        _ => Err(Failure::malformed("timestamp beyond 64 bits")),
    }
}
