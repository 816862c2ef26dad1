//! The query language: text in, checked query out.
//!
//! ```text
//!   text ──token──► tokens ──parse, expr, time──► ast::Query ──check──► checked::Checked
//!                                                    │                      ▲
//!                                                  format                catalog
//!                                                    ▼
//!                                             canonical text
//! ```
//!
//! The grammar is `grammar/ecs-audit.ebnf`. Invariants: no text makes it panic or overflow the
//! stack; `parse(format(q)) == q`; errors come back as data and nothing is printed; no clock is read.

pub mod ast;
pub mod catalog;
pub mod check;
pub mod checked;
pub mod complete;
mod cursor;
mod expr;
pub mod format;
pub mod function;
pub mod keyword;
pub mod name;
pub mod parse;
mod relation;
pub mod suggest;
pub mod time;
pub mod token;

pub use ast::Query;
pub use catalog::{Catalog, FieldInfo, FieldType, MeasureInfo, NounStatus};
pub use check::{check, expand};
pub use checked::{CheckContext, Checked};
pub use format::format;
pub use parse::parse;
