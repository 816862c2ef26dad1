//! Checks custom rules and reports every error with its position.
//!
//! In: a TOML file in the format of the built-in catalog. Out: a [`Trial`]. A broken entry does not hide the errors
//! of others; valid entries are tested together with the built-in catalog, as they would be used.

mod entry;

use super::FailureCatalog;
use crate::knowledge::{Benign, CatalogText, Entry, TextKind};
use entry::{doubtful, wrong_entry, wrong_example, wrong_patterns};
use serde::de::DeserializeOwned;
use toml::{Spanned, Table, Value};

/// Allowed top-level keys of a file.
const TABLES: &[&str] =
    &["error", "benign", "exit_code", "stop_code", "reason", "run_reason", "schema_version", "stages", "classes"];

/// A problem that the author of a file should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleIssue {
    /// The line, from 1; `None` for the file as a whole.
    pub line: Option<usize>,
    /// The affected entry.
    pub entry: Option<String>,
    /// The problem, and the expected form.
    pub what: String,
}

/// The result of checking rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// Number of valid entries, including benign ones.
    pub entries: usize,
    /// Number of examples that match their own entry.
    pub examples: usize,
    /// Errors.
    pub mistakes: Vec<RuleIssue>,
    /// Valid, but probably unintended.
    pub notes: Vec<RuleIssue>,
}

/// An entry with its line.
#[derive(Debug)]
struct Placed<T> {
    line: usize,
    entry: T,
}

/// A file with its entries still unparsed.
#[derive(Debug, Default, serde::Deserialize)]
struct Loose {
    #[serde(default)]
    error: Vec<Spanned<Value>>,
    #[serde(default)]
    benign: Vec<Spanned<Value>>,
}

impl Trial {
    /// Checks the text of a file.
    pub fn of(text: &str) -> Trial {
        let mut trial = Trial::default();
        let (table, loose) = match (toml::from_str::<Table>(text), toml::from_str::<Loose>(text)) {
            (Ok(table), Ok(loose)) => (table, loose),
            (Err(error), _) | (_, Err(error)) => {
                let line = error.span().map(|span| line_of(text, span.start));
                trial.mistakes.push(RuleIssue { line, entry: None, what: error.message().to_owned() });
                return trial;
            }
        };
        let entries: Vec<Placed<Entry>> = trial.read(text, loose.error, "error");
        let benign: Vec<Placed<Benign>> = trial.read(text, loose.benign, "benign");
        let rest = trial.rest(table);
        if entries.is_empty() && benign.is_empty() && rest == CatalogText::default() && trial.mistakes.is_empty() {
            let what = "the file contains no rules; expected at least one [[error]] or [[benign]]".to_owned();
            trial.mistakes.push(RuleIssue { line: None, entry: None, what });
        }
        let builtin = FailureCatalog::builtin();
        let with = |entries: Vec<Entry>, benign: Vec<Benign>| {
            FailureCatalog::of(vec![CatalogText { entries, benign, ..rest.clone() }, builtin.as_text()])
        };
        // The same file may define termination reasons of dstack.
        let words = with(Vec::new(), Vec::new());
        let entries = trial.sound(entries, |entry| wrong_entry(entry, &words), |entry| &entry.id);
        let benign = trial.sound(benign, |benign| wrong_patterns(&benign.patterns), |benign| &benign.id);
        let catalog = with(
            entries.iter().map(|placed| placed.entry.clone()).collect(),
            benign.iter().map(|placed| placed.entry.clone()).collect(),
        );
        trial.try_entries(&entries, &catalog);
        trial.try_benign(&benign, &catalog);
        trial.look_for_takeovers(&entries, &catalog);
        trial.mistakes.sort_by_key(|mistake| mistake.line);
        trial.notes.sort_by_key(|note| note.line);
        trial
    }

    /// Parses entries one by one.
    fn read<T: DeserializeOwned>(&mut self, text: &str, values: Vec<Spanned<Value>>, what: &str) -> Vec<Placed<T>> {
        let mut read = Vec::new();
        for (number, value) in values.into_iter().enumerate() {
            let line = line_of(text, value.span().start);
            let value = value.into_inner();
            let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
            match value.try_into() {
                Ok(entry) => read.push(Placed { line, entry }),
                Err(error) => {
                    let entry = id.or_else(|| Some(format!("{what} {}", number + 1)));
                    self.mistakes.push(RuleIssue { line: Some(line), entry, what: error.message().to_owned() });
                }
            }
        }
        read
    }

