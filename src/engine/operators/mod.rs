//! Analyses that fold the events of millions of tasks before they evaluate them.
//!
//! ```text
//!   SQL   from f((select …), (select …), …)      f(…) over (partition by … order by …)
//!           │ call                                 │ (a window of the engine)
//!   logical plan                                   │
//!         AnalysisNode, inputs below it ◄── push   │
//!           │ planner                              │ partitions
//!   physical plan                                  │
//!         AnalysisExec ◄───────────────────────────┘
//! ```
//!
//! In: logical plans, so that `--explain` shows the inputs, and conditions and columns reach their scans. Out: rows in
//! batches, with as many output partitions as the session has threads. An operator reads all partitions of its inputs
//! itself, each on its own thread, and merges the partial states; what it holds counts against the memory limit. Each
//! event is kept as a few numbers, and strings are interned. Sorting, grouping or exchanging the events by their string
//! keys would produce the same rows, but takes several times the time and memory.

mod call;
mod exec;
mod held;
pub mod index;
mod node;
mod partitions;
mod planner;
#[cfg(feature = "cluster")]
mod portable;
mod push;
#[cfg(test)]
mod tests;
pub mod texts;

pub use call::{AnalysisRelations, analysis_function, number};
pub use exec::{AlignedBy, Analysis, AnalysisExec, OutputChunk};
pub use node::{AnalysisInput, InputNeed, LogicalAnalysis, RequestedRows, common_keys, over, physical_condition};
pub use partitions::WholePartitions;
#[cfg(feature = "cluster")]
pub use partitions::portable as portable_partitions;
pub use planner::QueryPlannerWithAnalyses;
#[cfg(feature = "cluster")]
pub use portable::{Encoded, PlanReader, PlanWriter, Portable, PortableOperator};
pub use push::PushIntoAnalyses;
