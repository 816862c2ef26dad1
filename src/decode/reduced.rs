//! Tasks and service messages that `--query` reduced to a few values, under names of the user's choice or without names.
//!
//! In: an object or list of plain values. Out: the JSON of a task with the keys of the API. Values are recognized by
//! their content (an ARN, a state, a stop code, a stop reason), so that any name works; names decide only what content
//! does not: which time a date is, and which number is an exit code.

use super::cells::{self, Unreadable, is_missing};
use super::csv::plain_name;
use super::json::Value;
use super::looks;
use crate::instant;
use crate::knowledge;
use serde_json::{Map, Value as Json, json};

/// More values than anybody selects by hand.
const MOST: usize = 16;

/// Parts of names that people give to the fields of a task or container.
const NAMES: [&str; 21] = [
    "arn",
    "cluster",
    "code",
    "container",
    "cpu",
    "created",
    "definition",
    "desired",
    "exit",
    "family",
    "group",
    "health",
    "image",
    "last",
    "memory",
    "name",
    "reason",
    "started",
    "stat",
    "stop",
    "task",
];

const STATES: [&str; 9] =
    ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"];

/// Whether columns (names in lower case, letters and digits only) are fields of tasks, as a query in Logs Insights selects them:
/// `detail.taskArn`, `detail.stoppedReason`.
pub fn is_header(header: &[String]) -> bool {
    let has = |wanted: &str| header.iter().any(|name| name.strip_prefix("detail").unwrap_or(name) == wanted);
    header.len() > 1 && (has("stoppedreason") || has("stopcode") || has("taskarn") && has("laststatus"))
}

/// The object whose fields are columns with a path, such as `detail.containers.0.exitCode`. The time of the event is used
/// for its state, unless the time of the state is selected, too: they are seconds apart.
pub fn object_of_cells<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String, Unreadable> {
    let mut object = Json::Object(Map::new());
    let mut time = None;
    for (path, cell) in cells.filter(|(name, cell)| !name.is_empty() && !is_missing(cell)) {
        match path {
            "@timestamp" | "time" => time = Some(cell),
            // Other fields that Logs Insights adds.
            path if path.starts_with('@') => {}
            path => put(&mut object, path.strip_prefix("detail.").unwrap_or(path), cell)?,
        }
    }
    if let (Some(fields), Some(time)) = (object.as_object_mut(), time) {
        let runs = fields.get("lastStatus").is_some_and(|state| state != "STOPPED");
        fields.entry(if runs { "updatedAt" } else { "stoppedAt" }).or_insert_with(|| time.into());
    }
    Ok(object.to_string())
}

/// Sets the value of a path. If its place is taken, it becomes a field with the path as its name.
fn put(object: &mut Json, path: &str, cell: &str) -> Result<(), Unreadable> {
    let number = path.ends_with("exitCode").then(|| cell.parse::<i64>().ok()).flatten();
    let key = path.rsplit_once('.').map_or(path, |(_, key)| key);
    let value = number.map_or_else(|| cells::of_other(key, cell), |number| Ok(number.into()))?;
    let is_placed = match place(object, path) {
        Some(place) if place.is_null() => {
            *place = value.clone();
            true
        }
        _ => false,
    };
    if !is_placed && let Some(fields) = object.as_object_mut() {
        fields.entry(path).or_insert(value);
    }
    Ok(())
}

/// The place of a path, in which numbers are positions in a list.
fn place<'j>(object: &'j mut Json, path: &str) -> Option<&'j mut Json> {
    if path.split('.').count() > MOST {
        return None;
    }
    let mut inside = object;
    for key in path.split('.') {
        let position = key.parse::<usize>().ok().filter(|position| *position < MOST && !inside.is_object());
        if inside.is_null() {
            *inside = if position.is_some() { Json::Array(Vec::new()) } else { Json::Object(Map::new()) };
        }
        inside = match position {
            Some(position) => {
                let list = inside.as_array_mut()?;
                if list.len() <= position {
                    list.resize(position + 1, Json::Null);
                }
                list.get_mut(position)?
            }
            None => inside.as_object_mut()?.entry(key).or_insert(Json::Null),
        };
    }
    Some(inside)
}

