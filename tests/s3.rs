//! Exports and stores in S3: the real binary reads from a small server in this file, which speaks the part of the protocol that is
//! needed, and notes every request.

use crate::support::{Ran, TestEnv, project};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Entries of a page of a listing: few, so that listings have several pages.
const PAGE: usize = 3;
const SECRET: &str = "wJalrXUtnFEMIswordfish";

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// `LIST prefix/` for one level, `LIST prefix/*` for everything below, `GET key`, `HEAD key`, `PUT key`, `DELETE key`.
    seen: Vec<String>,
    /// Keys that must not be read.
    forbidden: Vec<String>,
    /// Whether listing is not allowed.
    is_unlisted: bool,
    /// Keys whose next requests fail with the status 500.
    failing: Vec<String>,
    /// Keys whose next answer ends in the middle.
    cut: Vec<String>,
    /// Keys whose bytes arrive slowly.
    slow: Vec<String>,
    /// How far the clock of the server is ahead of this machine's, in seconds.
    ahead: i64,
    /// When objects were written; the others are old.
    written: BTreeMap<String, String>,
    /// Whether the condition `If-None-Match: *` is ignored.
    ignores_conditions: bool,
    /// How many objects can still be written.
    writable: Option<usize>,
    /// An object that another writer creates before the next commit is written.
    by_another: Option<(String, Vec<u8>)>,
}

impl State {
    /// The time of the server a number of seconds ago, as a listing has it.
    fn time(&self, ago: i64) -> String {
        let time = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(self.ahead - ago)).unwrap();
        time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    }

    /// When an object was written.
    fn written(&self, key: &str) -> String {
        self.written.get(key).cloned().unwrap_or_else(|| "2026-03-09T00:00:00.000Z".to_owned())
    }

    /// Writes an object, unless a condition or the permission forbids it: the status and the code of the error.
    fn write(&mut self, key: &str, bytes: Vec<u8>, is_new: bool) -> Result<(), (&'static str, &'static str)> {
        if key.contains("/_delta_log/")
            && let Some((other, bytes)) = self.by_another.take()
        {
            self.objects.insert(other, bytes);
        }
        match &mut self.writable {
            Some(0) => return Err(("403 Forbidden", "AccessDenied")),
            Some(left) => *left -= 1,
            None => {}
        }
        if is_new && !self.ignores_conditions && self.objects.contains_key(key) {
            return Err(("412 Precondition Failed", "PreconditionFailed"));
        }
        self.objects.insert(key.to_owned(), bytes);
        self.written.insert(key.to_owned(), self.time(0));
        Ok(())
    }
}

struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Serves a bucket `logs`, until the tests end.
    fn new(objects: impl IntoIterator<Item = (String, Vec<u8>)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { objects: objects.into_iter().collect(), ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Server { address, state }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// The requests since the last call.
    fn seen(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut self.state.lock().unwrap().seen);
        seen.sort();
        seen
    }

    /// Runs the binary with this server as S3, without anything of the caller's.
    fn run(&self, env: &TestEnv, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = env.command();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            if text.starts_with("AWS_") || text.ends_with("_PROXY") {
                command.env_remove(&name);
            }
        }
        command.env("HOME", env.path("home")).env("AWS_ENDPOINT_URL", &self.address).env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.envs(variables.iter().copied()).args(arguments).output().unwrap();
        let ran = Ran {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        };
        assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{ran:?}");
        ran
    }

    /// The same with credentials.
    fn ask(&self, env: &TestEnv, arguments: &[&str]) -> Ran {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "eu-west-1")];
        self.run(env, arguments, &keys)
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    stream.set_nodelay(true).unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut range = None;
        let (mut is_signed, mut is_new, mut length) = (false, false, 0);
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let header = header.trim();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "range" => range = Some(value.trim().to_owned()),
                "authorization" => is_signed = true,
                "if-none-match" => is_new = value.trim() == "*",
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let is_open = if is_signed && method == "PUT" {
            put(&mut stream, state, &target, body, is_new)
        } else if is_signed && method == "POST" {
            delete(&mut stream, state, &target, &String::from_utf8(body).unwrap())
        } else if is_signed {
            answer(&mut stream, state, &method, &target, range.as_deref())
        } else {
            refuse(&mut stream, "403 Forbidden", "AccessDenied", &method)
        };
        if is_open.is_err() {
            return;
        }
    }
}

/// Answers one request; an error ends the connection.
fn answer(stream: &mut TcpStream, state: &Mutex<State>, method: &str, target: &str, range: Option<&str>) -> std::io::Result<()> {
    let url = url::Url::parse(&format!("http://server{target}")).unwrap();
    let path = decoded(url.path());
    let Some(rest) = path.strip_prefix("/logs") else { return refuse(stream, "404 Not Found", "NoSuchBucket", method) };
    let key = rest.trim_start_matches('/').to_owned();
    if key.is_empty() {
        return list(stream, state, &url);
    }
    let (bytes, is_slow, written) = {
        let mut state = state.lock().unwrap();
        state.seen.push(format!("{method} {key}{}", range.map_or_else(String::new, |range| format!(" {range}"))));
        let taken = |keys: &mut Vec<String>| {
            let place = keys.iter().position(|known| *known == key);
            place.map(|place| keys.remove(place)).is_some()
        };
        if taken(&mut state.failing) {
            return refuse(stream, "500 Internal Server Error", "InternalError", method);
        }
        if state.forbidden.contains(&key) {
            return refuse(stream, "403 Forbidden", "AccessDenied", method);
        }
        let Some(bytes) = state.objects.get(&key).cloned() else { return refuse(stream, "404 Not Found", "NoSuchKey", method) };
        if method == "GET" && taken(&mut state.cut) {
            let head = head_of("200 OK", &bytes, "");
            let half = bytes.get(..bytes.len() / 2).unwrap();
            stream.write_all(&[head.as_bytes(), half].concat())?;
            return Err(std::io::Error::other("cut"));
        }
        (bytes, state.slow.contains(&key), state.written(&key))
    };
    let written = written.parse::<jiff::Timestamp>().unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let (status, part, more) = match range {
        None => ("200 OK", &bytes[..], String::new()),
        Some(range) => {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let (first, last) = (first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap().min(bytes.len() - 1));
            let more = format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len());
            ("206 Partial Content", &bytes[first..=last], more)
        }
    };
    let etag = etag_of(&bytes);
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: {etag}\r\nlast-modified: {written}\r\n{more}\r\n", part.len());
    stream.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    if !is_slow {
        return stream.write_all(part);
    }
    for piece in part.chunks(part.len() / 4 + 1) {
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(piece)?;
    }
    Ok(())
}

