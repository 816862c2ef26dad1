//! The size of a task from RegisterTaskDefinition, and the stop timeout of its containers.
//!
//! Sizes may be strings: `1 vCPU`, `.5 vCPU`, `2 GB`, `2GB`. On EC2, a task definition may have no size; the sum of
//! its containers is used.

use super::field::whole_number;
use crate::decode::json::Value;
use crate::table::Call;

/// Reads the requested values, or the registered ones if the request has none.
pub(super) fn read(call: &mut Call<'_>, request: Option<Value<'_>>, registered: Option<Value<'_>>) {
    let definitions = || [request, registered].into_iter().flatten();
    call.requested_cpu = definitions().find_map(cpu);
    call.requested_memory = definitions().find_map(memory);
    let containers = definitions().find_map(|definition| definition.get("containerDefinitions"));
    let timeouts =
        containers.into_iter().flat_map(Value::items).filter_map(|container| whole_number(container.get("stopTimeout")?));
    call.stop_timeout = timeouts.max();
}

fn cpu(definition: Value<'_>) -> Option<i64> {
    let own = definition.get("cpu").and_then(|cpu| sized(cpu, "vcpu"));
    own.or_else(|| sum(definition, |container| whole_number(container.get("cpu")?)))
}

fn memory(definition: Value<'_>) -> Option<i64> {
    let own = definition.get("memory").and_then(|memory| sized(memory, "gb"));
    own.or_else(|| {
        sum(definition, |container| ["memory", "memoryReservation"].iter().find_map(|key| whole_number(container.get(key)?)))
    })
}

fn sum(definition: Value<'_>, of: impl Fn(Value<'_>) -> Option<i64>) -> Option<i64> {
    let containers = definition.get("containerDefinitions")?.items();
    Some(containers.filter_map(of).fold(0_i64, i64::saturating_add)).filter(|total| *total > 0)
}

/// Plain units, or a number of larger units followed by the unit name.
fn sized(value: Value<'_>, larger: &str) -> Option<i64> {
    if value.int().is_some() {
        return whole_number(value).filter(|units| *units > 0);
    }
    let text = value.text()?.trim().to_ascii_lowercase();
    let number: f64 = text.strip_suffix(larger)?.trim().parse().ok()?;
    (number.is_finite() && number > 0.0 && number < 1e6).then_some((number * 1024.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    fn sizes(definition: &str) -> (Option<i64>, Option<i64>, Option<i64>) {
        let tape = Tape::parse(definition).unwrap();
        let mut call = Call::default();
        read(&mut call, Some(tape.root()), None);
        (call.requested_cpu, call.requested_memory, call.stop_timeout)
    }

    #[test]
    fn sizes_are_units_or_texts_or_those_of_the_containers() {
        assert_eq!(sizes(r#"{"cpu":"1024","memory":"7372"}"#), (Some(1024), Some(7372), None));
        assert_eq!(sizes(r#"{"cpu":".5 vCPU","memory":"2GB"}"#), (Some(512), Some(2048), None));
        assert_eq!(sizes(r#"{"cpu":"4 vcpu","memory":"30 GB"}"#), (Some(4096), Some(30720), None));
        let containers = r#"{"containerDefinitions":[{"cpu":128,"memory":256,"stopTimeout":30},{"cpu":64,"memoryReservation":128,"stopTimeout":2400}]}"#;
        assert_eq!(sizes(containers), (Some(192), Some(384), Some(2400)));
        assert_eq!(sizes(r#"{"cpu":"many","memory":"-1 GB"}"#), (None, None, None));
        assert_eq!(sizes(r#"{"cpu":"9223372036854775807","memory":4294967296}"#), (None, None, None), "no task is this large");
    }
}
