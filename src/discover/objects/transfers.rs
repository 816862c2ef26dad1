//! The threads that talk to object stores.

use std::future::Future;
use std::panic::catch_unwind;
use std::sync::mpsc::channel;
use tokio::runtime::{Builder, Handle, Runtime};

/// One runtime for all buckets of a run. It only waits for the network and copies bytes, so that two threads suffice.
#[derive(Debug)]
pub struct Transfers {
    handle: Handle,
    /// `None` after the drop.
    runtime: Option<Runtime>,
}

impl Transfers {
    /// Starts the threads; the error is a message for the user.
    pub fn start() -> Result<Transfers, String> {
        // Tokio panics if its first threads cannot be started.
        let built = catch_unwind(|| Builder::new_multi_thread().worker_threads(2).thread_name("transfers").enable_all().build());
        match built {
            Ok(Ok(runtime)) => Ok(Transfers { handle: runtime.handle().clone(), runtime: Some(runtime) }),
            _ => Err("the system allows too few threads to read from S3; allow more processes (`ulimit -u`)".to_owned()),
        }
    }

    /// Waits for a result on a thread that does not belong to the runtime.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// Waits for a result on any thread, also on one that runs asynchronous code.
    ///
    /// # Errors
    /// With a message for the user if the work was interrupted.
    pub fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
        let (out, result) = channel();
        self.handle.spawn(async move {
            // Only this function waits for it.
            let _ = out.send(work.await);
        });
        result.recv().map_err(|_| "the request was interrupted; run the command again".to_owned())
    }

    /// Runs work in the background.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        // A download that nobody waits for any more must not be waited for here.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
