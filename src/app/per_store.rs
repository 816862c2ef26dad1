//! A value computed from a store, for commands that run for long: computed again when the store has changed.

use super::error::AppError;
use crate::store::{Manifest, Store, StoreRoot};
use std::sync::{Arc, Mutex, PoisonError};

/// The value of the current version of a store.
#[derive(Debug)]
pub struct PerStore<T> {
    root: StoreRoot,
    known: Mutex<Option<(Manifest, Arc<T>)>>,
}

impl<T> PerStore<T> {
    /// For a store; nothing is computed yet.
    pub fn new(root: StoreRoot) -> PerStore<T> {
        PerStore { root, known: Mutex::new(None) }
    }

    /// Where the store is.
    pub fn root(&self) -> &StoreRoot {
        &self.root
    }

    /// The value of the store as it is now.
    pub fn current(&self, compute: impl FnOnce(&Store) -> Result<T, AppError>) -> Result<Arc<T>, AppError> {
        let store = Store::open(&self.root)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((manifest, value)) = &*known
            && manifest == store.manifest()
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(compute(&store)?);
        *known = Some((store.manifest().clone(), Arc::clone(&value)));
        Ok(value)
    }
}
