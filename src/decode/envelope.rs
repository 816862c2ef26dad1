//! What a JSON value is, and the records within it.
//!
//! In: a parsed value. Out: [`Found`]: each record in it that is known, whatever it is wrapped in
//! (SNS, SQS, CloudWatch Logs, Kinesis, vendor wrappers, JSON in texts, base64 of gzip), to a bounded
//! depth. Recognition is by content: keys, never file names.

use super::buffer::Buffer;
use super::inflate::{InflateLimits, InflateProblem, inflate, is_gzip};
use super::json::{Tape, Value};
use super::recognize::recognize;
use super::{answer, flow, looks, partial, rows, secret, spelling};
use base64::Engine;

/// How deep wrappers may nest.
const MAX_WRAPPERS: usize = 10;

/// How much a compressed text within a record may expand: a CloudWatch Logs batch has at most a few MiB.
const PACKED_LIMITS: InflateLimits = InflateLimits { bytes: 64 << 20, ratio: 400 };

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A CloudTrail record, as it is.
    Call,
    /// A CloudTrail record that came through EventBridge; the value is the record itself.
    EventBridgeCall,
    /// An EventBridge event (the whole envelope).
    Event,
    /// A task of `aws ecs describe-tasks`.
    Task,
    /// A container instance of `aws ecs describe-container-instances`.
    ContainerInstance,
    /// A service of `aws ecs describe-services`.
    Service,
    /// A message of a service on its own.
    ServiceMessage,
    /// A deployment of `describe-services` on its own.
    Deployment,
    /// A deployment of `describe-service-deployments`, of `list-service-deployments`, or of a daemon.
    ServiceDeployment,
    /// A revision of `describe-service-revisions`.
    ServiceRevision,
    /// A line of the ECS Action Logs.
    ActionLog,
    /// An event of the AWS Health API.
    Health,
    /// The failure with this number of an answer of `run-task` or `start-task`; the value is the answer, or the failure
    /// where it stands alone.
    LaunchFailure(usize),
    /// A dstack run.
    Run,
    /// A dstack event.
    RunEvent,
    /// A dstack job submission on its own.
    Submission,
    /// Known, and no record to load; a code says what it is.
    Other(&'static str),
    /// A line of a VPC flow log in the default format.
    FlowLine,
    /// It names itself a record and cannot be read; a code, and why.
    Unreadable(&'static str, &'static str),
    /// It looks like a record of AWS or dstack, and nothing here reads it.
    Unknown,
}

/// One record found.
#[derive(Debug)]
pub struct Found<'t> {
    /// What it is.
    pub shape: Shape,
    /// The record.
    pub value: Value<'t>,
    /// Its text, where it stands in the file on its own and on one line; else it has to be written.
    pub text: Option<&'t str>,
}

/// Finds the records in a value; gives how many there were.
pub fn find<'t>(tape: &'t Tape<'t>, text: &'t str, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let found = find_aside(tape, text, on);
    if found == 0 {
        on(Found { shape: no_record(tape.root()), value: tape.root(), text: Some(text) });
        return 1;
    }
    found
}

/// Finds the records in a value that stands beside others, such as the metadata of an envelope: it may hold none.
pub fn find_aside<'t>(tape: &'t Tape<'t>, text: &'t str, on: &mut dyn FnMut(Found<'_>)) -> usize {
    walk(tape.root(), one_line(tape, text), 0, on)
}

/// What a value without records is.
fn no_record(value: Value<'_>) -> Shape {
    let notified = |value: Value<'_>| value.text_at("eventSource").is_some_and(|source| source.starts_with("aws:"));
    if notified(value) {
        return Shape::Other("notification");
    }
    if answer::is_empty(value) {
        return Shape::Other("empty_answer");
    }
    if looks::is_of_aws_or_dstack(value) { Shape::Unknown } else { Shape::Other("not_a_log") }
}

