//! The manifest: the request, the state of the store, and the files of a report, which is enough to recompute it.

use super::instant;
use crate::answer::AnswerWindow;
use crate::lang;
use crate::render::json_pretty;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the manifest format.
pub const FORMAT: u32 = 1;

/// A report request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The title.
    pub title: String,
    /// The first instant inside the window.
    #[serde(with = "instant")]
    pub from: Timestamp,
    /// The first instant after the window.
    #[serde(with = "instant")]
    pub until: Timestamp,
    /// How the window was derived.
    pub origin: String,
    /// The time until which ongoing intervals are assumed to last.
    #[serde(with = "instant")]
    pub anchor: Timestamp,
    /// The time zone of calendar days and displayed times.
    pub time_zone: String,
    /// The requested sections; empty = all.
    pub sections: Vec<String>,
    /// Custom sections.
    pub own: Vec<Own>,
    /// The condition that narrows the report; empty = everything.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Whether it is one page to complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
    /// The prices of computing time; none = unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// BLAKE3 of the quota limits; empty = none were given.
    pub limits: String,
    /// Whether names are replaced with pseudonyms.
    pub redacted: bool,
}

/// Prices of computing time in USD, as `--prices FILE` gives them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// One vCPU for an hour.
    pub vcpu_hour: f64,
    /// One GiB of memory for an hour.
    #[serde(default)]
    pub gib_hour: f64,
}

// Prices that are not finite are refused where they are read.
impl PartialEq for Prices {
    fn eq(&self, other: &Self) -> bool {
        (self.vcpu_hour, self.gib_hour) == (other.vcpu_hour, other.gib_hour)
    }
}

impl Eq for Prices {}

impl Prices {
    /// The prices of a file.
    ///
    /// # Errors
    /// If the text has other keys, or a price is negative or not a number.
    pub fn read(text: &str) -> Result<Prices, String> {
        let prices: Prices = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let valid = |price: f64| price.is_finite() && price >= 0.0;
        if valid(prices.vcpu_hour) && valid(prices.gib_hour) {
            Ok(prices)
        } else {
            Err("a price must not be negative".to_owned())
        }
    }

    /// The price of some time.
    pub fn of(&self, vcpu_hours: f64, gib_hours: f64) -> f64 {
        self.vcpu_hour * vcpu_hours + self.gib_hour * gib_hours
    }
}

/// A custom section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// The title.
    pub title: String,
    /// The query.
    pub query: String,
}

impl Request {
    /// The window.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }

    /// The window in the format of results.
    pub fn answer_window(&self) -> AnswerWindow {
        AnswerWindow { from: Some(self.from), to: Some(self.until), origin: self.origin.clone() }
    }

    /// The time zone; UTC if its name is unknown on this machine.
    pub fn tz(&self) -> TimeZone {
        lang::zone::read(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Whether a section was requested.
    pub fn wants(&self, section: &str) -> bool {
        self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == section)
    }
}

/// The state of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of each table; empty for an export that was read directly.
    pub tables: BTreeMap<String, u64>,
    /// The number of loaded files.
    pub files: u64,
    /// BLAKE3 of the sorted content hashes of the files.
    pub content: String,
    /// The oldest event.
    #[serde(with = "instant::option")]
    pub first_event: Option<Timestamp>,
    /// The newest event.
    #[serde(with = "instant::option")]
    pub last_event: Option<Timestamp>,
    /// The number of records classified by each version of the failure catalog.
    pub catalogs: BTreeMap<String, u64>,
}

/// A written section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionEntry {
    /// The id.
    pub section: String,
    /// The file.
    pub file: String,
    /// The number of rows.
    pub rows: usize,
    /// The queries in canonical form.
    pub queries: Vec<String>,
}

/// A file of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The name.
    pub file: String,
    /// The size.
    pub bytes: usize,
    /// BLAKE3 of its content.
    pub blake3: String,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format; the name of this field identifies the folder as a report.
    pub ecs_audit_report: u32,
    /// The program that wrote the report.
    pub tool: String,
    /// The version of the failure catalog.
    pub catalog: String,
    /// The request.
    pub request: Request,
    /// The state of the store.
    pub store: Snapshot,
    /// The sections.
    pub sections: Vec<SectionEntry>,
    /// The files.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// The manifest as text.
    pub fn text(&self) -> String {
        json_pretty(self).unwrap_or_default()
    }
}
