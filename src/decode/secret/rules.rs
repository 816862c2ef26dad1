//! The definitions of `knowledge/secrets.toml`, prepared for matching.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

/// All definitions, read when they are first needed.
pub(super) static RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::parse(crate::knowledge::SECRETS).expect("the definitions are checked by every test"));

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    names: Names,
    values: Values,
    program: Vec<Program>,
    commands: Commands,
    shape: Vec<ShapeText>,
}

/// Names of keys, variables, parameters and options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    pub(super) secret: HashSet<String>,
    pub(super) secret_ends: Vec<String>,
    pub(super) secret_words: HashSet<String>,
    pub(super) harmless: HashSet<String>,
    pub(super) harmless_ends: Vec<String>,
    pub(super) weak: HashSet<String>,
    pub(super) weak_ends: Vec<String>,
    pub(super) harmless_keys: Vec<String>,
    pub(super) variables: HashSet<String>,
    pub(super) structures: HashSet<String>,
    pub(super) kept: HashSet<String>,
    pub(super) references: HashSet<String>,
    pub(super) arguments: HashSet<String>,
    pub(super) values: HashSet<String>,
    pub(super) labels: HashSet<String>,
    pub(super) secret_types: HashSet<String>,
    pub(super) parameter_types: HashSet<String>,
    pub(super) headers: HashSet<String>,
    pub(super) query: HashSet<String>,
    pub(super) query_weak: HashSet<String>,
    pub(super) ambiguous: HashSet<String>,
}

/// What is not a secret beside a name that announces one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    pub(super) placeholders: HashSet<String>,
    pub(super) references: Vec<String>,
    pub(super) diagnostic: HashSet<String>,
    pub(super) diagnostic_ends: Vec<String>,
    pub(super) before: HashSet<String>,
}

/// The options of a program that take a secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) attached: Vec<String>,
    #[serde(default)]
    pub(super) separate: Vec<String>,
    #[serde(default)]
    pub(super) pair: Vec<String>,
    pub(super) after: Option<String>,
    #[serde(default)]
    pub(super) positions: Vec<usize>,
}

/// Command lines in general.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commands {
    pub(super) words: Vec<String>,
    pub(super) sinks: Vec<String>,
    pub(super) literals: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapeText {
    id: String,
    literals: Vec<String>,
    pattern: String,
    found_by: Option<String>,
    #[serde(default)]
    random: bool,
    #[serde(default)]
    mixed: bool,
    #[serde(default)]
    decodes: bool,
}

/// The format of a secret.
#[derive(Debug)]
pub(super) struct Shape {
    #[cfg_attr(not(test), expect(dead_code, reason = "names the format in tests"))]
    pub(super) id: String,
    /// The pattern, and its compiled form once a text has one of the literals.
    text: String,
    pattern: OnceLock<Option<Regex>>,
    pub(super) random: bool,
    pub(super) mixed: bool,
    pub(super) decodes: bool,
}

impl Shape {
    /// The pattern.
    pub(super) fn pattern(&self) -> Option<&Regex> {
        self.pattern.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

/// All definitions.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) names: Names,
    pub(super) values: Values,
    pub(super) programs: Vec<Program>,
    pub(super) commands: Commands,
    pub(super) shapes: Vec<Shape>,
    /// Literals that the search of whole records looks for.
    pub(super) searched: Vec<String>,
    /// All literals of the formats.
    literals: AhoCorasick,
    /// For each literal, its format.
    owners: Vec<usize>,
}

impl Rules {
    fn parse(text: &str) -> Result<Self, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        let (mut shapes, mut literals, mut owners, mut searched) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for shape in document.shape {
            if shape.found_by.is_none() {
                searched.extend(shape.literals.iter().cloned());
            }
            owners.extend(shape.literals.iter().map(|_| shapes.len()));
            let ShapeText { id, literals: own, pattern: text, random, mixed, decodes, .. } = shape;
            literals.extend(own);
            shapes.push(Shape { id, text, pattern: OnceLock::new(), random, mixed, decodes });
        }
        let literals =
            AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&literals).map_err(|error| error.to_string())?;
        let Document { names, values, program: programs, commands, .. } = document;
        Ok(Rules { names, values, programs, commands, shapes, searched, literals, owners })
    }

    /// The formats that a text may contain.
    pub(super) fn shapes_of(&self, text: &str) -> impl Iterator<Item = &Shape> {
        let mut found = 0u64;
        for literal in self.literals.find_overlapping_iter(text) {
            let owner = self.owners.get(literal.pattern().as_usize()).copied().unwrap_or_default();
            found |= 1 << (owner & 63);
        }
        self.shapes.iter().enumerate().filter(move |(at, _)| found & (1 << (at & 63)) != 0).map(|(_, shape)| shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_valid() {
        for shape in &RULES.shapes {
            assert!(shape.pattern().is_some(), "{}: {:?}", shape.id, Regex::new(&shape.text).err());
        }
        assert!(RULES.shapes.len() <= 64, "one bit each");
    }
}
