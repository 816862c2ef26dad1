//! Analyses that fold the events of millions of tasks before they evaluate them: physical operators of the engine.
//! Two are called in SQL as table functions; one replaces window functions over whole partitions.
//!
//! In: for a table function, the SQL of its base rows as string arguments, so that a view still names all tables that
//! it reads; for a window, its own input. Out: rows in batches, with as many output partitions as the session has
//! threads. A table function keeps each event as a few numbers, and strings are interned. Sorting or grouping the
//! events by their string keys would produce the same rows, but takes several times the time and memory.

mod exec;
mod index;
mod partitions;
mod quota;
mod source;
mod stalls;
mod texts;
mod unoptimized;

pub use partitions::WholePartitions;
pub use quota::quota_steps_function;
pub use stalls::instance_stalls_function;
