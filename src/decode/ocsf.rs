//! Converts API activity in OCSF, as Amazon Security Lake stores CloudTrail, back to a CloudTrail record.
//!
//! In: an object in OCSF, of any version since 1.0.0-rc.2. Out: the record as JSON, as far as OCSF has its fields;
//! `knowledge/ocsf.toml` says where they are. The secrets of `api.request.data` are inside a string, so the record must
//! be masked again.

use super::json::Value;
use super::mapped::{self, at, put, text_at};
use crate::knowledge::MappedField;
use serde_json::{Map, Value as Json};

/// What an object in OCSF is.
#[derive(Debug, PartialEq, Eq)]
pub enum Ocsf {
    /// A call: the CloudTrail record as JSON.
    Call(String),
    /// An event of another class, such as network activity.
    Other,
}

/// Reads an object, if it is OCSF.
pub fn read(value: Value<'_>) -> Option<Ocsf> {
    value.get("class_uid").filter(|class| class.int().is_some())?;
    value.get("metadata").filter(|metadata| metadata.is_object())?;
    let operation = value.path(&["api", "operation"]).and_then(Value::text);
    let service = value.path(&["api", "service", "name"]).and_then(Value::text);
    if operation.is_none() || service.is_none() {
        return Some(Ocsf::Other);
    }
    let ocsf = serde_json::to_value(value).unwrap_or_default();
    // Some sources keep the original.
    if let Some(original) = text_at(&ocsf, "raw_data").and_then(mapped::original) {
        return Some(Ocsf::Call(original.to_string()));
    }
    Some(Ocsf::Call(record_of(&ocsf).to_string()))
}

fn record_of(ocsf: &Json) -> Json {
    let mut record = mapped::record_of(ocsf, MappedField::of_ocsf());
    if let Some(issuer) = issuer_of(&record) {
        for (key, found) in issuer {
            put(&mut record, &format!("userIdentity.sessionContext.sessionIssuer.{key}"), found);
        }
    }
    let resources: Vec<Json> = ocsf.get("resources").and_then(Json::as_array).into_iter().flatten().map(resource_of).collect();
    if !resources.is_empty() {
        put(&mut record, "resources", resources.into());
    }
    for (path, found) in ocsf.get("unmapped").and_then(Json::as_object).into_iter().flatten() {
        put_new(&mut record, path, found);
    }
    record
}

/// The name and type of the role of a session, which OCSF has only as an ARN.
fn issuer_of(record: &Json) -> Option<Vec<(&'static str, Json)>> {
    let arn = text_at(record, "userIdentity.sessionContext.sessionIssuer.arn")?;
    let mut parts = arn.splitn(6, ':').skip(4);
    let (account, resource) = (parts.next()?, parts.next()?);
    let (kind, name) = resource.split_once('/')?;
    let name = name.rsplit('/').next().unwrap_or(name);
    let kind = match kind {
        "role" => "Role",
        "user" => "IAMUser",
        other => other,
    };
    Some(vec![("userName", name.into()), ("type", kind.into()), ("accountId", account.into())])
}

fn resource_of(resource: &Json) -> Json {
    let mut out = Map::new();
    for (key, paths) in [("ARN", &["uid"][..]), ("accountId", &["owner.account.uid", "account_uid"]), ("type", &["type"])] {
        if let Some(found) = paths.iter().find_map(|path| at(resource, path)) {
            out.insert(key.to_owned(), found.clone());
        }
    }
    Json::Object(out)
}

