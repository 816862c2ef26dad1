//! Which events and states of Amazon ECS are failures: by name, as `states.toml` lists them.

use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    name: String,
    failure: bool,
    #[serde(default)]
    event: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct States {
    event: Vec<State>,
    deployment_status: Vec<State>,
}

static STATES: LazyLock<States> =
    LazyLock::new(|| toml::from_str(include_str!("states.toml")).expect("the built-in list is tested"));

/// Whether an event with this name is a failure; none for a name that is not listed.
pub fn event_is_failure(event_name: &str) -> Option<bool> {
    STATES.event.iter().find(|event| event.name == event_name).map(|event| event.failure)
}

/// Whether a deployment in this state failed; none for a state that is not listed.
pub fn deployment_failed(status: &str) -> Option<bool> {
    STATES.deployment_status.iter().find(|state| state.name == status).map(|state| state.failure)
}

/// What the name of the event of a state ends with: `COMPLETED` for `SUCCESSFUL`.
pub fn event_of_status(status: &str) -> &str {
    let known = STATES.deployment_status.iter().find(|state| state.name == status);
    known.and_then(|state| state.event.as_deref()).unwrap_or(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{CatalogText, ECS_ERRORS};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn names_are_unique() {
        for list in [&STATES.event, &STATES.deployment_status] {
            let names: BTreeSet<&str> = list.iter().map(|state| state.name.as_str()).collect();
            assert_eq!(names.len(), list.len());
        }
        assert_eq!((event_is_failure("SERVICE_STEADY_STATE"), event_is_failure("NEW")), (Some(false), None));
        assert_eq!((event_of_status("SUCCESSFUL"), event_of_status("STOPPED")), ("COMPLETED", "STOPPED"));
    }

    /// A value that the API has and nobody here decided about fails this test: add it to `states.toml`, or a
    /// `[[stop_code]]` to `ecs-errors.toml`.
    #[test]
    fn every_value_of_the_api_is_known() {
        let enums: BTreeMap<String, toml::Value> = toml::from_str(include_str!("ecs-enums.toml")).unwrap();
        let catalog: CatalogText = toml::from_str(ECS_ERRORS).unwrap();
        let values = |name: &str| -> Vec<String> {
            let list = enums[name].as_array().unwrap_or_else(|| panic!("{name} in ecs-enums.toml"));
            list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        for shape in ["ServiceDeploymentStatus", "DaemonDeploymentStatus", "DeploymentRolloutState"] {
            for status in values(shape) {
                assert!(deployment_failed(&status).is_some(), "{shape}: {status}");
            }
        }
        for code in values("TaskStopCode") {
            assert!(catalog.stop_codes.iter().any(|known| known.code == code), "TaskStopCode: {code}");
        }
    }

    /// Every state of a deployment has an event name of which it is decided the same.
    #[test]
    fn events_and_states_agree() {
        for state in &STATES.deployment_status {
            let event = format!("SERVICE_DEPLOYMENT_{}", event_of_status(&state.name));
            assert_eq!(event_is_failure(&event), Some(state.failure), "{event}");
        }
    }
}
