//! `ecs-audit serve`: serves the store to a browser on this machine; every question runs as a separate command.

use super::args::{Global, Serve};
use super::ask::Dataset;
use super::child::Children;
use super::per_store::PerStore;
use super::query::{catalog, saved_texts};
use super::stderr::{CliError, say};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::lang::complete::{Completion, complete};
use crate::plan::PlanCatalog;
use crate::question::{Ask, Output};
use crate::render::{describe_instant, visible};
use crate::serve::{Coverage, Served, serve};
use crate::store::Store;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Questions that run at the same time, on a machine with as many cores. Each gets all cores and its own share of memory, so
/// that more of them would make each answer slower and smaller.
const AT_ONCE: usize = 4;
/// Questions that wait; further ones are refused.
const WAITING: usize = 100;

/// The maximum size of an answer for the page, in bytes: more rows than anybody reads, and few enough for
/// a browser to hold.
const MOST_ROWS: u64 = 8 << 20;
/// The maximum size of a report.
const MOST_REPORT: u64 = 64 << 20;

/// Completions that are computed at the same time.
const COMPLETING: usize = 2;
/// How long to wait for the values of a column; without them, keywords and fields are offered.
const COMPLETION_TIME: Duration = Duration::from_secs(3);

/// Runs the command.
pub fn run(arguments: &Serve, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    // A wrong folder is an error here, instead of an error of every question.
    Store::open(&global.store)?;
    let address = arguments.listen;
    if !address.ip().is_loopback() && !arguments.allow_remote {
        return Err(CliError::Sentence(format!(
            "--listen {address}: this address can be reached from other machines, and the connection is not encrypted: \
             whoever reads the token can read the store\nexpected an address such as 127.0.0.1:{}, or --allow-remote \
             on a network that you trust; `ssh -L` reaches a loopback address from elsewhere",
            address.port()
        )));
    }
    let at_once = context.threads.clamp(1, AT_ONCE);
    // Completion takes one more share.
    let memory = context.memory / (at_once + 1);
    let questions = Arc::new(Questions {
        children: Children::new((at_once, WAITING), memory, global, context)?,
        completing: Arc::new(Semaphore::new(COMPLETING)),
        words: Arc::new(Words {
            saved: saved_texts(&[], global)?,
            context: Context { memory, progress: false, ..context.clone() },
            open: PerStore::new(global.store.clone()),
        }),
    });
    let token = token()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime
        .block_on(TcpListener::bind(address))
        .map_err(|error| CliError::Sentence(format!("--listen {address}: {error}\n`--listen 127.0.0.1:0` takes a free port")))?;
    let address = listener.local_addr()?;
    // The handler must exist before anybody can know the address.
    let stop = runtime.block_on(async { stop() })?;
    writeln!(io::stdout().lock(), "http://{address}/?token={token}")?;
    io::stdout().flush()?;
    if !global.quiet {
        say("open this address in a browser; whoever has it can read the store until Ctrl-C ends the server");
    }
    runtime.block_on(serve(listener, &token, Arc::clone(&questions), stop))?;
    // Completions that are still being computed must not delay the exit, and the last owner of an open store must not be one
    // of their threads, which cannot end the runtime of the store.
    std::mem::forget(questions);
    runtime.shutdown_background();
    Ok(ExitCode::Ok)
}

/// 128 random bits, as hexadecimal digits.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Ready after Ctrl-C or a request to terminate.
#[cfg(unix)]
pub(super) fn stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready after Ctrl-C.
#[cfg(not(unix))]
pub(super) fn stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler, Ctrl-C ends the program anyway.
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Runs questions.
struct Questions {
    children: Children,
    completing: Arc<Semaphore>,
    words: Arc<Words>,
}

impl Ask for Questions {
    async fn ask(&self, command: Vec<String>) -> io::Result<Output> {
        self.children.run(command.into_iter().map(OsString::from).collect(), MOST_ROWS).await
    }
}

