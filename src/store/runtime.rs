//! Runs the asynchronous Delta library, and notices when the system allows too few threads for it.
//!
//! The library runs blocking work that waits for other blocking work. If the system refuses further threads (a limit of
//! processes or memory), both wait forever, while the store is locked. Invariant: this is an error after a few seconds.

use super::StoreError;
use futures::future::{Either, select};
use std::future::Future;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A small runtime, which suffices for a few commits.
#[derive(Debug)]
pub struct StoreRuntime {
    /// `None` after the drop.
    runtime: Option<Runtime>,
    root: PathBuf,
}

impl StoreRuntime {
    /// Starts a runtime for the store at `root`.
    pub fn new(root: &Path) -> Result<StoreRuntime, StoreError> {
        // Tokio panics if its first threads cannot be started.
        let built = catch_unwind(|| Builder::new_multi_thread().worker_threads(2).enable_all().build());
        match built {
            Ok(Ok(runtime)) => Ok(StoreRuntime { runtime: Some(runtime), root: root.to_path_buf() }),
            _ => Err(too_few_threads(root)),
        }
    }

    /// Waits for a result, or for the system to refuse threads for several seconds.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else { return Err(too_few_threads(&self.root)) };
        runtime.block_on(async {
            match select(pin!(work), pin!(refused_threads(&start_thread))).await {
                Either::Left((result, _)) => result,
                Either::Right(((), _)) => Err(too_few_threads(&self.root)),
            }
        })
    }
}

impl Drop for StoreRuntime {
    fn drop(&mut self) {
        // Work that waits forever must not be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn too_few_threads(root: &Path) -> StoreError {
    let detail = "the system allows too few threads to change the store; allow more processes (`ulimit -u`) or more memory \
                  (`ulimit -v`), and run the command again";
    StoreError::Io { path: root.to_path_buf(), detail: detail.to_owned() }
}

/// How often threads are tried, and how many failures in a row mean that none can be started.
const PAUSE: Duration = Duration::from_millis(500);
const FAILURES: u32 = 6;

/// Ends when no thread can be started for several seconds.
async fn refused_threads(start: &dyn Fn() -> bool) {
    let mut failures = 0;
    while failures < FAILURES {
        tokio::time::sleep(PAUSE).await;
        failures = if start() { 0 } else { failures + 1 };
    }
}

/// Whether a thread can be started, with the stack of those that Tokio starts.
fn start_thread() -> bool {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {});
    thread.is_ok_and(|thread| thread.join().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn refused_threads_end_the_wait() {
        let runtime = StoreRuntime::new(Path::new("store")).unwrap();
        assert!(start_thread());
        assert_eq!(runtime.block_on(async { Ok(7) }).unwrap(), 7);
        let tries = AtomicU32::new(0);
        // The third attempt succeeds, so the count starts again.
        let start = || tries.fetch_add(1, Ordering::Relaxed) == 2;
        let wait = async {
            refused_threads(&start).await;
            Ok(())
        };
        runtime.block_on(wait).unwrap();
        assert_eq!(tries.load(Ordering::Relaxed), 3 + FAILURES);
    }
}
