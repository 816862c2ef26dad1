//! What to check and how to respond: the templates of the catalog with real names filled in.

use super::finding::Check;
use super::gather::FailureContext;
use crate::knowledge::ExitCode;
use crate::model::catalog::{Entry, FailureCatalog, PROGRAMS, filled_lines};
use std::borrow::Cow;

/// The checks of an entry; commands keep their placeholders for unknown names.
pub(super) fn verify(case: &FailureContext, entry: &Entry) -> Vec<Check> {
    let text = classified(case);
    let names = Names::of(case, entry, &text);
    let lines = filled_lines(&entry.verify, &caught(case, entry, &text));
    let mut checks: Vec<Check> = lines.iter().map(|line| check(line, &names)).collect();
    if let Some(exit) = own_exit(case, entry) {
        // The general entry says to look up the exit code, which is done here.
        checks = vec![Check { command: None, note: Some(format!("for exit code {}: {}", exit.code, exit.check)) }];
    }
    checks
}

/// A place to look, with known names filled in.
pub(super) fn place(case: &FailureContext, template: &str) -> Check {
    check(template, &Names::known(case))
}

/// The actions of an entry with known names filled in.
pub(super) fn actions(case: &FailureContext, entry: &Entry) -> Vec<String> {
    if let Some(exit) = own_exit(case, entry) {
        return exit_actions(case, exit);
    }
    // What to do about a container beside the program is known from the container.
    if case.beside.is_some() && entry.class.as_deref() == Some("application") {
        return Vec::new();
    }
    filled_lines(&entry.actions, &caught(case, entry, &classified(case)))
}

/// Those of the actions of an entry that only prevent the next failure.
pub(super) fn preventive(case: &FailureContext, entry: &Entry) -> Vec<String> {
    let lines: Vec<String> = entry.preventive().cloned().collect();
    filled_lines(&lines, &caught(case, entry, &classified(case)))
}

/// The catalog entry of the exit code, if the failure entry only says that an essential container exited.
pub(super) fn own_exit(case: &FailureContext, entry: &Entry) -> Option<&'static ExitCode> {
    let code = case.failure.int("exit_code").filter(|_| entry.id == "essential-exited" && !super::exit::oom(case))?;
    FailureCatalog::current().exit_code(code)
}

/// What to do after the program exited.
fn exit_actions(case: &FailureContext, exit: &ExitCode) -> Vec<String> {
    let container = case.text("container").map(|name| format!("container {name}")).unwrap_or_else(|| "the container".to_owned());
    let log = format!("Read the last lines of the log of {container}: what it did before it exited");
    if case.beside.is_some() {
        return vec![log];
    }
    let then = match exit.class.as_str() {
        "configuration" => "Fix the command, entry point or image".to_owned(),
        _ if exit.code == 137 => {
            "Find out what sent SIGKILL; if memory grew until then, raise the memory limit or fix the leak".to_owned()
        }
        "operator" => "Find out what sent the signal and whether the program should exit on it".to_owned(),
        _ => "Fix the program or its input".to_owned(),
    };
    vec![log, then]
}

/// The text that the catalog has classified: that of a refused call begins with its error code.
fn classified(case: &FailureContext) -> Cow<'_, str> {
    let message = case.text("message").unwrap_or_default();
    match case.text("reason").filter(|_| case.kind() == "api_error") {
        Some(code) if message.is_empty() => Cow::Borrowed(code),
        Some(code) => Cow::Owned(format!("{code}: {message}")),
        None => Cow::Borrowed(message),
    }
}

