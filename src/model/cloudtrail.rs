//! CloudTrail records: one row per call, a failure for each launch that placed nothing, and one for each rejected call of
//! ECS, or of Application Auto Scaling for an ECS service.
//!
//! A placement failure has no `errorCode`: the call itself succeeded, and `responseElements.failures[]` lists what
//! was not placed.

use super::arn;
use super::catalog::TextKind;
use super::failure::classify;
use super::field::whole_number;
use super::network_call::read_network_call;
use super::reason::reason_name;
use super::scaling_call::read_scaling_call;
use super::session_call::read_session_call;
use super::task_size;
use super::time::{parse_time, time_at};
use super::{Modeled, Origin, Record, Refusal};
use crate::decode::json::Value;
use crate::decode::keys::Key;
use crate::knowledge;
use crate::table::{Call, Failure, OriginalText, Row, Table};
use std::borrow::Cow;

type Name<'a> = Option<Cow<'a, str>>;

fn name(text: &str) -> Name<'_> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// Models one CloudTrail record; `source` is `cloudtrail` or `eventbridge`.
pub fn model_call<'a>(record: Value<'a>, source: &'static str, origin: Origin<'a>) -> Modeled<'a> {
    // Built in place, because a row of this table is large.
    let mut call: Box<Call<'a>> = Box::default();
    (call.source, call.file, call.record) = (name(source), origin.file(), Some(origin.record));
    let mut parts = Parts::default();
    for (key, value) in record.keyed_entries() {
        read_field(&mut call, &mut parts, key, value);
    }
    let time =
        parts.event_time.and_then(parse_time).or_else(|| parts.event_time.is_none().then(|| time_at(record, "eventTime"))?);
    let Some(time) = time else {
        return Modeled::Refused(Refusal::missing_time_at(record, "eventTime"));
    };
    call.time = Some(time);
    if let Some(identity) = parts.identity {
        read_identity(&mut call, identity);
    }
    call.account = call
        .account
        .take()
        .or_else(|| parts.identity.and_then(|identity| identity.text_at("accountId")).and_then(name))
        .or_else(|| call.user_arn.as_deref().and_then(arn::account).map(|account| Cow::Owned(account.to_owned())));
    let id: Cow<'a, str> = match parts.event_id {
        Some(id) if !id.is_empty() => Cow::Borrowed(id),
        _ => Cow::Owned(origin.content_id()),
    };
    call.id = Some(id.clone());
    call.failed = Some(call.error_code.is_some());
    // Short rows of Lake and Athena leave out the source.
    if call.event_source.is_none() && call.event_name.as_deref().is_some_and(knowledge::is_ecs_action) {
        call.event_source = name("ecs.amazonaws.com");
    }
    let mut failures = Vec::new();
    if call.event_source.as_deref() == Some("ecs.amazonaws.com") {
        failures = read_ecs(&mut call, &parts);
    }
    if call.event_source.as_deref() == Some("ec2.amazonaws.com") {
        read_network_call(&mut call, parts.request, parts.response);
    }
    if read_scaling_call(&mut call, parts.request) {
        failures = refusal(&call);
    }
    read_session_call(&mut call, parts.request, parts.response);
    let ids = [parts.event_id, parts.request_id, parts.shared_event_id];
    call.raw = origin.raw().map(|raw| OriginalText { ids, kind: parts.event_name, ..raw });
    let account = call.account.clone();
    let mut rows = Vec::with_capacity(1 + failures.len());
    rows.push(Row::Calls(call));
    rows.extend(failures.into_iter().map(Row::from));
    Modeled::Record(Record { table: Table::Calls, id, account, time, rows })
}

/// Parts of a record that later steps need.
#[derive(Debug, Default)]
struct Parts<'a> {
    event_time: Option<&'a str>,
    event_name: Option<&'a str>,
    event_id: Option<&'a str>,
    request_id: Option<&'a str>,
    shared_event_id: Option<&'a str>,
    identity: Option<Value<'a>>,
    request: Option<Value<'a>>,
    response: Option<Value<'a>>,
}

