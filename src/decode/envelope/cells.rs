//! Searches values that have texts where a record has objects: rows of tables, and what Python prints.

use super::super::json::{Tape, Value};
use super::super::{cells, python};
use super::{Depth, Found, Shape, one_line, walk, walk_written, with_masked};

/// Searches a row of a table that has texts in place of objects.
pub(super) fn walk_cells(value: Value<'_>, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    match cells::opened(value) {
        Ok(text) => walk_written(None, &text, depth, on),
        Err(unreadable) => walk_written(Some(Shape::UnreadableRow), &unreadable.into_json(), depth, on),
    }
}

/// Searches a text that is a Python literal of plain data.
pub(super) fn walk_literal(text: &str, depth: Depth<'_>, on: &mut dyn FnMut(Found<'_>)) -> usize {
    let json = python::begins_dictionary(text.as_bytes()).then(|| python::to_json(text)).flatten();
    json.map_or(0, |json| walk_written(None, &json, depth, on))
}

/// An event whose detail is a text. It is serialized again with the detail as an object, so that both forms are read alike.
pub(super) fn walk_event_of_text(
    value: Value<'_>,
    text: Option<&str>,
    detail: &str,
    depth: Depth<'_>,
    on: &mut dyn FnMut(Found<'_>),
) -> usize {
    let with_detail = |detail: &str| {
        let mut whole = String::from("{");
        for (key, child) in value.entries().filter(|(key, _)| *key != "detail") {
            whole.push_str(&serde_json::Value::from(key).to_string());
            whole.push(':');
            child.write(&mut whole);
            whole.push(',');
        }
        whole.push_str("\"detail\":");
        whole.push_str(detail);
        whole.push('}');
        whole
    };
    let mut whole = with_detail(detail);
    if Tape::parse(&whole).is_err() {
        match cells::of_other("detail", detail) {
            Ok(detail) => whole = with_detail(&detail.to_string()),
            Err(row) if python::begins_dictionary(detail.trim_start().as_bytes()) => {
                return walk_written(Some(Shape::UnreadableRow), &row.into_json(), depth, on);
            }
            Err(_) => {}
        }
    }
    if let Ok(tape) = Tape::parse(&whole)
        && tape.root().get("detail").is_some_and(Value::is_object)
    {
        return with_masked(&whole, tape, |tape, text| walk(tape.root(), one_line(tape, text), depth.below(), on));
    }
    on(Found { shape: Shape::Unreadable("broken_json", "`detail` is a string, but not a JSON object"), value, text });
    1
}

#[cfg(test)]
mod tests {
    use super::super::super::budget::Budget;
    use super::super::find;
    use super::*;

    /// The shapes in a text, with the records.
    fn found(text: &str) -> Vec<(Shape, serde_json::Value)> {
        let mut out = Vec::new();
        find(&Tape::parse(text).unwrap(), text, &Budget::default(), &mut |found| {
            out.push((found.shape, serde_json::to_value(found.value).unwrap()));
        });
        out
    }

    fn only(text: &str) -> (Shape, serde_json::Value) {
        let mut found = found(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.remove(0)
    }

    #[test]
    fn calls_of_rows_have_their_objects() {
        let row = |parameters: &str| {
            let call = serde_json::json!({"eventName": "RunTask", "eventSource": "ecs.amazonaws.com", "eventTime": "2026-03-04T02:10:00Z",
                "userIdentity": "{'type': 'Root'}", "requestParameters": parameters});
            only(&call.to_string())
        };
        for parameters in ["{'cluster': 'batch'}", r#"{"cluster":"batch"}"#, "{cluster=batch}"] {
            let (shape, call) = row(parameters);
            assert_eq!(
                (shape, &call["requestParameters"]["cluster"], &call["userIdentity"]["type"]),
                (Shape::Call, &"batch".into(), &"Root".into())
            );
        }
        // What was inside a text is masked like a record.
        let secret = "{'environment': [{'name': 'DB_PASSWORD', 'value': 'Zx81kk3PqLw'}]}";
        assert!(!row(secret).1.to_string().contains("Zx81kk3PqLw"));
        let cut = "{'cluster': 'bat";
        assert_eq!(row(cut), (Shape::UnreadableRow, serde_json::json!({"requestParameters": cut})));
        let lower = r#"{"eventname":"RunTask","eventsource":"ecs.amazonaws.com","requestparameters":"{'cluster': date(1)}"}"#;
        assert_eq!(only(lower).0, Shape::UnreadableRow);
    }

    #[test]
    fn tasks_of_rows_have_their_containers() {
        let row = |containers: &str| {
            let task =
                serde_json::json!({"taskArn": "t", "taskDefinitionArn": "d", "lastStatus": "STOPPED", "containers": containers});
            only(&task.to_string())
        };
        let (shape, task) = row("[{'name': 'web', 'exitCode': 3}]");
        assert_eq!((shape, &task["containers"][0]["exitCode"]), (Shape::Task, &3.into()));
        assert_eq!(row("[{'name': 'web', 'at': datetime.datetime(2026, 3, 4)}]").0, Shape::UnreadableRow);
    }

    #[test]
    fn details_and_messages_may_be_literals() {
        let event = |detail: &str| {
            only(&serde_json::json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": detail}).to_string())
        };
        let (shape, event_of_row) = event("{'taskArn': 't', 'containers': []}");
        assert_eq!((shape, &event_of_row["detail"]["taskArn"]), (Shape::Event, &"t".into()));
        assert_eq!(event("{'taskArn': 't', 'at': datetime.datetime(2026, 3, 4)}").0, Shape::UnreadableRow);
        assert!(matches!(event("{\"taskArn\": \"t").0, Shape::Unreadable("broken_json", _)));
        let message = |text: &str| only(&serde_json::json!({"timestamp": 1, "message": text}).to_string()).0;
        assert_eq!(
            message("{'source': 'aws.ecs', 'detail-type': 'ECS Task State Change', 'detail': {'taskArn': None}}"),
            Shape::Event
        );
        assert!(matches!(
            message("got {'source': 'aws.ecs', 'detail-type': 'x', 'detail': {}}"),
            Shape::Unreadable("unknown_shape", _)
        ));
    }

    #[test]
    fn columns_are_rows() {
        let columns = r#"{"eventName":{"0":"RunTask","1":"StopTask"},"eventSource":{"0":"ecs.amazonaws.com","1":"ecs.amazonaws.com"},
            "eventTime":{"0":1772590200000,"1":1772590260000},"requestParameters":{"0":"{'cluster': 'batch'}","1":"{'clus"}}"#;
        let shapes: Vec<Shape> = found(columns).into_iter().map(|(shape, _)| shape).collect();
        assert_eq!(shapes, [Shape::Call, Shape::UnreadableRow]);
        let events = r#"{"detail-type":["ECS Task State Change"],"source":["aws.ecs"],"detail":[{"taskArn":"t"}]}"#;
        assert_eq!(only(events).0, Shape::Event);
        let tasks = r#"{"taskArn":{"0":"t"},"taskDefinitionArn":{"0":"d"},"lastStatus":{"0":"STOPPED"}}"#;
        assert_eq!(only(tasks).0, Shape::Task);
    }

    #[test]
    fn only_a_response_by_itself_may_have_the_time_of_its_file() {
        let answer = r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:eu-west-1:1:container-instance/a/b","reason":"AGENT"}]}"#;
        assert_eq!(only(answer).0, Shape::LaunchResponse);
        let of_sdk = answer
            .replace("tasks", "Tasks")
            .replace("failures", "Failures")
            .replace("arn\"", "Arn\"")
            .replace("reason", "Reason");
        assert_eq!(only(&of_sdk).0, Shape::LaunchResponse);
        for text in [
            format!(r#"{{"response":{answer}}}"#),
            format!(r#"{{"log":{}}}"#, serde_json::Value::from(answer)),
            format!(r#"{{"response":{of_sdk}}}"#),
            format!("[[{answer}]]"),
        ] {
            assert_eq!(only(&text).0, Shape::InnerLaunchResponse, "{text}");
        }
        let failure = r#"{"arn":"arn:aws:ecs:eu-west-1:1:container-instance/a/b","reason":"AGENT"}"#;
        assert_eq!(
            (only(failure).0, only(&format!(r#"{{"x":{failure}}}"#)).0),
            (Shape::LaunchFailure, Shape::InnerLaunchFailure)
        );
    }
}
