//! The report as a document of its own, for a frame of the page.
//!
//! A document in `srcdoc` has the policy of the page, under which the script of a report cannot run. So a report is kept for a
//! moment, and the frame fetches it with its own policy: only the script that sorts and filters tables runs, in an origin of its
//! own that reaches neither the page nor the server.
//!
//! A frame cannot send the token in a header, and the token must not be in an address that a document can read. So the answer to a
//! request with the token has a ticket: 128 random bits, for one document, once, and within a minute.

use crate::render::script_hash;
use axum::Extension;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The beginning of the addresses of documents; the ticket follows.
pub const PATH: &str = "/report/";

/// Documents that are kept at the same time; the oldest one makes room.
const MOST: usize = 4;
/// How long a document is kept. The page requests it immediately.
const KEPT: Duration = Duration::from_secs(60);

/// The only script of a report.
const SCRIPT: &str = include_str!("../report/script.js");

/// `sandbox` holds for the document wherever it is opened, so that not even its own script has the origin of the server.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'; sandbox allow-scripts",
        script_hash(SCRIPT)
    )
});

/// Documents that wait for their frame.
#[derive(Debug, Default)]
pub struct Documents {
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    /// Hashes are compared in constant time.
    ticket: blake3::Hash,
    until: Instant,
    html: String,
}

impl Documents {
    /// Keeps a document, and returns its address.
    ///
    /// # Errors
    ///
    /// If the system has no random bits.
    pub fn keep(&self, html: String) -> io::Result<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        let ticket: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut kept = self.current();
        while kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Kept { ticket: blake3::hash(ticket.as_bytes()), until: Instant::now() + KEPT, html });
        Ok(format!("{PATH}{ticket}"))
    }

    /// Whether a ticket is valid.
    pub fn has(&self, ticket: &str) -> bool {
        let ticket = blake3::hash(ticket.as_bytes());
        self.current().iter().any(|kept| kept.ticket == ticket)
    }

    /// The document of a ticket, which is invalid from then on.
    fn take(&self, ticket: &str) -> Option<String> {
        let ticket = blake3::hash(ticket.as_bytes());
        let mut kept = self.current();
        let at = kept.iter().position(|kept| kept.ticket == ticket)?;
        kept.remove(at).map(|kept| kept.html)
    }

    /// The documents whose time is not over.
    fn current(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        kept.retain(|kept| now < kept.until);
        kept
    }
}

/// `GET /report/TICKET`
pub async fn document(Extension(documents): Extension<Arc<Documents>>, Path(ticket): Path<String>) -> Response {
    // Two requests with one ticket can pass the gate at the same time.
    let Some(html) = documents.take(&ticket) else { return (StatusCode::NOT_FOUND, "shown already\n").into_response() };
    let mut response = html.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY.as_str()));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(documents: &Documents, html: &str) -> String {
        documents.keep(html.to_owned()).unwrap().strip_prefix(PATH).unwrap().to_owned()
    }

    #[test]
    fn a_ticket_is_for_one_document_once() {
        let documents = Documents::default();
        let (one, other) = (ticket(&documents, "one"), ticket(&documents, "other"));
        assert!(one.len() == 32 && one != other, "{one} {other}");
        assert!(documents.has(&one) && documents.has(&other) && !documents.has("") && !documents.has(&one[..31]));
        assert_eq!(documents.take(&one).as_deref(), Some("one"));
        assert!(!documents.has(&one) && documents.take(&one).is_none());
        assert_eq!(documents.take(&other).as_deref(), Some("other"));
    }

    #[test]
    fn documents_make_room_and_expire() {
        let documents = Documents::default();
        let tickets: Vec<String> = (0..=MOST).map(|nth| ticket(&documents, &nth.to_string())).collect();
        assert!(!documents.has(&tickets[0]), "the oldest one");
        assert!(tickets[1..].iter().all(|ticket| documents.has(ticket)));
        for kept in &mut *documents.kept.lock().unwrap() {
            kept.until = Instant::now();
        }
        assert!(tickets.iter().all(|ticket| !documents.has(ticket)));
    }

    #[test]
    fn only_the_script_of_reports_runs() {
        let policy = POLICY.as_str();
        assert!(policy.ends_with("sandbox allow-scripts") && !policy.contains("allow-same-origin"), "{policy}");
        assert_eq!(policy.matches("sha256-").count(), 1, "{policy}");
        assert!(!policy.contains("connect-src") && !policy.contains("unsafe-eval"), "{policy}");
    }
}
