//! Sends long output through a pager.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Prints text on standard output, through `$PAGER` (else `less`) if it is longer than the terminal.
pub fn show(bytes: &[u8], paging: bool) -> io::Result<()> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let height = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
    if paging && lines + 1 >= height && paged(bytes) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Whether a pager displayed the text.
fn paged(bytes: &[u8]) -> bool {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less".to_owned());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // The defaults of git: quit if the text fits, keep colors, do not clear the screen, do not wrap lines.
        command.env("LESS", "FRXS");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        // The pager closes the pipe when the user quits it early.
        let _ = input.write_all(bytes);
    }
    child.wait().is_ok()
}
