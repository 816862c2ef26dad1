//! Converts rows that represent a record in another form into that record.
//!
//! In: an entry of `lookup-events` without its record, a row of CloudTrail Lake or Logs Insights, an entry of
//! `put-events`, a pair from `--query`. Out: the JSON of a CloudTrail record, an event or a service message, with the
//! keys that the rest of the program expects.

use super::cells::Unreadable;
use super::csv;
use super::envelope::Shape;
use super::json::Value;
use super::looks::is_date;
use super::reduced;
use crate::knowledge;
use serde_json::{Map, Value as Json, json};

/// The record represented by an object, if it is a known kind of row; without a shape, the keys of the record decide.
pub fn record_of_object(value: Value<'_>) -> Option<(Option<Shape>, String)> {
    let call = |text| (Some(Shape::Call), text);
    history_entry(value)
        .map(call)
        .or_else(|| put_events_entry(value).map(|text| (None, text)))
        .or_else(|| detail_of_event(value).map(|text| (Some(Shape::Event), text)))
        .or_else(|| columns(cells(value)?).map(|row| of_cells(row, Some(Shape::Call))))
        .or_else(|| refused_state(value).map(call))
}

/// The task represented by an object with names of the user's choice; the last attempt, because it looks at values.
pub fn task_of_object(value: Value<'_>) -> Option<(Option<Shape>, String)> {
    reduced::task_of_object(value).map(|text| (Some(Shape::Task), text))
}

/// The record represented by a list.
pub fn record_of_list(value: Value<'_>) -> Option<(Option<Shape>, String)> {
    let message = message_pair(value).map(|text| (Some(Shape::ServiceMessage), text));
    message
        .or_else(|| lake_row(value).map(|row| of_cells(row, Some(Shape::Call))))
        .or_else(|| reduced::object_of_row(value).map(|row| of_cells(row, None)))
        .or_else(|| reduced::task_of_list(value).map(|text| (Some(Shape::Task), text)))
}

/// The record that cells describe, or the row that cannot be read.
fn of_cells(row: Result<String, Unreadable>, shape: Option<Shape>) -> (Option<Shape>, String) {
    match row {
        Ok(text) => (shape, text),
        Err(unreadable) => (Some(Shape::UnreadableRow), unreadable.into_json()),
    }
}

