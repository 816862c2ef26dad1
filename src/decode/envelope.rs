//! Identifies JSON values and the records within them.
//!
//! In: a parsed value. Out: a [`Found`] for each known record, unwrapped from any envelope (SNS, SQS, CloudWatch
//! Logs, Kinesis, vendor wrappers, JSON in strings, base64 of gzip) up to a depth limit. Recognition relies on keys,
//! never on file names.

mod cells;

use self::cells::{walk_cells, walk_event_of_text, walk_literal};
use super::budget::Budget;
use super::buffer::Buffer;
use super::cells::has_cells;
use super::inflate::{InflateProblem, inflate, is_gzip};
use super::json::{Tape, Value};
use super::ocsf::Ocsf;
use super::quoted::{self, Quoted};
use super::recognize::{recognize, recognize_row};
use super::{answer, elastic, flow, looks, mongo, ocsf, otel, partial, pieces, result_set, rows, secret, spelling, typed};
use base64::Engine;
use std::collections::BTreeSet;

/// Maximum nesting depth of envelopes.
const MAX_WRAPPERS: usize = 10;

/// How many envelopes a value is in, and the budget of its file.
#[derive(Debug, Clone, Copy)]
struct Depth<'b> {
    /// Objects and encoded texts around the value. A list is part of the envelope that has it; only a list in a list counts.
    wrappers: usize,
    /// All levels around the value, with lists.
    levels: usize,
    /// Whether the value is all there is, in whatever spelling.
    is_top: bool,
    budget: &'b Budget,
}

impl Depth<'_> {
    /// The depth in one more envelope.
    fn below(self) -> Self {
        Depth { wrappers: self.wrappers + 1, ..self.beside() }
    }

    /// The depth of a text, or of an element of a list, which is in the same envelope.
    fn beside(self) -> Self {
        Depth { levels: self.levels + 1, is_top: false, ..self }
    }

    /// The depth of a value in the envelope at hand. A text is counted when it is opened.
    fn of_child(self, child: Value<'_>) -> Self {
        if child.text().is_some() { self.beside() } else { self.below() }
    }

    /// The depth of an element of the list at hand.
    fn of_element(self, element: Value<'_>) -> Self {
        if element.is_array() { self.below() } else { self.beside() }
    }

    fn is_too_deep(self) -> bool {
        self.wrappers > MAX_WRAPPERS
    }
}

/// The shape of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A plain CloudTrail record.
    Call,
    /// A CloudTrail record delivered through EventBridge; the value is the record itself.
    EventBridgeCall,
    /// An EventBridge event (the whole envelope).
    Event,
    /// A task from `aws ecs describe-tasks`.
    Task,
    /// A container instance from `aws ecs describe-container-instances`.
    ContainerInstance,
    /// A service from `aws ecs describe-services`.
    Service,
    /// A separate message of a service.
    ServiceMessage,
    /// A separate deployment from `describe-services`.
    Deployment,
    /// A deployment from `describe-service-deployments` or `list-service-deployments`, or of a daemon.
    ServiceDeployment,
    /// A revision from `describe-service-revisions`.
    ServiceRevision,
    /// A line of the ECS Action Logs.
    ActionLog,
    /// An event from the AWS Health API.
    Health,
    /// A response of `run-task` or `start-task` with failures; each of its `failures[]` is a record.
    LaunchResponse,
    /// A failure of `run-task` or `start-task` without its response.
    LaunchFailure,
    /// A response within something else, so that the time of the file is not its time.
    InnerLaunchResponse,
    /// A failure without its response within something else.
    InnerLaunchFailure,
    /// A dstack run.
    Run,
    /// A dstack event.
    RunEvent,
    /// A separate dstack job submission.
    Submission,
    /// A dstack volume, gateway, fleet or instance, with the reason code of one that is well.
    DstackResource(&'static str),
    /// Recognized, but not a record to load, with a reason code.
    Other(&'static str),
    /// A line of a VPC flow log in the default format.
    FlowLine,
    /// It claims to be a record but cannot be read, with a reason code and a message.
    Unreadable(&'static str, &'static str),
    /// A row of a table with an object that cannot be read; the value is an object with the cell under the name of its column.
    UnreadableRow,
    /// It looks like an AWS or dstack record of an unsupported type.
    Unknown,
}

impl Shape {
    /// Whether it is a record to load.
    fn is_record(self) -> bool {
        !matches!(self, Shape::Other(_) | Shape::Unreadable(..) | Shape::UnreadableRow | Shape::Unknown)
    }

    /// The shape of the same within something else.
    pub fn inner(self) -> Self {
        match self {
            Shape::LaunchResponse => Shape::InnerLaunchResponse,
            Shape::LaunchFailure => Shape::InnerLaunchFailure,
            shape => shape,
        }
    }
}

/// A record within a value.
#[derive(Debug)]
pub struct Found<'t> {
    /// Its shape.
    pub shape: Shape,
    /// The record.
    pub value: Value<'t>,
    /// Its text, if it is on one line of the file; otherwise the record must be serialized.
    pub text: Option<&'t str>,
}

