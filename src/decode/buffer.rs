//! Memory that is used again from file to file.

use std::ops::Deref;

/// Bytes that are made room for beyond what is asked.
const MOST_AHEAD: usize = 4 << 20;

/// Bytes in memory that is kept: what is written over later is not cleared before.
#[derive(Debug, Default)]
pub struct Buffer {
    /// Memory that has been written to, longer than what it holds now.
    memory: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Forgets what it holds.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Room for this many bytes, whatever stands there; [`Buffer::hold`] says how many of them count.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.length = 0;
        if self.memory.len() < bytes {
            // What it held is of no use: nothing is moved.
            self.memory = Vec::new();
            self.memory = vec![0; bytes.saturating_add((bytes / 4).min(MOST_AHEAD))];
        }
        self.memory.get_mut(..bytes).unwrap_or_default()
    }

    /// Holds the first bytes of the room.
    pub fn hold(&mut self, bytes: usize) {
        self.length = bytes.min(self.memory.len());
    }

    /// Takes bytes that were gathered elsewhere.
    pub fn take(&mut self, bytes: Vec<u8>) {
        self.length = bytes.len();
        self.memory = bytes;
    }

    /// Bytes of memory it keeps.
    pub fn capacity(&self) -> usize {
        self.memory.capacity()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}
