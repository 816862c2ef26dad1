//! Rows of tables as programs export them, times in every form, and responses within something else.

use crate::support::TestEnv;
use serde_json::{Value, json};

/// The codes and details of what is in quarantine.
fn quarantined(env: &TestEnv) -> Vec<(String, String)> {
    let rows = env.sql("select why, detail from quarantine order by why, detail");
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

#[test]
fn times_in_every_form_and_those_that_cannot_be_read() {
    let env = TestEnv::new();
    let times = [
        json!("2026-03-04 03:10:00+0100"),
        json!("2026-03-04 02:10:00.000000000"),
        json!("1772590200"),
        json!("1772590200000"),
        json!(1_772_590_200_000_000_u64),
        json!(1_772_590_200_000_000_000_u64),
        json!("Wed, 04 Mar 2026 02:10:00 +0000"),
        json!("4 March, after lunch"),
        Value::Null,
    ];
    let lines = times.iter().enumerate().map(|(number, time)| {
        json!({"eventVersion": "1.11", "eventID": format!("c{number}"), "eventTime": time, "eventSource": "ecs.amazonaws.com", "eventName": "StopTask"})
            .to_string()
    });
    env.load(&[&env.write("calls.ndjson", lines.collect::<Vec<_>>().join("\n"))]);
    assert_eq!(env.sql("select count(*), min(time) = max(time) from calls"), [["7", "true"]]);
    assert_eq!(env.query("calls show time limit 1"), [["2026-03-04T02:10:00Z"]]);
    let quarantined = quarantined(&env);
    let [(missing, _), (unreadable, detail)] = &quarantined[..] else { panic!("{quarantined:?}") };
    assert_eq!((missing.as_str(), unreadable.as_str()), ("missing_time", "unreadable_time"));
    assert!(detail.contains("4 March, after lunch") && detail.contains("expected a time such as"), "{detail}");
}