/// PutObject.
fn put(stream: &mut TcpStream, state: &Mutex<State>, target: &str, bytes: Vec<u8>, is_new: bool) -> std::io::Result<()> {
    let path = decoded(target.split('?').next().unwrap());
    let Some(key) = path.strip_prefix("/logs/") else { return refuse(stream, "404 Not Found", "NoSuchBucket", "PUT") };
    let etag = etag_of(&bytes);
    let written = {
        let mut state = state.lock().unwrap();
        state.seen.push(format!("PUT {key}"));
        state.write(key, bytes, is_new)
    };
    match written {
        Ok(()) => stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: {etag}\r\n\r\n").as_bytes()),
        Err((status, code)) => refuse(stream, status, code, "PUT"),
    }
}

/// DeleteObjects.
fn delete(stream: &mut TcpStream, state: &Mutex<State>, target: &str, body: &str) -> std::io::Result<()> {
    assert!(target.ends_with("?delete"), "{target}");
    let mut answer = String::from("<?xml version=\"1.0\"?><DeleteResult>");
    for part in body.split("<Key>").skip(1) {
        let key = part.split("</Key>").next().unwrap();
        let mut state = state.lock().unwrap();
        state.seen.push(format!("DELETE {key}"));
        state.objects.remove(key);
        answer.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
    }
    answer.push_str("</DeleteResult>");
    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).as_bytes())
}

fn head_of(status: &str, bytes: &[u8], more: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: {}\r\n{more}\r\n", bytes.len(), etag_of(bytes))
}

fn etag_of(bytes: &[u8]) -> String {
    format!("\"{:x}-{}\"", crc32fast::hash(bytes), bytes.len())
}

/// An error as S3 sends it.
fn refuse(stream: &mut TcpStream, status: &str, code: &str, method: &str) -> std::io::Result<()> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>the test says {code}</Message></Error>");
    let shown = if method == "HEAD" { "" } else { &body };
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{shown}", body.len()).as_bytes())
}

/// A prefix, or a key with its bytes and when they were written.
type Entry = (String, Option<(Vec<u8>, String)>);

/// ListObjectsV2, with a few entries at a time.
fn list(stream: &mut TcpStream, state: &Mutex<State>, url: &url::Url) -> std::io::Result<()> {
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query.get("list-type").map(String::as_str), Some("2"), "{url}");
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (prefix, delimiter, after) = (text("prefix"), text("delimiter"), text("start-after"));
    let start: usize = text("continuation-token").parse().unwrap_or(0);
    let mut entries: Vec<Entry> = Vec::new();
    {
        let mut state = state.lock().unwrap();
        state.seen.push(format!("LIST {prefix}{}", if delimiter.is_empty() { "*" } else { "" }));
        if state.is_unlisted {
            return refuse(stream, "403 Forbidden", "AccessDenied", "GET");
        }
        for (key, bytes) in &state.objects {
            let Some(rest) = key.strip_prefix(&prefix).filter(|_| *key > after) else { continue };
            let entry = match rest.find('/').filter(|_| !delimiter.is_empty()) {
                Some(end) => (format!("{prefix}{}/", &rest[..end]), None),
                None => (key.clone(), Some((bytes.clone(), state.written(key)))),
            };
            if entries.last().is_none_or(|last| last.0 != entry.0) {
                entries.push(entry);
            }
        }
    }
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut body = String::from("<?xml version=\"1.0\"?><ListBucketResult><Name>logs</Name>");
    for (name, bytes) in entries.iter().skip(start).take(PAGE) {
        let name = escaped(name);
        body.push_str(&match bytes {
            None => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            Some((bytes, written)) => format!(
                "<Contents><Key>{name}</Key><LastModified>{written}</LastModified><ETag>{}</ETag><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                etag_of(bytes).replace('"', "&quot;"),
                bytes.len()
            ),
        });
    }
    if start + PAGE < entries.len() {
        let next = start + PAGE;
        body.push_str(&format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>"));
    } else {
        body.push_str("<IsTruncated>false</IsTruncated>");
    }
    body.push_str("</ListBucketResult>");
    stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

/// A path without percent-encoding.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn export(number: u32) -> Vec<u8> {
    let record = format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/nightly/s{number}","accountId":"111122223333"}},"eventTime":"2026-03-04T02:{:02}:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"eu-west-1","requestParameters":{{"cluster":"batch","count":1,"taskDefinition":"nightly:{number}"}},"responseElements":{{"failures":[{{"arn":"arn:aws:ecs:eu-west-1:111122223333:container-instance/batch/i{number}","reason":"AGENT"}}],"tasks":[]}},"requestID":"r-{number}","eventID":"e-{number}","readOnly":false,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#,
        number % 60
    );
    format!(r#"{{"Records":[{record}]}}"#).into_bytes()
}

