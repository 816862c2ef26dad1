//! A task definition, as JSON that `aws ecs register-task-definition` takes or `describe-task-definition` prints.

use super::Home;
use super::size::{cpu_units, mib};
use serde_json::Value;

/// The parts of a task definition that a preflight checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// The family.
    pub family: String,
    /// The account and Region that its ARN names; a definition that is not registered has no ARN.
    pub home: Home,
    /// Whether it runs on Fargate.
    pub fargate: bool,
    /// Whether it runs on Windows.
    pub windows: bool,
    /// CPU of the task: the text, and the units if it can be parsed.
    pub cpu: Option<(String, Option<u64>)>,
    /// Memory of the task: the text, and the MiB if it can be parsed.
    pub memory: Option<(String, Option<u64>)>,
    /// `networkMode`.
    pub network_mode: Option<String>,
    /// `ephemeralStorage.sizeInGiB`.
    pub storage: Option<u64>,
    /// `executionRoleArn`.
    pub execution_role: Option<String>,
    /// `taskRoleArn`.
    pub task_role: Option<String>,
    /// The containers.
    pub containers: Vec<Container>,
}

/// A container of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// The name.
    pub name: String,
    /// The image.
    pub image: String,
    /// Whether the container is essential.
    pub essential: bool,
    /// CPU units.
    pub cpu: u64,
    /// Hard limit, MiB.
    pub memory: Option<u64>,
    /// Soft limit, MiB.
    pub reservation: Option<u64>,
    /// `stopTimeout`, seconds.
    pub stop_timeout: Option<u64>,
    /// The sources of its secrets, registry credentials and environment files.
    pub secrets: Vec<String>,
    /// The log driver and the names of its options.
    pub log: Option<(String, Vec<String>)>,
}

impl Definition {
    /// Parses the JSON; anything else than a task definition is an error, as one sentence.
    pub fn parse(json: &str) -> Result<Definition, String> {
        let document: Value =
            serde_json::from_str(json.trim_start_matches('\u{feff}')).map_err(|error| format!("invalid JSON: {error}"))?;
        let definition = document.get("taskDefinition").unwrap_or(&document);
        let containers = definition.get("containerDefinitions").and_then(Value::as_array).ok_or(
            "missing containerDefinitions; expected the JSON of `aws ecs register-task-definition` or `describe-task-definition`",
        )?;
        if containers.is_empty() {
            return Err("containerDefinitions is empty; expected at least one container".to_owned());
        }
        let text = |key: &str| definition.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let family = text("family").ok_or("missing family; expected the name of a task definition family")?;
        let requires: Vec<&str> = list(definition, "requiresCompatibilities").filter_map(Value::as_str).collect();
        let system = definition.pointer("/runtimePlatform/operatingSystemFamily").and_then(Value::as_str).unwrap_or_default();
        let size = |key: &str, read: fn(&str) -> Option<u64>| {
            let written = definition.get(key).filter(|value| !value.is_null()).map(scalar)?;
            let read = read(&written);
            Some((written, read))
        };
        Ok(Definition {
            family,
            home: text("taskDefinitionArn").as_deref().map(Home::of_arn).unwrap_or_default(),
            fargate: requires.iter().any(|one| one.eq_ignore_ascii_case("FARGATE")),
            windows: system.to_ascii_uppercase().starts_with("WINDOWS"),
            cpu: size("cpu", cpu_units),
            memory: size("memory", mib),
            network_mode: text("networkMode"),
            storage: definition.pointer("/ephemeralStorage/sizeInGiB").and_then(Value::as_u64),
            execution_role: text("executionRoleArn"),
            task_role: text("taskRoleArn"),
            containers: containers.iter().map(container).collect(),
        })
    }

    /// The CPU units that the task reserves: its own, else the sum of its containers.
    pub fn needed_cpu(&self) -> u64 {
        let task = self.cpu.as_ref().and_then(|(_, units)| *units);
        task.unwrap_or_else(|| self.containers.iter().map(|container| container.cpu).fold(0, u64::saturating_add))
    }

    /// The MiB that the task reserves: its own, else the sum of the soft or hard limits of its containers.
    pub fn needed_memory(&self) -> u64 {
        let task = self.memory.as_ref().and_then(|(_, mib)| *mib);
        task.unwrap_or_else(|| self.containers.iter().map(Container::reserved).fold(0, u64::saturating_add))
    }