/// Finds the records in a value; returns their number.
pub fn find<'t>(tape: &'t Tape<'t>, text: &'t str, budget: &Budget, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let found = find_aside(tape, text, budget, on);
    if found == 0 {
        on(Found { shape: no_record(tape.root()), value: tape.root(), text: Some(text) });
        return 1;
    }
    found
}

/// Finds the records in a value beside others, such as the metadata of an envelope, which may contain none.
pub fn find_aside<'t>(tape: &'t Tape<'t>, text: &'t str, budget: &Budget, on: &mut dyn FnMut(Found<'_>)) -> usize {
    walk(tape.root(), one_line(tape, text), Depth { wrappers: 0, levels: 0, is_top: true, budget }, on)
}

/// Classifies a value without records.
pub(super) fn no_record(value: Value<'_>) -> Shape {
    let notified = |value: Value<'_>| value.text_at("eventSource").is_some_and(|source| source.starts_with("aws:"));
    if notified(value) {
        return Shape::Other("notification");
    }
    if answer::is_empty(value) {
        return Shape::Other("empty_answer");
    }
    if is_log_of_dstack(value) {
        return Shape::Other("dstack_log");
    }
    if is_step(value) {
        return Shape::Other("other_event");
    }
    if prints_record(value) {
        return PRINTED;
    }
    // Its names of cluster and task belong to the program that wrote the line.
    if is_container_log(value) {
        return Shape::Other(LOG_LINE);
    }
    if looks::is_of_aws_or_dstack(value) {
        Shape::Unknown
    } else {
        Shape::Other(if log_message(value).is_some() { LOG_LINE } else { "not_a_log" })
    }
}

/// What CloudTrail publishes after it has written a file.
const POINTER: Shape = Shape::Unreadable(
    "unknown_shape",
    "a notification that CloudTrail has written a file, not the file; load the files: `ecs-audit load s3://BUCKET/PREFIX`",
);

/// A message of a program that printed a record in a form that is not JSON.
const PRINTED: Shape = Shape::Unreadable(
    "unknown_shape",
    "a record as a program prints it, not JSON; log it with `json.dumps(event, default=str)` or `JSON.stringify(event)`",
);

/// Whether a text in a value has a record that a program printed.
fn prints_record(value: Value<'_>) -> bool {
    match value.text() {
        Some(text) => quoted::prints_record(text.as_bytes()),
        None => value.items().any(prints_record) || value.entries().any(|(_, child)| prints_record(child)),
    }
}

/// Whether an object is a line that the server of dstack logs.
fn is_log_of_dstack(value: Value<'_>) -> bool {
    value.text_at("logger").is_some_and(|logger| logger.starts_with("dstack.")) && value.text_at("message").is_some()
}

/// Whether an object is an event of a Step Functions execution that says nothing of a failure. It names roles and clusters.
fn is_step(value: Value<'_>) -> bool {
    let is_failure = |kind: &str| ["Failed", "TimedOut"].iter().any(|end| kind.ends_with(end));
    value.get("previousEventId").and_then(Value::int).is_some()
        && value.get("timestamp").is_some()
        && value.text_at("type").is_some_and(|kind| !is_failure(kind))
}

/// The reason code of a line of a program in CloudWatch Logs.
pub const LOG_LINE: &str = "log_line";

/// Whether an object is a line of a program in a container, as Docker, FireLens and Fluent Bit write it: as text, or with the
/// fields of the line beside those of the container.
fn is_container_log(value: Value<'_>) -> bool {
    let is_text = |key: &str| value.text_at(key).is_some();
    let has_line = is_text("log") || is_text("ecs_task_arn");
    has_line && ["stream", "source", "container_id", "container_name"].into_iter().any(is_text)
}

