//! `ecs-audit repl`, charts, and the program without a command.

use crate::support::{TestEnv, project};
use std::io::Write;
use std::process::{Output, Stdio};

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

fn feed(env: &TestEnv, arguments: &[&str], input: &str) -> Output {
    let mut child =
        env.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn a_file_of_questions_is_answered_line_by_line() {
    let env = loaded();
    let script = "# what failed\nfailures by reason since 7d top 1\n\n\\format csv\n\\as-of 2026-03-04\nfailures by reason since 1d top 1\n\
                  \\set since=1d\n@lost top 1\n\\evidence on\nfailures where reason = AGENT limit 1 show reason\n\\sql select count(*) as n from calls\n\
                  \\explain last\n\\quit\nnever read\n";
    let output = feed(&env, &["repl"], script);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("reason  count\n─") && out.contains("AGENT      20"), "{out}");
    assert!(out.contains("reason,evidence\nAGENT,") && out.contains("n\n986\n") && out.contains("Failure\n"), "{out}");
    assert!(err.contains("1d before 2026-03-04T00:00:00Z") && !err.contains("never"), "{err}");
}

#[test]
fn mistakes_go_on_to_the_next_line_and_into_the_exit_code() {
    let env = loaded();
    let output = feed(
        &env,
        &["repl", "--quiet", "--format", "csv"],
        "failurs\n\\frmat csv\n\\as-of yesteryear\nfailures by category since 7d top 1\n",
    );
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2));
    assert!(out.starts_with("category,count\n"), "{out}");
    for part in ["did you mean `failures`?", "did you mean `format`?", "`yesteryear`: expected now, latest"] {
        assert!(err.contains(part), "{part}: {err}");
    }
}

#[test]
fn without_a_command_and_a_terminal_there_are_first_steps() {
    let env = TestEnv::new();
    let ran = env.run(&[]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("`ecs-audit load DIR`") && ran.err.contains("`ecs-audit --help`"), "{}", ran.err);
    let ran = env.run(&["repl"]);
    assert!(ran.code == 2 && ran.err.contains("there is no store"), "{}", ran.err);
}

#[test]
fn charts_are_drawn_in_eighty_columns_without_color() {
    let env = loaded();
    for (query, mark) in [
        ("failures by reason since 7d", "20  ████████"),
        ("failures by weekday(time), hour(time) since 7d", "Mon  "),
        ("failures every 1d since 7d", "2026-03-04T00:00:00Z  24  █"),
        ("failures by category every 1d since 7d", "trend"),
        ("quota where resource = fargate_vcpu by region show max(used)", "ap-northeast-1  8  █"),
    ] {
        let ran = env.run(&["query", "--chart", query, "--quiet"]).ok();
        assert!(ran.out.contains(mark), "{query}: {}", ran.out);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{query}: {}", ran.out);
        assert!(!ran.out.contains('\x1b'), "{query}");
    }
    env.run(&["query", "--chart", "failures by reason", "--out", "chart.txt"]).ok();
    assert!(std::fs::read_to_string(env.path("chart.txt")).unwrap().starts_with("count by reason\n"));
    let ran = env.run(&["query", "--chart", "failures"]);
    assert!(ran.code == 2 && ran.err.contains("a chart draws groups"), "{}", ran.err);
    assert_eq!(env.run(&["query", "--chart", "--format", "csv", "failures by reason"]).code, 2);
}

#[test]
fn words_sql_and_the_commands_of_the_program_work_at_the_prompt() {
    let env = loaded();
    let script = "help\nclear\nSELECT count(*) AS n FROM calls;\nselect count(*) as tasks from tasks\nselect count(*) as tasks from tasks\n\
                  \\timing on\nfailures by category since 7d top 1\nfailures by phase since 7d top 1\n\\timing off\n\
                  \\changes 77954849-eedf-47b8-ac98-415d8259b246\n\\check lost-launches --since 7d\n\\doctor\n\
                  \\report postmortem --since 7d --sections findings\nexit\nnever read\n";
    let output = feed(&env, &["repl"], script);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("n\n───\n986\n") && out.matches("tasks\n─────\n").count() == 2, "{out}");
    assert!(
        out.contains("Changes before failure 77954849") && out.contains("lost-launches\n") && out.contains("Contents\n"),
        "{out}"
    );
    assert!(env.path("postmortem/report.html").exists(), "{err}");
    assert!(err.contains("Anything else is a query") && err.matches("\ntime ").count() == 2, "{err}");
    let windows = err
        .lines()
        .filter(|line| line.starts_with("window") && (line.contains("7d before") || line.contains("7 days up to")))
        .count();
    // The check and the report have windows of their own.
    assert_eq!(windows, 3, "the window is printed only when it changes: {err}");
}

