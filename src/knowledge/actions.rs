//! The actions that only ECS has, as `ecs-actions.toml` lists them, and those of AWS STS that issue role sessions.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The actions that issue the credentials of a role session.
pub const SESSION_ACTIONS: [&str; 4] = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    actions: BTreeSet<String>,
}

static LIST: LazyLock<List> =
    LazyLock::new(|| toml::from_str(include_str!("ecs-actions.toml")).expect("the built-in list is tested"));

/// Whether an API action of this name exists in ECS and in no other service.
pub fn is_ecs_action(name: &str) -> bool {
    LIST.actions.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_shares_are_actions_of_ecs() {
        assert!(is_ecs_action("RunTask") && is_ecs_action("SubmitTaskStateChange"));
        for shared in ["CreateCluster", "UpdateService", "CreateCapacityProvider", "ListTasks", "TagResource", "runTask", ""] {
            assert!(!is_ecs_action(shared), "{shared}");
        }
    }
}
