//! `ecs-audit serve`: serves the store to a browser on this machine; every question runs as a separate command.

use super::args::{Global, Serve};
use super::program::program;
use super::settings::saved_texts;
use super::stderr::{say, say_note};
use crate::app::{AppError, Children};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::serve::{Questions, Words, random_token, serve};
use crate::store::Store;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Questions that run at the same time, on a machine with as many cores. Each gets all cores and its own share of memory, so
/// that more of them would make each answer slower and smaller.
const AT_ONCE: usize = 4;
/// Questions that wait; further ones are refused.
const WAITING: usize = 100;

/// Runs the command.
pub fn run(arguments: &Serve, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    // A wrong folder is an error here, instead of an error of every question.
    Store::open(&global.store)?;
    let address = arguments.listen;
    if !address.ip().is_loopback() && !arguments.allow_remote {
        return Err(AppError::Sentence(format!(
            "--listen {address}: this address can be reached from other machines, and the connection is not encrypted: \
             whoever reads the token can read the store\nexpected an address such as 127.0.0.1:{}, or --allow-remote \
             on a network that you trust; `ssh -L` reaches a loopback address from elsewhere",
            address.port()
        )));
    }
    let at_once = context.threads.clamp(1, AT_ONCE);
    // Completion takes one more share.
    let memory = context.memory / (at_once + 1);
    let children = Children::new((at_once, WAITING), program(memory, global, context)?);
    let words = Words::new(
        global.store.clone(),
        saved_texts(&[], global)?,
        Context { memory, progress: false, ..context.clone() },
        say_note,
    );
    let questions = Arc::new(Questions::new(children, words, std::env::temp_dir()));
    let token = random_token()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime
        .block_on(TcpListener::bind(address))
        .map_err(|error| AppError::Sentence(format!("--listen {address}: {error}\n`--listen 127.0.0.1:0` takes a free port")))?;
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
