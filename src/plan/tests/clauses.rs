//! Tests every clause of the language on a dozen failures.

use datafusion::prelude::SessionContext;

use super::fixture::{ANCHOR, ask, at, checked, checked_in, lines, options, tables, try_ask, wait};
use crate::answer::ColumnKind;
use crate::run::{self, RunError};
use crate::table::{Failure, Row};

fn failure(id: &'static str, time: &str, reason: &'static str, cluster: &'static str) -> Failure<'static> {
    Failure {
        id: Some(id.into()),
        time: Some(at(time)),
        kind: Some("launch".into()),
        reason: (!reason.is_empty()).then(|| reason.into()),
        cluster: Some(cluster.into()),
        account: Some("111122223333".into()),
        region: Some("us-east-1".into()),
        call: Some(id.split('#').next().unwrap_or(id).into()),
        record: Some(id.split('#').next().unwrap_or(id).into()),
        missing_tasks: Some(2),
        ..Failure::default()
    }
}

fn rows() -> Vec<Row<'static>> {
    let mut failures = vec![
        failure("a#1", "01:05:00", "AGENT", "blue"),
        failure("a#2", "01:05:00", "AGENT", "blue"),
        failure("b", "01:50:00", "RESOURCE:CPU", "blue"),
        failure("c", "03:10:00", "AGENT", "green"),
        failure("d", "05:00:00", "", "green"),
        failure("e", "2026-03-01T05:00:00Z", "agent_x", "green"),
    ];
    for (index, failure) in failures.iter_mut().enumerate() {
        failure.exit_code = [Some(1), Some(137), None, Some(1), Some(2), None][index];
        failure.message = Some(format!("it took {} s: 100%_\\", index * 10).into());
    }
    failures.into_iter().map(Row::from).collect()
}

fn session() -> SessionContext {
    tables(rows(), 3)
}

#[test]
fn groups_are_counted_and_ordered() {
    let session = session();
    assert_eq!(ask(&session, "failures by reason since 1d"), ["AGENT|3", "RESOURCE:CPU|1", ".|1"]);
    assert_eq!(ask(&session, "failures by reason, cluster top 2"), ["AGENT|blue|2", "AGENT|green|1"]);
    assert_eq!(ask(&session, "failures by cluster, reason top 1 per cluster"), ["blue|AGENT|2", "green|AGENT|1"]);
    assert_eq!(ask(&session, "failures by reason bottom 1"), ["RESOURCE:CPU|1"]);
    assert_eq!(ask(&session, "failures show count, distinct(call)"), ["6|5"]);
    assert_eq!(ask(&session, "failures by cluster show calls, missing"), ["green|3|6", "blue|2|6"]);
}

#[test]
fn groups_by_time_have_the_order_of_time() {
    let session = session();
    assert_eq!(ask(&session, "failures by hour(time)"), ["1|3", "3|1", "5|2"]);
    assert_eq!(
        ask(&session, "failures by cluster, date(time)"),
        ["green|2026-03-01|1", "blue|2026-03-04|3", "green|2026-03-04|2"]
    );
    assert_eq!(ask(&session, "failures by hour(time) top 2"), ["1|3", "5|2"]);
    assert_eq!(ask(&session, "failures by hour(time) sort -count, hour_time"), ["1|3", "5|2", "3|1"]);
    assert_eq!(ask(&session, "failures by time limit 1"), ["2026-03-01T05:00:00Z|1"]);
}

#[test]
fn what_failed_is_the_most_specific_name() {
    let named = |id, change: fn(&mut Failure<'static>)| {
        let mut row = failure(id, "01:05:00", "AGENT", "blue");
        change(&mut row);
        Row::from(row)
    };
    let rows = vec![
        named("a", |row| (row.service, row.family) = (Some("web".into()), Some("web-task".into()))),
        named("b", |row| (row.family, row.event_name) = (Some("nightly".into()), Some("RunTask".into()))),
        named("c", |row| (row.run, row.job) = (Some("train".into()), Some("train-0-0".into()))),
        named("d", |row| row.event_name = Some("StopTask".into())),
        named("e", |row| row.container_instance = Some("0f1e".into())),
        named("f", |_| ()),
    ];
    let session = tables(rows, 2);
    assert_eq!(ask(&session, "failures show id, what sort id"), ["a|web", "b|nightly", "c|train", "d|StopTask", "e|0f1e", "f|."]);
    assert_eq!(ask(&session, "failures where what = nightly show id"), ["b"]);
}

