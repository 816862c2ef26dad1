//! Finds the byte offset of a substring that was borrowed from a larger string.

/// The byte offset of `text` in `whole`, if it was borrowed from it.
pub fn offset_in(text: &str, whole: &str) -> Option<usize> {
    let place = (text.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (whole.get(place..place.checked_add(text.len())?)? == text).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_borrowed_has_a_place() {
        let whole = "abcabc".to_owned();
        let second = whole.get(3..).unwrap();
        let alike = String::from("abc");
        assert_eq!(offset_in(second, &whole), Some(3));
        assert_eq!(offset_in(&whole, second), None);
        assert_eq!(offset_in(&alike, &whole), None);
    }
}
