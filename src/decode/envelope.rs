//! What a JSON value is, and the records within it.
//!
//! In: a parsed value. Out: [`Found`]: each record in it that is known, whatever it is wrapped in
//! (SNS, SQS, CloudWatch Logs, Kinesis, vendor wrappers, JSON in texts, base64 of gzip), to a bounded
//! depth. Recognition is by content: keys, never file names.

use super::buffer::Buffer;
use super::flow;
use super::inflate::{InflateLimits, InflateProblem, inflate, is_gzip};
use super::json::{Tape, Value};
use super::keys::Key;
use super::secret;
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
    let found = walk(tape.root(), one_line(tape, text), 0, on);
    if found == 0 {
        on(Found { shape: Shape::Other("not_a_log"), value: tape.root(), text: Some(text) });
        return 1;
    }
    found
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
    if depth > MAX_WRAPPERS {
        return 0;
    }
    if let Some(inner) = value.text() {
        if let Some(shape) = flow_line(inner) {
            on(Found { shape, value, text: None });
            return 1;
        }
        return walk_text(inner, depth, on);
    }
    if value.is_array() {
        return walk_array(value, depth, on);
    }
    if !value.is_object() {
        return 0;
    }
    match recognize(value) {
        Some(Shape::Event) => walk_event(value, text, depth, on),
        Some(shape) => {
            on(Found { shape, value, text });
            1
        }
        None => value.entries().map(|(key, child)| walk_entry(key, child, depth, on)).sum(),
    }
}

fn walk_entry(key: &str, child: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let found = walk(child, None, depth + 1, on);
    if found == 0 && key == "CloudTrailEvent" && child.text().is_some() {
        on(Found {
            shape: Shape::Unreadable("broken_json", "CloudTrailEvent is no JSON text of a CloudTrail record"),
            value: child,
            text: None,
        });
        return 1;
    }
    found
}

/// The elements of a list; where some are records, the others are accounted for.
fn walk_array(value: Value<'_>, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
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
            on(Found { shape: Shape::Other("not_a_log"), value: item, text: None });
        }
    }
    found
}

/// Logs in CloudWatch have no header line: only the default format tells what it is.
fn flow_line(text: &str) -> Option<Shape> {
    if flow::is_default_record(text) {
        return Some(Shape::FlowLine);
    }
    let custom = text.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '-') && flow::is_record(text);
    custom.then_some(Shape::Unreadable(
        "flow_format",
        "a record of a flow log in a format of its own, without the line of its field names",
    ))
}

/// A text that may be JSON, or base64 of gzip of JSON, one value or several.
fn walk_text(text: &str, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') || trimmed.starts_with('[') || trimmed.starts_with('"') {
        return walk_json(trimmed, depth, on);
    }
    // "H4sI" is how base64 of a gzip header begins; "eyJ" how base64 of `{"` does (Kinesis data).
    let packed = trimmed.starts_with("H4sI") || trimmed.starts_with("eyJ");
    if !packed {
        return 0;
    }
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(trimmed.trim_end()) else { return 0 };
    if !is_gzip(&bytes) {
        return std::str::from_utf8(&bytes).map_or(0, |text| walk_json(text, depth, on));
    }
    let mut out = Buffer::default();
    match inflate(&bytes, PACKED_LIMITS, &mut out) {
        Some(InflateProblem::Bomb { .. }) => 0,
        _ => std::str::from_utf8(&out).map_or(0, |text| walk_json(text, depth, on)),
    }
}

fn walk_json(text: &str, depth: usize, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut rest = text;
    while let Some((Ok(tape), end)) = Tape::parse_front(rest) {
        let (slice, after) = rest.split_at_checked(end).unwrap_or_default();
        let slice = slice.trim();
        rest = after;
        found += with_masked(slice, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth + 1, on));
    }
    found
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
        on(Found { shape: Shape::Unreadable("broken_json", "`detail` is a text that is no JSON object"), value, text });
        return 1;
    }
    if recognize(detail) == Some(Shape::Call) {
        on(Found { shape: Shape::EventBridgeCall, value: detail, text: None });
    } else {
        on(Found { shape: Shape::Event, value, text });
    }
    1
}

/// What an object is, by its keys.
fn recognize(value: Value<'_>) -> Option<Shape> {
    let mut keys = Keys::default();
    for (key, child) in value.keyed_entries() {
        keys.see(key, child);
    }
    keys.shape()
}

