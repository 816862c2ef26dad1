//! Checks the task definition on its own.

use super::definition::Definition;
use super::size::{Size, fargate_sizes};
use crate::toml_document::ConfigError;

/// Problems, by the name of the question.
pub type Wrong = Vec<(&'static str, String)>;

/// The problems of the definition, independent of the store.
pub fn examine(definition: &Definition) -> Result<Wrong, ConfigError> {
    let mut wrong = Wrong::new();
    if !definition.containers.iter().any(|container| container.essential) {
        wrong.push(("essential", "no container is essential".to_owned()));
    }
    if definition.fargate {
        fargate(definition, &fargate_sizes()?, &mut wrong);
    } else if let Some((written, units)) = &definition.cpu
        && !units.is_some_and(|units| (128..=196_608).contains(&units))
    {
        wrong.push(("container-sum", format!("cpu is `{written}`; EC2 allows 128 to 196608 CPU units")));
    }
    sums(definition, &mut wrong);
    roles(definition, &mut wrong);
    for container in &definition.containers {
        if let Some((driver, options)) = &container.log
            && driver == "awslogs"
        {
            for option in ["awslogs-group", "awslogs-region"] {
                if !options.iter().any(|known| known == option) {
                    wrong.push(("log-options", format!("container {}: {option} is not set", container.name)));
                }
            }
        }
    }
    Ok(wrong)
}

fn fargate(definition: &Definition, sizes: &[Size], wrong: &mut Wrong) {
    let written =
        |size: &Option<(String, Option<u64>)>| size.as_ref().map_or("missing".to_owned(), |(text, _)| format!("`{text}`"));
    let value = |size: &Option<(String, Option<u64>)>| size.as_ref().and_then(|(_, value)| *value);
    let (cpu, memory) = (value(&definition.cpu), value(&definition.memory));
    match sizes.iter().find(|size| Some(size.cpu) == cpu) {
        None => {
            let known: Vec<String> = sizes.iter().map(|size| size.cpu.to_string()).collect();
            wrong.push(("fargate-size", format!("cpu is {}; Fargate supports {}", written(&definition.cpu), known.join(", "))));
        }
        Some(size) if !memory.is_some_and(|memory| size.memory.contains(&memory)) => {
            wrong.push(("fargate-size", format!("memory is {}; {}", written(&definition.memory), choices(size, memory))));
        }
        Some(size) if definition.windows && !(1024..=4096).contains(&size.cpu) => {
            wrong.push(("fargate-size", format!("cpu is {}; Windows on Fargate supports 1024 to 4096", size.cpu)));
        }
        Some(_) => {}
    }
    let mut settings = |what: String| wrong.push(("fargate-settings", what));
    if definition.network_mode.as_deref() != Some("awsvpc") {
        let mode = definition.network_mode.as_deref().unwrap_or("missing");
        settings(format!("networkMode is {mode}; Fargate supports only awsvpc"));
    }
    if let Some(storage) = definition.storage.filter(|storage| !(21..=200).contains(storage)) {
        settings(format!("ephemeralStorage is {storage} GiB; the allowed range is 21 to 200 (default 20)"));
    }
    for container in &definition.containers {
        if let Some(timeout) = container.stop_timeout.filter(|timeout| *timeout > 120) {
            settings(format!("container {}: stopTimeout is {timeout} s; the Fargate maximum is 120", container.name));
        }
    }
}

/// The memory sizes for a CPU size, closest first.
fn choices(size: &Size, memory: Option<u64>) -> String {
    let (least, most) = (size.memory.first().copied().unwrap_or(0), size.memory.last().copied().unwrap_or(0));
    let nearest = memory.and_then(|memory| size.memory.iter().copied().find(|choice| *choice >= memory));
    let nearest = nearest.map_or(String::new(), |nearest| format!(" (next valid: {nearest})"));
    format!("with cpu {}, Fargate supports {} sizes from {least} to {most} MiB{nearest}", size.cpu, size.memory.len())
}

fn sums(definition: &Definition, wrong: &mut Wrong) {
    let cpu: u64 = definition.containers.iter().map(|container| container.cpu).fold(0, u64::saturating_add);
    if let Some((_, Some(task))) = definition.cpu
        && cpu > task
    {
        wrong.push(("container-sum", format!("the containers reserve {cpu} CPU units, but the task has {task}")));
    }
    let Some((_, Some(task))) = definition.memory else {
        for container in definition.containers.iter().filter(|container| container.reserved() == 0 && !definition.fargate) {
            let what =
                format!("container {}: neither memory nor memoryReservation is set, and the task has no memory", container.name);
            wrong.push(("container-sum", what));
        }
        return;
    };
    let reserved: u64 = definition.containers.iter().map(super::definition::Container::reserved).fold(0, u64::saturating_add);
    if reserved > task {
        wrong.push(("container-sum", format!("the containers reserve {reserved} MiB, but the task has {task}")));
    }
    for container in &definition.containers {
        if let Some(memory) = container.memory.filter(|memory| *memory > task) {
            wrong.push((
                "container-sum",
                format!("container {}: memory is {memory} MiB, but the task has {task}", container.name),
            ));
        }
    }
}

fn roles(definition: &Definition, wrong: &mut Wrong) {
    if definition.execution_role.is_some() {
        return;
    }
    for container in &definition.containers {
        let why = if !container.secrets.is_empty() {
            "it uses secrets, registry credentials or environment files"
        } else if definition.fargate && container.image.contains(".dkr.ecr.") {
            "its image is in Amazon ECR"
        } else if definition.fargate && container.log.as_ref().is_some_and(|(driver, _)| driver == "awslogs") {
            "it writes to CloudWatch Logs"
        } else {
            continue;
        };
        wrong.push(("execution-role", format!("container {}: {why}, but executionRoleArn is not set", container.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(json: &str) -> Vec<String> {
        let definition = Definition::parse(json).unwrap();
        examine(&definition).unwrap().into_iter().map(|(question, what)| format!("{question}: {what}")).collect()
    }

    #[test]
    fn a_sound_definition_has_nothing_wrong() {
        let none: [&str; 0] = [];
        assert_eq!(
            problems(
                r#"{"family":"a","cpu":"256","memory":"1024","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
                "containerDefinitions":[{"name":"x","image":"i:1","stopTimeout":120}]}"#
            ),
            none
        );
    }

    #[test]
    fn sizes_that_fargate_does_not_have_name_those_it_has() {
        let with = |cpu: &str, memory: &str| {
            problems(&format!(
                r#"{{"family":"a","cpu":"{cpu}","memory":"{memory}","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
                "containerDefinitions":[{{"name":"x","image":"i:1"}}]}}"#
            ))
        };
        assert_eq!(
            with("300", "512"),
            ["fargate-size: cpu is `300`; Fargate supports 256, 512, 1024, 2048, 4096, 8192, 16384, 32768"]
        );
        assert_eq!(
            with("1 vCPU", "9 GB"),
            ["fargate-size: memory is `9 GB`; with cpu 1024, Fargate supports 7 sizes from 2048 to 8192 MiB"]
        );
        assert_eq!(
            with("8192", "17408"),
            [
                "fargate-size: memory is `17408`; with cpu 8192, Fargate supports 12 sizes from 16384 to 61440 MiB (next valid: 20480)"
            ]
        );
    }

    #[test]
    fn settings_sums_roles_and_logs_are_looked_at() {
        let found = problems(
            r#"{"family":"a","cpu":"512","memory":"1024","networkMode":"bridge","requiresCompatibilities":["FARGATE"],
            "ephemeralStorage":{"sizeInGiB":20},
            "containerDefinitions":[
              {"name":"x","image":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:1","essential":false,"cpu":400,"memory":800,"stopTimeout":300,
               "logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/x"}}},
              {"name":"y","image":"y","essential":false,"cpu":200,"memoryReservation":400}]}"#,
        );
        assert_eq!(
            found,
            [
                "essential: no container is essential",
                "fargate-settings: networkMode is bridge; Fargate supports only awsvpc",
                "fargate-settings: ephemeralStorage is 20 GiB; the allowed range is 21 to 200 (default 20)",
                "fargate-settings: container x: stopTimeout is 300 s; the Fargate maximum is 120",
                "container-sum: the containers reserve 600 CPU units, but the task has 512",
                "container-sum: the containers reserve 1200 MiB, but the task has 1024",
                "execution-role: container x: its image is in Amazon ECR, but executionRoleArn is not set",
                "log-options: container x: awslogs-region is not set",
            ]
        );
    }
}
