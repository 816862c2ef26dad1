//! Root causes and consequences: the first failure leads, and the circumstances around it are used.

use crate::support::{TestEnv, project};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

/// A described service `pay` whose deployment 900 failed, with its messages, oldest first.
fn service(messages: &[(&str, &str)], deployments: Value) -> Value {
    let events: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(index, (at, message))| json!({"id": format!("m-{index}"), "createdAt": at, "message": message}))
        .collect();
    json!({"services": [{
        "serviceArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:service/prod/pay"), "serviceName": "pay",
        "clusterArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/prod"),
        "deployments": deployments, "events": events,
    }], "failures": []})
}

fn loaded(files: &[(&str, Value)]) -> TestEnv {
    let env = TestEnv::new();
    for (name, value) in files {
        env.write(name, value.to_string());
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    env.run(&[&["load"], names.as_slice()].concat()).ok();
    env
}

const FAILED: &str = "(service pay) (deployment ecs-svc/900) deployment failed: tasks failed to start.";
const BACK: &str = "(service pay) rolling back to deployment ecs-svc/899.";

fn rollout() -> Value {
    json!([{"id": "ecs-svc/900", "status": "PRIMARY", "rolloutState": "FAILED", "updatedAt": "2026-05-04T10:20:00Z",
        "rolloutStateReason": "ECS deployment circuit breaker: tasks failed to start.",
        "taskDefinition": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/pay:9")}])
}

#[test]
fn everything_that_reports_one_deployment_is_one_incident() {
    let env = loaded(&[("s.json", service(&[("2026-05-04T10:20:00Z", FAILED), ("2026-05-04T10:20:01Z", BACK)], rollout()))]);
    let rows = env.query("failures show kind, secondary, incident");
    assert_eq!(rows, [["deployment", "false", "deployment:ecs-svc/900"]], "nothing else is recorded: it is the failure");
    let output = env.run(&["explain", "pay"]).ok().out;
    assert!(output.contains("deployment of pay failed"), "{output}");
}

#[test]
fn a_deployment_whose_tasks_failed_is_their_consequence() {
    let unhealthy = "(service pay) (task 0123456789abcdef0123456789abcdef) failed container health checks.";
    let messages = [("2026-05-04T10:12:00Z", unhealthy), ("2026-05-04T10:20:00Z", FAILED), ("2026-05-04T10:20:01Z", BACK)];
    let env = loaded(&[("s.json", service(&messages, rollout()))]);
    let rows = env.query("failures show phase, secondary sort time");
    assert_eq!(rows, [["health_check", "false"], ["deployment", "true"]]);
    for name in ["pay", "last"] {
        let output = env.run(&["explain", name]).ok().out;
        assert!(output.contains("✗ health check"), "{name} leads with the root: {output}");
    }
    let output = env.run(&["explain", "ecs-svc/900"]).ok().out;
    assert!(output.contains("a consequence of earlier failures") && output.contains("explain m-0"), "{output}");
    // Failures hours earlier are unrelated.
    let messages = [("2026-05-04T03:12:00Z", unhealthy), ("2026-05-04T10:20:00Z", FAILED)];
    let env = loaded(&[("s.json", service(&messages, rollout()))]);
    assert_eq!(env.query("failures where kind = deployment show secondary"), [["false"]]);
}

#[test]
fn an_alarm_is_a_fault_of_its_own() {
    let alarm = "(service pay) (deployment ecs-svc/900) deployment failed: alarm detected.";
    let unhealthy = "(service pay) (task 0123456789abcdef0123456789abcdef) failed container health checks.";
    let messages = [("2026-05-04T10:12:00Z", unhealthy), ("2026-05-04T10:20:00Z", alarm), ("2026-05-04T10:20:02Z", BACK)];
    let env = loaded(&[("s.json", service(&messages, json!([])))]);
    let rows = env.query("failures where kind = deployment show cause, secondary");
    assert_eq!(rows, [["deployment-alarm", "false"]]);
}

/// A stopped task on an instance whose containers give no reason.
fn silent_task() -> Value {
    json!({"tasks": [{
        "taskArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task/prod/00ff00ff00ff00ff00ff00ff00ff00ff"),
        "clusterArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/prod"),
        "taskDefinitionArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/pay:9"),
        "containerInstanceArn": format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:container-instance/prod/aa11aa11aa11aa11aa11aa11aa11aa11"),
        "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "launchType": "EC2", "group": "service:other",
        "stopCode": "TaskFailedToStart", "stoppedReason": "Task failed to start",
        "createdAt": "2026-05-04T10:00:00Z", "stoppingAt": "2026-05-04T10:01:00Z", "stoppedAt": "2026-05-04T10:01:05Z",
        "containers": [{"name": "pay", "lastStatus": "STOPPED"}],
    }], "failures": []})
}

#[test]
fn no_cause_is_made_up_and_no_pull_is_claimed() {
    let env = loaded(&[("t.json", silent_task())]);
    let output = env.run(&["explain", "00ff00ff00ff"]).ok().out;
    assert!(output.contains("ecs-agent.log") && output.contains("aws ecs describe-tasks --cluster prod"), "{output}");
    assert!(!output.contains("✓ image pull"), "{output}");
}

/// Events name no essential containers: none is blamed for sure where several ended, and the reason of another one is shown.
#[test]
fn no_container_is_called_essential_where_several_ended() {
    let mut task = silent_task();
    let one = &mut task["tasks"][0];
    one["stopCode"] = json!("EssentialContainerExited");
    one["stoppedReason"] = json!("Essential container in task exited");
    one["startedAt"] = json!("2026-05-04T10:00:30Z");
    let container = |name: &str, code: Value, reason: Value| json!({"name": name, "image": format!("{name}:1"), "lastStatus": "STOPPED", "exitCode": code, "reason": reason});
    one["containers"] = json!([container("pay", json!(1), Value::Null), container("oven", json!(137), json!("It was too hot"))]);
    let output = loaded(&[("t.json", task.clone())]).run(&["explain", "00ff00ff00ff"]).ok().out;
    assert!(
        output.contains("which of its 2 containers are essential") && !output.contains("The essential container"),
        "{output}"
    );
    assert!(output.contains("container oven reports: It was too hot"), "{output}");
    let alone = container("pay", json!(1), Value::Null);
    task["tasks"][0]["containers"] = json!([alone]);
    let output = loaded(&[("t.json", task.clone())]).run(&["explain", "00ff00ff00ff"]).ok().out;
    assert!(output.contains("The essential container pay exited with code 1"), "{output}");
    task["tasks"][0]["containers"] =
        json!([{"name": "pay", "image": "pay:1", "lastStatus": "STOPPED", "reason": "It was too hot"}]);
    let output = loaded(&[("t.json", task)]).run(&["explain", "00ff00ff00ff"]).ok().out;
    assert!(output.contains("It was too hot") && !output.contains("success"), "no exit code is recorded: {output}");
}

/// The message of a refused call is recorded without its code, by which the catalog knows it.
#[test]
fn the_text_of_a_refused_call_is_quoted() {
    let refused = call(
        "11111111-0000-4000-8000-000000000009",
        "2026-05-04T10:00:00Z",
        "UpdateService",
        "ecs.amazonaws.com",
        json!({
        "userIdentity": {"type": "IAMUser", "userName": "mei", "arn": format!("arn:aws:iam::{ACCOUNT}:user/mei"), "accountId": ACCOUNT},
        "requestParameters": {"cluster": "prod", "service": "pay"}, "responseElements": null,
        "errorCode": "InvalidParameterException", "errorMessage": "nobody knows these words"}),
    );
    let output = loaded(&[("c.json", json!({"Records": [refused]}))]).run(&["explain", "last"]).ok().out;
    assert!(output.contains("The text: 'nobody knows these words'") && !output.contains("DETAIL"), "{output}");
}

#[test]
fn the_beginning_of_an_id_is_enough_where_only_one_thing_has_it() {
    let env = loaded(&[("t.json", silent_task())]);
    for command in ["explain", "timeline", "changes"] {
        let ran = env.run(&[command, "00ff00"]).ok();
        assert!(ran.out.contains("00ff00ff00ff00ff00ff00ff00ff00ff") || command == "changes", "{command}: {}", ran.out);
    }
    let samples = TestEnv::new();
    samples.run(&["load", project().join("samples/exports").to_str().unwrap()]).ok();
    let ran = samples.run(&["explain", "checkout"]);
    assert!(ran.code == 0 || ran.err.contains("begin"), "{}", ran.err);
}

/// A call in CloudTrail.
fn call(id: &str, at: &str, name: &str, source: &str, more: Value) -> Value {
    let mut record = json!({"eventVersion": "1.08", "eventID": id, "eventTime": at, "eventName": name, "eventSource": source,
        "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall", "sourceIPAddress": "203.0.113.7",
        "readOnly": false});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

/// A refused launch, a role session that changed the service before it, and the person who assumed the role.
fn refused() -> Value {
    let session = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci-1"),
        "accessKeyId": "ASIAEXAMPLE000000001", "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": {"userName": "deploy"}}});
    let mei =
        json!({"type": "IAMUser", "userName": "mei", "arn": format!("arn:aws:iam::{ACCOUNT}:user/mei"), "accountId": ACCOUNT});
    json!({"Records": [
        call("11111111-0000-4000-8000-000000000001", "2026-05-04T09:40:00Z", "AssumeRole", "sts.amazonaws.com", json!({
            "userIdentity": mei, "requestParameters": {"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/deploy")},
            "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE000000001"},
                "assumedRoleUser": {"arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci-1")}}})),
        call("11111111-0000-4000-8000-000000000002", "2026-05-04T09:50:00Z", "RegisterTaskDefinition", "ecs.amazonaws.com", json!({
            "userIdentity": session, "requestParameters": {"family": "ledger"},
            "responseElements": {"taskDefinition": {"taskDefinitionArn":
                format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/ledger:4"), "family": "ledger", "revision": 4}}})),
        call("11111111-0000-4000-8000-000000000003", "2026-05-04T10:00:00Z", "RunTask", "ecs.amazonaws.com", json!({
            "userIdentity": mei, "requestParameters": {"cluster": "prod", "taskDefinition": "ledger:4", "count": 1},
            "responseElements": {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}})),
    ]})
}

#[test]
fn a_refused_launch_has_a_timeline() {
    let env = loaded(&[("c.json", refused())]);
    let output = env.run(&["timeline", "last"]).ok().out;
    assert!(output.contains("RunTask ledger:4 placed 0 of 1: RESOURCE:MEMORY"), "{output}");
    for name in ["ledger", "prod"] {
        let output = env.run(&["timeline", name]).ok().out;
        assert!(output.contains("launch of ledger lost"), "{name}: {output}");
        let output = env.run(&["explain", name]).ok().out;
        assert!(output.contains("Losses, largest first") && output.contains("1 task never placed"), "{name}: {output}");
    }
}

#[test]
fn a_change_names_the_person_behind_the_role() {
    let env = loaded(&[("c.json", refused())]);
    let output = env.run(&["changes", "ledger"]).ok().out;
    assert!(output.contains("by mei through role deploy from 203.0.113.7"), "{output}");
    let json: Value = serde_json::from_str(&env.run(&["changes", "ledger", "--format", "json"]).ok().out).unwrap();
    assert_eq!(json["bursts"][0]["changes"][0]["person"]["name"], "mei", "{json}");
    assert_eq!(json["found"], json["bursts"][0]);
}

#[test]
fn changes_look_around_any_time() {
    let env = loaded(&[("c.json", refused())]);
    let output = env.run(&["changes", "--at", "2026-05-04T09:49:00Z", "--around", "5m"]).ok().out;
    assert!(output.contains("1m after: RegisterTaskDefinition ledger:4"), "{output}");
    let output = env.run(&["changes", "ledger", "--at", "2026-05-04T09:49:00Z"]).ok().out;
    assert!(output.contains("no related change"), "nothing changed in the half hour before: {output}");
    let ran = env.run(&["changes"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    let ran = env.run(&["changes", "ledger", "--around", "soon"]);
    assert!(ran.code == 2 && ran.err.contains("expected a duration such as 30m"), "{}", ran.err);
}

#[test]
fn changes_look_before_every_burst_the_largest_first() {
    let mut records = refused()["Records"].as_array().unwrap().clone();
    for (minute, id) in [(0, 4), (2, 5), (4, 6)] {
        let mut again = records[2].clone();
        again["eventID"] = json!(format!("11111111-0000-4000-8000-00000000000{id}"));
        again["eventTime"] = json!(format!("2026-05-03T10:0{minute}:00Z"));
        records.push(again);
    }
    let env = loaded(&[("c.json", json!({"Records": records}))]);
    let json: Value = serde_json::from_str(&env.run(&["changes", "ledger", "--format", "json"]).ok().out).unwrap();
    let bursts: Vec<(&str, u64)> = json["bursts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|burst| (burst["before"].as_str().unwrap(), burst["failures"].as_u64().unwrap()))
        .collect();
    assert_eq!(bursts, [("2026-05-03T10:00:00Z", 3), ("2026-05-04T10:00:00Z", 1)]);
}

/// Two runs of one project: `first` holds the only node while `second` finds no fleet.
fn runs() -> Value {
    let run = |name: &str, status: &str, submission: Value| {
        json!({"id": format!("00000000-0000-4000-8000-0000000000{}", if name == "first" { "01" } else { "02" }),
            "project_name": "vision", "user": "sam", "status": status, "submitted_at": "2026-05-04T10:00:00Z",
            "last_processed_at": "2026-05-04T10:10:00Z", "run_spec": {"run_name": name, "configuration": {"type": "task"}},
            "jobs": [{"job_spec": {"job_name": format!("{name}-0-0"), "job_num": 0, "replica_num": 0},
                "job_submissions": [submission]}]})
    };
    let machine = json!({"backend": "gcp", "region": "europe-west4", "instance_id": "i-1", "price": 0.7,
        "instance_type": {"name": "g2-standard-4", "resources": {"cpus": 4, "memory_mib": 16384, "gpus": [], "spot": false}}});
    let holds = json!({"id": "aaaaaaaa-0000-4000-8000-000000000001", "submission_num": 0, "submitted_at": "2026-05-04T10:00:00Z",
        "last_processed_at": "2026-05-04T10:10:00Z", "status": "running", "exit_status": null, "job_provisioning_data": machine});
    let refused = json!({"id": "aaaaaaaa-0000-4000-8000-000000000002", "submission_num": 0, "submitted_at": "2026-05-04T10:05:00Z",
        "last_processed_at": "2026-05-04T10:05:30Z", "finished_at": "2026-05-04T10:05:30Z", "status": "failed",
        "termination_reason": "failed_to_start_due_to_no_capacity", "termination_reason_message": "No matching fleet found",
        "exit_status": null, "job_provisioning_data": null});
    json!([run("first", "running", holds), run("second", "failed", refused)])
}

#[test]
fn a_run_that_holds_the_fleet_explains_that_there_is_none() {
    let env = loaded(&[("r.json", runs())]);
    let output = env.run(&["explain", "second"]).ok().out;
    assert!(output.contains("job first-0-0 held an instance at that time (g2-standard-4, gcp, europe-west4)"), "{output}");
    assert!(output.contains("1. If the run targets the fleet that first-0-0 occupies"), "{output}");
}

#[test]
fn an_instance_that_was_created_speaks_against_no_capacity() {
    let mut runs = runs();
    let machine = runs[0]["jobs"][0]["job_submissions"][0]["job_provisioning_data"].clone();
    let submission = &mut runs[1]["jobs"][0]["job_submissions"][0];
    submission["job_provisioning_data"] = machine;
    submission["termination_reason_message"] = Value::Null;
    let env = loaded(&[("r.json", json!([runs[1]]))]);
    let rows = env.query("failures show phase, class, reason, ran");
    assert_eq!(rows, [["host", "transient", "failed_to_start_due_to_no_capacity", "false"]]);
    let output = env.run(&["explain", "second"]).ok().out;
    assert!(output.contains("the reason says no capacity, but an instance was created"), "{output}");
}

#[test]
fn the_oddities_about_causes_are_read_as_they_should() {
    let env = TestEnv::new();
    let oddity = |name: &str| project().join("samples/oddities").join(name);
    env.load(&[&oddity("container-beside-the-job.json"), &oddity("one-deployment-many-reports.json")]).ok();
    let rows = env.query("failures show kind, phase, class, container, secondary sort time");
    assert_eq!(
        rows,
        [
            ["task", "running", "infrastructure", "log_router", "false"],
            ["service", "health_check", "application", "", "false"],
            ["deployment", "deployment", "application", "", "true"],
        ]
    );
    let output = env.run(&["explain", "6bb6f0c1e2d3"]).ok().out;
    assert!(output.contains("container log_router is the FireLens log router"), "{output}");
    assert!(output.contains("1. Read the log of the log router"), "{output}");
    let output = env.run(&["explain", "5aa5f0c1e2d3"]).ok().out;
    assert!(output.contains("task of ledger-close:12 exited with code 0"), "{output}");
}

/// Id, region, time, requested tasks, error code and response.
type Call<'a> = (&'a str, &'a str, &'a str, i64, Option<&'a str>, Value);

/// Calls of RunTask on 2026-05-04 by one execution of a state machine.
fn run_tasks(calls: &[Call<'_>]) -> Value {
    let record = |(id, region, clock, count, code, response): &Call<'_>| {
        let mut record = json!({"eventVersion": "1.11", "eventID": format!("22222222-0000-4000-8000-00000000000{id}"),
            "eventTime": format!("2026-05-04T{clock}Z"), "eventName": "RunTask", "eventSource": "ecs.amazonaws.com",
            "awsRegion": region, "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall", "readOnly": false,
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE00000001:x", "accountId": ACCOUNT,
                "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/states/x")},
            "requestParameters": {"cluster": "prod", "taskDefinition": "ledger:4", "count": count,
                "startedBy": "AWS Step Functions"},
            "responseElements": response});
        if let Some(code) = code {
            record["errorCode"] = json!(code);
        }
        record
    };
    json!({"Records": calls.iter().map(record).collect::<Vec<_>>()})
}

#[test]
fn only_a_retry_that_placed_the_task_in_the_same_region_heals_a_launch() {
    let failed = || json!({"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]});
    let placed = |region: &str| {
        let task = format!("arn:aws:ecs:{region}:{ACCOUNT}:task/prod/0123456789abcdef0123456789abcdef");
        json!({"tasks": [{"taskArn": task}], "failures": []})
    };
    let home = "eu-west-1";
    let unhealed = "the same caller tried again but placed nothing in the next half hour";
    let alone = "the same caller did not try again in the next half hour";
    let cases = [
        ("refused", home, 1, Some("ThrottlingException"), Value::Null, Some(unhealed), false),
        ("requested nothing", home, 0, None, failed(), Some(unhealed), false),
        ("answered without tasks", home, 1, None, json!({"tasks": [], "failures": []}), Some(unhealed), false),
        ("response not recorded", home, 1, None, Value::Null, None, true),
        ("another region", "us-east-1", 1, None, placed("us-east-1"), Some(alone), false),
        ("placed", home, 1, None, placed(home), None, true),
    ];
    for (name, region, count, code, response, note, heals) in cases {
        let calls = [
            ("1", home, "10:00:00", 1, None, failed()),
            ("2", region, "10:05:00", count, code, response),
            ("3", home, "11:40:00", 1, None, placed(home)),
        ];
        let env = loaded(&[("c.json", run_tasks(&calls))]);
        let output = env.run(&["explain", "22222222-0000-4000-8000-000000000001"]).ok().out;
        let found = [unhealed, alone].into_iter().find(|note| output.contains(note));
        assert_eq!((found, output.contains("which succeeded")), (note, heals), "{name}: {output}");
    }
}

#[test]
fn services_of_one_name_in_two_regions_are_two_services() {
    let unhealthy = "(service pay) (task 0123456789abcdef0123456789abcdef) failed container health checks.";
    let here = service(&[("2026-05-04T10:12:00Z", unhealthy)], json!([]));
    let there = service(&[("2026-05-04T10:20:00Z", FAILED)], json!([])).to_string();
    let there: Value = serde_json::from_str(&there.replace("eu-west-1", "us-east-1").replace("\"m-0\"", "\"n-0\"")).unwrap();
    let env = loaded(&[("here.json", here), ("there.json", there)]);
    let rows = env.query("failures show region, secondary sort time");
    assert_eq!(rows, [["eu-west-1", "false"], ["us-east-1", "false"]], "the tasks of the other service did not fail");
    let output = env.run(&["explain", "n-0"]).ok().out;
    assert!(!output.contains("m-0") && !output.contains("health checks"), "{output}");
    for (region, own, other) in [("us-east-1", "n-0", "m-0"), ("eu-west-1", "m-0", "n-0")] {
        let arn = format!("arn:aws:ecs:{region}:{ACCOUNT}:service/prod/pay");
        for command in ["timeline", "explain"] {
            let output = env.run(&[command, &arn]).ok().out;
            assert!(output.contains(own) && !output.contains(other), "{command} {arn}: {output}");
        }
    }
    // A name that both have is the one that failed last.
    for command in ["timeline", "explain"] {
        let ran = env.run(&[command, "pay"]).ok();
        assert!(ran.out.contains("n-0") && !ran.out.contains("m-0"), "{command}: {}", ran.out);
        let note = "2 accounts or Regions have a service `pay`; this is the one in 111122223333, us-east-1";
        assert!(ran.err.contains(note), "{command}: {}", ran.err);
    }
}

#[test]
fn a_change_in_another_region_shares_no_service_with_a_failure() {
    let update = |id: &str, region: &str| {
        json!({"eventVersion": "1.11", "eventID": id, "eventTime": "2026-05-04T10:10:00Z", "eventName": "UpdateService",
            "eventSource": "ecs.amazonaws.com", "awsRegion": region, "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall",
            "readOnly": false, "userIdentity": {"type": "IAMUser", "userName": "mei", "accountId": ACCOUNT},
            "requestParameters": {"cluster": "prod", "service": "pay", "desiredCount": 2}, "responseElements": null})
    };
    let (own, other) = ("22222222-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002");
    let calls = json!({"Records": [update(own, "eu-west-1"), update(other, "us-east-1")]});
    let failed = service(&[("2026-05-04T10:20:00Z", FAILED)], json!([]));
    let env = loaded(&[("s.json", failed), ("c.json", calls)]);
    let output = env.run(&["changes", "pay"]).ok().out;
    assert!(output.contains(own) && !output.contains(other), "{output}");
}