impl Served for Questions {
    async fn report(&self, window: Vec<String>) -> io::Result<Output> {
        let folder = Private::new()?;
        let out = folder.path.join("report");
        // The page has the window and the numbers; the folder with its files is removed before a person could look.
        let mut command: Vec<OsString> = vec!["report".into(), "--quiet".into(), "--out".into(), out.clone().into()];
        command.extend(window.into_iter().map(OsString::from));
        let output = self.children.run(command, MOST_ROWS).await?;
        if !output.answered {
            return Ok(output);
        }
        let read = tokio::task::spawn_blocking(move || {
            let read = read_page(&out.join("report.html"));
            drop(folder);
            read
        });
        Ok(Output { data: read.await.map_err(io::Error::other)??, ..output })
    }

    async fn complete(&self, text: String, at: usize) -> io::Result<Completion> {
        let plain = complete(&text, at, &PlanCatalog::default().with_saved(self.words.saved.clone()));
        let Ok(permit) = Arc::clone(&self.completing).try_acquire_owned() else { return Ok(plain) };
        let words = Arc::clone(&self.words);
        let found = tokio::task::spawn_blocking(move || {
            let found = words.complete(&text, at);
            drop(permit);
            found
        });
        match tokio::time::timeout(COMPLETION_TIME, found).await {
            Err(_) => Ok(plain),
            Ok(found) => found.map_err(io::Error::other)?.map_err(|failure| io::Error::other(failure.to_string())),
        }
    }

    async fn coverage(&self) -> io::Result<Coverage> {
        let words = Arc::clone(&self.words);
        let found = tokio::task::spawn_blocking(move || words.coverage()).await.map_err(io::Error::other)?;
        found.map_err(|failure| io::Error::other(failure.to_string()))
    }
}

/// The page of a report.
fn read_page(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MOST_REPORT {
        return Err(io::Error::other("the report is too large for a page; `ecs-audit report --out DIR` writes it to a folder"));
    }
    fs::read_to_string(path)
}

/// A folder that only this user can open, and that is removed in the end.
struct Private {
    path: PathBuf,
}

impl Private {
    fn new() -> io::Result<Private> {
        let path = std::env::temp_dir().join(format!("ecs-audit-{}", token()?));
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            fs::DirBuilder::new().mode(0o700).create(&path)?;
        }
        #[cfg(not(unix))]
        fs::create_dir(&path)?;
        Ok(Private { path })
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // A command that was killed a moment ago may still write; the system clears its temporary folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Completes with the values of the store.
struct Words {
    saved: BTreeMap<String, String>,
    context: Context,
    open: PerStore<Open>,
}

/// The names and values of one version of the store.
struct Open {
    catalog: PlanCatalog,
    /// The catalog reads values with their runtime.
    _tables: Dataset,
}

impl Words {
    fn complete(&self, text: &str, at: usize) -> Result<Completion, CliError> {
        Ok(complete(text, at, &self.current()?.catalog))
    }

    fn current(&self) -> Result<Arc<Open>, CliError> {
        self.open.current(|store| {
            let tables = Dataset::of_store(store, &self.context)?;
            Ok(Open { catalog: catalog(&tables).with_saved(self.saved.clone()), _tables: tables })
        })
    }

    fn coverage(&self) -> Result<Coverage, CliError> {
        let store = Store::open(self.open.root())?;
        let manifest = store.manifest();
        let time = |micros: Option<i64>| {
            let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
            time.map(|time| describe_instant(time, &self.context.tz))
        };
        Ok(Coverage {
            store: visible(&self.open.root().display().to_string()).into_owned(),
            first: time(manifest.first_event),
            last: time(manifest.last_event),
            loads: manifest.loads,
        })
    }
}

/// The address of `--listen`: `127.0.0.1:8417`, `localhost:8417` or `8417`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.parse::<u16>().is_ok() => format!("127.0.0.1:{text}"),
        None => text.to_owned(),
    };
    full.parse().map_err(|_| "expected an address and a port such as 127.0.0.1:8417, or a port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for text in ["127.0.0.1:8417", "localhost:8417", "8417"] {
            assert_eq!(address(text).unwrap().to_string(), "127.0.0.1:8417", "{text}");
        }
        assert!(address("[::1]:0").unwrap().ip().is_loopback());
        for wrong in ["", "localhost", "example.com:80", "70000", "127.0.0.1"] {
            assert!(address(wrong).unwrap_err().contains("such as 127.0.0.1:8417"), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert!(one.len() == 32 && one != other && one.chars().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn a_private_folder_is_removed() {
        let folder = Private::new().unwrap();
        let path = folder.path.clone();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        }
        fs::write(path.join("x"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