/// Values for `{name}`: first those captured from the message, then those from the records.
fn caught<'c>(case: &'c FailureContext, entry: &Entry, text: &'c str) -> Vec<(String, &'c str)> {
    let mut caught = FailureCatalog::current().captures(entry, text);
    let subnet = case.task.as_ref().and_then(|task| task.text("subnet"));
    let known = [
        ("container_instance", case.text("container_instance")),
        ("subnet", subnet),
        ("image", case.text("image")),
        ("cluster", case.text("cluster")),
        ("service", case.text("service")),
    ];
    caught.extend(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    caught
}

fn check(template: &str, names: &Names) -> Check {
    if !PROGRAMS.iter().any(|program| template.starts_with(program)) {
        return Check { command: None, note: Some(template.to_owned()) };
    }
    let (command, note) = split(template);
    // A sentence that begins with the name of a command is not one.
    if command.contains(" the ") || command.contains(" in ") || command.contains(" with ") {
        return Check { command: None, note: Some(template.to_owned()) };
    }
    Check { command: Some(fill(command, names)), note: note.map(str::to_owned) }
}

/// Splits a command from the words after it: `aws … (what to see)`, `aws …: what to see`, `aws …; then`.
fn split(template: &str) -> (&str, Option<&str>) {
    let mut quoted = false;
    let mut letters = template.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        quoted ^= letter == '\'';
        let ends = match letter {
            ':' | ';' | ',' => next == Some(' '),
            ' ' => next == Some('('),
            _ => false,
        };
        if ends && !quoted {
            let (command, note) = template.split_at(at);
            let note = note.trim_start_matches([':', ';', ',']).trim();
            let inner = note.strip_prefix('(').and_then(|note| note.strip_suffix(')'));
            return (command, Some(inner.unwrap_or(note)).filter(|note| !note.is_empty()));
        }
    }
    (template, None)
}

/// Values of placeholders.
struct Names(Vec<(&'static str, String)>);

impl Names {
    /// Names in the failure itself.
    fn known(case: &FailureContext) -> Names {
        let known = [
            ("CLUSTER", case.text("cluster")),
            ("SERVICE", case.text("service")),
            ("TASK", case.text("task")),
            ("RUN", case.text("run")),
            ("REGION", case.text("region")),
        ];
        Names(known.into_iter().filter_map(|(name, value)| Some((name, shell_word(value?)?))).collect())
    }

    fn of(case: &FailureContext, entry: &Entry, message: &str) -> Names {
        let task = case.task.as_ref();
        let captures = FailureCatalog::current().captures(entry, message);
        let caught = |name: &str| captures.iter().find(|(group, _)| group == name).map(|(_, value)| *value);
        let image = case.text("image").or(caught("image"));
        let registry = image.and_then(|image| image.split_once('/')).map(|(registry, _)| registry);
        let ecr = registry.filter(|registry| registry.contains(".dkr.ecr.")).and_then(|registry| registry.split('.').nth(3));
        let path = image.map(|image| image.split_once('@').map_or(image, |(path, _)| path));
        let path = path.and_then(|path| if ecr.is_some() { path.split_once('/').map(|(_, path)| path) } else { Some(path) });
        let tagged = path.and_then(|path| path.rsplit_once(':')).filter(|(_, tag)| !tag.contains('/'));
        let secret = secret_arn(message);
        let arn = if entry.verify.iter().any(|line| line.contains("--secret-id ARN")) {
            secret
        } else {
            case.text("container_instance")
        };
        let secret_region = secret.and_then(|arn| arn.split(':').nth(3));
        let known: [(&'static str, Option<&str>); 20] = [
            ("CLUSTER", case.text("cluster")),
            ("SERVICE", case.text("service")),
            ("TASK", case.text("task")),
            ("FAMILY:REV", case.text("task_definition").filter(|name| name.contains(':'))),
            ("FAMILY", case.text("family")),
            ("ARN", arn),
            ("RUN", case.text("run")),
            ("SUBNET", task.and_then(|task| task.text("subnet")).or(caught("subnet"))),
            ("ENI", task.and_then(|task| task.text("network_interface"))),
            ("IMAGE", image),
            ("REPO", ecr.and(tagged.map(|(repository, _)| repository))),
            ("TAG", ecr.and(tagged.map(|(_, tag)| tag))),
            ("REGION-OF-REGISTRY", ecr),
            ("REGION-FROM-ARN", secret_region),
            ("REGION", case.text("region")),
            ("ACTION", caught("action")),
            ("FS", file_system(message)),
            ("RESOURCE", caught("resource")),
            ("F", case.text("family")),
            ("USER", caught("user")),
        ];
        Names(known.into_iter().filter_map(|(name, value)| Some((name, shell_word(value?)?))).collect())
    }

    fn get(&self, placeholder: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == placeholder).map(|(_, value)| value.as_str())
    }
}

/// The ARN of a secret in a message.
fn secret_arn(message: &str) -> Option<&str> {
    let from = message.find("arn:aws").map(|at| &message[at..])?;
    let mut words = from.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '"' | '\''));
    words.find(|word| word.starts_with("arn:") && word.contains(":secretsmanager:")).map(|word| word.trim_end_matches([':', '.']))
}

