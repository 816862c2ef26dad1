use super::*;
use crate::decode::json::Tape;
use crate::table::{Failure, JobSubmission};

const RUN: &str = r#"{"id":"r1","project_name":"main","user":"admin","submitted_at":"2026-11-19T21:16:07.775779Z",
    "last_processed_at":"2026-11-19T21:23:21+00:00","status":"failed","termination_reason":"job_failed","cost":0.0036,
    "run_spec":{"run_name":"train","configuration":{"type":"task","schedule":null}},"jobs":[JOBS],"error":null}"#;

fn job(replica: usize, num: usize, submissions: &str) -> String {
    format!(
        r#"{{"job_spec":{{"job_name":"train-{num}-{replica}","replica_num":{replica},"job_num":{num},"image_name":"base"}},"job_submissions":[{submissions}]}}"#
    )
}

/// A submission that finished at minute `at`.
fn ended(id: &str, at: u32, reason: &str, message: &str, exit_status: &str) -> String {
    let status = if reason.starts_with("terminated") { "terminated" } else { "failed" };
    format!(
        r#"{{"id":"{id}","submission_num":0,"submitted_at":"2026-11-19T21:00:00Z","last_processed_at":"2026-11-19T21:{at}:00Z",
        "finished_at":"2026-11-19T21:{at}:00Z","status":"{status}","termination_reason":"{reason}",
        "termination_reason_message":{message},"exit_status":{exit_status},"job_provisioning_data":null}}"#
    )
}

