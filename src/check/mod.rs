//! Automated checks: packs of queries, their results, and reports.
//!
//! In: packs (TOML), a baseline of accepted findings (TOML), and a function that runs queries. Out: a [`Report`], written
//! in one of the formats of [`Layout`]. Invariants: a check that could not be answered is reported as such and never counts
//! as passed; the same store produces the same bytes.

mod baseline;
mod finding;
mod pack;
mod run;
mod write;

pub use baseline::Baseline;
pub use finding::{Applied, Expired, Finding, Outcome, Place, Report, State};
pub use pack::{BUILTIN_PACKS, Check, Pack, Severity};
pub use run::find;
pub use write::{Detail, Layout, comment, write};