/// Adds a field that OCSF has no place for, unless the record has it. Its path ends a list with `[]`:
/// `responseElements.failures[].reason`; the fields of one list describe its first element.
fn put_new(record: &mut Json, path: &str, found: &Json) {
    if found.is_null() {
        return;
    }
    let mut inside = record;
    for key in path.split('.') {
        let (name, is_list) = key.strip_suffix("[]").map_or((key, false), |name| (name, true));
        if inside.is_null() {
            *inside = Json::Object(Map::new());
        }
        let Some(object) = inside.as_object_mut() else { return };
        inside = object.entry(name).or_insert(Json::Null);
        if is_list {
            if inside.is_null() {
                *inside = Json::Array(vec![Json::Null]);
            }
            let Some(first) = inside.as_array_mut().and_then(|list| list.first_mut()) else { return };
            inside = first;
        }
    }
    if inside.is_null() {
        *inside = match found.as_str() {
            Some("true") => true.into(),
            Some("false") => false.into(),
            Some(text) if text.starts_with(['{', '[']) => serde_json::from_str(text).unwrap_or_else(|_| found.clone()),
            _ => found.clone(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;
    use serde_json::json;

    fn record(ocsf: &Json) -> Json {
        let text = ocsf.to_string();
        match read(Tape::parse(&text).unwrap().root()) {
            Some(Ocsf::Call(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_of_version_1_5_is_a_cloudtrail_record() {
        let record = record(&json!({
            "class_uid": 6003, "class_name": "API Activity", "time": 1_772_590_200_000i64,
            "metadata": {"uid": "e-1", "event_code": "AwsApiCall", "product": {"name": "CloudTrail", "version": "1.11"}, "version": "1.5.0"},
            "api": {
                "operation": "RunTask", "version": "2014-11-13", "service": {"name": "ecs.amazonaws.com"},
                "request": {"uid": "r-1", "data": "{\"cluster\":\"batch\",\"count\":2}"},
                "response": {"error": "", "message": null, "data": "{\"failures\":[{\"reason\":\"AGENT\"}]}"}
            },
            "actor": {
                "invoked_by": "events.amazonaws.com",
                "session": {"created_time_dt": "2026-03-04T02:00:00.000-04:00", "is_mfa": false, "issuer": "arn:aws:iam::111122223333:role/path/nightly"},
                "user": {"type": "AssumedRole", "uid": "arn:aws:sts::111122223333:assumed-role/nightly/x", "uid_alt": "AROA:x",
                    "account": {"uid": "111122223333"}, "credential_uid": "ASIA1"}
            },
            "cloud": {"account": {"uid": "111122223333"}, "region": "eu-west-1", "provider": "AWS"},
            "src_endpoint": {"domain": "events.amazonaws.com", "uid": ""},
            "http_request": {"user_agent": "events"},
            "resources": [{"uid": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch", "owner": {"account": {"uid": "111122223333"}}, "type": "AWS::ECS::Cluster"}],
            "unmapped": {"readOnly": "false", "eventCategory": "Management", "additionalEventData.note": "x"}
        }));
        assert_eq!(
            record,
            json!({
                "eventVersion": "1.11", "eventTime": "2026-03-04T02:10:00Z", "eventSource": "ecs.amazonaws.com", "eventName": "RunTask",
                "eventID": "e-1", "eventType": "AwsApiCall", "apiVersion": "2014-11-13", "requestID": "r-1",
                "requestParameters": {"cluster": "batch", "count": 2}, "responseElements": {"failures": [{"reason": "AGENT"}]},
                "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "events.amazonaws.com",
                "userAgent": "events", "readOnly": false, "eventCategory": "Management", "additionalEventData": {"note": "x"},
                "resources": [{"ARN": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch", "accountId": "111122223333", "type": "AWS::ECS::Cluster"}],
                "userIdentity": {
                    "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/nightly/x", "principalId": "AROA:x",
                    "accountId": "111122223333", "accessKeyId": "ASIA1", "invokedBy": "events.amazonaws.com",
                    "sessionContext": {
                        "attributes": {"creationDate": "2026-03-04T06:00:00Z", "mfaAuthenticated": "false"},
                        "sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/path/nightly", "userName": "nightly", "type": "Role", "accountId": "111122223333"}
                    }
                }
            })
        );
    }

    #[test]
    fn the_first_version_has_parameters_only_as_unmapped_fields() {
        let record = record(&json!({
            "class_uid": 3005, "time": 1_772_590_200_000i64,
            "metadata": {"uid": "e-2", "product": {"version": "1.08"}, "version": "1.0.0-rc.2"},
            "api": {"operation": "UpdateService", "service": {"name": "ecs.amazonaws.com"}, "request": {"uid": "r"}, "response": {}},
            "actor": {"user": {"uuid": "arn:aws:iam::111122223333:user/mary", "uid": "AIDA1", "account_uid": "111122223333", "name": "mary"}},
            "cloud": {"region": "eu-west-1"},
            "unmapped": {
                "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "requestParameters.service": "web",
                "responseElements.failures[].reason": "MISSING", "responseElements.failures[].arn": "a"
            }
        }));
        assert_eq!(
            record["userIdentity"],
            json!({"arn": "arn:aws:iam::111122223333:user/mary", "principalId": "AIDA1", "accountId": "111122223333", "userName": "mary"})
        );
        assert_eq!(record["requestParameters"], json!({"service": "web"}));
        assert_eq!(record["responseElements"], json!({"failures": [{"reason": "MISSING", "arn": "a"}]}));
        assert_eq!((&record["eventType"], &record["recipientAccountId"]), (&json!("AwsApiCall"), &json!("111122223333")));
    }

    #[test]
    fn other_classes_and_originals() {
        let other = json!({"class_uid": 4001, "metadata": {"version": "1.1.0"}, "src_endpoint": {"ip": "10.0.0.1"}}).to_string();
        assert_eq!(read(Tape::parse(&other).unwrap().root()), Some(Ocsf::Other));
        for text in [r#"{"class_uid":1}"#, r#"{"class_uid":"x","metadata":{}}"#, r#"{"api":{"operation":"a"}}"#] {
            assert_eq!(read(Tape::parse(text).unwrap().root()), None);
        }
        let original = record(&json!({
            "class_uid": 6003, "metadata": {}, "api": {"operation": "RunTask", "service": {"name": "ecs.amazonaws.com"}},
            "raw_data": "{\"eventName\":\"RunTask\",\"eventSource\":\"ecs.amazonaws.com\",\"extra\":1}"
        }));
        assert_eq!(original["extra"], json!(1));
    }
}