fn with_run(jobs: &str, check: impl FnOnce(&RunRecord<'_>, Vec<&JobSubmission<'_>>, Vec<&Failure<'_>>)) {
    with_text(&RUN.replace("JOBS", jobs), check);
}

fn with_text(text: &str, check: impl FnOnce(&RunRecord<'_>, Vec<&JobSubmission<'_>>, Vec<&Failure<'_>>)) {
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    let Modeled::Record(record) = model_run(tape.root(), origin) else { panic!("a record") };
    let (mut run, mut submissions, mut failures) = (None, Vec::new(), Vec::new());
    for row in &record.rows {
        match row {
            Row::RunRecords(row) => run = Some(row),
            Row::JobSubmissions(row) => submissions.push(&**row),
            Row::Failures(row) => failures.push(&**row),
            _ => panic!("another row"),
        }
    }
    check(run.unwrap(), submissions, failures);
}

/// `code ran exit class category` of the only failure of a run with one submission.
fn verdict(reason: &str, message: &str, exit_status: &str) -> String {
    let mut found = "no failure".to_owned();
    with_run(&job(0, 0, &ended("s1", 20, reason, message, exit_status)), |_, submissions, failures| {
        let [failure] = failures.as_slice() else { return };
        let text = |field: &Name<'_>| field.as_deref().unwrap_or("-").to_owned();
        assert_eq!(failure.reason.as_deref(), Some(reason), "the reason stays as recorded");
        assert_eq!(submissions[0].phase, failure.phase);
        let ran = failure.ran.map_or_else(|| "-".to_owned(), |ran| ran.to_string());
        let exit = failure.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        found = format!("{} ran={ran} exit={exit} {} {}", text(&failure.code), text(&failure.class), text(&failure.category));
    });
    found
}

#[test]
fn the_exit_of_a_container_is_not_always_that_of_the_program() {
    let error = "container_exited_with_error";
    for (message, exit_status, want) in [
        (r#""""#, "1", "run.running.dstack-exited ran=true exit=1 application program"),
        (r#""""#, "127", "run.running.dstack-exited ran=true exit=127 configuration settings"),
        (r#""""#, "-1", "run.running.dstack-exited ran=true exit=-1 application program"),
        (r#""""#, "null", "run.container_start.dstack-never-started ran=false exit=- configuration settings"),
        (
            r#""Failed to set up the repo (not empty)""#,
            "null",
            "run.config_fetch.dstack-repo ran=false exit=- configuration settings",
        ),
        (
            r#""E: Unable to locate package""#,
            "null",
            "run.container_start.dstack-container-died ran=false exit=- configuration settings",
        ),
        (
            r#""unable to find user bob: no matching entries in passwd file""#,
            "null",
            "run.container_start.dstack-user ran=false exit=- configuration settings",
        ),
    ] {
        assert_eq!(verdict(error, message, exit_status), want);
    }
}

#[test]
fn reasons_and_messages() {
    for (reason, message, want) in [
        (
            "executor_error",
            r#""Failed to set job user (unknown user nonexistent)""#,
            "run.container_start.dstack-user ran=false exit=- configuration settings",
        ),
        (
            "creating_container_error",
            r#""pullImage error: manifest unknown""#,
            "run.image_pull.dstack-pull-not-found ran=false exit=- configuration settings",
        ),
        (
            "failed_to_start_due_to_no_capacity",
            "null",
            "run.capacity.dstack-no-capacity-unknown ran=false exit=- capacity launch",
        ),
        (
            "failed_to_start_due_to_no_capacity",
            r#""No matching fleet found. Possible reasons: x""#,
            "run.placement.dstack-no-fleets ran=false exit=- configuration launch",
        ),
        ("max_duration_exceeded", r#""Max duration exceeded""#, "run.running.dstack-max-duration ran=true exit=- operator -"),
        (
            "instance_unreachable",
            r#""Instance is unreachable""#,
            "run.host.dstack-instance-unreachable ran=true exit=- transient -",
        ),
        (
            "terminated_by_server",
            r#""Failed to interpolate secrets""#,
            "run.api.dstack-server-side ran=- exit=- infrastructure launch",
        ),
        ("a_reason_to_come", "null", "run ran=- exit=- - -"),
        ("terminated_by_user", "null", "no failure"),
    ] {
        assert_eq!(verdict(reason, message, "null"), want);
    }
}

#[test]
fn the_job_that_failed_first_is_to_blame() {
    let victim = job(0, 0, &ended("s1", 25, "terminated_by_server", "null", "null"));
    let late = job(0, 1, &ended("s2", 30, "container_exited_with_error", r#""""#, "2"));
    let earlier = ended("s0", 10, "failed_to_start_due_to_no_capacity", "null", "null");
    let culprit = job(0, 2, &format!("{earlier},{}", ended("s3", 24, "container_exited_with_error", r#""""#, "1")));
    with_run(&format!("{victim},{late},{culprit}"), |run, submissions, failures| {
        assert_eq!((run.jobs, run.submissions), (Some(3), Some(4)));
        assert_eq!(run.cause_reason.as_deref(), Some("container_exited_with_error"));
        assert_eq!(run.cause_exit_status, Some(1));
        assert_eq!(submissions[2].retry_event.as_deref(), Some("no-capacity"));
        let summary: Vec<_> = failures.iter().map(|failure| (failure.submission.as_deref(), failure.secondary)).collect();
        let want = [("s1", true), ("s2", false), ("s0", false), ("s3", false)];
        assert_eq!(summary, want.map(|(id, secondary)| (Some(id), Some(secondary))));
        assert_eq!(failures[0].id.as_deref(), run.id.as_deref());
        assert!(failures[1].id.as_deref().unwrap().ends_with("#2"));
        assert_eq!(failures[1].incident.as_deref(), Some("submission:s2"));
    });
}

#[test]
fn a_run_may_fail_without_a_job_to_blame() {
    let text = RUN.replace("JOBS", &job(0, 0, &ended("s1", 20, "terminated_by_server", "null", "null")));
    with_text(&text.replace("job_failed", "gateway_error"), |run, _, failures| {
        assert_eq!(run.cause_reason.as_deref(), Some("gateway_error"));
        let summary: Vec<_> = failures.iter().map(|failure| (failure.incident.as_deref(), failure.secondary)).collect();
        assert_eq!(summary, [(Some("run:r1"), Some(false)), (Some("submission:s1"), Some(true))]);
    });
    with_run("", |run, submissions, failures| {
        assert_eq!((run.jobs, submissions.len(), failures.len(), run.scheduled), (Some(0), 0, 0, Some(false)));
    });
}

#[test]
fn a_job_has_its_part_of_the_instance() {
    let machine = r#"{"id":"s1","submitted_at":"2026-11-19T21:00:00Z","status":"running","termination_reason":null,
        "job_provisioning_data":{"backend":"dstack","base_backend":"aws","region":"us-east-1","price":8.0,"instance_id":"i-1",
        "instance_type":{"name":"p4d","resources":{"cpus":96,"memory_mib":1000,"spot":true,"gpus":[{"name":"A100"},{"name":"A100"}]}}},
        "job_runtime_data":{"offer":{"blocks":1,"total_blocks":2,
        "instance":{"resources":{"cpus":48,"memory_mib":500,"gpus":[{"name":"A100"}],"spot":true}}}}}"#;
    with_run(&job(0, 0, machine), |_, submissions, failures| {
        let submission = submissions[0];
        assert_eq!((submission.vcpu, submission.memory_mib, submission.gpus), (Some(48), Some(500), Some(1)));
        assert_eq!((submission.backend.as_deref(), submission.spot), (Some("aws"), Some(true)));
        assert_eq!((submission.phase.as_deref(), failures.len()), (None, 0));
    });
}

#[test]
fn old_servers_say_it_in_other_words() {
    let text =
        r#"{"id":"s1","submitted_at":"2024-01-19T21:00:00Z","status":"FAILED","error_code":"CONTAINER_EXITED_WITH_ERROR"}"#;
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    let Modeled::Record(record) = model_submission(tape.root(), origin) else { panic!("a record") };
    let [Row::JobSubmissions(submission), Row::Failures(failure)] = record.rows.as_slice() else { panic!("two rows") };
    assert_eq!(submission.termination_reason.as_deref(), Some("container_exited_with_error"));
    assert_eq!((submission.status.as_deref(), submission.retry_event.as_deref()), (Some("failed"), Some("error")));
    assert_eq!((failure.phase.as_deref(), failure.ran), (Some("running"), Some(true)));
}

#[test]
fn a_row_of_the_database_names_its_run() {
    let text = r#"{"id":"s1","run_id":"r1","run_name":"train","job_name":"train-0-0","job_num":0,"submission_num":2,
        "submitted_at":"2026-11-19T21:13:26.845765","status":"FAILED","termination_reason":"FAILED_TO_START_DUE_TO_NO_CAPACITY"}"#;
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    let Modeled::Record(record) = model_submission(tape.root(), origin) else { panic!("a record") };
    let [Row::JobSubmissions(submission), Row::Failures(failure)] = record.rows.as_slice() else { panic!("two rows") };
    assert_eq!((submission.job.as_deref(), submission.run_id.as_deref()), (Some("train-0-0"), Some("r1")));
    assert_eq!((failure.run.as_deref(), failure.job.as_deref()), (Some("train"), Some("train-0-0")));
}

#[test]
fn events_of_the_server() {
    let states = |message: &str| {
        let text = format!(
            r#"{{"id":"e1","message":"{message}","recorded_at":"2026-11-19T21:12:40.891981Z","actor_user":"admin",
            "targets":[{{"type":"job","project_name":"main","id":"s1","name":"train-0-0"}}]}}"#
        );
        let tape = Tape::parse(&text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text: &text };
        let Modeled::Record(record) = model_run_event(tape.root(), origin) else { panic!("a record") };
        let Some(Row::RunEvents(event)) = record.rows.first() else { panic!("an event") };
        assert_eq!((event.target_id.as_deref(), event.project.as_deref()), (Some("s1"), Some("main")));
        [&event.from_status, &event.to_status, &event.reason].map(|field| field.as_deref().unwrap_or("-").to_owned()).join(" ")
    };
    assert_eq!(
        states("Job status changed PULLING -> TERMINATING. Termination reason: EXECUTOR_ERROR (a -> b)"),
        "pulling terminating executor_error"
    );
    assert_eq!(states("Run submitted. Status: SUBMITTED"), "- submitted -");
    assert_eq!(states("Instance created for job. Instance status: PENDING"), "- pending -");
    assert_eq!(states("Run deleted"), "- - -");
}

#[test]
fn an_event_alone_reports_a_failure() {
    let summary = |message: &str| {
        let text = format!(
            r#"{{"id":"e9","message":"{message}","recorded_at":"2026-11-19T21:13:36Z","actor_user":null,
                "targets":[{{"type":"job","project_name":"main","id":"s9","name":"sweep-2-1-0"}}]}}"#
        );
        let tape = Tape::parse(&text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text: &text };
        let Modeled::Record(record) = model_run_event(tape.root(), origin) else { panic!("a record") };
        record.rows.get(1).map(|row| {
            let Row::Failures(failure) = row else { panic!("a failure") };
            let fields = [&failure.kind, &failure.phase, &failure.reason, &failure.run, &failure.incident];
            (fields.map(|field| field.as_deref().unwrap_or("-")).join(" "), failure.ran)
        })
    };
    let (failure, ran) = summary("Job status changed PULLING -> TERMINATING. Termination reason: NEW_TROUBLE (odd)").unwrap();
    assert_eq!((failure.as_str(), ran), ("run image_pull new_trouble sweep-2 submission:s9", Some(false)));
    let (failure, ran) =
        summary("Job status changed RUNNING -> TERMINATING. Termination reason: CONTAINER_EXITED_WITH_ERROR").unwrap();
    assert_eq!((failure.as_str(), ran), ("run running container_exited_with_error sweep-2 submission:s9", Some(true)));
    for harmless in [
        "Job status changed RUNNING -> TERMINATING. Termination reason: DONE_BY_RUNNER",
        "Job status changed RUNNING -> TERMINATING. Termination reason: TERMINATED_BY_USER",
        "Job status changed TERMINATING -> FAILED",
        "Job created on run submission. Status: SUBMITTED",
    ] {
        assert_eq!(summary(harmless), None, "{harmless}");
    }
}

/// `code class` of the failures that an event reports, and the reason in its row.
fn of_event(target: &str, message: &str) -> String {
    let text = format!(
        r#"{{"id":"e1","recorded_at":"2026-03-01T08:00:00Z","message":"{message}",
        "targets":[{{"type":"{target}","id":"t1","name":"herbs","project_name":"garden"}}]}}"#
    );
    let tape = Tape::parse(&text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text: &text };
    let Modeled::Record(record) = model_run_event(tape.root(), origin) else { panic!("a record") };
    let mut found = Vec::new();
    for row in &record.rows {
        match row {
            Row::RunEvents(event) => found.push(event.reason.as_deref().unwrap_or("-").to_owned()),
            Row::Failures(failure) => {
                let text = |field: &Name<'_>| field.as_deref().unwrap_or("-").to_owned();
                found.push(format!("{} {} {}", text(&failure.code), text(&failure.class), text(&failure.event_name)));
            }
            _ => panic!("another row"),
        }
    }
    found.join(" | ")
}

#[test]
fn events_report_resources_that_failed() {
    for (target, message, want) in [
        (
            "volume",
            "Volume status changed SUBMITTED -> FAILED (PersistentVolumeClaim herbs not found)",
            "failed | resource.volume.dstack-volume-not-found configuration volume herbs",
        ),
        ("volume", "Volume status changed SUBMITTED -> ACTIVE", "-"),
        ("gateway", "Gateway status changed PROVISIONING -> FAILED", "failed | resource.network - gateway herbs"),
        (
            "instance",
            "Instance status changed PENDING -> TERMINATING. Termination reason: NO_OFFERS (All offers failed)",
            "no_offers | resource.capacity.dstack-host-no-offers capacity instance herbs",
        ),
        (
            "instance",
            "Instance status changed IDLE -> TERMINATING. Termination reason: IDLE_TIMEOUT (Instance idle for 3s)",
            "idle_timeout",
        ),
        ("instance", "Instance status changed TERMINATING -> TERMINATED", "-"),
        ("run", "Run status changed RUNNING -> FAILED", "-"),
    ] {
        assert_eq!(of_event(target, message), want, "{message}");
    }
}