/// The reason code of a volume, gateway or fleet of dstack, which describe a state and not what happened unless they failed.
fn resource_of_dstack(value: Value<'_>) -> Option<&'static str> {
    value.text_at("project_name")?;
    value.text_at("status")?;
    match value.get("configuration")?.text_at("type")? {
        "volume" => Some("dstack_volume"),
        "gateway" => Some("dstack_gateway"),
        "fleet" => Some("dstack_fleet"),
        _ => None,
    }
}

/// The message of an event of CloudWatch Logs.
pub(super) fn log_message(event: Value<'_>) -> Option<&str> {
    event.get("timestamp").and_then(Value::int)?;
    event.text_at("message")
}

/// Whether a line is one of a program: it quotes a record, or Lambda wrote it around those of a function, which may print the events
/// that it gets.
fn is_of_program(message: &str) -> bool {
    is_of_lambda(message) || !message.starts_with('{') && quoted::holds_record(message.as_bytes())
}

fn is_of_lambda(message: &str) -> bool {
    ["START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_START "].iter().any(|front| message.starts_with(front))
        || message.starts_with('{') && message.contains("\"type\":\"platform.")
}

/// For a message of CloudWatch Logs: whether it is a line of a program, so that others of its group are, too.
pub fn message_of_program(event: Value<'_>) -> Option<bool> {
    log_message(event).map(is_of_program)
}

/// What a message that is not a record is, in a log group of records.
pub const NOT_A_RECORD: &str = "a message that is not a record, among messages of CloudWatch Logs that are";

/// A log group of records has nothing else, unless a program writes to it, too.
const STRAY_MESSAGE: Shape = Shape::Unreadable("unknown_shape", NOT_A_RECORD);

/// Line breaks come from the export, not from the record. A record with line breaks is serialized again so that
/// copies are equal.
fn one_line<'t>(tape: &Tape<'_>, text: &'t str) -> Option<&'t str> {
    (!tape.has_line_breaks()).then_some(text)
}

/// Masks the secrets of a parsed text and passes the result to `use_it`. From here on, the program sees only the
/// masked form.
pub fn with_masked<R>(text: &str, mut tape: Tape<'_>, use_it: impl FnOnce(&Tape<'_>, &str) -> R) -> R {
    let in_text = secret::has_credential_text(text);
    if (in_text || tape.is_sensitive())
        && let Some(masked) = secret::mask_record(&mut tape, text, in_text)
    {
        return use_it(&tape, &masked);
    }
    use_it(&tape, text)
}

fn walk(value: Value<'_>, text: Option<&str>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if let Some(inner) = value.text() {
        if let Some(shape) = flow_line(inner) {
            on(Found { shape, value, text: None });
            return 1;
        }
        let found = walk_text(value, inner, TextRole::Any, depth, on);
        // A text of ECS that is all there is, or an element of all there is.
        if found == 0 && depth.levels < 2 && looks::is_text_of_ecs(inner) {
            on(Found { shape: WITHOUT_TIME, value, text: None });
            return 1;
        }
        return found;
    }
    if value.is_array() {
        return walk_array(value, depth, on);
    }
    if !value.is_object() {
        return 0;
    }
    if depth.is_too_deep() {
        return too_deep(value, on);
    }
    // Its keys are those of a record, but its values are not.
    if typed::is_item(value) {
        let mut text = String::new();
        typed::write_plain(value, &mut text);
        return walk_written(None, &text, depth, on);
    }
    if mongo::is_document(value) {
        let mut text = String::new();
        mongo::write_plain(value, &mut text);
        return walk_written(None, &text, depth, on);
    }
    if otel::is_map(value) {
        let mut text = String::new();
        otel::write_plain(value, &mut text);
        return walk_written(None, &text, depth, on);
    }
    let (shape, is_row) = recognize_row(value);
    match shape {
        Some(Shape::Event) => walk_event(value, text, depth, on),
        Some(Shape::Call) if is_row => walk_cells(value, depth, on),
        Some(
            Shape::Task | Shape::ContainerInstance | Shape::Service | Shape::ServiceDeployment | Shape::Run | Shape::Submission,
        ) if has_cells(value) => walk_cells(value, depth, on),
        Some(Shape::Task | Shape::ContainerInstance | Shape::Service) if spelling::has_enum_object(value) => {
            walk_as_api(value, depth, on)
        }
        Some(shape @ Shape::DstackResource(_)) => {
            on(Found { shape, value, text });
            1 + instances_of_fleet(value, on)
        }
        Some(shape) => {
            on(Found { shape, value, text });
            1
        }
        None => walk_other(value, text, depth, on),
    }
}