/// The task of a row of Logs Insights that selected fields of tasks: a list of `{"field":…,"value":…}`.
pub fn object_of_row(value: Value<'_>) -> Option<Result<String, Unreadable>> {
    let cells: Vec<(&str, &str)> =
        value.items().map(|cell| cell.text_at("field").zip(cell.text_at("value"))).collect::<Option<_>>()?;
    let header: Vec<String> = cells.iter().map(|(name, _)| plain_name(name)).collect();
    is_header(&header).then(|| object_of_cells(cells.into_iter()))
}

/// The task of which an object has a few values under other names.
pub fn task_of_object(value: Value<'_>) -> Option<String> {
    let count = value.entries().count();
    if !(2..=MOST).contains(&count) {
        return None;
    }
    let mut task = ReducedTask::default();
    for (key, child) in value.entries() {
        let name = plain_name(key);
        if child.is_object() || !NAMES.iter().any(|part| name.contains(part)) {
            return None;
        }
        task.take(&name, child)?;
    }
    task.into_json()
}

/// The task of which a list has a few values.
pub fn task_of_list(value: Value<'_>) -> Option<String> {
    let count = value.items().count();
    if !(2..=MOST).contains(&count) {
        return None;
    }
    let mut task = ReducedTask::default();
    for item in value.items() {
        // A number without a name may be anything.
        if item.text().is_some() || item.is_array() {
            task.take("", item)?;
        } else if item.is_object() {
            return None;
        }
    }
    task.into_json()
}

#[derive(Debug, Default)]
struct ReducedTask<'t> {
    task: Map<String, Json>,
    container: Map<String, Json>,
    dates: Vec<&'t str>,
    has_reason: bool,
    is_stopped: bool,
}

impl<'t> ReducedTask<'t> {
    /// Takes a value; none if it cannot be one of a task.
    fn take(&mut self, name: &str, value: Value<'t>) -> Option<()> {
        if value.is_array() {
            for item in value.items() {
                if item.is_object() || item.is_array() {
                    return None;
                }
                self.take(name, item)?;
            }
            return Some(());
        }
        match value.text() {
            Some(text) => self.take_text(name, text),
            None if value.float().is_some() && (name.contains("exit") || name == "code") => {
                self.container.entry("exitCode").or_insert_with(|| json_of(value));
            }
            None if value.float().is_some() => self.take_time(name, json_of(value)),
            None => {}
        }
        Some(())
    }

    fn take_text(&mut self, name: &str, text: &'t str) {
        if let Some(key) = key_of_arn(text) {
            self.task.entry(key).or_insert_with(|| text.into());
        } else if knowledge::is_stop_text(text) {
            self.has_reason = true;
            let of_container = name.contains("container") || (!name.contains("stop") && self.task.contains_key("stoppedReason"));
            let place = if of_container { &mut self.container } else { &mut self.task };
            let key = if of_container { "reason" } else { "stoppedReason" };
            place.entry(key).or_insert_with(|| text.into());
        } else if STATES.contains(&text) {
            let key = if name.contains("desired") { "desiredStatus" } else { "lastStatus" };
            self.is_stopped |= key == "lastStatus" && text == "STOPPED";
            self.task.entry(key).or_insert_with(|| text.into());
        } else if looks::is_date(text) {
            self.dates.push(text);
            self.take_time(name, text.into());
        } else if key_of_time(name).is_some() && instant::of_text(text).is_some() {
            self.take_time(name, text.into());
        } else if is_stop_code(text) && (name.is_empty() || name.contains("code") || name.contains("stop")) {
            self.task.entry("stopCode").or_insert_with(|| text.into());
        } else if name.contains("reason") {
            self.task.entry("stoppedReason").or_insert_with(|| text.into());
        } else if name.contains("cluster") {
            self.task.entry("clusterArn").or_insert_with(|| text.into());
        } else if name.contains("name") || name == "container" {
            self.container.entry("name").or_insert_with(|| text.into());
        }
    }

