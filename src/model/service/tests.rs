use super::*;
use crate::decode::json::Tape;

const ARN: &str = "arn:aws:ecs:us-west-2:111122223333:service/shop/search";

fn envelope(detail_type: &'static str) -> Envelope<'static> {
    Envelope {
        id: Some("e1"),
        time: Some(7),
        account: Some("111122223333"),
        region: Some("us-west-2"),
        detail_type,
        source: "aws.ecs",
        resource: Some(ARN),
    }
}

/// The row, and `kind code reason incident` of the failure.
fn with_event(
    text: &str,
    model: impl for<'a> Fn(Value<'a>, Origin<'a>) -> Modeled<'a>,
    check: impl FnOnce(&ServiceEvent<'_>, Option<String>),
) {
    let tape = Tape::parse(text).unwrap();
    let origin = Origin { file: "f", record: 1, raw: None, text };
    let Modeled::Record(record) = model(tape.root(), origin) else { panic!("a record") };
    let failure = record.rows.get(1).map(|row| match row {
        Row::Failures(failure) => {
            let fields = [&failure.kind, &failure.code, &failure.reason, &failure.incident];
            fields.map(|field| field.as_deref().unwrap_or("-")).join(" ")
        }
        _ => panic!("a failure"),
    });
    match record.rows.first() {
        Some(Row::ServiceEvents(event)) => check(event, failure),
        _ => panic!("a service event"),
    }
}

#[test]
fn errors_of_a_service_are_failures() {
    let text = r#"{"eventType":"ERROR","eventName":"SERVICE_TASK_PLACEMENT_FAILURE","reason":"RESOURCE:FARGATE",
        "clusterArn":"arn:aws:ecs:us-west-2:111122223333:cluster/shop","createdAt":"2019-11-06T19:09:33.087Z",
        "capacityProviderArns":["arn:aws:ecs:us-west-2:111122223333:capacity-provider/FARGATE_SPOT"]}"#;
    fn model<'a>(detail: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
        model_service_action(detail, envelope("ECS Service Action"), origin)
    }
    with_event(text, model, |event, failure| {
        assert_eq!((event.service.as_deref(), event.cluster.as_deref()), (Some("search"), Some("shop")));
        assert_eq!(event.capacity_provider.as_deref(), Some("FARGATE_SPOT"));
        assert_ne!(event.time, event.event_time);
        assert_eq!(failure.as_deref(), Some("service service.capacity.placement-resource-fargate RESOURCE:FARGATE e1"));
    });
    let unknown = text.replace("RESOURCE:FARGATE", "never seen").replace("SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_NEW");
    with_event(&unknown, model, |_, failure| assert_eq!(failure.as_deref(), Some("service service SERVICE_NEW e1")));
    let steady = text.replace("SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_STEADY_STATE");
    with_event(&steady, model, |event, failure| {
        assert_eq!((event.event_type.as_deref(), failure), (Some("ERROR"), None), "the name decides, not the severity");
    });
    let mild = text.replace("ERROR", "INFO");
    with_event(&mild, model, |_, failure| assert!(failure.is_some_and(|failure| failure.contains("RESOURCE:FARGATE"))));
    let new_and_mild = unknown.replace("ERROR", "INFO");
    with_event(&new_and_mild, model, |_, failure| assert_eq!(failure, None));
}

#[test]
fn a_failed_deployment_is_one_failure_however_often_it_is_reported() {
    let text = r#"{"eventType":"ERROR","eventName":"SERVICE_DEPLOYMENT_FAILED","deploymentId":"ecs-svc/123",
        "updatedAt":"2020-05-23T11:11:11Z","reason":"ECS deployment circuit breaker: tasks failed to start."}"#;
    let want = "deployment deployment.deployment.circuit-breaker SERVICE_DEPLOYMENT_FAILED deployment:ecs-svc/123";
    with_event(
        text,
        |detail, origin| model_deployment(detail, envelope("ECS Deployment State Change"), origin),
        |event, failure| {
            assert_eq!((event.cluster.as_deref(), event.deployment.as_deref()), (Some("shop"), Some("ecs-svc/123")));
            assert_eq!(failure.as_deref(), Some(want));
        },
    );
    let described = r#"{"serviceArn":"arn:aws:ecs:us-west-2:111122223333:service/shop/search","serviceName":"search",
        "clusterArn":"arn:aws:ecs:us-west-2:111122223333:cluster/shop","deployments":[{"id":"ecs-svc/123",
        "rolloutState":"FAILED","rolloutStateReason":"ECS deployment circuit breaker: tasks failed to start.",
        "taskDefinition":"arn:aws:ecs:us-west-2:111122223333:task-definition/search:9","updatedAt":1590232271.0}]}"#;
    with_event(
        described,
        |service, origin| {
            let deployment = service.get("deployments").and_then(|all| all.items().next()).unwrap();
            model_service_deployment(service, deployment, origin)
        },
        |event, failure| {
            assert_eq!(event.id.as_deref(), Some("ecs-svc/123@SERVICE_DEPLOYMENT_FAILED@1590232271000000"));
            assert_eq!(failure.as_deref(), Some(want));
        },
    );
}

