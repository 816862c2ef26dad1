//! What a report was asked, of which store, and what its files are: enough to compute it again.

use super::instant;
use crate::answer::AnswerWindow;
use crate::render::visible;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The layout of the manifest.
pub const FORMAT: u32 = 1;

/// What a report is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its heading.
    pub title: String,
    /// First instant inside the window.
    #[serde(with = "instant")]
    pub from: Timestamp,
    /// First instant after it.
    #[serde(with = "instant")]
    pub until: Timestamp,
    /// How the window came about.
    pub origin: String,
    /// What still lasts is taken to last until then.
    #[serde(with = "instant")]
    pub anchor: Timestamp,
    /// The zone of calendar days and display.
    pub time_zone: String,
    /// The sections that were asked for; empty = all.
    pub sections: Vec<String>,
    /// Sections of one's own.
    pub own: Vec<Own>,
    /// BLAKE3 of the limits that use is held against; empty = none were given.
    pub limits: String,
    /// Whether names are replaced by pseudonyms.
    pub redacted: bool,
}

/// A section of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// Its heading.
    pub title: String,
    /// Its query.
    pub query: String,
}

impl Request {
    /// The window.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }

    /// The window as answers have it.
    pub fn answer_window(&self) -> AnswerWindow {
        AnswerWindow { from: Some(self.from), to: Some(self.until), origin: self.origin.clone() }
    }

    /// The zone; UTC where its name is not known here.
    pub fn tz(&self) -> TimeZone {
        if self.time_zone == "UTC" { TimeZone::UTC } else { TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC) }
    }

    /// Whether a section is asked for.
    pub fn wants(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == section)
    }
}

/// What the store held when it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of each table; empty for an export that was asked directly.
    pub tables: BTreeMap<String, u64>,
    /// Files loaded.
    pub files: u64,
    /// BLAKE3 of the sorted hashes of their contents.
    pub content: String,
    /// The oldest event.
    #[serde(with = "instant::option")]
    pub first_event: Option<Timestamp>,
    /// The newest event.
    #[serde(with = "instant::option")]
    pub last_event: Option<Timestamp>,
    /// Records that were classified by which version of the failure catalog.
    pub catalogs: BTreeMap<String, u64>,
}

/// A section that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its name.
    pub section: String,
    /// Its file.
    pub file: String,
    /// Its rows.
    pub rows: usize,
    /// Its queries in canonical form.
    pub queries: Vec<String>,
}

/// A file of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name.
    pub file: String,
    /// Its size.
    pub bytes: usize,
    /// BLAKE3 of its content.
    pub blake3: String,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout of this file; its name says what the folder is.
    pub ecs_audit_report: u32,
    /// The program that wrote it.
    pub tool: String,
    /// The version of the failure catalog that explains it.
    pub catalog: String,
    /// What was asked for.
    pub request: Request,
    /// Of which store.
    pub store: Snapshot,
    /// What was told.
    pub sections: Vec<Told>,
    /// The files.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// The manifest as text.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut out = String::with_capacity(text.len() + 1);
        for letter in text.chars() {
            // JSON has an escape for what acts on a terminal or hides from a reader.
            if !letter.is_ascii() && visible(letter.encode_utf8(&mut [0; 4])).starts_with('\\') {
                letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            } else {
                out.push(letter);
            }
        }
        out.push('\n');
        out
    }
}
