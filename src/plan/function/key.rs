//! Names of tasks as numbers: what a hash table of millions of them is kept by.

use std::hash::{BuildHasherDefault, Hasher};

/// For tables whose keys come from [`key_of`].
pub type KeyHash = BuildHasherDefault<Folded>;

/// Takes the bits of a key as they are: they are spread already.
#[derive(Debug, Default, Clone, Copy)]
pub struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = ((key >> 64) as u64 ^ key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A text as 128 bits, never zero: the id at its end where that is 32 hexadecimal digits, as task ids
/// are, else a hash of it all.
pub fn key_of(text: &str) -> u128 {
    let id = text.rsplit('/').next().unwrap_or_default();
    let number = if id.len() == 32 { hexadecimal(id) } else { None };
    number.filter(|number| *number != 0).unwrap_or_else(|| {
        let hash = blake3::hash(text.as_bytes());
        let (first, _) = hash.as_bytes().split_at(16);
        <[u8; 16]>::try_from(first).map_or(1, |bytes| u128::from_le_bytes(bytes).max(1))
    })
}

fn hexadecimal(id: &str) -> Option<u128> {
    id.bytes().try_fold(0, |number: u128, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_and_other_names_are_hashed() {
        assert_eq!(key_of("arn:aws:ecs:eu-west-1:1:task/c/000000000000000000000000000000ff"), 255);
        assert_eq!(key_of("000000000000000000000000000000ff"), 255);
        for other in ["", "a", "A00000000000000000000000000000ff", "00000000000000000000000000000000"] {
            assert!(key_of(other) > 0xFFFF, "{other}");
        }
        assert_ne!(key_of("a"), key_of("b"));
    }
}
