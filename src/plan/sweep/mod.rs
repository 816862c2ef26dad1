//! Analyses that fold the events of millions of tasks before they look at them: physical operators of the
//! engine. Two are named in SQL as table functions; one takes the place of windows over whole partitions.
//!
//! In: for a table function the SQL of the base rows it reads, as text arguments, so that a view still names every
//! table it rests on; for a window its own input. Out: rows, in batches, as many outputs as the session has threads.
//! A table function keeps each event as a few numbers; texts are kept once and named by number. A sort or a grouping
//! of the events by their text keys gives the same rows, in several times the time and memory.

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
