//! Root classes, from `knowledge/incident-roots.toml`.

use crate::knowledge::INCIDENT_ROOTS;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The resource through which one fault hits several services or jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// The container instance.
    Instance,
    /// The cluster, for the same catalog entry.
    Cluster,
    /// The account and Region, for the same quota or error code.
    Region,
    /// The subnet, or the cluster if the subnet is unknown.
    Subnet,
    /// The role, secret or image.
    Resource,
}

/// A class of roots.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Its name.
    pub id: String,
    /// The catalog entries; `*` matches any text.
    causes: Vec<String>,
    /// The phases of failures that no other root claims.
    phases: Vec<String>,
    /// See [`Shared`].
    pub shared: Option<Shared>,
    /// How a sentence names it.
    pub because: String,
    /// Whether a message of this root names its cause.
    #[serde(default = "yes")]
    pub certain: bool,
    /// Whether a phase alone proves `because`, without a message that the catalog knows.
    #[serde(default)]
    pub phase_suffices: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    root: Vec<Root>,
    because: BTreeMap<String, String>,
}

static TEXT: LazyLock<Text> = LazyLock::new(|| toml::from_str(INCIDENT_ROOTS).expect("a test reads the roots of incidents"));

/// The root class of a failure; none if neither its cause nor its phase is known.
pub fn root_of(cause: Option<&str>, phase: Option<&str>) -> Option<&'static Root> {
    let claims = |root: &&Root| cause.is_some_and(|cause| root.causes.iter().any(|pattern| matches(pattern, cause)));
    let contains = |root: &&Root| phase.is_some_and(|phase| root.phases.iter().any(|known| known == phase));
    TEXT.root.iter().find(claims).or_else(|| TEXT.root.iter().find(contains))
}

/// The phrase for a catalog entry.
pub fn because_of(cause: &str) -> Option<&'static str> {
    TEXT.because.get(cause).map(String::as_str)
}

/// Whether a pattern matches a name; each `*` matches any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

/// The names that the file mentions, for tests.
#[cfg(test)]
pub(super) fn mentioned() -> impl Iterator<Item = &'static str> {
    TEXT.root.iter().flat_map(|root| root.causes.iter()).chain(TEXT.because.keys()).map(String::as_str)
}
