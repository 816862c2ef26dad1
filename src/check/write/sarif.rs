//! SARIF 2.1.0: one rule per check, one result per finding.

use super::json::pretty;
use super::line_of;
use crate::check::{Finding, Outcome, Place, Report, State};
use crate::percent;
use serde_json::{Value, json};

/// The report as a SARIF log.
pub(super) fn write(report: &Report) -> String {
    let results: Vec<Value> = report
        .outcomes
        .iter()
        .enumerate()
        .flat_map(|(index, outcome)| outcome.findings().iter().map(move |finding| result(index, outcome, finding, &report.home)))
        .collect();
    let notes: Vec<Value> = report.partial.iter().map(|text| notification("warning", text)).collect();
    let open = report.outcomes.iter().filter_map(|outcome| match &outcome.state {
        State::NotAnswered(why) => Some(notification("note", &format!("{} is unanswered: {why}", outcome.id()))),
        _ => None,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "ecs-audit",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": report.outcomes.iter().map(rule).collect::<Vec<_>>(),
                }
            },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notes.into_iter().chain(open).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "properties": { "window": report.window },
            "results": results,
        }]
    });
    pretty(&log)
}

fn rule(outcome: &Outcome) -> Value {
    let check = &outcome.check;
    json!({
        "id": outcome.id(),
        "name": check.name,
        "shortDescription": { "text": check.question },
        "help": { "text": check.remedy },
        "defaultConfiguration": { "level": check.severity.word() },
        "properties": { "tags": [outcome.pack], "query": check.query },
    })
}

fn result(index: usize, outcome: &Outcome, finding: &Finding, home: &str) -> Value {
    let check = &outcome.check;
    let about = finding.keys.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    let about = if about.is_empty() { finding.sentence() } else { about };
    let logical = json!({ "fullyQualifiedName": about, "kind": "resource" });
    let mut places = finding.records.iter().filter_map(physical);
    // A missing start has no record, but viewers require a location.
    let nowhere = || json!({ "artifactLocation": { "uri": uri(home) }, "region": { "startLine": 1 } });
    let place = places.next().unwrap_or_else(nowhere);
    let location = json!({ "physicalLocation": place, "logicalLocations": [logical] });
    let related: Vec<Value> = places.enumerate().map(|(id, place)| json!({ "id": id + 1, "physicalLocation": place })).collect();
    json!({
        "ruleId": outcome.id(),
        "ruleIndex": index,
        "level": check.severity.word(),
        "message": { "text": format!("{}. {}", finding.sentence(), check.remedy) },
        "locations": [location],
        "relatedLocations": related,
        "partialFingerprints": { "finding/v1": finding.fingerprint(&outcome.id()) },
        "properties": {
            "query": outcome.query,
            "records": finding.records.iter().map(|place| place.id.as_str()).filter(|id| !id.is_empty()).collect::<Vec<_>>(),
        },
    })
}

/// The location of a record. In a file with one record per line, it is the line of the record. For other files, it is
/// the first line, with the record number next to it.
fn physical(place: &Place) -> Option<Value> {
    let file = place.file.as_deref()?;
    let mut region = json!({ "startLine": line_of(place) });
    if let (Some(record), Some(members)) = (place.record, region.as_object_mut()) {
        members.insert("properties".to_owned(), json!({ "record": record, "id": place.id }));
        members.insert("message".to_owned(), json!({ "text": format!("record {record} of the file") }));
    }
    Some(json!({ "artifactLocation": { "uri": uri(file) }, "region": region }))
}

fn notification(level: &str, text: &str) -> Value {
    json!({ "level": level, "message": { "text": text } })
}

/// A path as a URI reference: characters that a URI does not allow are percent-encoded.
fn uri(path: &str) -> String {
    let uri = path.split(['/', '\\']).map(percent::encoded).collect::<Vec<_>>().join("/");
    if uri.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/c#1.json"), "a%20b/c%231.json");
        assert_eq!(uri("/tmp/é"), "file:///tmp/%C3%A9");
    }
}