#[test]
fn conditions_have_two_truth_values() {
    let session = session();
    let count = |condition: &str| ask(&session, &format!("failures where {condition} show count")).join("");
    for (condition, expected) in [
        ("reason = AGENT", "3"),
        ("reason != AGENT", "3"),
        ("not (reason = AGENT)", "3"),
        ("not (reason != AGENT)", "3"),
        ("reason in (AGENT, agent_x)", "4"),
        ("reason not in (AGENT, agent_x)", "2"),
        ("not reason in (AGENT, agent_x)", "2"),
        ("reason is missing", "1"),
        ("reason is not missing", "5"),
        ("reason like ag*", "4"),
        ("reason like 'agen?'", "3"),
        ("not reason like ag*", "2"),
        ("reason contains RESO", "1"),
        ("reason contains _", "1"),
        ("message contains '100%_\\'", "6"),
        ("message like '*\\%_\\\\'", "6"),
        ("message contains '%0'", "0"),
        ("reason matches '^A'", "3"),
        ("not reason matches '^A'", "3"),
        ("exit_code in 1..2", "3"),
        ("exit_code not in 1..2", "3"),
        ("exit_code > 1", "2"),
        ("not exit_code > 1", "4"),
        ("exit_code > 1 or cluster = blue", "4"),
        ("cluster = arn:aws:ecs:us-east-1:111122223333:cluster/blue", "3"),
        ("time >= 2026-03-04T03:00", "2"),
        ("time = 2026-03-01", "1"),
        ("hour(time) = 1", "3"),
        ("weekday(time) = sunday", "1"),
    ] {
        assert_eq!(count(condition), expected, "{condition}");
    }
}

