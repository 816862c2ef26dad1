//! Error names at the start of messages.

/// The error name or code at the start of a message: `CannotPullContainerError` in `TaskFailedToStart:
/// CannotPullContainerError: …`, `RESOURCE:CPU`, `AGENT`. The wrapper `TaskFailedToStart` is skipped; of nested
/// names, the first is used.
pub fn reason_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("TaskFailedToStart:").map_or(text, str::trim_start);
    if is_placement_code(text) {
        return Some(text);
    }
    let first = text.split_whitespace().next()?;
    let first = first.trim_end_matches(':');
    (is_error_name(first) || (first.contains(':') && is_placement_code(first))).then_some(first)
}

/// `CannotPullContainerError`, `ClientException`, `ResourceNotFoundException`.
fn is_error_name(word: &str) -> bool {
    let ends = |suffix: &str| {
        word.len() > suffix.len() && word.get(word.len() - suffix.len()..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && (ends("Error") || ends("Exception"))
        && !word.eq_ignore_ascii_case("exception")
}

/// `AGENT`, `RESOURCE:CPU`, `NO ACTIVE INSTANCES`, `TASK_NOT_VALID`.
fn is_placement_code(text: &str) -> bool {
    (4..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b':' | b'_' | b' '))
        && !text.ends_with([':', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        for (text, want) in [
            ("CannotPullContainerError: API error (404)", Some("CannotPullContainerError")),
            ("CannotStartContainerError: ResourceInitializationError: failed", Some("CannotStartContainerError")),
            ("TaskFailedToStart: ResourceInitializationError: failed", Some("ResourceInitializationError")),
            ("TaskFailedToStart: RESOURCE:MEMORY", Some("RESOURCE:MEMORY")),
            ("RESOURCE:PORTS: [a:8000] is already using a port", Some("RESOURCE:PORTS")),
            ("NO ACTIVE INSTANCES", Some("NO ACTIVE INSTANCES")),
            ("OutOfMemoryError", Some("OutOfMemoryError")),
            ("Essential container in task exited", None),
            ("ERROR: toomanyrequests", None),
            ("Error response from daemon", None),
            ("", None),
            ("€€€Error: x", None),
        ] {
            assert_eq!(reason_name(text), want, "{text}");
        }
    }
}
