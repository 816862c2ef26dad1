//! `ecs-audit mcp`: serves the store to an assistant; every question runs as a separate command.

use super::args::{Global, Mcp};
use super::ask::Dataset;
use super::child::Children;
use super::per_store::PerStore;
use super::redact::redactor;
use super::stderr::{CliError, say};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::mcp::serve;
use crate::question::{Ask, Output};
use crate::redact::Redactor;
use crate::store::Store;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

/// Questions that run at the same time; the others wait. Each uses all cores and its own share of memory.
const AT_ONCE: usize = 2;

/// Questions that wait; further ones are refused. One assistant asks a few at a time.
const WAITING: usize = 1000;

/// Runs the command.
pub fn run(arguments: &Mcp, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    // A wrong folder is an error here, instead of an error of every question.
    Store::open(&global.store)?;
    let questions = Questions {
        children: Children::new((AT_ONCE, WAITING), context.memory / AT_ONCE, global, context)?,
        pseudonyms: (!arguments.no_redact)
            .then(|| Arc::new(Pseudonyms { context: context.clone(), known: PerStore::new(global.store.clone()) })),
    };
    if !global.quiet {
        say("serving on stdin and stdout; an assistant starts this command by itself (see docs/assistants.md)");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(questions))?;
    Ok(ExitCode::Ok)
}

/// Runs questions.
struct Questions {
    children: Children,
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
struct Pseudonyms {
    context: Context,
    known: PerStore<Redactor>,
}

impl Pseudonyms {
    fn current(&self) -> Result<Arc<Redactor>, CliError> {
        self.known.current(|store| redactor(&Dataset::of_store(store, &self.context)?, self.known.root(), true))
    }
}