fn samples() -> Vec<(String, Vec<u8>)> {
    let root = project().join("samples/exports");
    let files = walkdir::WalkDir::new(&root).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(root.parent().unwrap()).unwrap();
            (name.display().to_string(), std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// What the ledger says of each file, whatever is before its name; which copy of a record counts as the duplicate depends
/// on the order in which files arrive.
fn ledger(env: &TestEnv) -> Vec<Vec<String>> {
    let mut rows = env.sql("select file, size, bytes, read, filtered, quarantined, why, format from files");
    for row in &mut rows {
        row[0] = row[0].rsplit_once("exports/").unwrap().1.to_owned();
    }
    rows.sort();
    rows
}

#[test]
fn a_bucket_has_the_same_answers_as_the_folder() {
    let server = Server::new(samples());
    let (here, there) = (TestEnv::new(), TestEnv::new());
    here.load(&[&project().join("samples/exports")]).ok();
    server.ask(&there, &["load", "s3://logs/exports"]).ok();
    assert_eq!(ledger(&there), ledger(&here));
    let sums = "select sum(read), sum(loaded), sum(duplicate), sum(filtered), sum(quarantined) from files";
    assert_eq!(there.sql(sums), here.sql(sums));
    let question = "failures by reason";
    assert_eq!(there.query(question), here.query(question));
    let seen = server.seen();
    let downloads = seen.iter().filter(|request| request.starts_with("GET")).count();
    let not_empty = samples().iter().filter(|(_, bytes)| !bytes.is_empty()).count();
    // Digests are read twice: first for the hashes of the logs that they list.
    assert!((not_empty..not_empty + 3).contains(&downloads), "{downloads} of {not_empty}");
    // The next load reads nothing.
    let again = server.ask(&there, &["load", "s3://logs/exports"]).ok();
    assert!(again.out.contains("unchanged since they were loaded"), "{}", again.out);
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.starts_with("LIST")), "{seen:?}");
    // A new version of an object is read.
    server.set(|state| drop(state.objects.insert("exports/silent-batch/new.json".to_owned(), export(1))));
    server.ask(&there, &["load", "s3://logs/exports/"]).ok();
    let seen: Vec<String> = server.seen().into_iter().filter(|request| request.starts_with("GET")).collect();
    assert_eq!(seen, ["GET exports/silent-batch/new.json"]);
    // Without a store.
    let local = here.run(&["query", "--from", project().join("samples/exports").to_str().unwrap(), question, "--csv"]).ok();
    server.set(|state| drop(state.objects.remove("exports/silent-batch/new.json")));
    let remote = server.ask(&TestEnv::new(), &["query", "--from", "s3://logs/exports", question, "--csv"]).ok();
    assert_eq!(remote.out, local.out);
}

const TRAIL: &str = "AWSLogs/111122223333/CloudTrail";

#[test]
fn only_the_days_and_regions_that_are_needed_are_listed() {
    let days = ["2025/12/31", "2026/01/15", "2026/03/01", "2026/03/04", "2026/03/05", "2026/03/20"];
    let mut objects: Vec<(String, Vec<u8>)> = Vec::new();
    for (number, day) in (0..).zip(days) {
        for (offset, region) in [(0, "eu-west-1"), (10, "us-east-1")] {
            objects.push((format!("{TRAIL}/{region}/{day}/a=b.json"), export(number + offset)));
        }
    }
    let server = Server::new(objects);
    let env = TestEnv::new();
    let options = ["--since", "2026-03-04", "--until", "2026-03-05", "--region", "eu-west-1"];
    let ran = server.ask(&env, &[&["load", "s3://logs"], &options[..]].concat()).ok();
    assert!(ran.out.contains("2 read = 2 loaded"), "{}", ran.out);
    assert!(ran.out.contains("not listed") && ran.out.contains("us-east-1 not of --region"), "{}", ran.out);
    let seen = server.seen();
    let of = |method: &str| -> Vec<String> {
        seen.iter().filter_map(|request| request.strip_prefix(method).map(str::to_owned)).collect()
    };
    let key = |day: &str| format!("{TRAIL}/eu-west-1/2026/03/{day}/a=b.json");
    assert_eq!(of("GET "), [key("04"), key("05")]);
    assert!(of("HEAD ").is_empty());
    for listed in of("LIST ") {
        let is_other = ["us-east-1", "2025", "2026/01", "03/01", "03/20"].iter().any(|part| listed.contains(part));
        assert!(!is_other, "{listed}");
    }
    assert!(of("LIST ").contains(&format!("{TRAIL}/eu-west-1/2026/03/04/*")), "{seen:?}");
    // The rest, later.
    let ran = server.ask(&env, &["load", "s3://logs"]).ok();
    assert!(ran.out.contains("(2 unchanged since"), "{}", ran.out);
    assert!(ran.out.contains("10 read = 10 loaded"), "{}", ran.out);
}