/// The id of a file system in a message.
fn file_system(message: &str) -> Option<&str> {
    let mut words = message.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.find(|word| word.starts_with("fs-") && word.len() > 8)
}

/// Quotes a value as one shell word, because log text is untrusted. None if no quoting makes it safe.
fn shell_word(value: &str) -> Option<String> {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '/' | ':' | '@' | '=' | '+' | ',' | '-');
    if value.is_empty() || value.starts_with('-') || value.chars().any(char::is_control) {
        return None;
    }
    Some(if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) })
}

/// Fills known names into a command; abbreviated container-instance commands are spelled out.
fn fill(command: &str, names: &Names) -> String {
    let command = match command {
        "aws ecs describe-container-instances" => {
            "aws ecs describe-container-instances --cluster CLUSTER --container-instances ARN".to_owned()
        }
        other => other
            .replace(
                "describe-container-instances ... ",
                "describe-container-instances --cluster CLUSTER --container-instances ARN ",
            )
            .replace("describe-task-definition --query", "describe-task-definition --task-definition FAMILY:REV --query"),
    };
    let words = command.split(' ').map(|word| fill_word(word, names));
    let mut filled = words.collect::<Vec<_>>().join(" ");
    let has_region = filled.split(' ').any(|word| word == "--region");
    if let Some(region) =
        names.get("REGION").filter(|_| filled.starts_with("aws ") && !has_region && !filled.starts_with("aws iam "))
    {
        filled.push_str(&format!(" --region {region}"));
    }
    filled
}

/// Replaces a placeholder that is a whole word or follows `=`.
fn fill_word(word: &str, names: &Names) -> String {
    if let Some(value) = names.get(word) {
        return value.to_owned();
    }
    match word.rsplit_once('=') {
        Some((key, placeholder)) => names.get(placeholder).map_or_else(|| word.to_owned(), |value| format!("{key}={value}")),
        None => word.to_owned(),
    }
}

/// How to respond, derived from the retry behavior and the class.
pub fn response(entry: Option<&Entry>, class: Option<&str>) -> Option<String> {
    let Some(entry) = entry else {
        return Some("The cause is unknown: investigate before you retry".to_owned());
    };
    let class = class.or(entry.class.as_deref());
    let quota = entry.id.starts_with("quota");
    Some(
        match (entry.retry.as_str(), class) {
            ("backoff", _) => "Retry with exponential backoff; escalate if it persists",
            ("none", _) => "No action needed: it was requested",
            (_, Some("capacity")) if quota => "Raise the quota or use less; a retry succeeds only once something else stops",
            (_, Some("capacity")) => "Plan capacity; a retry succeeds only once there is room",
            ("after_fix", _) => "Do not retry until the cause is fixed",
            ("conditional", Some("application")) => {
                "Notify the owner of the program; a retry helps only if the failure was transient"
            }
            _ => "Read the details first: they show whether a retry can help",
        }
        .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_unknown_ones_stay() {
        let names = Names(vec![("CLUSTER", "batch".to_owned()), ("REGION", "eu-west-1".to_owned())]);
        let check = check("aws ecs list-container-instances --cluster CLUSTER --x ARN (status INACTIVE)", &names);
        let expected = "aws ecs list-container-instances --cluster batch --x ARN --region eu-west-1";
        assert_eq!(check.command.as_deref(), Some(expected));
        assert_eq!(check.note.as_deref(), Some("status INACTIVE"));
    }

    #[test]
    fn names_from_logs_cannot_leave_their_word() {
        assert_eq!(shell_word("a;rm -rf 'x'").as_deref(), Some("'a;rm -rf '\\''x'\\'''"));
        assert_eq!(shell_word("--output"), None);
        assert_eq!(shell_word("a\nb"), None);
        assert_eq!(shell_word("ecs-svc/12:x").as_deref(), Some("ecs-svc/12:x"));
    }

    #[test]
    fn every_command_of_the_catalog_is_split_outside_its_quotes() {
        let names = Names(Vec::new());
        let lines = FailureCatalog::builtin().entries().iter().flat_map(|entry| &entry.verify);
        let commands: Vec<String> = lines.filter_map(|line| check(line, &names).command).collect();
        assert!(commands.len() > 40, "{}", commands.len());
        for command in commands {
            assert_eq!(command.matches('\'').count() % 2, 0, "{command}");
            assert!(!command.contains([';', '`', '|']), "{command}");
        }
    }
}
