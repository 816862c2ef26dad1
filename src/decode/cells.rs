//! Cells of a table that hold an object: JSON, the struct text of CloudTrail Lake and Athena, or a Python literal as pandas writes it.
//!
//! In: the text of a cell. Out: its value. Invariant: a cell that carries an object and cannot be read is never taken for an empty
//! one; its row is [`Unreadable`].

use super::json::{Tape, Value as Parsed};
use super::python;
use crate::knowledge::cloudtrail_key;
use serde_json::{Map, Value};

/// A row that cannot be read, because a cell of it carries an object in a form that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The column of the cell.
    pub column: String,
    /// The cell.
    pub cell: String,
}

impl Unreadable {
    fn new(column: &str, cell: &str) -> Self {
        Unreadable { column: column.to_owned(), cell: cell.to_owned() }
    }

    /// The row as an object that has only this cell, for [`super::envelope::Shape::UnreadableRow`].
    pub fn into_json(self) -> String {
        Value::from(Map::from_iter([(self.column, Value::from(self.cell))])).to_string()
    }
}

/// Says what is wrong with a cell, and what to do.
pub fn advice(column: &str, cell: &str) -> String {
    let cell = cell.trim_start();
    let what = if cell.len() > Tape::LONGEST {
        "an object beyond the limit for one record"
    } else if python::begins_dictionary(cell.as_bytes()) {
        "a Python literal with more than plain data, such as `datetime(…)`, or one that is cut off"
    } else {
        "an object that is not valid JSON, or is cut off"
    };
    format!(
        "the column `{column}` holds {what}; {} before the table is written, or export the records themselves as JSON",
        python::ADVICE
    )
}

/// The columns of a call that carry objects.
pub fn is_column_of_call(key: &str) -> bool {
    matches!(
        key,
        "userIdentity"
            | "requestParameters"
            | "responseElements"
            | "resources"
            | "additionalEventData"
            | "serviceEventDetails"
            | "tlsDetails"
            | "addendum"
            | "eventContext"
            | "userIdentity.sessionContext"
    )
}

/// The columns of events, tasks, services and runs that carry objects or lists.
fn is_column_of_others(key: &str) -> bool {
    matches!(
        key,
        "attachments"
            | "attributes"
            | "capacityProviderStrategy"
            | "containers"
            | "deployments"
            | "detail"
            | "events"
            | "job_provisioning_data"
            | "job_runtime_data"
            | "job_spec"
            | "job_submissions"
            | "jobs"
            | "latest_job_submission"
            | "overrides"
            | "registeredResources"
            | "remainingResources"
            | "run_spec"
            | "targets"
            | "versionInfo"
    )
}

/// Whether a cell is empty: what databases, programs and pandas write for a missing value.
pub fn is_missing(cell: &str) -> bool {
    matches!(cell, "" | "null" | "-" | "None" | "nan" | "NaN" | "NaT" | "<NA>")
}

/// Whether a text begins like an object or a list of some form.
fn begins_object(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// A cell under a key of a CloudTrail record.
pub fn of_call(key: &str, cell: &str) -> Result<Value, Unreadable> {
    if !is_column_of_call(key) {
        return Ok(Value::from(cell));
    }
    match object(cell) {
        Some(Ok(mut value)) => {
            spell(&mut value, key == "resources", 0);
            Ok(value)
        }
        Some(Err(_)) => Err(Unreadable::new(key, cell)),
        // The console lists resources as text; the record has a list of objects.
        None if key == "resources" => Ok(Value::Null),
        None => Ok(Value::from(cell)),
    }
}

/// A cell under a key of an event, a task, a service or a run; any other text is the text itself.
pub fn of_other(key: &str, cell: &str) -> Result<Value, Unreadable> {
    let is_column = is_column_of_others(key) || key == "resources";
    match is_column.then(|| object(cell)).flatten() {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) => Err(Unreadable::new(key, cell)),
        None => Ok(Value::from(cell)),
    }
}

/// A struct as text; one that cannot be read is kept, so that nothing is lost.
pub fn struct_of(text: &str) -> Value {
    of_call("requestParameters", text).unwrap_or_else(|_| Value::from(text))
}

/// Whether an object has texts where a record has objects, as a row of a table does.
pub fn has_cells(value: Parsed<'_>) -> bool {
    let is_cell = |(key, child): (&str, Parsed<'_>)| {
        child.text().is_some_and(begins_object) && (is_column_of_call(key) || is_column_of_others(key))
    };
    value.entries().any(is_cell)
}

