//! `ecs-audit mcp`: serves the store to an assistant; every question runs as a separate command.

use super::args::{Global, Mcp};
use super::program::program;
use super::stderr::{say, say_note};
use crate::app::{AppError, Children};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::mcp::{Pseudonyms, Questions, serve};
use crate::store::Store;

/// Questions that run at the same time; the others wait. Each uses all cores and its own share of memory.
const AT_ONCE: usize = 2;

/// Questions that wait; further ones are refused. One assistant asks a few at a time.
const WAITING: usize = 1000;

/// Runs the command.
pub fn run(arguments: &Mcp, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    // A wrong folder is an error here, instead of an error of every question.
    Store::open(&global.store)?;
    let children = Children::new((AT_ONCE, WAITING), program(context.memory / AT_ONCE, global, context)?);
    let pseudonyms = (!arguments.no_redact).then(|| Pseudonyms::new(global.store.clone(), context.clone(), say_note));
    let questions = Questions::new(children, pseudonyms);
    if !global.quiet {
        say("serving on stdin and stdout; an assistant starts this command by itself (see docs/assistants.md)");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(questions))?;
    Ok(ExitCode::Ok)
}
