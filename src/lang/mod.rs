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

mod advice;
pub mod ast;
pub mod catalog;
pub mod check;
pub mod checked;
pub mod complete;
mod cursor;
mod expr;
pub mod format;
pub mod function;
pub mod habit;
pub mod keyword;
pub mod name;
mod narrow;
pub mod parse;
mod relation;
pub mod suggest;
pub mod time;
pub mod token;
pub mod zone;

pub use advice::{described_noun, shell_quoted, suggested};
pub use ast::Query;
pub use catalog::{Catalog, FieldInfo, FieldType, MeasureInfo, NounStatus};
pub use check::{absolute, check, expand, is_valid, with_named_field};
pub use checked::{CheckContext, Checked};
pub use format::format;
pub use narrow::{narrow, scope};
pub use parse::{parse, parse_if};
