//! Converts CloudTrail in the Elastic Common Schema, as Elasticsearch and its integrations store it, back to a CloudTrail
//! record.
//!
//! In: a document. Out: the record as JSON: the original, if the document keeps it, else as far as the document has its
//! fields; `knowledge/elastic.toml` says where they are. The secrets of an original are inside a string, so the record
//! must be masked again.

use super::json::Value;
use super::mapped;
use crate::knowledge::MappedField;

/// The record behind a document, if it is a call in this schema.
pub fn read(value: Value<'_>) -> Option<String> {
    value.path(&["aws", "cloudtrail"]).filter(|fields| fields.is_object())?;
    let event = value.get("event").filter(|event| event.is_object())?;
    let mut originals = [event.text_at("original"), value.text_at("message")].into_iter().flatten();
    if let Some(record) = originals.find_map(mapped::original) {
        return Some(record.to_string());
    }
    event.text_at("action")?;
    event.text_at("provider")?;
    let document = serde_json::to_value(value).unwrap_or_default();
    Some(mapped::record_of(&document, MappedField::of_elastic()).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;
    use serde_json::{Value as Json, json};

    fn record(document: &Json) -> Option<Json> {
        let text = document.to_string();
        read(Tape::parse(&text).unwrap().root()).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_original_of_a_document_is_the_record() {
        let original = json!({"eventName": "StopTask", "eventSource": "ecs.amazonaws.com", "extra": 1});
        let fields = json!({"cloudtrail": {"event_version": "1.09"}});
        for event in [
            json!({"aws": fields, "event": {"original": original.to_string(), "action": "x", "provider": "y"}}),
            json!({"aws": fields, "event": {"kind": "event"}, "message": original.to_string()}),
        ] {
            assert_eq!(record(&event), Some(original.clone()));
        }
    }

    #[test]
    fn a_document_without_its_original_is_a_record_of_its_fields() {
        let document = json!({
            "@timestamp": "2026-04-02T07:00:00.000Z",
            "aws": {"cloudtrail": {
                "event_version": "1.11", "event_type": "AwsApiCall", "event_category": "Management", "request_id": "r-1", "read_only": false,
                "error_code": "ClientException", "error_message": "no such service", "request_parameters": "{cluster=depot, service=pack}",
                "flattened": {"response_elements": {"failures": [{"reason": "AGENT"}]}},
                "user_identity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/ops/kim", "access_key_id": "ASIA1",
                    "session_context": {"mfa_authenticated": "false", "creation_date": "2026-04-02T06:00:00.000Z",
                        "session_issuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/ops", "account_id": "111122223333"}}}
            }},
            "cloud": {"account": {"id": "111122223333"}, "region": "eu-west-1"},
            "event": {"action": "UpdateService", "provider": "ecs.amazonaws.com", "id": "e-1"},
            "source": {"address": "192.0.2.7"}, "user": {"id": "AROA1:kim", "name": "ops"}, "user_agent": {"original": "aws-cli/2"}
        });
        assert_eq!(
            record(&document),
            Some(json!({
                "eventVersion": "1.11", "eventTime": "2026-04-02T07:00:00Z", "eventSource": "ecs.amazonaws.com", "eventName": "UpdateService",
                "eventID": "e-1", "eventType": "AwsApiCall", "eventCategory": "Management", "requestID": "r-1", "readOnly": false,
                "errorCode": "ClientException", "errorMessage": "no such service", "requestParameters": {"cluster": "depot", "service": "pack"},
                "responseElements": {"failures": [{"reason": "AGENT"}]}, "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
                "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli/2",
                "userIdentity": {
                    "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/ops/kim", "principalId": "AROA1:kim",
                    "accountId": "111122223333", "accessKeyId": "ASIA1", "userName": "ops",
                    "sessionContext": {
                        "attributes": {"creationDate": "2026-04-02T06:00:00Z", "mfaAuthenticated": "false"},
                        "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/ops", "accountId": "111122223333"}
                    }
                }
            }))
        );
    }

    #[test]
    fn other_documents_are_not_calls() {
        for document in [
            json!({"aws": {"s3access": {}}, "event": {"action": "x", "provider": "y"}}),
            json!({"aws": {"cloudtrail": {}}, "message": "x"}),
            json!({"aws": {"cloudtrail": {}}, "event": {"kind": "event"}}),
            json!({"event": {"action": "x", "provider": "y"}}),
        ] {
            assert_eq!(record(&document), None, "{document}");
        }
    }
}
