//! Where the cause of a failure is recorded that the loaded records do not name.

use serde::Deserialize;
use std::sync::LazyLock;

/// What a task runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Host {
    /// A container instance.
    Ec2,
    /// Fargate.
    Fargate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    kinds: Vec<String>,
    #[serde(default)]
    host: Option<Host>,
    look: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    place: Vec<Place>,
}

static LIST: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("where-to-look.toml")).expect("the built-in list is tested");
    list.place
});

/// Where to look for the cause of a failure of this kind.
pub fn where_to_look(kind: &str, host: Option<Host>) -> Vec<&'static str> {
    let fits = |place: &&Place| {
        place.kinds.iter().any(|known| known == kind) && (place.host.is_none() || host.is_none() || place.host == host)
    };
    LIST.iter().filter(fits).map(|place| place.look.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_a_place_to_look() {
        for kind in ["launch", "api_error", "task", "service", "deployment", "agent", "run", "resource"] {
            assert!(!where_to_look(kind, None).is_empty(), "{kind}");
        }
        let on = |host| where_to_look("task", Some(host)).join("\n");
        assert!(on(Host::Ec2).contains("ecs-agent.log") && !on(Host::Fargate).contains("ecs-agent.log"));
    }
}
