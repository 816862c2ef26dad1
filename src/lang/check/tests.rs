//! Tests of the whole checker with a small fixed catalog.

mod window;

use jiff::tz::TimeZone;

use super::super::catalog::{Catalog, FieldInfo, FieldType, MeasureInfo, NounStatus};
use super::super::checked::*;
use super::super::{check, parse};
use crate::diagnostic::Diagnostic;

use FieldType::{Bool, Duration, Int, Text, Time};

/// A noun with a column of each type.
struct Small;

const fn field(name: &'static str, kind: FieldType) -> FieldInfo {
    FieldInfo { name, kind, doc: "" }
}

impl Catalog for Small {
    fn status(&self, noun: &str) -> NounStatus {
        match noun {
            "failures" | "calls" | "quota" => NounStatus::Ready,
            _ => NounStatus::Later("`flows` do not run yet."),
        }
    }

    fn fields(&self, _noun: &str) -> &[FieldInfo] {
        const FIELDS: &[FieldInfo] = &[
            field("id", Text),
            field("time", Time),
            field("reason", Text),
            field("cluster", Text),
            field("account", Text),
            field("region", Text),
            field("exit_code", Int),
            field("ran", Bool),
            field("latency", Duration),
            field("message", Text),
        ];
        FIELDS
    }

    fn measures(&self, _noun: &str) -> &[MeasureInfo] {
        const MEASURES: &[MeasureInfo] = &[MeasureInfo { name: "peak", kind: Int, doc: "" }];
        MEASURES
    }

    fn values(&self, _noun: &str, field: &str) -> Vec<(String, u64)> {
        if field == "reason" { vec![("AGENT".to_owned(), 9), ("oom".to_owned(), 3)] } else { Vec::new() }
    }

    fn saved(&self, name: &str) -> Option<String> {
        match name {
            "base" => Some("failures where ran by reason since 7d".into()),
            "over" => Some("@base top 3".into()),
            "loop" => Some("@loop".into()),
            "broken" => Some("failures by resaon".into()),
            _ => None,
        }
    }

    fn shown(&self, _noun: &str) -> &[&'static str] {
        &["time", "reason"]
    }

    fn default_measure(&self, noun: &str) -> &'static str {
        if noun == "quota" { "peak" } else { "count" }
    }
}

fn context(zone: &str) -> CheckContext {
    let last = "2026-03-29T10:14:07Z".parse().unwrap();
    CheckContext {
        anchor: last,
        now: "2026-04-02T00:00:00Z".parse().unwrap(),
        first: Some("2025-01-01T00:00:00Z".parse().unwrap()),
        last: Some(last),
        tz: TimeZone::get(zone).unwrap(),
        default_rows: Some(DEFAULT_ROWS),
    }
}

fn outcome(text: &str, zone: &str) -> Result<Checked, Vec<Diagnostic>> {
    check(&parse(text).unwrap(), &Small, &context(zone))
}