/// The instances in a fleet of dstack: each ends for a reason of its own.
fn instances_of_fleet(fleet: Value<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    for instance in fleet.get("instances").into_iter().flat_map(Value::items) {
        if let Some(shape @ Shape::DstackResource(_)) = recognize(instance) {
            on(Found { shape, value: instance, text: None });
            found += 1;
        }
    }
    found
}

/// `--query` left a message or a stop reason of ECS, and nothing else.
const WITHOUT_TIME: Shape = Shape::Unreadable(
    "missing_time",
    "only the text is left of a message or task; keep its time in `--query`, such as `events[].[createdAt,message]` or \
     `tasks[].[taskArn,stoppedAt,stoppedReason]`",
);

/// Stops at the depth limit; a value that may hold records, in whatever form, is reported.
fn too_deep(value: Value<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if !looks::is_of_aws_or_dstack(value) && !holds_text_of_records(value) {
        return 0;
    }
    on(Found { shape: Shape::Unreadable("too_deep", "nested in more than ten envelopes"), value, text: None });
    1
}

/// Whether a text below a value may hold records that are not opened.
fn holds_text_of_records(value: Value<'_>) -> bool {
    match value.text() {
        Some(text) => is_encoded(text.trim_start()) || begins_json(text) && looks::quotes_aws_or_dstack(text),
        None => value.items().any(holds_text_of_records) || value.entries().any(|(_, child)| holds_text_of_records(child)),
    }
}

/// Classifies an object without typical keys: one in SDK spelling, a reduced one, or a container of records.
fn walk_other(value: Value<'_>, text: Option<&str>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    // The original in such a document and the fields made of it are one record.
    if let Some(text) = elastic::read(value) {
        return walk_call(value, &text, on);
    }
    // Most objects here are envelope messages, so those are checked first.
    if value.entries().any(|(key, child)| is_payload(key) && child.text().is_some_and(|inner| inner.starts_with('{'))) {
        return walk_entries(value, depth, on);
    }
    if let Some(why) = of_other_service(value) {
        on(Found { shape: Shape::Other(why), value, text });
        return 1;
    }
    if value.text_at("s3Bucket").is_some() && value.get("s3ObjectKey").is_some() {
        on(Found { shape: POINTER, value, text });
        return 1;
    }
    if spelling::is_of_sdk(value) {
        return walk_as_api(value, depth, on);
    }
    if let Some(table) = result_set::table(value) {
        let mut found = 0;
        table.rows(&mut |row| found += walk_row(row, depth, on));
        return found;
    }
    if let Some((shape, text)) = rows::record_of_object(value) {
        return walk_written(shape, &text, depth, on);
    }
    if let Some(ocsf) = ocsf::read(value) {
        return walk_ocsf(value, ocsf, on);
    }
    if let Some(shape) = partial::shape(value) {
        if has_cells(value) {
            return walk_cells(value, depth, on);
        }
        if spelling::has_enum_object(value) {
            return walk_as_api(value, depth, on);
        }
        on(Found { shape, value, text });
        return 1;
    }
    if let Some(shape) = answer::single_failure_shape(value) {
        on(Found { shape: if depth.is_top { shape } else { shape.inner() }, value, text });
        return 1;
    }
    if let Some((shape, text)) = rows::task_of_object(value) {
        return walk_written(shape, &text, depth, on);
    }
    if let Some(why) = resource_of_dstack(value) {
        on(Found { shape: Shape::DstackResource(why), value, text });
        return 1;
    }
    walk_entries(value, depth, on)
}

