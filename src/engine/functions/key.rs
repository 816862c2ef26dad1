//! Names of tasks as numbers, to compare and hash millions of them.

/// A name as a nonzero 128-bit number: the id at its end if it has 32 hexadecimal digits, as task ids do, otherwise a
/// hash of the whole name.
pub fn key_of(text: &str) -> u128 {
    id_at_end(text.as_bytes()).filter(|number| *number != 0).unwrap_or_else(|| {
        let hash = blake3::hash(text.as_bytes());
        let (first, _) = hash.as_bytes().split_at(16);
        <[u8; 16]>::try_from(first).map_or(1, |bytes| u128::from_le_bytes(bytes).max(1))
    })
}

/// The 32 hexadecimal digits at the end, after a slash or on their own.
fn id_at_end(text: &[u8]) -> Option<u128> {
    let (before, id) = text.split_last_chunk::<32>()?;
    if before.last().is_some_and(|before| *before != b'/') {
        return None;
    }
    let (words, _) = id.as_chunks::<8>();
    let mut wrong = 0;
    let number = words.iter().fold(0_u128, |number, word| {
        let (part, bad) = digits(*word);
        wrong |= bad;
        number << 32 | u128::from(part)
    });
    (wrong == 0).then_some(number)
}

/// Converts eight lower-case hexadecimal digits to a number in one step; the second result is nonzero if a character
/// is not a digit.
fn digits(word: [u8; 8]) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_be_bytes(word);
    // Letters have bit 6, and `a` ends in 1.
    let letters = word >> 6 & ONES;
    let values = (word & (ONES * 0x0F)) + letters * 9;
    let written = ONES * u64::from(b'0') + values + letters * u64::from(b'a' - 10 - b'0');
    let above_nine = (values + ONES * 6) >> 4 & ONES;
    let wrong = (written ^ word) | (above_nine ^ letters) | (values & (ONES * 0x10));
    let pairs = (values | values >> 4) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
    ((fours | fours >> 16) as u32, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_digits_are_a_number(word: [u8; 8], digit in "[0-9a-f]{8}", place in 0_usize..8) {
            let mut mixed = <[u8; 8]>::try_from(digit.as_bytes()).unwrap();
            prop_assert_eq!(digits(mixed), (u32::from_str_radix(&digit, 16).unwrap(), 0));
            mixed[place] = word[place];
            for word in [word, mixed] {
                let all = word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                prop_assert_eq!(digits(word).1 == 0, all);
            }
        }
    }

    #[test]
    fn every_byte_is_a_digit_or_none() {
        for byte in 0..=u8::MAX {
            let value = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            let (number, wrong) = digits([byte; 8]);
            assert_eq!((wrong == 0).then_some(number), value.map(|value| value * 0x1111_1111), "{byte}");
        }
    }

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
