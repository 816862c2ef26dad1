//! From a request to the command line that a person would type, and from its output to JSON.
//!
//! Invariant: text of a request is never an option of a command. It follows `--`, or is the value of `--NAME=VALUE`.

use super::Questions;
use super::frame::Documents;
use crate::app::Output;
use crate::render::json_line;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// The columns of an incident that the page lists, the worst first.
const INCIDENTS: &str =
    "incidents show time, duration, what, root, confidence, failures, tasks, id sort -weight, time, id limit 100";

/// How to write the answer of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    #[default]
    Json,
    Chart,
    Csv,
    Markdown,
    Html,
}

/// A query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    query: String,
    /// The parameters of a saved query.
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    format: Shape,
    /// Whether relative times count from the clock instead of the newest event.
    #[serde(default)]
    now: bool,
}

impl Question {
    fn command(&self) -> Result<Vec<String>, String> {
        let shape: &[&str] = match self.format {
            Shape::Json => &["query", "--format", "json", "--evidence"],
            Shape::Chart => &["query", "--chart"],
            Shape::Csv => &["query", "--format", "csv"],
            Shape::Markdown => &["query", "--format", "markdown"],
            Shape::Html => &["query", "--format", "html"],
        };
        let mut command = words(shape);
        for (name, value) in &self.set {
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(format!("`{name}` is not the name of a parameter; expected a name such as since"));
            }
            command.push(format!("--set={name}={value}"));
        }
        command.extend(from_clock(self.now));
        command.extend(["--".to_owned(), self.query.clone()]);
        Ok(command)
    }
}

/// A position in an unfinished query, in UTF-16 units as browsers count.
#[derive(Debug, Deserialize)]
pub struct Position {
    text: String,
    at: Option<usize>,
}

/// The name of something, or the id of a record.
#[derive(Debug, Deserialize)]
pub struct Named {
    id: String,
}

/// A noun.
#[derive(Debug, Deserialize)]
pub struct OfNoun {
    #[serde(default)]
    noun: String,
}

/// A window, as a clause of the query language.
#[derive(Debug, Deserialize)]
pub struct InWindow {
    #[serde(default)]
    window: String,
    /// Whether relative times count from the clock instead of the newest event.
    #[serde(default)]
    now: bool,
}

/// `GET /api/store`
pub async fn coverage(State(questions): State<Arc<Questions>>) -> Response {
    match questions.coverage().await {
        Ok(coverage) => respond(StatusCode::OK, line(&coverage)),
        Err(error) => failed(&error),
    }
}

/// `GET /api/complete?text=…&at=…`
pub async fn complete(State(questions): State<Arc<Questions>>, Query(position): Query<Position>) -> Response {
    let Position { text, at } = position;
    let at = at.map_or(text.len(), |at| byte_of(&text, at));
    match questions.complete(text.clone(), at).await {
        Ok(completion) => {
            let start = text.get(..completion.start).unwrap_or_default().encode_utf16().count();
            let candidates = completion.candidates.iter().map(|found| json!({"text": found.text, "doc": found.doc}));
            let candidates: Vec<_> = candidates.collect();
            respond(StatusCode::OK, line(&json!({"start": start, "candidates": candidates})))
        }
        Err(error) => failed(&error),
    }
}

/// `POST /api/query`
pub async fn query(State(questions): State<Arc<Questions>>, Json(question): Json<Question>) -> Response {
    match question.command() {
        Err(why) => refused(&why),
        Ok(command) if question.format == Shape::Json => answer(&questions, command, rows).await,
        Ok(command) => answer(&questions, command, text).await,
    }
}

/// `GET /api/saved`
pub async fn saved(State(questions): State<Arc<Questions>>) -> Response {
    answer(&questions, words(&["queries", "--format", "json"]), rows).await
}

/// `GET /api/fields?noun=…`
pub async fn fields(State(questions): State<Arc<Questions>>, Query(of): Query<OfNoun>) -> Response {
    let mut command = words(&["fields", "--format", "json"]);
    if !of.noun.is_empty() {
        command.extend(["--".to_owned(), of.noun]);
    }
    answer(&questions, command, rows).await
}

/// `GET /api/incidents?window=…`
pub async fn incidents(State(questions): State<Arc<Questions>>, Query(within): Query<InWindow>) -> Response {
    let query = format!("{INCIDENTS} {}", within.window.trim());
    let mut command = words(&["query", "--format", "json"]);
    command.extend(from_clock(within.now));
    command.extend(["--".to_owned(), query.trim_end().to_owned()]);
    answer(&questions, command, rows).await
}