fn read_field<'a>(call: &mut Call<'a>, parts: &mut Parts<'a>, key: Key, value: Value<'a>) {
    let text = || value.text().and_then(name);
    match key {
        Key::EventTime => parts.event_time = value.text(),
        Key::EventId => parts.event_id = value.text(),
        Key::EventName => {
            call.event_name = text();
            parts.event_name = value.text();
        }
        Key::EventSource => call.event_source = text(),
        Key::AwsRegion => call.region = text(),
        Key::RecipientAccountId => call.account = value.scalar(),
        Key::UserIdentity => parts.identity = Some(value),
        Key::RequestParameters => parts.request = Some(value),
        Key::ResponseElements => parts.response = Some(value),
        Key::SourceIpAddress => call.source_ip = text(),
        Key::UserAgent => {
            call.user_agent = text();
            call.agent_version = value.text().and_then(agent_version).and_then(name);
        }
        Key::ErrorCode => call.error_code = value.text().map(|code| code.strip_prefix("Client.").unwrap_or(code)).and_then(name),
        Key::ErrorMessage => call.error_message = text(),
        Key::ReadOnly => call.read_only = value.bool(),
        Key::EventType => call.event_type = text(),
        Key::EventCategory => call.category = text(),
        Key::EventVersion => call.event_version = value.scalar(),
        Key::RequestId => {
            call.request_id = text();
            parts.request_id = value.text();
        }
        Key::SharedEventId => {
            call.shared_event_id = text();
            parts.shared_event_id = value.text();
        }
        _ => {}
    }
}

/// The version in `Amazon ECS Agent - v1.105.1 (HASH) (linux; OS) (+http://aws.amazon.com/ecs/)`.
fn agent_version(user_agent: &str) -> Option<&str> {
    let rest = user_agent.strip_prefix("Amazon ECS Agent - v")?;
    rest.split(|letter: char| !(letter.is_ascii_digit() || letter == '.')).next()
}

/// The caller: role/session, user name, invoking service, or principal, in that order.
fn read_identity<'a>(call: &mut Call<'a>, identity: Value<'a>) {
    let (mut user_arn, mut user_name, mut principal, mut issuer) = (None, None, None, None);
    for (key, value) in identity.keyed_entries() {
        match key {
            Key::Type => call.user_type = value.text().and_then(name),
            Key::Arn => user_arn = value.text(),
            Key::AccessKeyId => call.access_key = value.text().and_then(name),
            Key::InvokedBy => call.invoked_by = value.text().and_then(name),
            Key::UserName => user_name = value.text(),
            Key::PrincipalId => principal = value.text(),
            Key::SessionContext => issuer = value.path(&["sessionIssuer", "userName"]).and_then(Value::text),
            _ => {}
        }
    }
    call.user_arn = user_arn.and_then(name);
    let assumed = user_arn.and_then(arn::assumed_role);
    call.user = match (issuer.filter(|issuer| !issuer.is_empty()), assumed) {
        (Some(role), Some(assumed)) if assumed.strip_prefix(role).is_some_and(|rest| rest.rfind('/') == Some(0)) => name(assumed),
        (Some(role), Some(assumed)) => Some(Cow::Owned(format!("{role}/{}", arn::short(assumed)))),
        (Some(role), None) => name(role),
        (None, _) => user_name
            .and_then(name)
            .or_else(|| call.invoked_by.clone())
            .or_else(|| principal.and_then(name))
            .or_else(|| call.user_arn.clone()),
    };
}