/// The reason code of what another service says of its tasks or resources, which has parts that look like those of ECS.
fn of_other_service(value: Value<'_>) -> Option<&'static str> {
    let text = |keys: [&str; 2]| keys.into_iter().find_map(|key| value.text_at(key));
    if text(["jobArn", "JobArn"]).is_some_and(|arn| arn.contains(":batch:")) {
        return Some("batch_job");
    }
    let is_of_stack = value.text_at("StackId").is_some() && value.text_at("LogicalResourceId").is_some();
    is_of_stack.then_some("stack_event")
}

/// Lists in envelopes and responses whose elements are all counted.
const MESSAGES: [&str; 8] = ["logEvents", "Messages", "messages", "records", "Records", "Events", "Entries", "events"];

/// Lists that describe their siblings.
pub(super) const METADATA: [&str; 6] = ["searchedLogStreams", "tags", "Tags", "resources", "Resources", "nextTokens"];

fn walk_entries(value: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut empty = Vec::new();
    for (key, child) in value.entries() {
        let records = walk_entry(value, key, child, depth, on);
        found += records;
        if records == 0 && child.is_array() && !METADATA.contains(&key) && child.items().any(Value::is_object) {
            empty.push((key, child));
        }
    }
    // Beside records, other list elements are accounted for; messages of an envelope always are.
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

fn walk_entry(holder: Value<'_>, key: &str, child: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let role = TextRole::of(holder, key);
    if let Some(inner) = child.text().filter(|_| role != TextRole::Any) {
        if let Some(shape) = flow_line(inner) {
            on(Found { shape, value: child, text: None });
            return 1;
        }
        let found = walk_text(child, inner, role, depth, on);
        if found > 0 || key != "CloudTrailEvent" {
            return found;
        }
        let why = "CloudTrailEvent is not a CloudTrail record as JSON";
        on(Found { shape: Shape::Unreadable("broken_json", why), value: child, text: None });
        return 1;
    }
    if role == TextRole::Stream && !child.is_object() && !child.is_array() {
        let why = "a record of a stream whose data is missing; expected base64";
        on(Found { shape: Shape::Unreadable("damaged_envelope", why), value: child, text: None });
        return 1;
    }
    if is_response(key) && has_failures(child) {
        let why = "the response of a call without the call itself, so its time is unknown; export the whole record";
        on(Found { shape: Shape::Unreadable("missing_time", why), value: child, text: None });
        return 1;
    }
    let mut found = 0;
    if child.is_array() {
        let items: Vec<_> = child.items().collect();
        if key == "failures"
            && let Some(shapes) = answer::failure_shapes(holder, &items)
        {
            if shapes.contains(&Shape::LaunchFailure) {
                let shape = if depth.is_top { Shape::LaunchResponse } else { Shape::InnerLaunchResponse };
                on(Found { shape, value: holder, text: None });
            } else {
                shapes.into_iter().zip(&items).for_each(|(shape, item)| on(Found { shape, value: *item, text: None }));
            }
            return items.len();
        }
        // `events[].message`
        if key == "events" && !items.is_empty() && items.iter().all(|item| item.text().is_some_and(looks::is_text_of_ecs)) {
            items.iter().for_each(|item| on(Found { shape: WITHOUT_TIME, value: *item, text: None }));
            return items.len();
        }
        if let Some(word) = child.items().next().and_then(|first| answer::described(key, first)) {
            for item in child.items() {
                let records = walk(item, None, depth.below(), on);
                if records == 0 {
                    on(Found { shape: Shape::Other(word), value: item, text: None });
                }
                found += records.max(1);
            }
            return found;
        }
    }
    found += walk(child, None, depth.of_child(child), on);
    if found == 0
        && let Some(word) = answer::described(key, child)
    {
        on(Found { shape: Shape::Other(word), value: child, text: None });
        return 1;
    }
    found
}

/// Keys under which an envelope holds a record as a string.
fn is_payload(key: &str) -> bool {
    matches!(
        key,
        "CloudTrailEvent" | "Message" | "message" | "@message" | "Body" | "body" | "Data" | "data" | "_raw" | "Cause" | "cause"
    )
}

/// Keys under which a call has its response, in the spelling of CloudTrail and of tables, also behind a path with dots. Such a
/// response is not output of `run-task`, whose time would be that of its file.
fn is_response(key: &str) -> bool {
    let name = key.rsplit_once('.').map_or(key, |(_, name)| name);
    matches!(name, "responseElements" | "response_elements" | "responseelements" | "ResponseElements")
}

/// Whether a response, or the text of one, has failures.
fn has_failures(response: Value<'_>) -> bool {
    match response.text() {
        Some(text) => Tape::parse(text).is_ok_and(|tape| tape.root().is_object() && has_failures(tape.root())),
        None => response.get("failures").is_some_and(|failures| failures.items().next().is_some()),
    }
}

/// What is known about a text by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextRole {
    /// Any text. If it cannot be read, it is reported only if it names keys of AWS or dstack.
    Any,
    /// The text of an envelope, such as the message of a log event, which holds a record or a line of a program.
    Payload,
    /// The data of a record of Kinesis or Firehose: always base64.
    Stream,
    /// The beginning of a damaged text, whose damage is reported anyway.
    Torn,
}

impl TextRole {
    /// The role of the text below a key.
    fn of(holder: Value<'_>, key: &str) -> TextRole {
        if matches!(key, "data" | "Data") && is_stream_record(holder) {
            return TextRole::Stream;
        }
        // A cell of Logs Insights.
        let is_cell = key == "value" && holder.text_at("field") == Some("@message");
        if is_payload(key) || is_cell { TextRole::Payload } else { TextRole::Any }
    }
}

/// Whether an object with `data` is a record of Kinesis or Firehose, as services, functions and the CLI write it.
fn is_stream_record(value: Value<'_>) -> bool {
    let is_data = |key: &str| matches!(key, "data" | "Data");
    let is_other = |key: &str| {
        matches!(
            key,
            "approximateArrivalTimestamp"
                | "ApproximateArrivalTimestamp"
                | "EncryptionType"
                | "encryptionType"
                | "ExplicitHashKey"
                | "explicitHashKey"
                | "kinesisRecordMetadata"
                | "kinesisSchemaVersion"
                | "PartitionKey"
                | "partitionKey"
                | "recordId"
                | "SequenceNumber"
                | "sequenceNumber"
        )
    };
    value.entries().all(|(key, _)| is_data(key) || is_other(key)) && value.entries().any(|(key, _)| is_other(key))
}

/// Searches the elements of a list; if some are records, the others are accounted for.
fn walk_array(value: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if depth.is_too_deep() {
        return too_deep(value, on);
    }
    // An ARN or a date beside a text of ECS: the list is one record, and no list of texts.
    let is_row = |item: Value<'_>| item.text().is_some_and(|text| looks::is_arn(text) || looks::is_date(text));
    if value.items().any(is_row)
        && let Some((shape, text)) = rows::record_of_list(value)
    {
        return walk_written(shape, &text, depth, on);
    }
    if let Some(text) = pieces::text_of_bytes(value) {
        return walk_text(value, &text, TextRole::Payload, depth.below(), on);
    }
    let mut others = Vec::new();
    let (mut found, mut records) = (0, 0);
    for item in value.items() {
        let mut counted = |found: Found<'_>| {
            records += usize::from(found.shape.is_record());
            on(found);
        };
        match walk(item, None, depth.of_element(item), &mut counted) {
            0 => others.push(item),
            in_item => found += in_item,
        }
    }
    let printed = printed_over_messages(&mut others, depth, on);
    found += printed;
    if found > 0 {
        // The other cells of a row of Logs Insights, such as `@ptr`, belong to its record.
        if value.items().all(|item| item.text_at("field").is_some() && item.get("value").is_some()) {
            return found;
        }
        found += others.len();
        let is_of_program = || printed > 0 || value.items().filter_map(log_message).any(is_of_program);
        let is_of_records = records > 0 && others.iter().any(|item| log_message(*item).is_some()) && !is_of_program();
        for item in others {
            let is_stray = is_of_records && log_message(item).is_some();
            on(Found { shape: if is_stray { STRAY_MESSAGE } else { no_record(item) }, value: item, text: None });
        }
        return found;
    }
    match rows::record_of_list(value) {
        Some((shape, text)) => walk_written(shape, &text, depth, on),
        None => match pieces::text_of_lines(value) {
            Some(text) => walk_text(value, &text, TextRole::Any, depth.below(), on),
            None => 0,
        },
    }
}