/// Line breaks are those of an export, not of the record: copies that differ in them are alike, so a record that has
/// some is written anew.
fn one_line<'t>(tape: &Tape<'_>, text: &'t str) -> Option<&'t str> {
    (!tape.has_line_breaks()).then_some(text)
}

/// Masks the secrets of a parsed text and gives the result to `use_it`. What is masked is not what is
/// in the file, but it is what the program knows of it from here on.
pub fn with_masked<R>(text: &str, mut tape: Tape<'_>, use_it: impl FnOnce(&Tape<'_>, &str) -> R) -> R {
    let in_text = secret::has_credential_text(text);
    if in_text || tape.is_sensitive() {
        let masked = secret::mask_record(&mut tape, text, in_text);
        return use_it(&tape, &masked);
    }
    use_it(&tape, text)
}

fn walk(value: Value<'_>, text: Option<&str>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if let Some(inner) = value.text() {
        if let Some(shape) = flow_line(inner) {
            on(Found { shape, value, text: None });
            return 1;
        }
        return walk_text(value, inner, false, depth, on);
    }
    if value.is_array() {
        return walk_array(value, depth, on);
    }
    if !value.is_object() {
        return 0;
    }
    if depth > MAX_WRAPPERS {
        return too_deep(value, on);
    }
    match recognize(value) {
        Some(Shape::Event) => walk_event(value, text, depth, on),
        Some(Shape::Task | Shape::ContainerInstance | Shape::Service) if spelling::has_enum_object(value) => {
            walk_as_api(value, depth, on)
        }
        Some(shape) => {
            on(Found { shape, value, text });
            1
        }
        None => walk_other(value, text, depth, on),
    }
}

/// Nothing is searched for below this depth; what has records there is reported.
fn too_deep(value: Value<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if !looks::is_of_aws_or_dstack(value) {
        return 0;
    }
    on(Found { shape: Shape::Unreadable("too_deep", "nested in more than ten envelopes"), value, text: None });
    1
}

/// An object that its usual keys do not identify: in the spelling of an SDK, reduced, or something that holds records.
fn walk_other(value: Value<'_>, text: Option<&str>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    // Messages of an envelope are many: they are opened before anything else is tried.
    if value.entries().any(|(key, child)| is_payload(key) && child.text().is_some_and(|inner| inner.starts_with('{'))) {
        return walk_entries(value, depth, on);
    }
    if spelling::is_of_sdk(value) {
        return walk_as_api(value, depth, on);
    }
    if let Some((shape, text)) = rows::record_of_object(value) {
        return walk_written(shape, &text, depth, on);
    }
    if let Some(shape) = partial::shape(value) {
        if spelling::has_enum_object(value) {
            return walk_as_api(value, depth, on);
        }
        on(Found { shape, value, text });
        return 1;
    }
    if let Some(shape) = answer::failure_shape(None, value, 0) {
        on(Found { shape, value, text });
        return 1;
    }
    walk_entries(value, depth, on)
}

/// Lists of envelopes and answers, of which every element is counted.
const MESSAGES: [&str; 8] = ["logEvents", "Messages", "messages", "records", "Records", "Events", "Entries", "events"];

/// Lists that describe what is beside them.
pub(super) const METADATA: [&str; 6] = ["searchedLogStreams", "tags", "Tags", "resources", "Resources", "nextTokens"];

fn walk_entries(value: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut empty = Vec::new();
    for (key, child) in value.entries() {
        let records = walk_entry(value, key, child, depth, on);
        found += records;
        if records == 0 && child.is_array() && !METADATA.contains(&key) && child.items().any(Value::is_object) {
            empty.push((key, child));
        }
    }
    // Beside records, a list of other things is accounted for; the messages of an envelope always are.
    for (key, child) in empty {
        if found > 0 || MESSAGES.contains(&key) {
            for item in child.items() {
                let shape = if MESSAGES.contains(&key) { no_record(item) } else { Shape::Other("not_a_log") };
                on(Found { shape, value: item, text: None });
                found += 1;
            }
        }
    }
    found
}