/// The ECS-specific part of a call.
fn read_ecs<'a>(call: &mut Call<'a>, parts: &Parts<'a>) -> Vec<Failure<'a>> {
    let is_launch = matches!(call.event_name.as_deref(), Some("RunTask" | "StartTask"));
    if let Some(request) = parts.request {
        for (key, value) in request.entries() {
            read_request(call, key, value);
        }
    }
    if call.error_code.is_some() {
        read_resources_of_message(call);
    }
    // Without parameters nobody knows which cluster was meant, and a response does not repeat them.
    let is_answer = call.source.as_deref() == Some("describe");
    if is_launch && call.cluster.is_none() && !is_answer && parts.request.is_some_and(Value::is_object) {
        call.cluster = name("default");
    }
    if let Some(task) = parts.response.and_then(|response| response.get("task")) {
        read_task(call, task);
    }
    if let Some(service) = parts.response.and_then(|response| response.get("service")) {
        read_service(call, service);
    }
    if let Some(instance) = parts.response.and_then(|response| response.get("containerInstance")) {
        read_instance(call, instance);
    }
    if let Some(definition) =
        parts.response.and_then(|response| response.path(&["taskDefinition", "taskDefinitionArn"])).and_then(Value::text)
    {
        read_task_definition(call, definition);
    }
    if call.event_name.as_deref() == Some("RegisterTaskDefinition") {
        let registered = parts.response.and_then(|response| response.get("taskDefinition"));
        task_size::read(call, parts.request, registered);
    }
    if call.service.is_none() {
        call.service = call.group.as_deref().and_then(arn::service_of_group).map(|service| Cow::Owned(service.to_owned()));
    }
    if is_launch { read_launch(call, parts) } else { refusal(call) }
}

/// Reads the ECS resources that an error message names where the parameters do not: a denied call has none.
fn read_resources_of_message(call: &mut Call<'_>) {
    let Some(message) = call.error_message.as_deref().map(str::to_owned) else { return };
    let fill = |slot: &mut Name<'_>, value: Option<&str>| {
        if slot.is_none() {
            *slot = value.filter(|value| !value.contains('*')).map(|value| Cow::Owned(value.to_owned()));
        }
    };
    for found in arn::all_in(&message).filter(|found| arn::service(found) == Some("ecs")) {
        let Some((kind, _)) = arn::resource(found).and_then(|resource| resource.split_once('/')) else { continue };
        let named = Some(arn::short(found));
        fill(&mut call.cluster, if kind == "cluster" { named } else { arn::cluster_of(found) });
        match kind {
            "service" => fill(&mut call.service, named),
            "task" => fill(&mut call.task, named),
            "container-instance" => fill(&mut call.container_instance, named),
            "task-definition" => {
                fill(&mut call.task_definition, Some(arn::task_definition(found)));
                fill(&mut call.family, Some(arn::family(found)));
            }
            _ => {}
        }
    }
}

fn read_request<'a>(call: &mut Call<'a>, key: &str, value: Value<'a>) {
    let first = || value.items().next().and_then(Value::text);
    match key {
        "cluster" => set_cluster(call, value.text()),
        "service" | "serviceName" => call.service = value.text().map(arn::short).and_then(name),
        "services" => call.service = first().map(arn::short).and_then(name),
        "taskDefinition" => {
            if let Some(definition) = value.text() {
                read_task_definition(call, definition);
            }
        }
        "family" => call.family = value.text().and_then(name),
        "task" => set_task(call, value.text()),
        "tasks" => set_task(call, first()),
        "containerInstance" | "containerInstanceArn" => set_instance(call, value.text()),
        "containerInstances" => {
            set_instance(call, first());
            if call.event_name.as_deref() == Some("StartTask") {
                call.asked = i64::try_from(value.items().count()).ok();
            }
        }
        "startedBy" => call.started_by = value.text().and_then(name),
        "group" => call.group = value.text().and_then(name),
        "launchType" => call.launch_type = value.text().and_then(name),
        "capacityProviderStrategy" => {
            call.capacity_provider = value.items().next().and_then(|item| item.text_at("capacityProvider")).and_then(name);
        }
        "count" => call.asked = whole_number(value),
        "desiredCount" => call.desired_count = whole_number(value),
        "deploymentConfiguration" => read_configuration(call, value),
        "reason" => call.reason = value.text().and_then(name).or_else(|| call.reason.take()),
        // The agent reports why a container stopped with the container.
        "containers" if call.event_name.as_deref() == Some("SubmitTaskStateChange") => {
            call.reason = call.reason.take().or_else(|| value.items().filter_map(|item| item.text_at("reason")).find_map(name));
        }
        "overrides" => {
            call.requested_cpu = value.get("cpu").and_then(whole_number);
            call.requested_memory = value.get("memory").and_then(whole_number);
            call.overrides = digest(value).map(Cow::Owned);
        }
        _ => {}
    }
}