/// Searches values that a program printed over several messages; those messages are removed from the others.
fn printed_over_messages(others: &mut Vec<Value<'_>>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut parts = BTreeSet::new();
    for (places, text) in pieces::printed_over_messages(others) {
        let Some(first) = places.first().and_then(|place| others.get(*place)).copied() else { continue };
        let records = walk_text(first, &text, TextRole::Any, depth.below(), on);
        if records > 0 {
            parts.extend(places);
        }
        found += records;
    }
    let mut place = 0..;
    others.retain(|_| place.next().is_some_and(|place| !parts.contains(&place)));
    found
}

/// Searches a value in API spelling.
fn walk_as_api(value: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut text = String::new();
    spelling::write_as_api(value, &mut text);
    let Ok(tape) = Tape::parse(&text) else { return 0 };
    // It is the same value, so that it is not within anything else.
    let depth = Depth { is_top: depth.is_top, ..depth.below() };
    with_masked(&text, tape, |tape, text| walk(tape.root(), Some(text), depth, on))
}

/// Searches the text of a converted record. Its secrets are masked again, because the conversion may have given a value the
/// key that makes it one.
fn walk_written(shape: Option<Shape>, text: &str, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let Ok(tape) = Tape::parse(text) else { return 0 };
    with_masked(text, tape, |tape, text| match shape {
        Some(shape) => {
            on(Found { shape, value: tape.root(), text: Some(text) });
            1
        }
        None => walk(tape.root(), Some(text), depth.below(), on),
    })
}

