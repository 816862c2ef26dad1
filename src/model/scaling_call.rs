//! Application Auto Scaling calls for an ECS service: its cluster and its name.

use super::field::name;
use crate::decode::json::Value;
use crate::table::Call;

/// Sets the cluster and the service of such a call, and returns whether it is one. Most are recorded under the event source of
/// EC2 Auto Scaling.
pub(super) fn read_scaling_call<'a>(call: &mut Call<'a>, request: Option<Value<'a>>) -> bool {
    let source = call.event_source.as_deref();
    let scales = matches!(source, Some("autoscaling.amazonaws.com" | "application-autoscaling.amazonaws.com"));
    let Some(request) = request.filter(|request| scales && request.text_at("serviceNamespace") == Some("ecs")) else {
        return false;
    };
    let resource = request.text_at("resourceId").and_then(|resource| resource.strip_prefix("service/"));
    if let Some((cluster, service)) = resource.and_then(|resource| resource.split_once('/')) {
        call.cluster = name(cluster);
        call.service = name(service);
    }
    true
}