/// A digest of overrides; `None` if they only name containers.
fn digest(overrides: Value<'_>) -> Option<String> {
    fn changes(key: &str, value: Value<'_>) -> bool {
        match (value.is_object(), value.is_array()) {
            (true, _) => value.entries().any(|(key, value)| changes(key, value)),
            (_, true) => value.items().any(|value| changes(key, value)),
            _ => key != "name" && !value.is_null(),
        }
    }
    if !changes("", overrides) {
        return None;
    }
    let mut text = String::new();
    overrides.write(&mut text);
    Some(blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect())
}

fn set_cluster<'a>(call: &mut Call<'a>, cluster: Option<&'a str>) {
    if let Some(cluster) = cluster.filter(|cluster| !cluster.is_empty()) {
        call.cluster = name(arn::short(cluster));
        call.cluster_arn = arn::arn(cluster).and_then(name);
    }
}

fn set_task<'a>(call: &mut Call<'a>, task: Option<&'a str>) {
    if let Some(task) = task {
        call.task = name(arn::short(task));
        call.task_arn = arn::arn(task).and_then(name);
    }
}

fn set_instance<'a>(call: &mut Call<'a>, instance: Option<&'a str>) {
    if let Some(instance) = instance {
        call.container_instance = name(arn::short(instance));
        call.container_instance_arn = arn::arn(instance).and_then(name);
    }
}

fn read_task_definition<'a>(call: &mut Call<'a>, definition: &'a str) {
    call.family = name(arn::family(definition));
    call.task_definition = name(arn::task_definition(definition));
}

fn read_task<'a>(call: &mut Call<'a>, task: Value<'a>) {
    set_task(call, task.text_at("taskArn"));
    if call.container_instance.is_none() {
        set_instance(call, task.text_at("containerInstanceArn"));
    }
    if let Some(definition) = task.text_at("taskDefinitionArn") {
        read_task_definition(call, definition);
    }
    set_cluster(call, task.text_at("clusterArn"));
    let fill = |slot: &mut Name<'a>, key: &str| {
        if slot.is_none() {
            *slot = task.text_at(key).and_then(name);
        }
    };
    fill(&mut call.group, "group");
    fill(&mut call.started_by, "startedBy");
    fill(&mut call.launch_type, "launchType");
    fill(&mut call.capacity_provider, "capacityProviderName");
    call.requested_cpu = call.requested_cpu.or_else(|| task.get("cpu").and_then(whole_number));
    call.requested_memory = call.requested_memory.or_else(|| task.get("memory").and_then(whole_number));
}

fn read_service<'a>(call: &mut Call<'a>, service: Value<'a>) {
    set_cluster(call, service.text_at("clusterArn"));
    if let Some(service) = service.text_at("serviceName").or_else(|| service.text_at("serviceArn")) {
        call.service = name(arn::short(service));
    }
    if let Some(definition) = service.text_at("taskDefinition") {
        read_task_definition(call, definition);
    }
    call.desired_count = call.desired_count.or_else(|| service.get("desiredCount").and_then(whole_number));
    if let Some(configuration) = service.get("deploymentConfiguration") {
        read_configuration(call, configuration);
    }
}

fn read_configuration(call: &mut Call<'_>, configuration: Value<'_>) {
    let percent = |key: &str| configuration.get(key).and_then(whole_number);
    call.maximum_percent = percent("maximumPercent").or(call.maximum_percent);
    call.minimum_healthy_percent = percent("minimumHealthyPercent").or(call.minimum_healthy_percent);
}

fn read_instance<'a>(call: &mut Call<'a>, instance: Value<'a>) {
    if call.container_instance_arn.is_none() {
        set_instance(call, instance.text_at("containerInstanceArn"));
    }
    if call.agent_version.is_none() {
        call.agent_version = instance.path(&["versionInfo", "agentVersion"]).and_then(Value::text).and_then(name);
    }
}

