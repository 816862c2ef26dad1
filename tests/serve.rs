//! `serve`: who is answered, that answers are those of the command line, and what a hostile record, a slow client, many
//! clients and a load at the same time can do.

use crate::support::{TestEnv, project};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static DESK: LazyLock<TestEnv> = LazyLock::new(|| {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
});

/// A failure of the samples.
const FAILURE: &str = "d25e49b0-637f-469f-8e82-413fa77b3188";

/// A running server, which ends with the test.
struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    host: String,
    token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

impl Server {
    fn start(env: &TestEnv, options: &[&str]) -> Server {
        let mut command = env.command();
        command.arg("serve").args(options).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (host, token) = line.trim_end().strip_prefix("http://").and_then(|rest| rest.split_once("/?token=")).unwrap();
        assert!(token.len() == 32 && host.starts_with("127.0.0.1:"), "{line}");
        Server { child, host: host.to_owned(), token: token.to_owned() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
        stream
    }

    /// Sends a request as it is.
    fn send(&self, request: &str) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        reply(&mut stream)
    }

    /// A request with these headers, besides the address of the server.
    fn with(&self, request: &str, headers: &[(&str, &str)]) -> Reply {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.send(&format!("{request} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.host))
    }

    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Reply {
        let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.with(&format!("GET {path}?{}", parameters.join("&")), &[("X-Token", &self.token)])
    }

    fn post_request(&self, body: &Value) -> String {
        let body = body.to_string();
        format!(
            "POST /api/query HTTP/1.1\r\nHost: {}\r\nX-Token: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        )
    }

    fn post(&self, body: &Value) -> Reply {
        self.send(&self.post_request(body))
    }

    fn ask(&self, query: &str) -> Reply {
        self.post(&json!({ "query": query }))
    }
}

/// Reads until the server closes the connection.
fn reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {text:?}"));
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// A value in the query of an address.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

#[test]
fn the_page_needs_the_token_and_nothing_else() {
    let server = Server::start(&DESK, &[]);
    let page = server.with(&format!("GET /?token={}", server.token), &[]);
    assert!(page.status == 200 && page.body.contains("<title>ecs-audit</title>"), "{page:?}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'sha256-",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert_eq!(page.head.matches("sha256-").count(), 1, "only the script of the page: {}", page.head);
    assert!(!page.head.contains("set-cookie") && !page.body.contains(&server.token), "the token is only in the address");
    let covered = server.get("/api/store", &[]).ok();
    assert_eq!(covered["last"], "2026-03-08T03:20:11Z");
    assert_eq!(covered["loads"], 1);
}

#[test]
fn requests_of_others_are_refused() {
    let server = Server::start(&DESK, &[]);
    let token = ("X-Token", server.token.as_str());
    let wrong = "0".repeat(32);
    let (wrong_page, longer_page) = (format!("GET /?token={wrong}"), format!("GET /?token={}0", server.token));
    let (page, in_address) = (format!("GET /?token={}", server.token), format!("GET /api/store?token={}", server.token));
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("GET /", &[]),
        (&wrong_page, &[]),
        (&longer_page, &[]),
        ("GET /api/store", &[]),
        (&in_address, &[]),
        ("GET /api/store", &[("X-Token", &wrong)]),
        ("GET /no/such/path", &[]),
        ("GET /api/store", &[token, ("Origin", "http://example.com")]),
        ("GET /api/store", &[token, ("Origin", "null")]),
        ("GET /api/store", &[token, ("Sec-Fetch-Site", "cross-site")]),
        (&page, &[("Sec-Fetch-Site", "cross-site")]),
        ("OPTIONS /api/query", &[("Origin", "http://example.com"), ("Access-Control-Request-Headers", "x-token")]),
    ];
    for (request, headers) in cases {
        let refused = server.with(request, headers);
        assert_eq!(refused.status, 403, "{request} {headers:?}: {refused:?}");
        assert!(!refused.head.contains("access-control-allow") && !refused.body.contains("2026-03-08"), "{refused:?}");
    }
    // A name that an attacker lets resolve to this machine.
    let rebound = server.host.replace("127.0.0.1", "evil.example");
    for host in ["evil.example", rebound.as_str(), "127.0.0.1:1"] {
        let refused = server.send(&format!("GET /?token={} HTTP/1.1\r\nHost: {host}\r\n\r\n", server.token));
        assert_eq!(refused.status, 403, "{host}");
    }
    let own = format!("http://{}", server.host);
    assert_eq!(server.with("GET /api/store", &[token, ("Origin", &own), ("Sec-Fetch-Site", "same-origin")]).status, 200);
    assert_eq!(server.with("DELETE /api/store", &[token]).status, 405);
    assert_eq!(server.with("GET /api/query", &[token]).status, 405);
    assert_eq!(server.with("GET /no/such/path", &[token]).status, 404);
    // A form of another page cannot send JSON.
    let form = "query=failures";
    let sent = server.send(&format!(
        "POST /api/query HTTP/1.1\r\nHost: {}\r\nX-Token: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{form}",
        server.host,
        server.token,
        form.len()
    ));
    assert_eq!(sent.status, 415, "{sent:?}");
}

#[test]
fn other_machines_are_refused_unless_they_are_allowed() {
    let ran = DESK.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains("--allow-remote"), "{ran:?}");
    let ran = TestEnv::new().run(&["serve"]);
    assert!(ran.code == 2 && ran.err.contains("there is no store"), "{ran:?}");
    let ran = DESK.run(&["serve", "--listen", "example.com"]);
    assert!(ran.code == 2 && ran.err.contains("such as 127.0.0.1:8417"), "{ran:?}");
}

#[test]
fn answers_and_errors_are_those_of_the_command_line() {
    let server = Server::start(&DESK, &[]);
    for query in ["failures by reason since 7d", "@lost", "calls where user = nobody since 1d", "failures every 1d since 7d"] {
        let ran = DESK.run(&["query", "--format", "json", "--evidence", "--", query]).ok();
        let reply = server.ask(query);
        assert!(reply.body.contains(&format!("{{\"answer\":{},\"notes\":", ran.out.trim_end())), "{query}: {reply:?}");
        let answer = reply.ok();
        assert_eq!(answer["notes"], ran.err, "{query}");
        assert_eq!(answer["cut"], false);
    }
    let ran = DESK.run(&["query", "--chart", "--", "failures by weekday(time), hour(time) since 7d"]).ok();
    let chart = server.post(&json!({ "query": "failures by weekday(time), hour(time) since 7d", "format": "chart" })).ok();
    assert_eq!(chart["text"], ran.out);
    // The samples end long before now.
    for now in [false, true] {
        let asked = server.post(&json!({ "query": "failures since 7d show count", "now": now }));
        let incidents = server.get("/api/incidents", &[("window", "since 7d"), ("now", &now.to_string())]);
        let report = server.get("/api/report", &[("window", "since 7d"), ("now", &now.to_string())]);
        for reply in [asked, incidents, report] {
            assert_eq!(reply.status, if now { 422 } else { 200 }, "{reply:?}");
            assert_eq!(reply.body.contains("no data in this window"), now, "{reply:?}");
        }
    }
    let set = server.post(&json!({ "query": "@lost", "set": { "since": "1d" }, "format": "csv" })).ok();
    assert_eq!(set["text"], DESK.run(&["query", "@lost", "--set", "since=1d", "--format", "csv"]).ok().out);

    for query in ["failures where reson = AGENT", "failures by", "failurs", "@lots", "", "-"] {
        let ran = DESK.run(&["query", "--format", "json", "--evidence", "--", query]);
        let reply = server.ask(query);
        assert_eq!((reply.status, ran.code), (422, 2), "{query}: {reply:?}");
        assert_eq!(reply.json()["error"], ran.err, "{query}");
    }
    let error = server.ask("failures where reson = AGENT").json();
    let error = error["error"].as_str().unwrap();
    assert!(error.contains("\n  | failures where reson = AGENT\n  | ") && error.contains("^^^^^ "), "{error}");
    assert!(error.contains("`reason`"), "{error}");
}

#[test]
fn text_of_a_request_is_never_an_option() {
    let server = Server::start(&DESK, &[]);
    let out = DESK.path("stolen.csv");
    let option = format!("--out={}", out.display());
    assert_eq!(server.ask(&option).status, 422);
    assert_eq!(server.post(&json!({ "query": "@lost", "set": { "since": option } })).status, 422);
    assert_eq!(server.post(&json!({ "query": "calls", "set": { "x --out": "x" } })).status, 400);
    for path in ["/api/explain", "/api/timeline", "/api/record"] {
        assert_eq!(server.get(path, &[("id", &option)]).status, 422, "{path}");
        assert_eq!(server.get(path, &[("id", "a\0b")]).status, 400, "{path}");
        assert_eq!(server.get(path, &[]).status, 400, "{path}");
    }
    assert_eq!(server.get("/api/fields", &[("noun", &option)]).status, 422);
    assert_eq!(server.get("/api/incidents", &[("window", &option)]).status, 422);
    assert_eq!(server.get("/api/report", &[("window", &option)]).status, 400);
    assert_eq!(server.get("/api/report", &[("window", &format!("since {option}"))]).status, 422);
    assert!(!out.exists());
    let unknown = server.post(&json!({ "query": "calls", "out": "x" }));
    assert!((400..500).contains(&unknown.status), "{unknown:?}");
}

#[test]
fn words_and_values_complete() {
    let server = Server::start(&DESK, &[]);
    let complete = |text: &str| {
        let found = server.get("/api/complete", &[("text", text)]).ok();
        let texts = found["candidates"].as_array().unwrap().iter().map(|found| found["text"].as_str().unwrap().to_owned());
        (found["start"].as_u64().unwrap(), texts.collect::<Vec<_>>())
    };
    let (start, nouns) = complete("fail");
    assert!(start == 0 && nouns == ["failures"], "{nouns:?}");
    let (start, fields) = complete("failures by rea");
    assert!(start == 12 && fields.contains(&"reason".to_owned()), "{fields:?}");
    let (_, values) = complete("failures where reason = AG");
    assert!(values.iter().any(|value| value.contains("AGENT")), "{values:?}");
    // Positions are counted as browsers count them, and what follows does not matter.
    let text = "failures where message = '👩' and reas since 7d";
    let at = "failures where message = '👩' and reas".encode_utf16().count();
    let found = server.get("/api/complete", &[("text", text), ("at", &at.to_string())]).ok();
    assert_eq!(found["start"], at - 4);
    assert!(found["candidates"].to_string().contains("\"reason\""), "{found}");
    complete(&"\u{0}'\"`(".repeat(50));
}

#[test]
fn a_row_leads_to_its_explanation_timeline_and_record() {
    let server = Server::start(&DESK, &[]);
    for (path, key, command) in [
        ("/api/explain", "html", &["explain", "--format", "html", "--", FAILURE][..]),
        ("/api/timeline", "html", &["timeline", "--format", "html", "--", FAILURE]),
        ("/api/record", "text", &["show", "--", FAILURE]),
    ] {
        let ran = DESK.run(command).ok();
        let answer = server.get(path, &[("id", FAILURE)]).ok();
        assert_eq!(answer[key], ran.out, "{path}");
        assert_eq!(answer["notes"], ran.err, "{path}");
    }
    let missing = server.get("/api/record", &[("id", "no-such-id")]);
    assert!(missing.status == 422 && missing.json()["error"].as_str().unwrap().contains("no record has the id"), "{missing:?}");

    let found = server.get("/api/incidents", &[("window", "since 7d")]).ok();
    let incidents = found["answer"]["rows"].as_array().unwrap();
    assert!(incidents.len() >= 10, "{found}");
    let id = incidents[0]["id"].as_str().unwrap();
    assert!(server.get("/api/explain", &[("id", id)]).ok()["html"].as_str().unwrap().starts_with("<!DOCTYPE html>"));
    let wrong = server.get("/api/incidents", &[("window", "since yesteryear")]);
    assert!(wrong.status == 422 && wrong.json()["error"].as_str().unwrap().contains("yesteryear"), "{wrong:?}");

    let saved = server.get("/api/saved", &[]).ok();
    assert!(saved["answer"]["rows"].as_array().unwrap().iter().any(|query| query["name"] == "lost"), "{saved}");
    let nouns = server.get("/api/fields", &[]).ok();
    assert!(nouns["answer"]["rows"].as_array().unwrap().iter().any(|row| row["noun"] == "failures"), "{nouns}");
    let fields = server.get("/api/fields", &[("noun", "failures")]).ok();
    assert!(fields["answer"]["rows"].as_array().unwrap().iter().any(|row| row["field"] == "reason"), "{fields}");
}

#[test]
fn the_report_is_that_of_the_command_line() {
    let server = Server::start(&DESK, &[]);
    let window = [("window", "between 2026-03-04 and 2026-03-05")];
    let report = server.get("/api/report", &window).ok();
    assert_eq!(report["notes"], "", "the page says everything, and its folder no longer exists");
    DESK.run(&["report", "--between", "2026-03-04", "2026-03-05", "--out", "served", "--quiet"]).ok();
    assert_eq!(report["html"], std::fs::read_to_string(DESK.path("served/report.html")).unwrap());
    let wrong = server.get("/api/report", &[("window", "7d")]);
    assert!(wrong.status == 400 && wrong.json()["error"].as_str().unwrap().contains("such as since 7d"), "{wrong:?}");
}

#[test]
fn a_framed_report_runs_its_own_script_only() {
    let server = Server::start(&DESK, &[]);
    let window = [("window", "between 2026-03-04 and 2026-03-05")];
    let report = server.get("/api/report", &window).ok();
    let address = report["page"].as_str().unwrap();
    let ticket = address.strip_prefix("/report/").unwrap();
    assert!(ticket.len() == 32 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()) && ticket != server.token, "{address}");
    let request = format!("GET {address}");
    // Requests of others are refused, and do not use up the ticket.
    for headers in [[("Sec-Fetch-Site", "cross-site")], [("Origin", "null")], [("Origin", "http://example.com")]] {
        assert_eq!(server.with(&request, &headers).status, 403, "{headers:?}");
    }
    let other = server.send(&format!("{request} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
    assert_eq!(other.status, 403, "{other:?}");
    for wrong in
        ["/report/".to_owned(), format!("/report/{}", server.token), format!("{address}0"), "/report/evidence.csv".to_owned()]
    {
        assert_eq!(server.with(&format!("GET {wrong}"), &[("X-Token", &server.token)]).status, 403, "{wrong}");
    }
    // A frame has no token.
    let page = server.with(&request, &[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Dest", "iframe")]);
    assert_eq!((page.status, page.body.as_str()), (200, report["html"].as_str().unwrap()));
    let script = page.body.split("<script>").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest).to_lowercase();
    let policy = page.head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in
        ["default-src 'none'", "frame-ancestors 'self'", "sandbox allow-scripts", "base-uri 'none'", "form-action 'none'"]
    {
        assert!(directives.contains(&directive), "{directive}: {policy}");
    }
    assert!(directives.contains(&format!("script-src 'sha256-{hash}'").as_str()), "{hash}: {policy}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "x-frame-options: sameorigin",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert!(!page.head.contains("set-cookie") && !page.body.contains(&server.token), "{}", page.head);
    let again = server.with(&request, &[]);
    assert!(again.status == 403 && again.head.contains("x-frame-options: deny"), "a ticket is for one request: {again:?}");
    // An explanation has no script, and stays under the policy of the page.
    assert!(server.get("/api/explain", &[("id", FAILURE)]).ok().get("page").is_none());
}

#[test]
fn hostile_records_are_only_text() {
    let env = TestEnv::new();
    let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[2J\u{202e}gnp.exe\"},\n{\"";
    let event = json!({
        "version": "0", "id": "a1", "detail-type": "ECS Service Action", "source": "aws.ecs", "account": "111122223333",
        "time": "2026-03-04T10:00:00Z", "region": "eu-west-1",
        "resources": ["arn:aws:ecs:eu-west-1:111122223333:service/c/web"],
        "detail": {"eventType": "ERROR", "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c", "createdAt": "2026-03-04T10:00:00Z", "reason": hostile}
    });
    env.load(&[&env.write("events.ndjson", event.to_string())]).ok();
    let server = Server::start(&env, &[]);
    let inert = |reply: &Reply| {
        assert!(reply.head.contains("content-security-policy: default-src 'none'; sandbox"), "{reply:?}");
        assert!(reply.head.contains("x-content-type-options: nosniff"), "{reply:?}");
        assert!(!reply.body.contains('\u{1b}') && !reply.body.contains('\u{202e}'), "{reply:?}");
    };
    let rows = server.ask("failures show id, message");
    inert(&rows);
    let rows = rows.ok();
    assert!(rows["answer"]["rows"][0]["message"].as_str().unwrap().contains("<script>alert(1)</script>"), "{rows}");
    let id = rows["answer"]["rows"][0]["id"].as_str().unwrap();
    let page = server.get("/api/explain", &[("id", id)]);
    inert(&page);
    let html = page.ok()["html"].as_str().unwrap().to_owned();
    assert!(html.contains("default-src 'none'") && !html.contains("<script") && !html.contains("<img"), "{html}");
    inert(&server.get("/api/timeline", &[("id", id)]));
    inert(&server.get("/api/record", &[("id", id)]));
    inert(&server.get("/api/incidents", &[]));
    // What a request holds is not markup in an error, either.
    let error = server.ask(hostile);
    inert(&error);
    assert_eq!(error.status, 422);
    inert(&server.get("/api/complete", &[("text", "failures where message = ")]));
}

/// What the server sent before it closed the connection.
fn until_closed(stream: &mut TcpStream) -> String {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!matches!(error.kind(), TimedOut | WouldBlock), "the server does not close: {error}");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_slow_client_delays_nobody_and_is_cut_off() {
    let server = Server::start(&DESK, &[]);
    let mut slow: Vec<TcpStream> = Vec::new();
    let whole = server.post_request(&json!({ "query": "failures" }));
    let head = format!("GET /api/store HTTP/1.1\r\nHost: {}\r\nX-", server.host);
    for begin in ["", "GET / HT", head.as_str(), whole.split_at(whole.len() - 3).0] {
        for _ in 0..10 {
            let mut stream = server.connect();
            stream.write_all(begin.as_bytes()).unwrap();
            slow.push(stream);
        }
    }
    server.ask("failures by reason since 7d").ok();
    server.get("/api/store", &[]).ok();
    for mut stream in slow {
        // Closed, with or without a response.
        let text = until_closed(&mut stream);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    server.get("/api/store", &[]).ok();
}

#[test]
fn a_request_has_a_maximum_size() {
    let server = Server::start(&DESK, &[]);
    let mut stream = server.connect();
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(server.post_request(&json!({ "query": "x".repeat(200_000) })).as_bytes());
    let text = until_closed(&mut stream);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 413"), "{text}");
    let long = server.ask(&format!("failures by reason{}", " ".repeat(60_000)));
    assert_eq!(long.ok()["answer"]["rows"], server.ask("failures by reason").ok()["answer"]["rows"]);
}

#[test]
fn fifty_questions_at_the_same_time_are_all_answered() {
    let server = Server::start(&DESK, &[]);
    let expected = server.ask("failures by reason since 7d");
    expected.ok();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..50).map(|_| scope.spawn(|| server.ask("failures by reason since 7d"))).collect();
        for reply in asked {
            let reply = reply.join().unwrap();
            assert_eq!((reply.status, &reply.body), (200, &expected.body));
        }
    });
}

#[test]
fn a_long_answer_is_cut_at_a_row() {
    let env = TestEnv::new();
    let records: Vec<String> = (0..9_000).map(|number| call(number, &"long ".repeat(200))).collect();
    env.load(&[&env.write("calls.json", format!("{{\"Records\":[{}]}}", records.join(",")))]).ok();
    let server = Server::start(&env, &[]);
    let answer = server.ask("calls show id, error_message").ok();
    let rows = answer["answer"]["rows"].as_array().unwrap();
    assert_eq!(answer["cut"], true);
    assert!((1_000..9_000).contains(&rows.len()) && rows.iter().all(|row| row["id"].is_string()), "{}", rows.len());
    assert_eq!(server.ask("calls show count").ok()["answer"]["rows"][0]["count"], 9_000);
}

/// A record of CloudTrail.
fn call(number: u32, message: &str) -> String {
    json!({
        "eventVersion": "1.09", "userIdentity": {"type": "IAMUser", "userName": "u"}, "eventTime": "2026-03-04T02:00:00Z",
        "eventSource": "ecs.amazonaws.com", "eventName": "ListTasks", "awsRegion": "us-east-1", "requestParameters": null,
        "responseElements": null, "errorCode": "AccessDenied", "errorMessage": format!("{message}{number}"),
        "eventID": format!("id-{number}"), "recipientAccountId": "111122223333"
    })
    .to_string()
}

#[test]
fn a_load_becomes_visible_as_a_whole() {
    const SECOND: u32 = 4_000;
    let env = TestEnv::new();
    env.load(&[&env.write("first.json", call(1_000_000, "x"))]).ok();
    let server = Server::start(&env, &[]);
    let count = || server.ask("calls show count").ok()["answer"]["rows"][0]["count"].as_u64().unwrap();
    assert_eq!(count(), 1);
    for file in 0..20 {
        let records: Vec<String> = (0..SECOND / 20).map(|number| call(file * 1_000 + number, "x")).collect();
        env.write(&format!("second/{file}.json"), format!("{{\"Records\":[{}]}}", records.join(",")));
    }
    let mut load = env.command().args(["load", "second"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut seen = Vec::new();
    loop {
        let ended = load.try_wait().unwrap();
        seen.push(count());
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
    }
    assert!(seen.iter().all(|count| [1, u64::from(SECOND) + 1].contains(count)), "{seen:?}");
    assert_eq!(seen.last(), Some(&(u64::from(SECOND) + 1)));
    // The same process completes the values of the new load.
    let found = server.get("/api/complete", &[("text", "calls where event_name = Li")]).ok();
    assert!(found["candidates"].to_string().contains("ListTasks"), "{found}");
    assert_eq!(server.get("/api/store", &[]).ok()["loads"], 2);
}

/// The processes that a process has started.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    // The id, the name of the program in parentheses, the state, the parent.
    let of_parent = |stat: String| {
        let (front, rest) = stat.rsplit_once(") ")?;
        let is_child = rest.split_whitespace().nth(1)?.parse() == Ok(parent);
        front.split(' ').next()?.parse().ok().filter(|_| is_child)
    };
    stats.filter_map(of_parent).collect()
}

/// Waits until the server has processes of its own, or none.
#[cfg(target_os = "linux")]
fn wait_for_children(server: &Server, wanted: bool) {
    let started = Instant::now();
    while children(server.child.id()).is_empty() == wanted {
        assert!(started.elapsed() < Duration::from_secs(10), "children: {wanted}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
fn send(signal: &str, process: u32) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status().unwrap();
    assert!(sent.success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_question_that_nobody_waits_for_ends() {
    let server = Server::start(&DESK, &[]);
    let mut stream = server.connect();
    let request = format!("GET /api/report HTTP/1.1\r\nHost: {}\r\nX-Token: {}\r\n\r\n", server.host, server.token);
    stream.write_all(request.as_bytes()).unwrap();
    wait_for_children(&server, true);
    // A stopped process ends only if it is killed.
    children(server.child.id()).into_iter().for_each(|child| send("STOP", child));
    drop(stream);
    wait_for_children(&server, false);
    server.ask("failures by reason").ok();
}

#[test]
#[cfg(unix)]
fn signals_end_the_server_cleanly() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&DESK, &[]);
        // Also while a client waits.
        let mut stream = server.connect();
        stream.write_all(server.post_request(&json!({ "query": "incidents" })).as_bytes()).unwrap();
        #[cfg(target_os = "linux")]
        wait_for_children(&server, true);
        send(signal, server.child.id());
        let started = Instant::now();
        let status = loop {
            if let Some(status) = server.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{signal}");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(TcpStream::connect(&server.host).is_err(), "{signal}");
    }
}
