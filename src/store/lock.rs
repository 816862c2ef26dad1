//! Allows one writer at a time. The operating system releases the lock if the process dies.

use super::StoreError;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// Held while writing to a store.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

/// Acquires the lock. If it is held, calls `waiting` once and retries until the timeout.
pub fn take(root: &Path, patience: Duration, waiting: &dyn Fn()) -> Result<WriteLock, StoreError> {
    fs::create_dir_all(root).map_err(|error| StoreError::io(root, error))?;
    let path = root.join("lock");
    let file = File::create(&path).map_err(|error| StoreError::io(&path, error))?;
    let step = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(WriteLock { _file: file }),
            Err(TryLockError::WouldBlock) if waited < patience => {
                if waited.is_zero() {
                    waiting();
                }
                std::thread::sleep(step);
                waited += step;
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(root.to_path_buf())),
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, error)),
        }
    }
}