#[test]
fn an_object_that_cannot_be_read_is_quarantined_and_read_later() {
    let objects = (0..5).map(|number| (format!("in/{number}.json"), export(number)));
    let server = Server::new(objects);
    server.set(|state| state.forbidden.push("in/3.json".to_owned()));
    let env = TestEnv::new();
    let ran = server.ask(&env, &["load", "s3://logs/in/"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("4 loaded + 0 duplicate + 0 filtered + 1 quarantined"), "{}", ran.out);
    let quarantine = env.sql("select file, why, detail from quarantine");
    assert_eq!(quarantine.len(), 1);
    assert_eq!(quarantine[0][..2], ["s3://logs/in/3.json", "unreadable"]);
    let advice =
        "S3 answered AccessDenied (403): the test says AccessDenied; allow the action s3:GetObject on arn:aws:s3:::logs/*";
    assert_eq!(quarantine[0][2], advice);
    server.set(|state| state.forbidden.clear());
    server.seen();
    let ran = server.ask(&env, &["load", "s3://logs/in/"]).ok();
    assert!(ran.out.contains("1 read = 1 loaded"), "{}", ran.out);
    assert_eq!(server.seen(), ["GET in/3.json", "LIST in/", "LIST in/"]);
}

#[test]
fn failures_of_the_server_are_retried() {
    let objects = (0..5).map(|number| (format!("in/{number}.json"), export(number)));
    let server = Server::new(objects);
    server.set(|state| {
        state.failing.push("in/1.json".to_owned());
        state.cut.push("in/2.json".to_owned());
        state.slow.push("in/3.json".to_owned());
    });
    let env = TestEnv::new();
    let ran = server.ask(&env, &["load", "s3://logs/in"]).ok();
    assert!(ran.out.contains("5 read = 5 loaded"), "{}", ran.out);
    let seen = server.seen();
    let count = |key: &str| seen.iter().filter(|request| request.starts_with(&format!("GET {key}"))).count();
    assert_eq!([count("in/0.json"), count("in/1.json"), count("in/2.json"), count("in/3.json")], [1, 2, 2, 1], "{seen:?}");
}

#[test]
fn a_large_object_is_read_in_parts() {
    let mut large = export(1);
    large.resize(17 << 20, b'\n');
    let server = Server::new([("in/large.json".to_owned(), large)]);
    let env = TestEnv::new();
    let ran = server.ask(&env, &["load", "s3://logs/in/large.json"]).ok();
    assert!(ran.out.contains("1 read = 1 loaded"), "{}", ran.out);
    let seen = server.seen();
    assert_eq!(seen.iter().filter(|request| request.starts_with("GET in/large.json bytes=")).count(), 3, "{seen:?}");
    assert!(seen.contains(&"HEAD in/large.json".to_owned()) && !seen.iter().any(|request| request.starts_with("LIST")));
}

#[test]
fn without_credentials_nothing_is_requested() {
    let server = Server::new([("a.json".to_owned(), export(1))]);
    let env = TestEnv::new();
    let start = Instant::now();
    let ran = server.run(&env, &["load", "s3://logs/"], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{}", ran.err);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(server.seen().is_empty());
    // A profile has them.
    env.write("home/.aws/credentials", format!("[work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"));
    env.write("home/.aws/config", "[profile work]\nregion = eu-west-1\n[profile corp]\nsso_session = corp\n");
    let ran = server.run(&env, &["load", "s3://logs/"], &[("AWS_PROFILE", "work")]).ok();
    assert!(ran.out.contains("1 read = 1 loaded"), "{}", ran.out);
    let ran = server.run(&env, &["load", "s3://logs/"], &[("AWS_PROFILE", "corp")]);
    assert!(ran.code == 2 && ran.err.contains("aws configure export-credentials"), "{}", ran.err);
    // Requests that are not signed are refused by this server.
    let ran = server.run(&env, &["load", "s3://logs/"], &[("AWS_SKIP_SIGNATURE", "true")]);
    assert!(ran.code == 2 && ran.err.contains("allow the action s3:ListBucket"), "{}", ran.err);
}

#[test]
fn buckets_that_cannot_be_listed_say_what_to_do() {
    let server = Server::new([("in/a.json".to_owned(), export(1))]);
    let env = TestEnv::new();
    for (location, want) in [
        ("s3://other/in/", "check the name of the bucket `other`"),
        ("s3://logs/nothing/", "no objects have this prefix"),
        ("s3:///in", "expected `s3://BUCKET/PREFIX`"),
    ] {
        let ran = server.ask(&env, &["load", location]);
        let named = ran.err.contains(location.trim_end_matches('/'));
        assert!(ran.code == 2 && named && ran.err.contains(want), "{}", ran.err);
    }
    server.set(|state| state.is_unlisted = true);
    let ran = server.ask(&env, &["query", "--from", "s3://logs/in/", "failures"]);
    assert!(ran.code == 2 && ran.err.contains("allow the action s3:ListBucket on arn:aws:s3:::logs"), "{}", ran.err);
    // Reading one object needs no permission to list.
    server.ask(&env, &["load", "s3://logs/in/a.json"]).ok();
    // Beside files that can be read, it is one of several inputs.
    env.write("b.json", export(2));
    let ran = server.ask(&env, &["load", "b.json", "s3://logs/in/"]);
    assert!(ran.code == 3 && ran.out.contains("1 loaded + 0 duplicate + 0 filtered + 1 quarantined"), "{}", ran.out);
}

/// Copies a store to the bucket, as `aws s3 sync` does.
fn upload(server: &Server, env: &TestEnv, prefix: &str) {
    let root = env.path(".ecs-audit");
    let files = walkdir::WalkDir::new(&root).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let objects: Vec<(String, Vec<u8>)> = files
        .map(|entry| {
            let name = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            (format!("{prefix}{name}"), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    server.set(|state| state.objects.extend(objects));
}

const STORE: &str = "s3://logs/audit";

/// A store of the samples, and a bucket with a copy of it.
fn copied_store() -> (TestEnv, Server) {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let server = Server::new([("auditor/tables/calls/x".to_owned(), b"not of the store".to_vec())]);
    upload(&server, &env, "audit/");
    (env, server)
}

/// The output of a command on the local store and on its copy, which must be the same.
fn assert_same(server: &Server, env: &TestEnv, command: &[&str]) {
    let local = env.run(command);
    let remote = server.ask(env, &[command, &["--store", STORE]].concat());
    let folder = env.path(".ecs-audit").canonicalize().unwrap();
    let local_out = local.out.replace(&*folder.to_string_lossy(), STORE).replace(".ecs-audit", STORE);
    assert_eq!(remote.out, local_out, "{command:?}: {}", remote.err);
    assert_eq!(remote.code, local.code, "{command:?}: {}", remote.err);
}

#[test]
fn a_store_in_a_bucket_has_the_same_answers_as_its_folder() {
    let (env, server) = copied_store();
    let failure = env.query("failures show id limit 1")[0][0].clone();
    for command in [
        &["query", "failures by reason", "--csv"][..],
        &["query", "calls where failed show time, event_name, error_code", "--csv"],
        &["query", "stalls", "--json"],
        &["sql", "select event_name, count(*) as calls from calls group by 1 order by 2 desc, 1", "--csv"],
        &["sql", "select count(raw) as records, sum(length(raw)) as size from calls", "--csv"],
        &["explain", &failure],
        &["timeline", &failure],
        &["show", &failure],
        &["changes", "checkout"],
        &["check", "--format", "json"],
        &["doctor"],
        &["queries"],
        &["store", "--csv"],
        &["store"],
        &["store", "drop", "--before", "2026-03-04"],
        &["store", "verify"],
    ] {
        assert_same(&server, &env, command);
    }
    for (name, store) in [("here", ".ecs-audit"), ("there", STORE)] {
        server.ask(&env, &["report", "--out", name, "--store", store]).ok();
        server.ask(&env, &["store", "export", &format!("{name}-rows"), "--format", "csv", "stalls", "--store", store]).ok();
    }
    for name in ["report.html", "report.md"] {
        let [here, there] = ["here", "there"].map(|folder| std::fs::read(env.path(folder).join(name)).unwrap());
        assert!(here == there, "{name}");
    }
    let rows = ["here-rows/stalls.csv", "there-rows/stalls.csv"].map(|name| std::fs::read(env.path(name)).unwrap());
    assert_eq!(rows[0], rows[1]);
    let seen = server.seen();
    // `store verify` lists the log of each table once.
    let is_log = |request: &&String| request.starts_with("LIST audit/tables/") && request.ends_with("/_delta_log/*");
    let logs: Vec<&String> = seen.iter().filter(is_log).collect();
    assert_eq!(logs.iter().collect::<BTreeSet<_>>().len(), logs.len(), "{logs:?}");
    let is_other = |request: &String| request.starts_with("GET audit/") || request == "LIST audit/tables/*";
    assert!(seen.iter().all(|request| is_other(request) || is_log(&request)), "{seen:?}");
    // Another name of a local folder.
    let url = url::Url::from_directory_path(env.path(".ecs-audit").canonicalize().unwrap()).unwrap();
    let named = env.run(&["query", "failures by reason", "--csv", "--store", url.as_str()]).ok();
    assert_eq!(named.out, env.run(&["query", "failures by reason", "--csv"]).out);
    assert!(server.seen().is_empty());
}

#[test]
fn a_store_in_a_bucket_opens_with_few_requests() {
    let (env, server) = copied_store();
    let count = ["sql", "select count(*) as calls from calls where event_name = 'RunTask'", "--csv", "--store", STORE];
    server.ask(&env, &count).ok();
    let seen = server.seen();
    let logs: Vec<&String> = seen.iter().filter(|request| request.contains("_delta_log/")).collect();
    assert!(logs.len() <= 2 && logs.iter().all(|request| request.contains("tables/files/")), "{logs:?}");
    assert_eq!(seen.iter().filter(|request| *request == "GET audit/manifest.json").count(), 1);
    let data: Vec<&String> = seen.iter().filter(|request| request.contains(".parquet")).collect();
    assert!(!data.is_empty());
    assert!(data.iter().all(|request| request.contains("tables/calls/day=") && request.contains("bytes=")), "{data:?}");
    // A variable or a configuration file names it as well.
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "eu-west-1")];
    let variables = [&keys[..], &[("ECS_AUDIT_STORE", STORE)]].concat();
    let by_option = server.ask(&env, &count).ok().out;
    assert_eq!(server.run(&env, &count[..3], &variables).ok().out, by_option);
    env.write("named.toml", format!("store = \"{STORE}\"\n"));
    let by_file = server.ask(&env, &[&count[..3], &["--config", "named.toml"]].concat()).ok();
    assert_eq!(by_file.out, by_option);
}

#[test]
fn the_manifest_of_a_bucket_is_only_a_copy() {
    let env = TestEnv::new();
    let exports = project().join("samples/exports");
    let mut parts: Vec<_> = std::fs::read_dir(&exports).unwrap().flatten().map(|entry| entry.path()).collect();
    parts.sort();
    assert!(parts.len() > 1);
    env.load(&[&parts[0]]);
    let first = std::fs::read(env.path(".ecs-audit/manifest.json")).unwrap();
    env.load(&[&exports]);
    let server = Server::new([]);
    upload(&server, &env, "audit/");
    let commands: [&[&str]; 3] = [
        &["query", "failures by reason", "--csv"],
        &["sql", "select file, read, loaded from files order by 1, 2, 3", "--csv"],
        &["doctor"],
    ];
    let key = "audit/manifest.json".to_owned();
    let current = server.state.lock().unwrap().objects[&key].clone();
    let damaged = [b"{".as_slice(), &current].concat();
    for (manifest, is_ignored) in [(Some(current), false), (Some(first), true), (Some(damaged), true), (None, true)] {
        server.set(|state| {
            state.objects.remove(&key);
            state.objects.extend(manifest.map(|manifest| (key.clone(), manifest)));
        });
        for command in commands {
            assert_same(&server, &env, command);
        }
        let verified = server.ask(&env, &["store", "verify", "--store", STORE]).ok();
        assert!(verified.out.contains("the store is intact"), "{}", verified.out);
        assert_eq!(verified.out.contains("so it is ignored"), is_ignored, "{}", verified.out);
        let repaired = server.ask(&env, &["store", "verify", "--repair", "--store", STORE]).ok();
        assert!(!repaired.out.contains("so it is ignored"), "{}", repaired.out);
    }
}

#[test]
fn a_bucket_without_a_whole_store_says_what_is_missing() {
    let (env, server) = copied_store();
    let ask = |arguments: &[&str]| server.ask(&env, &[arguments, &["--store", STORE]].concat());
    let whole = server.state.lock().unwrap().objects.clone();
    let keys = |part: &str| -> Vec<String> { whole.keys().filter(|key| key.contains(part)).cloned().collect() };
    let newest = keys("audit/tables/files/_delta_log/").into_iter().filter(|key| key.ends_with(".json")).max().unwrap();
    for (missing, want) in [
        (
            keys("audit/tables/calls/day=")[..1].to_vec(),
            "data files are missing or truncated, such as `s3://logs/audit/tables/calls/",
        ),
        (keys("audit/tables/calls/_delta_log/"), "the log of table `calls`"),
        (keys("audit/tables/files/"), "no commit of the ledger"),
        (vec![newest], "no commit of the ledger"),
        (keys("audit/tables/"), "there is no store at `s3://logs/audit`"),
        (keys("audit/"), "there is no store at `s3://logs/audit`"),
    ] {
        assert!(!missing.is_empty(), "{want}");
        server.set(|state| {
            state.objects.clone_from(&whole);
            state.objects.retain(|key, _| !missing.contains(key));
        });
        let ran = ask(&["query", "failures"]);
        assert!(ran.code == 2 && ran.err.contains(want), "{want}: {}", ran.err);
    }
    server.set(|state| state.objects.clone_from(&whole));
    // A changed file is found.
    let altered = keys("audit/tables/calls/day=")[0].clone();
    server.set(|state| {
        let bytes = state.objects.get_mut(&altered).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let ran = ask(&["store", "verify"]);
    assert!(ran.code == 1 && ran.out.contains("differs from what was written"), "{ran:?}");
    server.set(|state| state.objects.clone_from(&whole));
    server.seen();
    for (store, want) in [
        ("s3://other/audit", "check the name of the bucket `other`"),
        ("s3:///audit", "expected `s3://BUCKET/PREFIX`"),
        ("s3://logs/a//b", "cannot be read"),
        ("gs://logs/audit", "expected a folder, file:///PATH or s3://BUCKET/PREFIX"),
    ] {
        let ran = server.ask(&env, &["query", "failures", "--store", store]);
        assert!(ran.code == 2 && ran.err.contains(want), "{store}: {}", ran.err);
    }
    server.seen();
    let ran = server.run(&env, &["query", "failures", "--store", STORE], &[]);
    assert!(ran.code == 2 && ran.err.contains("no AWS credentials were found"), "{}", ran.err);
    assert!(server.seen().is_empty());
    server.set(|state| state.is_unlisted = true);
    let ran = ask(&["query", "failures"]);
    assert!(ran.code == 2 && ran.err.contains("allow the action s3:ListBucket on arn:aws:s3:::logs"), "{}", ran.err);
}

#[test]
fn reading_a_store_in_a_bucket_writes_nothing() {
    let (env, server) = copied_store();
    let before = server.state.lock().unwrap().objects.clone();
    // Pseudonyms need a key, which is not stored.
    server.ask(&env, &["query", "calls by user", "--redact", "--store", STORE]).ok();
    server.ask(&env, &["store", "drop", "--before", "2026-03-04", "--store", STORE]).ok();
    server.ask(&env, &["store", "verify", "--store", STORE]).ok();
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.starts_with("GET ") || request.starts_with("LIST ")), "{seen:?}");
    assert!(server.state.lock().unwrap().objects == before);
    assert!(!env.path("s3:").exists());
}

/// A few exports of one record each, and what to ask about them.
fn small_exports(env: &TestEnv, numbers: std::ops::Range<u32>) {
    for number in numbers {
        env.write(&format!("in/{number}.json"), export(number));
    }
}

/// The rows of a store in the bucket, as far as they do not depend on when they were loaded.
fn rows_in(server: &Server, env: &TestEnv) -> Vec<Vec<String>> {
    let ask = |statement: &str| server.ask(env, &["sql", statement, "--csv", "--quiet", "--store", STORE]).ok().cells();
    let mut rows = ask("select id, event_name, length(raw) from calls order by 1");
    rows.extend(ask("select record, reason from failures order by 1, 2"));
    rows.extend(ask("select file, read, loaded, duplicate from files order by 1, 2, 3, 4"));
    rows
}

fn assert_intact(server: &Server, env: &TestEnv) {
    let verified = server.ask(env, &["store", "verify", "--store", STORE]).ok();
    assert!(verified.out.contains("the store is intact"), "{}", verified.out);
}

#[test]
fn a_store_in_a_bucket_is_written_like_a_folder() {
    let env = TestEnv::new();
    let server = Server::new([]);
    let load = |path: &str| server.ask(&env, &["load", path, "--store", STORE]);
    for number in 0..5 {
        small_exports(&env, number..number + 1);
        let loaded = load("in").ok();
        assert!(loaded.out.starts_with(&format!("loaded into {STORE}")), "{}", loaded.out);
        assert!(loaded.out.contains("1 read = 1 loaded"), "{}", loaded.out);
        env.run(&["load", "in"]).ok();
        assert_intact(&server, &env);
    }
    for command in [
        &["query", "failures by reason", "--csv"][..],
        &["sql", "select id, raw from calls order by id", "--csv"],
        &["sql", "select load, file, read, loaded from files order by 1, 2", "--csv"],
    ] {
        assert_same(&server, &env, command);
    }
    // Nothing new: nothing is written, except what shows that conditions are respected.
    server.seen();
    assert!(load("in").ok().out.contains("unchanged since they were loaded"));
    let seen = server.seen();
    let written: Vec<&String> =
        seen.iter().filter(|request| !request.starts_with("GET ") && !request.starts_with("LIST ")).collect();
    assert_eq!(written, ["PUT audit/conditional-writes", "PUT audit/conditional-writes"]);
    // Small files were merged; the replaced ones are deleted on request, and only those.
    let before = rows_in(&server, &env);
    let files = |server: &Server| server.state.lock().unwrap().objects.keys().filter(|key| key.contains("/day=")).count();
    let all = files(&server);
    server.ask(&env, &["store", "vacuum", "--keep", "0s", "--store", STORE]).ok();
    assert!(files(&server) < all, "{all}");
    assert_eq!(rows_in(&server, &env), before);
    assert_intact(&server, &env);
    server.ask(&env, &["store", "compact", "--store", STORE]).ok();
    assert_eq!(rows_in(&server, &env), before);
    assert_intact(&server, &env);
    let seen = server.seen();
    let is_of_the_store = |request: &String| request.split(' ').nth(1).is_some_and(|key| key.starts_with("audit/"));
    assert!(seen.iter().all(is_of_the_store), "{seen:?}");
    let dropped = server.ask(&env, &["store", "drop", "--before", "2030-01-01", "--yes", "--store", STORE]).ok();
    assert!(dropped.out.contains("these records will not be loaded again"), "{}", dropped.out);
    assert_eq!(server.ask(&env, &["sql", "select count(*) from calls", "--csv", "--store", STORE]).ok().cells()[1], ["0"]);
    assert_intact(&server, &env);
    // No local folder is named like the bucket.
    assert!(!env.path("s3:").exists());
}

#[test]
fn several_writers_lose_nothing() {
    let env = TestEnv::new();
    let server = Server::new([]);
    small_exports(&env, 0..4);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (env, server) = (&env, &server);
            scope.spawn(move || {
                let file = format!("in/{number}.json");
                for _ in 0..30 {
                    let ran = server.ask(env, &["load", &file, "--store", STORE]);
                    if ran.code == 0 {
                        return;
                    }
                    assert!(ran.code == 2 && ran.err.contains("run it again"), "{ran:?}");
                }
                panic!("{file} was not loaded");
            });
        }
    });
    let ids = server.ask(&env, &["sql", "select id from calls order by id", "--csv", "--store", STORE]).ok().cells();
    assert_eq!(ids.concat(), ["id", "e-0", "e-1", "e-2", "e-3"]);
    let files = server.ask(&env, &["sql", "select file, loaded from files order by 1", "--csv", "--store", STORE]).ok().cells();
    assert_eq!(files.len(), 5, "{files:?}");
    assert_intact(&server, &env);
}

