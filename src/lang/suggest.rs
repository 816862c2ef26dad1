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
    let mut near: Vec<(String, u64)> = scored.into_iter().take(MOST).map(|(_, rows, value)| (value.clone(), rows.0)).collect();
    if near.is_empty() && word.chars().count() >= SHORTEST_PART {
        // The beginning of an id, or the user of a role session.
        let parts = known.iter().filter(|(value, _)| value.to_lowercase().contains(&word));
        near = parts.take(MOST).cloned().collect();
    }
    near
}

/// The shortest part of a value that suggests the value.
const SHORTEST_PART: usize = 3;

/// The names that a word is short or long for: `status` for `last_status`, `task_arn` for `task`, `timestamp` for `time`.
pub fn related<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let other_name = |name: &&&str| OTHER_NAMES.iter().any(|(other, field)| *other == word && *field == **name);
    if let Some(name) = known.iter().find(other_name) {
        return vec![*name];
    }
    let short = ["_id", "_arn", "_name", "_uuid"].into_iter().find_map(|end| word.strip_suffix(end));
    if let Some(name) = short.and_then(|short| known.iter().find(|name| **name == short)) {
        return vec![*name];
    }
    let mut longer: Vec<&str> = known.into_iter().filter(|name| name.rsplit('_').next() == Some(&*word)).collect();
    longer.sort_unstable();
    // A word of many names says nothing about which one is meant.
    if longer.len() > MOST { Vec::new() } else { longer }
}

/// What other tools call a field.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("timestamp", "time"),
    ("ts", "time"),
    ("@timestamp", "time"),
    ("eventtime", "time"),
    ("datetime", "time"),
    ("msg", "message"),
    ("text", "message"),
    ("details", "message"),
    ("description", "message"),
    ("host", "container_instance"),
    ("node", "container_instance"),
    ("instance", "container_instance"),
    ("caller", "user"),
    ("actor", "user"),
    ("who", "user"),
    ("username", "user"),
    ("action", "event_name"),
    ("api", "event_name"),
    ("operation", "event_name"),
    ("eventname", "event_name"),
    ("exitcode", "exit_code"),
    ("app", "service"),
    ("job", "family"),
    ("severity", "class"),
    ("level", "class"),
    ("type", "kind"),
    ("status", "last_status"),
];

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
        let known = [("42b98325d5f2d7ab2dc135f614aaf617".to_owned(), 2), ("AWSReservedSSO_Engineer/ren".to_owned(), 1)];
        assert_eq!(nearest_values("42b98325", &known), known[..1]);
        assert_eq!(nearest_values("REN", &known), known[1..]);
        assert!(nearest_values("xyz", &known).is_empty());
    }

    #[test]
    fn names_of_other_tools_and_parts_of_names_are_known() {
        let known = ["time", "task", "last_status", "agent_update_status", "cluster", "message", "source_address"];
        for (word, expected) in [
            ("Timestamp", &["time"][..]),
            ("msg", &["message"]),
            ("task_arn", &["task"]),
            ("cluster_name", &["cluster"]),
            ("status", &["last_status"]),
            ("update", &[]),
            ("address", &["source_address"]),
            ("banana", &[]),
        ] {
            assert_eq!(related(word, known), expected, "{word}");
        }
    }

    #[test]
    fn endless_words_cost_nothing() {
        assert!(nearest(&"a".repeat(60_000), ["aaaa"]).is_empty());
    }
}
