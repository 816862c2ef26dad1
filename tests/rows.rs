//! Rows of tables as programs export them, times in every form, and responses within something else.

use crate::support::TestEnv;
use serde_json::{Value, json};

const HEAD: &str = "eventID,eventTime,eventSource,eventName,awsRegion,recipientAccountId,userIdentity,requestParameters\n";

fn line(id: &str, time: &str, parameters: &str) -> String {
    let identity = "{'type': 'IAMUser', 'userName': 'kim', 'invokedBy': None}";
    format!("{id},{time},ecs.amazonaws.com,RunTask,eu-west-1,111122223333,\"{identity}\",\"{parameters}\"\n")
}

/// The codes and details of what is in quarantine.
fn quarantined(env: &TestEnv) -> Vec<(String, String)> {
    let rows = env.sql("select why, detail from quarantine order by why, detail");
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

#[test]
fn python_literals_in_cells_are_objects_or_the_row_is_quarantined() {
    let env = TestEnv::new();
    let time = "2026-03-04T02:10:00Z";
    let lines = [
        line("c1", time, "{'cluster': 'depot', 'count': 2, 'enableExecuteCommand': True, 'tags': [{'key': None}]}"),
        line("c2", time, "{'cluster': 'depot', 'at': datetime.datetime(2026, 3, 4)}"),
        line("c3", time, "{'cluster': 'dep"),
    ];
    let ran = env.load(&[&env.write("calls.csv", format!("{HEAD}{}", lines.concat()))]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert_eq!(env.sql("select id, \"cluster\" from calls"), [["c1", "depot"]]);
    let quarantined = quarantined(&env);
    assert_eq!(quarantined.len(), 2);
    for (why, detail) in quarantined {
        assert_eq!(why, "unreadable_cell");
        assert!(detail.contains("`requestParameters`") && detail.contains("json.dumps"), "{detail}");
    }
}

#[test]
fn tables_by_column_are_the_same_records() {
    let call = |number: u32| {
        json!({"eventID": format!("c{number}"), "eventTime": 1_772_590_200_000_u64 + u64::from(number), "eventSource": "ecs.amazonaws.com",
            "eventName": "StopTask", "awsRegion": "eu-west-1", "requestParameters": {"cluster": "depot", "task": format!("t{number}")}})
    };
    let calls = [call(1), call(2)];
    let keys: Vec<&String> = calls[0].as_object().unwrap().keys().collect();
    let by = |column: &dyn Fn(&str) -> Value| Value::from_iter(keys.iter().map(|key| ((*key).clone(), column(key)))).to_string();
    let tables = [
        json!(calls).to_string(),
        by(&|key| json!({"0": calls[0][key], "1": calls[1][key]})),
        by(&|key| json!([calls[0][key], calls[1][key]])),
        json!({"columns": keys, "index": [0, 1], "data": calls.iter().map(|call| keys.iter().map(|key| &call[*key]).collect()).collect::<Vec<Vec<_>>>()})
            .to_string(),
    ];
    for table in tables {
        let env = TestEnv::new();
        env.load(&[&env.write("table.json", &table)]).ok();
        let rows = env.sql("select id, \"cluster\", task from calls order by id");
        assert_eq!(rows, [["c1", "depot", "t1"], ["c2", "depot", "t2"]], "{table}");
    }
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

#[test]
fn only_a_response_by_itself_has_the_time_of_its_file() {
    let answer = json!({"tasks": [], "failures": [{"arn": "arn:aws:ecs:eu-west-1:111122223333:container-instance/depot/i1", "reason": "AGENT"}]});
    let texts = [
        (answer.to_string(), 1),
        (json!([answer]).to_string(), 1),
        (json!({"job": "x", "response": answer}).to_string(), 0),
        (json!({"log": answer.to_string(), "stream": "stdout"}).to_string(), 0),
        (format!("INFO start\n{{\"level\":\"info\"}}\nINFO got {answer}\n"), 0),
        // What is left of an object that is cut off.
        (format!("{{\"job\":\"x\",\"responses\":[\n{answer},\n{{\"log\":\"x"), 0),
    ];
    for (text, loaded) in texts {
        let env = TestEnv::new();
        env.load(&[&env.write("answer.json", &text)]);
        assert_eq!(env.sql("select count(*) from calls"), [[loaded.to_string()]], "{text}");
        let missing = quarantined(&env).iter().filter(|(why, _)| why == "missing_time").count();
        assert_eq!(missing, 1 - loaded, "{text}");
    }
}
