//! Links to pages of the AWS console.
//!
//! In: names from records, which may be anything. Out: a URL, or none if a name is missing or cannot be part of one. Invariant: a
//! name cannot change the host of a link, or the page that it leads to.

use crate::percent;
use serde::Deserialize;
use std::sync::LazyLock;

/// What a page of the console is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ConsolePage {
    /// An ECS task.
    #[serde(rename = "task")]
    Task,
    /// An ECS service.
    #[serde(rename = "service")]
    Service,
    /// The deployments of a service.
    #[serde(rename = "deployment")]
    Deployment,
    /// A cluster.
    #[serde(rename = "cluster")]
    Cluster,
    /// A container instance.
    #[serde(rename = "container instance")]
    Instance,
    /// An event of CloudTrail.
    #[serde(rename = "event")]
    Event,
}

impl ConsolePage {
    /// Its name in text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            ConsolePage::Task => "task",
            ConsolePage::Service => "service",
            ConsolePage::Deployment => "deployment",
            ConsolePage::Cluster => "cluster",
            ConsolePage::Instance => "container instance",
            ConsolePage::Event => "event",
        }
    }
}

/// The names in a link. The Region is required, the others depend on the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConsoleNames<'n> {
    /// The Region.
    pub region: Option<&'n str>,
    /// The cluster.
    pub cluster: Option<&'n str>,
    /// The service.
    pub service: Option<&'n str>,
    /// The id of a task.
    pub task: Option<&'n str>,
    /// The id of a container instance.
    pub instance: Option<&'n str>,
    /// The id of an event of CloudTrail.
    pub event: Option<&'n str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    regions: String,
    #[serde(default)]
    host: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    of: ConsolePage,
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    partition: Vec<Partition>,
    page: Vec<Page>,
}

static LIST: LazyLock<List> =
    LazyLock::new(|| toml::from_str(include_str!("console.toml")).expect("the built-in list is tested"));

/// The longest name of a Region.
const LONGEST_REGION: usize = 32;

/// The address of a page; none if one of its names is missing or cannot be part of an address.
pub fn console_link(page: ConsolePage, names: &ConsoleNames<'_>) -> Option<String> {
    let region = names.region.filter(|region| is_region(region))?;
    let host = LIST.partition.iter().find(|partition| region.starts_with(&partition.regions))?.host.as_deref()?;
    let template = LIST.page.iter().find(|known| known.of == page)?;
    let template = template.url.replace("{host}", host).replace("{region}", region);
    let mut url = String::with_capacity(template.len() + 64);
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, next) = after.split_once('}')?;
        let value = match name {
            "cluster" => names.cluster,
            "service" => names.service,
            "task" => names.task,
            "instance" => names.instance,
            "event" => names.event.filter(|event| is_event_id(event)),
            _ => None,
        };
        url.push_str(before);
        url.push_str(&segment(value?)?);
        rest = next;
    }
    url.push_str(rest);
    Some(url)
}

/// Whether a name can be that of a Region, so that it can be a part of a host.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= LONGEST_REGION && parts.len() >= 3 && parts.iter().all(is_word)
}

/// Whether an id is one of CloudTrail, and not one that was computed for a record without an id.
fn is_event_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A name as one segment of a path. Browsers resolve `.` and `..`, encoded or not, so these names have no link.
fn segment(name: &str) -> Option<String> {
    (!matches!(name, "" | "." | "..")).then(|| percent::encoded(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'n>(region: &'n str, cluster: &'n str, name: &'n str) -> ConsoleNames<'n> {
        ConsoleNames {
            region: Some(region),
            cluster: Some(cluster),
            service: Some(name),
            task: Some(name),
            instance: Some(name),
            event: Some(name),
        }
    }

    #[test]
    fn every_page_has_a_link() {
        const ID: &str = "d25e49b0-637f-469f-8e82-413fa77b3188";
        let host = "https://eu-west-1.console.aws.amazon.com";
        for (page, expected) in [
            (ConsolePage::Task, format!("{host}/ecs/v2/clusters/batch/tasks/{ID}?region=eu-west-1")),
            (ConsolePage::Service, format!("{host}/ecs/v2/clusters/batch/services/{ID}?region=eu-west-1")),
            (ConsolePage::Deployment, format!("{host}/ecs/v2/clusters/batch/services/{ID}/deployments?region=eu-west-1")),
            (ConsolePage::Cluster, format!("{host}/ecs/v2/clusters/batch/services?region=eu-west-1")),
            (
                ConsolePage::Instance,
                format!("{host}/ecs/v2/clusters/batch/infrastructure/container-instances/{ID}?region=eu-west-1"),
            ),
            (ConsolePage::Event, format!("{host}/cloudtrailv2/home?region=eu-west-1#/events/{ID}")),
        ] {
            assert_eq!(console_link(page, &names("eu-west-1", "batch", ID)), Some(expected));
        }
    }

    #[test]
    fn each_partition_has_its_host() {
        let of = |region| console_link(ConsolePage::Cluster, &names(region, "c", ""));
        for (region, host) in [
            ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
            ("ap-northeast-1", "ap-northeast-1.console.aws.amazon.com"),
        ] {
            assert_eq!(of(region), Some(format!("https://{host}/ecs/v2/clusters/c/services?region={region}")));
        }
        for region in ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1"] {
            assert_eq!(of(region), None, "{region}");
        }
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let of = |cluster, task| console_link(ConsolePage::Task, &names("eu-west-1", cluster, task));
        let start = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/";
        assert_eq!(of("a/../b?x#y", "t"), Some(format!("{start}a%2F..%2Fb%3Fx%23y/tasks/t?region=eu-west-1")));
        assert_eq!(of("c", "é\"<>(){}"), Some(format!("{start}c/tasks/%C3%A9%22%3C%3E%28%29%7B%7D?region=eu-west-1")));
        assert_eq!(of("{task}", "\u{202e}\n"), Some(format!("{start}%7Btask%7D/tasks/%E2%80%AE%0A?region=eu-west-1")));
        for name in ["", ".", ".."] {
            assert_eq!(of("c", name), None, "{name}");
            assert_eq!(of(name, "t"), None, "{name}");
        }
        for region in
            ["evil.example/", "eu-west-1.evil.example", "a@b-c-d", "EU-WEST-1", "", "eu", "eu--1", "é-west-1", "x-y-{task}"]
        {
            assert_eq!(console_link(ConsolePage::Task, &names(region, "c", "t")), None, "{region}");
        }
    }

    #[test]
    fn only_ids_of_cloudtrail_have_an_event() {
        let of = |id| console_link(ConsolePage::Event, &names("eu-west-1", "c", id));
        assert!(of("d25e49b0-637f-469f-8e82-413fa77b3188").is_some());
        for id in ["e232a49637a39eb84a7dd75f21f52e4a", "d25e49b0-637f-469f-8e82-413fa77b318/", "#0", ""] {
            assert_eq!(of(id), None, "{id}");
        }
        assert_eq!(console_link(ConsolePage::Task, &ConsoleNames { task: Some("t"), ..ConsoleNames::default() }), None);
    }
}
