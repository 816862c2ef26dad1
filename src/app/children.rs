//! Runs each question of a server in its own process, within limits.
//!
//! A question that needs too much memory or time ends alone, a question that nobody waits for is killed, and answers and
//! errors are byte for byte those of the command line.

use crate::render::describe_duration;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// How long a question may take, without the time that it waits for others. Assistants give up after one to five minutes.
pub const LONGEST: Duration = Duration::from_secs(120);

/// The maximum size of the notes of a command, in bytes.
const MOST_NOTES: u64 = 1 << 20;

/// The output of a command.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output: the data.
    pub data: String,
    /// Standard error: the window, notes, errors.
    pub notes: String,
    /// Whether the command answered.
    pub answered: bool,
    /// Whether the data was longer than the limit, so that the end is missing.
    pub cut: bool,
}

/// The program that answers questions, with the options of every question.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// The global options.
    pub options: Vec<OsString>,
    /// The time zone of questions that do not name one.
    pub zone: Option<String>,
}

/// Runs commands with the global options of the server.
pub struct Children {
    program: Program,
    /// One permit per running question.
    slots: Semaphore,
    /// One permit per running or waiting question.
    places: Semaphore,
}

impl Children {
    /// Runs at most `at_once` questions at the same time, while at most `waiting` others wait.
    pub fn new((at_once, waiting): (usize, usize), program: Program) -> Children {
        Children { program, slots: Semaphore::new(at_once), places: Semaphore::new(at_once.saturating_add(waiting)) }
    }

    /// The output of a command, of which at most `most` bytes are read. Dropping the future ends the command.
    pub async fn run(&self, command: Vec<OsString>, most: u64) -> io::Result<Output> {
        let Ok(_place) = self.places.try_acquire() else {
            let error = "too many queries are waiting; try again in a few seconds";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, error));
        };
        let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
        tokio::time::timeout(LONGEST, self.output(command, most)).await.map_err(|_| {
            let longest = describe_duration(LONGEST.as_secs_f64());
            let error = format!("no answer within {longest}; ask about a shorter window, such as since 1d");
            io::Error::new(io::ErrorKind::TimedOut, error)
        })?
    }

    async fn output(&self, command: Vec<OsString>, most: u64) -> io::Result<Output> {
        let child = Command::new(&self.program.path)
            .args(&self.program.options)
            .envs(self.program.zone.iter().map(|zone| ("ECS_AUDIT_TZ", zone)))
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut running = Running(Some(child));
        let Some(child) = &mut running.0 else { return Ok(Output::default()) };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ((data, cut), (notes, _)) = tokio::try_join!(head(stdout, most), head(stderr, MOST_NOTES))?;
        let status = child.wait().await?;
        // Findings (1) and unanswered checks (3) are answers, too.
        let answered = status.success() || !data.is_empty();
        Ok(Output { data, notes, answered, cut })
    }
}

/// A command; dropping it ends the command and waits for its end elsewhere, so that no zombie is left.
struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(mut child), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // An error means that it has ended already.
            let _ = child.start_kill();
            runtime.spawn(async move { child.wait().await });
        }
    }
}

/// The first `most` bytes of a pipe, and whether there are more. The pipe is closed then, which ends the command: for a
/// command, it is as if `head` had read enough.
async fn head(pipe: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<(String, bool)> {
    let Some(pipe) = pipe else { return Ok((String::new(), false)) };
    let mut bytes = Vec::new();
    pipe.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
    let cut = bytes.len() as u64 > most;
    if cut {
        bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok((text, cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn a_full_queue_refuses_questions() {
        let program = Program { path: PathBuf::from("ecs-audit"), options: Vec::new(), zone: None };
        let error = wait(Children::new((0, 0), program).run(Vec::new(), u64::MAX)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    }

    #[test]
    fn only_the_head_of_a_long_output_is_read() {
        for (most, expected) in [(0, ("", true)), (3, ("abc", true)), (6, ("abcdef", false)), (u64::MAX, ("abcdef", false))] {
            let (text, cut) = wait(head(Some(&b"abcdef"[..]), most)).unwrap();
            assert_eq!((text.as_str(), cut), expected, "{most}");
        }
    }
}
