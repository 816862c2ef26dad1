//! Every shape loads, every record is accounted for, and the order of loading does not matter.

use crate::support::{TestEnv, load_options, project};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

fn record(number: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"u{number}"}},"eventTime":"2026-03-04T02:{:02}:00Z","eventSource":"ecs.amazonaws.com","eventName":"ListTasks","awsRegion":"us-east-1","requestParameters":null,"responseElements":null,"eventID":"id-{number}","recipientAccountId":"111122223333"}}"#,
        number % 60
    )
}

fn records(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(record).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Little to read, much to hold: blanks at the best ratio that deflate has.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&blanks).unwrap();
    }
    encoder.finish().unwrap()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn base64_gzip(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(gzip(text.as_bytes()))
}

/// The ids of all calls in the store.
fn ids(env: &TestEnv) -> BTreeSet<String> {
    env.sql("select id from calls order by id").into_iter().map(|row| row[0].clone()).collect()
}

#[test]
fn every_envelope_gives_the_same_record() {
    let one = record(1);
    let event = format!(
        r#"{{"version":"0","id":"env-1","detail-type":"AWS API Call via CloudTrail","source":"aws.ecs","account":"111122223333","time":"2026-03-04T02:01:00Z","region":"us-east-1","resources":[],"detail":{one}}}"#
    );
    let subscription = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{{"id":"1","timestamp":1,"message":{}}}]}}"#,
        quoted(&one)
    );
    let shapes = [
        ("records", format!(r#"{{"Records":[{one}]}}"#)),
        ("bare", one.clone()),
        ("array", format!("[{one}]")),
        ("pretty with mark", format!("\u{feff}[\r\n  {one}\r\n]\r\n")),
        ("lookup-events", format!(r#"{{"Events":[{{"EventId":"x","CloudTrailEvent":{}}}],"NextToken":null}}"#, quoted(&one))),
        ("token first", format!(r#"{{"NextToken":"t","Events":[{{"CloudTrailEvent":{}}}]}}"#, quoted(&one))),
        ("event", event.clone()),
        ("detail as text", event.replace(&one, &quoted(&one))),
        ("logs export", format!("2026-03-04T02:01:03.000Z {one}\n")),
        ("logs export in millis", format!("1772589663000 {one}\n")),
        ("subscription", subscription.clone()),
        ("packed subscription", format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, base64_gzip(&subscription))),
        ("sns", format!(r#"{{"Type":"Notification","Message":{}}}"#, quoted(&event))),
        ("sqs of sns", format!(r#"{{"Messages":[{{"body":{}}}]}}"#, quoted(&format!(r#"{{"Message":{}}}"#, quoted(&event))))),
        ("vendor", format!(r#"{{"aws":{{"cloudtrail":{one}}}}}"#)),
        ("splunk", format!(r#"{{"result":{{"_raw":{}}}}}"#, quoted(&one))),
        ("filter-log-events", format!(r#"{{"events":[{{"message":{}}}]}}"#, quoted(&one))),
        ("insights results", format!(r#"{{"results":[[{{"field":"@message","value":{}}}]]}}"#, quoted(&one))),
    ];
    for (name, text) in &shapes {
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let env = TestEnv::new();
            let file = env.write("in/export.bin", bytes);
            let ran = env.load(&[&file]);
            assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
            assert_eq!(ids(&env), BTreeSet::from(["id-1".to_owned()]), "{name}");
        }
    }
    // All of them together are one record: what came first was loaded, the others were counted.
    let env = TestEnv::new();
    for (index, (_, text)) in shapes.iter().enumerate() {
        env.write(&format!("in/{index:02}.json"), text);
    }
    env.load(&[&env.path("in")]).ok();
    let sums = env.sql("select sum(read), sum(loaded), sum(duplicate) from files");
    assert_eq!(sums, [[shapes.len().to_string(), "1".to_owned(), (shapes.len() - 1).to_string()]]);
}

const ECS: &str = "arn:aws:ecs:eu-west-1:111122223333";

/// Read, loaded, filtered and quarantined of each file, by its name.
fn accounts(env: &TestEnv) -> BTreeMap<String, (Vec<u64>, String)> {
    let rows = env.sql("select file, read, loaded + duplicate, filtered, quarantined, coalesce(why, '') from files");
    rows.into_iter()
        .map(|row| {
            let name = row[0].rsplit('/').next().unwrap().to_owned();
            (name, (row[1..5].iter().map(|cell| cell.parse().unwrap()).collect(), row[5].clone()))
        })
        .collect()
}

/// Writes each text plain, packed, in a list and as two lines, and expects each to be accounted for alike.
fn expect_accounts(shapes: &[(&str, String, [u64; 4])]) -> TestEnv {
    let env = TestEnv::new();
    for (name, text, _) in shapes {
        env.write(&format!("in/{name}"), text);
        env.write(&format!("in/{name}.gz"), gzip(text.as_bytes()));
        env.write(&format!("in/{name}.list"), format!("[{text}]"));
        let line = serde_json::from_str::<serde_json::Value>(text).unwrap().to_string();
        env.write(&format!("in/{name}.ndjson"), format!("{line}\n{line}\n"));
    }
    env.load(&[&env.path("in")]);
    let accounts = accounts(&env);
    for (name, text, want) in shapes {
        for (ending, times) in [("", 1), (".gz", 1), (".list", 1), (".ndjson", 2)] {
            let (got, why) = &accounts[&format!("{name}{ending}")];
            assert_eq!(*got, want.map(|count| count * times), "{name}{ending}: {why}: {text}");
        }
    }
    env
}

#[test]
fn every_element_of_an_answer_is_accounted_for() {
    let failure = format!(r#"{{"arn":"{ECS}:container-instance/depot/i7","reason":"RESOURCE:GPU"}}"#);
    let missing = format!(r#"{{"arn":"{ECS}:task/depot/t7","reason":"MISSING"}}"#);
    let task = format!(
        r#"{{"taskArn":"{ECS}:task/depot/t8","clusterArn":"{ECS}:cluster/depot","taskDefinitionArn":"{ECS}:task-definition/pack:4","lastStatus":"PENDING","createdAt":"2026-04-02T07:00:00Z","containers":[]}}"#
    );
    let shapes = [
        ("run-task", format!(r#"{{"tasks":[],"failures":[{failure}]}}"#), [1, 1, 0, 0]),
        ("run-task-other-order", format!(r#"{{"failures":[{failure}],"tasks":[]}}"#), [1, 1, 0, 0]),
        ("run-task-half", format!(r#"{{"failures":[{failure},{{"reason":"AGENT"}}],"tasks":[{task}]}}"#), [3, 3, 0, 0]),
        (
            "run-task-pascal",
            format!(r#"{{"Failures":[{{"Arn":"{ECS}:container-instance/depot/i8","Reason":"AGENT"}}],"Tasks":[]}}"#),
            [1, 1, 0, 0],
        ),
        ("describe-tasks", format!(r#"{{"tasks":[{task}],"failures":[{missing}]}}"#), [2, 1, 1, 0]),
        (
            "describe-services",
            format!(r#"{{"services":[],"failures":[{{"arn":"{ECS}:service/depot/x","reason":"MISSING"}}]}}"#),
            [1, 0, 1, 0],
        ),
        (
            "describe-clusters",
            format!(r#"{{"clusters":[{{"clusterArn":"{ECS}:cluster/depot","status":"ACTIVE"}}],"failures":[]}}"#),
            [1, 0, 1, 0],
        ),
        ("list-tasks", format!(r#"{{"taskArns":["{ECS}:task/depot/a","{ECS}:task/depot/b"],"nextToken":"x"}}"#), [2, 0, 2, 0]),
        ("nothing", r#"{"tasks":[],"failures":[]}"#.to_owned(), [1, 0, 1, 0]),
    ];
    let env = expect_accounts(&shapes);
    let lost = env.query("failures where kind = launch by reason, cluster show distinct(record) as n sort reason, n");
    assert!(lost.iter().any(|row| row[..2] == ["RESOURCE:GPU", "depot"]), "{lost:?}");
    assert!(lost.iter().all(|row| row[0] != "MISSING"), "{lost:?}");
}

#[test]
fn a_note_says_what_is_missing() {
    let env = TestEnv::new();
    let answer = |list: &str, arn: &str| format!(r#"{{"{list}":[],"failures":[{{"arn":"{arn}","reason":"MISSING"}}]}}"#);
    for (list, arn, is_task) in [
        ("tasks", format!("{ECS}:task/depot/t7"), true),
        ("services", format!("{ECS}:service/depot/pack"), false),
        ("services", "pack".to_owned(), false),
        ("clusters", format!("{ECS}:cluster/depot"), false),
        ("containerInstances", format!("{ECS}:container-instance/depot/i7"), false),
    ] {
        let ran = env.load(&[&env.write("answer.json", answer(list, &arn))]);
        let notes = format!("{}{}", ran.out, ran.err);
        assert!(notes.contains("MISSING: "), "{arn}: {notes}");
        assert_eq!(notes.contains("keeps stopped tasks"), is_task, "{arn}: {notes}");
    }
}

#[test]
fn records_in_other_words_are_records() {
    let deployment = format!(
        r#"{{"serviceDeploymentArn":"{ECS}:service-deployment/depot/pack/d1","clusterArn":"{ECS}:cluster/depot","status":"ROLLBACK_FAILED","startedAt":"2026-04-02T07:00:00Z"}}"#
    );
    let line = format!(
        r#"{{"timestamp":1775116800000,"logLevel":"ERROR","resourceArn":"{ECS}:cluster/depot","actionSourceId":"{ECS}:service/depot/pack","eventName":"SERVICE_DEPLOYMENT_ROLLBACK_FAILED","detail":{{}}}}"#
    );
    let subscription = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{{"id":"1","message":{}}},{{"id":"2","message":"ready"}}]}}"#,
        quoted(&line)
    );
    let task = format!(
        r#"{{"TaskArn":"{ECS}:task/depot/t9","TaskDefinitionArn":"{ECS}:task-definition/pack:4","LaunchType":{{"Value":"EC2"}},"LastStatus":"STOPPED","StoppedAt":1775116800000,"StoppedReason":"Essential container in task exited","Containers":[{{"Name":"pack","ExitCode":3,"LastStatus":"STOPPED"}}]}}"#
    );
    let of_execution = |cause: &str| {
        format!(
            r#"{{"version":"0","id":"sfn-1","detail-type":"Step Functions Execution Status Change","source":"aws.states","account":"111122223333","time":"2026-04-02T07:01:00Z","region":"eu-west-1","resources":[],"detail":{{"executionArn":"arn:aws:states:eu-west-1:111122223333:execution:pack:n1","status":"FAILED","error":"States.TaskFailed","cause":{}}}}}"#,
            quoted(cause)
        )
    };
    let event = format!(
        r#"{{"Source":"aws.ecs","DetailType":"ECS Service Action","Resources":["{ECS}:service/depot/pack"],"Time":"2026-04-02T07:00:00Z","Detail":{}}}"#,
        quoted(r#"{"eventType":"INFO","eventName":"SERVICE_STEADY_STATE"}"#)
    );
    let entry =
        r#"{"EventId":"h1","EventName":"StopTask","EventTime":1775116800.0,"EventSource":"ecs.amazonaws.com","Username":"kim"}"#;
    let row = r#"{"eventTime":"2026-04-02 07:00:00.000","eventName":"StopTask","eventSource":"ecs.amazonaws.com"}"#;
    let shapes = [
        ("service-deployments", format!(r#"{{"failures":[],"serviceDeployments":[{deployment}]}}"#), [1, 1, 0, 0]),
        ("service-deployment-alone", deployment, [1, 1, 0, 0]),
        (
            "service-revisions",
            format!(
                r#"{{"serviceRevisions":[{{"serviceRevisionArn":"{ECS}:service-revision/depot/pack/1","serviceArn":"{ECS}:service/depot/pack","taskDefinition":"{ECS}:task-definition/pack:4","createdAt":"2026-04-02T07:00:00Z"}}]}}"#
            ),
            [1, 1, 0, 0],
        ),
        ("action-log", line.clone(), [1, 1, 0, 0]),
        ("action-log-subscription", subscription.clone(), [2, 1, 1, 0]),
        ("action-log-packed", format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, base64_gzip(&subscription)), [2, 1, 1, 0]),
        ("sdk-task", task.clone(), [1, 1, 0, 0]),
        ("step-functions", format!(r#"{{"Error":"States.TaskFailed","Cause":{}}}"#, quoted(&task)), [1, 1, 0, 0]),
        ("step-functions-event", of_execution(&task), [1, 1, 0, 0]),
        ("step-functions-event-without-task", of_execution(r#"{"errorMessage":"no rows"}"#), [1, 0, 1, 0]),
        // The task is lost, which must be seen.
        ("step-functions-event-cut-off", of_execution(&task[..90]), [1, 0, 0, 1]),
        ("put-events", format!(r#"{{"Entries":[{event}]}}"#), [1, 1, 0, 0]),
        ("lookup-events", format!(r#"{{"Events":[{entry}]}}"#), [1, 1, 0, 0]),
        (
            "lookup-events-null",
            format!(r#"{{"NextToken":"n","Events":[{}]}}"#, entry.replacen('{', r#"{"CloudTrailEvent":null,"#, 1)),
            [1, 1, 0, 0],
        ),
        ("lake-rows", format!(r#"{{"QueryResultRows":[[{}]]}}"#, row.replace(r#","event"#, r#"},{"event"#)), [1, 1, 0, 0]),
        ("lake-row", row.to_owned(), [1, 1, 0, 0]),
        (
            "query-events",
            r#"{"desired":1,"events":[["2026-04-02T07:00:00Z","(service pack) has reached a steady state."]]}"#.to_owned(),
            [1, 1, 0, 0],
        ),
        ("query-values", format!(r#"[["{ECS}:task/depot/t9","STOPPED"]]"#), [1, 0, 0, 1]),
        ("query-names", format!(r#"{{"arn":"{ECS}:task/depot/t9","why":"x"}}"#), [1, 0, 0, 1]),
        ("someone-elses", r#"{"name":"left-pad","version":"1.0.0"}"#.to_owned(), [1, 0, 1, 0]),
    ];
    let env = expect_accounts(&shapes);
    let reasons = [["broken_json", "5"], ["missing_time", "5"], ["unknown_shape", "5"]];
    assert_eq!(env.query("quarantine by why"), reasons);
    let ran = env.load(&[&env.write("notes.txt", "remember the milk")]);
    assert!(ran.code == 0 && ran.out.contains("notes.txt: no records found") && ran.out.contains("--output json"), "{}", ran.out);
    let doctor = env.run(&["doctor"]).ok().out;
    assert!(doctor.contains("files from which nothing could be read") && !doctor.contains("nothing missing"), "{doctor}");
}

/// An object as a person reads it, with something before each of its lines.
fn in_lines(text: &str, front: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap().lines().map(|line| format!("{front}{line}\n")).collect()
}

#[test]
fn records_in_other_text_are_read() {
    let (one, two) = (record(1), record(2));
    let stamp = "2026-04-02T07:00:00.1234567Z ";
    let entities = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let soft = one.replace('=', "=3D").replace(",\"", ",=\n\"");
    let mail = format!("From: no-reply@sns.amazonaws.com\nContent-Transfer-Encoding: quoted-printable\n\n{soft}\n-- \nbye\n");
    let texts: [(&str, String, [u64; 4]); 17] = [
        ("kubectl.log", format!("[pod/a/b] up\n[pod/a/b] {one}\n[pod/a/b] {two}\n"), [2, 2, 0, 0]),
        ("cri.log", format!("{stamp}stdout F {one}\n{stamp}stderr F up\n"), [1, 1, 0, 0]),
        ("syslog.log", format!("<134>1 2026-04-02T07:00:00Z host app 1 - - {one}\n"), [1, 1, 0, 0]),
        ("logfmt.log", format!("level=info msg={}\n", quoted(&one)), [1, 1, 0, 0]),
        ("logcli.txt", format!("2026-04-02T07:00:00Z {{app=\"a\"}} {one}\n"), [1, 1, 0, 0]),
        ("mixed.log", format!("{stamp}{one}\n{stamp}up\n"), [1, 1, 0, 0]),
        ("actions.log", format!("{stamp}##[group]Run\n{}{stamp}done\n", in_lines(&one, stamp)), [1, 1, 0, 0]),
        ("stamped.log", in_lines(&one, stamp), [1, 1, 0, 0]),
        ("mail.txt", format!("See below.\n\n{}> --\n", in_lines(&one, "> ")), [1, 1, 0, 0]),
        ("mail.eml", mail, [1, 1, 0, 0]),
        ("chat.txt", format!("ada 2:12 AM\n```{one}```\n"), [1, 1, 0, 0]),
        ("wiki.txt", format!("{{code:json}}\n{}{{code}}\n", in_lines(&one, "")), [1, 1, 0, 0]),
        ("page.html", format!("<pre>{}</pre>\n", entities(&one)), [1, 1, 0, 0]),
        ("form.txt", format!("{}\n", entities(&one)), [1, 1, 0, 0]),
        ("lines.log", format!("up\n{one}\n{{\"no\":\"record\"}}\n"), [2, 1, 1, 0]),
        ("cut.log", format!("a {one}\nb {}\nc {two}\n", &one[..200]), [3, 2, 0, 1]),
        (
            "rows.txt",
            format!("2026-04-02T07:00:00Z\t(service pack) x\n{ECS}:task/depot/t1\t2026-04-02T07:00:00Z\tTask failed x\n"),
            [2, 2, 0, 0],
        ),
    ];
    let others = [
        ("notes.log", "up\n{\"no\":\"record\"}\n".to_owned(), "not_a_log"),
        ("orders.log", "07:00 order {\"id\":1,\"status\":\"STOPPED\"}\n".repeat(9), "not_a_log"),
        ("runbook.md", "Rule:\n{\n  \"source\": [\"aws.ecs\"],\n  \"detail-type\": [...]\n}\n".to_owned(), "not_a_log"),
        ("doubled.log", format!("got {}\n", one.replace('"', "\"\"")), "unknown_shape"),
        ("cut-alone.log", format!("got {}\n", &one[..200]), "unknown_shape"),
    ];
    let env = TestEnv::new();
    for (name, text) in texts.iter().map(|(name, text, _)| (name, text)).chain(others.iter().map(|(name, text, _)| (name, text)))
    {
        env.write(&format!("in/{name}"), text);
    }
    let wide: Vec<u8> = format!("{one}\r\n{two}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    env.write("in/wide.json", wide);
    env.load(&[&env.path("in")]);
    let accounts = accounts(&env);
    for (name, text, want) in &texts {
        assert_eq!(accounts[*name].0, want, "{name}: {}: {text}", accounts[*name].1);
    }
    let quarantined: BTreeMap<String, String> = env
        .query("quarantine show file, why")
        .into_iter()
        .map(|row| (row[0].rsplit('/').next().unwrap().to_owned(), row[1].clone()))
        .collect();
    for (name, text, why) in &others {
        let (counts, filtered) = &accounts[*name];
        let got = quarantined.get(*name).unwrap_or(filtered);
        assert_eq!((counts[0], counts[1], got.contains(why)), (1, 0, true), "{name}: {counts:?} {got}: {text}");
    }
    assert_eq!(accounts["wide.json"].0, [2, 2, 0, 0]);
    assert_eq!(ids(&env), BTreeSet::from(["id-1".to_owned(), "id-2".to_owned()]));
}

/// A value as OpenTelemetry writes it.
fn otel(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::{Value, json};
    match value {
        Value::Object(fields) => {
            let values: Vec<Value> = fields.iter().map(|(key, child)| json!({"key": key, "value": otel(child)})).collect();
            json!({"kvlistValue": {"values": values}})
        }
        Value::Null => json!({}),
        text => json!({"stringValue": text}),
    }
}

#[test]
fn records_that_a_program_logs_are_read() {
    let (one, two) = (record(1), record(2));
    let line = |text: &str| format!("INFO got {text}");
    let event = |message: &str| format!(r#"{{"id":"7","timestamp":1772589600000,"message":{}}}"#, quoted(message));
    let aggregated = {
        use base64::Engine;
        let bytes =
            [b"\xf3\x89\x9a\xc2\x0a\x01a\x1a".as_slice(), one.as_bytes(), b"\x1a\xd0\x0f", two.as_bytes(), &[0x90; 16]].concat();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let shapes = [
        ("message", format!(r#"{{"events":[{},{}]}}"#, event(&line(&one)), event("up")), [2, 1, 1, 0]),
        ("docker", format!(r#"{{"log":{},"stream":"stdout"}}"#, quoted(&line(&one))), [1, 1, 0, 0]),
        ("level", format!(r#"{{"message":{}}}"#, quoted(&format!("[INFO]\tEVENT {one}"))), [1, 1, 0, 0]),
        ("wiki", format!(r#"{{"fields":{{"text":{}}}}}"#, quoted(&format!("{{code}}\n{}{{code}}", in_lines(&one, "")))), [1, 1, 0, 0]),
        ("step", format!(r#"[{{"message":{},"type":"out"}}]"#, quoted(&format!("+ aws\r\n{}", in_lines(&one, "")))), [1, 1, 0, 0]),
        (
            "otel",
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}}}]}}]}}]}}"#,
                otel(&serde_json::from_str(&one).unwrap())
            ),
            [1, 1, 0, 0],
        ),
        ("kpl", format!(r#"{{"Records":[{{"SequenceNumber":"1","Data":"{aggregated}"}}]}}"#), [2, 2, 0, 0]),
        (
            "batch",
            format!(
                r#"{{"jobs":[{{"jobArn":"arn:aws:batch:eu-west-1:111122223333:job/1","attempts":[{{"container":{{"taskArn":"{ECS}:task/depot/t1","reason":"x"}}}}]}}]}}"#
            ),
            [1, 0, 1, 0],
        ),
        (
            "stack",
            r#"{"StackEvents":[{"StackId":"arn:aws:cloudformation:eu-west-1:111122223333:stack/web/1","LogicalResourceId":"Service","ResourceStatus":"UPDATE_FAILED"}]}"#.to_owned(),
            [1, 0, 1, 0],
        ),
    ];
    expect_accounts(&shapes);
}

#[test]
fn what_log_platforms_export_is_read() {
    let one = record(1);
    let event = format!(
        r#"{{"version":"0","id":"e-1","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-04-02T07:00:00Z","region":"eu-west-1","resources":[],"detail":{{"taskArn":"{ECS}:task/depot/t9","taskDefinitionArn":"{ECS}:task-definition/pack:4","clusterArn":"{ECS}:cluster/depot","lastStatus":"STOPPED","desiredStatus":"STOPPED","stopCode":"EssentialContainerExited","stoppedReason":"Essential container in task exited","containers":[],"updatedAt":"2026-04-02T07:00:00Z","version":3}}}}"#
    );
    let response = format!(r#"{{"tasks":[],"failures":[{{"arn":"{ECS}:container-instance/depot/i1","reason":"AGENT"}}]}}"#);
    let fields = format!(r#""cloudtrail":{{"event_version":"1.11","flattened":{{"response_elements":{response}}}}}"#);
    let document = |event: &str| format!(r#"{{"@timestamp":"2026-04-02T07:00:00Z","aws":{{{fields}}},"event":{event}}}"#);
    let of_firelens = |line: &str| {
        format!(
            r#"{{"container_name":"/pack","ecs_cluster":"depot","ecs_task_arn":"{ECS}:task/depot/t9","log":{},"source":"stdout"}}"#,
            quoted(line)
        )
    };
    let selected =
        [("@timestamp", "2026-04-02 07:00:00.000"), ("detail.stopCode", "UserInitiated"), ("detail.stoppedReason", "x")];
    let row = selected.map(|(field, value)| format!(r#"{{"field":"{field}","value":"{value}"}}"#));
    let of_dstack = |kind: &str, status: &str, more: &str| {
        format!(
            r#"{{"id":"{kind}-1","name":"a","project_name":"main","configuration":{{"type":"{kind}"}},"status":"{status}"{more}}}"#
        )
    };
    let failed = r#","created_at":"2026-04-02T07:00:00Z","status_message":"x""#;
    let shapes = [
        ("elastic-original", document(&format!(r#"{{"original":{}}}"#, quoted(&one))), [1, 1, 0, 0]),
        ("elastic-fields", document(r#"{"action":"RunTask","provider":"ecs.amazonaws.com","id":"x1"}"#), [1, 1, 0, 0]),
        ("elastic-cut-off", document(r#"{"kind":"event"}"#), [1, 0, 0, 1]),
        // The time of a file is not that of a call.
        ("response-alone", format!(r#"{{"id":"r","responseElements":{response}}}"#), [1, 0, 0, 1]),
        ("response-text", format!(r#"{{"id":"r","response_elements":{}}}"#, quoted(&response)), [1, 0, 0, 1]),
        ("docker", format!(r#"{{"log":{},"stream":"stdout"}}"#, quoted(&format!("{one}\n"))), [1, 1, 0, 0]),
        ("docker-line", r#"{"log":"up\n","stream":"stdout"}"#.to_owned(), [1, 0, 1, 0]),
        ("firelens", of_firelens(&event), [1, 1, 0, 0]),
        ("firelens-line", of_firelens(r#"{"level":"info"}"#), [1, 0, 1, 0]),
        ("firelens-cut-off", of_firelens(event.get(..200).unwrap()), [1, 0, 0, 1]),
        ("insights-rows", format!(r#"{{"results":[[{}]],"status":"Complete"}}"#, row.join(",")), [1, 1, 0, 0]),
        ("dstack-volume", of_dstack("volume", "active", failed), [1, 0, 1, 0]),
        ("dstack-gateway", of_dstack("gateway", "running", failed), [1, 0, 1, 0]),
        ("dstack-failed", of_dstack("volume", "failed", failed), [1, 1, 0, 0]),
        ("dstack-untimed", of_dstack("gateway", "failed", ""), [1, 0, 0, 1]),
    ];
    let env = expect_accounts(&shapes);
    assert_eq!(env.query("quarantine by why"), [["missing_time", "20"], ["broken_json", "5"]]);
    assert_eq!(env.query("failures where reason = AGENT show time"), [["2026-04-02T07:00:00Z"]]);
    let accounts_of = accounts(&env);
    for (name, why) in [("dstack-volume", "dstack_volume"), ("dstack-gateway", "dstack_gateway"), ("firelens-line", "log_line")] {
        assert!(accounts_of[name].1.contains(why), "{name}: {}", accounts_of[name].1);
    }

    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let env = TestEnv::new();
    let stamp = "2026-04-02T07:00:00.000000+00:00";
    env.write("in/tail.txt", format!("{stamp} s/1 {one}\n{stamp} s/2\n{{\n  \"log\": \"up\", \"stream\": \"stdout\"\n}}\n"));
    env.write("in/tail-short.txt", format!("2026-04-02T07:00:00 {one}\n"));
    env.write("in/splunk.csv", format!("\"_time\",\"_raw\"\nx,{}\ny,{}\nz,up\n", cell(&one), cell(&event)));
    let header = "@timestamp,detail.taskArn,detail.stoppedReason";
    env.write("in/insights.csv", format!("{header}\n2026-04-02 07:00:00.000,{ECS}:task/depot/t1,x\n"));
    env.load(&[&env.path("in")]).ok();
    let counts = |name: &str| accounts(&env)[name].0.clone();
    assert_eq!(counts("tail.txt"), [2, 1, 1, 0]);
    assert_eq!(counts("tail-short.txt"), [1, 1, 0, 0]);
    assert_eq!(counts("splunk.csv"), [3, 2, 1, 0]);
    assert_eq!(counts("insights.csv"), [1, 1, 0, 0]);
}

#[test]
fn nothing_in_an_envelope_is_lost() {
    let one = record(1);
    let torn = one.get(..80).unwrap();
    let packed = base64_gzip(&one);
    let message = |text: &str| format!(r#"{{"id":"1","message":{}}}"#, quoted(text));
    let shapes = [
        ("torn-message", format!(r#"{{"logEvents":[{},{}]}}"#, message(&one), message(torn)), [2, 1, 0, 1]),
        ("two-in-one", format!(r#"{{"message":{}}}"#, quoted(&format!("{one}{torn}"))), [2, 1, 0, 1]),
        ("torn-sns", format!(r#"{{"Type":"Notification","Message":{}}}"#, quoted(torn)), [1, 0, 0, 1]),
        (
            "torn-kinesis",
            format!(
                r#"{{"Records":[{{"kinesis":{{"data":"{packed}"}}}},{{"kinesis":{{"data":"{}"}}}}]}}"#,
                packed.get(..60).unwrap()
            ),
            [2, 1, 0, 1],
        ),
        ("not-base64", r#"{"awslogs":{"data":"H4sIAB€=="}}"#.to_owned(), [1, 0, 0, 1]),
        (
            "two-lists",
            format!(r#"{{"Records":[{one}],"More":[{},{{"no":"record"}}],"Meta":{{"a":[1]}}}}"#, record(2)),
            [3, 2, 1, 0],
        ),
        ("two-lists-turned", format!(r#"{{"More":[{{"no":"record"}}],"Records":[{one}]}}"#), [2, 1, 1, 0]),
        ("deep", format!("{}{one}{}", r#"{"a":"#.repeat(12), "}".repeat(12)), [1, 0, 0, 1]),
    ];
    expect_accounts(&shapes);
    let env = TestEnv::new();
    env.write("in/twice.gz", gzip(&gzip(one.as_bytes())));
    env.write(
        "in/wide.json",
        [0xfe, 0xff].into_iter().chain(record(2).encode_utf16().flat_map(u16::to_be_bytes)).collect::<Vec<_>>(),
    );
    let mut damaged = gzip(record(3).as_bytes());
    let checksum = damaged.len() - 8;
    damaged[checksum..checksum + 4].fill(0);
    env.write("in/checksum.gz", damaged);
    env.load(&[&env.path("in")]);
    assert_eq!(ids(&env).len(), 3);
    assert_eq!(env.query("quarantine by why"), [["damaged_gzip", "1"]]);
    // A store in the folder is no export.
    std::fs::rename(env.path(".ecs-audit"), env.path("in/old")).unwrap();
    env.load(&[&env.path("in")]);
    assert_eq!(accounts(&env)["old"], (vec![1, 0, 1, 0], "store".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_pipe_that_is_named_is_read() {
    let env = TestEnv::new();
    let mut child = env
        .command()
        .args(["load", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(record(4).as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(ids(&env).len(), 1);
}

#[test]
fn two_versions_under_one_event_id_are_two_records() {
    let event = |version: u32, status: &str| {
        format!(
            r#"{{"id":"same","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-04-02T07:00:00Z","region":"eu-west-1","resources":[],"detail":{{"taskArn":"{ECS}:task/depot/t1","lastStatus":"{status}","version":{version},"containers":[]}}}}"#
        )
    };
    let env = TestEnv::new();
    env.load(&[&env.write("one.json", event(2, "RUNNING"))]).ok();
    env.load(&[&env.write("two.ndjson", [event(3, "STOPPED"), event(2, "RUNNING")].join("\n"))]).ok();
    assert_eq!(env.sql("select sum(loaded), sum(duplicate) from files"), [["2", "1"]]);
    assert_eq!(env.query("tasks show last_status"), [["STOPPED"]]);
}

#[test]
fn a_large_file_is_read_in_parts_with_the_same_result() {
    let many = records(0..40_000);
    let whole = format!("{{\"Records\":[{}]}}", many.join(","));
    assert!(whole.len() > 8 << 20);
    let mut lines = many.join("\n");
    lines.push_str("\n{\"eventVersion\":\"1.09\",\n");
    let env = TestEnv::new();
    let file = env.write("big.json", whole.repeat(2));
    env.load(&[&file]).ok();
    assert_eq!(env.sql("select read, loaded, duplicate, quarantined from files"), [["80000", "40000", "40000", "0"]]);
    let numbers = env.sql("select count(distinct record), min(record), max(record) from calls where file like '%big.json'");
    assert_eq!(numbers[0][0], "40000");
    // Damage makes it one part, and costs one record.
    let env = TestEnv::new();
    let file = env.write("lines.ndjson", lines.repeat(2));
    assert_eq!(env.load(&[&file]).code, 3);
    assert_eq!(env.sql("select read, loaded, duplicate, quarantined from files"), [["80002", "40000", "40000", "2"]]);
}

#[test]
fn troubled_files_cost_only_themselves() {
    let env = TestEnv::new();
    env.write("in/good.json", format!("[{}]", records(0..5).join(",")));
    env.write("in/bomb.json.gz", bomb());
    env.write("in/cut.json.gz", &gzip(format!("{{\"Records\":[{}]}}", records(10..400).join(",")).as_bytes())[..2000]);
    env.write("in/db.sqlite", b"SQLite format 3\0rest");
    env.write("in/empty.json", b"");
    env.write("in/photo.png", b"\x89PNG\r\n\x1a\n\0\0");
    env.write("in/deep.json", "[".repeat(100_000));
    env.write("in/\u{202e}name\u{1b}[31m.json", record(7));
    let ran = env.load(&[&env.path("in")]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains('\u{1b}'), "escapes of file names do not reach the terminal");
    let bad = env.sql("select count(*) from files where read <> loaded + duplicate + filtered + quarantined");
    assert_eq!(bad, [["0"]]);
    let whys: BTreeSet<String> = env.query("quarantine by why").into_iter().map(|row| row[0].clone()).collect();
    for why in ["decompression_bomb", "truncated_gzip", "sqlite", "too_deep"] {
        assert!(whys.contains(why), "{why} in {whys:?}");
    }
    let before_the_cut = env.sql("select loaded from files where file like '%cut%'");
    assert!(before_the_cut[0][0].parse::<u64>().unwrap() > 0);
    let ids = ids(&env);
    assert!(ids.contains("id-0") && ids.contains("id-7") && ids.contains("id-10"));
}

#[test]
fn the_summary_counts_all_rejected_records() {
    let env = TestEnv::new();
    env.write("in/few.json", "[{\"a\":1}".to_owned() + &",{\"a\":[1}".repeat(9) + "]");
    let ran = env.load(&[&env.path("in")]);
    assert!(ran.code == 3 && ran.out.contains("9 quarantined") && !ran.out.contains("more: ecs-audit"), "{}", ran.out);
    let env = TestEnv::new();
    env.write("in/many.json", "[{\"a\":1}".to_owned() + &",{\"a\":[1}".repeat(5000) + "]");
    let ran = env.load(&[&env.path("in")]);
    assert!(ran.out.contains("… and 4,990 more: ecs-audit query \"quarantine\""), "{}", ran.out);
}

#[test]
fn standard_input_loads() {
    let env = TestEnv::new();
    let mut child = env
        .command()
        .args(["load", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(record(3).as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(ids(&env).len(), 1);
}

#[test]
fn a_record_dated_in_the_future_does_not_move_the_anchor() {
    let env = TestEnv::new();
    let file = env.write("in.ndjson", [record(1), record(2).replace("2026-03-04", "2099-03-04")].join("\n"));
    assert_eq!(env.load(&[&file]).code, 3);
    assert_eq!(env.query("quarantine by why"), [["future_time", "1"]]);
    let ran = env.run(&["query", "calls by event_name since 1d", "--format", "csv"]).ok();
    assert!(ran.err.contains("2026-03-03T02:01:00Z"), "{}", ran.err);
}

/// Go's zero time, the beginning of Unix time, and times no export can hold.
#[test]
fn a_time_that_no_record_can_have_is_quarantined_and_spoils_nothing() {
    let env = TestEnv::new();
    let times = ["0001-01-01", "1970-01-01", "2005-12-31", "2100-01-01", "9999-12-31"];
    let odd = (1..).zip(times).map(|(number, day)| record(number).replace("2026-03-04", day));
    let file = env.write("in.ndjson", odd.chain([record(9)]).collect::<Vec<_>>().join("\n"));
    let ran = env.load(&[&file]);
    assert!(ran.code == 3 && ran.out.contains("expected a time from 2006 to 2099"), "{}", ran.out);
    assert_eq!(env.query("quarantine by why"), [["implausible_time", "5"]]);
    for arguments in [&["doctor"][..], &["store"], &["query", "calls every 1d"], &["query", "gaps"]] {
        env.run(arguments).ok();
    }
    assert_eq!(env.query("calls show count"), [["1"]]);
}

/// A task that never started has the zero time of Go where it has no time.
#[test]
fn a_zero_time_beside_sound_ones_is_missing() {
    let env = TestEnv::new();
    let task = r#"{"id":"e-1","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T05:00:00Z",
        "region":"us-east-1","resources":[],"detail":{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/web/0a1b","lastStatus":"STOPPED",
        "createdAt":"2026-03-04T04:59:00Z","startedAt":"0001-01-01T00:00:00Z","stoppedAt":"2026-03-04T05:00:00Z","containers":[]}}"#;
    env.load(&[&env.write("task.json", task)]).ok();
    assert_eq!(
        env.sql("select cast(\"time\" as varchar), coalesce(cast(started_at as varchar), 'missing') from task_events"),
        [["2026-03-04T05:00:00Z", "missing"]]
    );
}

/// A file name that looks like one of CloudTrail's, with digits that are no time.
#[test]
fn a_file_name_without_a_sound_time_spoils_no_question_about_gaps() {
    let env = TestEnv::new();
    env.write("in/111122223333_CloudTrail_us-east-1_20269999T9999Z_aB3.json", record(1));
    env.write("in/111122223333_CloudTrail_us-east-1_20260304T0330Z_aB3.json", record(2));
    env.load(&[&env.path("in")]).ok();
    assert_eq!(env.query("gaps where kind = late by file").len(), 1);
}

/// What `ecs-audit` makes of arbitrary bytes is an account, never a panic.
fn balances(bytes: &[u8]) {
    use ecs_audit::discover::{Input, Source};
    use ecs_audit::load::{Silent, load};
    use ecs_audit::store::MemorySink;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let input = Input { source: Source::File(path), name: "x".into(), folder: None, size: bytes.len() as u64, modified: None };
    let options = load_options();
    let sink = MemorySink::default();
    let reports = load(&[input], &sink, None, None, &options, &Silent).unwrap();
    assert!(reports[0].balances(), "{:?}", reports[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_account_balances_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        balances(&bytes);
    }

    #[test]
    fn the_account_balances_on_damaged_exports(start in 0usize..3000, length in 0usize..200, with in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut bytes = format!("{{\"Records\":[{}]}}", records(0..12).join(",")).into_bytes();
        let start = start.min(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with);
        balances(&bytes);
        balances(&gzip(&bytes));
    }
}

#[test]
fn real_exports_load_or_say_why_not() {
    let shared = project().join("../shared/data");
    if !shared.is_dir() {
        eprintln!("skipped: there are no real records beside the project");
        return;
    }
    let env = TestEnv::new();
    let ran = env.load(&[&shared.join("public"), &shared.join("dstack")]);
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.err);
    assert_eq!(env.sql("select count(*) from files where read <> loaded + duplicate + filtered + quarantined"), [["0"]]);
    assert_eq!(env.sql("select count(*) from quarantine where why is null or detail is null"), [["0"]]);
    // Every CloudTrail record that was counted when the files were collected is there or shown.
    let shown = std::fs::read_to_string(shared.join("public/files.tsv")).unwrap();
    let listed: u64 = shown.lines().skip(1).filter_map(|line| line.split('\t').nth(4)?.parse::<u64>().ok()).sum();
    let seen = env.sql("select sum(read) from files where file like '%/public/%' and format like 'CloudTrail%'");
    assert!(seen[0][0].parse::<u64>().unwrap() >= listed * 98 / 100, "{seen:?} of {listed}");
}
