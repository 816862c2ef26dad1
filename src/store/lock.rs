//! Allows one writer at a time. The operating system releases the lock if the process dies.

use super::{StoreError, StoreRoot, guard};
use std::fs::{File, TryLockError};
use std::time::Duration;

/// Held while writing to a store.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

/// Acquires the lock, which only a folder has. If it is held, calls `waiting` once and retries until the timeout.
pub fn take(root: &StoreRoot, patience: Duration, waiting: &dyn Fn()) -> Result<WriteLock, StoreError> {
    debug_assert!(root.is_folder(), "a bucket is changed in a working copy");
    guard::make_root(root)?;
    let path = root.join("lock");
    let file = guard::open_or_create(root, &path)?;
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
