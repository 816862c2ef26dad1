//! Saved queries: a name, a text, and parameters, written as `$name` in the text.
//!
//! Invariant: a parameter is replaced with exactly one literal, regardless of its content, so it can change what a
//! query looks for but never its structure.

use crate::lang::format::literal;
use crate::lang::suggest;
use crate::lang::token::is_word_char;
use crate::toml_document::{ConfigError, Document, Section};
use std::collections::BTreeMap;
use std::path::Path;

/// A saved query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedQuery {
    /// The name after `@`.
    pub name: String,
    /// The text, with `$name` for its parameters.
    pub query: String,
    /// The question that the query answers, for readers.
    pub question: String,
    /// The parameters in alphabetical order, with their defaults.
    pub parameters: BTreeMap<String, Option<String>>,
    /// Where it is defined.
    pub origin: String,
}

/// The keys that are allowed in a saved query.
const KEYS: &[&str] = &["query", "question", "defaults"];

/// The built-in saved queries.
const BUILTIN: &str = include_str!("../knowledge/queries.toml");

/// The built-in saved queries.
pub fn builtin_queries() -> Result<Vec<SavedQuery>, ConfigError> {
    let document = Document::parse(BUILTIN, Path::new("built-in queries"))?;
    super::queries(&document.top(), "built in")
}

impl SavedQuery {
    /// Reads `name = "QUERY"` or the table `[queries.name]`.
    pub fn read(queries: &Section<'_>, name: &str, origin: &str) -> Result<SavedQuery, ConfigError> {
        if name.is_empty() || !name.chars().all(is_word_char) || name.contains('@') {
            let what = format!("invalid query name `{name}`: expected letters, digits, `_`, `-` and `.`");
            return Err(queries.error_at_key(name, what));
        }
        if !queries.is_section(name) {
            let query = queries.required(name)?;
            return Ok(SavedQuery::new(name, query, "", origin));
        }
        let Some(section) = queries.section(name)? else { return Err(queries.config_error("missing query")) };
        section.expect_keys(KEYS)?;
        let mut saved = SavedQuery::new(name, section.required("query")?, section.text("question")?.unwrap_or_default(), origin);
        if let Some(defaults) = section.section("defaults")? {
            for parameter in defaults.keys() {
                let Some(default) = saved.parameters.get_mut(parameter) else {
                    let known: Vec<&str> = saved.parameters.keys().map(String::as_str).collect();
                    let hint = suggest::question(parameter, known.iter().copied()).unwrap_or_default();
                    let what = format!("the query `{name}` has no parameter `${parameter}`; {hint}");
                    return Err(defaults.error_at_key(parameter, what.trim_end_matches("; ")));
                };
                *default = defaults.scalar(parameter)?;
            }
        }
        Ok(saved)
    }

    fn new(name: &str, query: &str, question: &str, origin: &str) -> SavedQuery {
        let mut parameters = BTreeMap::new();
        let _ = replace(query, |name| {
            parameters.insert(name.to_owned(), None);
            None
        });
        let text = |text: &str| text.trim().to_owned();
        SavedQuery { name: name.to_owned(), query: text(query), question: text(question), parameters, origin: origin.to_owned() }
    }

    /// The text with the given values, else the defaults. A parameter without either is left unchanged, and the
    /// parser reports it.
    pub fn text(&self, given: &BTreeMap<String, String>) -> String {
        replace(&self.query, |name| given.get(name).or(self.parameters.get(name)?.as_ref()).map(|value| literal(value)))
    }
}

/// The text with each `$name` replaced with its value as one lexeme; a parameter without a value is left unchanged.
pub fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    replace(text, |name| values.get(name).map(|value| literal(value)))
}

/// The text with every `$name` outside quotes replaced, if there is a replacement.
fn replace(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        if first == '$' && quote.is_none() {
            let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
            let (name, behind) = after.split_at(end);
            match (!name.is_empty()).then(|| value(name)).flatten() {
                Some(value) => replaced.push_str(&value),
                None => replaced.extend(["$", name]),
            }
            rest = behind;
            continue;
        }
        match quote {
            None if matches!(first, '\'' | '"' | '`') => quote = Some(first),
            Some(open) if open == first => quote = None,
            _ => {}
        }
        replaced.push(first);
        rest = after;
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::ast::Pred;
    use crate::lang::parse;

    fn saved(text: &str) -> Result<SavedQuery, ConfigError> {
        let document = Document::parse(text, Path::new("a.toml"))?;
        Ok(super::super::queries(&document.top(), "a.toml")?.remove(0))
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_are_what_the_text_leaves_open() {
        let text = "[queries.lost]\nquery = \"failures where cluster = $cluster and message != '$5' since $since\"\n\
                    defaults = { since = \"7d\" }\n";
        let query = saved(text).unwrap();
        assert_eq!(query.parameters, [("cluster".to_owned(), None), ("since".to_owned(), Some("7d".to_owned()))].into());
        let text = query.text(&given(&[("cluster", "a b")]));
        assert_eq!(text, "failures where cluster = 'a b' and message != '$5' since 7d");
    }

    #[test]
    fn a_value_stays_one_value() {
        let query = saved("queries.one = \"failures where cluster = $c\"").unwrap();
        for hostile in ["a or true", "a' or cluster != 'b", "by", "x | limit 1", "", "a\"b", "$c", "(", "a since 1d"] {
            let text = query.text(&given(&[("c", hostile)]));
            let parsed = parse(&text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
            assert_eq!(parsed.stages.len(), 1, "{text}");
            let stage = parsed.stages.first().unwrap();
            assert!(stage.window.is_none() && stage.by.is_empty(), "{text}");
            assert!(!matches!(stage.filter, None | Some(Pred::And(_) | Pred::Or(_))), "{text}: {:?}", stage.filter);
        }
    }

    #[test]
    fn a_default_without_its_parameter_is_a_mistake() {
        let text = "[queries.q]\nquery = \"failures where cluster = $cluster\"\ndefaults = { cluste = \"x\" }\n";
        assert_eq!(
            saved(text).unwrap_err().to_string(),
            "a.toml:3: the query `q` has no parameter `$cluste`; did you mean `cluster`?"
        );
    }

    #[test]
    fn the_built_in_queries_parse() {
        let queries = builtin_queries().unwrap();
        assert!(queries.len() > 4);
        for query in queries {
            assert!(!query.question.is_empty(), "{}", query.name);
            let values: Vec<(&str, &str)> = query.parameters.keys().map(|name| (name.as_str(), "7d")).collect();
            parse(&query.text(&given(&values))).unwrap_or_else(|errors| panic!("{}: {errors:?}", query.name));
        }
    }
}
