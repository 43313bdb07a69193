//! The core's threads, and promises for what they do.
//!
//! Three pools of the same size: one for what a client waits for, one for building indexes, which would else stand in front of requests for seconds, and one
//! for what hardly computes: reading pages in from the disk and giving memory back, which neither holds up requests nor waits until a build ends. The threads
//! that build yield: on Linux the operating system runs them behind all others (elsewhere beside them). None is libuv's pool.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use napi::Env;
use napi::bindgen_prelude::{JsValue, Object, PromiseRaw, ToNapiValue, Unknown};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::error_of;
use crate::failure::{Failure, Outcome};

/// Who waits for the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Request,
    Background,
    /// Work that waits for the disk or the system rather than computes.
    Paging,
}

struct Pools {
    requests: ThreadPool,
    background: ThreadPool,
    paging: ThreadPool,
}

static THREADS: OnceLock<usize> = OnceLock::new();
static POOLS: OnceLock<Result<Pools, String>> = OnceLock::new();

pub fn configure(threads: usize) {
    THREADS.get_or_init(|| threads);
}

fn pools() -> Outcome<&'static Pools> {
    let pools = POOLS.get_or_init(|| {
        let threads = *THREADS.get_or_init(|| 0);
        let pool = |name: &'static str, start: fn(usize)| {
            let builder = ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(move |at| format!("elanus-{name}-{at}"));
            builder.start_handler(start).build().map_err(|error| error.to_string())
        };
        Ok(Pools {
            requests: pool("core", |_| {})?,
            background: pool("back", |_| yield_to_others())?,
            paging: pool("page", |_| {})?,
        })
    });
    pools
        .as_ref()
        .map_err(|error| Failure::new("panic", vec![format!("threads cannot be started: {error}").into()]))
}

/// Puts the calling thread behind others. It is a wish: without it the work is as right, and only less polite.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}

/// Drops a value on a thread of the pool: giving much memory back takes long.
pub fn discard<T: Send + 'static>(value: T) {
    if let Ok(pools) = pools() {
        pools.paging.spawn(move || drop(value));
    }
}

/// Does `work` on a pool; the promise gets what `show` makes of its result on the caller's thread.
pub fn promise<'env, T: Send + 'static, Shown: ToNapiValue + 'static>(
    env: &'env Env,
    urgency: Urgency,
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
    show: impl FnOnce(Env, T) -> napi::Result<Shown> + Send + 'static,
) -> napi::Result<Object<'env>> {
    let pools = pools().map_err(error_of)?;
    let (deferred, promise) = env.create_deferred::<Shown, Box<dyn FnOnce(Env) -> napi::Result<Shown>>>()?;
    let pool = match urgency {
        Urgency::Request => &pools.requests,
        Urgency::Background => &pools.background,
        Urgency::Paging => &pools.paging,
    };
    pool.spawn_fifo(move || match caught(work) {
        Ok(result) => deferred.resolve(Box::new(move |env| show(env, result))),
        Err(failure) => deferred.reject(error_of(failure)),
    });
    Ok(promise)
}

thread_local! {
    /// A pool of the calling thread alone: what a request would divide among threads is done by it, and no thread is woken.
    static HERE: Option<ThreadPool> = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Works where it is called.
pub fn here<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    HERE.with(|pool| match pool {
        Some(pool) => caught(|| pool.install(work)),
        None => caught(work),
    })
}

/// As `promise`, but works where it is called, for work that is shorter than waking a thread.
pub fn promise_here<'env, T: Send, Shown: ToNapiValue + 'env>(
    env: &'env Env,
    work: impl FnOnce() -> Outcome<T> + Send,
    show: impl FnOnce(Env, T) -> napi::Result<Shown>,
) -> napi::Result<Object<'env>> {
    match here(work) {
        Ok(result) => PromiseRaw::resolve(env, show(*env, result)?)?.to_unknown().coerce_to_object(),
        Err(failure) => PromiseRaw::<Shown>::reject(env, error_of(failure))?.to_unknown().coerce_to_object(),
    }
}

/// As `promise`, but works where it is called, for work that is shorter than waking a thread.
pub fn promise_at_once<'env, T: ToNapiValue + 'env>(env: &'env Env, work: impl FnOnce() -> Outcome<T>) -> napi::Result<Unknown<'env>> {
    match caught(work) {
        Ok(result) => Ok(PromiseRaw::resolve(env, result)?.to_unknown()),
        Err(failure) => Ok(PromiseRaw::<T>::reject(env, error_of(failure))?.to_unknown()),
    }
}

/// The outcome of work that may panic.
pub fn caught<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    // What a panic may leave half done is given up with the request; what requests share is behind locks that are taken whether poisoned or not.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::new("panic", vec![words_of(&*panic).into()])))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| String::from("without words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_failures() {
        let failure = caught::<()>(|| panic!("row {}", 7)).unwrap_err();
        assert_eq!(failure, Failure::new("panic", vec!["row 7".into()]));
        assert_eq!(caught(|| Ok(1)), Ok(1));
    }
}