#[test]
fn a_broken_regular_expression_points_at_itself() {
    let text = "failures where reason matches '(x'";
    match try_ask(&session(), text, false) {
        Err(RunError::Typed(diagnostic)) => assert_eq!(diagnostic.span, Some(30..34)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn windows_are_half_open() {
    let session = session();
    let count = |window: &str| ask(&session, &format!("failures {window} show count")).join("");
    assert_eq!(count("between 2026-03-04T01:05 and 2026-03-04T03:10"), "3");
    assert_eq!(count("until 2026-03-04T01:05"), "1");
    assert_eq!(count("on 2026-03-04"), "5");
    assert_eq!(count("around 2026-03-04T02:00 within 15m"), "1");
}

#[test]
fn empty_buckets_are_filled_inside_the_window() {
    let session = session();
    let filled = ask(&session, "failures where reason = AGENT by cluster every 2h between 2026-03-04 and 2026-03-04T06:00");
    assert_eq!(
        filled,
        [
            "00:00:00Z|blue|2",
            "00:00:00Z|green|0",
            "02:00:00Z|green|1",
            "02:00:00Z|blue|0",
            "04:00:00Z|blue|0",
            "04:00:00Z|green|0",
        ]
    );
    let gaps = ask(&session, "failures where reason = AGENT by cluster every 2h nofill");
    assert_eq!(gaps, ["00:00:00Z|blue|2", "02:00:00Z|green|1"]);
    let measures = ask(
        &session,
        "failures every 1h since 2026-03-04T01:00 until 2026-03-04T04:00 show count, share, sum(exit_code), avg(exit_code)",
    );
    assert_eq!(measures, ["01:00:00Z|3|0.75|138|69.0", "02:00:00Z|0|0.0|0|.", "03:00:00Z|1|0.25|1|1.0"]);
}

#[test]
fn an_open_window_is_filled_from_the_data_to_the_anchor() {
    let days = ask(&session(), "failures every 1d");
    assert_eq!(days, ["2026-03-01T00:00:00Z|1", "2026-03-02T00:00:00Z|0", "2026-03-03T00:00:00Z|0", "00:00:00Z|5"]);
    let answer = wait(run::answer(&session(), &checked_in("failures every 1d since 1d", "Asia/Tokyo"), options(false)));
    assert_eq!(lines(&answer.unwrap()), ["2026-03-02T15:00:00Z|0", "2026-03-03T15:00:00Z|5"]);
}

#[test]
fn top_beside_buckets_sums_up_the_others() {
    let session = session();
    let rows = ask(&session, "failures by reason every 1d nofill top 1");
    assert_eq!(rows, ["2026-03-01T00:00:00Z|(other)|1", "00:00:00Z|AGENT|3", "00:00:00Z|(other)|2"]);
    let codes = ask(&session, "failures by exit_code every 1d nofill on 2026-03-04 top 1");
    assert_eq!(codes, ["00:00:00Z|(other)|3", "00:00:00Z|1|2"]);
    let per = ask(&session, "failures by cluster, reason every 1d nofill on 2026-03-04 show count, share top 1 per cluster");
    assert_eq!(
        per,
        [
            "00:00:00Z|blue|AGENT|2|0.4",
            "00:00:00Z|blue|(other)|1|0.2",
            "00:00:00Z|green|(other)|1|0.2",
            "00:00:00Z|green|AGENT|1|0.2"
        ]
    );
}

#[test]
fn rows_come_newest_first_and_keep_their_order() {
    let session = session();
    assert_eq!(ask(&session, "failures show id limit 3"), ["d", "c", "b"]);
    assert_eq!(ask(&session, "failures show id sort time"), ["e", "a#1", "a#2", "b", "c", "d"]);
    assert_eq!(ask(&session, "failures show id sort -exit_code, reason limit 4"), ["a#2", "d", "a#1", "c"]);
    assert_eq!(ask(&session, "failures show id, exit_code sort exit_code | limit 2 | show id"), ["a#1", "c"]);
    assert_eq!(ask(&session, "failures sort -time limit 3 | by cluster"), ["green|2", "blue|1"]);
}

#[test]
fn later_stages_read_the_columns_before() {
    let session = session();
    assert_eq!(ask(&session, "failures by reason, cluster | where count >= 2"), ["AGENT|blue|2"]);
    assert_eq!(
        ask(&session, "failures by reason, cluster | by reason show sum(count) as rows, count"),
        ["AGENT|3|2", "RESOURCE:CPU|1|1", "agent_x|1|1", ".|1|1"]
    );
    assert_eq!(ask(&session, "failures by cluster | show cluster, count * 2 as twice sort cluster"), ["blue|6", "green|6"]);
}

#[test]
fn aggregates_are_exact() {
    let session = session();
    let one = |show: &str| ask(&session, &format!("failures show {show}")).join("");
    for (show, expected) in [
        ("count(exit_code), sum(exit_code), min(exit_code), max(exit_code)", "4|141|1|137"),
        ("avg(exit_code), p50(exit_code), median(exit_code)", "35.25|1.5|1.5"),
        ("first(reason), last(reason), any(reason)", "agent_x|AGENT|AGENT"),
        ("first(time), last(exit_code)", "2026-03-01T05:00:00Z|2"),
        ("count / 4, count - 1, (count + 1) * 2, count / 0", "1.5|5|14|."),
        ("round(stddev(exit_code), 3)", "67.835"),
        ("max(time) - min(time)", "259200.0"),
        ("max(time) - (max(time) - min(time))", "2026-03-01T05:00:00Z"),
        ("round(avg(exit_code)), abs(min(exit_code) - 3)", "35.0|2"),
        ("distinct(upper(cluster)), max(length(reason))", "2|12"),
    ] {
        assert_eq!(one(show), expected, "{show}");
    }
}

#[test]
fn rows_can_be_computed() {
    let session = session();
    let row = |show: &str| ask(&session, &format!("failures where id = e show {show}")).join("");
    for (show, expected) in [
        ("date(time), hour(time), minute(time), weekday(time), week(time)", "2026-03-01|5|0|7|9"),
        ("coalesce(task, cluster), lower(id), upper(id), length(reason)", "green|e|E|7"),
        ("number(message), number('1e3'), number('inf'), round(2.567, 1)", ".|1000.0|.|2.6"),
        ("time - time, exit_code + 1", "0.0|."),
    ] {
        assert_eq!(row(show), expected, "{show}");
    }
}

#[test]
fn shares_and_lists_say_what_they_are() {
    let answer = try_ask(&session(), "failures by cluster show share, count", true).unwrap();
    let kinds: Vec<ColumnKind> = answer.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Text, ColumnKind::Share, ColumnKind::Int, ColumnKind::List]);
    assert_eq!(answer.schema.field(0).metadata().get(crate::render::ROLE).map(String::as_str), Some("key"));
    assert_eq!(lines(&answer), ["blue|0.5|3|[a, b]", "green|0.5|3|[c, d, e]"]);
}

#[test]
fn evidence_stays_beside_rows_and_later_stages() {
    let rows = try_ask(&session(), "failures show reason limit 2", true).unwrap();
    assert_eq!(lines(&rows), [".|[d]", "AGENT|[c]"]);
    let stages = try_ask(&session(), "failures by reason, cluster | by cluster", true).unwrap();
    assert_eq!(lines(&stages), ["green|3|[c, d, e]", "blue|2|[a, b]"]);
    let filled =
        try_ask(&session(), "failures where reason = AGENT every 1h since 2026-03-04T02:00 until 2026-03-04T04:00", true);
    assert_eq!(lines(&filled.unwrap()), ["02:00:00Z|0|[]", "03:00:00Z|1|[c]"]);
}

#[test]
fn any_number_of_threads_and_any_order_give_the_same_rows() {
    let queries = [
        "failures by reason show count, share, sum(exit_code), p95(exit_code), first(message), last(message), stddev(exit_code)",
        "failures sort reason",
        "failures by cluster every 6h top 1",
        "failures by cluster show avg(exit_code) | sort -avg_exit_code",
    ];
    for query in queries {
        let expected = ask(&tables(rows(), 1), query);
        for threads in [2, 5] {
            let mut shuffled = rows();
            shuffled.reverse();
            shuffled.rotate_left(threads % 3);
            assert_eq!(ask(&tables(shuffled, threads), query), expected, "{query} on {threads} threads");
        }
    }
}

#[test]
fn an_empty_answer_is_explained() {
    let session = session();
    let why = |text: &str| wait(run::explain_empty(&session, &checked(text), options(false), None)).unwrap().join("\n");
    assert_eq!(
        why("failures where reason = AGNET and cluster = blue since 1d"),
        "5 failures in the window\n`reason = AGNET` removed all rows; nearest values: AGENT (3)"
    );
    assert_eq!(
        why("failures where reason = RESOURCE:CPU and cluster = green"),
        "6 failures in the window\nno row matches all conditions; rows that match each one alone: `reason = RESOURCE:CPU` 1, `cluster = green` 3"
    );
    assert_eq!(why("failures until 2026-01-01"), "no failures in the window, 6 outside it");
    assert_eq!(why("calls since 1d"), "no calls are loaded");
    // Computed rows are not queried again if the window covers all data.
    assert_eq!(why("stalls"), "no stalls found in any loaded record");
    assert_eq!(why("tasks since 1d"), "no tasks found in any loaded record");
    let loaded = |first: &str| Some((first.parse().unwrap(), ANCHOR.parse().unwrap()));
    let knowing = |text: &str, first: &str| {
        wait(run::explain_empty(&session, &checked(text), options(false), loaded(first))).unwrap().join("\n")
    };
    let all = "no tasks found; the window covers all loaded records";
    assert_eq!(knowing("tasks since 1d", "2026-03-03T12:00:00Z"), all);
    assert_eq!(knowing("tasks where task = x since 1d", "2026-03-03T12:00:00Z"), all);
    assert_eq!(knowing("tasks since 1d", "2026-03-03T11:59:59Z"), "no tasks found in any loaded record");
    assert_eq!(why("failures by reason | where count > 99"), "6 failures in the window\na later stage removed all rows");
    assert_eq!(
        why("failures where task = x"),
        "6 failures in the window\n`task = x` removed all rows: `task` has no value in any of these failures"
    );
    // Original records are not searched again.
    assert_eq!(why("failures where raw.a = x"), "6 failures in the window\n`raw.a = x` removed all rows");
    assert_eq!(
        why("failures where cluster = blue and raw.a = x and raw.b = y"),
        "6 failures in the window\n`raw.a = x and raw.b = y` removed the 3 rows that match the other conditions"
    );
    assert_eq!(
        why("failures where reason = RESOURCE:CPU and cluster = green and raw.a = x"),
        "6 failures in the window\nno row matches all conditions; rows that match each one alone: `reason = RESOURCE:CPU` 1, `cluster = green` 3"
    );
    assert_eq!(
        why("failures where raw.a = x by reason | where count > 99"),
        "6 failures in the window\nit is unknown how many match `raw.a = x`, because this note reads no original records"
    );
    let values = wait(run::values(&session, "failures", "cluster", 10)).unwrap();
    assert_eq!(values, [("blue".to_owned(), 3), ("green".to_owned(), 3)]);
}

#[test]
fn sql_reads_and_does_nothing_else() {
    let session = session();
    let answer = wait(run::sql(&session, "select cluster, count(*) as n from failures group by 1 order by 1")).unwrap();
    assert_eq!(lines(&answer), ["blue|3", "green|3"]);
    for text in [
        "create table x as select 1",
        "drop table failures",
        "insert into failures select * from failures",
        "copy failures to 'x.csv'",
        "set datafusion.execution.batch_size = 1",
        "create external table x stored as parquet location 'x.parquet'",
    ] {
        assert!(matches!(wait(run::sql(&session, text)), Err(RunError::Sql(_) | RunError::Typed(_))), "{text}");
    }
}

#[test]
fn wrong_names_in_sql_have_their_place_and_the_nearest_name() {
    let session = session();
    for (text, message, word, label) in [
        ("select * from failurs", "unknown table `failurs`", "failurs", Some("did you mean `failures`?")),
        ("select * from nothing_at_all", "unknown table `nothing_at_all`", "nothing_at_all", None),
        ("select clustr from failures", "unknown column `clustr`", "clustr", Some("did you mean `cluster`?")),
        ("select coutn(*) from failures", "unknown function `coutn`", "coutn", Some("did you mean `count`?")),
        ("select * frm failures", "invalid SQL: expected end of statement, found `frm`", "frm", None),
        (
            "select cluster from failures, failures f",
            "column `cluster` is in several tables",
            "cluster",
            Some("write `TABLE.cluster`"),
        ),
    ] {
        let Err(RunError::Typed(error)) = wait(run::sql(&session, text)) else { panic!("{text}") };
        let start = text.find(word).unwrap();
        assert_eq!((error.message.as_str(), error.label.as_deref()), (message, label), "{text}");
        assert_eq!(error.span, Some(start..start + word.len()), "{text}");
    }
    assert!(wait(run::sql(&session, "with a as (select 1 as n) select sum(n) from a")).is_ok());
}

#[test]
fn the_explanation_shows_query_window_and_plans() {
    let text = wait(run::explain(&session(), &checked("failures by reason since 7d"), options(false))).unwrap();
    assert!(
        text.starts_with("query\n  failures since 7d by reason\nwindow\n  [2026-02-25T12:00:00Z, …) 7d before newest event\n"),
        "{text}"
    );
    assert!(text.contains("logical plan\n") && text.contains("physical plan\n"), "{text}");
    // The time filter reaches the scan of nouns whose rows are records.
    let text = wait(run::explain(&session(), &checked("calls by event_source since 7d"), options(false))).unwrap();
    let logical: Vec<&str> = text.split("physical plan").next().unwrap_or_default().lines().collect();
    let scan = logical.iter().position(|line| line.contains("TableScan: calls")).unwrap();
    assert!(logical[scan - 1].contains("Filter: calls.time >= TimestampMicrosecond"), "{text}");
}
