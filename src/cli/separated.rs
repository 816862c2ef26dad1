//! Arguments that belong together: `--since 7 days`, `--since 2026-03-04 05:00`, `explain task ID`.
//!
//! In: the arguments of the process. Out: arguments for the parser. Invariant: only arguments that would be an error
//! otherwise are changed.

use crate::lang::keyword::find_unit;
use crate::lang::time::is_date;
use std::ffi::OsString;

/// Options with a point in time or a duration.
const TIMES: &[&str] = &["--since", "--until", "--as-of", "--at", "--around"];

/// Commands about one thing.
const ABOUT_ONE: &[&str] = &["explain", "timeline", "changes", "show"];

/// What the kind of a thing is called before its name, as in `kubectl describe pod NAME`.
const KINDS: &[&str] = &[
    "task",
    "tasks",
    "service",
    "services",
    "run",
    "job",
    "instance",
    "container-instance",
    "deployment",
    "cluster",
    "schedule",
    "family",
    "task-definition",
    "failure",
    "record",
    "id",
];

/// The arguments with the words of a time as one argument, and without the kind of what is named after the command, whose
/// index is given.
pub fn joined(mut arguments: Vec<OsString>, command: Option<usize>) -> Vec<OsString> {
    let at = |arguments: &[OsString], index: usize| {
        arguments.get(index).and_then(|argument| argument.to_str()).unwrap_or_default().to_owned()
    };
    let mut index = 1;
    while index < arguments.len() {
        let word = at(&arguments, index);
        if word == "--" {
            break;
        }
        if TIMES.contains(&word.as_str()) {
            let (first, second, third) = (at(&arguments, index + 1), at(&arguments, index + 2), at(&arguments, index + 3));
            let count = words_of_time(&first, &second, &third);
            if count > 1 {
                let time = [first, second, third].into_iter().take(count).collect::<Vec<_>>().join(" ");
                arguments.splice(index + 1..=index + count, [OsString::from(time)]);
            }
        }
        let is_name = |word: &str| !word.is_empty() && !word.starts_with('-');
        if command == Some(index)
            && ABOUT_ONE.contains(&word.as_str())
            && KINDS.contains(&at(&arguments, index + 1).to_lowercase().as_str())
            && is_name(&at(&arguments, index + 2))
        {
            arguments.remove(index + 1);
        }
        index += 1;
    }
    arguments
}

/// A name without the kind before it.
pub fn without_kind(text: &str) -> &str {
    match text.split_once(char::is_whitespace) {
        Some((kind, name)) if KINDS.contains(&kind.to_lowercase().as_str()) => name.trim_start(),
        _ => text,
    }
}

/// How many of these words are one point in time or duration.
fn words_of_time(first: &str, second: &str, third: &str) -> usize {
    let unit = second.to_lowercase();
    let is_number = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
    if is_number && find_unit(&unit).is_some() {
        return if third.eq_ignore_ascii_case("ago") { 3 } else { 2 };
    }
    let is_calendar = ["last", "this"].contains(&first.to_lowercase().as_str());
    let is_relative = is_calendar && (unit == "year" || find_unit(&unit).is_some());
    let is_clock = second.starts_with(|c: char| c.is_ascii_digit()) && second.contains(':');
    if is_relative || is_date(first) && !first.contains(':') && is_clock { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_kinds_are_joined_and_nothing_else() {
        for (line, expected) in [
            ("report --since 7 days --out x", "report|--since|7 days|--out|x"),
            ("report --since 2 days ago --out x", "report|--since|2 days ago|--out|x"),
            ("check --since 2026-03-04 05:00", "check|--since|2026-03-04 05:00"),
            ("check --since last week", "check|--since|last week"),
            ("check --since 7d lost-launches", "check|--since|7d|lost-launches"),
            ("load --since 2026-03-04 export", "load|--since|2026-03-04|export"),
            ("load --since 7 export", "load|--since|7|export"),
            ("explain task 42b9", "explain|42b9"),
            ("timeline service web --json", "timeline|web|--json"),
            ("explain quota eu-west-1", "explain|quota|eu-west-1"),
            ("explain task", "explain|task"),
            ("explain task --all", "explain|task|--all"),
            ("query failures by service", "query|failures|by|service"),
            ("query failures show service limit 5", "query|failures|show|service|limit|5"),
            ("explain -- task x", "explain|--|task|x"),
        ] {
            let arguments = std::iter::once("ecs-audit").chain(line.split(' ')).map(OsString::from).collect();
            let found: Vec<String> =
                joined(arguments, Some(1)).iter().skip(1).map(|word| word.to_str().unwrap().to_owned()).collect();
            assert_eq!(found.join("|"), expected, "{line}");
        }
    }
}