/// `GET /api/explain?id=…`
pub async fn explain(State(questions): State<Arc<Questions>>, Query(named): Query<Named>) -> Response {
    about(&questions, &["explain", "--format", "html", "--"], named, document).await
}

/// `GET /api/timeline?id=…`
pub async fn timeline(State(questions): State<Arc<Questions>>, Query(named): Query<Named>) -> Response {
    about(&questions, &["timeline", "--format", "html", "--"], named, document).await
}

/// `GET /api/record?id=…`
pub async fn record(State(questions): State<Arc<Questions>>, Query(named): Query<Named>) -> Response {
    about(&questions, &["show", "--"], named, text).await
}

/// `GET /api/report?window=…`
pub async fn report(
    State(questions): State<Arc<Questions>>,
    Extension(documents): Extension<Arc<Documents>>,
    Query(within): Query<InWindow>,
) -> Response {
    match report_window(&within.window) {
        Err(why) => refused(&why),
        Ok(options) if options.iter().any(|option| option.contains('\0')) => refused(NO_NUL),
        Ok(options) => match questions.report(options.into_iter().chain(from_clock(within.now)).collect()).await {
            Ok(output) if output.answered => match documents.keep(output.data.clone()) {
                Ok(page) => respond(StatusCode::OK, line(&framed(&output, &page))),
                Err(error) => failed(&error),
            },
            other => reply(other, document),
        },
    }
}

/// A report: the page to save, and the address at which a frame finds it.
fn framed(output: &Output, page: &str) -> serde_json::Value {
    json!({"html": output.data, "page": page, "notes": output.notes, "cut": output.cut})
}