    fn take_time(&mut self, name: &str, time: Json) {
        if let Some(key) = key_of_time(name) {
            self.task.entry(key).or_insert(time);
        }
    }

    fn into_json(mut self) -> Option<String> {
        let names_task = self.task.contains_key("taskArn");
        let has_state = self.task.contains_key("lastStatus") || self.task.contains_key("stopCode");
        if !(self.has_reason || names_task && (has_state || self.task.contains_key("stoppedReason"))) {
            return None;
        }
        // Dates without names: a task is created first and stopped last.
        if !["stoppedAt", "startedAt", "createdAt"].iter().any(|key| self.task.contains_key(*key)) {
            self.dates.sort_unstable();
            if let Some(last) = self.dates.last() {
                self.task.insert("stoppedAt".to_owned(), (*last).into());
            }
        }
        let is_stopped = self.is_stopped || self.has_reason && !self.task.contains_key("lastStatus");
        if is_stopped {
            self.task.insert("lastStatus".to_owned(), "STOPPED".into());
        }
        if !self.container.is_empty() {
            if is_stopped {
                self.container.insert("lastStatus".to_owned(), "STOPPED".into());
            }
            self.task.insert("containers".to_owned(), json!([self.container]));
        }
        Some(Json::from(self.task).to_string())
    }
}

fn json_of(value: Value<'_>) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// The key of a task under which a time of this name belongs.
fn key_of_time(name: &str) -> Option<&'static str> {
    let keys = [("stop", "stoppedAt"), ("start", "startedAt"), ("creat", "createdAt")];
    keys.iter().find(|(part, _)| name.contains(part)).map(|(_, key)| *key)
}

/// The key of a task under which an ARN belongs.
fn key_of_arn(text: &str) -> Option<&'static str> {
    let resource = text.strip_prefix("arn:aws").filter(|rest| rest.contains(":ecs:"))?;
    let kinds = [
        (":task-definition/", "taskDefinitionArn"),
        (":task/", "taskArn"),
        (":cluster/", "clusterArn"),
        (":container-instance/", "containerInstanceArn"),
    ];
    kinds.iter().find(|(kind, _)| resource.contains(kind)).map(|(_, key)| *key)
}