/// RunTask and StartTask: requested and placed tasks, and one failure per entry of `failures[]`.
fn read_launch<'a>(call: &mut Call<'a>, parts: &Parts<'a>) -> Vec<Failure<'a>> {
    let asked = *call.asked.get_or_insert(1);
    let response = parts.response.filter(|response| response.is_object());
    let tasks = response.and_then(|response| response.get("tasks"));
    if let Some(first) = tasks.and_then(|tasks| tasks.items().next()) {
        read_task(call, first);
    }
    call.tasks = tasks.and_then(several_tasks);
    let placed = tasks.map_or(0, |tasks| i64::try_from(tasks.items().count()).unwrap_or(0));
    // A response omitted because of its size says nothing about placed tasks.
    if response.is_none() && call.error_code.is_none() {
        return Vec::new();
    }
    call.placed = Some(placed);
    call.missing = Some(asked.saturating_sub(placed).max(0));
    if call.error_code.is_some() {
        return refusal(call);
    }
    let entries: Vec<Value<'a>> =
        response.and_then(|response| response.get("failures")).map(|failures| failures.items().collect()).unwrap_or_default();
    if entries.is_empty() {
        return Vec::new();
    }
    call.failed = Some(true);
    let mut reasons: Vec<&str> = entries.iter().filter_map(|entry| entry.text_at("reason")).collect();
    reasons.sort_unstable();
    reasons.dedup();
    call.failure_reasons = Some(Cow::Owned(reasons.join(",")));
    entries.iter().enumerate().map(|(index, entry)| launch_failure(call, *entry, index)).collect()
}

/// The ids of tasks, if there are several.
fn several_tasks<'a>(tasks: Value<'a>) -> Name<'a> {
    let ids: Vec<&str> = tasks.items().filter_map(|task| task.text_at("taskArn")).map(arn::short).collect();
    (ids.len() > 1).then(|| Cow::Owned(ids.join(" ")))
}

fn launch_failure<'a>(call: &Call<'a>, entry: Value<'a>, index: usize) -> Failure<'a> {
    let reason = entry.text_at("reason").unwrap_or_default();
    let detail = entry.text_at("detail").filter(|detail| !detail.is_empty());
    let mut failure = from_call(call, "launch");
    if index > 0 {
        failure.id = call.id.as_deref().map(|id| Cow::Owned(format!("{id}#{}", index + 1)));
    }
    failure.incident = failure.id.clone();
    failure.missing_tasks = Some(if index == 0 { call.missing.unwrap_or(0) } else { 0 });
    if let Some(arn) = entry.text_at("arn")
        && arn.contains(":container-instance/")
    {
        failure.container_instance = name(arn::short(arn));
    }
    failure.ran = Some(false);
    failure.message = detail.or(Some(reason)).and_then(name);
    let mut class = classify(TextKind::ApiFailure, reason);
    if class.cause.is_none()
        && let Some(detail) = detail
    {
        class = classify(TextKind::ApiFailure, detail);
    }
    // A sentence is not a code, so the matching entry provides one. Some codes consist of words.
    let is_sentence = reason.contains(' ') && reason_name(reason) != Some(reason);
    failure.reason = if is_sentence { class.cause.map(Cow::Borrowed).or_else(|| name("OTHER")) } else { name(reason) };
    class.fill(&mut failure);
    failure
}

/// The failure of a rejected call.
fn refusal<'a>(call: &Call<'a>) -> Vec<Failure<'a>> {
    let Some(code) = call.error_code.as_deref() else { return Vec::new() };
    let mut failure = from_call(call, "api_error");
    failure.reason = call.error_code.clone();
    failure.message = call.error_message.clone();
    failure.missing_tasks = call.missing;
    failure.ran = call.missing.map(|_| false);
    let text = match call.error_message.as_deref() {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    };
    let mut class = classify(TextKind::ApiError, &text);
    class.phase = class.phase.or(Some("api"));
    class.fill(&mut failure);
    vec![failure]
}

