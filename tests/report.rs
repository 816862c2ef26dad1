//! Reports: the same bytes from the same store, every number found again, nothing hostile, nothing overwritten.
//!
//! `tests/report/samples.md` was read line by line against `samples/README.md`; after a change that is meant,
//! `ECS_AUDIT_BLESS=1 cargo test --test integration report` writes it anew: read the difference.

use crate::support::{Ran, TestEnv, project};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

/// The samples with a report about all of them.
static DESK: LazyLock<TestEnv> = LazyLock::new(|| {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let quotas = project().join("samples/quotas.json");
    env.run(&["report", "--since", "7d", "--out", "full", "--quiet", "--threads", "1", "--quotas", quotas.to_str().unwrap()])
        .ok();
    env
});

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

fn text(env: &TestEnv, name: &str) -> String {
    std::fs::read_to_string(env.path(name)).unwrap()
}

fn cells(csv: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A small report, for tests that are not about what it tells.
fn small(env: &TestEnv, out: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["report", "--out", out, "--quiet", "--sections", "failures-by-reason,quarantine"];
    arguments.extend(more);
    env.run(&arguments)
}

#[test]
fn the_report_of_the_samples_is_the_golden_text() {
    let printed = text(&DESK, "full/report.md");
    let catalog: serde_json::Value = serde_json::from_str(&text(&DESK, "full/manifest.json")).unwrap();
    // The version of the catalog changes with every entry.
    let printed = printed.replace(catalog["catalog"].as_str().unwrap(), "[catalog]");
    let path = project().join("tests/report/samples.md");
    if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = kept.lines().zip(printed.lines()).find(|(kept, printed)| kept != printed);
    assert!(kept == printed, "{differ:?}");
}

#[test]
fn what_the_samples_plant_is_found() {
    let summary = cells(&files(&DESK.path("full"))["summary.csv"]);
    let fact = |name: &str| summary.iter().find(|row| row[0] == name).unwrap()[2].clone();
    assert_eq!((fact("failures"), fact("consequences"), fact("unexplained")), ("106".into(), "5".into(), "0".into()));
    let lost = cells(&files(&DESK.path("full"))["lost-launches.csv"]);
    let reason = lost[0].iter().position(|name| name == "reason").unwrap();
    assert_eq!(lost.iter().filter(|row| row[reason] == "AGENT").count(), 14);
    let page = text(&DESK, "full/report.html");
    assert!(page.contains("<strong>Fargate vCPU needed at the peak</strong>"));
    assert!(page.contains("cart (2); longest 40m 5s; no instance joined in the meantime"));
    assert!(page.contains("peak usage 8, at most 4 refused at a time; the limit is 8, short by 4"));
}

#[test]
fn the_page_shows_what_matters_of_wide_tables_and_the_files_have_the_rest() {
    let page = text(&DESK, "full/report.html");
    let section = |id: &str| page.split_once(&format!("<section id=\"{id}\"")).unwrap().1.split_once("</section>").unwrap().0;
    let stalls = section("stalls");
    assert!(stalls.contains(">arithmetic</th>") && !stalls.contains(">avoided by</th>"), "{stalls}");
    // A cell with a long text has a minimum width.
    assert!(stalls.contains("<td class=\"w\">0 running + 2048 stopping"), "{stalls}");
    let csv = cells(&files(&DESK.path("full"))["stalls.csv"]);
    assert!(["deployment", "joined", "avoided_by"].iter().all(|name| csv[0].iter().any(|column| column == name)), "{csv:?}");
    // The data of the chart per hour has no column per cause: seven causes would be wider than the page.
    let hours = page.split_once("<figure id=\"chart-by-hour\"").unwrap().1.split_once("</figure>").unwrap().0;
    assert_eq!(hours.matches("<th scope=\"col\"").count(), 3, "{hours}");
    assert!(hours.contains("CannotPullContainerError (4), all other causes (1)</td>"), "{hours}");
    // The two actions that are shown first do not say the same.
    for incident in page.split("<article id=\"incident-").skip(1) {
        let first = incident.split_once("<details>").unwrap().0;
        assert!(first.matches("with backoff").count() <= 1, "{first}");
    }
    // A section whose rows are only in its file has no empty table.
    let failures = section("failures");
    assert!(failures.contains("111 rows, in <a href=\"failures.csv\">") && !failures.contains("<table"), "{failures}");
}

#[test]
fn commands_in_advice_are_code_and_missing_hours_have_a_place() {
    let page = text(&DESK, "full/report.html");
    assert!(page.contains("(<code>ecs-audit show 148c7771-9c44-4077-969a-09225da3ef50</code>)"));
    let gaps = cells(&files(&DESK.path("full"))["gaps.csv"]);
    let hours: u32 = gaps.iter().skip(1).map(|row| row[4].parse::<u32>().unwrap()).sum();
    assert!(gaps.iter().skip(1).all(|row| row[0] == "222233334444" && row[1] == "us-east-1"), "{gaps:?}");
    let missing = format!("{hours} of 168 hours without CloudTrail records in 222233334444&#x2f;us-east-1: ");
    assert!(page.contains(&missing), "{missing}");
}

#[test]
fn threads_and_zone_of_the_machine_change_no_byte() {
    let quotas = project().join("samples/quotas.json");
    let mut command = DESK.command();
    command.env("TZ", "Asia/Tokyo").args(["report", "--since", "7d", "--out", "again", "--quiet", "--threads", "2"]);
    assert!(command.arg("--quotas").arg(quotas).status().unwrap().success());
    let (one, other) = (files(&DESK.path("full")), files(&DESK.path("again")));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{name} differs");
    }
}