fn json(value: Value<'_>) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// An entry of `aws cloudtrail lookup-events` from which `--query` removed the record.
fn history_entry(value: Value<'_>) -> Option<String> {
    let event_name = value.text_at("EventName")?;
    let time = value.get("EventTime")?;
    let mut record = Map::new();
    let mut put = |key: &str, value: Option<Json>| value.map(|value| record.insert(key.to_owned(), value));
    put("eventID", value.get("EventId").map(json));
    put("eventTime", Some(json(time)));
    put("eventName", Some(event_name.into()));
    put("eventSource", value.get("EventSource").map(json));
    put("readOnly", value.get("ReadOnly").map(json));
    let mut identity = Map::new();
    for (from, to) in [("Username", "userName"), ("AccessKeyId", "accessKeyId")] {
        if let Some(text) = value.text_at(from) {
            identity.insert(to.to_owned(), text.into());
        }
    }
    put("userIdentity", Some(identity.into()));
    let resources: Map<String, Json> =
        value.get("Resources").into_iter().flat_map(Value::items).filter_map(parameter_of).collect();
    put("requestParameters", (!resources.is_empty()).then(|| resources.into()));
    Some(Json::from(record).to_string())
}

/// The request parameter that corresponds to a resource of the event history.
fn parameter_of(resource: Value<'_>) -> Option<(String, Json)> {
    let key = match resource.text_at("ResourceType")? {
        "AWS::ECS::Cluster" => "cluster",
        "AWS::ECS::Service" => "service",
        "AWS::ECS::Task" => "task",
        "AWS::ECS::TaskDefinition" => "taskDefinition",
        "AWS::ECS::ContainerInstance" => "containerInstance",
        _ => return None,
    };
    Some((key.to_owned(), resource.text_at("ResourceName")?.into()))
}

/// An entry of `aws events put-events`: an event before EventBridge renames its keys.
fn put_events_entry(value: Value<'_>) -> Option<String> {
    value.text_at("DetailType")?;
    value.get("Detail")?;
    let mut event = Map::new();
    for (key, child) in value.entries() {
        let key = match key {
            "DetailType" => "detail-type".to_owned(),
            _ => key.to_ascii_lowercase(),
        };
        event.insert(key, json(child));
    }
    Some(Json::from(event).to_string())
}

/// The detail of a service or deployment event without its envelope.
fn detail_of_event(value: Value<'_>) -> Option<String> {
    let event_name = value.text_at("eventName").filter(|name| knowledge::event_is_failure(name).is_some())?;
    value.text_at("eventType")?;
    let is_deployment = value.get("deploymentId").is_some() || event_name.contains("_DEPLOYMENT_");
    let (owner, kind) = if event_name.starts_with("DAEMON_") { ("Daemon ", "Daemon Service") } else { ("", "Service") };
    let detail_type = if is_deployment { format!("ECS {owner}Deployment State Change") } else { format!("ECS {kind} Action") };
    let time = value.get("updatedAt").or_else(|| value.get("createdAt")).map(json);
    Some(json!({"detail-type": detail_type, "source": "aws.ecs", "time": time, "detail": json(value)}).to_string())
}

/// An event of a Step Functions execution: ECS refused the call of a state. Its cause is a sentence, not a task.
fn refused_state(value: Value<'_>) -> Option<String> {
    let time = value.get("timestamp")?;
    let (_, details) = value.entries().find(|(key, child)| key.ends_with("EventDetails") && child.is_object())?;
    if !details.text_at("resourceType").is_some_and(|kind| kind.eq_ignore_ascii_case("ecs")) {
        return None;
    }
    let (service, error) = details.text_at("error")?.split_once('.')?;
    let cause = details.text_at("cause").filter(|_| service.eq_ignore_ascii_case("ecs"))?;
    // `… (Service: AmazonECS; Status Code: 400; Error Code: CODE; Request ID: …)`
    let (message, answer) = cause.split_once(" (Service: ").map_or((cause, None), |(message, answer)| (message, Some(answer)));
    let code = answer.and_then(|answer| answer.split_once("Error Code: ")).map(|(_, rest)| rest);
    let code = code.and_then(|rest| rest.split([';', ',', ')']).next()).unwrap_or(error);
    let action = details.text_at("resource")?.split('.').next()?;
    let (first, rest) = action.split_at_checked(1)?;
    let record = json!({
        "eventTime": json(time), "eventSource": "ecs.amazonaws.com", "eventName": format!("{}{rest}", first.to_ascii_uppercase()),
        "errorCode": code, "errorMessage": message, "userIdentity": {"invokedBy": "states.amazonaws.com"},
    });
    Some(record.to_string())
}

/// A pair from `--query 'services[].events[].[createdAt,message]'`: time and message.
fn message_pair(value: Value<'_>) -> Option<String> {
    let mut message = None;
    let mut time = None;
    let mut id = None;
    for item in value.items() {
        match item.text() {
            Some(text) if text.starts_with("(service ") => message = Some(text),
            Some(text) if is_date(text) => time = Some(json(item)),
            Some(text) if is_uuid(text) => id = Some(text),
            // The name of the service.
            Some(_) => {}
            None if item.float().is_some() => time = Some(json(item)),
            None => return None,
        }
    }
    let (message, time) = (message?, time?);
    Some(
        match id {
            Some(id) => json!({"id": id, "createdAt": time, "message": message}),
            None => json!({"createdAt": time, "message": message}),
        }
        .to_string(),
    )
}

/// Whether a text is the id of a message, and not a name.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| byte.is_ascii_hexdigit() || byte == b'-' && matches!(at, 8 | 13 | 18 | 23))
}

/// The cells of a flat object: names without case and separators, values as strings.
fn cells(value: Value<'_>) -> Option<Vec<(String, String)>> {
    // Complete calls are recognized earlier; this handles columns in other spellings. Objects without an event name
    // are common, so they are rejected after a look at their keys.
    let names_event = |key: &str| key.len() <= "event_name".len() && csv::plain_name(key) == "eventname";
    if !value.entries().any(|(key, child)| names_event(key) && child.text().is_some()) {
        return None;
    }
    Some(value.entries().map(|(key, child)| (csv::plain_name(key), cell(child))).collect())
}

