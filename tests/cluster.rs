//! Queries on executors, which are processes of their own: the same bytes as on one machine, whatever happens to them.

use crate::support::{Ran, TestEnv, project};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// An executor on a free port, until it is dropped.
struct Executor {
    process: Child,
    address: String,
}

impl Executor {
    fn start(env: &TestEnv) -> Executor {
        let mut command = env.command();
        command.args(["cluster", "executor", "--listen", "127.0.0.1:0", "--quiet", "--threads", "1"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Executor { process, address: address.trim().to_owned() }
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder with the samples in its store.
fn samples() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

/// The questions of the examples of the grammar.
fn questions() -> Vec<String> {
    let files = std::fs::read_dir(project().join("grammar/valid")).unwrap();
    let mut paths: Vec<_> =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "q")).collect();
    paths.sort();
    let question = |path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    paths.into_iter().map(question).collect()
}

fn on(env: &TestEnv, executors: &[&Executor], arguments: &[&str]) -> Ran {
    let addresses: Vec<&str> = executors.iter().map(|executor| executor.address.as_str()).collect();
    env.run(&[&["query", "--cluster", &addresses.join(",")], arguments].concat())
}

#[test]
fn two_executors_give_the_bytes_of_one_machine() {
    let env = samples();
    let (first, second) = (Executor::start(&env), Executor::start(&env));
    let mut compared = 0;
    // A window that ends now is in the answer.
    for question in questions().into_iter().filter(|question| !question.contains("until now")) {
        let arguments = ["--quiet", "--format", "json", "--evidence", question.as_str()];
        let here = env.run(&[&["query"], arguments.as_slice()].concat());
        let there = on(&env, &[&first, &second], &arguments);
        assert_eq!(there.code, here.code, "{question}\n{}\n{}", here.err, there.err);
        assert_eq!(there.out, here.out, "{question}");
        assert_eq!(there.err, here.err, "{question}");
        compared += usize::from(here.code == 0 && here.out.len() > 2);
    }
    assert!(compared >= 80, "questions with an answer: {compared}");
}

#[test]
fn statements_run_on_executors() {
    let env = samples();
    let (first, second) = (Executor::start(&env), Executor::start(&env));
    let cluster = format!("{},{}", first.address, second.address);
    for statement in [
        "select reason, count(*) from failures group by 1 order by 2 desc, 1",
        "select id from calls order by id limit 7",
        "select count(*) from (select id from task_events limit 5)",
        "select count(distinct c.id) from calls c join failures f on f.call = c.id",
        "select count(*) from calls where time > (select avg(time::bigint)::bigint::timestamp from failures)",
        "select region, max(time) from calls group by 1 union all select region, min(time) from failures group by 1 order by 1, 2",
        "select * from quota order by time, id",
    ] {
        let here = env.run(&["sql", "--quiet", "--format", "csv", statement]);
        let there = env.run(&["sql", "--cluster", &cluster, "--quiet", "--format", "csv", statement]);
        assert_eq!((there.out, there.err, there.code), (here.out, here.err, here.code), "{statement}");
    }
}

#[test]
fn a_lost_executor_is_not_needed() {
    let env = samples();
    let (first, mut second) = (Executor::start(&env), Executor::start(&env));
    let question = ["--format", "csv", "launches"];
    let expected = env.run(&["query", "--format", "csv", "launches"]).ok();
    second.kill();
    let ran = on(&env, &[&first, &second], &question).ok();
    assert_eq!(ran.out, expected.out);
    let note = format!("note: executor {}/ does not answer", second.address);
    assert!(ran.err.contains(&note) && ran.err.contains("the query runs on"), "{}", ran.err);
    drop(first);
    let ran = on(&env, &[&second], &question);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`ecs-audit cluster executor --listen 127.0.0.1:50051` starts one"), "{}", ran.err);
}

#[test]
fn a_plan_shows_what_runs_on_executors() {
    let env = samples();
    let (first, second) = (Executor::start(&env), Executor::start(&env));
    let plan = |question: &str| on(&env, &[&first, &second], &["--explain", question]).ok().out;
    let quota = plan("quota");
    assert!(quota.contains("ClusterExec: executors=[http://127.0.0.1:"), "{quota}");
    assert!(quota.contains("QuotaStepsExec") && quota.contains("partitioned_by=[account@"), "{quota}");
    assert!(quota.contains("NetworkShuffleExec"), "{quota}");
    // No tables are read: the answer is known from the plan.
    let nothing = plan("failures where reason = a and reason = b");
    assert!(!nothing.contains("ClusterExec"), "{nothing}");
}

#[test]
fn an_executor_stays_on_this_machine_unless_asked() {
    let env = TestEnv::new();
    let refused = env.run(&["cluster", "executor", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("can read all files") && refused.err.contains("--allow-remote"), "{}", refused.err);
}
