//! The outside world as values: clock, zone and terminal, read once by the command line and passed down.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What a run knows of the outside world.
#[derive(Debug, Clone)]
pub struct Context {
    /// The clock when the program started.
    pub now: Timestamp,
    /// The zone of dates without offset, of calendar days and of display.
    pub tz: TimeZone,
    /// Columns of the terminal that standard output is; none = not a terminal.
    pub width: Option<usize>,
    /// Whether color is welcome on standard output.
    pub color: bool,
    /// Whether standard error is a terminal that a progress bar may draw on.
    pub progress: bool,
    /// Threads to use.
    pub threads: usize,
    /// Bytes of memory to use.
    pub memory: usize,
}