/// Searches a row of a table; one without records counts, too.
fn walk_row(text: &str, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let found = walk_written(None, text, depth, on);
    if found > 0 {
        return found;
    }
    let Ok(tape) = Tape::parse(text) else { return 0 };
    on(Found { shape: no_record(tape.root()), value: tape.root(), text: None });
    1
}

/// An object in OCSF: the CloudTrail record behind it, whose parameters are masked here because they were inside a string.
fn walk_ocsf(value: Value<'_>, ocsf: Ocsf, on: &mut dyn FnMut(Found<'_>)) -> usize {
    match ocsf {
        Ocsf::Call(text) => return walk_call(value, &text, on),
        Ocsf::Other => on(Found { shape: Shape::Other("ocsf_class"), value, text: None }),
    }
    1
}

/// The CloudTrail record behind an object of another format.
fn walk_call(value: Value<'_>, record: &str, on: &mut dyn FnMut(Found<'_>)) -> usize {
    match Tape::parse(record) {
        Ok(tape) => with_masked(record, tape, |tape, text| {
            let shape = recognize(tape.root()).filter(|shape| !shape.is_record()).unwrap_or(Shape::Call);
            on(Found { shape, value: tape.root(), text: one_line(tape, text) });
        }),
        Err(_) => on(Found { shape: Shape::Unknown, value, text: None }),
    }
    1
}

/// CloudWatch Logs have no header line, so only the default format can be read.
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

/// Searches a string that may hold JSON values, or base64 of JSON or of gzip of JSON. What was recognized and cannot be
/// read is reported.
fn walk_text(value: Value<'_>, text: &str, role: TextRole, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    if depth.is_too_deep() {
        return too_deep(value, on);
    }
    let trimmed = text.trim();
    let found = walk_literal(trimmed, depth, on);
    if found > 0 {
        return found;
    }
    // A line of a program may begin like JSON: `[INFO] …`, `{code} …`.
    if trimmed.starts_with(['{', '[', '"']) {
        let found = walk_json(value, trimmed, role, depth, on);
        if found > 0 {
            return found;
        }
    }
    if matches!(role, TextRole::Any | TextRole::Payload) && quoted::holds_record(trimmed.as_bytes()) {
        return walk_quoted_text(value, trimmed.as_bytes(), depth, on);
    }
    let is_stream = role == TextRole::Stream;
    if trimmed.is_empty() || !(is_stream || is_encoded(trimmed)) {
        return 0;
    }
    let is_packed = trimmed.starts_with(PACKED);
    let unreadable = |on: &mut dyn FnMut(Found<'_>), detail| {
        on(Found { shape: Shape::Unreadable("damaged_envelope", detail), value, text: None });
        1
    };
    let bytes = match base64::engine::general_purpose::STANDARD.decode(trimmed) {
        Ok(bytes) => bytes,
        Err(_) if role == TextRole::Any => return 0,
        Err(_) if is_packed => return unreadable(on, "a compressed message that is not valid base64"),
        // A sentence or a token of another kind, which happens to begin like base64 of JSON.
        Err(_) if !is_stream && trimmed.contains([' ', '\t', '\n', '.']) => return 0,
        Err(_) => return unreadable(on, "a message that is not valid base64"),
    };
    if !is_gzip(&bytes) {
        return match std::str::from_utf8(&bytes) {
            Ok(text) => walk_json(value, text, role, depth, on),
            Err(_) if role == TextRole::Any => 0,
            Err(_) if bytes.starts_with(AGGREGATED) => match walk_quoted_text(value, &bytes, depth, on) {
                0 => unreadable(on, "records that the Kinesis Producer Library aggregated, none of which is JSON"),
                found => found,
            },
            Err(_) => unreadable(on, "a message that is neither text nor gzip behind its base64"),
        };
    }
    let mut out = Buffer::default();
    let problem = inflate(&bytes, depth.budget, depth.budget.limits().message_bytes, &mut out);
    let inner = match (&problem, role) {
        (Some(_), _) => TextRole::Torn,
        (None, TextRole::Any) => TextRole::Payload,
        (None, role) => role,
    };
    let found = match &problem {
        Some(InflateProblem::Bomb(_)) => 0,
        _ => std::str::from_utf8(&out).map_or(0, |text| walk_json(value, text, inner, depth, on)),
    };
    match problem {
        None if role != TextRole::Any && std::str::from_utf8(&out).is_err() => {
            unreadable(on, "a compressed message that is not text")
        }
        None => found,
        Some(InflateProblem::Bomb(_)) => {
            let detail = "a compressed message that expands beyond 64 MiB, or beyond what the file may expand to in all";
            on(Found { shape: Shape::Unreadable("decompression_bomb", detail), value, text: None });
            1
        }
        Some(_) => found + unreadable(on, "a damaged compressed message; the records before the damage are loaded"),
    }
}