/// A ledger of the bucket: the number of its newest commit, and the key of the one after it.
fn next_commit(server: &Server) -> String {
    let state = server.state.lock().unwrap();
    let log = "audit/tables/files/_delta_log/";
    let newest = state.objects.keys().filter_map(|key| key.strip_prefix(log)?.strip_suffix(".json")?.parse::<u64>().ok()).max();
    format!("{log}{:020}.json", newest.unwrap() + 1)
}

const CLAIM: &[u8] = b"{\"commitInfo\":{\"operation\":\"CLAIM\",\"ecs-audit.claim\":\"another\",\"ecs-audit.load\":0}}\n";

#[test]
fn a_writer_that_was_not_the_first_stops() {
    let env = TestEnv::new();
    let server = Server::new([]);
    small_exports(&env, 0..1);
    server.ask(&env, &["load", "in", "--store", STORE]).ok();
    let before = rows_in(&server, &env);
    small_exports(&env, 1..2);
    // Another writer claims the next version after this one has read the store.
    let next = next_commit(&server);
    server.set(|state| state.by_another = Some((next.clone(), CLAIM.to_vec())));
    let ran = server.ask(&env, &["load", "in", "--store", STORE]);
    let want =
        format!("another `ecs-audit` changed `{STORE}` while this command was running, so nothing was stored; run it again");
    assert!(ran.code == 2 && ran.err.contains(&want), "{ran:?}");
    assert_eq!(rows_in(&server, &env), before);
    assert_eq!(server.state.lock().unwrap().objects[&next], CLAIM);
    // While that claim is fresh, the store is being written to.
    let now = jiff::Timestamp::now().to_string();
    server.set(|state| drop(state.written.insert(next.clone(), now)));
    let ran = server.ask(&env, &["load", "in", "--wait", "0s", "--store", STORE]);
    assert!(ran.code == 2 && ran.err.contains(&format!("another `ecs-audit` is writing to `{STORE}`")), "{ran:?}");
    // When it is old, that writer is dead.
    server.set(|state| drop(state.written.remove(&next)));
    let ran = server.ask(&env, &["load", "in", "--wait", "0s", "--store", STORE]).ok();
    assert!(ran.out.contains("1 read = 1 loaded"), "{}", ran.out);
    assert_intact(&server, &env);
}

