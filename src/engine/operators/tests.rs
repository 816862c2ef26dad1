//! Tests functions over whole partitions: the custom operator against the sort of the engine.

use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionContext;

use crate::nouns::{ViewRequest, ZoneName};
use crate::plan::tests::fixture::{Random, at, lines, packed, packed_within, try_ask, wait};
use crate::run::RunError;
use crate::table::{Call, Failure, InstanceEvent, Row, TaskEvent};
use crate::{nouns, run};

/// Strings that are always, sometimes, or never present.
const WORDS: [Option<&str>; 4] = [Some("a"), Some("a name that is longer than a view has room for"), Some(""), None];

/// Calls and instance events in which some keys, times and ids are missing or equal.
fn rows(random: &mut Random) -> Vec<Row<'static>> {
    let mut rows: Vec<Row<'static>> = Vec::new();
    let mut word = |words: usize| WORDS[random.below(words as i64) as usize].map(Into::into);
    let mut places: Vec<_> = (0..400).map(|_| (word(4), word(2), word(4), word(4), word(3))).collect();
    for (number, (account, region, cluster, family, started_by)) in places.drain(..).enumerate() {
        let failed = random.one_in(4);
        let id = format!("call-{number:04}");
        let time = Some(at("00:00:00") + random.below(60) * 300_000_000);
        let base = Call {
            id: Some(id.clone().into()),
            time,
            account,
            region,
            cluster,
            family,
            started_by,
            container_instance: random.one_in(2).then(|| format!("instance-{}", random.below(3)).into()),
            event_source: Some("ecs.amazonaws.com".into()),
            event_name: Some("RunTask".into()),
            asked: Some(1),
            placed: Some(i64::from(!failed)),
            missing: Some(i64::from(failed)),
            failed: Some(failed),
            failure_reasons: failed.then(|| "AGENT".into()),
            ..Call::default()
        };
        if failed {
            rows.push(
                Failure {
                    id: base.id.clone(),
                    call: base.id.clone(),
                    time,
                    account: base.account.clone(),
                    region: base.region.clone(),
                    cluster: base.cluster.clone(),
                    family: base.family.clone(),
                    started_by: base.started_by.clone(),
                    container_instance: base.container_instance.clone(),
                    kind: Some("launch".into()),
                    reason: Some("AGENT".into()),
                    event_name: base.event_name.clone(),
                    ..Failure::default()
                }
                .into(),
            );
        }
        rows.push(
            InstanceEvent {
                id: Some(format!("event-{number:04}").into()),
                time,
                account: base.account.clone(),
                region: base.region.clone(),
                cluster: base.cluster.clone(),
                container_instance: Some(format!("instance-{}", random.below(3)).into()),
                version: Some(number as i64),
                agent_connected: Some(random.one_in(2)),
                source: Some("eventbridge".into()),
                ..InstanceEvent::default()
            }
            .into(),
        );
        rows.push(base.into());
    }
    random.shuffle(&mut rows);
    rows
}

/// The same session, planned without the custom operator.
fn as_the_engine(session: &SessionContext) -> SessionContext {
    let state = SessionStateBuilder::new_from_existing(session.state());
    SessionContext::new_with_state(state.with_physical_optimizer_rules(PhysicalOptimizer::new().rules).build())
}

#[test]
fn partitions_of_any_rows_give_what_the_engine_gives() {
    let mut random = Random(11);
    for round in 0..12 {
        let rows = if round == 0 { Vec::new() } else { rows(&mut random) };
        let session = packed(&rows, 1 + round % 3);
        let engine = as_the_engine(&session);
        let need = ViewRequest {
            anchor: at("12:00:00"),
            evidence: round % 2 == 0,
            zone: ZoneName::of(&jiff::tz::TimeZone::UTC),
            ..ViewRequest::default()
        };
        for noun in ["launches", "schedules", "collisions"] {
            let view = (nouns::noun(noun).unwrap().view)(need);
            let answer = |session: &SessionContext| {
                let mut rows = lines(&wait(run::sql(session, &view)).unwrap());
                rows.sort();
                rows
            };
            let (own, others) = (answer(&session), answer(&engine));
            assert_eq!(own, others, "{noun} in round {round}");
            assert!(round == 0 || noun == "schedules" || own.len() > 50, "{noun}: {}", own.len());
            let plan = |session: &SessionContext| lines(&wait(run::sql(session, &format!("explain {view}"))).unwrap()).join("\n");
            assert!(plan(&session).contains("WholePartitionsExec") && !plan(&engine).contains("WholePartitionsExec"));
        }
    }
}

#[test]
fn what_an_analysis_holds_counts_against_the_memory_limit() {
    let mut random = Random(5);
    let mut rows: Vec<Row<'static>> = (0..4).flat_map(|_| rows(&mut random)).collect();
    rows.extend((0..20_000).map(|number| {
        let task = TaskEvent {
            id: Some(format!("event-{number}").into()),
            time: Some(at("01:00:00") + number),
            account: Some("111122223333".into()),
            region: Some("eu-west-1".into()),
            task: Some(format!("{number:032x}").into()),
            cluster: Some("prod".into()),
            container_instance: Some(format!("{:032x}", number % 7).into()),
            last_status: Some("RUNNING".into()),
            cpu: Some(256),
            ..TaskEvent::default()
        };
        Row::from(task)
    }));
    for query in ["launches", "collisions", "quota where resource = tasks_per_cluster", "stalls"] {
        let refused = try_ask(&packed_within(16 << 10, &rows, 2), query, false);
        assert!(matches!(refused, Err(RunError::Memory(_))), "{query}: {refused:?}");
        let answered = try_ask(&packed_within(256 << 20, &rows, 2), query, false);
        assert!(answered.is_ok(), "{query}: {answered:?}");
    }
}

