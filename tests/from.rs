//! Questions about an export keep only the columns that they read, and still have the answers of a store.

use crate::support::{Ran, TestEnv};
use std::process::Stdio;

/// A call; two calls have the same id and different contents.
fn call(id: &str, name: &str, second: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ada"}},"eventTime":"2026-03-04T02:00:{second:02}Z","eventSource":"ecs.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","eventID":"{id}","recipientAccountId":"111122223333","errorCode":"AccessDenied","errorMessage":"User: ada is not authorized to perform: ecs:{name}"}}"#
    )
}

/// An export in which a record has the id of another one, in both orders: whichever is kept, one of the two is read first.
fn export(env: &TestEnv) -> Vec<String> {
    let texts = [
        [call("one", "ListTasks", 1), call("two", "ListClusters", 2)].join("\n"),
        [call("one", "DeleteCluster", 1), call("three", "ListClusters", 3)].join("\n"),
        [call("four", "DeleteCluster", 4), call("five", "ListServices", 5)].join("\n"),
        [call("four", "ListTasks", 4), call("six", "ListServices", 6)].join("\n"),
    ];
    for (number, text) in texts.iter().enumerate() {
        env.write(&format!("export/{number}.ndjson"), text);
    }
    texts.into()
}

/// Questions that read ids, by which conflicts are settled, or not even the table of the conflict.
const QUESTIONS: &[&str] = &["calls by event_name", "failures by event_name", "quarantine by why", "calls show id, event_name"];

fn ask(env: &TestEnv, question: &str, from: &[&str]) -> Ran {
    env.run(&[&["query", question, "--format", "csv", "--threads", "1", "--quiet"][..], from].concat())
}

#[test]
fn conflicting_records_are_settled_although_nobody_asks_for_ids() {
    let env = TestEnv::new();
    export(&env);
    let loaded = env.run(&["load", "export", "--threads", "1"]);
    assert_eq!(loaded.code, 3, "{}", loaded.err);
    for question in QUESTIONS {
        let stored = ask(&env, question, &[]).ok().out;
        let direct = ask(&env, question, &["--from", "export"]);
        assert_eq!(direct.code, 3, "two records are quarantined: {}", direct.err);
        assert_eq!(direct.out, stored, "{question}");
    }
    assert_eq!(ask(&env, "quarantine by why", &[]).ok().out, "why,count\nconflicting_id,2\n");
}

#[test]
fn conflicts_in_a_pipe_are_settled_in_one_reading() {
    let env = TestEnv::new();
    let text = export(&env).join("\n");
    let one = env.write("one/all.ndjson", text);
    env.run(&["load", "one", "--threads", "1"]);
    for question in QUESTIONS {
        let mut command = env.command();
        command.args(["query", question, "--format", "csv", "--threads", "1", "--quiet", "--from", "-"]);
        let piped = command.stdin(Stdio::from(std::fs::File::open(&one).unwrap())).output().unwrap();
        assert_eq!(piped.status.code(), Some(3), "{}", String::from_utf8_lossy(&piped.stderr));
        assert_eq!(String::from_utf8_lossy(&piped.stdout), ask(&env, question, &[]).ok().out, "{question}");
    }
}

/// Standard error without the note about records that could not be loaded, which only an export has.
fn notes(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.contains("could not be loaded")).collect()
}

#[test]
fn notes_after_an_empty_answer_read_what_they_need() {
    let env = TestEnv::new();
    export(&env);
    env.run(&["load", "export", "--threads", "1"]);
    for question in [
        "calls where event_name = ListTask show time",
        "calls where event_name = ListTasks and region = eu-west-1 by account",
        "failures where event_name = user by region",
        "stalls",
        "schedules",
    ] {
        let [stored, direct] =
            [&[][..], &["--from", "export"]].map(|from| env.run(&[&["query", question, "--threads", "1"][..], from].concat()));
        assert_eq!((notes(&direct.err), direct.out), (notes(&stored.err), stored.out), "{question}");
    }
}

#[test]
fn statements_keep_what_they_read() {
    let env = TestEnv::new();
    export(&env);
    env.run(&["load", "export", "--threads", "1"]);
    for statement in [
        "select count(*) as calls from calls",
        "select event_name, count(*) as calls from calls where region = 'us-east-1' group by event_name order by event_name",
        "select * from failures order by id",
        "select id, raw from calls order by id",
        "select c.id, f.message from calls c join failures f on f.call = c.id order by c.id",
        "select kind, count(*) as failures from patterns group by kind",
        "select 1 as one",
    ] {
        let [stored, direct] = [&[][..], &["--from", "export"]]
            .map(|from| env.run(&[&["sql", statement, "--format", "csv", "--threads", "1", "--quiet"][..], from].concat()));
        assert_eq!((&direct.out, notes(&direct.err)), (&stored.out, notes(&stored.err)), "{statement}");
        assert!(!stored.out.is_empty(), "{statement}");
    }
}
