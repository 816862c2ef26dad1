//! Tests that plans survive the way to an executor, and that analyses give the same rows if they read their inputs by key.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{Expr, ScalarUDF, lit};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::SessionContext;
use datafusion_distributed::WorkerQueryContext;
use datafusion_proto::bytes::{physical_plan_from_bytes_with_proto_converter, physical_plan_to_bytes_with_proto_converter};
use datafusion_proto::physical_plan::{DeduplicatingProtoConverter, DefaultPhysicalProtoConverter, PhysicalExtensionCodec};
use jiff::tz::TimeZone;

use super::align::{WholeResultExec, rules};
use super::codec::{PlanCodec, operators};
use super::executor::task_session;
use crate::engine::functions::{Span, Step, bucket_gap, bucket_span, calendar_part, time_bucket};
use crate::lang::checked::{Every, Scalar};
use crate::nouns::quota::limits::Quotas;
use crate::nouns::{self, NOUNS, ViewRequest, ZoneName};
use crate::plan;
use crate::plan::tests::fixture::{at, batch_lines, checked_in, packed, wait};
use crate::table::{Call, Failure, InstanceEvent, Row, TaskEvent};

/// The session of a task on an executor.
fn executor() -> SessionState {
    task_session(WorkerQueryContext::default(), &plan::session(2, usize::MAX).state()).unwrap()
}

/// The same session, planned as for executors, but run here.
fn for_executors(session: &SessionContext) -> SessionContext {
    let state = session.state();
    let rules = rules(state.physical_optimizers());
    let mut config = state.config().clone().with_create_default_catalog_and_schema(false);
    config.options_mut().optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    let builder = SessionStateBuilder::new_from_existing(state).with_config(config).with_physical_optimizer_rules(rules);
    SessionContext::new_with_state(builder.build())
}

fn plan_of(session: &SessionContext, statement: &str) -> Arc<dyn ExecutionPlan> {
    let plan = wait(async { session.sql(statement).await.unwrap().create_physical_plan().await }).unwrap();
    // The client runs this node itself.
    if plan.is::<WholeResultExec>() { Arc::clone(plan.children()[0]) } else { plan }
}

fn bytes(plan: &Arc<dyn ExecutionPlan>) -> Vec<u8> {
    let converter = DeduplicatingProtoConverter::default();
    physical_plan_to_bytes_with_proto_converter(Arc::clone(plan), &PlanCodec, &converter).unwrap().to_vec()
}

fn decoded(bytes: &[u8], context: &TaskContext) -> Arc<dyn ExecutionPlan> {
    let converter = DeduplicatingProtoConverter::default();
    physical_plan_from_bytes_with_proto_converter(bytes, context, &PlanCodec, &converter).unwrap()
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(true).to_string()
}

