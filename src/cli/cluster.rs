//! `ecs-audit cluster executor`, and `--cluster` of queries.

use super::args::{Cluster, ClusterAction, ExecutorArgs, Global, OnCluster};
use super::serve::stop;
use super::stderr::say;
use crate::app::{AppError, Dataset};
use crate::cluster::{Executors, on_cluster, serve};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::run::RunError;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Runs the command.
pub fn run(arguments: &Cluster, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    match &arguments.action {
        ClusterAction::Executor(executor) => run_executor(executor, global, context),
    }
}

fn run_executor(arguments: &ExecutorArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let address = arguments.listen;
    if !address.ip().is_loopback() && !arguments.allow_remote {
        return Err(AppError::Sentence(format!(
            "--listen {address}: this address can be reached from other machines, and whoever reaches an executor can read \
             all files that its user can read\nexpected an address such as 127.0.0.1:{}, or --allow-remote on a network that \
             you trust",
            address.port()
        )));
    }
    let tables = Dataset::empty(context, None, None)?;
    let listener = tables
        .runtime
        .block_on(TcpListener::bind(address))
        .map_err(|error| AppError::Sentence(format!("--listen {address}: {error}\n`--listen 127.0.0.1:0` takes a free port")))?;
    let address = listener.local_addr()?;
    // The handler must exist before anybody can know the address.
    let stopped = tables.runtime.block_on(async { stop() })?;
    writeln!(io::stdout().lock(), "http://{address}")?;
    io::stdout().flush()?;
    if !global.quiet {
        say("runs tasks of queries until Ctrl-C; `ecs-audit query --cluster URL,… QUERY` uses it");
    }
    let served = tables.runtime.block_on(serve(listener, &tables.session, stopped));
    served.map_err(|error| AppError::Sentence(format!("executor {address}: {error}")))?;
    Ok(ExitCode::Ok)
}

/// The dataset, whose queries run on executors if any are named.
pub fn connect(arguments: &OnCluster, tables: Dataset, global: &Global) -> Result<Dataset, AppError> {
    if arguments.executors.is_empty() {
        return Ok(tables);
    }
    let (executors, others) = tables.runtime.block_on(Executors::find(&arguments.executors));
    if executors.addresses().is_empty() {
        let reasons: Vec<String> = others.iter().map(ToString::to_string).collect();
        let works = "`ecs-audit cluster executor --listen 127.0.0.1:50051` starts one";
        return Err(AppError::Sentence(format!("--cluster: {}\n{works}", reasons.join("; "))));
    }
    if !global.quiet {
        others.iter().for_each(|reason| say(&format!("note: {reason}; the query runs on {executors}")));
    }
    let session = on_cluster(&tables.session, &Arc::new(executors)).map_err(RunError::from)?;
    Ok(tables.with_session(session))
}
