//! Analyses that fold the events of millions of tasks before they evaluate them: physical operators of the engine.
//! Two are called in SQL as table functions; one replaces window functions over whole partitions.
//!
//! In: for a table function, the SQL of its base rows as string arguments, so that a view still names all tables that
//! it reads; for a window, its own input. Out: rows in batches, with as many output partitions as the session has
//! threads. A table function keeps each event as a few numbers, and strings are interned. Sorting or grouping the
//! events by their string keys would produce the same rows, but takes several times the time and memory.

mod exec;
mod held;
pub mod index;
mod partitions;
pub mod source;
#[cfg(test)]
mod tests;
pub mod texts;
mod unoptimized;

pub use exec::{Analysis, AnalysisExec, OutputChunk};
pub use partitions::WholePartitions;