fn checked(text: &str) -> Checked {
    outcome(text, "UTC").unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn messages(text: &str) -> Vec<String> {
    outcome(text, "UTC").unwrap_err().into_iter().map(|error| error.message).collect()
}

fn filter(condition: &str) -> Pred {
    let query = checked(&format!("failures where {condition}"));
    query.stages.into_iter().next().unwrap().filter.unwrap()
}

fn only_stage(text: &str) -> Stage {
    checked(text).stages.into_iter().next().unwrap()
}

fn column_names(stage: &Stage) -> Vec<&str> {
    stage.columns.iter().map(|column| column.name.as_str()).collect()
}

/// Sort keys as text: index or name, with `-` for descending.
fn sort_text(stage: &Stage) -> Vec<String> {
    let text = |key: &SortKey| {
        let sign = if key.descending { "-" } else { "" };
        match &key.column {
            SortColumn::Output(index) => {
                format!("{sign}{}", stage.columns.get(*index).unwrap().name)
            }
            SortColumn::Input(field) => format!("{sign}input:{}", field.name),
        }
    };
    stage.sort.iter().map(text).collect()
}

#[test]
fn defaults_are_written_out() {
    let newest = checked("failures");
    assert_eq!(newest.default_limit, Some(DEFAULT_ROWS));
    let stage = newest.stages.first().unwrap();
    assert_eq!(stage.limit, Some(Limit::Rows(DEFAULT_ROWS)));
    assert_eq!(sort_text(stage), ["-time"]);
    assert_eq!(column_names(stage), ["time", "reason"]);

    for (text, columns, sort) in [
        ("failures by reason", vec!["reason", "count"], vec!["-count", "reason"]),
        ("failures every 1h", vec!["time", "count"], vec!["time", "-count"]),
        ("failures by cluster every 1d", vec!["time", "cluster", "count"], vec!["time", "-count", "cluster"]),
        ("failures by reason sort reason", vec!["reason", "count"], vec!["reason"]),
        ("failures by reason sort -count", vec!["reason", "count"], vec!["-count", "reason"]),
        ("failures show count, max(exit_code)", vec!["count", "max_exit_code"], vec!["-count"]),
        ("failures show id sort time", vec!["id"], vec!["input:time"]),
        ("failures by reason show reason", vec!["reason"], vec!["reason"]),
        ("quota by region", vec!["region", "peak"], vec!["-peak", "region"]),
        ("failures by hour(time) show hour(time), share", vec!["hour_time", "share"], vec!["hour_time", "-share"]),
    ] {
        let query = checked(text);
        let stage = query.stages.first().unwrap();
        assert_eq!(column_names(stage), columns, "{text}");
        assert_eq!(sort_text(stage), sort, "{text}");
        assert_eq!(query.default_limit, None, "{text}");
    }
}

#[test]
fn every_column_and_every_row_can_be_requested() {
    let all = checked("failures show *");
    let stage = all.stages.first().unwrap();
    let columns = ["id", "time", "reason", "cluster", "account", "region", "exit_code", "ran", "latency", "message"];
    assert_eq!(column_names(stage), columns);
    assert_eq!(stage.limit, Some(Limit::Rows(DEFAULT_ROWS)));
    let more = checked("failures show *, raw.userAgent as agent limit all");
    let stage = more.stages.first().unwrap();
    assert_eq!(column_names(stage).last(), Some(&"agent"));
    assert_eq!((stage.limit, more.default_limit), (None, None));
    assert_eq!(checked("failures by reason limit all").stages.first().unwrap().limit, None);
    assert_eq!(column_names(checked("@base | show *").stages.last().unwrap()), ["reason", "count"]);
    assert_eq!(messages("failures show *, reason"), ["two columns are named `reason`"]);
}

#[test]
fn later_stages_read_the_columns_before() {
    let query = checked("failures by cluster, reason | where count >= 5 | top 3");
    assert_eq!(query.default_limit, None);
    let last = query.stages.last().unwrap();
    assert_eq!(column_names(last), ["cluster", "reason", "count"]);
    assert_eq!(last.limit, Some(Limit::Top(Ranking { rows: 3, measure: 2, per: None })));
    assert!(last.sort.is_empty());

    // Rows that are grouped need no order; rows that are shown do.
    let grouped = checked("failures where ran | by reason");
    assert!(grouped.stages.first().unwrap().sort.is_empty());
    assert!(!checked("failures | limit 5").stages.first().unwrap().sort.is_empty());
    // Rows that no stage has changed have the columns of the noun; `show *` has all of them.
    assert_eq!(column_names(checked("failures | where ran | limit 5").stages.last().unwrap()), ["time", "reason"]);
    assert_eq!(column_names(checked("failures | show *").stages.last().unwrap()).len(), 10);
    assert_eq!(column_names(checked("failures show cluster, ran | where ran").stages.last().unwrap()), ["cluster", "ran"]);

    assert_eq!(messages("failures by reason | where cluster = a"), ["unknown field `cluster` in the previous stage"]);
}

#[test]
fn top_picks_by_the_first_measure() {
    let stage = only_stage("failures by cluster, reason show share, count top 3 per cluster");
    assert_eq!(stage.limit, Some(Limit::Top(Ranking { rows: 3, measure: 2, per: Some(0) })));
    let stage = only_stage("failures by reason every 1h bottom 2");
    assert_eq!(stage.limit, Some(Limit::Bottom(Ranking { rows: 2, measure: 2, per: None })));
    assert!(messages("failures every 1h top 2").first().unwrap().starts_with("with `every`"));
}

#[test]
fn buckets_are_elapsed_or_of_the_calendar() {
    for (step, amount, unit) in [
        ("90m", 5_400, StepUnit::Second),
        ("1h30m", 5_400, StepUnit::Second),
        ("24h", 86_400, StepUnit::Second),
        ("1d", 1, StepUnit::Day),
        ("2w", 2, StepUnit::Week),
        ("1mo", 1, StepUnit::Month),
        ("1y", 1, StepUnit::Year),
    ] {
        let every = only_stage(&format!("failures every {step}")).every.unwrap();
        assert_eq!((every.amount, every.unit, every.fill), (amount, unit, true), "{step}");
    }
    assert!(!only_stage("failures every 1s nofill").every.unwrap().fill);
}

#[test]
fn literals_are_read_by_the_type_of_the_column() {
    for (condition, literal) in [
        ("reason = 7d", Literal::Text("7d".into())),
        ("reason = 143", Literal::Text("143".into())),
        ("exit_code = -1", Literal::Int(-1)),
        ("ran = YES", Literal::Bool(true)),
        ("latency > 1h30m", Literal::Duration(5_400.0)),
        ("latency > 1.5", Literal::Duration(1.5)),
        ("hour(time) = 3", Literal::Int(3)),
        ("weekday(time) = Sun", Literal::Int(7)),
        ("time > 2026-03-04T02:10Z", Literal::Time("2026-03-04T02:10:00Z".parse().unwrap())),
        ("time > 1d", Literal::Time("2026-03-28T10:14:07Z".parse().unwrap())),
        ("raw.count > 10", Literal::Float(10.0)),
        ("raw.count = 10", Literal::Text("10".into())),
    ] {
        let Pred::Compare { right: Expr::Literal(found), .. } = filter(condition) else {
            panic!("{condition}");
        };
        assert_eq!(found, literal, "{condition}");
    }
}

#[test]
fn a_date_means_its_whole_day() {
    let test = |op, at: &str| Pred::Compare {
        left: Expr::Field(FieldRef { name: "time".into(), kind: Time }),
        op,
        right: Expr::Literal(Literal::Time(at.parse().unwrap())),
    };
    let (start, end) = ("2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z");
    let whole = Pred::And(vec![test(CompareOp::Ge, start), test(CompareOp::Lt, end)]);
    assert_eq!(filter("time = 2026-03-04"), whole);
    assert_eq!(filter("time in 2026-03-04..2026-03-04"), whole);
    assert_eq!(filter("time > 2026-03-04"), test(CompareOp::Ge, end));
    assert_eq!(filter("time <= 2026-03-04"), test(CompareOp::Lt, end));
    assert_eq!(filter("time >= 2026-03-04"), test(CompareOp::Ge, start));
}

#[test]
fn an_arn_is_matched_by_its_short_name_in_its_account_and_region() {
    let arn = "arn:aws:ecs:us-east-1:111122223333:cluster/batch";
    let same = filter("cluster = batch and region = us-east-1 and account = 111122223333");
    assert_eq!(filter(&format!("cluster = {arn}")), same);
    assert!(matches!(filter(&format!("cluster != {arn}")), Pred::Or(_)));
    assert!(matches!(filter(&format!("reason = {arn}")), Pred::Compare { .. }));
}

#[test]
fn a_bare_word_that_is_a_column_gives_a_warning() {
    assert_eq!(checked("failures where reason = cluster").warnings.len(), 1);
    for quiet in ["reason = 'cluster'", "reason = field(cluster)", "reason = AGENT"] {
        assert!(checked(&format!("failures where {quiet}")).warnings.is_empty(), "{quiet}");
    }
}

#[test]
fn what_names_no_field_gets_a_query_that_checks() {
    for (text, expected) in [
        ("failures by day", "failures every 1d"),
        ("failures by reason, hour since 7d", "failures since 7d by reason every 1h"),
        ("failures by weekday", "failures by weekday(time)"),
        ("failures where OOM", "failures where reason = oom"),
        ("failures where ran and throttled", "failures where ran and message contains throttled"),
        ("failures where not oom by reason", "failures where not reason = oom by reason"),
        ("failures where cluster:batch", "failures where cluster = batch"),
        ("failures where reason = AGENT or OOM", "failures where reason in (AGENT, oom)"),
        ("failures where cluster = PROD or DEV or ran", "failures where cluster in (PROD, DEV) or ran"),
        ("failures where cluster = web and api", "failures where cluster in (web, api)"),
    ] {
        let errors = outcome(text, "UTC").unwrap_err();
        let help = errors.last().and_then(|error| error.help.clone()).unwrap_or_default();
        assert_eq!(help, format!("did you mean `{expected}`?"), "{text}");
        checked(expected);
    }
    for text in ["failures by resaon", "failures where exit_code", "failures show day"] {
        let help = outcome(text, "UTC").unwrap_err().pop().and_then(|error| error.help);
        assert!(help.is_none_or(|help| !help.starts_with("did you mean")), "{text}");
    }
}

#[test]
fn values_of_other_languages_give_a_warning() {
    for (condition, label) in [
        ("cluster = null", "did you mean `cluster is missing`?"),
        ("cluster != NONE", "did you mean `cluster is not missing`?"),
        ("cluster = web-*", "did you mean `cluster like web-*`?"),
        ("message like '%oom%'", "did you mean `message like *oom*`?"),
    ] {
        let warnings = checked(&format!("failures where {condition}")).warnings;
        assert_eq!(warnings.first().and_then(|warning| warning.label.as_deref()), Some(label), "{condition}");
    }
    for condition in ["cluster = 'null'", "message like '*95%*'", "cluster = web"] {
        assert_eq!(checked(&format!("failures where {condition}")).warnings, [], "{condition}");
    }
    let errors = outcome("failures where exit_code = null", "UTC").unwrap_err();
    let label = errors.first().and_then(|error| error.label.as_deref());
    assert_eq!(label, Some("to test for a missing value: `exit_code is missing`"));
}

#[test]
fn relative_days_count_from_the_newest_event_in_conditions_too() {
    // The clock is later than the newest event, 2026-03-29.
    let window = |text: &str| checked(text).window;
    let literal = |condition: &str| match checked(&format!("failures where {condition}")).stages.remove(0).filter {
        Some(Pred::Compare { right: Expr::Literal(Literal::Time(at)), .. }) => at,
        other => panic!("{condition}: {other:?}"),
    };
    for (day, next) in [("today", "2026-03-30T00:00:00Z"), ("yesterday", "2026-03-29T00:00:00Z")] {
        assert_eq!(Some(literal(&format!("time >= {day}"))), window(&format!("failures since {day}")).from, "{day}");
        let on = window(&format!("failures on {day}"));
        assert_eq!(
            (Some(literal(&format!("time < {day}"))), Some(literal(&format!("time <= {day}")))),
            (on.from, on.to),
            "{day}"
        );
        assert_eq!(literal(&format!("time > {day}")).to_string(), next, "after the day");
    }
    assert_eq!(Some(literal("time < now")), window("failures until now").to);
}

#[test]
fn a_day_that_is_left_out_gives_a_warning() {
    for (condition, label) in [
        ("time > yesterday", Some("`time >= yesterday` includes it")),
        ("time > 2026-03-04", Some("`time >= 2026-03-04` includes it")),
        ("time > 'last week'", Some("`time >= 'last week'` includes it")),
        ("time > 2026-03-04T02:10Z", None),
        ("time > 7d", None),
        ("time >= yesterday", None),
        ("time < yesterday", None),
    ] {
        let warnings = checked(&format!("failures where {condition}")).warnings;
        assert_eq!(warnings.first().and_then(|warning| warning.label.as_deref()), label, "{condition}");
    }
}

#[test]
fn types_of_expressions_follow_their_parts() {
    for (expr, kind) in [
        ("count", Int),
        ("count / 2", FieldType::Float),
        ("sum(exit_code) + 1", Int),
        ("sum(latency) / count", Duration),
        ("p95(latency)", Duration),
        ("avg(exit_code)", FieldType::Float),
        ("max(time) - min(time)", Duration),
        ("last(reason)", Text),
        ("peak", Int),
        ("share * 100", FieldType::Float),
        ("coalesce(max(exit_code), 1.5)", FieldType::Float),
    ] {
        let stage = only_stage(&format!("failures by cluster show {expr} as x"));
        assert_eq!(stage.show.first().unwrap().kind, kind, "{expr}");
    }
}

#[test]
fn fields_are_found_in_any_case() {
    assert_eq!(column_names(&only_stage("failures by REASON, `Cluster`")), ["reason", "cluster", "count"]);
}

#[test]
fn saved_queries_take_clauses_over() {
    let query = checked("@over where cluster = a since 1d");
    assert_eq!(query.canonical, "failures where ran and cluster = a since 1d by reason top 3");
    assert_eq!(query.window.origin, "1d before newest event");
    let stage = query.stages.first().unwrap();
    assert!(matches!(&stage.filter, Some(Pred::And(members)) if members.len() == 2));
    assert!(matches!(stage.limit, Some(Limit::Top(_))));

    assert_eq!(messages("@nothing"), ["unknown saved query `@nothing`"]);
    assert!(messages("@loop").first().unwrap().contains("refer to each other"));
    let errors = outcome("@broken since 1d", "UTC").unwrap_err();
    assert_eq!(errors.first().unwrap().span, Some(0..7));
}

#[test]
fn what_does_not_run_yet_says_so_in_one_sentence() {
    assert_eq!(messages("flows since 1d"), ["`flows` do not run yet"]);
}
