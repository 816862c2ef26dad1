//! Containers that AWS runs beside the program of a task.

use serde::Deserialize;
use std::sync::LazyLock;

/// A container that AWS adds to tasks, or publishes to run beside a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedContainer {
    /// The name of the entry.
    pub id: String,
    /// What it is, as a person would say it.
    pub title: String,
    /// Whether AWS adds it; otherwise the task definition names it.
    pub injected: bool,
    /// Container names; `*` at the end matches any suffix.
    pub names: Vec<String>,
    /// Parts of an image name.
    pub images: Vec<String>,
    /// What to do when its image cannot be pulled.
    pub pull: String,
    /// What to do when it fails.
    pub fault: String,
    /// Where the names are from.
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    container: Vec<InjectedContainer>,
}

static LIST: LazyLock<Vec<InjectedContainer>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("injected-containers.toml")).expect("the built-in list is tested");
    list.container
});

impl InjectedContainer {
    /// All of them.
    pub fn all() -> &'static [InjectedContainer] {
        &LIST
    }

    /// The entry for a container with this name and image.
    pub fn of(name: Option<&str>, image: Option<&str>) -> Option<&'static InjectedContainer> {
        let by_name = |entry: &&InjectedContainer| {
            name.is_some_and(|name| {
                entry.names.iter().any(|known| match known.strip_suffix('*') {
                    Some(start) => name.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)),
                    None => name.eq_ignore_ascii_case(known),
                })
            })
        };
        LIST.iter().find(by_name).or_else(|| InjectedContainer::named_in(image?))
    }

    /// The entry whose image a text names, such as the message of a failed pull.
    pub fn named_in(text: &str) -> Option<&'static InjectedContainer> {
        LIST.iter().find(|entry| entry.images.iter().any(|image| text.contains(image.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_images_are_recognized() {
        let id = |name, image| InjectedContainer::of(name, image).map(|entry| entry.id.as_str());
        assert_eq!(id(Some("aws-guardduty-agent-Qx81"), None), Some("guardduty-agent"));
        assert_eq!(id(Some("ecs-service-connect-k2"), None), Some("service-connect-proxy"));
        assert_eq!(id(Some("Log_Router"), Some("shop/web:1")), Some("firelens"));
        assert_eq!(id(Some("tracing"), Some("public.ecr.aws/xray/aws-xray-daemon:3.x")), Some("xray-daemon"));
        assert_eq!(id(Some("envoy-metrics"), None), None, "only what the list names");
        assert_eq!(id(Some("app"), Some("111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1")), None);
        assert_eq!(id(None, None), None);
        assert_eq!(id(Some("€"), None), None);
    }

    #[test]
    fn ids_are_unique_and_every_entry_says_what_to_do() {
        let ids: std::collections::BTreeSet<&str> = InjectedContainer::all().iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), InjectedContainer::all().len());
        assert!(InjectedContainer::all().iter().all(|entry| !entry.pull.is_empty() && !entry.fault.is_empty()));
    }
}
