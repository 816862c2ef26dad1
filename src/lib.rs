//! Offline analyzer for Amazon ECS and dstack failures.
//!
//! ```text
//!   s3-export/  s3://bucket/prefix                         "failures by reason since 7d"
//!       │ bytes                                                   │ text
//!   ① discover   walk or list, recognize by content           ⑥ lang     tokens → AST → checked query
//!       │ Input                                                   │ Checked          ▲
//!   ② decode     inflate within limits, split, unwrap, mask       │                  │ names, types, values
//!       │ Found                                                   │              Catalog (from ④ and ⑤)
//!   ③ model      JSON → typed rows; one failure, one row          │
//!       │ Row                                                  ⑦ plan     Checked → DataFusion LogicalPlan, clause by clause
//!   ④ table      rows → columns of Parquet, or Arrow              │ LogicalPlan       (nouns gives the rows behind each noun;
//!       │ Columns          (load drives ① to ④ on all cores)      │                   incidents groups what belongs together)
//!       │                                                      ⑧ engine   session, functions, operators
//!   ⑤ store  ◄─────────── tables on disk ────────────────────►    run     execute, collect
//!                                                                 │ Answer { batches, window, evidence }
//!                                                             ⑨ explain  one failure in detail: queries ⑧ in SQL
//!                                                             ⑩ render   table csv json ndjson md html parquet
//!                                                             ⑪ report   many Answers → one folder
//!
//!   front ends: cli (commands, prompt), mcp (assistants), serve (browsers)
//!       └──► app   what they share: opens the data, runs queries within limits, finds what names mean
//! ```
//!
//! Dependencies point one way, without circles. Knowledge is data: `knowledge/*.toml` defines messages, [`table`] defines
//! columns, and [`lang::keyword`] defines keywords. Only [`cli`] prints, and only it reads the clock, the environment and the
//! terminal. `tests/layering.rs` enforces this.

pub mod allocator;
pub mod answer;
pub mod config;
pub mod context;
pub mod diagnostic;
pub mod exit;
pub mod instant;
pub mod micros;
pub mod percent;
pub mod plural;
pub mod rfc3339;
pub mod substr;
pub mod toml_document;

pub mod decode;
pub mod digests;
pub mod discover;
pub mod knowledge;
pub mod load;
pub mod model;
pub mod store;
pub mod table;

pub mod check;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod doctor;
pub mod engine;
pub mod explain;
pub mod incidents;
pub mod lang;
pub mod nouns;
pub mod plan;
pub mod preflight;
pub mod redact;
pub mod render;
pub mod report;
pub mod run;

mod app;

pub mod cli;
mod mcp;
mod serve;

#[doc(hidden)]
pub mod fuzzing;
