//! The person behind a role session, through the chain of roles, in `changes`, timelines, advice, incidents, the report and queries.

use crate::support::{TestEnv, project};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const ACCOUNT: &str = "111122223333";
/// The call that changed something, and the calls that issued the sessions before it.
const CHANGE: &str = "22222222-0000-4000-8000-000000000001";
const FIRST: &str = "33333333-0000-4000-8000-000000000001";
const SECOND: &str = "33333333-0000-4000-8000-000000000002";

/// A call in CloudTrail on 2026-05-04.
fn call(id: &str, clock: &str, (source, name): (&str, &str), by: &Value, request: Value, response: Value) -> Value {
    json!({"eventVersion": "1.11", "eventID": id, "eventTime": format!("2026-05-04T{clock}Z"), "eventName": name,
        "eventSource": format!("{source}.amazonaws.com"), "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT,
        "eventType": "AwsApiCall", "sourceIPAddress": "203.0.113.7", "readOnly": name.starts_with("AssumeRole"),
        "userIdentity": by, "requestParameters": request, "responseElements": response})
}

fn user(name: &str) -> Value {
    json!({"type": "IAMUser", "userName": name, "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "accountId": ACCOUNT,
        "accessKeyId": "AKIAEXAMPLE000000001"})
}

/// A session of a role; an empty key is not recorded.
fn session(role: &str, name: &str, key: &str, more: Value) -> Value {
    let mut identity = json!({"type": "AssumedRole", "principalId": format!("AROAEXAMPLE00000001:{name}"), "accountId": ACCOUNT,
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": role,
            "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}}});
    if !key.is_empty() {
        identity["accessKeyId"] = json!(key);
    }
    identity["sessionContext"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    identity
}

/// A call that issues a session; without a key, its answer is not recorded.
fn issue(id: &str, clock: &str, name: &str, by: &Value, (role, session, key): (&str, &str, &str)) -> Value {
    let request =
        json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "roleSessionName": session, "durationSeconds": 3600});
    let response = match key {
        "" => Value::Null,
        key => json!({"credentials": {"accessKeyId": key, "sessionToken": "FAKE", "expiration": "May 4, 2026 10:40:00 AM"},
            "assumedRoleUser": {"assumedRoleId": format!("AROAEXAMPLE00000001:{session}"),
                "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}")}}),
    };
    call(id, clock, ("sts", name), by, request, response)
}

/// A session that registered a task definition ten minutes before a launch of it failed, and other calls.
fn export(by: &Value, others: &[Value]) -> String {
    let definition = json!({"taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/ledger:4"),
        "family": "ledger", "revision": 4});
    let mut records = vec![
        call(
            CHANGE,
            "09:50:00",
            ("ecs", "RegisterTaskDefinition"),
            by,
            json!({"family": "ledger"}),
            json!({"taskDefinition": definition}),
        ),
        call(
            "22222222-0000-4000-8000-000000000002",
            "10:00:00",
            ("ecs", "RunTask"),
            &user("zoe"),
            json!({"cluster": "prod", "taskDefinition": "ledger:4", "count": 1}),
            json!({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}),
        ),
    ];
    records.extend(others.iter().cloned());
    json!({"Records": records}).to_string()
}

fn loaded(by: &Value, others: &[Value]) -> TestEnv {
    let env = TestEnv::new();
    env.write("c.json", export(by, others));
    env.run(&["load", "c.json"]).ok();
    env
}

/// The line about the change, and the change as JSON.
fn change(env: &TestEnv) -> (String, Value) {
    let text = env.run(&["changes", "ledger"]).ok().out;
    let line = text.lines().find(|line| line.contains("RegisterTaskDefinition")).unwrap_or_else(|| panic!("{text}"));
    let json: Value = serde_json::from_str(&env.run(&["changes", "ledger", "--format", "json"]).ok().out).unwrap();
    (line.to_owned(), json["found"]["changes"][0].clone())
}

