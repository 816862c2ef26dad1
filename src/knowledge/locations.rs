//! Advice for locations that are not paths.

use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Location {
    start: String,
    command: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    location: Vec<Location>,
}

static LIST: LazyLock<Vec<Location>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("locations.toml")).expect("the built-in list is tested");
    list.location
});

/// The command that brings the content of a location to this machine and loads it; `None` for a path.
pub fn instead_of(location: &str) -> Option<String> {
    let begins = |start: &str| location.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    let plain = location.split(['?', '#']).next().unwrap_or(location).trim_end_matches('/');
    let name = plain.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("export");
    let found = LIST.iter().find(|known| begins(&known.start))?;
    let rest = location.get(found.start.len()..).unwrap_or_default();
    Some(found.command.replace("{url}", location).replace("{name}", name).replace("{rest}", rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_location_has_a_command() {
        for (location, want) in [
            ("arn:aws:s3:::logs/x", "ecs-audit load s3://logs/x"),
            ("gs://logs/AWSLogs/", "gcloud storage cp -r gs://logs/AWSLogs/ export && ecs-audit load export"),
            ("az://logs/x", "azcopy copy az://logs/x export --recursive && ecs-audit load export"),
            ("HTTPS://host/a.zip?token=1", "curl -fLO 'HTTPS://host/a.zip?token=1' && ecs-audit load a.zip"),
            ("file:///tmp/a", "ecs-audit load /tmp/a"),
        ] {
            assert_eq!(instead_of(location).as_deref(), Some(want));
        }
        for path in ["a.zip", "s3/x", "s3://logs/AWSLogs/", "é", "", "C:/logs"] {
            assert_eq!(instead_of(path), None, "{path}");
        }
    }
}
