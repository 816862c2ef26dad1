//! Texts that report how a deployment of a service ended.

use regex::Regex;
use serde::Deserialize;
use std::sync::LazyLock;

/// Where the fault of a failed deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOf {
    /// In its tasks: the deployment failed as a consequence.
    Tasks,
    /// The text names a fault of its own.
    Itself,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[cfg_attr(not(test), expect(dead_code, reason = "names the entry to people, and in tests"))]
    id: String,
    of: FaultOf,
    #[serde(default)]
    bare: bool,
    patterns: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by tests only"))]
    examples: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    outcome: Vec<Entry>,
}

struct Compiled {
    entry: Entry,
    patterns: Vec<Regex>,
}

static LIST: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("deployment-outcomes.toml")).expect("the built-in list is tested");
    let compile = |entry: Entry| {
        let patterns = entry.patterns.iter().map(|pattern| Regex::new(pattern).expect("the built-in list is tested")).collect();
        Compiled { entry, patterns }
    };
    list.outcome.into_iter().map(compile).collect()
});

/// What a text reports of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentOutcome<'t> {
    /// Where the fault is.
    pub of: FaultOf,
    /// It only reports the way back to an earlier revision.
    pub bare: bool,
    /// The deployment that failed, where the text names it.
    pub failed: Option<&'t str>,
}

impl<'t> DeploymentOutcome<'t> {
    /// Reads a text; none where it reports no end of a deployment.
    pub fn of(text: &'t str) -> Option<Self> {
        LIST.iter().find_map(|known| {
            let caught = known.patterns.iter().find_map(|pattern| pattern.captures(text))?;
            let failed = caught.name("failed").map(|failed| failed.as_str());
            Some(DeploymentOutcome { of: known.entry.of, bare: known.entry.bare, failed })
        })
    }

    /// Whether a message of a service is about a deployment that failed. One that names no deployment may also be about a
    /// task or a placement, as the phase of what explains it says.
    pub fn reports_a_deployment(&self, phase: Option<&str>) -> bool {
        self.failed.is_some() || self.bare || phase.is_none_or(|phase| phase == "deployment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_read_by_its_own_entry() {
        for known in LIST.iter() {
            for example in &known.entry.examples {
                let first = LIST.iter().find(|known| known.patterns.iter().any(|pattern| pattern.is_match(example)));
                assert_eq!(first.map(|first| first.entry.id.as_str()), Some(known.entry.id.as_str()), "{example}");
            }
        }
    }

    #[test]
    fn the_failed_deployment_is_read_and_the_target_of_a_rollback_is_not_it() {
        let read = |text| DeploymentOutcome::of(text).map(|outcome| (outcome.of, outcome.bare, outcome.failed));
        let failed = "(service api) (deployment ecs-svc/77) deployment failed: tasks failed to start.";
        assert_eq!(read(failed), Some((FaultOf::Tasks, false, Some("ecs-svc/77"))));
        assert_eq!(read("(service api) rolling back to deployment ecs-svc/76."), Some((FaultOf::Tasks, true, None)));
        let alarm = "(service api, deployment ecs-svc/77) deployment failed: alarm detected.";
        assert_eq!(read(alarm), Some((FaultOf::Itself, false, Some("ecs-svc/77"))));
        assert_eq!(read("(service api) has started 2 tasks: (task 0a)."), None);
    }
}
