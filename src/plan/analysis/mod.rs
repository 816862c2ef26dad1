//! Analyses of sequences of records: schedules, launches, disconnects, collisions and their probability.
//!
//! Plain functions over the slice of one partition, ordered by time. The window functions in
//! [`super::function`] call them for each partition, so a plan reads a table once and holds one partition
//! at a time.
//!
//! ```text
//!   attempts of a cluster and family ─► series (who starts it) ─► schedule ─► expected starts
//!                                          └──────────── fold ◄─────────────────┘
//!                                                 │ launches ─► expected starts
//!   attempts, agents of a cluster ───► connection ─► collision ─► recurrence
//! ```
//!
//! Times are microseconds since 1970. Nothing here depends on a clock, a table or a query.

pub mod calendar;
pub mod collision;
pub mod connection;
pub mod expected;
pub mod fold;
pub mod period;
pub mod recurrence;
pub mod schedule;
pub mod series;

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;
