//! Memory that is reused from file to file.

use std::ops::Deref;

/// Extra capacity when the buffer grows, in bytes.
const MOST_AHEAD: usize = 4 << 20;

/// A reusable byte buffer that is not zeroed between uses.
#[derive(Debug, Default)]
pub struct Buffer {
    /// Initialized memory, at least as long as the current content.
    memory: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Discards the content.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Returns writable space of this length with arbitrary content; [`Buffer::hold`] sets the valid length.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.length = 0;
        if self.memory.len() < bytes {
            // The old content is not needed, so nothing is copied.
            self.memory = Vec::new();
            self.memory = vec![0; bytes.saturating_add((bytes / 4).min(MOST_AHEAD))];
        }
        self.memory.get_mut(..bytes).unwrap_or_default()
    }

    /// Makes the first bytes of the space the content.
    pub fn hold(&mut self, bytes: usize) {
        self.length = bytes.min(self.memory.len());
    }

    /// Replaces the content with an existing vector.
    pub fn take(&mut self, bytes: Vec<u8>) {
        self.length = bytes.len();
        self.memory = bytes;
    }

    /// Allocated bytes.
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