#[test]
fn what_a_writer_left_is_deleted_when_it_is_old() {
    let env = TestEnv::new();
    let server = Server::new([]);
    small_exports(&env, 0..2);
    server.ask(&env, &["load", "in/0.json", "--store", STORE]).ok();
    let data = || -> BTreeSet<String> {
        let state = server.state.lock().unwrap();
        state.objects.keys().filter(|key| key.contains("/day=")).cloned().collect()
    };
    let before = data();
    let next = next_commit(&server);
    server.set(|state| state.by_another = Some((next.clone(), CLAIM.to_vec())));
    assert_eq!(server.ask(&env, &["load", "in/1.json", "--store", STORE]).code, 2);
    // Files of other programs are theirs.
    let day = before.iter().next().unwrap().rsplit_once('/').unwrap().0.to_owned();
    let foreign = format!("{day}/part-00000.zstd.parquet");
    server.set(|state| drop(state.objects.insert(foreign.clone(), b"PAR1".to_vec())));
    let mut left: Vec<String> = data().difference(&before).filter(|key| **key != foreign).cloned().collect();
    assert!(left.len() > 1, "{left:?}");
    let vacuum = |keep: &str| server.ask(&env, &["store", "vacuum", "--keep", keep, "--store", STORE]).ok();
    // They may be those of a writer that is still busy.
    vacuum("0s");
    assert!(left.iter().all(|key| data().contains(key)));
    let age = |key: &str, hours: i64| {
        server.set(|state| {
            let written = state.time(hours * 3600);
            state.written.insert(key.to_owned(), written);
        });
    };
    let young = left.pop().unwrap();
    left.iter().for_each(|key| age(key, 25));
    age(&young, 23);
    vacuum("48h");
    assert!(left.iter().all(|key| data().contains(key)));
    let done = vacuum("0s");
    assert!(done.out.contains(&format!("{} of", left.len())) && !done.out.contains(" 0 B freed"), "{}", done.out);
    let kept: BTreeSet<String> = before.iter().chain([&young, &foreign]).cloned().collect();
    assert_eq!(data(), kept);
    server.ask(&env, &["load", "in/1.json", "--store", STORE]).ok();
    assert_intact(&server, &env);
}