/// The person of the change and how sure it is, by a query.
fn asked(env: &TestEnv) -> Vec<Vec<String>> {
    env.query("calls where event_name = RegisterTaskDefinition show person, person_confidence")
}

/// Mei assumes `admin`, which assumes `deploy`, while Sam uses the same names.
fn two_roles() -> (Value, Vec<Value>) {
    let admin = session("admin", "mei", "ASIAEXAMPLE000000001", json!({}));
    let others = vec![
        issue(FIRST, "09:30:00", "AssumeRole", &user("mei"), ("admin", "mei", "ASIAEXAMPLE000000001")),
        issue(SECOND, "09:40:00", "AssumeRole", &admin, ("deploy", "ci", "ASIAEXAMPLE000000002")),
        issue(
            "33333333-0000-4000-8000-000000000003",
            "09:41:00",
            "AssumeRole",
            &user("sam"),
            ("deploy", "ci", "ASIAEXAMPLE000000003"),
        ),
    ];
    (session("deploy", "ci", "ASIAEXAMPLE000000002", json!({})), others)
}

#[test]
fn a_chain_of_two_roles_is_followed_by_its_access_keys() {
    let (by, others) = two_roles();
    let env = loaded(&by, &others);
    let (line, change) = change(&env);
    assert!(line.contains("by mei through role admin, then role deploy from 203.0.113.7 (shares"), "{line}");
    assert_eq!(change["principal_confidence"], "certain", "{change}");
    let chain = change["principal_chain"].as_array().unwrap();
    let of = |name: &str| chain.iter().map(|principal| principal[name].as_str().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(of("name"), ["deploy/ci", "admin/mei", "mei"]);
    assert_eq!(of("kind"), ["role", "role", "user"]);
    assert_eq!(of("record"), [SECOND, FIRST, ""]);
    assert_eq!(of("basis"), ["access_key", "access_key", ""]);
    assert_eq!(change["person"]["name"], "mei");
    assert_eq!(change["person"]["roles"], json!(["deploy", "admin"]));
    assert_eq!(change["person"]["record"], FIRST);
    assert_eq!(asked(&env), [["mei", "certain"]]);
    let by_person = env.query("calls where person = mei and event_name = RegisterTaskDefinition show event_name");
    assert_eq!(by_person, [["RegisterTaskDefinition"]]);
    let direct = env.query("attempts show person, person_confidence, user");
    assert_eq!(direct, [["zoe", "certain", "zoe"]], "a caller without a role is the person");
}

#[test]
fn sessions_with_the_same_access_key_have_their_own_person() {
    let key = "ASIAEXAMPLE000000001";
    let other = session("deploy", "cd", key, json!({}));
    let definition = json!({"taskDefinition": {"taskDefinitionArn":
        format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/ledger:5"), "family": "ledger", "revision": 5}});
    let others = [
        issue(FIRST, "09:40:00", "AssumeRole", &user("mei"), ("deploy", "ci", key)),
        issue(SECOND, "09:41:00", "AssumeRole", &user("sam"), ("deploy", "cd", key)),
        call(
            "22222222-0000-4000-8000-000000000003",
            "09:51:00",
            ("ecs", "RegisterTaskDefinition"),
            &other,
            json!({"family": "ledger"}),
            definition,
        ),
    ];
    let env = loaded(&session("deploy", "ci", key, json!({})), &others);
    let rows = env.query("calls where event_name = RegisterTaskDefinition show user, person, person_confidence sort time");
    assert_eq!(rows, [["deploy/ci", "mei", "certain"], ["deploy/cd", "sam", "certain"]]);
    let story = env.run(&["timeline", "ledger"]).ok().out;
    for (revision, person) in [(4, "mei"), (5, "sam")] {
        let by = format!("RegisterTaskDefinition ledger:{revision} by {person} through role deploy");
        assert!(story.contains(&by), "{story}");
    }
}

#[test]
fn timelines_and_explanations_name_the_person() {
    let (by, others) = two_roles();
    let env = loaded(&by, &others);
    let story = env.run(&["timeline", "ledger"]).ok().out;
    let line = story.lines().find(|line| line.contains("RegisterTaskDefinition")).unwrap_or_else(|| panic!("{story}"));
    let by = "by mei through role admin, then role deploy from 203.0.113.7  [";
    assert!(line.contains(&format!("RegisterTaskDefinition ledger:4 {by}")), "{line}");
    assert!(story.contains("placed 0 of 1: RESOURCE:MEMORY by zoe  ["), "{story}");
    let json: Value = serde_json::from_str(&env.run(&["timeline", "ledger", "--format", "json"]).ok().out).unwrap();
    let who: Vec<&str> = json["events"].as_array().unwrap().iter().filter_map(|event| event["who"].as_str()).collect();
    assert!(who.contains(&"mei through role admin, then role deploy from 203.0.113.7"), "{who:?}");
    // Without the calls that issued the session, the session is all there is.
    let (by, _) = two_roles();
    let story = loaded(&by, &[]).run(&["timeline", "ledger"]).ok().out;
    assert!(story.contains("RegisterTaskDefinition ledger:4 by deploy/ci  ["), "{story}");
}

/// A rule of a security group is removed an hour before a task that uses the group times out, so that the call is evidence, but
/// no change of the half hour before.
#[test]
fn the_advice_to_undo_a_call_names_the_person() {
    let (by, mut others) = two_roles();
    let group = "sg-0c9d8e7f6a5b41320";
    let rule = json!({"items": [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443,
        "ipRanges": {"items": [{"cidrIp": "10.20.9.0/24"}]}}]});
    let revoked = json!({"groupId": group, "ipPermissions": rule});
    let revoke = "22222222-0000-4000-8000-000000000003";
    others.push(call(revoke, "09:50:30", ("ec2", "RevokeSecurityGroupEgress"), &by, revoked, json!({"_return": true})));
    let env = loaded(&by, &others);
    let task = format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task/prod/{}", "a".repeat(32));
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from \
        Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation \
        error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , \
        request send failed, Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 10.20.9.14:443: i/o timeout";
    let detail = json!({"taskArn": task, "clusterArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/prod"),
        "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:1"), "group": "family:web",
        "launchType": "FARGATE", "desiredStatus": "STOPPED", "lastStatus": "STOPPED", "createdAt": "2026-05-04T10:50:00Z",
        "stoppingAt": "2026-05-04T10:51:30Z", "stoppedAt": "2026-05-04T10:52:00Z", "updatedAt": "2026-05-04T10:52:00Z",
        "stopCode": "TaskFailedToStart", "stoppedReason": reason, "version": 5,
        "containers": [{"name": "web", "lastStatus": "STOPPED"}],
        "attachments": [{"type": "eni", "status": "DELETED", "details": [
            {"name": "subnetId", "value": "subnet-0a1b2c3d4e5f60718"},
            {"name": "networkInterfaceId", "value": "eni-0573f4d29f706beab"},
            {"name": "privateIPv4Address", "value": "10.20.2.211"}]}]});
    let event = json!({"version": "0", "id": "44444444-0000-4000-8000-000000000001", "detail-type": "ECS Task State Change",
        "source": "aws.ecs", "account": ACCOUNT, "time": "2026-05-04T10:52:00Z", "region": "eu-west-1", "resources": [task],
        "detail": detail});
    env.write("tasks.ndjson", event.to_string());
    // Times are seconds since 1970: the first attempt of the task, 10:50:30.
    let flows = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n\
        2 111122223333 eni-0573f4d29f706beab 10.20.2.211 10.20.9.14 40000 443 6 3 180 1777891830 1777891860 REJECT OK\n";
    env.write("flow.log", flows);
    env.run(&["load", "tasks.ndjson", "flow.log"]).ok();
    let json: Value = serde_json::from_str(&env.run(&["explain", &"a".repeat(32), "--format", "json"]).ok().out).unwrap();
    let actions = json["finding"]["actions"].as_array().unwrap_or_else(|| panic!("{json}"));
    let first = actions.first().and_then(Value::as_str).unwrap_or_default();
    let by = "by mei through role admin, then role deploy from 203.0.113.7 unless it was intended";
    assert!(first.starts_with("Undo RevokeSecurityGroupEgress") && first.contains(by), "{json:#}");
    assert!(first.contains(revoke), "{first}");
    assert_eq!(json["finding"]["changes"]["changes"], json!([]), "an hour before");
}

#[test]
fn incidents_and_the_report_name_the_person() {
    let (by, others) = two_roles();
    let env = loaded(&by, &others);
    let all = env.run(&["explain", "--all"]).ok().out;
    let line = all.lines().find(|line| line.contains("change before:")).unwrap_or_else(|| panic!("{all}"));
    assert!(line.contains("RegisterTaskDefinition ledger:4 by mei through role admin, then role deploy"), "{line}");
    assert!(all.contains(" after RegisterTaskDefinition ledger:4 by mei\n"), "the headline has the person alone: {all}");
    env.run(&["report", "--out", "r", "--quiet"]).ok();
    let rows = std::fs::read_to_string(env.path("r/changes-before.csv")).unwrap();
    assert!(rows.contains("\"mei through role admin, then role deploy from 203.0.113.7\""), "{rows}");
    let page = std::fs::read_to_string(env.path("r/report.md")).unwrap();
    assert!(page.contains("by mei through role admin, then role deploy"), "{page}");
    assert!(env.run(&["report", "verify", "r", "--quiet"]).ok().out.contains("files match"));
    env.run(&["report", "--out", "redacted", "--redact", "--quiet"]).ok();
    let page = std::fs::read_to_string(env.path("redacted/report.md")).unwrap();
    assert!(page.contains("through role user-") && !page.contains("mei") && !page.contains("203.0.113.7"), "{page}");
}

#[test]
fn an_export_is_queried_without_a_store() {
    let (by, others) = two_roles();
    let env = TestEnv::new();
    env.write("c.json", export(&by, &others));
    let query = "calls where event_name = RegisterTaskDefinition show person, person_confidence";
    let cells = env.run(&["query", query, "--from", "c.json", "--format", "csv", "--quiet"]).ok().cells();
    assert_eq!(cells, [["person", "person_confidence"], ["mei", "certain"]]);
}

#[test]
fn federated_callers_and_workloads_are_found() {
    let saml = json!({"type": "SAMLUser", "principalId": "SAMPLE=:mei@example.com", "userName": "mei@example.com",
        "identityProvider": "SAMPLE="});
    let subject = "repo:example/shop:ref:refs/heads/main";
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com");
    let job = json!({"type": "WebIdentityUser", "principalId": format!("{provider}:sts.amazonaws.com:{subject}"),
        "userName": subject, "identityProvider": provider});
    let tasks = json!({"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"});
    for (api, by, person, kind) in [
        ("AssumeRoleWithSAML", saml, "mei@example.com", "saml"),
        ("AssumeRoleWithWebIdentity", job, subject, "web_identity"),
        ("AssumeRole", tasks, "task ci", "task"),
    ] {
        let issued = issue(FIRST, "09:40:00", api, &by, ("deploy", "ci", "ASIAEXAMPLE000000001"));
        let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000001", json!({})), &[issued]);
        let (line, change) = change(&env);
        assert!(line.contains(&format!("by {person} through role deploy")), "{line}");
        assert_eq!(change["principal_chain"][1]["kind"], kind, "{change}");
        assert_eq!(asked(&env), [[person, "certain"]]);
    }
}

#[test]
fn identity_center_names_the_user_in_the_session() {
    let role = "AWSReservedSSO_Operator_0f1e2d3c4b5a6978";
    let env = loaded(&session(role, "mei", "ASIAEXAMPLE000000001", json!({})), &[]);
    let (line, change) = change(&env);
    assert!(line.contains(&format!("by mei through role {role} (shares")), "{line}");
    assert_eq!((&change["principal_confidence"], &change["person"]["name"]), (&json!("certain"), &json!("mei")));
    assert_eq!(asked(&env), [["mei", "certain"]]);
}

#[test]
fn a_source_identity_is_the_person_whoever_assumed_the_role() {
    let mut issued = issue(FIRST, "09:40:00", "AssumeRole", &user("jump"), ("deploy", "ci", ""));
    issued["requestParameters"]["sourceIdentity"] = json!("mei");
    let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000001", json!({"sourceIdentity": "mei"})), &[issued]);
    let (line, change) = change(&env);
    assert!(line.contains("by mei (source identity set by jump) through role deploy from 203.0.113.7 (shares"), "{line}");
    assert_eq!(change["principal_confidence"], "certain");
    assert_eq!(change["principal_chain"][0]["basis"], "source_identity", "{change}");
    assert_eq!(asked(&env), [["mei", "certain"]]);
    // A name that only a source identity has gets a pseudonym, too.
    let redacted = env.run(&["query", "calls show person", "--redact", "--format", "csv", "--quiet"]).ok().out;
    assert!(!redacted.contains("mei"), "{redacted}");
}

#[test]
fn names_alone_are_likely() {
    let issued = issue(FIRST, "09:40:00", "AssumeRole", &user("mei"), ("deploy", "ci", ""));
    let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000001", json!({})), &[issued]);
    let (line, change) = change(&env);
    assert!(line.contains("by mei through role deploy from 203.0.113.7 (likely: role and session name match)"), "{line}");
    assert_eq!(change["principal_confidence"], "likely");
    assert_eq!(change["principal_chain"][0]["basis"], "session_name");
    assert_eq!(asked(&env), [["mei", "likely"]]);
}

#[test]
fn two_people_with_one_session_name_are_unknown() {
    let others = [
        issue(FIRST, "09:40:00", "AssumeRole", &user("mei"), ("deploy", "ci", "")),
        issue(SECOND, "09:41:00", "AssumeRole", &user("sam"), ("deploy", "ci", "")),
    ];
    let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000001", json!({})), &others);
    let (line, change) = change(&env);
    assert!(line.contains("by deploy/ci (person unknown: 2 callers used this session name at that time) (shares"), "{line}");
    assert!(!line.contains("mei") && !line.contains("sam"), "{line}");
    assert_eq!((&change["principal_confidence"], &change["person"]), (&json!("unknown"), &Value::Null));
    assert_eq!(asked(&env), [["", "unknown"]]);
}

#[test]
fn without_the_call_that_issued_it_a_session_is_all_there_is() {
    let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000001", json!({})), &[]);
    let (line, found) = change(&env);
    assert!(line.contains("by deploy/ci (shares"), "{line}");
    assert_eq!(found["principal_confidence"], "unknown");
    assert_eq!(found["principal_chain"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(asked(&env), [["", "unknown"]]);
    // The first of two calls is missing.
    let admin = session("admin", "mei", "ASIAEXAMPLE000000001", json!({}));
    let issued = issue(SECOND, "09:40:00", "AssumeRole", &admin, ("deploy", "ci", "ASIAEXAMPLE000000002"));
    let env = loaded(&session("deploy", "ci", "ASIAEXAMPLE000000002", json!({})), &[issued]);
    let (line, _) = change(&env);
    assert!(line.contains("by admin/mei through role deploy from 203.0.113.7 (shares"), "{line}");
    assert_eq!(asked(&env), [["", "unknown"]]);
}

/// The columns about issued sessions, which stores of earlier releases do not have.
const ISSUED: [&str; 2] = ["issued_key", "issued_session"];

/// How many values these columns have.
fn issued(env: &TestEnv) -> Vec<Vec<String>> {
    env.sql("select count(issued_key), count(issued_session) from calls")
}

/// Turns the store into one of an earlier release: the data files and the log of `calls` have no such columns, and nothing has
/// a checksum.
fn forget_issued(env: &TestEnv) {
    let store = env.path(".ecs-audit");
    for table in fs::read_dir(store.join("tables")).unwrap().map(|entry| entry.unwrap().path()) {
        let is_calls = table.ends_with("calls");
        let logs = fs::read_dir(table.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path());
        for log in logs.filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
            let mut actions = String::new();
            for line in fs::read_to_string(&log).unwrap().lines() {
                let mut action: Value = serde_json::from_str(line).unwrap();
                if let Some(info) = action.get_mut("commitInfo").and_then(Value::as_object_mut) {
                    info.remove("ecs-audit.seals");
                }
                if let Some(add) = action.get_mut("add").and_then(Value::as_object_mut) {
                    add.remove("tags");
                    if is_calls {
                        let size = drop_columns(&table.join(add["path"].as_str().unwrap()));
                        add.insert("size".to_owned(), json!(size));
                    }
                }
                if let Some(schema) = action.pointer_mut("/metaData/schemaString").filter(|_| is_calls) {
                    let mut columns: Value = serde_json::from_str(schema.as_str().unwrap()).unwrap();
                    columns["fields"].as_array_mut().unwrap().retain(|field| !ISSUED.contains(&field["name"].as_str().unwrap()));
                    *schema = json!(columns.to_string());
                }
                actions.push_str(&format!("{action}\n"));
            }
            fs::write(&log, actions).unwrap();
        }
    }
    fs::remove_file(store.join("manifest.json")).unwrap();
}

/// Rewrites a data file without the columns; returns its size.
fn drop_columns(path: &Path) -> u64 {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    let schema = batches[0].schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let rest: Vec<usize> = names.enumerate().filter(|(_, name)| !ISSUED.contains(name)).map(|(at, _)| at).collect();
    assert_eq!(rest.len(), schema.fields().len() - ISSUED.len());
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.project(&rest).unwrap().into(), None).unwrap();
    for batch in batches {
        writer.write(&batch.project(&rest).unwrap()).unwrap();
    }
    let bytes = writer.into_inner().unwrap();
    fs::write(path, &bytes).unwrap();
    bytes.len() as u64
}

#[test]
fn a_store_of_an_earlier_release_names_the_same_person() {
    let (by, others) = two_roles();
    let who = "by mei through role admin, then role deploy from 203.0.113.7 (shares";
    let env = loaded(&by, &others);
    assert_eq!(issued(&env), [["3", "3"]]);
    forget_issued(&env);
    assert_eq!(issued(&env), [["0", "0"]]);
    let (line, change) = change(&env);
    assert!(line.contains(who), "{line}");
    assert_eq!(change["principal_chain"][1]["basis"], "access_key", "{change}");
    assert_eq!(asked(&env), [["mei", "certain"]]);
}

/// The next load adds the columns to the table: the first call of the chain stays without them.
#[test]
fn a_chain_is_followed_through_calls_of_two_releases() {
    let (by, others) = two_roles();
    let env = TestEnv::new();
    env.write("first.json", json!({"Records": others[..1]}).to_string());
    env.run(&["load", "first.json"]).ok();
    forget_issued(&env);
    env.write("c.json", export(&by, &others[1..]));
    env.run(&["load", "c.json"]).ok();
    assert_eq!(issued(&env), [["2", "2"]]);
    let (line, _) = change(&env);
    assert!(line.contains("by mei through role admin, then role deploy from 203.0.113.7 (shares"), "{line}");
    env.run(&["store", "compact"]).ok();
    assert_eq!(issued(&env), [["2", "2"]], "a merged file has both kinds of calls");
    assert_eq!(change(&env).0, line);
}

/// The columns have the names as they are; the original may write a letter as an escape sequence.
#[test]
fn a_session_is_found_however_its_name_is_written() {
    let call = issue(FIRST, "09:40:00", "AssumeRole", &user("mei"), ("deploy", "mei@example.com", ""));
    let by = session("deploy", "mei@example.com", "ASIAEXAMPLE000000001", json!({}));
    let text = export(&by, &[call]).replace(r#""roleSessionName":"mei@"#, r#""roleSessionName":"mei\u0040"#);
    assert!(text.contains(r#""mei\u0040example.com""#), "{text}");
    let env = TestEnv::new();
    env.write("c.json", text);
    env.run(&["load", "c.json"]).ok();
    let (line, _) = change(&env);
    assert!(line.contains("by mei through role deploy from 203.0.113.7 (likely: role and session name match)"), "{line}");
}

#[test]
fn issued_sessions_get_pseudonyms() {
    let task = "0f0e0d0c0b0a09080706050403020100";
    let service = json!({"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"});
    let others = [
        issue(FIRST, "09:40:00", "AssumeRole", &user("mei"), ("deploy", "kim", "key-of-kim")),
        issue(SECOND, "09:41:00", "AssumeRole", &service, ("loader", task, "")),
    ];
    let env = loaded(&user("zoe"), &others);
    let query = "calls where issued_session is not missing show issued_session, issued_key sort time";
    let of_task = format!("loader/{task}");
    assert_eq!(env.query(query), [["deploy/kim", "key-of-kim"], [of_task.as_str(), ""]]);
    let redacted = env.run(&["query", query, "--redact", "--format", "csv", "--quiet"]).ok().out;
    for name in ["deploy", "kim", "loader"] {
        assert!(!redacted.contains(name), "{redacted}");
    }
    assert!(redacted.contains(&format!("/{task}")), "the id of a task is not a name: {redacted}");
}

/// `samples/people`; `tests/samples.rs` compares the persons.
#[test]
fn the_samples_name_the_chain() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/people")]).ok();
    for (service, who) in [
        ("payments", "mei through role admin, then role deploy from 203.0.113.7"),
        ("ledger", "noor through role AWSReservedSSO_Operator_0f1e2d3c4b5a6978"),
        ("quotes", "ren (source identity set by jump-host) through role break-glass from 198.51.100.4"),
        ("web", "repo:example/shop:ref:refs/heads/main through role github-deploy from 192.0.2.30"),
        ("search", "sam through role ops from 203.0.113.7 (likely: role and session name match)"),
        ("stock", "ops/ci (person unknown: 2 callers used this session name at that time)"),
        ("returns", "deploy/nightly"),
        ("refunds", "mei"),
    ] {
        let story = env.run(&["timeline", service]).ok().out;
        assert!(story.contains(&format!("  UpdateService {service} by {who}  [")), "{story}");
        // The changes around the same time agree.
        let changes = env.run(&["changes", service, "--at", "2026-03-06T09:45:00Z", "--around", "3h"]).ok().out;
        assert!(changes.contains(&format!("UpdateService {service} by {who} (")), "{changes}");
    }
}

#[test]
fn hostile_chains_end() {
    // Two sessions that issued each other, and names that try to leave a SQL string and a line.
    let (one, two) =
        (session("one", "x", "ASIAEXAMPLE000000001", json!({})), session("two", "x", "ASIAEXAMPLE000000002", json!({})));
    let others = [
        issue(FIRST, "09:40:00", "AssumeRole", &two, ("one", "x", "ASIAEXAMPLE000000001")),
        issue(SECOND, "09:40:00", "AssumeRole", &one, ("two", "x", "ASIAEXAMPLE000000002")),
    ];
    let env = loaded(&one, &others);
    let (_, found) = change(&env);
    assert_eq!(found["principal_confidence"], "unknown", "{found}");
    assert_eq!(asked(&env), [["", "unknown"]]);
    let odd = session("x' or '1'='1", "y\u{1b}[2J\n'); drop table calls", "", json!({"sourceIdentity": "\u{1b}[31mmei"}));
    let env = loaded(&odd, &[]);
    let (line, found) = change(&env);
    assert!(!line.contains('\u{1b}'), "{line}");
    assert_eq!(found["principal_confidence"], "certain", "{found}");
}