/// The option for times relative to the clock.
fn from_clock(now: bool) -> Option<String> {
    now.then(|| "--as-of=now".to_owned())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The window of a report: a clause of the query language as options of the command.
fn report_window(window: &str) -> Result<Vec<String>, String> {
    let window = window.trim();
    if window.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = || {
        format!(
            "`{window}` is not a window for a report; expected one such as since 7d, between 2026-03-04 and 2026-03-05, \
             or around 2026-03-04T05:30Z within 2h"
        )
    };
    let (clause, rest) = window.split_once(char::is_whitespace).ok_or_else(wrong)?;
    let rest = rest.trim();
    match clause.to_ascii_lowercase().as_str() {
        "since" => Ok(vec![format!("--since={rest}")]),
        "between" => {
            let (from, to) = rest.split_once(" and ").ok_or_else(wrong)?;
            let times = [from.trim(), to.trim()];
            // Two values of one option cannot be joined to it with `=`.
            if times.iter().any(|time| time.is_empty() || time.starts_with('-')) {
                return Err(wrong());
            }
            Ok(words(&["--between", times[0], times[1]]))
        }
        "around" => Ok(match rest.split_once(" within ") {
            None => vec![format!("--around={rest}")],
            Some((time, length)) => vec![format!("--around={}", time.trim()), format!("--within={}", length.trim())],
        }),
        _ => Err(wrong()),
    }
}

const NO_NUL: &str = "the text has the character U+0000, which no command can be given; leave it out";

/// Runs a command about a name.
async fn about(questions: &Questions, command: &[&str], named: Named, write: fn(&Output) -> String) -> Response {
    let mut command = words(command);
    command.push(named.id);
    answer(questions, command, write).await
}

/// Runs a command; `write` makes JSON of its output.
async fn answer(questions: &Questions, command: Vec<String>, write: fn(&Output) -> String) -> Response {
    if command.iter().any(|word| word.contains('\0')) {
        return refused(NO_NUL);
    }
    reply(questions.ask(command).await, write)
}

fn reply(asked: io::Result<Output>, write: fn(&Output) -> String) -> Response {
    match asked {
        Err(error) => failed(&error),
        // The error as the command printed it, with the place in the query.
        Ok(output) if !output.answered => respond(StatusCode::UNPROCESSABLE_ENTITY, line(&json!({"error": output.notes}))),
        Ok(output) => respond(StatusCode::OK, write(&output)),
    }
}

/// The JSON document of the command as it is, and its notes.
fn rows(output: &Output) -> String {
    format!("{{\"answer\":{},\"notes\":{},\"cut\":{}}}\n", whole_rows(output), line(&output.notes), output.cut)
}

/// The text of the command.
fn text(output: &Output) -> String {
    line(&json!({"text": output.data, "notes": output.notes, "cut": output.cut}))
}

/// A page that the command made.
fn document(output: &Output) -> String {
    line(&json!({"html": output.data, "notes": output.notes, "cut": output.cut}))
}

/// A document that may have been cut, with the rows that are complete. There is one row per line.
fn whole_rows(output: &Output) -> String {
    let data = output.data.trim_end();
    if !output.cut {
        return data.to_owned();
    }
    const BEFORE_ROWS: &str = "\"rows\":[";
    let rows = data.rfind("},\n{").map(|end| end + 1);
    let end = rows.or_else(|| data.find(BEFORE_ROWS).map(|start| start + BEFORE_ROWS.len()));
    match end.and_then(|end| data.get(..end)) {
        Some(complete) => format!("{complete}\n]}}"),
        None => "null".to_owned(),
    }
}

fn line(value: &impl Serialize) -> String {
    json_line(value).unwrap_or_else(|_| "null".to_owned())
}

fn respond(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refused(why: &str) -> Response {
    respond(StatusCode::BAD_REQUEST, line(&json!({"error": format!("error: {why}")})))
}

fn failed(error: &io::Error) -> Response {
    let status = match error.kind() {
        io::ErrorKind::ResourceBusy => StatusCode::SERVICE_UNAVAILABLE,
        io::ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = respond(status, line(&json!({"error": format!("error: {error}")})));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// The byte of a position in UTF-16 units.
fn byte_of(text: &str, units: usize) -> usize {
    let mut passed = 0;
    for (byte, c) in text.char_indices() {
        if passed >= units {
            return byte;
        }
        passed += c.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> Question {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn text_of_a_request_is_never_an_option() {
        let hostile = question(r#"{"query": "--out=/etc/passwd", "set": {"since": "--out=x"}}"#);
        let command = hostile.command().unwrap();
        assert_eq!(command, ["query", "--format", "json", "--evidence", "--set=since=--out=x", "--", "--out=/etc/passwd"]);
        assert!(question(r#"{"query": "@lost", "set": {"a=b --out": "x"}}"#).command().is_err());
        assert!(serde_json::from_str::<Question>(r#"{"query": "calls", "out": "x"}"#).is_err());
        assert!(serde_json::from_str::<Question>(r#"{"query": "calls", "format": "parquet"}"#).is_err());
    }

    #[test]
    fn windows_become_options() {
        assert_eq!(report_window(" since last week ").unwrap(), ["--since=last week"]);
        assert_eq!(report_window("since --out=x").unwrap(), ["--since=--out=x"]);
        assert_eq!(report_window("BETWEEN 2026-03-04 and 2026-03-05").unwrap(), ["--between", "2026-03-04", "2026-03-05"]);
        assert_eq!(report_window("around 2026-03-04 within 2h").unwrap(), ["--around=2026-03-04", "--within=2h"]);
        assert_eq!(report_window("").unwrap(), [""; 0]);
        for wrong in ["7d", "between a", "between --out=x and b", "between a and --out=x", "on monday"] {
            assert!(report_window(wrong).unwrap_err().contains("expected one such as"), "{wrong}");
        }
    }

    #[test]
    fn a_cut_answer_keeps_its_complete_rows() {
        let data = "{\"query\":\"calls\",\n \"columns\":[],\n \"rows\":[\n{\"a\":\"},{\"},\n{\"a\":2},\n{\"a\":";
        let of = |data: &str, cut| Output { data: data.to_owned(), cut, ..Output::default() };
        let whole: serde_json::Value = serde_json::from_str(&whole_rows(&of(data, true))).unwrap();
        assert_eq!(whole["rows"], serde_json::json!([{"a": "},{"}, {"a": 2}]));
        let empty = "{\"query\":\"calls\",\n \"columns\":[],\n \"rows\":[\n{\"a\":";
        let whole: serde_json::Value = serde_json::from_str(&whole_rows(&of(empty, true))).unwrap();
        assert_eq!(whole["rows"], serde_json::json!([]));
        assert_eq!(whole_rows(&of("{\"query\":", true)), "null");
        assert_eq!(whole_rows(&of("{}\n", false)), "{}");
    }

    #[test]
    fn positions_are_counted_as_browsers_do() {
        let text = "a👩é";
        assert_eq!([0, 1, 3, 4, 9].map(|units| byte_of(text, units)), [0, 1, 5, 7, 7]);
        // The middle of a character is its end.
        assert_eq!(byte_of(text, 2), 5);
    }
}
