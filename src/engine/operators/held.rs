//! What an analysis holds, as the memory limit of queries counts it.

use std::collections::HashSet;

use arrow::array::{Array, ArrayData};
use arrow::buffer::Buffer;

/// The buffers that kept columns share, each counted once: batches of a scan point into the same dictionary.
#[derive(Debug, Default)]
pub struct HeldBuffers {
    /// The addresses of the buffers. Their columns are kept, so no address is used again.
    known: HashSet<usize>,
    bytes: usize,
}

impl HeldBuffers {
    /// The bytes of all buffers so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts the buffers of a column that is kept from now on.
    pub fn add(&mut self, column: &dyn Array) {
        self.add_data(&column.to_data());
    }

    fn add_data(&mut self, data: &ArrayData) {
        data.buffers().iter().for_each(|buffer| self.add_buffer(buffer));
        if let Some(nulls) = data.nulls() {
            self.add_buffer(nulls.buffer());
        }
        data.child_data().iter().for_each(|child| self.add_data(child));
    }

    fn add_buffer(&mut self, buffer: &Buffer) {
        if self.known.insert(buffer.data_ptr().as_ptr().addr()) {
            self.bytes += buffer.capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

    #[test]
    fn shared_buffers_count_once() {
        let column = StringViewArray::from_iter_values(["a text that is longer than a view"; 100]);
        let mut held = HeldBuffers::default();
        held.add(&column.slice(0, 50));
        let once = held.bytes();
        held.add(&column.slice(50, 50));
        assert_eq!(held.bytes(), once);
        held.add(&StringViewArray::from_iter_values(["another text that is longer than a view"; 100]));
        assert!(held.bytes() > once);
    }
}
