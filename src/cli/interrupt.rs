//! Waits for queries so that Ctrl-C at the prompt cancels them and nothing else.
//!
//! Commands outside the prompt keep the default: Ctrl-C ends the program.

use crate::run::RunError;
use futures::FutureExt;
use futures::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

/// Whether Ctrl-C cancels queries.
static CANCELS: AtomicBool = AtomicBool::new(false);

/// From now on, Ctrl-C cancels the running query instead of ending the program.
pub fn cancel_queries(runtime: &Runtime) {
    // The first poll installs the handler.
    let installed = runtime.block_on(async { tokio::signal::ctrl_c().now_or_never() });
    CANCELS.store(!matches!(installed, Some(Err(_))), Ordering::Release);
}

/// The result of a future, or [`RunError::Interrupted`].
pub fn wait<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = Result<T, RunError>> + Send + 'static,
) -> Result<T, RunError> {
    if !CANCELS.load(Ordering::Acquire) {
        return runtime.block_on(future);
    }
    // On a thread of its own, so that a query that computes for a long time does not delay the answer to Ctrl-C.
    let query = runtime.spawn(future);
    let cancel = query.abort_handle();
    runtime.block_on(async {
        match select(query, pin!(tokio::signal::ctrl_c())).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(stopped), _)) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(RunError::Interrupted),
            },
            Either::Right(_) => {
                cancel.abort();
                Err(RunError::Interrupted)
            }
        }
    })
}
