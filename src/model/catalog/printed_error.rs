//! Finds the error of AWS in what a tool prints about it.
//!
//! In: a text. Out: a [`PrintedError`]: `CODE: message`, as CloudTrail has it, or the message alone where the tool leaves the code
//! out. The forms are those of `wrappers.toml`; a stop reason, or a text about a service or deployment, is never taken apart, since it
//! quotes calls of ECS and says more than they do.

use crate::knowledge::{self, wrappers};
use regex::Regex;
use std::sync::LazyLock;

/// What is left of a text without the words of the tools that print it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrintedError {
    /// The error.
    pub text: String,
    /// Whether its form shows that a call was refused.
    pub refusal: bool,
}

/// A compiled form.
struct Form {
    pattern: Regex,
    refusal: bool,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let compiled = |pattern: &str| Regex::new(pattern).expect("the built-in forms are tested");
    wrappers().iter().map(|wrapper| Form { pattern: compiled(&wrapper.pattern), refusal: wrapper.refusal }).collect()
});

/// Tools call each other: Terraform prints an error of the SDK for Go within a list within its own sentence. No more forms than
/// these surround one error.
const MOST_FORMS: usize = 12;

/// Longer texts are logs, not errors: every form would be tried on the whole text.
const LONGEST: usize = 1 << 16;

/// The error in a text, if a tool printed something around it.
pub(super) fn printed_error(text: &str) -> Option<PrintedError> {
    if text.len() > LONGEST {
        return None;
    }
    let mut found = PrintedError { text: without_box(text), refusal: false };
    for _ in 0..MOST_FORMS {
        if is_text_of_ecs(&found.text) {
            break;
        }
        let inner = |form: &Form| Some((form.inner(&found.text)?, form.refusal));
        let Some((inner, refusal)) = FORMS.iter().find_map(inner) else { break };
        found = PrintedError { text: inner, refusal: found.refusal || refusal };
    }
    found.refusal &= !is_text_of_ecs(&found.text);
    (found.text != text).then_some(found)
}

impl Form {
    /// The text inside; none where the form does not fit or nothing is inside.
    fn inner(&self, text: &str) -> Option<String> {
        let groups = self.pattern.captures(text)?;
        let group = |name: &str| groups.name(name).map(|group| group.as_str().trim());
        let message = group("message")?;
        // Tools print the code more than once.
        let repeats = |code: &str| message.strip_prefix(code).is_some_and(|rest| rest.starts_with(':'));
        let inner = match group("code").filter(|code| !repeats(code)) {
            Some(code) if message.is_empty() => code.to_owned(),
            Some(code) => format!("{code}: {message}"),
            None => message.to_owned(),
        };
        (!inner.is_empty() && inner.len() < text.len()).then_some(inner)
    }
}

/// The text of a diagnostic that Terraform draws in a box.
fn without_box(text: &str) -> String {
    let of_box = |letter: char| matches!(letter, '│' | '╷' | '╵') || letter.is_whitespace();
    if !text.contains('│') {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| line.trim_matches(of_box)).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// A stop reason, or a text about a service or deployment.
fn is_text_of_ecs(text: &str) -> bool {
    let begins = ["service ", "Service deployment", "ECS deployment", "ECS Deployment"];
    knowledge::is_stop_text(text) || text.contains("(service ") || begins.iter().any(|begin| text.starts_with(begin))
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

    fn refused_call(text: &str) -> Option<String> {
        printed_error(text).filter(|found| found.refusal).map(|found| found.text)
    }

    /// The first form that fits is taken off, so a form must not hide those after it.
    #[test]
    fn every_form_takes_off_what_its_examples_say() {
        for wrapper in wrappers() {
            assert!(!wrapper.examples.is_empty(), "{}", wrapper.id);
            for (text, want) in &wrapper.examples {
                let first =
                    wrappers().iter().zip(FORMS.iter()).find_map(|(wrapper, form)| Some((&wrapper.id, form.inner(text)?)));
                assert_eq!(first, Some((&wrapper.id, want.clone())), "{text}");
            }
        }
    }

    #[test]
    fn errors_of_every_tool() {
        for (text, want) in [
            (
                "Error: creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: 400, RequestID: r, api error InvalidKeyPair.NotFound: no such key",
                "InvalidKeyPair.NotFound: no such key",
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
                "╷\n│ Error: creating ECS Task Definition (web): operation error ECS: RegisterTaskDefinition, https response error StatusCode: 400, RequestID: r, ClientException: No image.\n│ \n│   with aws_ecs_task_definition.web,\n│   on main.tf line 1, in resource \"aws_ecs_task_definition\" \"web\":\n╵\n",
                "ClientException: No image.",
            ),
            (
                "error: 1 error occurred:\n\t* creating urn:pulumi:dev::shop::aws:ecs/service:Service::web: 1 error occurred:\n\t* creating ECS Service (web): operation error ECS: CreateService, https response error StatusCode: 400, RequestID: r, InvalidParameterException: No image.",
                "InvalidParameterException: No image.",
            ),
            (
                "com.amazonaws.services.ecs.model.InvalidParameterException: No image. (Service: AmazonECS; Status Code: 400; Error Code: InvalidParameterException; Request ID: r; Proxy: null)\n\tat com.amazonaws.http.AmazonHttpClient.handle(AmazonHttpClient.java:7)",
                "InvalidParameterException: No image.",
            ),
            (
                "com.amazonaws.services.ecs.model.AmazonECSException: No image. (Service: AmazonECS; Status Code: 400; Error Code: AccessDeniedException; Request ID: r)",
                "AccessDeniedException: No image.",
            ),
            (
                "Amazon.ECS.Model.InvalidParameterException: No image. ---> Amazon.Runtime.Internal.HttpErrorResponseException: x",
                "InvalidParameterException: No image.",
            ),
            (
                "❌  Shop failed: Error: it is ROLLBACK_COMPLETE: Resource handler returned message: \"Invalid request provided: Create TaskDefinition: No image. (Service: Ecs, Status Code: 400, Request ID: r) (SDK Attempt Count: 1)\" (RequestToken: t, HandlerErrorCode: InvalidRequest)",
                "No image.",
            ),
            (
                "[2026-03-04, 02:10:00 UTC] {taskinstance.py:7} ERROR - botocore.errorfactory.InvalidParameterException: An error occurred (InvalidParameterException) when calling the RunTask operation: No image.",
                "InvalidParameterException: No image.",
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
            "error creating overlay mount to /var/lib/docker/overlay2/0a1b: no such file or directory",
            "Error: CannotPullContainerError: manifest unknown",
            "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.\" (RequestToken: t)",
        ] {
            assert_eq!(refused_call(text), None, "{text}");
        }
        assert!(
            begins_with_code("Client.InvalidParameter: x") && !begins_with_code("Error: x") && !begins_with_code("RESOURCE:CPU")
        );
    }

    #[test]
    fn a_text_of_ecs_comes_out_of_what_a_tool_prints() {
        let text =
            "##[error]airflow.exceptions.EcsTaskFailToStart: The task failed to start due to: CannotPullContainerError: no";
        let inner = printed_error(text).unwrap();
        assert_eq!((inner.text.as_str(), inner.refusal), ("CannotPullContainerError: no", false));
        assert_eq!(printed_error("nobody has seen this"), None);
    }
}
