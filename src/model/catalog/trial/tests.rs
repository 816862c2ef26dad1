use super::*;
use crate::knowledge::{DSTACK, ECS_ERRORS};

const RULE: &str = r#"
[[error]]
id = "disk-quota"
name = "DiskQuota"
stage = "volume"
class = "configuration"
retry = "after_fix"
confidence = "observed"
applies_to = ["task.stoppedReason"]
patterns = ['^DiskQuota: volume (?P<volume>\S+) is full$']
examples = ["DiskQuota: volume data is full"]
cause = "The quota of the volume is used up."
verify = ["df -h {volume}"]
"#;

fn mistakes(trial: &Trial) -> Vec<String> {
    let about = |mistake: &RuleIssue| {
        format!("{}: {}: {}", mistake.line.unwrap_or(0), mistake.entry.as_deref().unwrap_or("file"), mistake.what)
    };
    trial.mistakes.iter().map(about).collect()
}

fn only(trial: &Trial) -> String {
    let mistakes = mistakes(trial);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.into_iter().next().unwrap()
}

#[test]
fn sound_rules_have_no_mistakes() {
    let trial = Trial::of(RULE);
    assert_eq!(trial, Trial { entries: 1, examples: 1, ..Trial::default() });
    for text in [ECS_ERRORS, DSTACK] {
        let trial = Trial::of(text);
        assert_eq!(mistakes(&trial), Vec::<String>::new());
        assert_eq!(trial.notes, []);
        assert!(trial.entries > 40 && trial.examples > 30, "{} {}", trial.entries, trial.examples);
    }
}

#[test]
fn every_issue_has_its_position() {
    for (from, to, want) in [
        ("volume\"", "disk\"", "2: disk-quota: unknown phase `disk`; expected one of placement, "),
        ("configuration", "config", "2: disk-quota: unknown class `config`; expected one of transient, "),
        ("after_fix", "never", "2: disk-quota: unknown retry advice `never`; expected one of backoff, "),
        ("observed", "sure", "2: disk-quota: unknown confidence `sure`; expected one of documented, "),
        (
            "(?P<volume>",
            "(?P<volume",
            "2: disk-quota: pattern '^DiskQuota: volume (?P<volume\\S+) is full$' is not a valid regular",
        ),
        ("task.stoppedReason", "task.reason", "2: disk-quota: unknown variant `task.reason`, expected one of "),
        ("retry =", "rety =", "2: disk-quota: unknown field `rety`, expected one of "),
        ("cause = \"The quota of the volume is used up.\"", "", "2: disk-quota: missing field `cause`"),
        ("[\"DiskQuota: volume data is full\"]", "[]", "2: disk-quota: no examples"),
        (
            "data is full\"",
            "data is not full\"",
            "2: disk-quota: example \"DiskQuota: volume data is not full\" as task.stoppedReason is not explained by any entry",
        ),
        ("[\"task.stoppedReason\"]", "[\"run.message\"]", "2: disk-quota: an entry for run.message"),
        ("[[error]]", "[[eror]]", "0: file: unknown table `eror`; expected one of error, "),
        ("id = \"disk-quota\"", "id = ", "3: file: "),
    ] {
        assert!(RULE.contains(from), "{from}");
        let mistakes = mistakes(&Trial::of(&RULE.replace(from, to)));
        assert!(mistakes.iter().any(|mistake| mistake.starts_with(want)), "{to}: {mistakes:?}");
    }
    assert_eq!(only(&Trial::of("")), "0: file: the file contains no rules; expected at least one [[error]] or [[benign]]");
}

#[test]
fn ids_are_unique() {
    let trial = Trial::of(&format!("{RULE}{RULE}"));
    assert_eq!(only(&trial), "15: disk-quota: the entry on line 2 has the same id; rename one");
    assert_eq!((trial.entries, trial.examples), (1, 1));
}

#[test]
fn one_broken_entry_does_not_hide_another() {
    let second = RULE.replace("disk-quota", "other").replace("DiskQuota", "OtherQuota").replace("observed", "sure");
    let trial = Trial::of(&format!("{}{second}{RULE}", RULE.replace("retry", "rety").replace("disk-quota", "first")));
    let mistakes = mistakes(&trial);
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0].starts_with("2: first: ") && mistakes[1].starts_with("15: other: "), "{mistakes:?}");
    assert_eq!(trial.entries, 1);
}

#[test]
fn an_example_taken_by_another_entry_is_reported() {
    let first = RULE.replace("disk-quota", "all-quotas").replace(r"(?P<volume>\S+) is full$", r"(?P<volume>\S+)");
    let trial = Trial::of(&format!("{first}{RULE}"));
    assert_eq!(
        only(&trial),
        "15: disk-quota: example \"DiskQuota: volume data is full\" as task.stoppedReason is explained by `all-quotas`"
    );
    let benign = RULE
        .replace("task.stoppedReason", "service.event")
        .replace(r"'^DiskQuota: volume (?P<volume>\S+) is full$'", "'steady'")
        .replace("DiskQuota: volume data is full", "(service web) has reached a steady state.");
    let mistakes = only(&Trial::of(&benign));
    assert!(mistakes.ends_with("as service.event is benign according to `steady-state`"), "{mistakes}");
}

#[test]
fn doubtful_rules_are_noted() {
    let wide = RULE.replace(r"'^DiskQuota: volume (?P<volume>\S+) is full$'", "'volume', 'never seen'");
    let trial = Trial::of(&wide);
    assert_eq!(mistakes(&trial), Vec::<String>::new());
    let notes: Vec<&str> = trial.notes.iter().map(|note| note.what.as_str()).collect();
    assert!(notes.contains(&"pattern 'never seen' has no example"), "{notes:?}");
    assert!(notes.contains(&"no pattern captures `{volume}`: it will appear as VOLUME"), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("takes over messages from `ebs-")), "{notes:?}");
}
