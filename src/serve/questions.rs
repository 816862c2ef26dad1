//! Runs the questions of the page as commands, and completes queries with the values of the store.

use super::Coverage;
use crate::app::{AppError, Children, Dataset, Note, Output, PerStore};
use crate::context::Context;
use crate::lang::complete::{Completion, complete};
use crate::plan::PlanCatalog;
use crate::render::{describe_instant, visible};
use crate::store::{Store, StoreRoot};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The maximum size of an answer for the page, in bytes: more rows than anybody reads, and few enough for
/// a browser to hold.
const MOST_ROWS: u64 = 8 << 20;
/// The maximum size of a report.
const MOST_REPORT: u64 = 64 << 20;

/// Completions that are computed at the same time.
const COMPLETING: usize = 2;
/// How long to wait for the values of a column; without them, keywords and fields are offered.
const COMPLETION_TIME: Duration = Duration::from_secs(3);

/// 128 random bits, as hexadecimal digits.
pub fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Runs the questions of the page.
pub struct Questions {
    children: Children,
    completing: Arc<Semaphore>,
    words: Arc<Words>,
    /// Where temporary folders are created.
    temporary: PathBuf,
}

impl Questions {
    /// Questions that are run by `children` and completed with `words`; reports are written to folders below `temporary`.
    pub fn new(children: Children, words: Words, temporary: PathBuf) -> Questions {
        Questions { children, completing: Arc::new(Semaphore::new(COMPLETING)), words: Arc::new(words), temporary }
    }

    /// Runs a command line without the name of the program. Dropping the future ends the command.
    pub async fn ask(&self, command: Vec<String>) -> io::Result<Output> {
        self.children.run(command.into_iter().map(OsString::from).collect(), MOST_ROWS).await
    }

    /// Runs `report` with these options; the data of the output is the HTML page.
    pub async fn report(&self, window: Vec<String>) -> io::Result<Output> {
        let folder = Private::new(&self.temporary)?;
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

    /// What can follow at a byte of a query.
    pub async fn complete(&self, text: String, at: usize) -> io::Result<Completion> {
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

    /// What the store covers now.
    pub async fn coverage(&self) -> io::Result<Coverage> {
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
    fn new(parent: &Path) -> io::Result<Private> {
        let path = parent.join(format!("ecs-audit-{}", random_token()?));
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
pub struct Words {
    saved: BTreeMap<String, String>,
    context: Context,
    open: PerStore<Open>,
    /// Reports how the store was opened.
    report: fn(&Note),
}

/// The names and values of one version of the store.
struct Open {
    catalog: PlanCatalog,
    /// The catalog reads values with their runtime.
    _tables: Dataset,
}

impl Words {
    /// The words of a store and the saved queries with these texts; `report` gets the notes about opening the store.
    pub fn new(store: StoreRoot, saved: BTreeMap<String, String>, context: Context, report: fn(&Note)) -> Words {
        Words { saved, context, open: PerStore::new(store), report }
    }

    fn complete(&self, text: &str, at: usize) -> Result<Completion, AppError> {
        Ok(complete(text, at, &self.current()?.catalog))
    }

    fn current(&self) -> Result<Arc<Open>, AppError> {
        self.open.current(|store| {
            let tables = Dataset::of_store(store, &self.context)?;
            tables.notes.iter().for_each(self.report);
            Ok(Open { catalog: tables.catalog().with_saved(self.saved.clone()), _tables: tables })
        })
    }

    fn coverage(&self) -> Result<Coverage, AppError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (random_token().unwrap(), random_token().unwrap());
        assert!(one.len() == 32 && one != other && one.chars().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn a_private_folder_is_removed() {
        let folder = Private::new(&std::env::temp_dir()).unwrap();
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