fn cell(value: Value<'_>) -> String {
    value.scalar().map_or_else(|| if value.is_null() { String::new() } else { json(value).to_string() }, |text| text.into_owned())
}

/// A row of `aws cloudtrail get-query-results` (a list of objects with one key each) or of Logs Insights (a list of
/// `{"field":…,"value":…}`).
fn lake_row(value: Value<'_>) -> Option<Result<String, Unreadable>> {
    let mut cells = Vec::new();
    for item in value.items() {
        let named = item.text_at("field").zip(item.get("value"));
        let (name, child) = match named {
            Some(named) => named,
            None => {
                let mut entries = item.entries();
                let only = entries.next()?;
                if entries.next().is_some() {
                    return None;
                }
                only
            }
        };
        cells.push((csv::plain_name(name), cell(child)));
    }
    columns(cells)
}

/// The record represented by columns, if they describe a call.
fn columns(cells: Vec<(String, String)>) -> Option<Result<String, Unreadable>> {
    let has = |wanted: &str| cells.iter().find(|(name, cell)| name == wanted && !cell.is_empty()).map(|(_, cell)| cell.as_str());
    has("eventname")?;
    // Notifications of S3, SQS and Kinesis have the same columns.
    if has("eventsource").is_some_and(|source| source.starts_with("aws:")) {
        return None;
    }
    let of_aws = has("eventsource").is_some_and(|source| source.ends_with(".amazonaws.com"));
    let others = ["awsregion", "eventid", "useridentity", "recipientaccountid", "requestparameters", "useridentityarn"];
    // A short `select`: nothing but columns of CloudTrail, and a name that an API call may have.
    let is_action = |name: &str| {
        name.starts_with(|letter: char| letter.is_ascii_uppercase()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_short =
        cells.len() > 1 && cells.iter().all(|(name, _)| csv::is_column(name)) && has("eventname").is_some_and(is_action);
    if !(of_aws || is_short || has("eventtime").is_some() && others.iter().any(|name| has(name).is_some())) {
        return None;
    }
    Some(csv::record_text(cells.iter().map(|(name, cell)| (name.as_str(), cell.as_str()))))
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn object(text: &str) -> Option<Json> {
        record_of_object(Tape::parse(text).unwrap().root()).map(|(_, text)| serde_json::from_str(&text).unwrap())
    }

    fn list(text: &str) -> Option<Json> {
        record_of_list(Tape::parse(text).unwrap().root()).map(|(_, text)| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn entries_of_the_event_history() {
        let entry = object(
            r#"{"EventName":"DeleteService","EventTime":1790000000.0,"EventId":"e1","EventSource":"ecs.amazonaws.com","Username":"mary",
                "Resources":[{"ResourceType":"AWS::ECS::Service","ResourceName":"web"},{"ResourceType":"AWS::S3::Bucket","ResourceName":"b"}]}"#,
        )
        .unwrap();
        assert_eq!((&entry["eventName"], &entry["userIdentity"]["userName"]), (&json!("DeleteService"), &json!("mary")));
        assert_eq!(entry["requestParameters"], json!({"service": "web"}));
        assert_eq!(object(r#"{"EventName":"click"}"#), None);
    }

    #[test]
    fn entries_of_put_events() {
        let event =
            object(r#"{"Source":"aws.ecs","DetailType":"ECS Service Action","Detail":"{}","Resources":["a"],"Time":"t"}"#)
                .unwrap();
        assert_eq!(
            event,
            json!({"source": "aws.ecs", "detail-type": "ECS Service Action", "detail": "{}", "resources": ["a"], "time": "t"})
        );
    }

    #[test]
    fn rows_of_lake_and_insights() {
        let want = json!({"eventName": "RunTask", "eventSource": "ecs.amazonaws.com", "eventTime": "2026-03-04 02:10:00.000"});
        let rows = [
            r#"[{"eventTime":"2026-03-04 02:10:00.000"},{"eventSource":"ecs.amazonaws.com"},{"eventName":"RunTask"}]"#,
            r#"[{"field":"eventTime","value":"2026-03-04 02:10:00.000"},{"field":"eventSource","value":"ecs.amazonaws.com"},{"field":"eventName","value":"RunTask"}]"#,
        ];
        for row in rows {
            assert_eq!(list(row).unwrap(), want, "{row}");
        }
        let athena = r#"{"eventtime":"2026-03-04 02:10:00.000","eventsource":"ecs.amazonaws.com","eventname":"RunTask"}"#;
        assert_eq!(object(athena).unwrap(), want);
        assert_eq!(object(r#"{"eventname":"click","eventtime":"x"}"#), None);
        let short = json!({"eventName": "StopTask", "eventTime": "2026-03-04 02:10:00.000"});
        assert_eq!(list(r#"[{"eventTime":"2026-03-04 02:10:00.000"},{"eventName":"StopTask"}]"#).unwrap(), short);
        let refused = json!({"eventName": "StopTask", "errorCode": "ClientException"});
        assert_eq!(object(r#"{"eventName":"StopTask","errorCode":"ClientException"}"#).unwrap(), refused);
        assert_eq!(object(r#"{"eventName":"StopTask","price":"7"}"#), None);
    }

    #[test]
    fn details_of_events_without_their_envelope() {
        let event = object(
            r#"{"eventType":"WARN","eventName":"SERVICE_TASK_PLACEMENT_FAILURE","clusterArn":"c","createdAt":"2026-03-04T02:10:00Z","reason":"RESOURCE:CPU"}"#,
        )
        .unwrap();
        assert_eq!((&event["detail-type"], &event["time"]), (&json!("ECS Service Action"), &json!("2026-03-04T02:10:00Z")));
        assert_eq!(event["detail"]["reason"], "RESOURCE:CPU");
        let event = object(r#"{"eventType":"ERROR","eventName":"SERVICE_DEPLOYMENT_FAILED","updatedAt":"t"}"#).unwrap();
        assert_eq!(event["detail-type"], "ECS Deployment State Change");
        assert_eq!(object(r#"{"eventType":"WARN","eventName":"SERVICE_DEGRADED"}"#), None);
    }

    #[test]
    fn calls_that_ecs_refused_to_a_state_machine() {
        let call = object(
            r#"{"timestamp":"2026-03-04T02:10:00Z","type":"TaskFailed","id":6,"taskFailedEventDetails":{"resourceType":"ecs","resource":"runTask.sync",
                "error":"ECS.InvalidParameterException","cause":"Too many subnets. (Service: AmazonECS; Status Code: 400; Error Code: InvalidParameterException; Request ID: r)"}}"#,
        )
        .unwrap();
        let want = (&json!("RunTask"), &json!("InvalidParameterException"), &json!("Too many subnets."));
        assert_eq!((&call["eventName"], &call["errorCode"], &call["errorMessage"]), want);
        assert_eq!(
            object(
                r#"{"timestamp":1,"taskFailedEventDetails":{"resourceType":"lambda","error":"ECS.X","cause":"y","resource":"z"}}"#
            ),
            None
        );
    }

    #[test]
    fn pairs_of_time_and_message() {
        let want = json!({"createdAt": "2026-03-18T16:01:03+09:00", "message": "(service a) has reached a steady state."});
        assert_eq!(list(r#"["2026-03-18T16:01:03+09:00","(service a) has reached a steady state."]"#).unwrap(), want);
        assert_eq!(list(r#"["(service a) has reached a steady state.","2026-03-18T16:01:03+09:00"]"#).unwrap(), want);
        assert_eq!(list(r#"["a","2026-03-18T16:01:03+09:00","(service a) has reached a steady state."]"#).unwrap(), want);
        let id = "8a1b2c3d-0000-4000-8000-000000000001";
        let named = list(&format!(r#"["{id}","2026-03-18T16:01:03+09:00","(service a) x"]"#)).unwrap();
        assert_eq!(named["id"], id);
        assert_eq!(list(r#"["2026-03-18","x"]"#), None);
        assert_eq!(list("[]"), None);
    }
}
