//! A corpus with planted truth, where the generator is beside the project: every total it states is the
//! answer to a query.

use crate::support::{TestEnv, project};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

type Counts = BTreeMap<String, i64>;

fn counts(value: &Value) -> Counts {
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_i64().unwrap())).collect()
}

fn answer(env: &TestEnv, query: &str) -> Counts {
    let rows = env.query(query);
    rows.into_iter()
        .map(|row| {
            let (count, keys) = row.split_last().unwrap();
            (keys.join(" "), count.parse().unwrap())
        })
        .collect()
}

/// The size and seed of the corpus may be set from outside.
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[test]
fn the_truth_of_a_corpus_is_reproduced() {
    let generator = project().join("../shared/tools/make_corpus.py");
    if !generator.is_file() {
        eprintln!("skipped: there is no corpus generator beside the project");
        return;
    }
    let env = TestEnv::new();
    let made = Command::new("python3")
        .arg(&generator)
        .args(["--size", &setting("CORPUS_SIZE", "12MiB"), "--seed", &setting("CORPUS_SEED", "11"), "--jobs", "1", "--out"])
        .arg(env.path("corpus"))
        .output()
        .unwrap();
    if !made.status.success() {
        eprintln!("skipped: the corpus generator does not run here: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    let truth: Value = serde_json::from_slice(&std::fs::read(env.path("corpus/truth.json")).unwrap()).unwrap();
    // The odd files are outside the totals; another store counts them.
    std::fs::create_dir(env.path("odd")).unwrap();
    for (index, odd) in truth["odd_files"].as_array().unwrap().iter().enumerate() {
        let path = odd["path"].as_str().unwrap();
        let kind = odd["kind"].as_str().unwrap();
        std::fs::rename(env.path("corpus/tree").join(path), env.path("odd").join(format!("{index}.{kind}"))).unwrap();
    }
    check_totals(&env, &truth);
    crate::capacity::check(&env, &truth);
    crate::incidents::check(&env, &truth);
    check_odd_files(&env);
}

fn check_totals(env: &TestEnv, truth: &Value) {
    env.load(&[&env.path("corpus/tree")]);
    let trail = &truth["cloudtrail"];
    let sums = env.sql("select sum(read), sum(loaded), sum(duplicate) from files where format = 'CloudTrail'");
    let want: Vec<String> =
        ["delivered_records", "unique_records", "duplicate_deliveries"].iter().map(|key| trail[key].to_string()).collect();
    assert_eq!(sums, [want]);
    assert_eq!(answer(env, "calls by event_source"), counts(&trail["unique_by_event_source"]));
    assert_eq!(
        answer(env, "calls where event_source = ecs.amazonaws.com by event_name"),
        counts(&trail["unique_ecs_by_event_name"])
    );

    let events = &truth["eventbridge"];
    assert_eq!(answer(env, "events by detail_type | where detail_type like ECS*"), counts(&events["by_detail_type"]));

    let resources = &truth["resource_failures"];
    let cluster = resources["cluster"].as_str().unwrap();
    assert_eq!(
        answer(env, &format!("failures where kind = launch and cluster = {cluster} by reason")),
        counts(&resources["failure_entries_by_reason"])
    );
    assert_eq!(
        answer(env, &format!("failures where kind = launch and cluster = {cluster} by reason show calls")),
        counts(&resources["calls_by_reason"])
    );
    assert_eq!(
        answer(env, &format!("failures where kind = api_error and cluster = {cluster} by reason")),
        counts(&resources["run_task_error_codes"])
    );
    let agents = &truth["agent_failures"];
    assert_eq!(
        answer(env, "failures where kind = launch and reason = AGENT by reason"),
        Counts::from([("AGENT".to_owned(), agents["failed_total"].as_i64().unwrap())])
    );
    check_launches(env, agents);
    let quota = &truth["fargate_quota"];
    let refused =
        env.query(&format!("failures where kind = launch and cluster = {} show count", quota["cluster"].as_str().unwrap()));
    assert_eq!(refused, [[quota["denied_total"].to_string()]]);

    let stops = &truth["stopped_tasks"];
    let cluster = stops["cluster"].as_str().unwrap();
    let mut codes = counts(&stops["by_stop_code"]);
    let without = codes.remove("(none)").unwrap_or(0);
    let mut shown = answer(env, &format!("tasks where last_status = STOPPED and cluster = {cluster} by stop_code"));
    assert_eq!(shown.remove("").unwrap_or(0), without);
    assert_eq!(shown, codes);
    let mut exits =
        answer(env, &format!("containers where name = app and task_status = STOPPED and cluster = {cluster} by exit_code"));
    let none = exits.remove("").unwrap_or(0);
    exits.insert("none".to_owned(), none);
    assert_eq!(exits, counts(&stops["by_app_container_exit_code"]));
    for (service, classes) in stops["by_service"].as_object().unwrap() {
        let want: i64 = counts(classes).values().sum();
        let shown =
            env.query(&format!("tasks where last_status = STOPPED and cluster = {cluster} and service = {service} show count"));
        assert_eq!(shown, [[want.to_string()]], "{service}");
    }
    // What was asked for is no failure; what the scenario calls a failure is one.
    let classes = counts(&stops["by_class"]);
    let of = |names: &[&str]| names.iter().map(|name| classes.get(*name).copied().unwrap_or(0)).sum::<i64>();
    let cause = |cause: &str| {
        env.query(&format!("failures where kind = task and cluster = {cluster} and cause = {cause} show count"))[0][0]
            .parse::<i64>()
            .unwrap()
    };
    assert_eq!(cause("pull-not-found"), of(&["image-not-found"]));
    assert_eq!(cause("ssm-permission"), of(&["init-secret-denied"]));
    assert_eq!(cause("oom"), of(&["oom"]));
    assert_eq!(cause("spot-interruption"), of(&["spot"]));
    assert_eq!(
        cause("essential-exited"),
        of(&["app-exit-nonzero", "sigkill-no-reason", "segfault", "command-not-found", "exit-255", "no-stopcode"])
    );
    let expected = env.query(&format!("tasks where last_status = STOPPED and cluster = {cluster} and expected show count"));
    let expected: i64 = expected[0][0].parse().unwrap();
    assert!(expected >= of(&["scale-in/deploy", "completed", "user-stop", "user-stop-custom"]), "{expected}");

    let runs = &truth["dstack"];
    assert_eq!(env.query("runs show distinct(run_id)"), [[runs["runs"].to_string()]]);
    let mut reasons = counts(&runs["latest_submission_by_termination_reason"]);
    let active = reasons.remove("None").unwrap_or(0);
    let mut shown = answer(env, "runs where latest by termination_reason");
    assert_eq!(shown.remove("").unwrap_or(0), active);
    assert_eq!(shown, reasons);
    let mut exits = answer(env, "runs where latest by exit_status");
    let none = exits.remove("").unwrap_or(0);
    exits.insert("None".to_owned(), none);
    assert_eq!(exits, counts(&runs["latest_submission_by_exit_status"]));
}

/// Each failure for AGENT met what was planted, and each scheduled run that met one was lost or healed as planted.
fn check_launches(env: &TestEnv, agents: &Value) {
    let failed = agents["failed_run_tasks"].as_array().unwrap();
    let id = |failure: &Value| failure["event_id"].as_str().unwrap().to_owned();
    let class = |failure: &Value| match failure["cause"].as_str().unwrap() {
        "agent-update" => "update".to_owned(),
        "agent-hang" => "outage".to_owned(),
        "reconnect" => "rotation".to_owned(),
        other => other.to_owned(),
    };
    let planted: BTreeMap<String, String> = failed.iter().map(|failure| (id(failure), class(failure))).collect();
    let pairs = |query: &str| -> BTreeMap<String, String> {
        env.query(query).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    };
    assert_eq!(pairs("collisions show call, class limit 1000000"), planted);

    // The first attempt of the scheduled run that an attempt belongs to.
    let by_id: BTreeMap<String, &Value> = failed.iter().map(|failure| (id(failure), failure)).collect();
    let first = |failure: &Value| {
        let mut failure = failure;
        while let Some(before) = failure["retry_of"].as_str() {
            failure = by_id[before];
        }
        id(failure)
    };
    let retried: Vec<&str> = failed.iter().filter_map(|failure| failure["retry_of"].as_str()).collect();
    let ends: Vec<&Value> = failed.iter().filter(|failure| !retried.contains(&id(failure).as_str())).collect();
    let clusters: Vec<&str> = agents["clusters"].as_object().unwrap().keys().map(String::as_str).collect();
    let clusters = clusters.join(", ");
    let healed: BTreeMap<String, String> =
        ends.iter().filter_map(|end| Some((first(end), end["recovered_by"].as_str()?.to_owned()))).collect();
    let lost: BTreeMap<String, String> =
        ends.iter().filter(|end| end["recovered_by"].is_null()).map(|end| (first(end), String::new())).collect();
    assert_eq!(ends.len() as i64, agents["scheduled_runs_hit"].as_i64().unwrap());
    let launches = |outcome: &str| {
        pairs(&format!("launches where cluster in ({clusters}) and outcome = {outcome} show id, healed_by limit 1000000"))
    };
    assert_eq!(launches("healed"), healed);
    assert_eq!(launches("lost"), lost);
    let sums = [agents["scheduled_runs_lost"].to_string(), agents["scheduled_runs_recovered_by_retry"].to_string()];
    assert_eq!(env.query("collisions show lost, healed"), std::slice::from_ref(&sums));
    // Every quarter of an hour is called, so what is missed is what was lost.
    let slots = env.query(&format!("schedules where cluster in ({clusters}) show missed, healed, late"));
    assert_eq!(slots, [[sums[0].clone(), sums[1].clone(), "0".to_owned()]]);
    assert_eq!(env.query("schedules where why contains record show count"), [["0".to_owned()]]);
}

/// The number of whole records in what can be decompressed of a log file.
fn complete_records(path: &Path) -> usize {
    let mut bytes = Vec::new();
    // The error is that of the cut end.
    let _ = GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let mut rest = text.strip_prefix("{\"Records\":[").unwrap();
    let mut records = 0;
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(_)) = values.next() else { return records };
        records += 1;
        rest = &rest[values.byte_offset()..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// What each kind of odd file must be counted as: loaded, and what is filtered or quarantined and why.
fn check_odd_files(env: &TestEnv) {
    let ran = env.run(&["load", "odd", "--store", "odd-store"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let ask = |statement: &str| env.run(&["sql", statement, "--store", "odd-store", "--format", "csv", "-q"]).ok().cells();
    assert_eq!(ask("select count(*) from files where read <> loaded + duplicate + filtered + quarantined")[1], ["0"]);
    let files = ask("select file, loaded, filtered, quarantined, coalesce(why, '') from files order by file");
    let whys: BTreeMap<String, String> = ask("select file, why from quarantine order by file")
        .into_iter()
        .skip(1)
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let mut seen = 0;
    for row in files.iter().skip(1) {
        let kind = row[0].split_once('.').unwrap().1;
        let quarantined = whys.get(&row[0]).map_or("", String::as_str);
        let want = match kind {
            // Some are cut off within their first record.
            "truncated-gzip" if complete_records(&env.path(&row[0])) == 0 => ("0", "0", "truncated_gzip", ""),
            "truncated-gzip" => ("some", "0", "truncated_gzip", ""),
            "truncated-json-in-good-gzip" => ("some", "0", "truncated", ""),
            "non-utf8-bytes-in-one-string" => ("some", "0", "invalid_utf8", ""),
            "ndjson-with-one-bad-line" => ("some", "0", "broken_json", ""),
            "empty-0-bytes" | "gzip-of-nothing" => ("0", "0", "", "empty"),
            "no-records" => ("0", "0", "", ""),
            "digest" => ("0", "1", "", "digest"),
            "junk" => ("0", "1", "", "not_a_log"),
            _ => ("some", "0", "", ""),
        };
        let loaded = if row[1] == "0" { "0" } else { "some" };
        assert_eq!((loaded, row[2].as_str(), quarantined, row[4].as_str()), want, "{kind}: {row:?}");
        seen += 1;
    }
    assert!(seen > 10);
}
