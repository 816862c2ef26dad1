//! An executor: a server that runs tasks of plans.

use std::future::Future;
use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::prelude::SessionContext;
use datafusion_distributed::{ChannelResolver, DistributedExt, Worker, WorkerQueryContext};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::channel::Channels;
use super::codec::PlanCodec;
use crate::engine::functions::unregistered_functions;

/// What client and executors must have in common, because they exchange plans: the program and the engine.
pub fn version() -> String {
    format!("{} with DataFusion {}", env!("CARGO_PKG_VERSION"), datafusion::DATAFUSION_VERSION)
}

/// Serves tasks until `stopped` is ready, with the functions and the memory of a session.
///
/// # Errors
///
/// If the network fails.
pub async fn serve(
    listener: TcpListener,
    session: &SessionContext,
    stopped: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let runtime = session.runtime_env();
    let known = Arc::new(session.state());
    // Rows come from other executors, over connections that all tasks share.
    let channels: Arc<dyn ChannelResolver + Send + Sync> = Arc::new(Channels::default());
    let build = move |context: WorkerQueryContext| {
        let (known, channels) = (Arc::clone(&known), Arc::clone(&channels));
        async move {
            let builder = context.builder.with_distributed_channel_resolver(channels);
            task_session(WorkerQueryContext { builder, ..context }, &known)
        }
    };
    let worker = Worker::from_session_builder(build).with_runtime_env(runtime).with_version(version());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().add_service(worker.into_worker_server()).serve_with_incoming_shutdown(incoming, stopped).await
}

/// The session of a task: it needs the functions in expressions, and plans nothing.
pub(super) fn task_session(context: WorkerQueryContext, known: &SessionState) -> Result<SessionState, DataFusionError> {
    let mut session = context.builder.with_distributed_user_codec(PlanCodec).build();
    for function in known.scalar_functions().values() {
        session.register_udf(Arc::clone(function))?;
    }
    for function in unregistered_functions() {
        session.register_udf(Arc::new(function))?;
    }
    for function in known.aggregate_functions().values() {
        session.register_udaf(Arc::clone(function))?;
    }
    for function in known.window_functions().values() {
        session.register_udwf(Arc::clone(function))?;
    }
    Ok(session)
}
