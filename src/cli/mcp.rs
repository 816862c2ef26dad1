//! `ecs-audit mcp`: serves the store to an assistant; every question runs as a command of its own.

use super::args::{Global, Mcp};
use super::ask::Tables;
use super::redact::redactor;
use super::say::{Failure, say};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::mcp::{Ask, Output, serve};
use crate::redact::Redactor;
use crate::store::{Manifest, Store};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Semaphore;

/// How long a question may take. Clients give up after one to five minutes.
const LONGEST: Duration = Duration::from_secs(120);

/// Questions that run at the same time; the others wait. Each uses all cores and its own share of memory.
const AT_ONCE: usize = 2;

/// Runs the command.
pub fn run(arguments: &Mcp, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    // A wrong folder is an error here, instead of an error of every question.
    Store::open(&global.store)?;
    let questions = Questions {
        program: std::env::current_exe()?,
        options: options(global, context),
        zone: global.tz.clone(),
        slots: Semaphore::new(AT_ONCE),
        pseudonyms: (!arguments.no_redact)
            .then(|| Arc::new(Pseudonyms { store: global.store.clone(), context: context.clone(), known: Mutex::default() })),
    };
    if !global.quiet {
        say("serving on stdin and stdout; an assistant starts this command by itself (see docs/assistants.md)");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(questions))?;
    Ok(ExitCode::Ok)
}

/// The global options of every question.
fn options(global: &Global, context: &Context) -> Vec<OsString> {
    let mut options: Vec<OsString> = vec!["--store".into(), global.store.clone().into()];
    let mut add = |name: &str, value: OsString| options.extend([name.into(), value]);
    add("--threads", context.threads.to_string().into());
    add("--memory", format!("{}MiB", ((context.memory / AT_ONCE) >> 20).max(32)).into());
    if let Some(file) = &global.config {
        add("--config", file.into());
    }
    for file in &global.rules {
        add("--rules", file.into());
    }
    if global.no_config {
        options.push("--no-config".into());
    }
    options
}

/// Runs questions.
struct Questions {
    program: PathBuf,
    options: Vec<OsString>,
    /// The time zone of questions that name none.
    zone: Option<String>,
    slots: Semaphore,
    pseudonyms: Option<Arc<Pseudonyms>>,
}

impl Ask for Questions {
    async fn ask(&self, command: Vec<String>) -> io::Result<Output> {
        let redactor = match &self.pseudonyms {
            None => None,
            Some(pseudonyms) => {
                let pseudonyms = Arc::clone(pseudonyms);
                let read = tokio::task::spawn_blocking(move || pseudonyms.current()).await.map_err(io::Error::other)?;
                Some(read.map_err(|failure| io::Error::other(failure.to_string()))?)
            }
        };
        // A question may name what an earlier answer called it.
        let reveal = |word: String| redactor.as_ref().map_or_else(|| word.clone(), |redactor| redactor.reveal(&word));
        let hide = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            redactor.as_ref().map_or_else(|| text.clone().into_owned(), |redactor| redactor.text(&text))
        };
        let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
        let running = Command::new(&self.program)
            .args(&self.options)
            .envs(self.zone.iter().map(|zone| ("ECS_AUDIT_TZ", zone)))
            .args(command.into_iter().map(reveal))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(LONGEST, running).await.map_err(|_| {
            io::Error::other(format!("no answer within {} s; ask about a shorter window, such as since 1d", LONGEST.as_secs()))
        })??;
        // Findings (1) and unanswered checks (3) are answers, too.
        let answered = output.status.success() || !output.stdout.is_empty();
        Ok(Output { data: hide(&output.stdout), notes: hide(&output.stderr), answered })
    }
}

/// The pseudonyms of the names in the store; read again when the store has changed.
struct Pseudonyms {
    store: PathBuf,
    context: Context,
    known: Mutex<Option<(Manifest, Arc<Redactor>)>>,
}

impl Pseudonyms {
    fn current(&self) -> Result<Arc<Redactor>, Failure> {
        let store = Store::open(&self.store)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((manifest, redactor)) = &*known
            && manifest == store.manifest()
        {
            return Ok(Arc::clone(redactor));
        }
        let redactor = Arc::new(redactor(&Tables::of_store(&store, &self.context)?, &self.store, true)?);
        *known = Some((store.manifest().clone(), Arc::clone(&redactor)));
        Ok(redactor)
    }
}