/// How the records begin that the Kinesis Producer Library puts together; each is as it was between the bytes around it.
const AGGREGATED: &[u8] = b"\xf3\x89\x9a\xc2";

/// Searches a text with other text around its records.
fn walk_quoted_text(value: Value<'_>, text: &[u8], depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    quoted::read(text, depth.budget, &mut |quoted| match quoted {
        Quoted::Value { tape, text, .. } => {
            found += with_masked(text, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth.below(), on));
        }
        Quoted::Broken { .. } => {
            on(Found { shape: BROKEN_MESSAGE, value, text: None });
            found += 1;
        }
        Quoted::Stopped { .. } => {}
    });
    found
}

/// How base64 of a gzip header starts.
const PACKED: &str = "H4sI";

/// Whether a text starts like base64 of gzip or JSON: of `{"`, `{ `, `{` plus a line break, or `[{` (Kinesis data).
fn is_encoded(text: &str) -> bool {
    [PACKED, "eyJ", "eyA", "ewo", "ew0", "W3s"].iter().any(|front| text.starts_with(front))
}

const BROKEN_MESSAGE: Shape = Shape::Unreadable("broken_json", "a message that is not valid JSON, or is cut off");

fn walk_json(value: Value<'_>, text: &str, role: TextRole, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    let mut rest = text;
    while let Some((Ok(tape), end)) = Tape::parse_front(rest) {
        let (slice, after) = rest.split_at_checked(end).unwrap_or_default();
        let slice = slice.trim();
        rest = after;
        found += with_masked(slice, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth.below(), on));
    }
    let rest = rest.trim();
    let is_lost = || match role {
        TextRole::Torn => false,
        TextRole::Payload if begins_object(rest) => true,
        // The damage may be at its very beginning.
        TextRole::Stream => begins_json(rest) || looks::quotes_aws_or_dstack(rest),
        TextRole::Any | TextRole::Payload => begins_json(rest) && looks::quotes_aws_or_dstack(rest),
    };
    if !rest.is_empty() && (found > 0 || is_lost()) {
        on(Found { shape: BROKEN_MESSAGE, value, text: None });
        found += 1;
    }
    found
}

/// Whether it starts like an object with a key: `{"`.
fn begins_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

/// Whether it starts like an object with a key, which may be in lists, or in a string: `[{"`, `"{\"`.
fn begins_json(text: &str) -> bool {
    let object = text.trim_start_matches(|letter: char| matches!(letter, '[' | '"' | '\\') || letter.is_ascii_whitespace());
    object.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '\\']))
}

/// An EventBridge envelope: its detail may be a CloudTrail record, or a string of JSON.
fn walk_event(value: Value<'_>, text: Option<&str>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let Some(detail) = value.get("detail") else { return 0 };
    if let Some(inner) = detail.text() {
        return walk_event_of_text(value, text, inner, depth, on);
    }
    if recognize(detail) == Some(Shape::Call) {
        on(Found { shape: Shape::EventBridgeCall, value: detail, text: None });
        return 1;
    }
    if !is_event_of_ecs(value) {
        let found = walk_quoted(detail, depth.below(), on);
        if found > 0 {
            return found;
        }
    }
    on(Found { shape: Shape::Event, value, text });
    1
}

fn is_event_of_ecs(event: Value<'_>) -> bool {
    event.text_at("source") == Some("aws.ecs") || event.text_at("detail-type").is_some_and(|kind| kind.starts_with("ECS "))
}

/// Records that the event of another service quotes: the cause of a failed Step Functions execution is its last task, and
/// the destination of a function gets the event that it could not handle. Without one, the event itself counts.
fn walk_quoted(detail: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let mut found = 0;
    for (_, child) in detail.entries().filter(|(key, _)| is_payload(key)) {
        if let Some(inner) = child.text() {
            found += walk_text(child, inner, TextRole::Any, depth, on);
        }
    }
    found
}
