//! Fault injection: lets tests fail a change at each of its steps.

use super::StoreError;
use std::path::Path;

#[cfg(test)]
pub use injected::after;

/// A step on a path of a store that tests can make fail.
#[cfg(test)]
pub fn step(path: &Path) -> Result<(), StoreError> {
    if injected::fails(path) {
        return Err(StoreError::Io { path: path.to_path_buf(), detail: "injected failure".to_owned() });
    }
    Ok(())
}

/// A step on a path of a store that tests can make fail.
#[cfg(not(test))]
#[inline]
#[allow(clippy::unnecessary_wraps)]
pub fn step(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(test)]
mod injected {
    use std::path::{Path, PathBuf};
    use std::sync::{Mutex, PoisonError};

    /// Stores with fault injection, and the number of steps that still succeed.
    static STORES: Mutex<Vec<(PathBuf, i64)>> = Mutex::new(Vec::new());

    /// While this guard lives, the steps of one store fail after the given number, as if the process had died.
    #[derive(Debug)]
    pub struct Injected(PathBuf);

    /// Lets the first `steps` steps of a store succeed and all others fail.
    pub fn after(root: &Path, steps: u32) -> Injected {
        STORES.lock().unwrap_or_else(PoisonError::into_inner).push((root.to_path_buf(), i64::from(steps)));
        Injected(root.to_path_buf())
    }

    impl Injected {
        /// Whether a step has failed.
        pub fn has_failed(&self) -> bool {
            let stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
            stores.iter().any(|(root, left)| *root == self.0 && *left < 0)
        }
    }

    impl Drop for Injected {
        fn drop(&mut self) {
            STORES.lock().unwrap_or_else(PoisonError::into_inner).retain(|(root, _)| *root != self.0);
        }
    }

    pub fn fails(path: &Path) -> bool {
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.iter_mut().filter(|(root, _)| path.starts_with(root)).any(|(_, left)| {
            *left -= 1;
            *left < 0
        })
    }
}
