use super::*;
use crate::decode::json::Tape;
use crate::table::{ContainerEvent, Failure};

/// A stopped task of the service `web`; `more` are further fields, `containers` the elements of the array.
fn stopped(more: &str, containers: &str) -> String {
    format!(
        r#"{{"clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/c","group":"service:web","lastStatus":"STOPPED",
        "desiredStatus":"STOPPED","stoppedAt":"2026-03-04T02:10:05Z","updatedAt":"2026-03-04T02:10:06Z","version":6,{more}
        "taskArn":"arn:aws:ecs:us-east-1:111122223333:task/c/0a","containers":[{containers}],
        "taskDefinitionArn":"arn:aws:ecs:us-east-1:111122223333:task-definition/web:7","cpu":"256","memory":"0"}}"#
    )
}

fn with_rows(text: &str, check: impl FnOnce(&TaskEvent<'_>, Vec<&ContainerEvent<'_>>, Option<&Failure<'_>>)) {
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    let Modeled::Record(record) = model_task(tape.root(), Envelope::describe(), origin) else { panic!("a record") };
    let (mut task, mut containers, mut failure) = (None, Vec::new(), None);
    for row in &record.rows {
        match row {
            Row::TaskEvents(row) => task = Some(row),
            Row::ContainerEvents(row) => containers.push(&**row),
            Row::Failures(row) => failure = Some(&**row),
            _ => panic!("another row"),
        }
    }
    check(task.unwrap(), containers, failure);
}

/// `code reason ran exit class category` of the failure of a task, or `expected`.
fn verdict(more: &str, containers: &str) -> String {
    let mut found = String::new();
    with_rows(&stopped(more, containers), |task, _, failure| {
        let Some(failure) = failure else {
            found = format!("{:?}", task.expected);
            return;
        };
        assert_eq!(task.expected, Some(false));
        let text = |field: &Name<'_>| field.as_deref().unwrap_or("-").to_owned();
        found = format!(
            "{} {} ran={} exit={} {} {}",
            text(&failure.code),
            text(&failure.reason),
            failure.ran.map_or_else(|| "-".to_owned(), |ran| ran.to_string()),
            failure.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
            text(&failure.class),
            text(&failure.category)
        );
    });
    found
}

const STARTED: &str = r#""startedAt":"2026-03-04T02:00:00Z","#;

fn ended(code: &str, reason: &str) -> String {
    format!(r#"{STARTED}"stopCode":"{code}","stoppedReason":"{reason}","#)
}

#[test]
fn a_task_and_its_containers() {
    let more = r#""startedAt":"2026-03-04T02:00:00Z","startedBy":"ecs-svc/1","attachments":[{"type":"eni","details":
        [{"name":"subnetId","value":"subnet-1"},{"name":"privateIPv4Address","value":"10.0.0.1"}]}],"#;
    let containers = r#"{"name":"log","image":"fluent:1","memoryReservation":"128","cpu":"null","exitCode":0},
        {"name":"app","image":"web:7","memory":"512","exitCode":1}"#;
    with_rows(&stopped(more, containers), |task, containers, _| {
        assert_eq!((task.cpu, task.memory), (Some(256), Some(640)));
        assert_eq!((task.service.as_deref(), task.family.as_deref()), (Some("web"), Some("web")));
        assert_eq!((task.subnet.as_deref(), task.private_ip.as_deref()), (Some("subnet-1"), Some("10.0.0.1")));
        assert_eq!((task.exit_code, task.exit_container.as_deref()), (Some(1), Some("app")));
        assert_eq!(task.images.as_deref(), Some("fluent:1 web:7"));
        assert_eq!((task.account.as_deref(), task.region.as_deref()), (Some("111122223333"), Some("us-east-1")));
        assert_eq!(containers.len(), 2);
        assert!(containers[1].id.as_deref().unwrap().ends_with("#app"));
        assert_eq!((containers[0].cpu, containers[0].task_status.as_deref()), (None, Some("STOPPED")));
    });
}