#[test]
fn the_age_of_a_claim_does_not_depend_on_the_clock_of_this_machine() {
    let env = TestEnv::new();
    small_exports(&env, 0..2);
    for ahead in [-3600, 3600] {
        let server = Server::new([]);
        server.set(|state| state.ahead = ahead);
        server.ask(&env, &["load", "in/0.json", "--store", STORE]).ok();
        let claim = next_commit(&server);
        let claimed = |ago: i64| {
            server.set(|state| {
                state.objects.insert(claim.clone(), CLAIM.to_vec());
                let written = state.time(ago);
                state.written.insert(claim.clone(), written);
            });
            server.ask(&env, &["load", "in/1.json", "--wait", "0s", "--store", STORE])
        };
        let fresh = claimed(10);
        assert!(fresh.code == 2 && fresh.err.contains("is writing to"), "{ahead}: {fresh:?}");
        let old = claimed(600).ok();
        assert!(old.out.contains("1 read = 1 loaded"), "{ahead}: {}", old.out);
        assert_intact(&server, &env);
    }
}

#[test]
fn a_writer_that_dies_leaves_the_store_as_it_was() {
    let env = TestEnv::new();
    let server = Server::new([]);
    small_exports(&env, 0..2);
    server.ask(&env, &["load", "in/0.json", "--store", STORE]).ok();
    let start = server.state.lock().unwrap().objects.clone();
    let before = rows_in(&server, &env);
    server.ask(&env, &["load", "in/1.json", "--store", STORE]).ok();
    let after = rows_in(&server, &env);
    assert_ne!(after, before);
    let mut died = 0;
    for writable in (0..).step_by(2) {
        server.set(|state| {
            state.objects.clone_from(&start);
            state.written.clear();
            state.writable = Some(writable);
        });
        let ran = server.ask(&env, &["load", "in/1.json", "--store", STORE]);
        server.set(|state| {
            state.writable = None;
            // It died long ago.
            state.written.clear();
        });
        if ran.code == 0 {
            break;
        }
        died += 1;
        assert!(ran.err.contains("allow the action s3:PutObject on arn:aws:s3:::logs/*"), "{ran:?}");
        assert_eq!(rows_in(&server, &env), before, "after {writable} objects");
        server.ask(&env, &["load", "in/1.json", "--store", STORE]).ok();
        assert_eq!(rows_in(&server, &env), after, "after {writable} objects");
        assert_intact(&server, &env);
    }
    assert!(died > 3, "{died}");
    assert_eq!(rows_in(&server, &env), after);
    // A first load that died leaves no store.
    server.set(|state| {
        state.objects.clear();
        state.writable = Some(10);
    });
    assert_eq!(server.ask(&env, &["load", "in/0.json", "--store", STORE]).code, 2);
    server.set(|state| {
        state.writable = None;
        state.written.clear();
    });
    let ran = server.ask(&env, &["query", "failures", "--store", STORE]);
    assert!(ran.code == 2 && ran.err.contains("there is no store at"), "{ran:?}");
    server.ask(&env, &["load", "in/0.json", "--store", STORE]).ok();
    assert_eq!(rows_in(&server, &env), before);
}