/// The tell-tale keys of the shapes, collected in one pass.
#[derive(Debug, Default)]
struct Keys<'t> {
    event_source: Option<&'t str>,
    event_name: bool,
    event_id: bool,
    event_type: Option<&'t str>,
    event_category: Option<&'t str>,
    event_version: bool,
    user_identity: bool,
    detail: bool,
    detail_type: bool,
    digest: bool,
    lake_signature: bool,
    run_spec: bool,
    status: bool,
    submitted_at: bool,
    recorded_at: bool,
    targets: bool,
    submission_num: bool,
    termination_reason: bool,
    job_provisioning_data: bool,
    task_arn: bool,
    last_status: bool,
    task_definition_arn: bool,
    container_instance_arn: bool,
    agent_connected: bool,
    registered_resources: bool,
    service_arn: bool,
    service_name: bool,
    control_message: bool,
    log_source: bool,
    instance_type: bool,
    busy_blocks: bool,
    last_instances: bool,
}

impl<'t> Keys<'t> {
    fn see(&mut self, key: Key, child: Value<'t>) {
        match key {
            Key::EventSource => self.event_source = child.text(),
            Key::EventName => self.event_name = true,
            Key::EventId | Key::EventIdOfHistory => self.event_id = true,
            Key::EventType => self.event_type = child.text(),
            Key::EventCategory => self.event_category = child.text(),
            Key::EventVersion => self.event_version = true,
            Key::UserIdentity => self.user_identity = true,
            Key::Detail => self.detail = true,
            Key::DetailType => self.detail_type = true,
            Key::Digest => self.digest = true,
            Key::HashSignature => self.lake_signature = true,
            Key::RunSpec => self.run_spec = child.is_object(),
            Key::Status => self.status = child.text().is_some(),
            Key::SubmittedAt => self.submitted_at = child.text().is_some(),
            Key::RecordedAt => self.recorded_at = child.text().is_some(),
            Key::Targets => self.targets = true,
            Key::SubmissionNum => self.submission_num = true,
            Key::TerminationReason => self.termination_reason = true,
            Key::JobProvisioningData => self.job_provisioning_data = true,
            Key::TaskArn => self.task_arn = true,
            Key::LastStatus => self.last_status = true,
            Key::TaskDefinitionArn => self.task_definition_arn = true,
            Key::ContainerInstanceArn => self.container_instance_arn = true,
            Key::AgentConnected => self.agent_connected = true,
            Key::RegisteredResources => self.registered_resources = true,
            Key::ServiceArn => self.service_arn = true,
            Key::ServiceName => self.service_name = true,
            Key::MessageType => self.control_message = child.text() == Some("CONTROL_MESSAGE"),
            Key::LogSource => self.log_source = true,
            Key::InstanceType => self.instance_type = true,
            Key::BusyBlocks => self.busy_blocks = true,
            Key::Instances => self.last_instances = child.is_array(),
            _ => {}
        }
    }

    fn shape(&self) -> Option<Shape> {
        if self.detail && self.detail_type {
            return Some(Shape::Event);
        }
        // S3, SQS and SNS notifications have the same keys; their sources begin with `aws:`.
        let foreign = self.event_source.is_some_and(|source| source.starts_with("aws:"));
        if self.event_category == Some("Aggregated") || self.event_type == Some("AwsAggregatedEvent") {
            return Some(Shape::Other("aggregated"));
        }
        if self.event_type == Some("AwsCloudTrailInsight") {
            return Some(Shape::Other("insight"));
        }
        if self.event_source.is_some()
            && !foreign
            && self.event_name
            && (self.event_version || self.user_identity || self.event_id)
        {
            return Some(Shape::Call);
        }
        if self.digest {
            return Some(Shape::Other("digest"));
        }
        if self.lake_signature {
            return Some(Shape::Other("lake_signature"));
        }
        if self.run_spec && self.submitted_at && self.status {
            return Some(Shape::Run);
        }
        if self.recorded_at && self.targets {
            return Some(Shape::RunEvent);
        }
        if self.submission_num && self.termination_reason && self.job_provisioning_data && self.submitted_at {
            return Some(Shape::Submission);
        }
        if self.task_arn && self.last_status && self.task_definition_arn {
            return Some(Shape::Task);
        }
        if self.container_instance_arn && (self.agent_connected || self.registered_resources) {
            return Some(Shape::ContainerInstance);
        }
        if self.service_arn && self.service_name {
            return Some(Shape::Service);
        }
        if self.control_message {
            return Some(Shape::Other("control_message"));
        }
        if self.log_source {
            return Some(Shape::Other("dstack_log"));
        }
        if (self.instance_type && self.busy_blocks) || (self.last_instances && self.status) {
            return Some(Shape::Other("dstack_instance"));
        }
        None
    }
}