    /// Everything except entries and benign texts.
    fn rest(&mut self, mut table: Table) -> CatalogText {
        let unknown: Vec<&str> = table.keys().map(String::as_str).filter(|key| !TABLES.contains(key)).collect();
        for key in unknown {
            let what = format!("unknown table `{key}`; expected one of {}", TABLES.join(", "));
            self.mistakes.push(RuleIssue { line: None, entry: None, what });
        }
        table.remove("error");
        table.remove("benign");
        table.try_into().unwrap_or_else(|error: toml::de::Error| {
            self.mistakes.push(RuleIssue { line: None, entry: None, what: error.message().to_owned() });
            CatalogText::default()
        })
    }

    /// The entries without errors of their own.
    fn sound<T>(
        &mut self,
        entries: Vec<Placed<T>>,
        wrong: impl Fn(&T) -> Vec<String>,
        id: impl Fn(&T) -> &String,
    ) -> Vec<Placed<T>> {
        let mut sound: Vec<Placed<T>> = Vec::new();
        for placed in entries {
            let mut found = wrong(&placed.entry);
            let name = id(&placed.entry).clone();
            if let Some(first) = sound.iter().find(|first| *id(&first.entry) == name) {
                found.push(format!("the entry on line {} has the same id; rename one", first.line));
            }
            if found.is_empty() {
                sound.push(placed);
            } else {
                let line = Some(placed.line);
                self.mistakes.extend(found.into_iter().map(|what| RuleIssue { line, entry: Some(name.clone()), what }));
            }
        }
        sound
    }

    fn try_entries(&mut self, entries: &[Placed<Entry>], catalog: &FailureCatalog) {
        for Placed { line, entry } in entries {
            let mut wrong = Vec::new();
            for example in &entry.examples {
                match wrong_example(entry, example, catalog) {
                    Some(what) => wrong.push(format!("example \"{example}\" {what}")),
                    None => self.examples += 1,
                }
            }
            self.entries += usize::from(wrong.is_empty());
            let place = |what| RuleIssue { line: Some(*line), entry: Some(entry.id.clone()), what };
            self.mistakes.extend(wrong.into_iter().map(place));
            self.notes.extend(doubtful(entry).into_iter().map(place));
        }
    }

    fn try_benign(&mut self, benign: &[Placed<Benign>], catalog: &FailureCatalog) {
        for Placed { line, entry } in benign {
            let fails = |example: &&String| !entry.applies_to.iter().all(|kind| catalog.is_benign(*kind, example));
            let wrong: Vec<&String> = entry.examples.iter().filter(fails).collect();
            self.examples += entry.examples.len() - wrong.len();
            self.entries += usize::from(wrong.is_empty());
            self.mistakes.extend(wrong.into_iter().map(|example| RuleIssue {
                line: Some(*line),
                entry: Some(entry.id.clone()),
                what: format!("example \"{example}\" is not matched by its patterns"),
            }));
        }
    }

    /// Reports messages that matched built-in entries and now match these rules instead.
    fn look_for_takeovers(&mut self, entries: &[Placed<Entry>], catalog: &FailureCatalog) {
        for Placed { line, entry } in entries {
            let others =
                FailureCatalog::builtin().entries.iter().filter(|known| known.id != entry.id && known.reasons.is_empty());
            for known in others {
                let taken = known.examples.iter().find(|example| {
                    let by = |kind: &TextKind| catalog.explain(*kind, example).is_some_and(|found| found.id == entry.id);
                    known.applies_to.iter().any(by)
                });
                if let Some(example) = taken {
                    let what = format!("takes over messages from `{}`, such as \"{example}\"", known.id);
                    self.notes.push(RuleIssue { line: Some(*line), entry: Some(entry.id.clone()), what });
                }
            }
        }
    }
}

impl FailureCatalog {
    /// Converts the catalog back to its text form.
    fn as_text(&self) -> CatalogText {
        CatalogText {
            entries: self.entries.clone(),
            exit_codes: self.exit_codes.clone(),
            stop_codes: self.stop_codes.clone(),
            benign: self.benign.clone(),
            job_reasons: self.job_reasons.clone(),
            run_reasons: self.run_reasons.clone(),
        }
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests;
