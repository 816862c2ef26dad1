//! Sends long output through a pager.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// The pager of this terminal.
pub struct Pager {
    program: String,
    arguments: Vec<String>,
}

impl Pager {
    /// `$PAGER`, else `less`.
    pub fn find() -> Pager {
        let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let pager = pager.unwrap_or_else(|| "less".to_owned());
        let mut words = pager.split_whitespace().map(str::to_owned);
        Pager { program: words.next().unwrap_or_default(), arguments: words.collect() }
    }

    /// Whether it can scroll sideways, so that rows need not be shortened.
    pub fn is_wide(&self) -> bool {
        std::path::Path::new(&self.program).file_stem().is_some_and(|name| name == "less")
    }

    /// Whether it displayed the text.
    fn show(&self, bytes: &[u8]) -> bool {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped());
        if self.is_wide() {
            command.arg("-S");
        }
        if std::env::var_os("LESS").is_none() {
            // Quit if the text fits, keep colors, do not clear the screen.
            command.env("LESS", "FRX");
        }
        let Ok(mut child) = command.spawn() else { return false };
        if let Some(mut input) = child.stdin.take() {
            // The pager closes the pipe when the user quits it early.
            let _ = input.write_all(bytes);
        }
        child.wait().is_ok()
    }
}

/// The height of the terminal.
pub fn height() -> usize {
    terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0))
}

/// Whether a text is longer than the terminal.
pub fn is_long(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| **byte == b'\n').count() + 1 >= height()
}

/// Prints text on standard output, through the pager if it is longer than the terminal.
pub fn show(bytes: &[u8], pager: Option<&Pager>) -> io::Result<()> {
    if is_long(bytes) && pager.is_some_and(|pager| pager.show(bytes)) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
