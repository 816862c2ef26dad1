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
