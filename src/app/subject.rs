//! Finds what a name or the beginning of an id means in the records.

use super::error::AppError;
use super::note::Note;
use crate::explain::{
    Records, SHORTEST_PREFIX, Subject, begun, described_by, homes, nearest, newest, of_computed, resolve, schedule_named,
};
use crate::lang;
use crate::lang::keyword::NOUNS;

/// The number of names with the same beginning that an error lists.
const LISTED_AT_MOST: usize = 8;

/// Resolves a name or the beginning of an id in the tables; several beginnings are an error that lists them.
pub fn known(records: &Records<'_>, name: &str) -> Result<Option<Subject>, AppError> {
    if let Some(subject) = resolve(records, name)? {
        return Ok(Some(subject));
    }
    // A part of an id, as people copy it, means the only thing that begins with it.
    let begun = begun(records, name, LISTED_AT_MOST + 1)?;
    if begun.len() > 1 {
        let names = begun.iter().take(LISTED_AT_MOST).map(|subject| format!("  {} {}", subject.kind.word(), subject.name));
        let names = names.collect::<Vec<_>>().join("\n");
        let more = if begun.len() > LISTED_AT_MOST { "\n  …" } else { "" };
        return Err(AppError::Sentence(format!(
            "several names begin with `{name}`; type more characters of one:\n{names}{more}"
        )));
    }
    Ok(begun.into_iter().next())
}

/// What a name means.
pub struct Resolved {
    /// The subject.
    pub subject: Subject,
    /// What a reader should know about the choice.
    pub note: Option<Note>,
}

impl From<Subject> for Resolved {
    fn from(subject: Subject) -> Self {
        Resolved { subject, note: None }
    }
}

/// Whether a name means the newest failure.
pub fn is_newest(name: &str) -> bool {
    ["last", "latest", "newest"].iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Resolves a name or the beginning of an id; an unknown name is an error that suggests similar ones.
pub fn subject(records: &Records<'_>, name: &str) -> Result<Resolved, AppError> {
    if is_newest(name) {
        let newest = newest(records)?;
        let newest = newest.ok_or_else(|| AppError::Sentence("nothing to explain: no failures are recorded".to_owned()))?;
        return Ok(newest.into());
    }
    if let Some(subject) = known(records, name)? {
        return at_one_home(records, subject);
    }
    if let Some(subject) = of_computed(records, name)? {
        return Ok(subject.into());
    }
    if let Some(subject) = schedule_named(records, name)? {
        return Ok(subject.into());
    }
    if let Some(instead) = another_command(records, name)? {
        return Err(AppError::Sentence(instead));
    }
    let near = match nearest(records, name)? {
        Some(question) => format!("; {question}"),
        None if name.chars().count() < SHORTEST_PREFIX => {
            format!("; the beginning of an id has at least {SHORTEST_PREFIX} characters")
        }
        None => String::new(),
    };
    Err(AppError::Sentence(format!(
        "nothing named `{name}` was found{near}\nexpected a failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, or `last`; \
         `ecs-audit query \"failures show id, kind, reason\"` lists ids"
    )))
}

/// What to do with a text that is not a name: a noun, a reason or a message.
fn another_command(records: &Records<'_>, name: &str) -> Result<Option<String>, AppError> {
    if name.eq_ignore_ascii_case("all") {
        return Ok(Some("nothing is named `all`; to explain each cause once: `ecs-audit explain --all`".to_owned()));
    }
    if let Some(noun) = NOUNS.iter().find(|noun| noun.word.eq_ignore_ascii_case(name)) {
        return Ok(Some(format!(
            "`{name}` is a noun, not the name of something; to list its rows: `ecs-audit query {}`, to explain all failures: `ecs-audit explain --all`",
            noun.word
        )));
    }
    if let Some(field) = described_by(records, name)? {
        let query = lang::shell_quoted(&format!("failures where {field} = {}", lang::format::literal(name)));
        return Ok(Some(format!(
            "`{name}` is a {field}, not the name of something; the failures with it: `ecs-audit query {query}`"
        )));
    }
    let is_message = name.split_whitespace().count() > 2;
    Ok(is_message.then(|| {
        format!(
            "nothing named `{name}` was found; to explain a message: `ecs-audit catalog explain {}`",
            lang::shell_quoted(name)
        )
    }))
}

/// The subject in one account and Region: what has the same name elsewhere is something else.
fn at_one_home(records: &Records<'_>, subject: Subject) -> Result<Resolved, AppError> {
    let homes = homes(records, &subject)?;
    let Some((account, region)) = homes.first().filter(|_| homes.len() > 1) else { return Ok(subject.into()) };
    let home = [Some(account), region.as_ref()].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let note = Note::SeveralHomes { homes: homes.len(), kind: subject.kind.word(), name: subject.name.clone(), home };
    let subject = Subject { account: Some(account.clone()), region: region.clone(), ..subject };
    Ok(Resolved { subject, note: Some(note) })
}