fn walk_entry(holder: Value<'_>, key: &str, child: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if let Some(inner) = child.text().filter(|_| is_payload(key)) {
        if let Some(shape) = flow_line(inner) {
            on(Found { shape, value: child, text: None });
            return 1;
        }
        let found = walk_text(child, inner, true, depth, on);
        if found > 0 || key != "CloudTrailEvent" {
            return found;
        }
        let why = "CloudTrailEvent is not a CloudTrail record as JSON";
        on(Found { shape: Shape::Unreadable("broken_json", why), value: child, text: None });
        return 1;
    }
    let mut found = 0;
    if child.is_array() {
        let items: Vec<_> = child.items().collect();
        let known = |index: usize, item: Value<'_>| match key {
            "failures" => answer::failure_shape(Some(holder), item, index),
            _ => None,
        };
        let shapes: Vec<_> = items.iter().enumerate().map(|(index, item)| known(index, *item)).collect();
        if shapes.iter().any(Option::is_some) {
            for (shape, item) in shapes.into_iter().zip(items) {
                let shape = shape.unwrap_or_else(|| no_record(item));
                let value = if matches!(shape, Shape::LaunchFailure(_)) { holder } else { item };
                on(Found { shape, value, text: None });
                found += 1;
            }
            return found;
        }
        if let Some(word) = child.items().next().and_then(|first| answer::described(key, first)) {
            for item in child.items() {
                let records = walk(item, None, depth + 1, on);
                if records == 0 {
                    on(Found { shape: Shape::Other(word), value: item, text: None });
                }
                found += records.max(1);
            }
            return found;
        }
    }
    found += walk(child, None, depth + 1, on);
    if found == 0
        && let Some(word) = answer::described(key, child)
    {
        on(Found { shape: Shape::Other(word), value: child, text: None });
        return 1;
    }
    found
}

/// Keys under which an envelope has a record as a text.
fn is_payload(key: &str) -> bool {
    matches!(
        key,
        "CloudTrailEvent" | "Message" | "message" | "@message" | "Body" | "body" | "Data" | "data" | "_raw" | "Cause" | "cause"
    )
}

/// The elements of a list; where some are records, the others are accounted for.
fn walk_array(value: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if depth > MAX_WRAPPERS {
        return too_deep(value, on);
    }
    let mut others = Vec::new();
    let mut found = 0;
    for item in value.items() {
        match walk(item, None, depth + 1, on) {
            0 => others.push(item),
            records => found += records,
        }
    }
    if found > 0 {
        found += others.len();
        for item in others {
            on(Found { shape: no_record(item), value: item, text: None });
        }
        return found;
    }
    match rows::record_of_list(value) {
        Some((shape, text)) => walk_written(shape, &text, depth, on),
        None => 0,
    }
}

/// Walks a value in the spelling of the API.
fn walk_as_api(value: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut text = String::new();
    spelling::write_as_api(value, &mut text);
    walk_written(None, &text, depth, on)
}

/// Walks a text that was written from a record in other words; its secrets are masked already.
fn walk_written(shape: Option<Shape>, text: &str, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let Ok(tape) = Tape::parse(text) else { return 0 };
    match shape {
        Some(shape) => {
            on(Found { shape, value: tape.root(), text: Some(text) });
            1
        }
        None => walk(tape.root(), Some(text), depth + 1, on),
    }
}

/// Logs in CloudWatch have no header line: only the default format tells what it is.
fn flow_line(text: &str) -> Option<Shape> {
    if flow::is_default_record(text) {
        return Some(Shape::FlowLine);
    }
    let custom = text.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '-') && flow::is_record(text);
    custom.then_some(Shape::Unreadable(
        "flow_format",
        "a flow log record in a custom format, without the header line that names its fields",
    ))
}

