//! `ecs-audit serve`: a page for the browser on this machine.
//!
//! ```text
//!   browser ─► request ─► gate     host, origin, token, size and time limits, headers
//!                           │
//!                        answers   request → the command line that a person would type; its output → JSON
//!                           │
//!                       questions  runs it as a process of its own, within limits; completes queries
//!                          page    one static document, which inserts answers as text
//!                          frame   the report, which has a script of its own, as a document of its own
//! ```
//!
//! Read-only: only commands that read a store can be called, and each runs as a process of its own. The token is in the
//! address of the page and in a header of every request, not in a cookie, because browsers send the cookies of a host to
//! all of its ports, and send them unasked. Invariant: nothing of the store is in a response to a request without the token, or without
//! a ticket for one document that was handed out for the token.

mod answers;
mod frame;
mod gate;
mod page;
mod questions;

pub use questions::{Questions, Words, random_token};

use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Extension, Router};
use frame::Documents;
use gate::Gate;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections at the same time; further ones wait to be accepted. Browsers open six.
const MOST_CONNECTIONS: usize = 256;
/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may last: each carries one request, which may wait for others.
const CONNECTION_TIME: Duration = Duration::from_secs(15 * 60);
/// The maximum size of the head of a request, in bytes.
const MOST_HEAD: usize = 64 << 10;
/// The pause after a connection could not be accepted, for example because no file descriptor is free.
const PAUSE: Duration = Duration::from_millis(100);

/// What a store covers.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// The folder.
    pub store: String,
    /// The time of the oldest event.
    pub first: Option<String>,
    /// The time of the newest event.
    pub last: Option<String>,
    /// The number of loads.
    pub loads: u64,
}

/// Serves a store until `stop` is ready; then all connections are closed, which ends the commands that they wait for.
///
/// # Errors
///
/// If the listener has no address.
pub async fn serve(
    listener: TcpListener,
    token: &str,
    questions: Arc<Questions>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let documents = Arc::new(Documents::default());
    let gate = Arc::new(Gate::new(listener.local_addr()?, token, Arc::clone(&documents)));
    let router = router(questions, gate, documents);
    let mut stop = pin!(stop);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut stop => return Ok(()),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

fn router(questions: Arc<Questions>, gate: Arc<Gate>, documents: Arc<Documents>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/api/store", get(answers::coverage))
        .route("/api/complete", get(answers::complete))
        .route("/api/query", post(answers::query))
        .route("/api/saved", get(answers::saved))
        .route("/api/fields", get(answers::fields))
        .route("/api/incidents", get(answers::incidents))
        .route("/api/explain", get(answers::explain))
        .route("/api/timeline", get(answers::timeline))
        .route("/api/record", get(answers::record))
        .route("/api/report", get(answers::report))
        .route("/report/{ticket}", get(frame::document))
        .layer(Extension(documents))
        .layer(from_fn_with_state(gate, gate::guard))
        .with_state(questions)
}

/// One connection with one request.
async fn connection(stream: TcpStream, router: Router) {
    let mut http = http1::Builder::new();
    // The response ends the connection. Before, hyper notices a client that hangs up only if keep-alive is on.
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MOST_HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // Both errors mean that the client has disconnected or is too slow.
    let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
}
