//! Output formats and their names.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::Render;
use super::{csv, html, json, markdown, ndjson, parquet, slack, table};

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a terminal.
    #[default]
    Table,
    /// For spreadsheets.
    Csv,
    /// One document: query, window, columns, rows.
    Json,
    /// One object per row.
    Ndjson,
    /// For issues and wikis.
    Markdown,
    /// A web page.
    Html,
    /// For other engines.
    Parquet,
    /// For a chat.
    Slack,
}

/// The format of an answer that is a page of text, or a document for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextFormat {
    /// For a terminal.
    #[default]
    Text,
    /// For a program.
    Json,
}

impl FromStr for TextFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.trim().to_ascii_lowercase().as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("expected text or json{}", elsewhere(name))),
        }
    }
}

/// An unknown format name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{}`: expected {}{}", super::visible(.name), Format::names(), elsewhere(.name))]
pub struct UnknownFormat {
    /// The given name.
    pub name: String,
}

/// A format, and the commands that write it.
#[derive(Debug, Clone, Copy)]
pub struct FormatInfo {
    /// The name for `--format`.
    pub name: &'static str,
    /// The commands.
    pub commands: &'static [&'static str],
}

/// The commands whose result is rows.
const ROWS: &[&str] = &["query", "sql"];
/// The commands whose result is findings.
const CHECKS: &[&str] = &["check", "preflight"];
/// The commands whose result people read.
const PEOPLE: &[&str] = &["query", "sql", "explain", "timeline", "changes", "check", "preflight", "report --brief"];

/// All formats of the commands that have more than `text` and `json`, which [`TextFormat`] has.
pub const FORMATS: [FormatInfo; 13] = [
    FormatInfo { name: "table", commands: ROWS },
    FormatInfo { name: "csv", commands: &["query", "sql", "store export"] },
    FormatInfo { name: "json", commands: &["query", "sql", "explain", "timeline", "changes", "check", "preflight"] },
    FormatInfo { name: "ndjson", commands: &["query", "sql", "store export"] },
    FormatInfo { name: "markdown", commands: PEOPLE },
    FormatInfo { name: "html", commands: &["query", "sql", "explain", "timeline", "changes", "report --brief"] },
    FormatInfo { name: "parquet", commands: &["query", "sql", "store export"] },
    FormatInfo { name: "slack", commands: PEOPLE },
    FormatInfo { name: "text", commands: &["explain", "timeline", "changes", "check", "preflight"] },
    FormatInfo { name: "junit", commands: CHECKS },
    FormatInfo { name: "sarif", commands: CHECKS },
    FormatInfo { name: "github", commands: CHECKS },
    FormatInfo { name: "gitlab", commands: CHECKS },
];

/// The end of an error about a format that this command does not have: the commands that have it.
pub fn elsewhere(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let found = FORMATS.iter().find(|format| format.name == name);
    found.map_or_else(String::new, |format| format!("; `{name}` is a format of {}", format.commands.join(", ")))
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 8] =
        [Self::Table, Self::Csv, Self::Json, Self::Ndjson, Self::Markdown, Self::Html, Self::Parquet, Self::Slack];

    /// The name for `--format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Parquet => "parquet",
            Self::Slack => "slack",
        }
    }

    /// The format for a file extension, if there is one.
    pub fn for_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Self::Table),
            "htm" => Some(Self::Html),
            other => other.parse().ok(),
        }
    }

    /// Whether the output is binary, so it cannot be printed on a terminal.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet)
    }

    /// The implementation of the format.
    pub fn renderer(self) -> &'static dyn Render {
        match self {
            Self::Table => &table::Table,
            Self::Csv => &csv::Csv,
            Self::Json => &json::Json,
            Self::Ndjson => &ndjson::Ndjson,
            Self::Markdown => &markdown::Markdown,
            Self::Html => &html::Html,
            Self::Parquet => &parquet::Parquet,
            Self::Slack => &slack::Slack,
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.trim().to_ascii_lowercase();
        let full = match lower.as_str() {
            "md" => "markdown",
            "jsonl" => "ndjson",
            other => other,
        };
        Self::ALL.into_iter().find(|format| format.name() == full).ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert_eq!("MD".parse(), Ok(Format::Markdown));
        assert_eq!("jsonl".parse(), Ok(Format::Ndjson));
        for format in Format::ALL {
            assert!(FORMATS.iter().any(|info| info.name == format.name() && info.commands.contains(&"query")), "{format}");
        }
    }

    #[test]
    fn a_format_of_another_command_says_which() {
        let error = "sarif".parse::<Format>().unwrap_err().to_string();
        assert!(error.ends_with(", slack; `sarif` is a format of check, preflight"), "{error}");
    }

    #[test]
    fn text_and_json_are_the_formats_of_pages() {
        assert_eq!("JSON".parse(), Ok(TextFormat::Json));
        let error = "csv".parse::<TextFormat>().unwrap_err();
        assert_eq!(error, "expected text or json; `csv` is a format of query, sql, store export");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "xls\u{1b}x".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown format `xls\\u{1b}x`: expected table, csv, json, ndjson, markdown, html, parquet, slack"
        );
    }

    #[test]
    fn a_file_name_can_choose() {
        assert_eq!(Format::for_file(Path::new("a/b.CSV")), Some(Format::Csv));
        assert_eq!(Format::for_file(Path::new("a.htm")), Some(Format::Html));
        assert_eq!(Format::for_file(Path::new("a.xlsx")), None);
        assert_eq!(Format::for_file(Path::new("csv")), None);
    }
}