#[test]
fn messages_of_describe_services() {
    let check = |message: &str, want: (Option<&str>, Option<&str>)| {
        let text = format!(
            r#"{{"serviceArn":"{ARN}","serviceName":"search","events":[{{"id":"m1","createdAt":1590232271.5,"message":"{message}"}}]}}"#
        );
        with_event(
            &text,
            |service, origin| {
                let event = service.get("events").and_then(|all| all.items().next()).unwrap();
                model_service_message(service, event, origin)
            },
            |event, failure| {
                assert_eq!((event.event_type.as_deref(), failure.as_deref()), want, "{message}");
                assert_eq!((event.source.as_deref(), event.cluster.as_deref()), (Some("describe"), Some("shop")));
            },
        );
    };
    check("(service search) has reached a steady state.", (Some("INFO"), None));
    check("(service search) never seen before", (None, None));
    check(
        "(service search) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance b1a7) has insufficient memory available.",
        (Some("WARN"), Some("service service.placement.placement-resource-memory RESOURCE:MEMORY m1")),
    );
    check(
        "(service search) (deployment ecs-svc/41) deployment failed: tasks failed to start.",
        (Some("ERROR"), Some("deployment deployment.deployment.circuit-breaker SERVICE_DEPLOYMENT_FAILED deployment:ecs-svc/41")),
    );
    // The deployment that a rollback goes to did not fail.
    check(
        "(service search) rolling back to deployment ecs-svc/40.",
        (Some("ERROR"), Some("deployment deployment.deployment SERVICE_DEPLOYMENT_ROLLBACK_STARTED m1")),
    );
}

#[test]
fn health_events_about_ecs() {
    let text = r#"{"eventArn":"arn","service":"ECS","eventTypeCode":"AWS_ECS_TASK_PATCHING_RETIREMENT",
        "eventTypeCategory":"scheduledChange","startTime":"Sat, 05 Jun 2021 15:10:09 GMT",
        "eventDescription":[{"language":"en_US","latestDescription":"Tasks will be retired"}],
        "affectedEntities":[{"entityValue":"shop|search"}]}"#;
    fn model<'a>(detail: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
        model_health(detail, envelope("AWS Health Event"), origin)
    }
    with_event(text, model, |event, failure| {
        assert_eq!((event.kind.as_deref(), event.time, failure), (Some("health"), Some(7), None));
        assert_eq!((event.cluster.as_deref(), event.service.as_deref()), (Some("shop"), Some("search")));
        assert_eq!(event.message.as_deref(), Some("Tasks will be retired"));
    });
}

#[test]
fn a_daemon_is_what_its_event_is_about() {
    let text = r#"{"eventType":"WARNING","eventName":"DAEMON_TASK_START_IMPAIRED","failureType":"TASK_FAILED_TO_RUN",
        "clusterArn":"arn:aws:ecs:us-west-2:111122223333:cluster/shop","capacityProviderName":"fleet","createdAt":"2026-03-24T12:00:00Z",
        "containerInstanceArn":"arn:aws:ecs:us-west-2:111122223333:container-instance/shop/i1",
        "daemonArn":"arn:aws:ecs:us-west-2:111122223333:daemon/shop/metrics",
        "reason":"Task failed to reach RUNNING status: RESOURCE:MEMORY"}"#;
    fn model<'a>(detail: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
        model_service_action(detail, envelope("ECS Daemon Service Action"), origin)
    }
    with_event(text, model, |event, failure| {
        assert_eq!((event.service.as_deref(), event.container_instance.as_deref()), (Some("metrics"), Some("i1")));
        assert_eq!(event.capacity_provider.as_deref(), Some("fleet"));
        assert_eq!(failure.as_deref(), Some("service service.placement.placement-resource-memory RESOURCE:MEMORY e1"));
    });
}

#[test]
fn a_message_alone_names_its_service() {
    let text =
        r#"{"createdAt":"2026-05-04T10:00:00Z","message":"(service cart, taskSet ecs-svc/1) has reached a steady state."}"#;
    with_event(
        text,
        |message, origin| model_service_message(message, message, origin),
        |event, failure| {
            assert_eq!((event.service.as_deref(), failure), (Some("cart"), None));
        },
    );
}

#[test]
fn the_health_api_reports_ecs_events_too() {
    let text = r#"{"event":{"arn":"arn:aws:health:eu-west-1::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/1","service":"ECS","region":"eu-west-1",
        "eventTypeCode":"AWS_ECS_TASK_PATCHING_RETIREMENT","eventTypeCategory":"scheduledChange","startTime":1777888800},
        "eventDescription":{"latestDescription":"Tasks are replaced."}}"#;
    with_event(
        text,
        |event, origin| model_health(event, Envelope::describe(), origin),
        |event, failure| {
            assert_eq!(
                (event.message.as_deref(), event.region.as_deref(), failure),
                (Some("Tasks are replaced."), Some("eu-west-1"), None)
            );
        },
    );
}
