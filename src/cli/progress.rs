//! Shows the progress of commands on standard error, only on a terminal.

use crate::context::Context;
use crate::discover::Input;
use crate::load::{FileReport, Progress, Silent};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a command works in silence.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two frames of the spinner.
const FRAME: Duration = Duration::from_millis(120);

/// Only one line can be in progress: what runs inside a command that shows one stays silent.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// A line about a command that is still working; it disappears when dropped.
pub struct Working {
    shown: Option<Shown>,
}

struct Shown {
    bar: ProgressBar,
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Working {
    /// A line that appears after a second, if standard error is a terminal and --quiet is not set.
    pub fn on(what: &'static str, context: &Context) -> Working {
        if !context.progress || SHOWN.swap(true, Ordering::AcqRel) {
            return Working { shown: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        let (done, wait) = channel::<()>();
        let line = bar.clone();
        let thread = std::thread::spawn(move || {
            // Disconnected means that the command ended first.
            if wait.recv_timeout(PATIENCE).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
                line.set_draw_target(ProgressDrawTarget::stderr());
                line.enable_steady_tick(FRAME);
            }
        });
        Working { shown: Some(Shown { bar, done: Some(done), thread: Some(thread) }) }
    }

    /// Adds what has been done so far.
    pub fn done(&self, so_far: impl FnOnce() -> String) {
        if let Some(shown) = &self.shown {
            shown.bar.set_message(so_far());
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        drop(shown.done.take());
        if let Some(thread) = shown.thread.take() {
            // The thread only draws.
            let _ = thread.join();
        }
        shown.bar.finish_and_clear();
        SHOWN.store(false, Ordering::Release);
    }
}

/// What shows the progress of loading inputs: a bar on a terminal, which disappears when dropped, otherwise nothing.
pub fn of_load(inputs: &[Input], context: &Context) -> Box<dyn Progress> {
    match Bar::new(inputs, context.progress) {
        Some(bar) => Box::new(bar),
        None => Box::new(Silent),
    }
}

/// A progress bar.
struct Bar {
    bar: ProgressBar,
    records: AtomicU64,
    files: AtomicU64,
    of: usize,
}

impl Bar {
    /// A bar over the bytes of the inputs, if requested.
    fn new(inputs: &[Input], wanted: bool) -> Option<Bar> {
        if !wanted {
            return None;
        }
        let bar = ProgressBar::new(inputs.iter().map(|input| input.size).sum());
        let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta} {msg}").ok()?;
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(Bar { bar, records: Default::default(), files: Default::default(), of: inputs.len() })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn file_done(&self, report: &FileReport) {
        let records = self.records.fetch_add(report.read, Ordering::Relaxed) + report.read;
        let files = self.files.fetch_add(u64::from(!report.is_member), Ordering::Relaxed) + u64::from(!report.is_member);
        self.bar.set_message(format!("{files}/{} files, {} records", self.of, HumanCount(records)));
    }

    fn bytes_read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(progress: bool) -> Context {
        Context {
            now: jiff::Timestamp::UNIX_EPOCH,
            tz: jiff::tz::TimeZone::UTC,
            width: None,
            color: false,
            progress,
            threads: 1,
            memory: 1 << 20,
        }
    }

    #[test]
    fn one_line_at_a_time_and_none_without_a_terminal() {
        assert!(Working::on("checking", &context(false)).shown.is_none());
        let outer = Working::on("checking", &context(true));
        assert!(outer.shown.is_some() && Working::on("querying", &context(true)).shown.is_none());
        outer.done(|| "1 of 2".to_owned());
        drop(outer);
        assert!(Working::on("querying", &context(true)).shown.is_some());
    }
}
