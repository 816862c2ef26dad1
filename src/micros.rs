//! Lengths of time in microseconds, the unit of all stored times.

/// Microseconds of a millisecond.
pub const MILLISECOND: i64 = 1_000;
/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;