/// A text that may be JSON, or base64 of gzip of JSON, one value or several. Of a payload, what cannot be read is reported.
fn walk_text(value: Value<'_>, text: &str, is_payload: bool, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if depth > MAX_WRAPPERS {
        return 0;
    }
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') || trimmed.starts_with('[') || trimmed.starts_with('"') {
        return walk_json(value, trimmed, is_payload, depth, on);
    }
    // "H4sI" is how base64 of a gzip header begins; "eyJ", "eyA" and "ewo" how base64 of `{"`, `{ ` and `{` with a line
    // break do, "W3s" how that of `[{` does (Kinesis data).
    let is_packed = trimmed.starts_with("H4sI");
    if !is_packed && !["eyJ", "eyA", "ewo", "W3s"].iter().any(|front| trimmed.starts_with(front)) {
        return 0;
    }
    let unreadable = |on: &mut dyn FnMut(Found<'_>), detail| {
        on(Found { shape: Shape::Unreadable("damaged_envelope", detail), value, text: None });
        1
    };
    let bytes = match base64::engine::general_purpose::STANDARD.decode(trimmed.trim_end()) {
        Ok(bytes) => bytes,
        Err(_) if is_packed && is_payload => return unreadable(on, "a compressed message that is not valid base64"),
        Err(_) => return 0,
    };
    if !is_gzip(&bytes) {
        return std::str::from_utf8(&bytes).map_or(0, |text| walk_json(value, text, false, depth, on));
    }
    let mut out = Buffer::default();
    let problem = inflate(&bytes, PACKED_LIMITS, &mut out);
    let found = match &problem {
        Some(InflateProblem::Bomb { .. }) => 0,
        _ => std::str::from_utf8(&out).map_or(0, |text| walk_json(value, text, problem.is_none(), depth, on)),
    };
    match problem {
        None => found,
        Some(InflateProblem::Bomb { .. }) => unreadable(on, "a compressed message that expands beyond 64 MiB"),
        Some(_) => found + unreadable(on, "a damaged compressed message; the records before the damage are loaded"),
    }
}

fn walk_json(value: Value<'_>, text: &str, is_payload: bool, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut rest = text;
    while let Some((Ok(tape), end)) = Tape::parse_front(rest) {
        let (slice, after) = rest.split_at_checked(end).unwrap_or_default();
        let slice = slice.trim();
        rest = after;
        found += with_masked(slice, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth + 1, on));
    }
    let rest = rest.trim();
    if !rest.is_empty() && (found > 0 || (is_payload && begins_object(rest))) {
        let why = "a message that is not valid JSON, or is cut off";
        on(Found { shape: Shape::Unreadable("broken_json", why), value, text: None });
        found += 1;
    }
    found
}

/// `{"`, as objects with a key begin.
fn begins_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

/// An EventBridge envelope: its detail may be a CloudTrail record, or JSON in a text.
fn walk_event(value: Value<'_>, text: Option<&str>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let Some(detail) = value.get("detail") else { return 0 };
    if let Some(inner) = detail.text() {
        // Written again with the detail as an object, so that one reading serves both forms.
        let mut whole = String::from("{");
        for (key, child) in value.entries().filter(|(key, _)| *key != "detail") {
            whole.push_str(&serde_json::Value::from(key).to_string());
            whole.push(':');
            child.write(&mut whole);
            whole.push(',');
        }
        whole.push_str("\"detail\":");
        whole.push_str(inner);
        whole.push('}');
        if let Ok(tape) = Tape::parse(&whole)
            && tape.root().get("detail").is_some_and(Value::is_object)
        {
            return with_masked(&whole, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth + 1, on));
        }
        on(Found { shape: Shape::Unreadable("broken_json", "`detail` is a string, but not a JSON object"), value, text });
        return 1;
    }
    if recognize(detail) == Some(Shape::Call) {
        on(Found { shape: Shape::EventBridgeCall, value: detail, text: None });
    } else {
        on(Found { shape: Shape::Event, value, text });
    }
    1
}
