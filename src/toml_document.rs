//! A TOML file with the positions of all its values.
//!
//! In: text. Out: values by key, or a [`ConfigError`] with file and line. Invariant: no key is ignored; an unknown key is
//! an error that suggests the closest valid key.

use crate::lang::suggest;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, starting at 1; missing if the error is about the whole file.
    pub line: Option<usize>,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A parsed TOML file whose keys have not been checked.
#[derive(Debug)]
pub struct Document<'t> {
    path: &'t Path,
    text: &'t str,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses a text; `path` names the file in errors.
    pub fn parse(text: &'t str, path: &'t Path) -> Result<Document<'t>, ConfigError> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Document { path, text, root: root.into_inner() }),
            Err(error) => {
                let line = error.span().map(|span| line_of(text, span.start));
                Err(ConfigError { path: path.to_owned(), line, what: error.message().to_owned() })
            }
        }
    }

    /// The top-level table.
    pub fn top(&self) -> Section<'_> {
        Section { document: self, table: &self.root, name: String::new(), at: None }
    }
}

/// A table of a document.
#[derive(Debug, Clone)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    /// The path of the table, such as `queries.lost`; empty for the top level.
    name: String,
    at: Option<usize>,
}

type Value<'d> = Spanned<DeValue<'d>>;

impl<'d> Section<'d> {
    /// An error about this table.
    pub fn config_error(&self, what: impl Into<String>) -> ConfigError {
        self.error_at(self.at, what)
    }

    /// An error at the line of a key.
    pub fn error_at_key(&self, key: &str, what: impl Into<String>) -> ConfigError {
        let at = self.find(key).map(|value| value.span().start).or(self.at);
        self.error_at(at, what)
    }

    fn error_at(&self, at: Option<usize>, what: impl Into<String>) -> ConfigError {
        ConfigError { path: self.document.path.to_owned(), line: at.map(|at| line_of(self.document.text, at)), what: what.into() }
    }

    /// Rejects all keys except these.
    pub fn expect_keys(&self, known: &[&str]) -> Result<(), ConfigError> {
        for (key, _) in self.table {
            let word: &str = key.get_ref();
            if !known.contains(&word) {
                let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
                let hint =
                    suggest::question(word, known.iter().copied()).unwrap_or_else(|| format!("expected {}", known.join(", ")));
                return Err(self.error_at(Some(key.span().start), format!("unknown key `{word}`{place}; {hint}")));
            }
        }
        Ok(())
    }

    /// All keys in alphabetical order.
    pub fn keys(&self) -> Vec<&'d str> {
        self.table.iter().map(|(key, _)| key.get_ref().as_ref()).collect()
    }

    fn find(&self, key: &str) -> Option<&'d Value<'d>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn wrong(&self, key: &str, value: &Value<'_>, expected: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.error_at(Some(value.span().start), format!("`{key}` is a TOML {found}; expected {expected}"))
    }

    /// An optional string.
    pub fn text(&self, key: &str) -> Result<Option<&'d str>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(None) };
        value.get_ref().as_str().map(Some).ok_or_else(|| self.wrong(key, value, "a quoted string"))
    }

    /// A required, non-empty string.
    pub fn required(&self, key: &str) -> Result<&'d str, ConfigError> {
        match self.text(key)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.error_at_key(key, format!("`{key}` is missing or empty"))),
        }
    }

    /// A string, number or boolean as text.
    pub fn scalar(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(truth) => truth.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            _ => return Err(self.wrong(key, value, "a string, a number, or true or false")),
        };
        Ok(Some(text))
    }

    /// A non-negative number.
    pub fn number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let digits = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(self.wrong(key, value, "a number")),
        };
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.map(Some).ok_or_else(|| self.wrong(key, value, "a non-negative number"))
    }

    /// A list of non-negative numbers.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong(key, value, "a list of numbers"))?;
        let number = |one: &Value<'_>| match one.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        list.iter()
            .map(|one| number(one).filter(|number| *number >= 0.0).ok_or_else(|| self.wrong(key, one, "a non-negative number")))
            .collect()
    }

    /// A list of strings; a single string is a list with one element.
    pub fn texts(&self, key: &str) -> Result<Vec<&'d str>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        if let Some(text) = value.get_ref().as_str() {
            return Ok(vec![text]);
        }
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong(key, value, "a list of strings"))?;
        list.iter().map(|one| one.get_ref().as_str().ok_or_else(|| self.wrong(key, one, "a quoted string"))).collect()
    }

    /// Whether a key contains a table.
    pub fn is_section(&self, key: &str) -> bool {
        self.find(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// A nested table.
    pub fn section(&self, key: &str) -> Result<Option<Section<'d>>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, value, "a table"))?;
        Ok(Some(self.inner(key, table, value.span().start)))
    }

    /// The tables of an array `[[key]]`.
    pub fn sections(&self, key: &str) -> Result<Vec<Section<'d>>, ConfigError> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong(key, value, &format!("tables [[{key}]]")))?;
        list.iter()
            .map(|one| {
                let table = one.get_ref().as_table().ok_or_else(|| self.wrong(key, one, &format!("tables [[{key}]]")))?;
                Ok(self.inner(key, table, one.span().start))
            })
            .collect()
    }

    fn inner(&self, key: &str, table: &'d DeTable<'d>, at: usize) -> Section<'d> {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Section { document: self.document, table, name, at: Some(at) }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_error(text: &str, check: impl Fn(&Section<'_>) -> Result<(), ConfigError>) -> String {
        let document = Document::parse(text, Path::new("a.toml")).unwrap();
        check(&document.top()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_has_its_line_and_the_nearest_key() {
        let message = config_error("tz = \"UTC\"\nsotre = \"x\"\n", |top| top.expect_keys(&["store", "tz"]));
        assert_eq!(message, "a.toml:2: unknown key `sotre`; did you mean `store`?");
        let message = config_error("colour = 1\n", |top| top.expect_keys(&["store", "tz"]));
        assert_eq!(message, "a.toml:1: unknown key `colour`; expected store, tz");
    }

    #[test]
    fn a_value_of_another_type_says_what_was_expected() {
        let message = config_error("\nstore = 3\n", |top| top.text("store").map(|_| ()));
        assert_eq!(message, "a.toml:2: `store` is a TOML integer; expected a quoted string");
        let message = config_error("limit = -3\n", |top| top.number("limit").map(|_| ()));
        assert_eq!(message, "a.toml:1: `limit` is a TOML integer; expected a non-negative number");
        let message = config_error("[a]\nx = 1\n[b]\n", |top| top.section("b").unwrap().unwrap().required("x").map(|_| ()));
        assert_eq!(message, "a.toml:3: `x` is missing or empty");
    }

    #[test]
    fn invalid_toml_is_reported_with_its_line() {
        let error = Document::parse("a = 1\nb = = 2\n", Path::new("a.toml")).unwrap_err();
        assert_eq!(error.line, Some(2));
    }
}
