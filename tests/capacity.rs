//! Checks the capacity facts planted in a corpus: the quota curve, refused calls and stalled deployments.

use crate::support::TestEnv;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

fn seconds(text: &str) -> f64 {
    text.parse::<Timestamp>().unwrap().as_microsecond() as f64 / 1e6
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1.0
}

/// The last part of an ARN.
fn short(arn: &Value) -> &str {
    arn.as_str().unwrap().rsplit('/').next().unwrap()
}

/// Compares a loaded corpus with its ground truth.
pub fn check(env: &TestEnv, truth: &Value) {
    check_quota(env, &truth["fargate_quota"]);
    check_stalls(env, &truth["deployments"]);
}

fn check_quota(env: &TestEnv, quota: &Value) {
    let pool = format!(
        "quota where resource = fargate_vcpu and account = {} and region = {}",
        text(quota, "account"),
        text(quota, "region")
    );
    let (peak, limit) = (quota["peak_vcpu"].as_f64().unwrap(), quota["quota_vcpu"].as_f64().unwrap());
    let output: f64 = env.query(&format!("{pool} show peak"))[0][0].parse().unwrap();
    assert_eq!(output, peak);
    let first = env.query(&format!("{pool} and used = {peak} show first(time)"));
    assert!(near(seconds(&first[0][0]), seconds(text(quota, "peak_first_reached_at"))), "{first:?}");

    // Without room for 4 vCPU: the replayed levels, merged where they are adjacent.
    let curve: Vec<Level> = env
        .query(&format!("{pool} show time, ended_at, used, refused sort time limit 1000000"))
        .iter()
        .map(|row| Level {
            from: seconds(&row[0]),
            to: if row[1].is_empty() { f64::INFINITY } else { seconds(&row[1]) },
            used: row[2].parse().unwrap(),
            refused: row[3].parse().unwrap(),
        })
        .collect();
    let mut output: Vec<(f64, f64)> = Vec::new();
    for level in curve.iter().filter(|level| level.used > limit - 4.0) {
        match output.last_mut() {
            Some((_, end)) if *end == level.from => *end = level.to,
            _ => output.push((level.from, level.to)),
        }
    }
    let planted = quota["intervals_without_room_for_4_vcpu"].as_array().unwrap();
    assert_eq!(output.len(), planted.len(), "{output:?} {planted:?}");
    for ((from, to), planted) in output.iter().zip(planted) {
        let edges = [&planted[0], &planted[1]].map(|edge| seconds(edge.as_str().unwrap()));
        assert!(near(*from, edges[0]) && near(*to, edges[1]), "{from} {to} {planted}");
    }
    let peaks = env.query(&format!("{pool} every 1h show peak | show max(peak)"));
    assert_eq!(peaks[0][0].parse::<f64>().unwrap(), peak, "no bucket hides the peak");

    let calls: BTreeSet<String> = env
        .query("failures where cause = quota-fargate-vcpu show call limit 1000000")
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    let denied = quota["denied_calls"].as_array().unwrap();
    assert_eq!(calls, denied.iter().map(|call| text(call, "event_id").to_owned()).collect());
    for call in denied {
        // Calls are recorded in whole seconds, and the tasks they placed are created a little later.
        let at = seconds(text(call, "time"));
        let level = |after: f64| curve.iter().find(|level| level.from <= at + after && at + after < level.to).unwrap();
        assert_eq!(level(0.5).used, call["in_use_vcpu"].as_f64().unwrap(), "{call}");
        let level = level(0.1);
        let asked = call["requested_vcpu"].as_f64().unwrap();
        assert!(level.refused >= asked && level.refused + call["in_use_vcpu"].as_f64().unwrap() > limit, "{level:?} {call}");
    }
}

#[derive(Debug)]
struct Level {
    from: f64,
    to: f64,
    used: f64,
    refused: f64,
}

fn check_stalls(env: &TestEnv, deployments: &Value) {
    let output = env.query(
        "stalls show deployment, container_instance, seconds_blocked, stopping_tasks, pending_tasks, joined, service limit 1000000",
    );
    let mut planted = 0;
    for deployment in deployments["list"].as_array().unwrap() {
        let own: Vec<_> = output.iter().filter(|row| row[0] == text(deployment, "deployment")).collect();
        if deployment["stalled"] == false {
            assert!(own.is_empty(), "a normal deployment is called stalled: {own:?}");
            continue;
        }
        for instance in deployment["instances"].as_array().unwrap() {
            planted += 1;
            let row = own.iter().find(|row| row[1] == short(&instance["container_instance"]));
            let row = row.unwrap_or_else(|| panic!("not found: {instance}"));
            let pending = instance["pending"].as_array().unwrap().iter().map(|span| seconds(span[0].as_str().unwrap()));
            let blocked = seconds(text(instance, "old_stopped_at")) - pending.fold(f64::INFINITY, f64::min);
            assert!(near(row[2].parse().unwrap(), blocked), "{row:?} {blocked}");
            for (cell, key) in [(3, "old_tasks"), (4, "new_tasks")] {
                let named: BTreeSet<&str> = row[cell].split(", ").collect();
                assert_eq!(named, instance[key].as_array().unwrap().iter().map(short).collect());
            }
            assert_eq!((row[5].as_str(), row[6].as_str()), ("0", short(&deployment["service"])));
        }
    }
    assert_eq!(output.len(), planted, "nothing else is called a stall: {output:?}");
    assert!(planted > 0);
}