/// The names of the operators of this program in a plan.
fn operators_in(plan: &Arc<dyn ExecutionPlan>) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    plan.apply(|node| {
        found.extend(operators().map(|operator| operator.name).find(|name| *name == node.name()));
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    found
}

/// What a plan shows of the operators of this program, and of its scans.
fn own_lines(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let is_own = |line: &&str| line.starts_with("DataSourceExec") || operators().any(|own| line.starts_with(own.name));
    shown(plan).lines().map(str::trim).filter(is_own).map(str::to_owned).collect()
}

/// The operators of this program in a plan, as they are sent.
fn documents(plan: &Arc<dyn ExecutionPlan>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        let mut sent = Vec::new();
        let converter = DefaultPhysicalProtoConverter {};
        if PlanCodec.try_encode(Arc::clone(node), &mut sent, &converter).is_ok() {
            found.push(sent);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    found
}

/// Tasks that wait, start and stop on two instances, calls that start them, and a refusal.
fn rows() -> Vec<Row<'static>> {
    let mut rows: Vec<Row<'static>> = Vec::new();
    for number in 0..40_i64 {
        let (time, instance) = (at("01:00:00") + number * 300_000_000, format!("{:032x}", number % 2));
        let account = if number % 3 == 0 { "111122223333" } else { "444455556666" };
        for (step, status) in ["PENDING", "RUNNING", "STOPPED"].into_iter().enumerate() {
            rows.push(
                TaskEvent {
                    id: Some(format!("event-{number}-{step}").into()),
                    time: Some(time + step as i64 * 60_000_000),
                    account: Some(account.into()),
                    region: Some("eu-west-1".into()),
                    task: Some(format!("{number:032x}").into()),
                    cluster: Some("prod".into()),
                    family: Some("job".into()),
                    container_instance: Some(instance.clone().into()),
                    last_status: Some(status.into()),
                    created_at: Some(time),
                    cpu: Some(256),
                    memory: Some(512),
                    ..TaskEvent::default()
                }
                .into(),
            );
        }
        let failed = number % 5 == 0;
        rows.push(
            Call {
                id: Some(format!("call-{number}").into()),
                time: Some(time),
                account: Some(account.into()),
                region: Some("eu-west-1".into()),
                cluster: Some("prod".into()),
                family: Some("job".into()),
                started_by: Some("cron".into()),
                event_source: Some("ecs.amazonaws.com".into()),
                event_name: Some("RunTask".into()),
                asked: Some(1),
                placed: Some(i64::from(!failed)),
                missing: Some(i64::from(failed)),
                failed: Some(failed),
                failure_reasons: failed.then(|| "AGENT".into()),
                ..Call::default()
            }
            .into(),
        );
        if failed {
            rows.push(
                Failure {
                    id: Some(format!("call-{number}").into()),
                    call: Some(format!("call-{number}").into()),
                    time: Some(time),
                    account: Some(account.into()),
                    region: Some("eu-west-1".into()),
                    cluster: Some("prod".into()),
                    family: Some("job".into()),
                    started_by: Some("cron".into()),
                    container_instance: Some(instance.clone().into()),
                    kind: Some("launch".into()),
                    reason: Some("AGENT".into()),
                    event_name: Some("RunTask".into()),
                    ..Failure::default()
                }
                .into(),
            );
        }
        rows.push(
            InstanceEvent {
                id: Some(format!("instance-{number}").into()),
                time: Some(time),
                account: Some(account.into()),
                region: Some("eu-west-1".into()),
                cluster: Some("prod".into()),
                container_instance: Some(instance.into()),
                version: Some(number),
                agent_connected: Some(number % 4 != 0),
                source: Some("eventbridge".into()),
                ..InstanceEvent::default()
            }
            .into(),
        );
    }
    rows
}

fn request(evidence: bool) -> ViewRequest {
    let zone = ZoneName::of(&TimeZone::get("Asia/Tokyo").unwrap());
    ViewRequest { anchor: at("12:00:00"), evidence, zone, ..ViewRequest::default() }
}

#[test]
fn the_plan_of_every_noun_survives_the_way_to_an_executor() {
    let rows = rows();
    let context = executor().task_ctx();
    let mut found = BTreeSet::new();
    for session in [packed(&rows, 2), for_executors(&packed(&rows, 2))] {
        for noun in NOUNS.iter() {
            let plan = plan_of(&session, &(noun.view)(request(true)));
            let sent = bytes(&plan);
            let received = decoded(&sent, &context);
            // The engine adds casts when it decodes a union whose branches differ in what may be missing.
            assert_eq!(own_lines(&received), own_lines(&plan), "{}", noun.word);
            assert_eq!(documents(&received), documents(&plan), "{}", noun.word);
            found.extend(operators_in(&received));
        }
    }
    assert_eq!(found, operators().map(|operator| operator.name).collect());
}

#[test]
fn a_received_plan_gives_the_rows_of_the_sent_one() {
    let rows = rows();
    let context = Arc::new(TaskContext::from(&executor()));
    let session = packed(&rows, 3);
    let aligned = for_executors(&session);
    let sorted = |plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>| {
        let batches = wait(datafusion::physical_plan::collect(plan, context)).unwrap();
        let mut rows: Vec<String> = batches.iter().flat_map(batch_lines).collect();
        rows.sort();
        rows
    };
    for noun in NOUNS.iter() {
        let view = (noun.view)(request(true));
        let expected = sorted(plan_of(&session, &view), session.task_ctx());
        let plan = plan_of(&aligned, &view);
        assert_eq!(sorted(Arc::clone(&plan), aligned.task_ctx()), expected, "{} by key", noun.word);
        let received = decoded(&bytes(&plan), &context);
        assert_eq!(sorted(received, Arc::clone(&context)), expected, "{} elsewhere", noun.word);
        let is_filled = ["launches", "collisions", "quota", "stalls", "schedules"].contains(&noun.word);
        assert!(!is_filled || noun.word == "stalls" || !expected.is_empty(), "{}", noun.word);
    }
}

#[test]
fn analyses_say_how_they_are_partitioned() {
    let session = for_executors(&packed(&rows(), 2));
    let plan = |noun: &str| shown(&plan_of(&session, &(nouns::noun(noun).unwrap().view)(request(false))));
    assert!(plan("quota").contains("partitioned_by=[account@"), "{}", plan("quota"));
    assert!(plan("stalls").contains("container_instance@"), "{}", plan("stalls"));
    assert!(plan("launches").contains("WholePartitionsExec") && plan("launches").contains("RepartitionExec"));
    let whole = "select trace_principals(id, \"time\", raw, raw) over (order by \"time\", id) from calls";
    let plan = shown(&plan_of(&session, whole));
    assert!(plan.contains("in one partition, because its rows depend on all others"), "{plan}");
}

/// The function of an expression.
fn called(expression: Expr) -> ScalarUDF {
    match expression {
        Expr::ScalarFunction(call) => call.func.as_ref().clone(),
        other => panic!("{other} calls no function"),
    }
}

fn every(text: &str, zone: &str) -> Step {
    let checked = checked_in(&format!("failures {text}"), zone);
    let every: Option<&Every> = checked.stages.iter().find_map(|stage| stage.every.as_ref());
    Step::new(every.unwrap(), &checked.tz)
}

#[test]
fn every_function_with_state_survives_the_way_to_an_executor() {
    let time = || lit(0_i64);
    let mut functions = Vec::new();
    for (text, zone) in [("every 90s", "UTC"), ("every 2d", "Asia/Tokyo"), ("every 1w", "Europe/Berlin")] {
        let step = every(text, zone);
        functions.push(called(time_bucket(step.clone(), time())));
        functions.push(called(bucket_span(step.clone(), 7, time(), time())));
        functions.push(called(bucket_gap(step, Span { first: Some(1), last: None }, vec![time(); 5])));
    }
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    functions.extend([Scalar::Hour, Scalar::Date, Scalar::Week].map(|part| called(calendar_part(part, &tokyo, time()).unwrap())));
    let session = plan::session(1, usize::MAX);
    let mut quotas = Quotas::default();
    let limits = "[[quota]]\nresource = \"fargate_vcpu\"\nregion = \"eu-west-1\"\nlimit = 0.1\nsince = \"2026-03-01T00:00Z\"\n";
    quotas.read(limits).unwrap();
    quotas.what_if.spot_limit = Some(1.0 / 3.0);
    nouns::set_quotas(&session, quotas);
    nouns::set_min_blocked(&session, std::time::Duration::from_secs(7));
    let state = session.state();
    let registered = ["quota_limit", "quota_changes", "quota_task_units", "min_blocked"];
    functions.extend(registered.map(|name| state.scalar_functions()[name].as_ref().clone()));
    for function in functions {
        let mut sent = Vec::new();
        PlanCodec.try_encode_udf(&function, &mut sent).unwrap();
        assert!(!sent.is_empty(), "{} has state", function.name());
        assert_eq!(PlanCodec.try_decode_udf(function.name(), &sent).unwrap().as_ref(), &function);
    }
}

#[test]
fn an_executor_has_all_other_functions() {
    let (executor, session) = (executor(), plan::session(1, usize::MAX).state());
    assert!(session.scalar_functions().keys().all(|name| executor.scalar_functions().contains_key(name)));
    assert!(session.window_functions().keys().all(|name| executor.window_functions().contains_key(name)));
    assert!(session.aggregate_functions().keys().all(|name| executor.aggregate_functions().contains_key(name)));
    assert!(executor.scalar_functions().contains_key("original") && executor.window_functions().contains_key("fold_attempts"));
    assert!(executor.aggregate_functions().contains_key("exact_sum"));
}

#[test]
fn a_zone_that_other_machines_do_not_know_is_an_error() {
    let local = TimeZone::posix("XYZ-3").unwrap();
    let function = called(calendar_part(Scalar::Hour, &local, lit(0_i64)).unwrap());
    let error = PlanCodec.try_encode_udf(&function, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("`--tz Europe/Berlin`"), "{error}");
}

#[test]
fn malformed_operators_are_errors() {
    let context = executor().task_ctx();
    let converter = DeduplicatingProtoConverter::default();
    for bytes in [&b""[..], b"NoExec\n{}", b"QuotaStepsExec\n", b"QuotaStepsExec\n{}", b"InstanceStallsExec\n{\"analysis\":1}"] {
        assert!(PlanCodec.try_decode(bytes, &[], &context, &converter).is_err(), "{bytes:?}");
    }
    assert!(PlanCodec.try_decode_udf("quota_limit", b"{").is_err());
}
