//! What the CLI and the server of dstack write around a message, as `dstack_wrappers.toml` lists it.
//!
//! In: a text. Out: the message or the termination reason that it wraps, as a part of the text.

use regex::Regex;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::sync::LazyLock;

/// What a wrapper of dstack holds: a termination reason, a message, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrappedText<'t> {
    /// The termination reason, in any case.
    pub code: Option<&'t str>,
    /// The message.
    pub message: Option<&'t str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper {
    /// Who writes it.
    #[cfg_attr(not(test), expect(dead_code, reason = "names the wrapper to people, and in tests"))]
    of: String,
    #[serde(deserialize_with = "regex")]
    pattern: Regex,
    /// A text, and the code and the message in it: the tests of the pattern.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by tests only"))]
    examples: Vec<[String; 3]>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    beginnings: Vec<String>,
    calls: Vec<String>,
    wrapper: Vec<Wrapper>,
}

fn regex<'de, D: Deserializer<'de>>(text: D) -> Result<Regex, D::Error> {
    Regex::new(&String::deserialize(text)?).map_err(D::Error::custom)
}

static LIST: LazyLock<List> =
    LazyLock::new(|| toml::from_str(include_str!("dstack_wrappers.toml")).expect("the built-in list is tested"));

/// Every way in which a text may wrap a message of dstack. What is left is shorter than the text.
pub fn unwrapped(text: &str) -> impl Iterator<Item = WrappedText<'_>> {
    let fits = move |wrapper: &'static Wrapper| {
        let found = wrapper.pattern.captures(text)?;
        let group = |name| found.name(name).map(|found| found.as_str().trim()).filter(|found| !found.is_empty());
        let (code, message) = (group("code"), group("message"));
        Some(WrappedText { code, message: message.filter(|message| message.len() < text.len()) })
    };
    LIST.wrapper.iter().filter_map(fits)
}

/// Whether a text starts like a message that dstack alone writes; the rest may come from Docker, which ECS also reports.
pub fn is_of_dstack(text: &str) -> bool {
    let text = text.trim_start_matches('"');
    LIST.beginnings.iter().any(|beginning| text.starts_with(beginning))
}

/// Whether a text is what boto3 prints about a call of the AWS API that dstack makes, and ECS does not.
pub fn quotes_call_of_dstack(text: &str) -> bool {
    let operation = text.split_once("when calling the ").and_then(|(_, rest)| rest.split_once(" operation"));
    operation.is_some_and(|(operation, _)| LIST.calls.iter().any(|known| known == operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrapper_leaves_what_it_wraps() {
        assert!(LIST.wrapper.len() > 5);
        for wrapper in &LIST.wrapper {
            assert!(!wrapper.examples.is_empty(), "{}", wrapper.of);
            for [text, code, message] in &wrapper.examples {
                let want = |part: &'static String| Some(part.as_str()).filter(|part| !part.is_empty());
                let want = WrappedText { code: want(code), message: want(message) };
                assert!(wrapper.pattern.is_match(text), "{text}");
                assert!(unwrapped(text).any(|found| found == want), "{text}: {want:?}");
            }
        }
    }

    #[test]
    fn other_texts_wrap_nothing() {
        for text in ["", "Volume herbs not found", "ResourceInitializationError: x", "An error occurred (X) when calling Y: z"] {
            assert_eq!(unwrapped(text).count(), 0, "{text}");
        }
        let call = |operation: &str| format!("An error occurred (X) when calling the {operation} operation: x");
        assert!(quotes_call_of_dstack(&call("RunInstances")) && !quotes_call_of_dstack(&call("RunTask")));
        assert!(is_of_dstack("pullImage error: x") && !is_of_dstack("CannotPullContainerError: x"));
    }
}
