//! What tools print around an error of AWS, as `wrappers.toml` lists it.

use serde::Deserialize;
use std::sync::LazyLock;

/// A form in which a tool prints an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapper {
    /// The tool, or the part of its output.
    pub id: String,
    /// Whether only refused calls are printed in this form.
    #[serde(default)]
    pub refusal: bool,
    /// A regular expression with the group `message`, and `code` where the form has the code.
    pub pattern: String,
    /// Texts in this form, each with the text inside.
    pub examples: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrappers {
    wrapper: Vec<Wrapper>,
}

static WRAPPERS: LazyLock<Wrappers> =
    LazyLock::new(|| toml::from_str(include_str!("wrappers.toml")).expect("the built-in list is tested"));

/// All forms; the first one that fits is taken off first.
pub fn wrappers() -> &'static [Wrapper] {
    &WRAPPERS.wrapper
}
