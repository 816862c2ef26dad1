//! A query on several machines: the plan of one session, run by executors.
//!
//! ```text
//!   client (query --cluster, sql --cluster)                    executors (cluster executor)
//!     session ─► physical plan                                   the same functions and operators
//!        │ align      analyses get the rows of a key together         ▲
//!        │ planner    cut into stages, tasks per executor             │ codec: plans as bytes
//!     ClusterExec ── a stage per task ────────────────────────────────┘
//!        ▲                                                       rows between tasks, as Arrow Flight
//!        └────────── rows of the last stage ─────────────────────────┘
//! ```
//!
//! In: a session with tables and functions, and the addresses of executors. Out: a session whose queries run on them, with
//! the same bytes as on one machine. Invariants: every row is in one task, because a node that needs all rows, or all rows
//! of a key, is never in a stage of several tasks without an exchange below it (`tasks`); a query that loses an executor
//! runs again on the others, so that no rows of a lost task are mixed with those of another run.

mod align;
mod channel;
mod codec;
mod exec;
mod executor;
mod executors;
mod planner;
mod tasks;
#[cfg(test)]
mod tests;

pub use codec::PlanCodec;
pub use executor::{serve, version};
pub use executors::{Executors, NoExecutor};
pub use planner::on_cluster;