#[test]
fn commands_of_the_program_and_copied_lines_work_at_the_prompt() {
    let env = loaded();
    let script = "explain last\nshow d25e49b0\n$ ecs-audit query \"failures by kind top 1\"\necs-audit fields failures\n\
                  describe tasks\nfailures of checkout-web\nload exports\nq\nfailures by reason\n";
    let output = feed(&env, &["repl", "--quiet"], script);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{out}{err}");
    for part in ["Failure\n", "\"eventVersion\"", "kind  count\n", "missing_tasks", "stopped_reason"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(err.contains("did you mean `failures where service = checkout-web`?"), "{err}");
    assert!(err.contains("the prompt only reads the store: leave the prompt and load with `ecs-audit load exports`"), "{err}");
    assert!(!out.contains("reason  count"), "nothing is read after `q`: {out}");
}

#[test]
fn the_next_result_can_go_to_a_file_with_all_rows() {
    let env = loaded();
    let script =
        "\\o all.csv\ncalls show id\ncalls show id limit 1\n\\x\nfailures where kind = task show time, message limit 1\n";
    let output = feed(&env, &["repl", "--quiet"], script);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(std::fs::read_to_string(env.path("all.csv")).unwrap().lines().count(), 987);
    assert!(out.starts_with("id\n─") && out.contains("─[ 1 ]─") && out.contains("\ntime     2026-"), "{out}");
    let output = feed(&env, &["repl"], "\\o all.ndjson\ncalls show id\n");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("wrote 986 rows to all.ndjson"), "{err}");
}

#[test]
fn a_result_never_replaces_a_file_of_the_store() {
    let env = loaded();
    let manifest = std::fs::read(env.path(".ecs-audit/manifest.json")).unwrap();
    let output = feed(&env, &["repl"], "\\o .ecs-audit/manifest.json\nfailures limit 1\n");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("belongs to the store"), "{err}");
    assert_eq!(std::fs::read(env.path(".ecs-audit/manifest.json")).unwrap(), manifest);
}

#[test]
fn commands_have_their_short_formats_at_the_prompt() {
    let env = loaded();
    let output = feed(&env, &["repl", "--quiet"], "\\check lost-launches --since 7d --json\n");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.trim_start().starts_with('{') && out.contains("\"checks\""), "{out}{err}");
}

#[test]
fn wide_rows_can_be_one_below_the_other() {
    let env = loaded();
    let ran = env.run(&["query", "--expanded", "failures where kind = task limit 1", "--quiet"]).ok();
    assert!(ran.out.starts_with("─[ 1 ]─") && ran.out.contains("\nwhat     "), "{}", ran.out);
    let ran = env.run(&["query", "--expanded", "failures limit 1", "--format", "csv"]);
    assert!(ran.code == 2 && ran.err.contains("--expanded lays out tables, not csv"), "{}", ran.err);
    let ran = env.run(&["sql", "select count(*) as n from calls", "--out", "n.csv"]).ok();
    assert!(ran.err.contains("wrote 1 row to n.csv"), "{}", ran.err);
}

/// What the prompt shows when all lines are typed ahead.
#[cfg(target_os = "linux")]
fn typed(env: &TestEnv, input: &str) -> String {
    env.at_terminal("ecs-audit repl", 80, input)
}

/// How often a result with this header was printed.
#[cfg(target_os = "linux")]
fn results(shown: &str, header: &str) -> usize {
    // What shows progress is erased before the result.
    shown.lines().filter(|line| line.rsplit("\u{1b}[2K").next().map(str::trim_end) == Some(header)).count()
}

#[test]
#[cfg(target_os = "linux")]
fn a_paste_of_several_queries_runs_each() {
    let env = loaded();
    let shown = typed(&env, "\x1b[200~failures show reason limit 1\n\\x off\ntasks show task limit 1\x1b[201~\n\\quit\n");
    assert_eq!((results(&shown, "reason"), results(&shown, "task")), (1, 1), "{shown}");
}

#[test]
#[cfg(target_os = "linux")]
fn lines_that_are_typed_ahead_are_read() {
    let env = loaded();
    let shown =
        typed(&env, "\\x off\nfailures show reason limit 1\ntasks show task limit 1\n\\quit\nfailures show phase limit 1\n");
    assert_eq!((results(&shown, "reason"), results(&shown, "task"), results(&shown, "phase")), (1, 1, 0), "{shown}");
}
