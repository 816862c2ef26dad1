//! Tables whose rows are events, services, container instances or runs, with objects in cells, as pandas writes a list of them.
//!
//! In: the names of columns, and cells. Out: the object of a row, with the names of the API.

use super::cells::{self, Unreadable};
use super::csv::plain_name;
use super::spelling::api_key;
use serde_json::{Map, Value as Json};

/// Columns, in lower case with letters and digits only, that together identify such rows.
const IDENTIFYING: [[&str; 2]; 8] = [
    ["detailtype", "detail"],
    ["servicearn", "deployments"],
    ["servicearn", "events"],
    ["containerinstancearn", "agentconnected"],
    ["servicedeploymentarn", "status"],
    ["runspec", "submittedat"],
    ["submissionnum", "jobprovisioningdata"],
    ["recordedat", "targets"],
];

/// Whether columns are those of such rows.
pub fn is_header(header: &[String]) -> bool {
    let has = |wanted: &&str| header.iter().any(|name| name == wanted);
    IDENTIFYING.iter().any(|columns| columns.iter().all(has))
}

/// The object of a row.
pub fn object_of_cells<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String, Unreadable> {
    let mut object = Map::new();
    for (name, cell) in cells.filter(|(name, cell)| !name.is_empty() && !cells::is_missing(cell)) {
        let key = match plain_name(name).as_str() {
            "detailtype" => "detail-type".to_owned(),
            // The keys of an event are words in lower case.
            word @ ("account" | "detail" | "id" | "region" | "resources" | "source" | "time" | "version") => word.to_owned(),
            _ if name.starts_with(|letter: char| letter.is_ascii_uppercase()) => api_key(name).into_owned(),
            _ => name.to_owned(),
        };
        let value = cells::of_other(&key, cell)?;
        object.entry(key).or_insert(value);
    }
    Ok(Json::from(object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(cells: &[(&'static str, &'static str)]) -> Result<Json, String> {
        let names: Vec<String> = cells.iter().map(|(name, _)| plain_name(name)).collect();
        assert!(is_header(&names), "{names:?}");
        let text = object_of_cells(cells.iter().copied()).map_err(|row| row.column)?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn rows_are_objects() {
        let event = object(&[
            ("detail-type", "ECS Task State Change"),
            ("source", "aws.ecs"),
            ("time", "2026-03-04T02:10:00Z"),
            ("resources", "['arn:aws:ecs:x']"),
            ("detail", "{'taskArn': 't', 'containers': [{'exitCode': 3, 'reason': None}]}"),
        ]);
        let want = json!({"detail-type": "ECS Task State Change", "source": "aws.ecs", "time": "2026-03-04T02:10:00Z",
            "resources": ["arn:aws:ecs:x"], "detail": {"taskArn": "t", "containers": [{"exitCode": 3, "reason": null}]}});
        assert_eq!(event, Ok(want));
        let service = object(&[("serviceArn", "s"), ("Events", r#"[{"id":"e"}]"#), ("runningCount", "1"), ("platform", "nan")]);
        assert_eq!(service, Ok(json!({"serviceArn": "s", "events": [{"id": "e"}], "runningCount": "1"})));
        let run = object(&[("submitted_at", "2026-03-04T02:10:00Z"), ("run_spec", "{'run_name': 'web'}"), ("jobs", "[]")]);
        assert_eq!(run, Ok(json!({"submitted_at": "2026-03-04T02:10:00Z", "run_spec": {"run_name": "web"}, "jobs": []})));
    }

    #[test]
    fn a_row_that_cannot_be_read_names_its_column() {
        let cells = [("serviceArn", "s"), ("events", "[{'createdAt': datetime.datetime(2026, 3, 4, tzinfo=tzlocal())}]")];
        assert_eq!(object(&cells), Err("events".to_owned()));
    }

    #[test]
    fn other_tables_are_not_taken() {
        let is = |names: &[&str]| is_header(&names.iter().map(|name| plain_name(name)).collect::<Vec<_>>());
        assert!(is(&["detailType", "detail"]) && is(&["submission_num", "job_provisioning_data"]));
        assert!(!is(&["detail", "time", "source"]) && !is(&["serviceArn", "status"]) && !is(&[]));
    }
}
