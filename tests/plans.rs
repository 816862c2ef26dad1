//! Plans of typical questions, one for each shape of a plan, as golden files: `tests/plans/*.txt`.
//!
//! A file has what `--explain` prints about the samples, without the logical plan and without what depends on the run:
//! files, positions of columns, and numbers of generated names. Projections and the ends of long lines are left out, so that
//! the inputs of every operator can be read at a glance. `ECS_AUDIT_BLESS=1 cargo test --test integration plans` writes
//! them anew: read the difference. A condition that moves up from a scan, a join that changes its kind, or a column that is
//! read without need is slower, and no other test detects that.

use crate::support::{TestEnv, project};
use regex::Regex;
use std::sync::LazyLock;

/// The longest description of an operator.
const LONGEST: usize = 200;

/// The name of each file, and its question.
const QUESTIONS: &[(&str, &str)] = &[
    ("conditions", "calls where event_name = RunTask and failed by user since 7d"),
    ("top", "calls by event_name top 3"),
    ("every", "calls by event_name every 1d since 7d top 2"),
    ("compare", "calls by event_name since 2d compare previous"),
    ("raw", "calls where raw.requestParameters.cluster = batch show id"),
    ("latest-state", "tasks by service"),
    ("relation", "calls where event_name = RunTask following agent_updates within 10m matching cluster by cluster"),
    ("stalls", "stalls where cluster = batch"),
    ("launches", "launches by family show lost"),
    ("schedules", "schedules where state = missed"),
    ("quota", "quota where resource = fargate_vcpu by account, region show peak"),
    ("incidents", "incidents since 7d"),
];

/// The store with the samples.
static SAMPLES: LazyLock<TestEnv> = LazyLock::new(|| {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
});

/// A line of a plan: its depth, and the operator with its details.
struct Line {
    depth: usize,
    operator: String,
}

/// The query and window of an explained question, and its physical plan.
fn explained(question: &str) -> (String, Vec<Line>) {
    let text = SAMPLES.run(&["query", question, "--explain", "--threads", "2", "--quiet"]).ok().out;
    let (header, plans) = text.split_once("logical plan\n").unwrap();
    let (_, physical) = plans.split_once("physical plan\n").unwrap();
    let lines = physical.lines().filter(|line| !line.is_empty()).map(|line| Line {
        depth: (line.len() - line.trim_start().len()) / 2,
        operator: without_details_of_the_run(line.trim()),
    });
    (header.to_owned(), lines.collect())
}

/// An operator without files, statistics, positions of columns and numbers of generated names.
fn without_details_of_the_run(operator: &str) -> String {
    static CHANGES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"file_groups=\{.*?/tables/(\w+)/.*?\]\]\}", "table=$1"),
            (r", file_type=parquet", ""),
            (r", pruning_predicate=.*", ""),
            (r"@\d+", ""),
            (r"(__common_expr|__datafusion_extracted)_\d+", "$1"),
            (r"^ProjectionExec: .*", "ProjectionExec"),
        ]
        .map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead))
        .to_vec()
    });
    CHANGES.iter().fold(operator.to_owned(), |text, (pattern, instead)| pattern.replace_all(&text, *instead).into_owned())
}

fn golden(header: &str, lines: &[Line]) -> String {
    let mut text = header.to_owned();
    for Line { depth, operator } in lines {
        let end = operator.char_indices().nth(LONGEST).map(|(end, _)| end);
        let shown = end.map_or_else(|| operator.clone(), |end| format!("{}…", &operator[..end]));
        text.push_str(&format!("{}{shown}\n", "  ".repeat(*depth)));
    }
    text
}

#[test]
fn plans_are_the_golden_ones() {
    let mut different = Vec::new();
    for (name, question) in QUESTIONS {
        let (header, lines) = explained(question);
        let text = golden(&header, &lines);
        let path = project().join(format!("tests/plans/{name}.txt"));
        if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if kept != text {
            let differ = kept.lines().zip(text.lines()).find(|(kept, printed)| kept != printed);
            different.push(format!("{name}: {differ:?}"));
        }
    }
    assert!(different.is_empty(), "ECS_AUDIT_BLESS=1 updates them:\n{}", different.join("\n"));
}

/// The conditions that `and` joins, without those in parentheses.
fn conjuncts(predicate: &str) -> Vec<&str> {
    predicate.split(" AND ").map(str::trim).filter(|part| part.matches('(').count() == part.matches(')').count()).collect()
}

/// The part of an operator after a word, up to the next detail.
fn detail<'o>(operator: &'o str, word: &str) -> Option<&'o str> {
    let (_, detail) = operator.split_once(word)?;
    Some(detail.split(", projection=").next().unwrap_or(detail))
}

/// Operators whose rows have the columns of their only input.
const PASSING: &[&str] = &[
    "FilterExec",
    "ProjectionExec",
    "RepartitionExec",
    "CoalescePartitionsExec",
    "SortExec",
    "AggregateExec",
    "WindowAggExec",
    "BoundedWindowAggExec",
];

#[test]
fn a_condition_that_a_scan_applies_is_not_applied_again() {
    let (mut scans, mut filters) = (0, 0);
    for (_, question) in QUESTIONS {
        let (_, lines) = explained(question);
        for (place, scan) in lines.iter().enumerate().filter(|(_, line)| line.operator.starts_with("DataSourceExec")) {
            let Some(predicate) = detail(&scan.operator, "predicate=") else { continue };
            scans += 1;
            // The operators above the scan that pass on its columns: each is one level up, and nothing else is below it.
            let mut depth = scan.depth;
            for above in lines[..place].iter().rev() {
                if above.depth + 1 != depth || !PASSING.iter().any(|name| above.operator.starts_with(name)) {
                    break;
                }
                depth = above.depth;
                let Some(filter) = detail(&above.operator, "FilterExec: ") else { continue };
                filters += 1;
                let again: Vec<&str> = conjuncts(filter).into_iter().filter(|part| conjuncts(predicate).contains(part)).collect();
                assert!(again.is_empty(), "{question}: {again:?} is applied by {} and by {}", above.operator, scan.operator);
            }
        }
    }
    assert!(scans > 20 && filters > 0, "{scans} scans, {filters} filters");
}

#[test]
fn plans_show_the_inputs_of_every_operator() {
    for (question, operator, inputs) in [
        ("stalls", "InstanceStallsExec: inputs=[tasks, instances]", ["table=task_events", "table=instance_events"]),
        ("quota", "QuotaStepsExec: inputs=[refusals, tasks, submissions, limits]", ["table=task_events", "table=failures"]),
        ("launches", "WholePartitionsExec: function=fold_attempts, partition_by=[", ["table=calls", "table=calls"]),
    ] {
        let (_, lines) = explained(question);
        let place = lines.iter().position(|line| line.operator.starts_with(operator));
        let place = place.unwrap_or_else(|| panic!("{question}: {operator}"));
        let below = lines[place + 1..].iter().take_while(|line| line.depth > lines[place].depth);
        let below: Vec<&str> = below.map(|line| line.operator.as_str()).collect();
        for input in inputs {
            assert!(below.iter().any(|operator| operator.contains(input)), "{question}: {input} is not below {operator}");
        }
    }
}
