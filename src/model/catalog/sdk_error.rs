//! Finds the error of a refused call in what tools print about it.
//!
//! In: a text. Out: `CODE: message`, as CloudTrail has it, or the message alone where the tool leaves the code out.
//! Known are the AWS CLI and boto3, the SDKs for Go (Terraform), the SDKs for Java, and CloudFormation.

use crate::knowledge;

/// The error of a refused call, if the text is what a tool prints about one.
pub(super) fn refused_call(text: &str) -> Option<String> {
    of_botocore(text).or_else(|| of_go(text)).or_else(|| of_first_go(text)).or_else(|| of_java(text))
}

/// `An error occurred (CODE) when calling the RunTask operation (reached max retries: 2): message`.
fn of_botocore(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("An error occurred (")?;
    let (code, rest) = rest.split_once(')')?;
    let (_, rest) = rest.split_once(" operation")?;
    // `(reached max retries: 2): message`
    let rest = rest.strip_prefix(" (").and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    let message = rest.strip_prefix(':').unwrap_or_default().trim();
    Some(if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") })
}

/// `operation error ECS: RunTask, https response error StatusCode: 400, RequestID: …, api error CODE: message`.
fn of_go(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("operation error ")?;
    let before = before.trim_end();
    if is_text_of_ecs(text) || !(before.is_empty() || before.ends_with(':')) {
        return None;
    }
    let (_, answer) = rest.split_once(", ")?;
    let answers = [
        answer.split_once("api error ").map(|(_, error)| error),
        answer.split_once("RequestID: ").and_then(|(_, rest)| rest.split_once(", ")).map(|(_, error)| error),
        Some(answer),
    ];
    answers.into_iter().flatten().find(|error| begins_with_code(error)).map(|error| error.trim().to_owned())
}

/// `Error: creating ECS Service (web): CODE: message` of Terraform, and `aws_ecs_service.web: CODE: message status code:
/// 400, request id: …` of the first SDK for Go.
fn of_first_go(text: &str) -> Option<String> {
    let ends = text.find("status code: ").filter(|at| text[*at..].contains("request id: "));
    let error = text[..ends.unwrap_or(text.len())].trim();
    let of_terraform = error.strip_prefix("Error: ");
    if knowledge::is_stop_text(text) || (ends.is_none() && of_terraform.is_none()) {
        return None;
    }
    let error = of_terraform.unwrap_or(error).trim_start_matches("* ");
    let is_about = |before: &str| {
        let word = before.trim_start_matches("error ").trim_start_matches("Error ");
        word != before
            || before.starts_with("aws_")
            || ["creat", "updat", "delet", "register", "read"].iter().any(|verb| word.starts_with(verb))
    };
    let error = error.split_once(": ").filter(|(before, _)| is_about(before)).map_or(error, |(_, rest)| rest);
    begins_with_code(error).then(|| error.to_owned())
}

/// `message (Service: AmazonECS; Status Code: 400; Error Code: CODE; Request ID: …)`, or without the code in later
/// versions; CloudFormation wraps it into a sentence of its own.
fn of_java(text: &str) -> Option<String> {
    let (message, answer) = text.split_once(" (Service: ").or_else(|| text.split_once(" (SERVICE: "))?;
    if is_text_of_ecs(text) || !answer.contains("Status Code: ") {
        return None;
    }
    let message = message.split_once("returned message: ").map_or(message, |(_, message)| message);
    let message = message.trim_start_matches('"').trim_start_matches("Invalid request provided: ");
    let message = message.split_once(": ").filter(|(action, _)| is_action(action)).map_or(message, |(_, message)| message);
    let code = answer.split_once("Error Code: ").and_then(|(_, rest)| rest.split([';', ',', ')']).next());
    Some(code.map_or_else(|| message.to_owned(), |code| format!("{code}: {message}")))
}

/// A stop reason, or a text about a service or deployment: it quotes calls of ECS, and says more than they do.
fn is_text_of_ecs(text: &str) -> bool {
    let begins = ["service ", "Service deployment", "ECS deployment"];
    knowledge::is_stop_text(text) || text.contains("(service ") || begins.iter().any(|begin| text.starts_with(begin))
}

/// `CreateService error`, `Create TaskDefinition`: what CloudFormation puts before a message.
fn is_action(text: &str) -> bool {
    let begins = ["Create", "Update", "Delete", "Register", "Put"].iter().any(|verb| text.starts_with(verb));
    begins && text.split_whitespace().count() <= 3
}

/// Whether a text begins with an error code, such as `InvalidKeyPair.NotFound: …`.
pub(super) fn begins_with_code(text: &str) -> bool {
    let Some((code, _)) = text.split_once(':') else { return false };
    let capitals = code.bytes().filter(u8::is_ascii_uppercase).count();
    code.starts_with(|letter: char| letter.is_ascii_uppercase())
        && (capitals > 1 || ["Unsupported", "Throttling", "Blocked", "Unavailable", "Forbidden"].contains(&code))
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        && code.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_every_tool() {
        for (text, want) in [
            (
                "An error occurred (ThrottlingException) when calling the RunTask operation (reached max retries: 2): Rate exceeded",
                "ThrottlingException: Rate exceeded",
            ),
            (
                "An error occurred (ServiceNotFoundException) when calling the UpdateService operation:",
                "ServiceNotFoundException",
            ),
            (
                "Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: r, api error InvalidKeyPair.NotFound: no such key",
                "InvalidKeyPair.NotFound: no such key",
            ),
            (
                "operation error ECS: UpdateService, https response error StatusCode: 400, RequestID: r, ClientException: TaskDefinition not found.",
                "ClientException: TaskDefinition not found.",
            ),
            ("operation error ECS: ListTasks, ExpiredToken: it is expired", "ExpiredToken: it is expired"),
            (
                "Error: error creating service (web): ClusterNotFoundException: Cluster not found.\n\tstatus code: 400, request id: r",
                "ClusterNotFoundException: Cluster not found.",
            ),
            (
                "Error: creating ECS Service (web): ClusterNotFoundException: Cluster not found.",
                "ClusterNotFoundException: Cluster not found.",
            ),
            (
                "aws_ecs_service.web: ServiceNotFoundException: Service not found. status code: 400, request id: r",
                "ServiceNotFoundException: Service not found.",
            ),
            (
                "The provider is in use. (Service: AmazonECS; Status Code: 400; Error Code: ResourceInUseException; Request ID: r; Proxy: null)",
                "ResourceInUseException: The provider is in use.",
            ),
            (
                "Resource handler returned message: \"Invalid request provided: Create TaskDefinition: No image. (Service: Ecs, Status Code: 400, Request ID: r) (SDK Attempt Count: 1)\" (RequestToken: t)",
                "No image.",
            ),
        ] {
            assert_eq!(refused_call(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn only_refused_calls_are_rewritten() {
        for text in [
            "ResourceInitializationError: unable to pull secrets: operation error ECR: GetAuthorizationToken, RequestID: r, api error AccessDeniedException: no",
            "(service web) was unable to place a task. Reason: x: operation error ECR: A, api error BExceptionC: d",
            "operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3",
            "the operation error was fatal",
            "CannotPullContainerError: (Service: x)",
            "Service deployment rolled back because hooks failed: Rate exceeded (Service: Lambda, Status Code: 429)",
            "Fetching secret data from SSM Parameter Store: AccessDeniedException: no status code: 400, request id: r",
        ] {
            assert_eq!(refused_call(text), None, "{text}");
        }
        assert!(
            begins_with_code("Client.InvalidParameter: x") && !begins_with_code("Error: x") && !begins_with_code("RESOURCE:CPU")
        );
    }
}