/// `EssentialContainerExited`: two or more words in one.
fn is_stop_code(text: &str) -> bool {
    let capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
    capitals > 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn object(text: &str) -> Option<Json> {
        task_of_object(Tape::parse(text).unwrap().root()).map(|text| serde_json::from_str(&text).unwrap())
    }

    fn list(text: &str) -> Option<Json> {
        task_of_list(Tape::parse(text).unwrap().root()).map(|text| serde_json::from_str(&text).unwrap())
    }

    const ARN: &str = "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a1b";

    #[test]
    fn names_of_the_users_choice() {
        let task = object(&format!(
            r#"{{"Task":"{ARN}","State":"STOPPED","Why":null,"StopReason":"Essential container in task exited","Exit":[3],"stopTime":"2026-03-04T02:10:00Z"}}"#
        ));
        assert_eq!(task, None, "nobody knows what `Why` is");
        let task = object(&format!(
            r#"{{"Task":"{ARN}","Status":"STOPPED","StopReason":"Essential container in task exited","Exit":[3],"stoppedTime":"2026-03-04T02:10:00Z"}}"#
        ));
        let want = json!({"taskArn": ARN, "lastStatus": "STOPPED", "stoppedReason": "Essential container in task exited",
            "stoppedAt": "2026-03-04T02:10:00Z", "containers": [{"exitCode": 3, "lastStatus": "STOPPED"}]});
        assert_eq!(task, Some(want));
        for time in ["1772590200", "Wed, 04 Mar 2026 02:10:00 +0000"] {
            let text = format!(r#"{{"Task":"{ARN}","Status":"STOPPED","stoppedTime":"{time}"}}"#);
            assert_eq!(object(&text).map(|task| task["stoppedAt"].clone()), Some(json!(time)));
        }
        let container = object(r#"{"Name":"web","Reason":"OutOfMemoryError: Container killed","ExitCode":137}"#).unwrap();
        assert_eq!(
            (&container["containers"][0]["name"], &container["stoppedReason"]),
            (&json!("web"), &json!("OutOfMemoryError: Container killed"))
        );
    }

    #[test]
    fn values_without_names() {
        let task = list(&format!(
            r#"["{ARN}","2026-03-04T02:10:00Z","EssentialContainerExited",["CannotPullContainerError: not found"],"2026-03-04T02:00:00Z",null]"#
        ));
        let want = json!({"taskArn": ARN, "stopCode": "EssentialContainerExited", "stoppedReason": "CannotPullContainerError: not found",
            "stoppedAt": "2026-03-04T02:10:00Z", "lastStatus": "STOPPED"});
        assert_eq!(task, Some(want));
    }

    #[test]
    fn rows_of_selected_fields() {
        let row = |text: &str| -> Option<Json> {
            object_of_row(Tape::parse(text).unwrap().root()).map(|text| serde_json::from_str(&text.unwrap()).unwrap())
        };
        let cell = |name: &str, value: &str| json!({"field": name, "value": value});
        let cells = json!([
            cell("@timestamp", "2026-03-04 02:10:00.000"),
            cell("detail.stoppedReason", "Essential container in task exited"),
            cell("detail.containers.1.name", "web"),
            cell("@ptr", "Cg"),
        ]);
        let want = json!({"stoppedReason": "Essential container in task exited", "stoppedAt": "2026-03-04 02:10:00.000",
            "containers": [null, {"name": "web"}]});
        assert_eq!(row(&cells.to_string()), Some(want));
        for cells in [
            json!([cell("@timestamp", "2026-03-04 02:10:00.000"), cell("@message", "stopped")]),
            json!([cell("detail.stoppedReason", "x")]),
            json!([{"field": "detail.stoppedReason"}, cell("detail.taskArn", "x")]),
        ] {
            assert_eq!(row(&cells.to_string()), None::<Json>, "{cells}");
        }
        let object = |cells: &[(&'static str, &'static str)]| -> Json {
            serde_json::from_str(&object_of_cells(cells.iter().copied()).unwrap()).unwrap()
        };
        assert_eq!(object(&[("a.999", "x"), ("0", "y")]), json!({"a": {"999": "x"}, "0": "y"}), "names, not positions");
        assert_eq!(object(&[("a.0", "x"), ("a.b", "y"), ("a", "z")]), json!({"a": ["x"], "a.b": "y"}), "places that are taken");
        let deep = "a.".repeat(100_000);
        let flat: Map<String, Json> = [(deep.clone(), Json::from("x"))].into_iter().collect();
        assert_eq!(object_of_cells([(deep.as_str(), "x")].into_iter()), Ok(Json::from(flat).to_string()));
    }

    #[test]
    fn what_others_write_stays() {
        for text in [
            r#"{"level":"error","msg":"CannotPullContainerError: x"}"#,
            r#"{"name":"web","status":"ok"}"#,
            r#"{"reason":"Essential container exited"}"#,
            r#"{"name":"web","reason":"the door was open","status":"STOPPED"}"#,
            r#"{"name":{"first":"x"},"reason":"Essential container exited"}"#,
        ] {
            assert_eq!(object(text), None, "{text}");
        }
        for text in [r#"["a","b"]"#, "[1,2]", r#"["2026-03-04T02:10:00Z","x"]"#] {
            assert_eq!(list(text), None, "{text}");
        }
    }
}
