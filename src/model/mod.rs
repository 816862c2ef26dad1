//! ③ Converts one recognized record to typed rows.
//!
//! In: a parsed JSON value and its origin. Out: [`Modeled`]: the rows of the record, or the reason why there are
//! none. This module knows neither Arrow nor the store. A row depends only on its own record, so the load order does
//! not matter.

pub mod action_log;
pub mod arn;
pub mod catalog;
pub mod cloudtrail;
mod container;
pub mod dstack;
pub mod dstack_resource;
pub mod ecs_event;
pub mod failure;
mod field;
pub mod flow;
pub mod instance;
mod names;
mod network_call;
pub mod reason;
pub mod run_answer;
mod run_cause;
mod run_failure;
mod scaling_call;
pub mod service;
pub mod service_deployment;
mod service_failure;
mod session_call;
mod stop;
mod submission;
pub mod task;
mod task_size;
pub mod time;

use crate::decode::json::Value;
use crate::instant;
use crate::table::{OriginalText, Row, Table};
use std::borrow::Cow;

/// The origin of a record.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The file name.
    pub file: &'a str,
    /// The record number in the file, from 1.
    pub record: i64,
    /// The original text with secrets masked; `None` if originals are not stored.
    pub raw: Option<&'a str>,
    /// The original text, for content hashes of records without an id.
    pub text: &'a str,
}

impl<'a> Origin<'a> {
    /// The file, as a column value.
    pub fn file(&self) -> Option<Cow<'a, str>> {
        Some(Cow::Borrowed(self.file))
    }

    /// The original text, as a column value.
    pub fn raw(&self) -> Option<OriginalText<'a>> {
        self.raw.map(OriginalText::from)
    }

    /// A content-based id for records without one.
    pub fn content_id(&self) -> String {
        blake3::hash(self.text.as_bytes()).to_hex().chars().take(32).collect()
    }
}

/// The rows of one record.
#[derive(Debug)]
pub struct Record<'a> {
    /// The table of the first row, whose `id` and `account` identify the record.
    pub table: Table,
    /// The id of the record.
    pub id: Cow<'a, str>,
    /// The account, if it is part of the identity.
    pub account: Option<Cow<'a, str>>,
    /// The event time, in microseconds since 1970 UTC.
    pub time: i64,
    /// The main row first, then its containers, submissions and failures.
    pub rows: Vec<Row<'a>>,
}

/// The result of modeling a record.
#[derive(Debug)]
pub enum Modeled<'a> {
    /// Its rows.
    Record(Record<'a>),
    /// A recognized record that is skipped on purpose.
    Filtered(&'static str),
    /// A record that cannot be loaded.
    Refused(Refusal),
}

/// Why a record cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A code, such as `missing_time`.
    pub why: &'static str,
    /// The value found and the form expected.
    pub detail: String,
}

impl Refusal {
    /// A record without a usable time; `found` is the value of its time field, if it has one.
    pub fn missing_time(field: &str, found: Option<&str>) -> Self {
        let shown = |text: &str| text.chars().take(60).collect::<String>();
        match found {
            Some(text) if time::is_implausible(text) => Refusal {
                why: "implausible_time",
                detail: format!("`{field}` is `{}`; expected a time from 2006 to 2099", shown(text)),
            },
            Some(text) => Refusal {
                why: "unreadable_time",
                detail: format!("`{field}` is `{}`, which cannot be read as a time; expected {}", shown(text), instant::EXPECTED),
            },
            None => Refusal { why: "missing_time", detail: format!("`{field}` is missing; expected {}", instant::EXPECTED) },
        }
    }

    /// A record that lacks its time field.
    pub fn missing_time_at(value: Value<'_>, key: &str) -> Self {
        Self::missing_time_in(value, &[key])
    }

    /// A record that lacks a time in all of its time fields: the first one that has a value says what is wrong.
    pub fn missing_time_in(value: Value<'_>, keys: &[&str]) -> Self {
        let present = keys.iter().find_map(|key| Some((*key, time::shown_at(value, key)?)));
        match present {
            Some((key, found)) => Self::missing_time(key, Some(&found)),
            None => Self::missing_time(keys.first().copied().unwrap_or_default(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    #[test]
    fn a_time_that_cannot_be_read_is_not_a_missing_one() {
        let of = |text: &str| {
            let tape = Tape::parse(text).unwrap();
            let refusal = Refusal::missing_time_in(tape.root(), &["updatedAt", "stoppedAt"]);
            (refusal.why, refusal.detail.split(';').next().unwrap_or_default().to_owned())
        };
        assert_eq!(of("{}"), ("missing_time", "`updatedAt` is missing".to_owned()));
        assert_eq!(of(r#"{"updatedAt":null,"stoppedAt":""}"#), ("missing_time", "`updatedAt` is missing".to_owned()));
        let unreadable =
            |field: &str, found: &str| ("unreadable_time", format!("`{field}` is `{found}`, which cannot be read as a time"));
        assert_eq!(of(r#"{"stoppedAt":"4.3.2026 02:10"}"#), unreadable("stoppedAt", "4.3.2026 02:10"));
        assert_eq!(of(r#"{"updatedAt":{"day":4},"stoppedAt":1}"#), unreadable("updatedAt", r#"{"day":4}"#));
        assert_eq!(of(r#"{"updatedAt":0}"#), ("implausible_time", "`updatedAt` is `0`".to_owned()));
    }
}