    /// The stop timeout of the task in seconds: the longest of its containers, where the default is 30.
    pub fn stop_timeout(&self) -> u64 {
        self.containers.iter().map(|container| container.stop_timeout.unwrap_or(30)).max().unwrap_or(30)
    }

    /// The values of a parameter of the questions.
    pub fn values(&self, parameter: &str) -> Vec<String> {
        let mut values: Vec<String> = match parameter {
            "image" => self.containers.iter().map(|container| container.image.clone()).collect(),
            "secret" => self.containers.iter().flat_map(|container| container.secrets.iter().cloned()).collect(),
            "family" => vec![self.family.clone()],
            "role" => {
                let roles = self.execution_role.iter().chain(&self.task_role);
                roles.filter_map(|role| Some(format!("assumed-role/{}/", role.rsplit('/').next()?))).collect()
            }
            _ => Vec::new(),
        };
        values.retain(|value| !value.is_empty());
        values.sort();
        values.dedup();
        values
    }
}

impl Container {
    /// The MiB that it reserves.
    pub fn reserved(&self) -> u64 {
        self.reservation.or(self.memory).unwrap_or(0)
    }
}

fn container(value: &Value) -> Container {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let mut secrets: Vec<String> = list(value, "secrets")
        .chain(value.pointer("/logConfiguration/secretOptions").and_then(Value::as_array).into_iter().flatten())
        .filter_map(|secret| secret.get("valueFrom").and_then(Value::as_str))
        .map(plain_secret)
        .collect();
    secrets.extend(value.pointer("/repositoryCredentials/credentialsParameter").and_then(Value::as_str).map(plain_secret));
    secrets
        .extend(list(value, "environmentFiles").filter_map(|file| file.get("value").and_then(Value::as_str)).map(str::to_owned));
    let log = value.get("logConfiguration").filter(|log| log.is_object()).map(|log| {
        let driver = log.get("logDriver").and_then(Value::as_str).unwrap_or_default().to_owned();
        let options = log.get("options").and_then(Value::as_object);
        (driver, options.map(|options| options.keys().cloned().collect()).unwrap_or_default())
    });
    Container {
        name: text("name"),
        image: text("image"),
        essential: value.get("essential").and_then(Value::as_bool).unwrap_or(true),
        cpu: number("cpu").unwrap_or(0),
        memory: number("memory"),
        reservation: number("memoryReservation"),
        stop_timeout: number("stopTimeout"),
        secrets,
        log,
    }
}

/// The secret without the key, stage and version that can follow its ARN.
fn plain_secret(value_from: &str) -> String {
    if !value_from.starts_with("arn:") {
        return value_from.to_owned();
    }
    value_from.split(':').take(7).collect::<Vec<_>>().join(":")
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_documents_are_rejected_with_what_was_expected() {
        assert!(Definition::parse("{").unwrap_err().starts_with("invalid JSON"));
        assert!(Definition::parse("{\"family\":\"a\"}").unwrap_err().starts_with("missing containerDefinitions"));
        assert!(Definition::parse("{\"family\":\"a\",\"containerDefinitions\":[]}").unwrap_err().contains("is empty"));
        assert!(Definition::parse("[1]").is_err());
    }

    #[test]
    fn a_described_definition_reads_like_a_registered_one() {
        let inner = r#"{"family":"a","cpu":".5 vCPU","memory":"1 GB","requiresCompatibilities":["FARGATE"],
            "containerDefinitions":[{"name":"x","image":"i:1","stopTimeout":60,
            "secrets":[{"name":"P","valueFrom":"arn:aws:secretsmanager:eu-west-1:1:secret:db-Qk3XzT:password::"}]}]}"#;
        let plain = Definition::parse(inner).unwrap();
        assert_eq!(Definition::parse(&format!("{{\"taskDefinition\":{inner}}}")).unwrap(), plain);
        assert_eq!((plain.needed_cpu(), plain.needed_memory(), plain.stop_timeout()), (512, 1024, 60));
        assert_eq!(plain.values("secret"), ["arn:aws:secretsmanager:eu-west-1:1:secret:db-Qk3XzT"]);
        assert!(plain.fargate);
    }
}
