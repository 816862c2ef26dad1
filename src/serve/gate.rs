//! Which requests are answered at all.
//!
//! Any page that a browser shows can send requests to this machine, and a host name of an attacker can resolve to it. So a
//! request must name this server by its address, must not come from another origin, and must have the token or a ticket that
//! was handed out for it. Everything else is refused before it is read.

use super::frame::{Documents, PATH};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The maximum size of the body of a request, in bytes.
const MOST_BODY: usize = 64 << 10;
/// How long a client may take to send the body.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The header with the token.
const TOKEN: &str = "x-token";

/// The header in which a browser says where a request comes from.
const FETCH_SITE: &str = "sec-fetch-site";

/// The headers of every response.
const HEADERS: [(&str, &str); 6] = [
    ("connection", "close"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
/// The policy of a response that has no other: it can load and run nothing, and no page can frame it.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// The same for browsers without `frame-ancestors`.
const FRAMED_BY: &str = "DENY";

/// A link of a report to one of its files has no ticket, either.
const NO_TICKET: &str = "this page is shown once, and a report in the browser has no other files; open the report again, or write the \
                         whole report to a folder with `ecs-audit report --out DIR`\n";

/// Why a request is refused.
type Refusal = (StatusCode, &'static str);

/// Knows the address and the token of the server, and the tickets that it handed out.
pub struct Gate {
    address: SocketAddr,
    /// Hashes are compared in constant time.
    token: blake3::Hash,
    documents: Arc<Documents>,
}

impl Gate {
    /// The gate of a server.
    pub fn new(address: SocketAddr, token: &str, documents: Arc<Documents>) -> Gate {
        Gate { address, token: blake3::hash(token.as_bytes()), documents }
    }

    fn admit(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        let refuse = |why| Err((StatusCode::FORBIDDEN, why));
        let Some(host) = only(headers, "host").filter(|host| self.is_this(host)) else {
            return refuse(
                "the Host header is not the address of this server; open the address that `ecs-audit serve` printed\n",
            );
        };
        if headers.contains_key("origin") && only(headers, "origin").and_then(authority) != Some(host) {
            return refuse("the request comes from another origin\n");
        }
        if headers.contains_key(FETCH_SITE) && !matches!(only(headers, FETCH_SITE), Some("same-origin" | "none")) {
            return refuse("the request comes from another site; enter the address in the browser instead of following a link\n");
        }
        let uri = request.uri();
        if let Some(ticket) = uri.path().strip_prefix(PATH) {
            return if self.documents.has(ticket) { Ok(()) } else { refuse(NO_TICKET) };
        }
        // The page itself holds nothing of the store; its scripts send the token in a header.
        let token = if uri.path() == "/" { uri.query().and_then(token_of) } else { only(headers, TOKEN) };
        match token {
            Some(token) if blake3::hash(token.as_bytes()) == self.token => Ok(()),
            Some(_) => refuse("wrong token; open the address that `ecs-audit serve` printed last\n"),
            None => refuse("no token; open the address that `ecs-audit serve` printed\n"),
        }
    }

    /// Whether a host is this server, by its address or as `localhost`. A name of an attacker can resolve to this machine,
    /// but an address cannot.
    fn is_this(&self, host: &str) -> bool {
        let (ip, port) = (self.address.ip(), self.address.port());
        let local = ip.is_loopback() || ip.is_unspecified();
        if let Some((name, text)) = host.rsplit_once(':')
            && name.eq_ignore_ascii_case("localhost")
        {
            return local && text.parse::<u16>().is_ok_and(|named| named == port);
        }
        let socket = host.parse::<SocketAddr>().or_else(|_| format!("{host}:80").parse());
        socket.is_ok_and(|named| named.port() == port && (named.ip() == ip || ip.is_unspecified()))
    }
}

/// The value of a header that occurs once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The host of an origin.
fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://")
}

/// The token in the query of an address; it needs no escapes.
fn token_of(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Refuses requests, and adds headers to all responses.
pub async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let admitted = gate.admit(&request);
    let whole = match admitted {
        Ok(()) => whole(request).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = match whole {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static(FRAMED_BY));
    response
}

/// The request with its whole body, so that no question waits for a slow client.
async fn whole(request: Request) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIME, to_bytes(body, MOST_BODY)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_)) => Err((StatusCode::PAYLOAD_TOO_LARGE, "the question is longer than 64 KiB, or incomplete\n")),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the question did not arrive within 10 s\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(address: &str) -> Gate {
        Gate::new(address.parse().unwrap(), "secret", Arc::default())
    }

    fn admitted(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = axum::http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate("127.0.0.1:8417").admit(&request.body(Body::empty()).unwrap()).is_ok()
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8417");

    #[test]
    fn a_request_needs_the_token() {
        assert!(admitted("/?token=secret", &[HOST]));
        assert!(admitted("/api/store", &[HOST, ("x-token", "secret")]));
        assert!(!admitted("/", &[HOST]));
        assert!(!admitted("/?token=secre", &[HOST]));
        assert!(!admitted("/?token=secret2", &[HOST]));
        assert!(!admitted("/", &[HOST, ("x-token", "secret")]));
        assert!(!admitted("/api/store?token=secret", &[HOST]));
        assert!(!admitted("/api/store", &[HOST, ("x-token", "secret"), ("x-token", "secret")]));
        assert!(!admitted("/api/store", &[HOST, ("cookie", "x-token=secret")]));
    }

    #[test]
    fn a_document_needs_its_ticket() {
        let gate = gate("127.0.0.1:8417");
        let address = gate.documents.keep("<p>".to_owned()).unwrap();
        let admits = |address: &str, more: Option<(&str, &str)>| {
            let mut request = axum::http::Request::builder().uri(address).header("host", "127.0.0.1:8417");
            if let Some((name, value)) = more {
                request = request.header(name, value);
            }
            gate.admit(&request.body(Body::empty()).unwrap()).is_ok()
        };
        assert!(admits(&address, None) && admits(&address, Some(("sec-fetch-site", "same-origin"))));
        assert!(!admits(&address, Some(("sec-fetch-site", "cross-site"))) && !admits(&address, Some(("origin", "null"))));
        assert!(!admits(&format!("{address}0"), None) && !admits(&format!("{address}/evidence.csv"), None));
        // The token is not a ticket, and a ticket is not the token.
        assert!(!admits("/report/secret", None) && !admits("/report/x?token=secret", Some(("x-token", "secret"))));
        assert!(!admits("/api/store", Some(("x-token", address.trim_start_matches(PATH)))));
    }

    #[test]
    fn a_request_of_another_page_is_refused() {
        let with = |header| admitted("/api/store", &[HOST, ("x-token", "secret"), header]);
        assert!(with(("origin", "http://127.0.0.1:8417")));
        assert!(with(("sec-fetch-site", "same-origin")));
        assert!(with(("sec-fetch-site", "none")));
        for origin in
            ["null", "http://localhost:8417", "https://127.0.0.1:8417", "http://127.0.0.1:8418", "http://example.com", ""]
        {
            assert!(!with(("origin", origin)), "{origin}");
        }
        assert!(!with(("sec-fetch-site", "cross-site")) && !with(("sec-fetch-site", "same-site")));
    }

    #[test]
    fn only_addresses_name_the_server() {
        let local = gate("127.0.0.1:8417");
        assert!(local.is_this("127.0.0.1:8417") && local.is_this("localhost:8417") && local.is_this("LocalHost:8417"));
        for host in
            ["127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.2:8417", "evil.example:8417", "localhost.evil:8417", "", ":8417"]
        {
            assert!(!local.is_this(host), "{host}");
        }
        assert!(gate("[::1]:8417").is_this("[::1]:8417"));
        assert!(gate("127.0.0.1:80").is_this("127.0.0.1"));
        let everywhere = gate("0.0.0.0:8417");
        assert!(everywhere.is_this("10.0.0.7:8417") && everywhere.is_this("localhost:8417"));
        assert!(!everywhere.is_this("build-host:8417"));
        assert!(!gate("10.0.0.7:8417").is_this("localhost:8417"));
    }
}