fn from_call<'a>(call: &Call<'a>, kind: &'static str) -> Failure<'a> {
    Failure {
        id: call.id.clone(),
        time: call.time,
        kind: name(kind),
        account: call.account.clone(),
        region: call.region.clone(),
        cluster: call.cluster.clone(),
        service: call.service.clone(),
        family: call.family.clone(),
        task_definition: call.task_definition.clone(),
        task: call.task.clone(),
        container_instance: call.container_instance.clone(),
        launch_type: call.launch_type.clone(),
        capacity_provider: call.capacity_provider.clone(),
        started_by: call.started_by.clone(),
        group: call.group.clone(),
        user: call.user.clone(),
        event_name: call.event_name.clone(),
        requested_cpu: call.requested_cpu,
        requested_memory: call.requested_memory,
        secondary: Some(false),
        incident: call.id.clone(),
        call: call.id.clone(),
        source: call.source.clone(),
        file: call.file.clone(),
        record: call.id.clone(),
        ..Failure::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    fn rows(text: &str, check: impl FnOnce(&Call<'_>, Vec<&Failure<'_>>)) {
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: Some(text), text };
        let Modeled::Record(record) = model_call(tape.root(), "cloudtrail", origin) else { panic!("a record") };
        let Row::Calls(call) = &record.rows[0] else { panic!("a call first") };
        let failures = record.rows[1..].iter().map(|row| match row {
            Row::Failures(failure) => &**failure,
            _ => panic!("a failure"),
        });
        check(call, failures.collect());
    }

    #[test]
    fn a_launch_that_placed_nothing_is_a_failure_without_error_code() {
        let text = r#"{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/ecsEventsRole/abc","sessionContext":{"sessionIssuer":{"userName":"ecsEventsRole"}}},
            "eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"us-east-1","requestParameters":{"taskDefinition":"nightly:3","count":3,"cluster":"arn:aws:ecs:us-east-1:111122223333:cluster/batch"},
            "responseElements":{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/batch/0a"}],"failures":[{"arn":"arn:aws:ecs:us-east-1:111122223333:container-instance/batch/ci1","reason":"AGENT"},{"reason":"RESOURCE:CPU"}]},"eventID":"e1"}"#;
        rows(text, |call, failures| {
            assert_eq!((call.asked, call.placed, call.missing, call.failed), (Some(3), Some(1), Some(2), Some(true)));
            assert_eq!(call.user.as_deref(), Some("ecsEventsRole/abc"));
            assert_eq!(call.account.as_deref(), Some("111122223333"));
            assert_eq!(call.cluster.as_deref(), Some("batch"));
            let summary: Vec<_> = failures
                .iter()
                .map(|failure| (failure.id.as_deref(), failure.reason.as_deref(), failure.missing_tasks))
                .collect();
            assert_eq!(summary, [(Some("e1"), Some("AGENT"), Some(2)), (Some("e1#2"), Some("RESOURCE:CPU"), Some(0))]);
            assert_eq!(failures[0].container_instance.as_deref(), Some("ci1"));
            assert_eq!(failures[0].phase.as_deref(), Some("placement"));
        });
    }

    #[test]
    fn a_reason_of_words_is_a_code_and_a_sentence_is_not() {
        let reason = |reason: &str| {
            let text = format!(
                r#"{{"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","requestParameters":{{"taskDefinition":"nightly"}},
                "responseElements":{{"tasks":[],"failures":[{{"reason":"{reason}"}}]}},"eventID":"e1"}}"#
            );
            let mut found = None;
            rows(&text, |call, failures| {
                assert_eq!(call.cluster.as_deref(), Some("default"), "the request names no cluster");
                found = failures[0].reason.as_deref().map(str::to_owned);
            });
            found.unwrap()
        };
        for code in ["EMPTY CAPACITY PROVIDER", "NO ACTIVE INSTANCES", "RESOURCE:ENI"] {
            assert_eq!(reason(code), code);
        }
        assert_eq!(reason("The moon was full that night."), "OTHER");
    }

    #[test]
    fn the_cluster_of_a_response_is_not_the_default_one() {
        let text = r#"{"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","requestParameters":{"cluster":null,"count":1},
            "responseElements":{"tasks":[],"failures":[{"reason":"AGENT"}]},"eventID":"e1"}"#;
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let Modeled::Record(record) = model_call(tape.root(), "describe", origin) else { panic!("a record") };
        let Row::Calls(call) = &record.rows[0] else { panic!("a call first") };
        assert_eq!(call.cluster, None);
    }

    #[test]
    fn a_number_of_tasks_has_32_bits() {
        let asked = |count: &str| {
            let text = format!(
                r#"{{"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","requestParameters":{{"taskDefinition":"nightly","count":{count}}},
                "responseElements":{{"tasks":[],"failures":[{{"reason":"AGENT"}}]}},"eventID":"e1"}}"#
            );
            let mut found = None;
            rows(&text, |call, failures| found = Some((call.asked, call.missing, failures[0].missing_tasks)));
            found.unwrap()
        };
        assert_eq!(asked("12"), (Some(12), Some(12), Some(12)));
        for absurd in ["9223372036854775807", "-9223372036854775808", "2147483648"] {
            assert_eq!(asked(absurd), (Some(1), Some(1), Some(1)), "{absurd}: at least one task was requested");
        }
    }

    #[test]
    fn a_refused_call_is_an_api_error() {
        let text = r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"mary"},"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"UpdateService",
            "errorCode":"Client.ThrottlingException","errorMessage":"Rate exceeded","requestParameters":{"service":"web","cluster":"c"},"responseElements":null,"eventID":"e2","recipientAccountId":111122223333}"#;
        rows(text, |call, failures| {
            assert_eq!(call.error_code.as_deref(), Some("ThrottlingException"));
            assert_eq!(call.user.as_deref(), Some("mary"));
            assert_eq!(failures.len(), 1);
            assert_eq!(failures[0].kind.as_deref(), Some("api_error"));
            assert_eq!(failures[0].reason.as_deref(), Some("ThrottlingException"));
        });
    }

    #[test]
    fn a_refused_call_that_scales_a_service_is_an_api_error() {
        let refused = |source: &str, namespace: &str, resource: &str| {
            format!(
                r#"{{"eventTime":"2026-03-04T02:10:00Z","eventSource":"{source}.amazonaws.com","eventName":"RegisterScalableTarget","errorCode":"ValidationException",
                "errorMessage":"Minimum capacity cannot be greater than maximum capacity","requestParameters":{{"serviceNamespace":"{namespace}","resourceId":"{resource}"}},"eventID":"e5"}}"#
            )
        };
        for source in ["autoscaling", "application-autoscaling"] {
            rows(&refused(source, "ecs", "service/shop/cart"), |call, failures| {
                assert_eq!((call.cluster.as_deref(), call.service.as_deref()), (Some("shop"), Some("cart")));
                let failure = failures[0];
                assert_eq!((failure.kind.as_deref(), failure.phase.as_deref()), (Some("api_error"), Some("api")));
                assert_eq!((failure.cluster.as_deref(), failure.service.as_deref()), (Some("shop"), Some("cart")));
                assert_eq!(failure.class.as_deref(), Some("configuration"));
            });
        }
        for (source, namespace) in [("autoscaling", "dynamodb"), ("elasticloadbalancing", "ecs")] {
            rows(&refused(source, namespace, "service/shop/cart"), |call, failures| {
                assert_eq!((call.service.as_deref(), failures.len()), (None, 0), "{source} {namespace}");
            });
        }
        let done = refused("autoscaling", "ecs", "service/shop/cart").replace(r#""errorCode":"ValidationException","#, "");
        rows(&done, |call, failures| assert_eq!((call.service.as_deref(), failures.len()), (Some("cart"), 0)));
    }

    #[test]
    fn the_agent_reports_why_a_container_stopped() {
        let report = |reason: &str| {
            format!(
                r#"{{"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"SubmitTaskStateChange","requestParameters":{{"cluster":"shop","task":"0a1b",
                "containers":[{{"containerName":"proxy","reason":""}},{{"containerName":"cart","reason":"OutOfMemoryError: too much"}}],"reason":"{reason}"}},"eventID":"e6"}}"#
            )
        };
        rows(&report(""), |call, failures| {
            assert_eq!((call.reason.as_deref(), failures.len()), (Some("OutOfMemoryError: too much"), 0));
        });
        rows(&report("Essential container in task exited"), |call, _| {
            assert_eq!(call.reason.as_deref(), Some("Essential container in task exited"));
        });
    }

    #[test]
    fn a_denied_call_without_parameters_takes_names_from_its_message() {
        let denied = |action: &str, resource: &str| {
            format!(
                r#"{{"eventVersion":"1.10","userIdentity":{{"type":"IAMUser","userName":"mary"}},"eventTime":"2026-03-04T02:10:00Z","eventSource":"ecs.amazonaws.com","eventName":"{action}",
                "errorCode":"AccessDeniedException","errorMessage":"User: arn:aws:sts::111122223333:assumed-role/release/mary is not authorized to perform: ecs:{action} on resource: arn:aws:ecs:eu-west-1:111122223333:{resource} because no identity-based policy allows it","requestParameters":null,"responseElements":null,"eventID":"e4"}}"#
            )
        };
        rows(&denied("UpdateService", "service/shop/checkout"), |call, failures| {
            let failure = failures[0];
            assert_eq!((call.cluster.as_deref(), call.service.as_deref()), (Some("shop"), Some("checkout")));
            assert_eq!((failure.cluster.as_deref(), failure.service.as_deref()), (Some("shop"), Some("checkout")));
            assert_eq!((failure.action.as_deref(), failure.role.as_deref()), (Some("ecs:UpdateService"), Some("release")));
        });
        rows(&denied("RunTask", "task-definition/nightly:*"), |call, _| {
            assert_eq!(
                (call.cluster.as_deref(), call.family.as_deref(), call.task_definition.as_deref()),
                (None, Some("nightly"), None)
            );
        });
        rows(&denied("ExecuteCommand", "task/shop/0a1b"), |call, _| {
            assert_eq!((call.cluster.as_deref(), call.task.as_deref()), (Some("shop"), Some("0a1b")));
        });
    }

    #[test]
    fn a_row_without_a_source_is_a_call_of_ecs_if_only_ecs_has_its_action() {
        let row = |action: &str| {
            format!(
                r#"{{"eventTime":"2026-03-04T02:10:00Z","eventName":"{action}","errorCode":"AccessDenied","userIdentity":{{"arn":"arn:aws:sts::111122223333:assumed-role/release/mary"}},
                "requestParameters":{{"cluster":"shop","task":"0a1b","group":"service:cart"}}}}"#
            )
        };
        rows(&row("StopTask"), |call, failures| {
            assert_eq!(call.event_source.as_deref(), Some("ecs.amazonaws.com"));
            assert_eq!((call.cluster.as_deref(), call.service.as_deref()), (Some("shop"), Some("cart")));
            assert_eq!((failures[0].kind.as_deref(), failures[0].reason.as_deref()), (Some("api_error"), Some("AccessDenied")));
        });
        rows(&row("UpdateService"), |call, failures| {
            assert_eq!((call.event_source.as_deref(), call.cluster.as_deref(), failures.len()), (None, None, 0));
        });
    }

    #[test]
    fn a_record_without_a_time_is_refused() {
        for (time, want) in [(r#""eventTime":"redacted","#, "unreadable_time"), ("", "missing_time")] {
            let text = format!(r#"{{"eventSource":"s3.amazonaws.com","eventName":"GetObject",{time}"eventID":"e3"}}"#);
            let tape = Tape::parse(&text).unwrap();
            let origin = Origin { file: "f", record: 1, raw: None, text: &text };
            let modeled = model_call(tape.root(), "cloudtrail", origin);
            assert!(matches!(modeled, Modeled::Refused(Refusal { why, .. }) if why == want), "{want}");
        }
    }
}
