//! What the front ends share: the commands, the prompt, the server for browsers and the one for assistants.
//!
//! ```text
//!   paths ─► inputs ─► dataset   the tables of a store or an export, opened
//!                        │
//!   query ─► runner ─────┤       a query, relative to an anchor, within limits
//!            columns     │       (which columns of an export it reads; needs: which tables)
//!   SQL ──► sql ─────────┤
//!   name ─► subject ─────┤       what a name means, for explanations
//!                        ▼
//!                     Answer     links, redactor: adds links, replaces names
//! ```
//!
//! Invariant: nothing here prints, or reads the clock, the environment or the terminal. What is known about them is in a
//! [`Context`](crate::context::Context) or another argument, and what a reader should know besides results is a [`Note`],
//! which the front end prints.

mod anchor;
mod callers;
mod children;
mod columns;
mod dataset;
mod error;
mod evaluated;
mod inputs;
mod limits;
mod links;
mod needs;
mod note;
mod per_store;
mod redactor;
mod runner;
mod scope;
mod sql;
mod subject;
mod threads;
mod times;

pub use anchor::Anchor;
#[cfg(test)]
pub use callers::callers_sql;
pub use callers::{Callers, callers};
pub use children::{Children, Output, Program};
pub use columns::{columns_of_query, columns_of_statement};
pub use dataset::Dataset;
pub use error::AppError;
pub use evaluated::{OF_INCIDENTS, evaluate, explained};
pub use inputs::{SearchContext, exit_code, inputs, load_options, search, unreadable};
pub use limits::{Limits, MIN_BLOCKED};
pub use links::linked;
pub use needs::{any_reads_originals, mentions_raw, reads_originals, tables_behind};
pub use note::{Note, described};
pub use per_store::PerStore;
pub use redactor::redactor;
pub use runner::{QueryOptions, QueryRunner, is_valid};
pub use scope::{checked_scope, ids};
pub use sql::{sql_answer, sql_request};
pub use subject::{is_newest, known, subject};
pub use threads::on_threads;
pub use times::{instant, point_in_time, since};
