use super::*;
use regex::Regex;

fn ids(catalog: &FailureCatalog, kind: TextKind, text: &str) -> String {
    catalog.explain(kind, text).map_or_else(|| "nothing".to_owned(), |entry| entry.id.clone())
}

#[test]
fn every_example_is_explained_by_its_own_entry() {
    let catalog = FailureCatalog::builtin();
    let mut examples = 0;
    for entry in catalog.entries().iter().filter(|entry| entry.reasons.is_empty()) {
        for text in &entry.examples {
            examples += 1;
            for kind in &entry.applies_to {
                assert_eq!(ids(catalog, *kind, text), entry.id, "as {kind:?}: {text}");
            }
            let unfiltered = catalog.texts.matches(text).next().and_then(|index| catalog.entries.get(index));
            assert_eq!(unfiltered.map(|entry| &entry.id), Some(&entry.id), "{text}");
        }
    }
    assert!(examples > 300, "{examples}");
}

#[test]
fn every_pattern_has_an_example() {
    for entry in FailureCatalog::builtin().entries() {
        for pattern in &entry.patterns {
            let regex = Regex::new(pattern).unwrap();
            assert!(entry.examples.iter().any(|text| regex.is_match(text)), "{}: {pattern}", entry.id);
        }
        assert!(entry.illustrative.iter().all(|index| *index < entry.examples.len()), "{}", entry.id);
        assert!(!entry.cause.is_empty() && !entry.verify.is_empty() && !entry.actions.is_empty(), "{}", entry.id);
    }
}

#[test]
fn benign_texts_are_no_failures() {
    let catalog = FailureCatalog::builtin();
    assert!(catalog.benign().len() >= 9);
    for benign in catalog.benign() {
        for text in &benign.examples {
            for kind in &benign.applies_to {
                assert!(catalog.is_benign(*kind, text), "{text}");
            }
            assert_eq!(ids(catalog, TextKind::ServiceEvent, text), "nothing", "{text}");
        }
    }
    assert!(!catalog.is_benign(TextKind::ServiceEvent, "(service web) was unable to place a task."));
}

#[test]
fn every_reason_of_dstack_that_is_a_failure_is_explained() {
    let catalog = FailureCatalog::builtin();
    for reason in &catalog.job_reasons {
        for exit_status in [false, true] {
            let found = catalog.explain_job(JobEnd { reason: &reason.name, message: "", exit_status, ..JobEnd::default() });
            assert_eq!(found.is_some(), reason.verdict != crate::knowledge::Verdict::No, "{}", reason.name);
        }
    }
}

#[test]
fn every_example_of_dstack_is_explained_by_its_own_entry() {
    let catalog = FailureCatalog::builtin();
    for entry in catalog.entries().iter().filter(|entry| !entry.reasons.is_empty()) {
        let exit_status = entry.exit_status == Some(ExitStatus::Present);
        for message in &entry.examples {
            // The first reason is the usual one; messages of the container may come with the others.
            for reason in entry.reasons.iter().take(1) {
                let found = catalog.explain_job(JobEnd { reason, message, exit_status, spot: Some(true), ..JobEnd::default() });
                assert_eq!(found.map(|found| found.id.as_str()), Some(entry.id.as_str()), "{reason}: {message}");
            }
        }
    }
}

#[test]
fn texts_leak_between_kinds() {
    let catalog = FailureCatalog::builtin();
    assert_eq!(ids(catalog, TextKind::DeploymentReason, "AGENT"), "placement-agent");
    assert_eq!(ids(catalog, TextKind::TaskStoppedReason, " nobody has seen this "), "nothing");
}

#[test]
fn users_may_replace_entries() {
    let own = r#"
        [[error]]
        id = "placement-agent"
        name = "AGENT"
        stage = "placement"
        class = "operator"
        retry = "none"
        confidence = "observed"
        applies_to = ["api.failure"]
        patterns = ["^AGENT$"]
        examples = ["AGENT"]
        cause = "ours"
        verify = []
        actions = []
        source = "us"
    "#;
    let catalog = FailureCatalog::new(&[own, ECS_ERRORS]).unwrap();
    let entry = catalog.explain(TextKind::ApiFailure, "AGENT").unwrap();
    assert_eq!((entry.class.as_deref(), entry.cause.as_str()), (Some("operator"), "ours"));
    assert_eq!(catalog.entries().iter().filter(|entry| entry.id == "placement-agent").count(), 1);
    let wrong = FailureCatalog::new(&[&own.replace("operator", "bad luck")]).unwrap_err().to_string();
    assert!(wrong.starts_with("entry `placement-agent`: `bad luck` is no class; expected one of transient"), "{wrong}");
    let broken = FailureCatalog::new(&[&own.replace("^AGENT$", "(")]).unwrap_err().to_string();
    assert!(broken.contains("placement-agent"), "{broken}");
}

#[test]
fn names_in_messages_are_caught() {
    let catalog = FailureCatalog::builtin();
    let text = "No offers matching the run requirements in fleet 'cloud'.";
    let entry = catalog.entry("dstack-no-offers").unwrap();
    assert_eq!(catalog.captures(entry, text), [("fleet".to_owned(), "cloud")]);
}

#[test]
fn codes_have_meanings() {
    let catalog = FailureCatalog::builtin();
    assert_eq!(catalog.exit_code(137).map(|exit| exit.name.as_str()), Some("SIGKILL (9)"));
    assert_eq!(catalog.stop_code("SpotInterruption").map(|stop| stop.stage.as_str()), Some("spot"));
    assert_eq!([signal(137), signal(143), signal(1), signal(255), signal(-1)], [Some(9), Some(15), None, None, None]);
}

#[test]
fn the_memo_of_the_built_in_catalog_leaves_ids_out() {
    let catalog = FailureCatalog::builtin();
    let text =
        |id: &str| format!("CannotPullContainerError: pull image manifest has been retried 5 time(s): web:{id}: not found");
    let first = ids(catalog, TextKind::ContainerReason, &text("0123abcd"));
    assert_eq!(first, ids(catalog, TextKind::ContainerReason, &text("4567cdef")));
    assert!(catalog.memo.is_known(TextKind::ContainerReason, &text("89ab0000")));
}