/// Whether the value of a key is the text of an object.
pub fn is_cell(value: Parsed<'_>) -> bool {
    value.text().is_some_and(begins_object)
}

/// The record of such a row as JSON.
pub fn opened(value: Parsed<'_>) -> Result<String, Unreadable> {
    let mut record = Map::new();
    for (key, child) in value.entries() {
        let opened = match child.text() {
            Some(text) if is_column_of_call(key) => of_call(key, text)?,
            Some(text) => of_other(key, text)?,
            None => serde_json::to_value(child).unwrap_or_default(),
        };
        record.insert(key.to_owned(), opened);
    }
    Ok(Value::from(record).to_string())
}

/// It begins like an object, but is not one that can be read.
struct Broken;

/// The object or list in a cell; `None` for other text.
fn object(cell: &str) -> Option<Result<Value, Broken>> {
    let text = cell.trim();
    if text.len() > Tape::LONGEST {
        return Some(Err(Broken));
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        // Encoded twice.
        let inner = value.as_str().filter(|inner| begins_object(inner)).map(str::to_owned);
        return Some(inner.map_or(Ok(value), |inner| serde_json::from_str(&inner).map_err(|_| Broken)));
    }
    if !begins_object(text) {
        return None;
    }
    let literal = || python::to_json(text).and_then(|json| serde_json::from_str(&json).ok());
    let of_lake = || is_of_lake(text).then(|| LakeText { rest: text, depth: 0 }.value());
    Some(literal().or_else(of_lake).ok_or(Broken))
}

/// Whether a text is a struct of CloudTrail Lake, `{type=AssumedRole, …}`, or a list of them, or of words without quotes.
fn is_of_lake(text: &str) -> bool {
    let (first, last) = (text.bytes().next(), text.bytes().last());
    if (first, last) != (Some(b'{'), Some(b'}')) && (first, last) != (Some(b'['), Some(b']')) {
        return false;
    }
    let inner = text.trim_start_matches(['[', '{', ' ', '\n']);
    let name = inner.split_once('=').map_or("", |(name, _)| name);
    let is_name = !name.is_empty() && !name.contains(['\'', '"', '{', '}', '[', ']', '(', ')', ',']);
    let is_of_words = first == Some(b'[') && !text.contains(['\'', '"', '{', '(']);
    text.contains('{') && is_name || is_of_words
}

/// Restores the spelling of keys that a table wrote in lower case or with underscores.
fn spell(value: &mut Value, of_resource: bool, depth: usize) {
    if depth > 32 {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| spell(item, of_resource, depth + 1)),
        Value::Object(map) => {
            for (key, mut child) in std::mem::take(map) {
                spell(&mut child, false, depth + 1);
                map.insert(spelled(&key, of_resource).map_or(key, str::to_owned), child);
            }
        }
        _ => {}
    }
}

fn spelled(key: &str, of_resource: bool) -> Option<&'static str> {
    if of_resource && key.eq_ignore_ascii_case("arn") {
        return Some("ARN");
    }
    let changed = !key.bytes().any(|byte| byte.is_ascii_uppercase());
    changed.then(|| cloudtrail_key(key)).flatten()
}

/// Parses `{type=AssumedRole, sessioncontext={…}, list=[a, b]}`, the text format of CloudTrail Lake structs.
struct LakeText<'a> {
    rest: &'a str,
    depth: usize,
}

