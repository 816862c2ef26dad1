//! The environment as values: clock, time zone and terminal. The command line reads them once and passes them down.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What a run knows about its environment.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time at which the program started.
    pub now: Timestamp,
    /// The time zone of dates without an offset, of calendar days, and of displayed times.
    pub tz: TimeZone,
    /// The width of the terminal behind standard output; none = not a terminal.
    pub width: Option<usize>,
    /// Whether standard output may use color.
    pub color: bool,
    /// Whether standard error is a terminal that can show a progress bar.
    pub progress: bool,
    /// The number of threads.
    pub threads: usize,
    /// Bytes of memory to use.
    pub memory: usize,
}
