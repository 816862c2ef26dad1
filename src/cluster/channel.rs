//! Connections to executors that send plans in the [codec](super::codec) of this program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use axum::http::HeaderMap;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{
    ChannelResolver, CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest, GetWorkerInfoResponse, MaybeEncoded,
    SetPlanRequest, WorkerChannel, WorkerToCoordinatorMsg,
};
use futures::stream::BoxStream;
use tonic::transport::Channel;
use url::Url;

use super::codec::encoded;

/// How often a silent connection is probed, and how long the answer may take: an executor whose machine is lost closes no
/// connections.
const PROBED: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// How long a connection may take to open.
const OPENED: Duration = Duration::from_secs(5);

/// Connects to executors, once to each.
#[derive(Default)]
pub struct Channels(Mutex<HashMap<Url, Channel>>);

impl Channels {
    fn channel(&self, address: &Url) -> Result<Channel> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = known.get(address) {
            return Ok(channel.clone());
        }
        let endpoint = Channel::from_shared(address.to_string())
            .map_err(|error| {
                exec_datafusion_err!("executor {address}: {error}; an address such as http://127.0.0.1:50051 works")
            })?
            .connect_timeout(OPENED)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PROBED)
            .keep_alive_timeout(ANSWER)
            .keep_alive_while_idle(true);
        // It connects with the first request, and again if the connection is lost.
        let channel = endpoint.connect_lazy();
        known.insert(address.clone(), channel.clone());
        Ok(channel)
    }
}

#[async_trait]
impl ChannelResolver for Channels {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        Ok(Box::new(PlanChannel(create_worker_client(BoxCloneSyncChannel::new(self.channel(url)?)))))
    }
}

struct PlanChannel(Box<dyn WorkerChannel>);

#[async_trait]
impl WorkerChannel for PlanChannel {
    async fn coordinator_channel(
        &mut self,
        headers: HeaderMap,
        mut request: SetPlanRequest,
        messages: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<BoxStream<'static, Result<WorkerToCoordinatorMsg>>> {
        if let MaybeEncoded::Decoded(plan) = request.plan {
            request.plan = MaybeEncoded::Encoded(encoded(plan)?);
        }
        self.0.coordinator_channel(headers, request, messages, metrics, context).await
    }

    async fn execute_task(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        self.0.execute_task(headers, request, metrics, context).await
    }

    async fn get_worker_info(&mut self, request: GetWorkerInfoRequest) -> Result<GetWorkerInfoResponse> {
        self.0.get_worker_info(request).await
    }
}
