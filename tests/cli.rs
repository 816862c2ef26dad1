//! The real binary: formats, exit codes, streams, narrow terminals, broken pipes.

use crate::support::{TestEnv, project};
use std::io::Read;
use std::process::Stdio;

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

#[test]
fn the_three_commands_of_the_first_minute() {
    let env = TestEnv::new();
    let export = project().join("samples/exports");
    let ran = env.load(&[&export]).ok();
    assert!(ran.out.contains(" read = ") && ran.out.contains(" loaded + "), "{}", ran.out);
    let stored = env.run(&["query", "failures by reason since 7d"]).ok();
    let direct = env.run(&["query", "--from", export.to_str().unwrap(), "failures by reason since 7d"]).ok();
    assert_eq!(stored.out, direct.out);
    assert!(stored.out.contains("AGENT"), "{}", stored.out);
    assert!(
        stored.err.contains("window 2026-03-01T03:20:11Z …") && stored.err.contains("7d before newest event"),
        "{}",
        stored.err
    );
}

#[test]
fn every_format_and_its_file() {
    let env = loaded();
    let query = "failures by reason, cluster since 7d";
    for (format, mark) in [
        ("table", "reason"),
        ("csv", "reason,cluster,count\n"),
        ("json", "\"rows\""),
        ("ndjson", "{\"reason\":"),
        ("markdown", "| reason"),
        ("html", "<!doctype html>"),
    ] {
        let ran = env.run(&["query", query, "--format", format]).ok();
        assert!(ran.out.to_lowercase().contains(mark), "{format}: {}", ran.out);
        let again = env.run(&["query", query, "--format", format]).ok();
        assert_eq!(ran.out, again.out, "{format} is the same twice");
    }
    env.run(&["query", query, "--out", "answer.parquet"]).ok();
    assert_eq!(&std::fs::read(env.path("answer.parquet")).unwrap()[..4], b"PAR1");
    env.run(&["query", query, "--out", "answer.csv"]).ok();
    let csv = env.run(&["query", query, "--format", "csv"]).ok().out;
    assert_eq!(std::fs::read_to_string(env.path("answer.csv")).unwrap(), csv);
}

#[test]
fn threads_and_zone_do_not_change_the_rows() {
    let env = loaded();
    for query in [
        "failures by reason, family every 1d since 7d",
        "tasks show task, duration, start_latency sort task limit 500",
        "failures since 7d",
    ] {
        let one = env.run(&["query", query, "--format", "csv", "--threads", "1"]).ok();
        let many = env.run(&["query", query, "--format", "csv", "--threads", "7"]).ok();
        assert_eq!(one.out, many.out, "{query}");
    }
    let tokyo = env.run(&["query", "failures by reason every 1d since 7d", "--format", "csv", "--tz", "Asia/Tokyo"]).ok();
    assert!(tokyo.out.contains("+09:00"), "{}", tokyo.out);
}

