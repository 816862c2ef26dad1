//! Downloads objects ahead of the threads that decode them.
//!
//! In: objects in reading order. Out: their bytes, in the order of arrival. Invariant: what is being downloaded or waits
//! to be taken is at most [`AT_ONCE`] objects and [`ROOM`] bytes, or one object that is larger.

use super::Object;
use bytes::Bytes;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// Objects of CloudTrail have about 20 kB, and a request takes about 30 ms: 32 of them give a thousand objects per second.
const AT_ONCE: usize = 32;
/// Bytes in flight.
const ROOM: u64 = 64 << 20;
/// Permits of a semaphore are 32-bit numbers, so that they stand for more than one byte.
const UNIT: u64 = 1 << 10;

/// Objects that are being downloaded.
#[derive(Debug)]
pub struct Feed {
    arrived: Mutex<Receiver<Arrived>>,
    starter: AbortHandle,
}

#[derive(Debug)]
struct Arrived {
    place: usize,
    bytes: Result<Bytes, String>,
    _slot: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl Feed {
    /// Starts to download objects, each with its place among the inputs; `None` without objects. An object larger than
    /// the limit is an error instead of bytes, and is not downloaded.
    pub fn start(objects: Vec<(usize, Object)>, limit: u64) -> Option<Feed> {
        let (_, first) = objects.first()?;
        let handle = first.bucket.transfers.handle().clone();
        let (out, arrived) = channel();
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let room = Arc::new(Semaphore::new(units(ROOM) as usize));
        let starter = handle.spawn(async move {
            for (place, object) in objects {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                let bytes = if object.size > limit { 0 } else { object.size };
                let Ok(space) = Arc::clone(&room).acquire_many_owned(units(bytes)).await else { return };
                let out = out.clone();
                tokio::spawn(async move {
                    let bytes = object.read(limit).await;
                    // Nobody waits for it after an error elsewhere.
                    let _ = out.send(Arrived { place, bytes, _slot: slot, _room: space });
                });
            }
        });
        Some(Feed { arrived: Mutex::new(arrived), starter: starter.abort_handle() })
    }

    /// Waits for the next object: its place and its bytes, or the problem with it. `None` after the last one.
    pub fn next(&self) -> Option<(usize, Result<Bytes, String>)> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
        Some((arrived.place, arrived.bytes))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.starter.abort();
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.min(ROOM).div_ceil(UNIT)).unwrap_or(u32::MAX)
}
