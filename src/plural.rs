//! The singular or the plural of a word, depending on a number.

use std::fmt::Display;

/// The word for a number of things: `one` for exactly one, otherwise `many`.
pub fn word<'w, N: PartialEq + From<u8>>(count: N, one: &'w str, many: &'w str) -> &'w str {
    if count == N::from(1) { one } else { many }
}

/// A number with its word: `1 entry`, `2 entries`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    format!("{count} {}", word(count, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(0_usize, "entry", "entries"), "0 entries");
        assert_eq!(counted(1_i64, "entry", "entries"), "1 entry");
        assert_eq!(counted(2_u64, "entry", "entries"), "2 entries");
        assert_eq!(counted(1.0, "hour", "hours"), "1 hour");
        assert_eq!(counted(1.5, "hour", "hours"), "1.5 hours");
    }
}