#[test]
fn errors_show_the_place_and_what_works() {
    let env = loaded();
    let ran = env.run(&["query", "failurs by reason since 7d"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.out, "");
    assert!(
        ran.err.contains("error: unknown noun `failurs`\n  | failurs by reason since 7d\n  | ^^^^^^^ did you mean `failures`?"),
        "{}",
        ran.err
    );
    let ran = env.run(&["query", "failures where message matches '(' since 7d"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains('^'), "{}", ran.err);
    let ran = env.run(&["query", "failures", "--format", "xml"]);
    assert_eq!(ran.code, 2);
    let ran = env.run(&["sql", "drop table failures"]);
    assert_eq!(ran.code, 2);
    let ran = env.run(&["query", "--store", "elsewhere", "failures"]);
    assert!(ran.err.contains("there is no store at `elsewhere`"), "{}", ran.err);
    assert!(!env.path("elsewhere").exists(), "asking makes no store");
}

#[test]
fn an_empty_result_explains_itself() {
    let env = loaded();
    let ran = env.run(&["query", "failures where reason = AGNET since 7d"]).ok();
    assert!(ran.err.contains("no rows") && ran.err.contains("AGENT ("), "{}", ran.err);
}

#[test]
fn narrow_terminals_and_broken_pipes() {
    let env = loaded();
    let mut command = env.command();
    command.args(["query", "failures since 7d"]).env("COLUMNS", "20");
    assert!(command.output().unwrap().status.success());
    let mut child = env
        .command()
        .args(["query", "calls limit 900", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0u8; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn evidence_leads_to_the_original_record() {
    let env = loaded();
    let ran = env.run(&["query", "failures where kind = launch by reason since 7d", "--evidence", "--format", "json"]).ok();
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let row = &answer["rows"][0];
    let evidence = row["evidence"].as_array().unwrap();
    assert!(!evidence.is_empty());
    let shown = env.run(&["show", evidence[0].as_str().unwrap()]).ok();
    assert!(shown.out.contains("\"eventSource\"") && shown.out.contains("RunTask"), "{}", shown.out);
    assert!(shown.out.contains("samples/exports") || shown.err.contains("samples/exports"), "{}\n{}", shown.out, shown.err);
    let ran = env.run(&["show", "no-such-id"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn explain_shows_what_is_pushed_down() {
    let env = loaded();
    let ran = env.run(&["query", "calls where event_name = RunTask by user since 7d", "--explain"]).ok();
    let scan = ran.out.lines().find(|line| line.contains("DataSourceExec")).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(scan.contains("predicate=") && scan.contains("time@"), "{scan}");
    assert!(!scan.contains("raw"), "only the columns asked for are read: {scan}");
    assert!(ran.out.contains("calls where event_name = RunTask since 7d by user"), "{}", ran.out);
}

/// Help texts without an example, among those of a command and of everything below it.
fn without_example(env: &TestEnv, command: &[&str], seen: &mut usize) -> Vec<String> {
    let help = env.run(&[command, &["--help"]].concat()).ok().out;
    *seen += 1;
    let mut lacking = Vec::new();
    if !help.contains("Example") {
        lacking.push(command.join(" "));
    }
    let below = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    // Long descriptions go on in lines that are indented further.
    let words = below.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    for word in words.filter(|word| *word != "help") {
        lacking.extend(without_example(env, &[command, &[word]].concat(), seen));
    }
    lacking
}

#[test]
fn every_command_has_help_with_an_example() {
    let mut seen = 0;
    assert_eq!(without_example(&TestEnv::new(), &[], &mut seen), [""; 0]);
    assert!(seen > 25, "{seen}");
}

#[test]
fn fields_and_sql() {
    let env = loaded();
    let fields = env.run(&["fields", "failures"]).ok();
    assert!(fields.out.contains("container_instance") && fields.out.contains("missing"), "{}", fields.out);
    let nouns = env.run(&["fields"]).ok();
    assert!(nouns.out.contains("agent_disconnects"), "{}", nouns.out);
    assert_eq!(env.run(&["fields", "failurs"]).code, 2);
    let by_language = env.query("calls by event_name");
    let by_sql = env.sql("select event_name, count(*) as n from calls group by event_name order by n desc, event_name");
    assert_eq!(by_language, by_sql);
}

#[test]
fn sql_lists_its_tables_in_one_order_and_says_what_its_failures_are() {
    let env = loaded();
    let tables: Vec<String> = (0..5).map(|_| env.run(&["sql", "show tables"]).ok().out).collect();
    assert!(tables[0].contains("failures") && tables.iter().all(|list| *list == tables[0]), "{tables:?}");
    let ran = env.run(&["sql", "select count(*) as n from failures"]).ok();
    assert!(ran.err.contains("note: the table `failures` has each record of a failure"), "{}", ran.err);
    let ran = env.run(&["sql", "select count(*) as n from calls"]).ok();
    assert!(!ran.err.contains("note:"), "{}", ran.err);
}

#[test]
fn times_in_words_need_no_quotes() {
    let env = loaded();
    for (words, since) in [
        (&["7", "days"][..], "(7d before newest event)"),
        (&["2", "days", "ago"], "(2d before newest event)"),
        (&["2026-03-04", "05:00"], "2026-03-04T05:00:00Z"),
    ] {
        let ran = env.run(&[&["check", "lost-launches", "--since"][..], words].concat());
        assert!(ran.code < 2 && ran.err.contains(since), "{words:?}: {}", ran.err);
    }
}

#[test]
fn an_input_without_records_is_named_as_the_reason() {
    let env = TestEnv::new();
    env.write("notes.txt", "hello");
    let ran = env.run(&["query", "failures", "--from", "notes.txt"]);
    assert!(ran.err.contains("no records were read at all"), "{}", ran.err);
    let ran = env.run(&["fields", "exit_code"]);
    assert!(ran.code == 2 && ran.err.contains("`exit_code` is a field, not a noun"), "{}", ran.err);
    let ran = env.run(&["fields", "failures.reason"]);
    assert!(ran.code == 2 && ran.err.contains("`ecs-audit fields failures` lists all fields"), "{}", ran.err);
}

/// The newest 50 rows are for a terminal: files, pipes and programs get all of them.
#[test]
fn only_a_terminal_gets_the_newest_rows_alone() {
    let env = loaded();
    let calls: usize = env.query("calls show count")[0][0].parse().unwrap();
    assert!(calls > 500);
    assert_eq!(env.query("calls").len(), calls);
    let ran = env.run(&["query", "calls since 30d", "--out", "calls.csv"]).ok();
    let rows = csv::Reader::from_path(env.path("calls.csv")).unwrap().into_records().count();
    assert_eq!(rows, calls);
    assert!(ran.err.contains(&format!("wrote {calls} rows to calls.csv")), "{}", ran.err);
    assert!(env.run(&["query", "calls"]).ok().out.lines().count() > calls, "a table that goes into a pipe is whole, too");
    assert_eq!(env.query("calls limit 3").len(), 3);
    env.write("questions", "calls");
    let mut command = env.command();
    command.args(["repl", "--format", "ndjson"]).stdin(std::fs::File::open(env.path("questions")).unwrap());
    assert_eq!(String::from_utf8(command.output().unwrap().stdout).unwrap().lines().count(), calls);
}

#[test]
#[cfg(target_os = "linux")]
fn messages_and_lists_fit_the_terminal() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    for columns in [60, 80] {
        for line in [
            "failures stopped",
            "failures limit 1",
            "schedules limit 1",
            "check",
            "check stopped-tasks",
            "check --list",
            "queries",
            "queries lost",
            "catalog list pull",
            "config",
            "fields failures",
            "store",
            "store verify",
            "load missing",
        ] {
            let shown = env.at_terminal(&format!("ecs-audit {line}"), columns, "");
            // Progress is drawn over itself.
            let lines = shown.lines().map(|line| line.trim_end().rsplit(['\r', '\u{1b}']).next().unwrap());
            let lines = lines.map(|line| line.strip_prefix("[2K").unwrap_or(line));
            for shown in lines.filter(|line| !line.starts_with("  | ")) {
                let width = ecs_audit::render::width_of(shown);
                assert!(width <= columns, "{line} at {columns}: {width}\n{shown}");
            }
        }
    }
}

#[test]
fn a_record_is_found_by_what_explain_and_timeline_accept() {
    let env = loaded();
    let task = "42b98325d5f2d7ab2dc135f614aaf617";
    for name in ["42b9", task] {
        let ran = env.run(&["show", name]).ok();
        assert!(ran.out.contains(task), "{}", ran.out);
        assert!(ran.err.contains(&format!("the newest record of task {task}")), "{}", ran.err);
    }
    let ran = env.run(&["show", "search"]);
    assert!(ran.code == 2 && ran.err.contains("`search` is a service, not a record; `ecs-audit timeline search`"), "{}", ran.err);
}
