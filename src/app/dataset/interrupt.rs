//! Waits for a query so that Ctrl-C at the prompt cancels it and nothing else.
//!
//! Commands outside the prompt keep the default: Ctrl-C ends the program.

use crate::run::RunError;
use futures::FutureExt;
use futures::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use tokio::runtime::Runtime;

/// Installs the handler of Ctrl-C; false if that is not possible.
pub fn can_cancel(runtime: &Runtime) -> bool {
    // The first poll installs the handler.
    let installed = runtime.block_on(async { tokio::signal::ctrl_c().now_or_never() });
    !matches!(installed, Some(Err(_)))
}

/// The result of a future, or [`RunError::Interrupted`] after Ctrl-C.
pub fn wait_or_cancel<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = Result<T, RunError>> + Send + 'static,
) -> Result<T, RunError> {
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
