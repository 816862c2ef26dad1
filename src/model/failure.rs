//! Classifies a failure with the catalog: phase, class, category and cause.

use super::catalog::{Entry, FailureCatalog, TextKind};
use super::names::fill_names;
use crate::table::Failure;
use std::borrow::Cow;

/// The classification from the catalog. Missing parts are unknown and are not guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classification {
    /// The phase in which it failed.
    pub phase: Option<&'static str>,
    /// The class, which determines the response.
    pub class: Option<&'static str>,
    /// The id of the matching entry.
    pub cause: Option<&'static str>,
    /// The source of the entry's wording.
    pub confidence: Option<&'static str>,
}

/// Classifies a message with the current catalog.
pub fn classify(kind: TextKind, text: &str) -> Classification {
    let entry = FailureCatalog::current().explain(kind, text);
    entry.map(|entry| Classification::of_message(entry, kind, text)).unwrap_or_default()
}

impl Classification {
    /// The classification of an entry.
    pub fn of(entry: &'static Entry) -> Self {
        Classification {
            phase: Some(&entry.stage),
            class: entry.class.as_deref(),
            cause: Some(&entry.id),
            confidence: Some(&entry.confidence),
        }
    }

    /// The classification of a message by its entry.
    pub fn of_message(entry: &'static Entry, kind: TextKind, text: &str) -> Self {
        Classification { phase: Some(entry.phase_in(kind, text)), ..Classification::of(entry) }
    }

    /// Sets phase, class, cause, category and code of a failure whose `kind` and `ran` are known, and the names in
    /// its message.
    pub fn fill(&self, failure: &mut Failure<'_>) {
        failure.phase = self.phase.map(Cow::Borrowed);
        failure.class = self.class.map(Cow::Borrowed);
        failure.cause = self.cause.map(Cow::Borrowed);
        failure.confidence = self.confidence.map(Cow::Borrowed);
        failure.category = category(self.class, self.phase, failure.ran, self.cause).map(Cow::Borrowed);
        let parts = [failure.kind.as_deref(), self.phase, self.cause];
        // A cause implies a phase, since entries have both.
        let known: Vec<&str> = parts.into_iter().map_while(|part| part).collect();
        failure.code = Some(Cow::Owned(known.join(".")));
        fill_names(failure, self.cause.and_then(|cause| FailureCatalog::current().entry(cause)));
    }
}

/// The category of a failure: `launch` never started, `settings` made it fail, the `program` ran and failed. `None`
/// if none applies: host and spot failures, and stops by an operator.
pub fn category(class: Option<&str>, phase: Option<&str>, ran: Option<bool>, cause: Option<&str>) -> Option<&'static str> {
    if cause == Some("oom") {
        return Some("settings");
    }
    match (phase?, class?) {
        ("host" | "spot", _) | (_, "operator") => None,
        ("placement" | "capacity" | "api", _) => Some("launch"),
        (_, "configuration") => Some("settings"),
        // A deployment reports failed tasks, but not whether they ran.
        ("deployment", _) if ran != Some(true) => None,
        (_, "application") => Some("program"),
        // A transient, capacity or infrastructure problem before the first container started.
        ("running" | "health_check" | "stop_request" | "deployment", _) => None,
        _ => (ran != Some(true)).then_some("launch"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_classified() {
        let agent = classify(TextKind::ApiFailure, "AGENT");
        assert_eq!((agent.phase, agent.class, agent.cause), (Some("placement"), Some("infrastructure"), Some("placement-agent")));
        assert_eq!(classify(TextKind::ApiFailure, "never seen"), Classification::default());
    }

    #[test]
    fn codes_grow_with_what_is_known() {
        let mut failure = Failure { kind: Some("launch".into()), ran: Some(false), ..Failure::default() };
        classify(TextKind::ApiFailure, "RESOURCE:CPU").fill(&mut failure);
        assert_eq!(failure.code.as_deref(), Some("launch.placement.placement-resource-cpu"));
        assert_eq!(failure.category.as_deref(), Some("launch"));
        Classification { phase: Some("running"), ..Classification::default() }.fill(&mut failure);
        assert_eq!((failure.code.as_deref(), failure.cause.as_deref()), (Some("launch.running"), None));
        Classification::default().fill(&mut failure);
        assert_eq!((failure.code.as_deref(), failure.category.as_deref()), (Some("launch"), None));
    }

    #[test]
    fn three_categories() {
        let of = |class, phase, ran| category(Some(class), Some(phase), ran, None);
        assert_eq!(of("transient", "placement", Some(false)), Some("launch"));
        assert_eq!(of("configuration", "image_pull", Some(false)), Some("settings"));
        assert_eq!(of("transient", "image_pull", Some(false)), Some("launch"));
        assert_eq!(of("application", "running", Some(true)), Some("program"));
        assert_eq!(of("infrastructure", "host", Some(true)), None);
        assert_eq!(of("capacity", "spot", Some(true)), None);
        assert_eq!(of("operator", "running", Some(true)), None);
        assert_eq!(category(Some("application"), Some("running"), Some(true), Some("oom")), Some("settings"));
        assert_eq!(of("application", "deployment", None), None);
        assert_eq!(category(None, None, Some(true), None), None);
    }
}