impl LakeText<'_> {
    fn value(&mut self) -> Value {
        self.rest = self.rest.trim_start();
        self.depth += 1;
        let value = match self.rest.chars().next() {
            Some('{') if self.depth < 32 => self.object(),
            Some('[') if self.depth < 32 => self.list(),
            _ => self.plain(),
        };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Value {
        let mut map = Map::new();
        self.skip(1);
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() {
                break;
            }
            if self.rest.starts_with('}') {
                self.skip(1);
                break;
            }
            let Some((name, after)) = self.rest.split_once('=') else {
                self.rest = "";
                break;
            };
            let name = name.trim().to_owned();
            self.rest = after;
            let value = self.value();
            map.insert(spelled(&name, false).map_or(name, str::to_owned), value);
        }
        Value::Object(map)
    }

    fn list(&mut self) -> Value {
        let mut list = Vec::new();
        self.skip(1);
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() {
                break;
            }
            if self.rest.starts_with(']') {
                self.skip(1);
                break;
            }
            let before = self.rest.len();
            list.push(self.value());
            if self.rest.len() == before {
                break;
            }
        }
        Value::Array(list)
    }

    /// A plain value ends before a comma that is followed by another name, or before the closing bracket.
    fn plain(&mut self) -> Value {
        let end = self.rest.find([',', '}', ']']).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        match value.trim() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => Value::from(text),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameters(cell: &str) -> Option<Value> {
        of_call("requestParameters", cell).ok()
    }

    #[test]
    fn every_form_of_one_object() {
        let want = json!({"cluster": "batch", "count": 2, "overrides": {"cpu": null, "names": ["a", "b"]}, "enableExecuteCommand": true});
        for cell in [
            r#"{"cluster":"batch","count":2,"overrides":{"cpu":null,"names":["a","b"]},"enableExecuteCommand":true}"#,
            r#"{"cluster":"batch","count":2,"overrides":{"cpu":null,"names":["a","b"]},"enableexecutecommand":true}"#,
            "{'cluster': 'batch', 'count': 2, 'overrides': {'cpu': None, 'names': ['a', 'b']}, 'enableExecuteCommand': True}",
            " {\"cluster\": 'batch', 'count': 2, 'overrides': {'cpu': None, 'names': ('a', 'b')}, 'enableexecutecommand': True}",
            r#""{\"cluster\":\"batch\",\"count\":2,\"overrides\":{\"cpu\":null,\"names\":[\"a\",\"b\"]},\"enableExecuteCommand\":true}""#,
        ] {
            assert_eq!(parameters(cell), Some(want.clone()), "{cell}");
        }
        assert_eq!(
            parameters("{cluster=batch, tags=[{key=a}, {key=b}]}"),
            Some(json!({"cluster": "batch", "tags": [{"key": "a"}, {"key": "b"}]}))
        );
        assert_eq!(of_call("resources", "[{arn=a, accountid=1}]"), Ok(json!([{"ARN": "a", "accountId": "1"}])));
        assert_eq!(of_other("resources", "['arn:aws:ecs:a']"), Ok(json!(["arn:aws:ecs:a"])));
    }

    #[test]
    fn an_object_that_cannot_be_read_is_not_an_empty_one() {
        for cell in [
            "{'cluster': 'batch', 'at': datetime.datetime(2026, 3, 4, 2, 10)}",
            "[{'cluster': 'batch'}, <Cluster object at 0x7f>]",
            "{'cluster': 'batch', 'count",
            r#"{"cluster":"batch","count"#,
            "{cluster=batch, count",
            "{cluster: batch}",
            "{...}",
        ] {
            let unreadable = of_call("requestParameters", cell).unwrap_err();
            assert_eq!((unreadable.column.as_str(), unreadable.cell.as_str()), ("requestParameters", cell));
            assert_eq!(of_other("containers", cell).unwrap_err().column, "containers", "{cell}");
            let said = advice("requestParameters", cell);
            assert!(said.contains("`requestParameters`") && said.contains("json.dumps"), "{said}");
        }
    }

    #[test]
    fn other_texts_are_texts() {
        for cell in ["root", "HIDDEN_DUE_TO_SECURITY_REASONS", "a=b"] {
            assert_eq!(parameters(cell), Some(Value::from(cell)), "{cell}");
        }
        assert_eq!(of_call("errorMessage", "{'a'"), Ok(Value::from("{'a'")));
        assert_eq!(of_other("stoppedReason", "{\"a\": 1}"), Ok(Value::from("{\"a\": 1}")));
        assert_eq!(of_call("resources", "web, batch"), Ok(Value::Null));
    }

    #[test]
    fn texts_of_a_row_are_opened() {
        let row = |text: &str| {
            let tape = Tape::parse(text).unwrap();
            (has_cells(tape.root()), opened(tape.root()).map(|text| serde_json::from_str::<Value>(&text).unwrap()))
        };
        let call = r#"{"eventName":"RunTask","requestParameters":"{'cluster': 'batch'}","readOnly":false}"#;
        assert_eq!(
            row(call),
            (true, Ok(json!({"eventName": "RunTask", "requestParameters": {"cluster": "batch"}, "readOnly": false})))
        );
        let task = r#"{"taskArn":"t","containers":"[{'name': 'web', 'exitCode': 3}]","stoppedReason":"{'a': 1}"}"#;
        assert_eq!(
            row(task),
            (true, Ok(json!({"taskArn": "t", "containers": [{"name": "web", "exitCode": 3}], "stoppedReason": "{'a': 1}"})))
        );
        assert_eq!(row(r#"{"containers":"[x"}"#).1, Err(Unreadable::new("containers", "[x")));
        assert!(!row(r#"{"requestParameters":{"cluster":"batch"},"userIdentity":"root"}"#).0);
    }
}
