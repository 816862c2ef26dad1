//! Reads the step that failed from the name of the error that wraps a message.
//!
//! In: a message. Out: a phase. Docker, containerd and runc report the same faults from several calls; the agent and
//! Fargate name the call.

/// How the names of errors begin, with the phase of the call that failed.
const CALLS: [(&str, &str); 3] =
    [("cannotpull", "image_pull"), ("cannotcreatecontainer", "container_create"), ("cannotstartcontainer", "container_start")];

/// The phase that the outermost error of a message names. The name of an image or service may begin like an error, so only
/// whole words count.
fn called(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let in_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '/');
    let mut errors = text.split(|letter: char| !in_name(letter)).filter(|word| word.ends_with("error"));
    let phase = |word: &str| CALLS.iter().find(|(begin, _)| word.starts_with(begin)).map(|(_, phase)| *phase);
    errors.find_map(phase)
}

/// The phase of a message whose entry has a phase: a fault that can occur in several calls failed in the one that the
/// message names. All other faults keep the phase of their entry, such as the host or the network.
pub(super) fn phase<'e>(of_entry: &'e str, text: &str) -> &'e str {
    let occurs_in_calls = CALLS.iter().any(|(_, phase)| *phase == of_entry);
    if occurs_in_calls { called(text).unwrap_or(of_entry) } else { of_entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_error_names_the_call() {
        for (text, phase) in [
            ("CannotStartContainerError: CannotCreateContainerError: x", Some("container_start")),
            ("(service web) was unable to place a task. Reason: cannotCreateContainerError: x", Some("container_create")),
            ("CannotPullECRContainerError", Some("image_pull")),
            ("CannotStartManagedAgentError: x", None),
            ("(service cannotpull-demo) was unable to place a task: CannotStartContainerError: x", Some("container_start")),
            ("shop/cannotpullcontainererror:1 was not found, CannotCreateContainerError", Some("container_create")),
            ("DidCannotPullContainerErrors: x", None),
            ("", None),
        ] {
            assert_eq!(called(text), phase, "{text}");
        }
    }

    #[test]
    fn only_faults_of_a_call_move() {
        let text = "CannotCreateContainerError: x";
        for (of_entry, want) in [
            ("container_start", "container_create"),
            ("image_pull", "container_create"),
            ("host", "host"),
            ("volume", "volume"),
            ("running", "running"),
        ] {
            assert_eq!(phase(of_entry, text), want, "{of_entry}");
            assert_eq!(phase(of_entry, "Error response from daemon: x"), of_entry);
        }
    }
}
