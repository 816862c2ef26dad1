//! Shows that a command is still working: on standard error, only on a terminal, and only after a second.

use crate::context::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};
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
