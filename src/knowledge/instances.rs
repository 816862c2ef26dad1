//! What is known about container instances: network interfaces by instance type, and versions of the ECS agent.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Interfaces by family and size.
    interfaces: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versions {
    queues: Vec<Range>,
}

/// Versions from one, inclusive, to another, exclusive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: String,
    before: Option<String>,
}

static LIMITS: LazyLock<Limits> =
    LazyLock::new(|| toml::from_str(include_str!("network-interfaces.toml")).expect("the built-in list is tested"));

static VERSIONS: LazyLock<Versions> =
    LazyLock::new(|| toml::from_str(include_str!("agent-versions.toml")).expect("the built-in list is tested"));

/// The number of tasks that can have a network interface of their own on an instance of this type: all interfaces but the
/// instance's own. None for an unknown type.
pub fn task_interfaces(instance_type: &str) -> Option<i64> {
    let (family, size) = instance_type.split_once('.')?;
    LIMITS.interfaces.get(family)?.get(size).map(|all| all - 1)
}

/// Whether the agent of this version makes a new task wait until stopping tasks have released what they hold. None for a text
/// that is not a version.
pub fn agent_queues(version: &str) -> Option<bool> {
    let version = parts(version)?;
    let holds = |range: &Range| {
        parts(&range.from).is_some_and(|from| version >= from)
            && range.before.as_deref().and_then(parts).is_none_or(|before| version < before)
    };
    Some(VERSIONS.queues.iter().any(holds))
}

/// Major, minor and patch version.
fn parts(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    let parts = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_known_by_type() {
        assert_eq!(task_interfaces("m5.large"), Some(2));
        assert_eq!(task_interfaces("t3.medium"), Some(2));
        assert_eq!(task_interfaces("m6g.medium"), Some(1));
        assert_eq!(task_interfaces("r5.16xlarge"), Some(14));
        assert_eq!(task_interfaces("m5"), None);
        assert_eq!(task_interfaces("x99.large"), None);
        let all = LIMITS.interfaces.values().flat_map(BTreeMap::values);
        assert!(all.clone().count() > 1000 && all.into_iter().all(|count| *count >= 1));
    }

    #[test]
    fn agents_queue_in_some_versions() {
        for (version, queues) in [
            ("1.72.9", Some(false)),
            ("1.73.0", Some(true)),
            ("1.73.1", Some(false)),
            ("1.74.0", Some(false)),
            ("1.74.1", Some(true)),
            ("v1.98.0", Some(true)),
            ("2.0.0", Some(true)),
            ("latest", None),
            ("", None),
        ] {
            assert_eq!(agent_queues(version), queues, "{version}");
        }
        assert!(VERSIONS.queues.iter().all(|range| parts(&range.from).is_some()));
    }
}
