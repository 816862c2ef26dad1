//! Questions that a machine asks every day: packs of checks, what they found, and reports of that.
//!
//! In: packs (TOML) and a function that answers queries. Out: a [`Report`], written as text, JSON, JUnit XML,
//! SARIF or Markdown. Invariants: a check that could not be answered is told as such and never counts as
//! passed; the same store gives the same bytes.

mod finding;
mod pack;
mod run;
mod write;

pub use finding::{Finding, Outcome, Place, Report, State};
pub use pack::{BUILTIN_PACKS, Check, Pack, Severity};
pub use run::find;
pub use write::{Layout, write};
