//! Packs: checks in a TOML file. Each check is a query with a threshold; a row that reaches it is a finding.

use crate::lang::suggest;
use crate::toml_document::{ConfigError, Document, Section};
use std::collections::BTreeSet;
use std::path::Path;

/// The built-in packs with their names.
pub const BUILTIN_PACKS: &[(&str, &str)] = &[
    ("stopped-tasks", include_str!("../knowledge/packs/stopped-tasks.toml")),
    ("lost-launches", include_str!("../knowledge/packs/lost-launches.toml")),
    ("schedules", include_str!("../knowledge/packs/schedules.toml")),
    ("deployments", include_str!("../knowledge/packs/deployments.toml")),
    ("exit-status", include_str!("../knowledge/packs/exit-status.toml")),
    ("error-phases", include_str!("../knowledge/packs/error-phases.toml")),
];

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Information.
    Note,
    /// Somebody should check it.
    Warning,
    /// Something was lost or did not run.
    Error,
}

impl Severity {
    /// All severities, lowest first.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

    /// The word for it, also used in SARIF.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A group of checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// The name.
    pub name: String,
    /// The description.
    pub about: String,
    /// The tables of the system that the pack covers. If all of them are empty and other tables are not, the pack
    /// runs only if named.
    pub when: Vec<String>,
    /// The checks, in file order.
    pub checks: Vec<Check>,
}

/// A query with a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The name, unique in the pack.
    pub name: String,
    /// The question that the check answers, for readers.
    pub question: String,
    /// The query; without a window of its own, it uses the window of the run.
    pub query: String,
    /// The compared column; none = the first numeric column of the result.
    pub measure: Option<String>,
    /// A row is a finding if the measure is at least this.
    pub threshold: f64,
    /// The severity of a finding.
    pub severity: Severity,
    /// What to do about a finding.
    pub remedy: String,
    /// Required tables, in addition to those that the query itself needs.
    pub needs: Vec<String>,
}

const PACK_KEYS: &[&str] = &["name", "about", "when", "check"];
const CHECK_KEYS: &[&str] = &["name", "question", "query", "measure", "threshold", "severity", "remedy", "needs"];

impl Pack {
    /// Reads a pack; `tables` are the table names that `needs` accepts.
    pub fn parse(text: &str, path: &Path, tables: &[&str]) -> Result<Pack, ConfigError> {
        let document = Document::parse(text, path)?;
        let top = document.top();
        top.expect_keys(PACK_KEYS)?;
        let sections = top.sections("check")?;
        if sections.is_empty() {
            return Err(top.config_error("the pack has no [[check]]"));
        }
        let mut names = BTreeSet::new();
        let mut checks = Vec::new();
        for section in &sections {
            let check = Check::read(section, tables)?;
            if !names.insert(check.name.clone()) {
                return Err(section.error_at_key("name", format!("two checks are called `{}`", check.name)));
            }
            checks.push(check);
        }
        let about = top.text("about")?.unwrap_or_default().trim().to_owned();
        Ok(Pack { name: name(&top)?, about, when: table_names(&top, "when", tables)?, checks })
    }
}

/// A name that can be used in rule ids and class names.
fn name(section: &Section<'_>) -> Result<String, ConfigError> {
    let name = section.required("name")?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Ok(name.to_owned());
    }
    Err(section.error_at_key("name", format!("invalid name `{name}`: expected letters, digits, `-`, `_` and `.`")))
}

impl Check {
    fn read(section: &Section<'_>, tables: &[&str]) -> Result<Check, ConfigError> {
        section.expect_keys(CHECK_KEYS)?;
        let query = section.required("query")?.trim();
        if let Err(errors) = crate::lang::parse(query) {
            let why = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            return Err(section.error_at_key("query", format!("invalid query: {why}")));
        }
        Ok(Check {
            name: name(section)?,
            question: section.required("question")?.trim().to_owned(),
            query: query.to_owned(),
            measure: section.text("measure")?.map(str::to_owned),
            threshold: section.number("threshold")?.unwrap_or(1.0),
            severity: severity(section)?,
            remedy: section.required("remedy")?.trim().to_owned(),
            needs: table_names(section, "needs", tables)?,
        })
    }
}

/// The names of tables under a key.
fn table_names(section: &Section<'_>, key: &str, tables: &[&str]) -> Result<Vec<String>, ConfigError> {
    let names = section.texts(key)?;
    if let Some(unknown) = names.iter().find(|name| !tables.contains(name)) {
        let hint =
            suggest::question(unknown, tables.iter().copied()).unwrap_or_else(|| format!("expected {}", tables.join(", ")));
        return Err(section.error_at_key(key, format!("unknown table `{unknown}`; {hint}")));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn severity(section: &Section<'_>) -> Result<Severity, ConfigError> {
    let Some(word) = section.text("severity")? else { return Ok(Severity::Warning) };
    Severity::ALL
        .into_iter()
        .find(|severity| severity.word() == word)
        .ok_or_else(|| section.error_at_key("severity", format!("unknown severity `{word}`; expected note, warning or error")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "name = \"p\"\n[[check]]\nname = \"a\"\nquestion = \"q\"\nquery = \"failures\"\nremedy = \"r\"\n";

    fn error_of(text: &str) -> String {
        Pack::parse(text, Path::new("p.toml"), &["calls", "task_events"]).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_packs_are_sound() {
        let tables: Vec<&str> = crate::table::Table::ALL.iter().map(|table| table.name()).collect();
        for (name, text) in BUILTIN_PACKS {
            let pack = Pack::parse(text, Path::new(name), &tables).unwrap_or_else(|config_error| panic!("{config_error}"));
            assert_eq!(pack.name, *name);
            assert!(!pack.about.is_empty());
        }
    }

    #[test]
    fn defaults_are_written_out() {
        let pack = Pack::parse(SOUND, Path::new("p.toml"), &[]).unwrap();
        let check = pack.checks.first().unwrap();
        assert_eq!((check.threshold, check.severity, check.measure.clone()), (1.0, Severity::Warning, None));
    }

    #[test]
    fn mistakes_have_their_line() {
        assert_eq!(error_of("name = \"p\"\n"), "p.toml: the pack has no [[check]]");
        assert_eq!(
            error_of(&SOUND.replace("remedy", "remidy")),
            "p.toml:6: unknown key `remidy` in [check]; did you mean `remedy`?"
        );
        assert_eq!(error_of(&SOUND.replace("\"failures\"", "\"failures by\"")).split(": ").next(), Some("p.toml:5"));
        assert_eq!(error_of(&format!("{SOUND}needs = [\"cals\"]\n")), "p.toml:7: unknown table `cals`; did you mean `calls`?");
        assert_eq!(
            error_of(&format!("{SOUND}severity = \"bad\"\n")),
            "p.toml:7: unknown severity `bad`; expected note, warning or error"
        );
        assert_eq!(
            error_of(&format!("{SOUND}{}", SOUND.trim_start_matches("name = \"p\"\n"))),
            "p.toml:8: two checks are called `a`"
        );
    }
}
