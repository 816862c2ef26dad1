//! Names of tasks as numbers: what millions of them are known by.

/// A text as 128 bits, never zero: the id at its end where that is 32 hexadecimal digits, as task ids
/// are, else a hash of it all.
pub fn key_of(text: &str) -> u128 {
    id_at_end(text.as_bytes()).filter(|number| *number != 0).unwrap_or_else(|| {
        let hash = blake3::hash(text.as_bytes());
        let (first, _) = hash.as_bytes().split_at(16);
        <[u8; 16]>::try_from(first).map_or(1, |bytes| u128::from_le_bytes(bytes).max(1))
    })
}

/// The 32 hexadecimal digits at the end, after a slash or alone.
fn id_at_end(text: &[u8]) -> Option<u128> {
    let (before, id) = text.split_last_chunk::<32>()?;
    if before.last().is_some_and(|before| *before != b'/') {
        return None;
    }
    let mut wrong = 0;
    let (words, _) = id.as_chunks::<8>();
    // Each word on its own, so that the processor works on all of them at once.
    let parts = words.iter().map(|word| {
        word.iter().fold(0_u32, |part, byte| {
            let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
            wrong |= digit & 0xF0;
            part << 4 | u32::from(digit & 0x0F)
        })
    });
    let number = parts.fold(0_u128, |number, part| number << 32 | u128::from(part));
    (wrong == 0).then_some(number)
}

/// The value of each byte as a lower-case hexadecimal digit; above 15 where it is none.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        digits[if value < 10 { b'0' + value } else { b'a' + value - 10 } as usize] = value;
        value += 1;
    }
    digits
};

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
        assert_ne!(key_of("x000000000000000000000000000000ff"), 255);
        assert_eq!(key_of("/fedcba98765432100123456789abcdef"), 0xfedc_ba98_7654_3210_0123_4567_89ab_cdef);
    }
}
