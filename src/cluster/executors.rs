//! The executors that a client knows: which of them answer.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use datafusion::common::Result;
use datafusion_distributed::{ChannelResolver, GetWorkerInfoRequest, WorkerResolver};
use url::Url;

use super::channel::Channels;
use super::version;

/// How long an executor may take to answer whether it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The executors that answer.
#[derive(Debug)]
pub struct Executors(Mutex<Vec<Url>>);

/// Why an executor is not used, as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum NoExecutor {
    /// It does not answer.
    #[error("executor {0} does not answer: {1}")]
    Silent(Url, String),
    /// It runs another version of the program, whose plans may differ.
    #[error("executor {0} runs ecs-audit {1}; this is {current}", current = version())]
    OtherVersion(Url, String),
}

impl Executors {
    /// The executors with these addresses that answer, and why the others are not used.
    pub async fn find(addresses: &[Url]) -> (Executors, Vec<NoExecutor>) {
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for address in addresses {
            match check(address).await {
                Ok(()) => found.push(address.clone()),
                Err(reason) => others.push(reason),
            }
        }
        (Executors(Mutex::new(found)), others)
    }

    /// Those that have answered.
    pub fn addresses(&self) -> Vec<Url> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets those that do not answer any more, and returns why.
    pub async fn forget_lost(&self) -> Vec<NoExecutor> {
        let (found, lost) = Executors::find(&self.addresses()).await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found.addresses();
        lost
    }
}

impl fmt::Display for Executors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses().iter().map(ToString::to_string).collect();
        f.write_str(&addresses.join(", "))
    }
}

async fn check(address: &Url) -> Result<(), NoExecutor> {
    let silent = |reason: String| NoExecutor::Silent(address.clone(), reason);
    let ask = async {
        // A connection of its own: a known one may be broken.
        let mut channel = Channels::default().get_worker_client_for_url(address).await?;
        channel.get_worker_info(GetWorkerInfoRequest {}).await
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await.map_err(|_| silent(format!("no answer in {PATIENCE:?}")))?;
    let found = answer.map_err(|error| silent(error.find_root().to_string()))?.version;
    if found == version() { Ok(()) } else { Err(NoExecutor::OtherVersion(address.clone(), found)) }
}

/// The executors of a session, for the engine.
pub struct Resolver(pub std::sync::Arc<Executors>);

impl WorkerResolver for Resolver {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.addresses())
    }
}