#[test]
fn the_manifest_has_the_hash_of_every_file_and_queries_that_run() {
    let manifest: serde_json::Value = serde_json::from_str(&text(&DESK, "full/manifest.json")).unwrap();
    let files = files(&DESK.path("full"));
    let entries = manifest["files"].as_array().unwrap();
    assert_eq!(entries.len() + 1, files.len());
    for entry in entries {
        let bytes = &files[entry["file"].as_str().unwrap()];
        assert_eq!(entry["blake3"].as_str().unwrap(), blake3::hash(bytes).to_hex().to_string());
        assert_eq!(entry["bytes"].as_u64().unwrap(), bytes.len() as u64);
    }
    let by_reason =
        manifest["sections"].as_array().unwrap().iter().find(|section| section["section"] == "failures-by-reason").unwrap();
    let query = by_reason["queries"][0].as_str().unwrap();
    let asked = DESK.run(&["query", query, "--format", "csv", "--quiet"]).ok().out;
    assert_eq!(asked.as_bytes(), files["failures-by-reason.csv"]);
    assert_eq!(DESK.run(&["query", "--canonical", query]).ok().out.trim(), query);
}

#[test]
fn every_record_named_as_evidence_is_in_the_store() {
    let evidence = cells(&files(&DESK.path("full"))["evidence.csv"]);
    // Where a number counts every record of a source, its query is named.
    let (by_query, by_record): (Vec<_>, Vec<_>) = evidence.iter().skip(1).partition(|row| row[2].is_empty());
    let known = ["coverage.csv", "coverage-calls.csv", "loads.csv"];
    assert!(by_query.iter().all(|row| known.contains(&row[0].as_str()) && row[3].contains(" by ")), "{by_query:?}");
    assert!(by_query.len() > 5);
    let named: BTreeSet<&String> = by_record.iter().map(|row| &row[2]).collect();
    assert!(named.len() > 500, "{}", named.len());
    let ids = "select id from calls union select id from task_events union select id from instance_events union select id \
               from service_events union select id from run_records union select id from run_events union select id from \
               job_submissions union select record from failures union select id from failures union select id from files union \
               select id from flows";
    let known: BTreeSet<String> = DESK.sql(ids).into_iter().map(|row| row[0].clone()).collect();
    let lost: Vec<_> = named.iter().filter(|id| !known.contains(**id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn the_evidence_of_a_number_is_complete() {
    let files = files(&DESK.path("full"));
    let summary = cells(&files["summary.csv"]);
    let row = summary.iter().position(|row| row[0] == "attempts").unwrap();
    let count: usize = summary[row][2].parse().unwrap();
    assert!(count > 100, "{count}");
    let evidence = cells(&files["evidence.csv"]);
    let behind = evidence.iter().filter(|line| line[0] == "summary.csv" && line[1] == row.to_string());
    // One call is one attempt.
    assert_eq!(behind.map(|line| &line[2]).collect::<BTreeSet<_>>().len(), count);
}

#[test]
fn changes_are_ranked_and_rejected_packets_are_listed() {
    let files = files(&DESK.path("full"));
    let changes = cells(&files["changes-before.csv"]);
    let at = |name: &str| changes[0].iter().position(|column| column == name).unwrap();
    let first = &changes[1];
    assert_eq!((&*first[at("failures")], &*first[at("cluster")], &*first[at("before")]), ("5", "checkout", "463"));
    assert!(first[at("change")].starts_with("RevokeSecurityGroupIngress sg-0c9d8e7f6a5b41320"), "{first:?}");
    assert!(first[at("shares")].contains("sg-0f1e2d3c4b5a69788"), "{first:?}");
    // The same call is the first that `changes` names.
    let network = cells(&files["network.csv"]);
    let id = network[0].iter().position(|column| column == "id").unwrap();
    let printed = DESK.run(&["changes", &network[1][id], "--format", "json"]).ok().out;
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["found"]["changes"][0]["record"], first[at("id")], "{printed}");
    assert_eq!(network.len(), 1 + 5, "samples: five time-outs after the rule was removed");
    assert!(network.iter().skip(1).all(|row| row[1] == "checkout" && row[6] == "10.20.9.14" && row[7] == "443"), "{network:?}");
}

#[test]
fn verify_names_the_number_that_was_changed() {
    small(&DESK, "tampered", &[]).ok();
    let printed = DESK.run(&["report", "verify", "tampered", "--quiet"]).ok().out;
    assert!(printed.contains("files match the store"), "{printed}");
    let path = DESK.path("tampered/failures-by-reason.csv");
    let changed = std::fs::read_to_string(&path).unwrap().replace("AGENT,launch,20,", "AGENT,launch,2,");
    std::fs::write(&path, changed).unwrap();
    let ran = DESK.run(&["report", "verify", "tampered"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out, "failures-by-reason.csv: row 1, column count: was 2, is 20\n");
    let path = DESK.path("tampered/evidence.csv");
    let evidence = std::fs::read_to_string(&path).unwrap();
    let gone = evidence.lines().nth(7).unwrap();
    std::fs::write(&path, evidence.replace(&format!("{gone}\n"), "")).unwrap();
    let ran = DESK.run(&["report", "verify", "tampered", "--quiet"]);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("evidence.csv")).count(), 1, "{}", ran.out);
    assert!(ran.out.contains(&format!("evidence.csv: row 7: was missing, is {gone}\n")), "{}", ran.out);
    std::fs::remove_file(&path).unwrap();
    let ran = DESK.run(&["report", "verify", "tampered", "--quiet"]);
    assert!(ran.out.contains("evidence.csv: the file: was missing, is part of this report"), "{}", ran.out);
    let ran = DESK.run(&["report", "verify", "full"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("pass the same --quotas"), "{}", ran.err);
    let ran = DESK.run(&["report", "verify", "."]);
    assert!(ran.code == 2 && ran.err.contains("is not an ecs-audit report"), "{}", ran.err);
}

#[test]
fn a_folder_that_is_not_a_report_is_never_overwritten() {
    let env = &*DESK;
    env.write("notes/mine.txt", "keep");
    let ran = small(env, "notes", &[]);
    assert!(ran.code == 2 && ran.err.contains("contains files and is not a report"), "{}", ran.err);
    assert_eq!(text(env, "notes/mine.txt"), "keep");
    small(env, "twice", &[]).ok();
    small(env, "twice", &["--title", "Another"]).ok();
    assert!(text(env, "twice/report.md").starts_with("# Another\n"));
    env.write("twice/mine.txt", "keep");
    let ran = small(env, "twice", &[]);
    assert!(ran.code == 2 && ran.err.contains("contains `mine.txt`, which is not part of the report"), "{}", ran.err);
    assert_eq!(text(env, "twice/mine.txt"), "keep");
}

#[test]
fn sections_windows_and_questions_of_ones_own() {
    let env = &*DESK;
    small(env, "own", &["--around", "2026-03-04T05:30Z", "--within", "30m", "--query", "Clusters=failures by cluster"]).ok();
    let names: Vec<String> = files(&env.path("own")).into_keys().collect();
    let expected = [
        "evidence.csv",
        "failures-by-reason.csv",
        "manifest.json",
        "own-1.csv",
        "quarantine.csv",
        "report.html",
        "report.md",
        "summary.csv",
    ];
    assert_eq!(names, expected);
    let printed = text(env, "own/report.md");
    assert!(printed.contains("## Clusters"), "{printed}");
    assert!(printed.contains("failures between 2026-03-04T05:00Z and 2026-03-04T06:00Z by cluster"), "{printed}");
    assert_eq!(text(env, "own/quarantine.csv"), "why,file,count\n");
    assert!(printed.contains("- Quarantine: Nothing is quarantined."), "{printed}");
    let ran = small(env, "wrong", &["--sections", "quarantin"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `quarantine`?"), "{}", ran.err);
    let ran = small(env, "wrong", &["--since", "7x"]);
    assert!(ran.code == 2 && ran.err.contains("failures since 7x"), "{}", ran.err);
    let ran = small(env, "wrong", &["--query", "Mine=failurs"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `failures`?"), "{}", ran.err);
    assert!(!env.path("wrong").exists());
}

#[test]
fn hostile_records_are_only_text() {
    let env = TestEnv::new();
    let hostile = "=HYPERLINK(\"http://evil\")<script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[2J\u{202e}gnp.exe|`**_${{7*7}}{{7*7}}";
    let event = |id: &str, service: &str, message: &str| {
        serde_json::json!({
            "version": "0", "id": id, "detail-type": "ECS Service Action", "source": "aws.ecs", "account": "111122223333",
            "time": "2026-03-04T10:00:00Z", "region": "eu-west-1",
            "resources": [format!("arn:aws:ecs:eu-west-1:111122223333:service/c/{service}")],
            "detail": {"eventType": "ERROR", "eventName": message, "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c",
                "createdAt": "2026-03-04T10:00:00Z", "reason": message}
        })
        .to_string()
    };
    let lines = [event("a1", hostile, "SERVICE_TASK_PLACEMENT_FAILURE"), event("a2", "=1+1", hostile), event("a3", "+2", "@x")];
    let path = env.write("events.ndjson", lines.join("\n"));
    env.load(&[&path]).ok();
    env.run(&["report", "--out", "page", "--title", hostile, "--query", "x<b>=failures by service, message", "--quiet"]).ok();
    for (name, bytes) in files(&env.path("page")) {
        let printed = String::from_utf8(bytes).unwrap();
        assert!(!printed.contains('\u{1b}') && !printed.contains('\u{202e}'), "{name}");
        if name == "report.html" {
            // The only script is the one of the page, which the policy names.
            assert!(printed.matches("<script").count() == 1 && !printed.contains("<img") && !printed.contains("<b>"), "{name}");
            assert!(printed.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"), "{name}");
            // A template in a record is not run.
            assert!(printed.contains("{{7*7}}") && !printed.contains("{49}"), "{name}");
        }
        if name == "report.md" {
            assert!(!printed.lines().any(|line| line.contains("<script") && !line.contains('`')), "{name}");
        }
        if name.ends_with(".csv") {
            for cell in cells(printed.as_bytes()).concat() {
                let formula = cell.starts_with(['=', '+', '@', '\t', '\r']);
                let negative = cell.starts_with('-') && cell.parse::<f64>().is_ok();
                assert!(!formula && (negative || !cell.starts_with('-')), "{name}: {cell}");
            }
        }
    }
}

#[test]
fn a_store_without_failures_has_a_report_that_says_so() {
    let env = TestEnv::new();
    let record = serde_json::json!({"Records": [{
        "eventVersion": "1.11", "eventID": "0aa0aa00-0000-4000-8000-000000000001", "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": "ecs.amazonaws.com", "eventName": "ListClusters", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "readOnly": true, "userIdentity": {"type": "AWSService"}
    }]});
    let path = env.write("trail.json", record.to_string());
    env.load(&[&path]).ok();
    env.run(&["report", "--out", "quiet", "--quiet"]).ok();
    let printed = text(&env, "quiet/report.md");
    // Without task events, 0 failures are not a finding.
    for label in ["incidents", "failures"] {
        let line = format!("- {label}: not known (no ECS events or dstack runs are loaded)");
        assert!(printed.contains(&line), "{printed}");
    }
    assert!(printed.contains("No failure is recorded in the window"), "{printed}");
    assert!(printed.contains("No events in the window"), "{printed}");
    assert_eq!(cells(&files(&env.path("quiet"))["failures.csv"]).len(), 1);
    let nothing = TestEnv::new();
    nothing.write("empty.json", "{\"Records\":[]}");
    nothing.load(&[&nothing.path("empty.json")]);
    let ran = nothing.run(&["report", "--out", "x"]);
    assert!(ran.code == 2 && ran.err.contains("nothing to report"), "{}", ran.err);
}

#[test]
fn a_failure_that_began_before_the_first_record_is_an_incident_of_the_report() {
    let env = TestEnv::new();
    let task = serde_json::json!({"tasks": [{
        "taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/web/0f0e0d0c0b0a09080706050403020100",
        "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/web", "group": "service:cart", "lastStatus": "STOPPED",
        "createdAt": "2026-06-10T08:00:00Z", "stoppingAt": "2026-06-10T08:10:00Z", "stoppedAt": "2026-06-10T08:10:30Z",
        "launchType": "FARGATE", "stopCode": "TaskFailedToStart",
        "stoppedReason": "CannotPullContainerError: pull access denied for example/cart, repository does not exist",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/cart:3", "containers": []
    }], "failures": []});
    let path = env.write("tasks.json", task.to_string());
    env.load(&[&path]).ok();
    env.run(&["report", "--out", "whole", "--quiet"]).ok();
    let printed = text(&env, "whole/report.md");
    assert!(printed.contains("**1** incidents") && printed.contains("2026-06-10T08:00:00Z …"), "{printed}");
}

/// Everything in the store that names an account, a resource, an address, a person or a machine.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let tables = [
        "calls",
        "task_events",
        "instance_events",
        "service_events",
        "run_records",
        "run_events",
        "job_submissions",
        "failures",
        "flows",
    ];
    let of_names = ["account", "user", "actor", "access_key", "issued_key", "issued_session", "source_ip", "private_ip"];
    let forms = [
        r#"arn:aws[^"\\ ]+"#,
        r"\b111122223333\b",
        r"\b222233334444\b",
        r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b",
        r"\bip-\d+-\d+-\d+-\d+[a-z0-9.-]*",
        r#"(?:userName|username|hostname|privateDnsName|accessKeyId|principalId)\\?"\s*:\s*\\?"([^"\\]+)"#,
    ]
    .map(|form| regex::Regex::new(form).unwrap());
    for table in tables {
        let printed = DESK.run(&["sql", &format!("select * from {table}"), "--format", "ndjson", "--quiet"]).ok().out;
        for line in printed.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            for (column, value) in row.as_object().unwrap() {
                let Some(value) = value.as_str() else { continue };
                let is_name = of_names.contains(&column.as_str()) || column.ends_with("_arn");
                if is_name || (table == "job_submissions" && column == "instance") {
                    names.insert(value.to_owned());
                }
                for form in &forms {
                    let found = form.captures_iter(value).map(|found| found.get(1).or(found.get(0)).unwrap().as_str().to_owned());
                    names.extend(found);
                }
            }
        }
    }
    // AWS itself is nobody, and so is everybody.
    names.retain(|name| !name.ends_with(".amazonaws.com") && !["0.0.0.0", "AWS Internal", "root"].contains(&name.as_str()));
    names
}

/// Every value of a Parquet file, as text.
fn values(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut text = String::new();
    for batch in reader {
        let batch = batch.unwrap();
        for column in batch.columns() {
            for row in 0..batch.num_rows() {
                text.push_str(&arrow::util::display::array_value_to_string(column, row).unwrap());
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn nothing_that_names_somebody_is_left_after_redaction() {
    let env = &*DESK;
    let names = names();
    assert!(names.len() > 1000, "{}", names.len());
    let sections = "findings,failures,failures-by-service,changes-before,network,lost-launches,missed-schedules,incidents,stalls,\
                    agent-windows,coverage,coverage-calls,gaps,loads,collisions,quota";
    let own = "Mine=calls where account = 111122223333 by user, source_ip, user_arn, raw.userIdentity.principalId";
    let arguments = ["report", "--since", "7d", "--out", "red", "--redact", "--sections", sections, "--query", own, "--quiet"];
    env.run(&arguments).ok();
    let mut outputs = files(&env.path("red"));
    let query = "calls show user, user_arn, account, source_ip, issued_key, issued_session, raw.requestParameters, \
                 raw.userIdentity limit 5000";
    let printed = env.run(&["query", query, "--redact", "--format", "csv", "--quiet"]).ok().out;
    assert!(printed.contains("account-") && printed.contains("user-"), "{printed}");
    outputs.insert("query".to_owned(), printed.into_bytes());
    for format in ["table", "json", "ndjson", "markdown", "html", "parquet"] {
        let out = format!("redacted.{format}");
        let query = "calls show user, user_arn, account, source_ip, raw.requestParameters limit 500";
        env.run(&["query", query, "--redact", "--evidence", "--format", format, "--out", &out, "--quiet"]).ok();
        let bytes = std::fs::read(env.path(&out)).unwrap();
        outputs.insert(out.clone(), if format == "parquet" { values(&env.path(&out)).into_bytes() } else { bytes });
    }
    assert!(outputs["redacted.parquet"].windows(8).any(|bytes| bytes == b"account-"));
    let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    for (file, bytes) in &outputs {
        let printed = String::from_utf8_lossy(bytes);
        for name in &names {
            // The family `root` and words like it are not distinguished from the name of a person by their letters.
            let alone = printed.match_indices(name.as_str()).find(|(at, _)| {
                !is_word(printed[..*at].chars().next_back()) && !is_word(printed[at + name.len()..].chars().next())
            });
            assert!(alone.is_none(), "{file} names {name}: {}", &printed[alone.unwrap().0.saturating_sub(60)..][..120]);
        }
    }
    // The same store and key give the same pseudonyms, also when it is computed again.
    small(env, "red-small", &["--since", "7d", "--redact", "--query", own]).ok();
    assert_eq!(files(&env.path("red-small"))["own-1.csv"], outputs["own-1.csv"]);
    let verified = env.run(&["report", "verify", "red-small", "--quiet"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    let key = std::fs::read_to_string(env.path(".ecs-audit/redaction.key")).unwrap();
    assert!(outputs.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(key.trim())));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(env.path(".ecs-audit/redaction.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// A number of what nobody recorded is not zero.
#[test]
fn what_the_records_cannot_show_is_not_known() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/fargate-quota/ecs-events")]).ok();
    let ran = env.run(&["report", "--since", "7d", "--out", "events"]).ok();
    let lost = "launches lost (never placed, no successful retry): unknown (no CloudTrail calls are loaded)";
    assert!(ran.err.contains(lost), "{}", ran.err);
    let summary = cells(&files(&env.path("events"))["summary.csv"]);
    let value = |fact: &str| summary.iter().find(|row| row[0] == fact).map(|row| row[2].as_str());
    for fact in ["lost_launches", "missed_starts", "attempts", "gaps"] {
        assert_eq!(value(fact), Some("unknown: no CloudTrail calls are loaded"), "{fact}");
    }
    assert!(value("failures").is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 0)), "{summary:?}");
    assert_eq!(value("quarantined"), Some("0"), "that nothing is quarantined is known");
    let (page, markdown) = (text(&env, "events/report.html"), text(&env, "events/report.md"));
    assert!(page.contains("<dd>not known</dd>") && markdown.contains("launches lost: not known"), "{markdown}");
    for (section, sentence) in [("Lost launches", "Unknown: no CloudTrail calls are loaded."), ("Gaps", "Unknown")] {
        assert!(markdown.contains(&format!("{section}: {sentence}")), "{markdown}");
    }
}

/// One damaged file of the store costs the sections that read it, and they say so.
#[test]
fn a_section_that_fails_is_shown_as_failed_and_the_others_are_there() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let days = std::fs::read_dir(env.path(".ecs-audit/tables/flows")).unwrap().flatten().map(|entry| entry.path());
    let files = days.filter(|day| day.is_dir()).flat_map(|day| std::fs::read_dir(day).unwrap().flatten().map(|file| file.path()));
    let damaged: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "parquet")).collect();
    assert!(!damaged.is_empty());
    for file in damaged {
        let size = std::fs::metadata(&file).unwrap().len() as usize;
        std::fs::write(&file, vec![b'x'; size]).unwrap();
    }
    let ran = env.run(&["report", "--since", "7d", "--out", "damaged"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("error: Rejected packets: "), "{}", ran.err);
    let markdown = text(&env, "damaged/report.md");
    assert!(markdown.contains("## Not computed") && markdown.contains("## Lost launches"), "{markdown}");
    let page = text(&env, "damaged/report.html");
    assert!(page.contains("<h2 id=\"h-failed\">Not computed</h2>") && page.contains("<strong>Rejected packets:</strong>"));
    let built = files_of(&env, "damaged");
    assert!(built.contains("lost-launches.csv") && !built.contains("network.csv"), "{built:?}");
}

fn files_of(env: &TestEnv, folder: &str) -> BTreeSet<String> {
    files(&env.path(folder)).into_keys().collect()
}
