//! Offline analyzer for Amazon ECS and dstack failures.
//!
//! ```text
//!   s3-export/                                             "failures by reason since 7d"
//!       │ bytes                                                   │ text
//!   ① discover   walk, recognise by content                   ⑥ lang     tokens → AST → checked query
//!       │ Input                                                   │ Checked          ▲
//!   ② decode     inflate within limits, split, unwrap, mask       │                  │ names, types, values
//!       │ Found                                                   │              Catalog (from ④ and ⑤)
//!   ③ model      JSON → typed rows; one failure, one row          │
//!       │ Row                                                     │
//!   ④ table      rows → columns of Parquet, or Arrow           ⑦ plan     Checked → DataFusion LogicalPlan
//!       │ Columns          (load drives ① to ④ on all cores)      │ LogicalPlan       (nouns are views here)
//!   ⑤ store  ◄─────────── tables on disk ────────────────────► ⑧ run     execute, collect
//!                                                                 │ Answer { batches, window, evidence }
//!                                                             ⑨ explain  one failure, one story: asks ⑧ in SQL
//!                                                             ⑩ render   table csv json ndjson md html parquet
//!                                                             ⑪ report   many Answers → one directory
//! ```
//!
//! Arrows point one way. Knowledge is data: what a message means stands in `knowledge/*.toml`, what a
//! column is stands in [`table`], what a keyword is stands in [`lang::keyword`]. Only [`cli`] prints, and
//! only it reads the clock, the environment and the terminal. `tests/layering.rs` keeps it so.

pub mod allocator;
pub mod answer;
pub mod config;
pub mod context;
pub mod diagnostic;
pub mod document;
pub mod exit;
pub mod part;

pub mod decode;
pub mod discover;
pub mod knowledge;
pub mod load;
pub mod model;
pub mod store;
pub mod table;

pub mod check;
pub mod doctor;
pub mod explain;
pub mod lang;
pub mod plan;
pub mod preflight;
pub mod redact;
pub mod render;
pub mod report;
pub mod run;

pub mod cli;
