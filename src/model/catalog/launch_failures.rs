//! Finds the reasons of failed launches in an answer of RunTask or StartTask that a program printed.
//!
//! In: any text. Out: the values of `reason` in its lists `failures`. boto3 prints a Python literal, Step Functions escaped JSON,
//! and the SDKs for Java and Go structures of their own; the names are the same in all.

use regex::Regex;
use std::sync::LazyLock;

/// A list named `failures`, up to its end or the end of a text that was cut.
static LIST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)\bfailures\\*['"]?\s*[:=]\s*\[([^\]]*)"#).expect("the pattern is tested"));

/// A reason, in double quotes, in single quotes or without.
static REASON: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?i)\breason\\*['"]?\s*[:=]\s*(?:\\*"([^"\\]+)|\\*'([^'\\]+)|([^'"\\,)}\]\s][^,)}\]]*))"#;
    Regex::new(pattern).expect("the pattern is tested")
});

/// The different reasons, in their order.
pub(super) fn launch_failures(text: &str) -> Vec<&str> {
    let mut reasons: Vec<&str> = Vec::new();
    for list in LIST.captures_iter(text).filter_map(|list| list.get(1)) {
        let found = REASON.captures_iter(list.as_str()).filter_map(|found| found.iter().skip(1).flatten().next());
        for reason in found.map(|reason| reason.as_str().trim()).filter(|reason| !reason.is_empty()) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_in_every_notation() {
        for (text, want) in [
            (
                "INFO | {'tasks': [], 'failures': [{'arn': 'arn:aws:ecs:x', 'reason': 'RESOURCE:GPU'}, {'arn': 'y', 'reason': 'AGENT'}], 'ResponseMetadata': {'reason': 'no'}}",
                &["RESOURCE:GPU", "AGENT"][..],
            ),
            (r#"{"failures": [{"arn": "x", "reason": "AGENT", "detail": "off"}, {"reason": "AGENT"}]}"#, &["AGENT"]),
            (r#"{\"Failures\":[{\"Arn\":\"x\",\"Reason\":\"It is full, so no\"}]}"#, &["It is full, so no"]),
            ("RunTaskResponse(Tasks=[], Failures=[Failure(Arn=x, Reason=RESOURCE:CPU)])", &["RESOURCE:CPU"]),
            ("{Failures: [{Arn: x,Reason: MISSING}],Tasks: []}", &["MISSING"]),
            ("{'failures': [{'reason': 'LOCA", &["LOCA"]),
            ("{'failures': [], 'tasks': [{'reason': 'x'}]}", &[]),
            ("nobody has seen failures: none, reason: none", &[]),
        ] {
            assert_eq!(launch_failures(text), want, "{text}");
        }
    }
}