#[test]
fn a_server_that_ignores_conditions_is_refused() {
    let (env, server) = copied_store();
    server.set(|state| state.ignores_conditions = true);
    env.write("b.json", export(2));
    for command in [
        &["load", "b.json"][..],
        &["store", "compact"],
        &["store", "vacuum"],
        &["store", "reclassify"],
        &["store", "adopt"],
        &["store", "verify", "--repair"],
        &["store", "drop", "--before", "2026-03-04", "--yes"],
    ] {
        let ran = server.ask(&env, &[command, &["--store", STORE]].concat());
        assert!(ran.code == 2 && ran.err.contains("ignores the condition `If-None-Match: *`"), "{command:?}: {}", ran.err);
    }
    let written: Vec<String> = server.seen().into_iter().filter(|request| request.starts_with("PUT ")).collect();
    assert!(!written.is_empty() && written.iter().all(|request| request == "PUT audit/conditional-writes"), "{written:?}");
    server.ask(&env, &["query", "failures", "--store", STORE]).ok();
}

#[test]
fn the_configuration_of_a_store_in_a_bucket_is_read() {
    let (env, server) = copied_store();
    let configure = |text: &str| server.set(|state| drop(state.objects.insert("audit/ecs-audit.toml".to_owned(), text.into())));
    configure("tz = \"Asia/Tokyo\"\n");
    let ran = server.ask(&env, &["config", "--format", "csv", "--store", STORE]).ok();
    assert!(ran.out.contains("tz,Asia/Tokyo") && ran.out.contains(&format!("store,{STORE},option --store")), "{}", ran.out);
    configure("rules = \"own.toml\"\n");
    let ran = server.ask(&env, &["query", "failures", "--store", STORE]);
    assert!(ran.code == 2 && ran.err.contains("is read only if the store is a folder"), "{}", ran.err);
    server.ask(&env, &["query", "failures", "--no-config", "--store", STORE]).ok();
}
