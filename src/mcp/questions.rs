//! Runs the questions of an assistant as commands.

use crate::app::{AppError, Children, Dataset, Note, Output, PerStore, redactor};
use crate::context::Context;
use crate::redact::Redactor;
use crate::store::StoreRoot;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

/// Runs questions.
pub struct Questions {
    children: Children,
    pseudonyms: Option<Arc<Pseudonyms>>,
}

impl Questions {
    /// Questions that are run by `children`; with pseudonyms, answers have them in place of names.
    pub fn new(children: Children, pseudonyms: Option<Pseudonyms>) -> Questions {
        Questions { children, pseudonyms: pseudonyms.map(Arc::new) }
    }

    /// Runs a command line without the name of the program. Dropping the future ends the command.
    ///
    /// # Errors
    ///
    /// If the command cannot be started, or takes too long ([`io::ErrorKind::TimedOut`]), or if too many others are waiting
    /// ([`io::ErrorKind::ResourceBusy`]).
    pub async fn ask(&self, command: Vec<String>) -> io::Result<Output> {
        let redactor = match &self.pseudonyms {
            None => None,
            Some(pseudonyms) => {
                let pseudonyms = Arc::clone(pseudonyms);
                let read = tokio::task::spawn_blocking(move || pseudonyms.current()).await.map_err(io::Error::other)?;
                Some(read.map_err(|failure| io::Error::other(failure.to_string()))?)
            }
        };
        let Some(redactor) = redactor else {
            return self.children.run(command.into_iter().map(OsString::from).collect(), u64::MAX).await;
        };
        // A question may use the pseudonyms of an earlier answer.
        let command = command.iter().map(|word| OsString::from(redactor.reveal(word))).collect();
        let output = self.children.run(command, u64::MAX).await?;
        Ok(Output { data: redactor.text(&output.data), notes: redactor.text(&output.notes), ..output })
    }
}

/// The pseudonyms of the names in the store.
pub struct Pseudonyms {
    context: Context,
    known: PerStore<Redactor>,
    /// Reports how the store was opened.
    report: fn(&Note),
}

impl Pseudonyms {
    /// The pseudonyms of a store; `report` gets the notes about opening it.
    pub fn new(store: StoreRoot, context: Context, report: fn(&Note)) -> Pseudonyms {
        Pseudonyms { context, known: PerStore::new(store), report }
    }

    fn current(&self) -> Result<Arc<Redactor>, AppError> {
        self.known.current(|store| {
            let tables = Dataset::of_store(store, &self.context)?;
            tables.notes.iter().for_each(self.report);
            redactor(&tables, self.known.root(), true)
        })
    }
}
