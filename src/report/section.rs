//! The facts and sections of a report, from the built-in `sections.toml`.

use super::ReportError;
use super::derived::Derived;
use crate::lang::suggest;
use serde::Deserialize;
use std::sync::LazyLock;

/// A number of the summary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactSpec {
    /// The name in `summary.csv`.
    pub id: String,
    /// The label.
    pub label: String,
    /// The query, which returns one row with one column.
    pub query: String,
    /// Whether it is shown at the top of the page.
    #[serde(default)]
    pub headline: bool,
    /// Whether the window of the report is added to the query.
    #[serde(default = "yes")]
    pub windowed: bool,
}

/// A table of the report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionSpec {
    /// The id, which is also the name of the CSV file.
    pub id: String,
    /// The title.
    pub title: String,
    /// The description of its rows.
    pub about: String,
    /// The query that returns the rows, or from which they are derived.
    pub query: String,
    /// How the rows are derived, if not by a query.
    #[serde(default)]
    pub derived: Option<Derived>,
    /// The command that shows the same for a single item, for derived sections.
    #[serde(default)]
    pub command: Option<String>,
    /// Whether its numbers count every record of a source. Then the query is the evidence, because listing the
    /// records would repeat the store.
    #[serde(default)]
    pub counts_everything: bool,
    /// The group of the appendix.
    pub group: String,
    /// The text to show if there are no rows.
    pub nothing: String,
    /// The maximum number of rows on the page; the CSV file has all rows.
    pub rows: usize,
    /// Columns that only the CSV file has: on the page, they would push others off the screen.
    #[serde(default)]
    pub csv_only: Vec<String>,
    /// Whether the window of the report is added to the query.
    #[serde(default = "yes")]
    pub windowed: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    fact: Vec<FactSpec>,
    section: Vec<SectionSpec>,
}

static TEXT: LazyLock<Text> =
    LazyLock::new(|| toml::from_str(include_str!("sections.toml")).expect("the sections are read by a test"));

/// The section that is derived from the failure catalog.
pub const FINDINGS: &str = "findings";

/// The section with the incidents, which is the main part of the page.
pub const INCIDENTS: &str = "incidents";

/// The numbers of the summary.
pub fn facts() -> &'static [FactSpec] {
    &TEXT.fact
}

/// The sections, in order.
pub fn sections() -> &'static [SectionSpec] {
    &TEXT.section
}

/// The names of all sections.
pub fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(FINDINGS).chain(sections().iter().map(|section| section.id.as_str()))
}

/// Rejects unknown section names.
pub fn check_names(wanted: &[String]) -> Result<(), ReportError> {
    match wanted.iter().find(|name| !names().any(|known| known == name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let near = suggest::question(name, names()).map(|question| format!("; {question}")).unwrap_or_default();
            let known: Vec<&str> = names().collect();
            Err(ReportError::Sentence(format!("unknown section `{name}`{near}\nsections: {}", known.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang;
    use crate::plan::PlanCatalog;
    use std::collections::BTreeSet;

    #[test]
    fn every_query_of_the_report_runs_and_names_are_given_once() {
        let catalog = PlanCatalog::new(|_, _| Vec::new());
        let context = lang::CheckContext {
            anchor: jiff::Timestamp::UNIX_EPOCH,
            now: jiff::Timestamp::UNIX_EPOCH,
            first: None,
            last: None,
            tz: jiff::tz::TimeZone::UTC,
            default_rows: Some(lang::checked::DEFAULT_ROWS),
        };
        let queries: Vec<&str> =
            facts().iter().map(|fact| &*fact.query).chain(sections().iter().map(|section| &*section.query)).collect();
        assert!(queries.len() > 20);
        for text in queries {
            let query = lang::parse(text).unwrap();
            let checked = lang::check(&query, &catalog, &context).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
            assert_eq!(checked.default_limit, None, "{text} is cut");
        }
        for section in sections() {
            let shown: Vec<&str> = section.query.split([' ', ',']).collect();
            assert!(section.csv_only.iter().all(|column| shown.contains(&column.as_str())), "{}", section.id);
        }
        let ids: BTreeSet<&str> = names().collect();
        assert_eq!(ids.len(), names().count());
        assert!(ids.iter().all(|id| !["summary", "evidence", "manifest", "report"].contains(id)));
    }

    #[test]
    fn an_unknown_section_suggests_the_nearest() {
        let message = check_names(&["failures-by-cuase".to_owned()]).unwrap_err().to_string();
        assert!(message.contains("failures-by-cause"), "{message}");
    }
}
