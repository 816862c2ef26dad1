//! Words by which records are recognized where their keys alone do not decide, as `shapes.toml` lists them.

use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    key: String,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    launch_reasons: Vec<String>,
    stop_texts: Vec<String>,
    list: Vec<Part>,
    object: Vec<Part>,
}

static WORDS: LazyLock<Words> =
    LazyLock::new(|| toml::from_str(include_str!("shapes.toml")).expect("the built-in list is tested"));

/// Whether ECS gives this reason for a failed launch.
pub fn is_launch_reason(reason: &str) -> bool {
    reason.starts_with("RESOURCE:") || WORDS.launch_reasons.iter().any(|known| known == reason)
}

/// Whether a text begins like a stop reason of a task or container.
pub fn is_stop_text(text: &str) -> bool {
    let begins = |known: &String| text.get(..known.len()).is_some_and(|front| front.eq_ignore_ascii_case(known));
    WORDS.stop_texts.iter().any(begins)
}

/// The reason code for an element of a list in a response that is not an event, by the key of the list.
pub fn described_list(key: &str) -> Option<&'static str> {
    why_of(&WORDS.list, key)
}

/// The reason code for an object in a response that is not an event, by its key.
pub fn described_object(key: &str) -> Option<&'static str> {
    why_of(&WORDS.object, key)
}

/// The keys of such lists.
pub fn described_lists() -> impl Iterator<Item = &'static str> {
    WORDS.list.iter().map(|part| part.key.as_str())
}

fn why_of(parts: &'static [Part], key: &str) -> Option<&'static str> {
    parts.iter().find(|part| part.key == key).map(|part| part.why.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{CatalogText, ECS_ERRORS, TextKind};

    #[test]
    fn words_are_recognized() {
        assert!(is_launch_reason("RESOURCE:CPU") && is_launch_reason("AGENT") && !is_launch_reason("TIMEOUT"));
        assert!(is_stop_text("Essential container in task exited") && !is_stop_text("essential") && !is_stop_text("é"));
        assert_eq!((described_list("services"), described_object("services")), (Some("service"), None));
        assert!(described_lists().all(|key| described_list(key).is_some()));
    }

    /// Most stop reasons that the catalog knows are recognized where they are all that is left of a task; others are texts
    /// of Docker, which other programs write too.
    #[test]
    fn stop_reasons_of_the_catalog_are_recognized() {
        let catalog: CatalogText = toml::from_str(ECS_ERRORS).unwrap();
        let of_tasks = catalog.entries.iter().filter(|entry| entry.applies_to.contains(&TextKind::TaskStoppedReason));
        let texts: Vec<&String> = of_tasks.flat_map(|entry| entry.examples.first()).collect();
        let known = texts.iter().filter(|text| is_stop_text(text)).count();
        assert!(known * 10 > texts.len() * 6, "{known} of {}", texts.len());
    }
}
