//! Automated checks: packs of queries, their results, and reports.
//!
//! In: packs (TOML) and a function that runs queries. Out: a [`Report`], written as text, JSON, JUnit XML, SARIF or
//! Markdown. Invariants: a check that could not be answered is reported as such and never counts as passed; the same
//! store produces the same bytes.

mod finding;
mod pack;
mod run;
mod write;

pub use finding::{Finding, Outcome, Place, Report, State};
pub use pack::{BUILTIN_PACKS, Check, Pack, Severity};
pub use run::find;
pub use write::{Layout, write};