/// Events of tasks on instances, in which some keys and times are missing or equal.
fn task_events(random: &mut Random, count: i64) -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for number in 0..count {
        let mut word = |words: usize| WORDS[random.below(words as i64) as usize].map(Into::into);
        let (account, region, cluster, service) = (word(4), word(2), word(4), word(4));
        let created = at("00:00:00") + random.below(60) * 300_000_000;
        let fargate = random.one_in(2);
        let task = TaskEvent {
            id: Some(format!("event-{number:04}").into()),
            time: Some(created + random.below(600) * 1_000_000),
            task_arn: Some(format!("arn/{:032x}", random.below(count / 2)).into()),
            account,
            region,
            cluster,
            service,
            container_instance: (!fargate).then(|| format!("instance-{}", random.below(3)).into()),
            launch_type: Some(if fargate { "FARGATE" } else { "EC2" }.into()),
            capacity_provider: random.one_in(3).then(|| "FARGATE_SPOT".into()),
            network_interface: random.one_in(2).then(|| "eni-1".into()),
            last_status: Some(if random.one_in(3) { "STOPPED" } else { "RUNNING" }.into()),
            created_at: Some(created),
            stopping_at: random.one_in(3).then_some(created + 60_000_000),
            cpu: Some(256),
            memory: Some(512),
            ..TaskEvent::default()
        };
        rows.push(task.into());
    }
    rows
}

#[test]
fn conditions_that_reach_the_inputs_do_not_change_the_rows() {
    let mut random = Random(23);
    let mut rows = rows(&mut random);
    rows.extend(task_events(&mut random, 600));
    let session = packed(&rows, 3);
    let need = ViewRequest { anchor: at("12:00:00"), zone: ZoneName::of(&jiff::tz::TimeZone::UTC), ..ViewRequest::default() };
    let mut counted = 0;
    for (noun, conditions) in [
        (
            "quota",
            [
                "q.resource = 'fargate_vcpu'",
                "q.resource in ('eni', 'instance_cpu') and q.account = 'a'",
                "q.resource like 'tasks%' and q.used > 1 and q.region is not null",
                "q.cluster = 'a' and q.time >= arrow_cast('2026-03-04T01:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))')",
                "q.resource = 'nothing'",
            ],
        ),
        (
            "stalls",
            [
                "q.cluster = 'a'",
                "q.account = 'a' and q.region = 'a'",
                "q.container_instance = 'instance-1' and q.pending > 0",
                "q.service is null",
                "q.account is null or q.cluster = ''",
            ],
        ),
    ] {
        let view = (nouns::noun(noun).unwrap().view)(need);
        for condition in conditions {
            for columns in ["*", "q.id, q.time", "count(*)"] {
                let answer = |from: &str| {
                    let mut rows =
                        lines(&wait(run::sql(&session, &format!("select {columns} from {from} q where {condition}"))).unwrap());
                    rows.sort();
                    rows
                };
                let whole = answer(&format!("(select * from ({view}) v limit 1000000)"));
                assert_eq!(answer(&format!("({view})")), whole, "{noun} where {condition}: {columns}");
                counted += whole.len();
            }
        }
    }
    assert!(counted > 100, "{counted}");
}

/// The logical and physical plan of a statement.
fn explained(session: &SessionContext, statement: &str) -> String {
    lines(&wait(run::sql(session, &format!("explain {statement}"))).unwrap()).join("\n")
}

#[test]
fn what_a_query_reads_reaches_an_analysis_and_its_inputs() {
    let session = packed(&task_events(&mut Random(7), 10), 2);
    let quota = (nouns::noun("quota").unwrap().view)(ViewRequest::default());
    let plan = explained(&session, &format!("select q.used from ({quota}) q where q.resource = 'eni' and q.account = 'a'"));
    let (logical, physical) = plan.split_once("physical_plan").unwrap();
    assert!(logical.contains("quota_steps: inputs=[refusals, tasks, submissions, limits], filters=["), "{logical}");
    let (_, inputs) = physical.split_once("resources=[eni], rows=all").unwrap();
    assert!(inputs.contains("account@") && inputs.contains("= a"), "{inputs}");
    assert!(inputs.contains("EmptyExec") && !inputs.contains("launch_type@"), "{inputs}");
    let whole = explained(&session, &format!("select q.used from ({quota}) q"));
    assert!(whole.contains("rows=all") && whole.contains("launch_type@") && !whole.contains("limits], filters=["), "{whole}");
}

#[test]
fn wrong_calls_of_an_analysis_are_errors() {
    let session = packed(&[], 2);
    let quota = (nouns::noun("quota").unwrap().view)(ViewRequest::default());
    let random = format!("select * from ({quota}) q where random() < 0.5");
    for (statement, reason) in [
        ("select * from instance_stalls(1, 2)", "0 queries in parentheses as its first arguments, not 2: tasks, instances"),
        ("select * from instance_stalls((select 1), 1, 2)", "1 queries in parentheses as its first arguments, not 2"),
        ("select * from instance_stalls((select 1), (select 2), 'x', 2)", "parameter 1: expected a whole number"),
        ("select * from generate_series((select 1), 2)", "takes no queries"),
        (random.as_str(), "a random condition on the rows of `quota_steps`"),
    ] {
        let error = wait(run::sql(&session, statement)).unwrap_err().to_string();
        assert!(error.contains(reason), "{statement}: {error}");
    }
}