#[test]
fn requested_stops_are_not_failures() {
    for (more, containers) in [
        (ended("UserInitiated", "rollback by alice"), r#"{"name":"a","exitCode":143}"#),
        (ended("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)"), r#"{"exitCode":137}"#),
        (ended("EssentialContainerExited", "Essential container in task exited"), r#"{"name":"a","exitCode":0}"#),
        (ended("EssentialContainerExited", "Essential container in task exited"), r#"{"exitCode":0},{"exitCode":143}"#),
        (format!(r#"{STARTED}"stoppedReason":"Task stopped by user","#), r#"{"name":"a","exitCode":143}"#),
        (format!(r#"{STARTED}"stoppedReason":"Essential container in task exited","#), r#"{"name":"a","exitCode":0}"#),
    ] {
        assert_eq!(verdict(&more, containers), "Some(true)", "{more}");
    }
    assert_eq!(verdict("", r#"{"name":"a"}"#), "None", "nothing is known");
}

#[test]
fn programs_that_failed() {
    let exited = ended("EssentialContainerExited", "Essential container in task exited");
    let oom = r#"{"exitCode":137,"reason":"OutOfMemoryError: Container killed due to memory usage"}"#;
    for (containers, want) in [
        (r#"{"exitCode":1}"#, "task.running.essential-exited EssentialContainerExited ran=true exit=1 application program"),
        (
            r#"{"exitCode":127}"#,
            "task.running.essential-exited EssentialContainerExited ran=true exit=127 configuration settings",
        ),
        (r#"{"exitCode":143}"#, "task.running.essential-exited EssentialContainerExited ran=true exit=143 application program"),
        (
            r#"{"exitCode":0},{"exitCode":137}"#,
            "task.running.essential-exited EssentialContainerExited ran=true exit=137 application program",
        ),
        (oom, "task.running.oom OutOfMemoryError ran=true exit=137 application settings"),
    ] {
        assert_eq!(verdict(&exited, containers), want);
    }
    let old = r#""stoppedReason":"Essential container in task exited","#;
    let want = "task.running.essential-exited EssentialContainerExited ran=true exit=1 application program";
    assert_eq!(verdict(old, r#"{"exitCode":1}"#), want, "old records have no stop code");
}

/// A row that `--query` reduced has no version.
fn reduced(more: &str) -> String {
    let text = format!(
        r#"{{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/c/0a","stoppedAt":"2026-03-04T02:10:05Z","lastStatus":"STOPPED",{more}}}"#
    );
    let mut found = String::new();
    with_rows(&text, |_, _, failure| {
        let failure = failure.unwrap();
        let text = |field: &Name<'_>| field.as_deref().unwrap_or("-").to_owned();
        found = format!("{} ran={:?}", text(&failure.code), failure.ran);
    });
    found
}

#[test]
fn a_row_without_a_start_may_be_reduced() {
    for (more, want) in [
        (
            r#""stopCode":"EssentialContainerExited","stoppedReason":"Essential container in task exited""#,
            "task.running.essential-exited ran=None",
        ),
        (r#""stoppedReason":"OutOfMemoryError: Container killed due to memory usage""#, "task.running.oom ran=Some(true)"),
        (r#""stoppedReason":"Task failed ELB health checks in (target-group x)""#, "task.health_check.health-elb ran=Some(true)"),
        (r#""stopCode":"TerminationNotice""#, "task.host ran=None"),
        (r#""stopCode":"TaskFailedToStart","stoppedReason":"never seen""#, "task.placement ran=Some(false)"),
        (
            r#""stoppedReason":"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref web:9: web:9: not found""#,
            "task.image_pull.pull-not-found ran=Some(false)",
        ),
    ] {
        assert_eq!(reduced(more), want, "{more}");
    }
    let whole = r#""version":4,"stopCode":"EssentialContainerExited","stoppedReason":"Essential container in task exited""#;
    assert_eq!(reduced(whole), "task.running.essential-exited ran=Some(false)");
}

/// Only a container that Docker created has an exit code, so its task was placed.
#[test]
fn a_task_with_an_exit_code_was_placed() {
    for (more, want) in [
        (r#""containers":[{"name":"web","lastStatus":"STOPPED"}]"#, "task.placement ran=Some(false)"),
        (r#""containers":[{"name":"web","lastStatus":"STOPPED","exitCode":127}]"#, "task.container_start ran=Some(false)"),
        (
            r#""pullStartedAt":"2026-03-04T02:09:00Z","containers":[{"name":"web","lastStatus":"STOPPED","exitCode":127}]"#,
            "task.image_pull ran=Some(false)",
        ),
    ] {
        assert_eq!(reduced(&format!(r#""stopCode":"TaskFailedToStart",{more}"#)), want, "{more}");
    }
}

#[test]
fn a_task_that_pulled_images_was_placed() {
    for (times, want) in [
        ("", "task.placement ran=Some(false)"),
        (r#""pullStartedAt":"2026-03-04T02:09:00Z","#, "task.image_pull ran=Some(false)"),
        (
            r#""pullStartedAt":"2026-03-04T02:09:00Z","pullStoppedAt":"2026-03-04T02:09:30Z","#,
            "task.container_start ran=Some(false)",
        ),
    ] {
        let more = format!(r#"{times}"stopCode":"TaskFailedToStart","stoppedReason":"a text of tomorrow""#);
        assert_eq!(reduced(&more), want, "{times}");
    }
    let spot = r#""pullStartedAt":"2026-03-04T02:09:00Z","stopCode":"SpotInterruption","stoppedReason":"a text of tomorrow""#;
    assert!(reduced(spot).starts_with("task.spot"), "{}", reduced(spot));
}

#[test]
fn tasks_that_never_started() {
    let pull = r#""stopCode":"TaskFailedToStart","stoppedReason":"CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref web:9: web:9: not found","#;
    let want = "task.image_pull.pull-not-found CannotPullContainerError ran=false exit=- configuration settings";
    assert_eq!(verdict(pull, r#"{"name":"log","exitCode":0},{"name":"app"}"#), want);
    let start = r#""stopCode":"TaskFailedToStart","stoppedReason":"Task failed to start","#;
    let reason = r#"{"name":"app","exitCode":128,"reason":"CannotStartContainerError: Error response from daemon: OCI runtime create failed: exec: \"python\": executable file not found in $PATH"}"#;
    let want = "task.container_start.start-exec-not-found CannotStartContainerError ran=false exit=128 configuration settings";
    assert_eq!(verdict(start, reason), want);
    let eni =
        r#""stopCode":"TaskFailedToStart","stoppedReason":"Timeout waiting for network interface provisioning to complete.","#;
    assert_eq!(verdict(eni, ""), "task.network.eni-timeout TaskFailedToStart ran=false exit=- transient launch");
    let agent = r#""stopCode":"TaskFailedToStart","stoppedReason":"TaskFailedToStart: AGENT","#;
    assert_eq!(verdict(agent, ""), "task.placement.placement-agent AGENT ran=false exit=- infrastructure launch");
}

#[test]
fn health_checks_hosts_and_spot_are_failures() {
    let health = ended("ServiceSchedulerInitiated", "Task failed container health checks");
    let want = "task.health_check.health-container ServiceSchedulerInitiated ran=true exit=137 application program";
    assert_eq!(verdict(&health, r#"{"exitCode":137}"#), want);
    let spot = ended("SpotInterruption", "Your Spot Task was interrupted.");
    let want = "task.spot.spot-interruption SpotInterruption ran=true exit=137 capacity -";
    assert_eq!(verdict(&spot, r#"{"exitCode":137}"#), want);
    let host = ended("TerminationNotice", "Host EC2 (instance i-0282b396e52b4c95d) terminated.");
    assert_eq!(verdict(&host, "{}"), "task.host.host-terminated TerminationNotice ran=true exit=- infrastructure -");
}

#[test]
fn a_container_that_failed_its_check_is_to_blame_whatever_its_exit_code() {
    let check = ended("ServiceSchedulerInitiated", "Task failed container health checks");
    let blamed = |containers: &str| {
        let mut found = (None, None, None);
        with_rows(&stopped(&check, containers), |_, _, failure| {
            let failure = failure.unwrap();
            let text = |field: &Name<'_>| field.as_deref().map(str::to_owned);
            found = (text(&failure.container), text(&failure.class), failure.exit_code);
        });
        found
    };
    let (infrastructure, application) = (Some("infrastructure".to_owned()), Some("application".to_owned()));
    for code in [0, 137, 143] {
        let proxy = format!(
            r#"{{"name":"cart","exitCode":143,"healthStatus":"UNKNOWN"}},{{"name":"ecs-service-connect-q7","exitCode":{code},"healthStatus":"UNHEALTHY"}}"#
        );
        let exit = Some(code).filter(|code| *code != 0);
        assert_eq!(blamed(&proxy), (Some("ecs-service-connect-q7".to_owned()), infrastructure.clone(), exit));
        let own = format!(
            r#"{{"name":"cart","exitCode":{code},"healthStatus":"UNHEALTHY"}},{{"name":"log_router","exitCode":0,"healthStatus":"HEALTHY"}}"#
        );
        assert_eq!(blamed(&own), (Some("cart".to_owned()), application.clone(), exit));
    }
    assert_eq!(blamed(r#"{"name":"a","exitCode":0},{"name":"b","exitCode":0}"#).0, None, "nobody knows which one");
    // The load balancer names no container, and any container may end with 0.
    let balancer = ended("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)");
    with_rows(&stopped(&balancer, r#"{"name":"a","exitCode":0},{"name":"b","exitCode":0}"#), |_, _, failure| {
        assert_eq!(failure.unwrap().container, None);
    });
}

#[test]
fn unknown_messages_stay_unexplained() {
    assert_eq!(verdict(r#""stoppedReason":"Something new happened (code 7431)","#, "{}"), "task - ran=false exit=- - -");
    let new = ended("InfrastructureHealth", "never seen");
    assert_eq!(verdict(&new, "{}"), "task.host InfrastructureHealth ran=true exit=- infrastructure -");
}

#[test]
fn incidents_join_the_events_of_one_task() {
    let text = stopped(&ended("EssentialContainerExited", "Essential container in task exited"), r#"{"exitCode":1}"#);
    with_rows(&text, |task, _, failure| {
        let failure = failure.unwrap();
        assert_eq!(failure.incident.as_deref(), Some("task:arn:aws:ecs:us-east-1:111122223333:task/c/0a"));
        assert_eq!((failure.version, failure.time), (Some(6), task.stopped_at));
        assert_eq!(failure.time.map(|time| time / 1_000_000 % 60), Some(5));
    });
}

#[test]
fn without_any_time_there_is_no_record() {
    let text = r#"{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/c/0a","lastStatus":"RUNNING"}"#;
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    assert!(matches!(model_task(tape.root(), Envelope::describe(), origin), Modeled::Refused(_)));
}

const EXITED: &str = r#""stopCode":"EssentialContainerExited","stoppedReason":"Essential container in task exited","#;

#[test]
fn sidecars_of_a_completed_job_are_not_failures() {
    let ran = format!("{STARTED}{EXITED}");
    for beside in [
        r#"{"name":"aws-guardduty-agent-T7","reason":"CannotPullContainerError: denied: not authorized"}"#,
        r#"{"name":"ecs-service-connect-Ab1","exitCode":1,"reason":"Essential container failed"}"#,
        r#"{"name":"log_router","exitCode":139}"#,
        r#"{"name":"xray-daemon","exitCode":137,"reason":"OutOfMemoryError: container killed due to memory usage"}"#,
        // Nobody lists it, but it never started in a task that ran.
        r#"{"name":"metrics","reason":"CannotPullContainerError: denied: not authorized"}"#,
    ] {
        assert_eq!(verdict(&ran, &format!(r#"{{"name":"job","exitCode":0}},{beside}"#)), "Some(true)", "{beside}");
    }
    let slow = format!(r#"{ran}"stoppingAt":"2026-03-04T02:09:00Z","executionStoppedAt":"2026-03-04T02:09:31Z","#);
    assert_eq!(verdict(&slow, r#"{"name":"job","exitCode":0},{"name":"metrics","exitCode":137}"#), "Some(true)");
}

#[test]
fn a_fault_of_what_runs_beside_the_program_is_none_of_the_program() {
    let never = r#""stopCode":"TaskFailedToStart","stoppedReason":"Task failed to start","#;
    let pull = r#"{"name":"web"},{"name":"aws-guardduty-agent-T7","reason":"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x: not found"}"#;
    let got = verdict(never, pull);
    assert!(got.starts_with("task.image_pull.") && got.ends_with("configuration settings"), "{got}");
    let ran = format!("{STARTED}{EXITED}");
    let got = verdict(&ran, r#"{"name":"web","exitCode":143},{"name":"log_router","exitCode":1}"#);
    assert!(got.contains("exit=1 infrastructure"), "{got}");
    with_rows(&stopped(&ran, r#"{"name":"web","exitCode":143},{"name":"log_router","exitCode":1}"#), |_, _, failure| {
        assert_eq!(failure.and_then(|failure| failure.container.as_deref()), Some("log_router"));
    });
}

#[test]
fn the_unhealthy_container_failed_its_check() {
    let health = ended("ServiceSchedulerInitiated", "Task failed container health checks");
    let containers =
        r#"{"name":"cache","exitCode":1,"healthStatus":"UNKNOWN"},{"name":"web","exitCode":137,"healthStatus":"UNHEALTHY"}"#;
    with_rows(&stopped(&health, containers), |_, _, failure| {
        let failure = failure.unwrap();
        assert_eq!((failure.container.as_deref(), failure.exit_code), (Some("web"), Some(137)));
    });
}

#[test]
fn a_container_without_an_exit_code_did_not_exit() {
    let never = r#""stopCode":"TaskFailedToStart","stoppedReason":"Task failed to start","#;
    let containers = r#"{"name":"init","exitCode":0},{"name":"web","reason":"CannotStartContainerError: no such file"}"#;
    with_rows(&stopped(never, containers), |task, _, _| {
        assert_eq!((task.exit_code, task.exit_container.as_deref()), (Some(0), Some("init")));
        assert_eq!(task.container_reason.as_deref(), Some("CannotStartContainerError: no such file"));
    });
    // SDKs write 0 where a container still runs.
    let running = r#"{"name":"web","lastStatus":"RUNNING","exitCode":0}"#;
    with_rows(&stopped(never, running), |task, containers, _| {
        assert_eq!((task.exit_code, containers[0].exit_code), (None, None));
    });
}

#[test]
fn managed_agents_say_why_they_stopped() {
    let agent = r#"{"name":"web","exitCode":0,"managedAgents":[{"name":"ExecuteCommandAgent","lastStatus":"STOPPED",
        "reason":"Received Container Stopped event"}]}"#;
    with_rows(&stopped(&format!("{STARTED}{EXITED}"), agent), |task, containers, failure| {
        assert_eq!(containers[0].reason.as_deref(), Some("Received Container Stopped event"));
        assert!(failure.is_none() && task.expected == Some(true));
    });
}

#[test]
fn a_task_that_did_not_start_and_says_nothing_has_no_class() {
    let never = r#""stopCode":"TaskFailedToStart","stoppedReason":"Task failed to start","#;
    let got = verdict(never, r#"{"name":"web"}"#);
    assert!(got.ends_with("TaskFailedToStart ran=false exit=- - -"), "{got}");
}
