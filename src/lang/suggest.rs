//! Suggests known names for an unknown word.
//!
//! Only similar words are suggested: for names, only the closest ones; for values, the closest first. Ties are in
//! alphabetical order.

use strsim::{damerau_levenshtein, jaro_winkler};

/// The maximum number of suggestions.
const MOST: usize = 3;

/// The minimum similarity of two words, from 0 to 1, if their edit distance is too large.
const THRESHOLD: f64 = 0.88;

/// The longest word that gets suggestions; a comparison takes time quadratic in its length.
const LONGEST: usize = 200;

/// The known names closest to a word, including ties.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut scored: Vec<(usize, &str)> =
        known.into_iter().filter_map(|name| Some((distance(&word, &name.to_lowercase())?, name))).collect();
    scored.sort_unstable();
    scored.dedup();
    let best = scored.first().map(|(score, _)| *score);
    let nearest = scored.into_iter().filter(|(score, _)| Some(*score) == best);
    nearest.take(MOST).map(|(_, name)| name).collect()
}

/// The values closest to one that was not found, with their number of rows; closest first, then most frequent.
pub fn nearest_values(word: &str, known: &[(String, u64)]) -> Vec<(String, u64)> {
    let word = word.to_lowercase();
    let mut scored: Vec<(usize, std::cmp::Reverse<u64>, &String)> = known
        .iter()
        .filter_map(|(value, rows)| {
            let score = distance(&word, &value.to_lowercase())?;
            Some((score, std::cmp::Reverse(*rows), value))
        })
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(MOST).map(|(_, rows, value)| (value.clone(), rows.0)).collect()
}

/// The distance of two lower-case words, or none if they are not similar.
fn distance(word: &str, name: &str) -> Option<usize> {
    if word.len() > LONGEST || name.len() > LONGEST || word.is_empty() {
        return None;
    }
    let edits = damerau_levenshtein(word, name);
    let longest = word.chars().count().max(name.chars().count());
    let alike = edits <= (longest / 3).max(1) && edits < longest;
    (alike || jaro_winkler(word, name) >= THRESHOLD).then_some(edits)
}

/// `did you mean …?` for a message; none if no name is similar.
pub fn question<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names = nearest(word, known);
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first_and_the_different_not_at_all() {
        let known = ["failures", "flows", "events", "reason", "region"];
        for (word, expected) in
            [("failurs", vec!["failures"]), ("Resaon", vec!["reason"]), ("reasn", vec!["reason"]), ("zzz", vec![]), ("", vec![])]
        {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn ties_do_not_depend_on_the_order_of_the_table() {
        assert_eq!(nearest("cat", ["hat", "bat"]), ["bat", "hat"]);
        assert_eq!(nearest("cat", ["bat", "hat"]), ["bat", "hat"]);
    }

    #[test]
    fn values_come_with_their_counts() {
        let known = [("AGENT".to_owned(), 14), ("CAPACITY".to_owned(), 90)];
        assert_eq!(nearest_values("AGNET", &known), [("AGENT".to_owned(), 14)]);
    }

    #[test]
    fn endless_words_cost_nothing() {
        assert!(nearest(&"a".repeat(60_000), ["aaaa"]).is_empty());
    }
}
