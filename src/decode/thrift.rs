//! Reads the compact Thrift encoding of Parquet metadata, without building anything in memory.
//!
//! In: bytes from an untrusted file. Out: the integers that a caller asks for; `None` if the bytes are damaged. A list
//! never has more elements than bytes follow.

/// Maximum nesting of structs and lists; Parquet needs about six.
const DEEPEST: u8 = 24;

/// The wire types of the compact protocol.
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// A position in encoded bytes.
#[derive(Debug)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Thrift { bytes, at: 0, depth: 0 }
    }

    /// The bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn forward(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// An integer of 16, 32 or 64 bits.
    pub(super) fn int(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Visits the fields of a struct; `on` reads or skips each value.
    pub(super) fn each_field(&mut self, on: &mut dyn FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        self.depth = Some(self.depth + 1).filter(|depth| *depth < DEEPEST)?;
        let mut field = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                break;
            }
            field = match head >> 4 {
                0 => self.int()?,
                more => field + i64::from(more),
            };
            on(self, field, head & 0x0f)?;
        }
        self.depth -= 1;
        Some(())
    }

    /// Visits the elements of a list; `on` reads or skips each.
    pub(super) fn each_item(&mut self, on: &mut dyn FnMut(&mut Self, u8) -> Option<()>) -> Option<()> {
        self.depth = Some(self.depth + 1).filter(|depth| *depth < DEEPEST)?;
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            size => u64::from(size),
        };
        if size > self.left() as u64 {
            return None;
        }
        for _ in 0..size {
            on(self, head & 0x0f)?;
        }
        self.depth -= 1;
        Some(())
    }

    /// Skips the value of a field.
    pub(super) fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            // The value of a boolean field is in its type.
            1 | 2 => Some(()),
            _ => self.skip_item(kind),
        }
    }

    fn skip_item(&mut self, kind: u8) -> Option<()> {
        match kind {
            1..=3 => self.forward(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.forward(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.forward(length)
            }
            9 | 10 => self.each_item(&mut |from, kind| from.skip_item(kind)),
            11 => self.skip_map(),
            12 => self.each_field(&mut |from, _, kind| from.skip(kind)),
            13 => self.forward(16),
            _ => None,
        }
    }

    fn skip_map(&mut self) -> Option<()> {
        let size = self.varint()?;
        if size == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        self.depth = Some(self.depth + 1).filter(|depth| *depth < DEEPEST)?;
        if size > self.left() as u64 {
            return None;
        }
        for _ in 0..size {
            self.skip_item(kinds >> 4)?;
            self.skip_item(kinds & 0x0f)?;
        }
        self.depth -= 1;
        Some(())
    }
}
