//! The person behind a role session, and the chain of roles in between.
//!
//! The calls that issued the sessions are fetched one step of all chains at a time, so a burst costs a handful of queries
//! however many changes it has; [`trace()`] decides what they mean.

use crate::explain::finding::Event;
use crate::explain::records::{Records, Row, shifted, text, within};
use crate::micros::SECOND;
use crate::nouns::principals::{
    Assumption, Assumptions, Confidence, ISSUES_SESSIONS, Identity, Issued, LONGEST, LONGEST_DURATION, Link, Open, Trace,
    Unknown, trace,
};
use crate::rfc3339::some_instant;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum length of a session in seconds.
const SESSION: i64 = LONGEST_DURATION / SECOND;
/// The maximum number of calls to read per step, newest first.
const MOST: usize = 20_000;
/// How far the times of a session and of the call that issued it may contradict each other, in seconds.
const INEXACT: i64 = 60;
/// The maximum number of sessions in a list of events that are followed to a person, newest first: each one makes the search
/// for the calls that issued them longer.
const SESSIONS: usize = 100;

/// The person or workload behind a role session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The first caller: a user, a federated principal, or the identity that the session carries.
    pub name: String,
    /// The assumed roles, last one first.
    pub roles: Vec<String>,
    /// The source address of the first `AssumeRole` call.
    pub from: Option<String>,
    /// The time of that call.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
    /// The id of that call.
    pub record: Option<String>,
}

/// A principal between a call and the person who caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// Its name; `ROLE/SESSION` for a role session.
    pub name: String,
    /// Its kind, such as role, user or web_identity.
    pub kind: &'static str,
    /// The id of the call that issued the session.
    pub record: Option<String>,
    /// The time of that call.
    #[serde(serialize_with = "some_instant")]
    pub time: Option<Timestamp>,
    /// The source address of that call.
    pub from: Option<String>,
    /// What connects the session with that call: access_key, source_identity or session_name.
    pub basis: Option<&'static str>,
}

/// The principals behind a call, as data and as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behind {
    pub person: Option<Person>,
    pub chain: Vec<Principal>,
    pub confidence: &'static str,
    /// The text that replaces the name of the caller; none if it says no more than that name.
    pub who: Option<String>,
}

/// The caller of a call, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::explain) struct Caller {
    /// The text that replaces its name: `mei through role deploy`.
    pub who: String,
    /// The person, if known.
    pub person: Option<String>,
}

/// The callers by the ids of their calls; only role sessions about which more is known than their name. `events` are the ids and
/// times of records, not only of calls, oldest first.
pub(in crate::explain) fn callers(
    records: &Records<'_>,
    events: &[(&str, Timestamp)],
) -> Result<BTreeMap<String, Caller>, RunError> {
    let events = events.get(events.len().saturating_sub(MOST)..).unwrap_or_default();
    let times = || events.iter().map(|(_, time)| *time);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(BTreeMap::new()) };
    let ids: Vec<&str> = events.iter().map(|(record, _)| *record).collect();
    let of_roles = "(user_type = 'AssumedRole' or strpos(user_arn, ':assumed-role/') > 0)";
    let condition = format!("{of_roles} and {}", among(&ids, first, last));
    let calls = records.some(Table::Calls, &condition, "\"time\"", MOST)?;
    // The first call of a session identifies it.
    let mut sessions: BTreeMap<SessionKey<'_>, Vec<&str>> = BTreeMap::new();
    let mut firsts: Vec<&str> = Vec::new();
    for row in &calls {
        let (Some(key), Some(id)) = (session_key(row), row.text("id")) else { continue };
        let of_session = sessions.entry(key).or_default();
        if of_session.is_empty() {
            firsts.push(id);
        }
        of_session.push(id);
    }
    let newest = firsts.get(firsts.len().saturating_sub(SESSIONS)..).unwrap_or_default();
    if newest.is_empty() {
        return Ok(BTreeMap::new());
    }
    let traced = records.some_with_raw(Table::Calls, &among(newest, first, last), "\"time\"", SESSIONS)?;
    let found = behind(records, &traced.iter().collect::<Vec<_>>())?;
    let mut callers = BTreeMap::new();
    for (row, behind) in traced.iter().zip(found) {
        let of_session = session_key(row).and_then(|key| sessions.get(&key));
        let (Some(who), Some(of_session)) = (behind.who, of_session) else { continue };
        let caller = Caller { who, person: behind.person.map(|person| person.name) };
        callers.extend(of_session.iter().map(|id| ((*id).to_owned(), caller.clone())));
    }
    Ok(callers)
}

/// Events in which the caller of a call has the person behind its role session, where it is known.
pub(in crate::explain) fn with_people(records: &Records<'_>, mut events: Vec<Event>) -> Result<Vec<Event>, RunError> {
    let made = events.iter().filter(|event| event.who.is_some());
    let made: Vec<(&str, Timestamp)> = made.map(|event| (event.record.as_str(), event.time)).collect();
    let callers = callers(records, &made)?;
    for event in &mut events {
        if let Some(caller) = callers.get(&event.record) {
            event.who = Some(caller.who.clone());
        }
    }
    Ok(events)
}

/// The condition for records with one of these ids in a window.
fn among(ids: &[&str], first: Timestamp, last: Timestamp) -> String {
    let ids: BTreeSet<String> = ids.iter().map(|id| text(id)).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    format!("{} and id in ({})", within(first, 0, last, 0), ids.join(", "))
}

/// What all calls of a session have in common: the access key, and the account, role and session name.
type SessionKey<'r> = (&'r str, Option<&'r str>, Option<&'r str>);

/// The session of a call; a call without an access key is on its own. The key alone is not enough, because exports with
/// replaced keys have one for all sessions.
fn session_key(row: &Row) -> Option<SessionKey<'_>> {
    let key = row.text("access_key").or_else(|| row.text("id"))?;
    Some(match row.text("user_arn") {
        Some(arn) => (key, None, Some(arn)),
        None => (key, row.text("account"), row.text("user")),
    })
}

/// The principals behind calls, in the order of the calls. Requires rows with original records.
pub(super) fn behind(records: &Records<'_>, calls: &[&Row]) -> Result<Vec<Behind>, RunError> {
    let callers: Vec<(Identity, i64)> =
        calls.iter().map(|row| (caller(row), row.time("time").map_or(0, Timestamp::as_microsecond))).collect();
    let mut known: BTreeMap<String, Assumption> = BTreeMap::new();
    let mut asked: BTreeSet<(String, Option<String>, i64)> = BTreeSet::new();
    let mut traces: Vec<Trace> = Vec::new();
    // The last round only evaluates what the one before it found.
    for _ in 0..=LONGEST + 1 {
        let assumptions = Assumptions::new(known.values().cloned().collect());
        traces = callers.iter().map(|(caller, at)| trace(&assumptions, caller, *at)).collect();
        let open: Vec<Open> = traces.iter().filter_map(|trace| trace.open.clone()).collect();
        let new = |open: &&Open| asked.insert((open.session.label(), open.access_key.clone(), open.at));
        let open: Vec<&Open> = open.iter().filter(new).collect();
        if open.is_empty() {
            break;
        }
        for row in issuing(records, &open)? {
            let (Some(id), Some(time), Some(raw)) = (row.text("id"), row.time("time"), row.text("raw")) else { continue };
            if let Some(call) = Assumption::read(id, time.as_microsecond(), raw) {
                known.insert(id.to_owned(), call);
            }
        }
    }
    Ok(traces.iter().map(described).collect())
}

/// The caller of a call, from its original record or else from its columns.
fn caller(row: &Row) -> Identity {
    let own = |name: &str| row.text(name).map(str::to_owned);
    row.text("raw").and_then(Identity::of_record).unwrap_or_else(|| Identity {
        kind: own("user_type"),
        account: own("account"),
        arn: own("user_arn"),
        access_key: own("access_key"),
        user_name: own("user"),
        invoked_by: own("invoked_by"),
        ..Identity::default()
    })
}

/// The calls that may have issued sessions.
fn issuing(records: &Records<'_>, open: &[&Open]) -> Result<Vec<Row>, RunError> {
    let time = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let times = || open.iter().map(|open| open.at);
    let (Some(first), Some(last)) = (time(times().min()), time(times().max())) else { return Ok(Vec::new()) };
    let calls = format!("{ISSUES_SESSIONS} and {}", within(shifted(first, -INEXACT), SESSION, last, INEXACT));
    let mut found = Vec::new();
    for named in [by_columns(open), by_originals(open)] {
        found.extend(records.some_with_raw(Table::Calls, &format!("{calls} and {named}"), "\"time\" desc", MOST)?);
    }
    Ok(found)
}

/// The condition for calls whose columns say that they issued one of these keys, or a session with one of these names.
fn by_columns(open: &[&Open]) -> String {
    let list = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join(", ");
    let sessions: BTreeSet<String> = open.iter().map(|open| text(&open.session.label())).collect();
    let keys: BTreeSet<String> = open.iter().filter_map(|open| open.access_key.as_deref()).map(text).collect();
    let by_name = format!("issued_session in ({})", list(sessions));
    if keys.is_empty() { by_name } else { format!("(issued_key in ({}) or {by_name})", list(keys)) }
}

/// The condition for calls without these columns, which earlier releases loaded: their originals name a key, or a role and a
/// session name. It needs its own query: as an alternative in one condition with the columns, it would make the engine read the
/// original of every call that issued a session.
fn by_originals(open: &[&Open]) -> String {
    let has = |name: &str| format!("contains(raw, {})", text(name));
    let named = |open: &&Open| {
        let by_name = format!("({} and {})", has(&open.session.role), has(&open.session.name));
        let by_key = open.access_key.as_deref().map(|key| format!("{} or ", has(key))).unwrap_or_default();
        format!("{by_key}{by_name}")
    };
    let named: BTreeSet<String> = open.iter().map(named).collect();
    let named: Vec<String> = named.into_iter().collect();
    format!("issued_key is null and issued_session is null and ({})", named.join(" or "))
}

fn described(trace: &Trace) -> Behind {
    let roles: Vec<String> = trace.roles().map(str::to_owned).collect();
    let first = trace.issued().last();
    let at = first.and_then(|issued| Timestamp::from_microsecond(issued.time).ok());
    let person = trace.person.clone().filter(|_| !roles.is_empty()).map(|name| Person {
        name,
        roles,
        from: first.and_then(|issued| issued.from.clone()),
        at,
        record: first.map(|issued| issued.record.clone()),
    });
    Behind {
        person,
        chain: trace.chain.iter().map(principal).collect(),
        confidence: trace.confidence.word(),
        who: who(trace, first),
    }
}

fn principal(link: &Link) -> Principal {
    let issued = link.issued.as_ref();
    Principal {
        name: link.principal.clone(),
        kind: link.kind.word(),
        record: issued.map(|issued| issued.record.clone()),
        time: issued.and_then(|issued| Timestamp::from_microsecond(issued.time).ok()),
        from: issued.and_then(|issued| issued.from.clone()),
        basis: issued.map(|issued| issued.basis.word()),
    }
}

/// `mei through role sso-admin, then role deploy from 203.0.113.7`; none if nothing is known beyond the session itself.
fn who(trace: &Trace, first: Option<&Issued>) -> Option<String> {
    let mut roles: Vec<&str> = trace.roles().collect();
    let from = first.and_then(|issued| issued.from.as_deref()).map(|from| format!(" from {from}")).unwrap_or_default();
    let ambiguous = match trace.unknown {
        Some(Unknown::Ambiguous(callers)) => format!(" (person unknown: {callers} callers used this session name at that time)"),
        _ => String::new(),
    };
    match &trace.person {
        _ if roles.is_empty() => None,
        Some(person) => {
            let by = trace.named_by.as_deref().map(|by| format!(" (source identity set by {by})")).unwrap_or_default();
            let is_likely = trace.confidence == Confidence::Likely;
            let likely = if is_likely { " (likely: role and session name match)" } else { "" };
            Some(format!("{person}{by}{}{from}{likely}", through(roles)))
        }
        None => {
            // The last known session takes the place of the person.
            let last = trace.chain.last()?;
            if trace.chain.len() == 1 {
                return (!ambiguous.is_empty()).then(|| format!("{}{ambiguous}", last.principal));
            }
            roles.pop();
            Some(format!("{}{}{from}{ambiguous}", last.principal, through(roles)))
        }
    }
}

/// ` through role A, then role B`, the first assumed one first.
fn through(roles: Vec<&str>) -> String {
    let named: Vec<String> = roles.into_iter().rev().map(|role| format!("role {role}")).collect();
    format!(" through {}", named.join(", then "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns::principals::{Basis, PrincipalKind, Session};

    fn session(role: &str, from: Option<&str>) -> Link {
        let issued = from.map(|from| Issued {
            record: format!("call-of-{role}"),
            time: 1_772_000_000_000_000,
            from: Some(from.to_owned()),
            basis: Basis::AccessKey,
        });
        Link { principal: format!("{role}/x"), kind: PrincipalKind::Role, role: Some(role.to_owned()), issued }
    }

    fn traced(chain: Vec<Link>, person: Option<&str>) -> Trace {
        Trace {
            chain,
            person: person.map(str::to_owned),
            confidence: if person.is_some() { Confidence::Certain } else { Confidence::Unknown },
            unknown: person.is_none().then_some(Unknown::NotRecorded),
            named_by: None,
            open: None,
        }
    }

    #[test]
    fn a_chain_in_words() {
        let chain = vec![session("deploy", Some("198.51.100.4")), session("sso-admin", Some("203.0.113.7"))];
        let found = described(&traced(chain.clone(), Some("mei")));
        assert_eq!(found.who.as_deref(), Some("mei through role sso-admin, then role deploy from 203.0.113.7"));
        let person = found.person.unwrap();
        assert_eq!((person.name.as_str(), person.record.as_deref()), ("mei", Some("call-of-sso-admin")));
        assert_eq!(person.roles, ["deploy", "sso-admin"]);
        let partial = described(&traced(chain, None));
        assert_eq!(partial.who.as_deref(), Some("sso-admin/x through role deploy from 203.0.113.7"));
        assert!(partial.person.is_none());
    }

    #[test]
    fn a_session_is_its_key_with_its_role_name_and_account() {
        let row = |values: &[(&str, &str)]| {
            let mut row = Row::default();
            values.iter().for_each(|(name, value)| row.set(name, value));
            row
        };
        let arn = |name: &str| format!("arn:aws:sts::111122223333:assumed-role/deploy/{name}");
        let (ci, cd) = (arn("ci"), arn("cd"));
        let first = row(&[("id", "a"), ("access_key", "ASIA1"), ("user_arn", &ci), ("account", "111122223333")]);
        let again = row(&[("id", "b"), ("access_key", "ASIA1"), ("user_arn", &ci), ("account", "222233334444")]);
        assert_eq!(session_key(&first), session_key(&again), "a call in another account is one of the session");
        let other = row(&[("id", "c"), ("access_key", "ASIA1"), ("user_arn", &cd)]);
        assert_ne!(session_key(&first), session_key(&other));
        let here = row(&[("id", "d"), ("access_key", "ASIA1"), ("user", "deploy/ci"), ("account", "111122223333")]);
        let there = row(&[("id", "e"), ("access_key", "ASIA1"), ("user", "deploy/ci"), ("account", "222233334444")]);
        assert_ne!(session_key(&here), session_key(&there));
        let keyless = |id| row(&[("id", id), ("user_arn", &ci)]);
        assert_ne!(session_key(&keyless("f")), session_key(&keyless("g")));
    }

    #[test]
    fn originals_are_searched_only_in_calls_without_the_columns() {
        let open = |name: &str, key: Option<&str>| Open {
            session: Session { account: String::new(), role: "deploy".to_owned(), name: name.to_owned() },
            access_key: key.map(str::to_owned),
            at: 0,
        };
        let (ci, quoted) = (open("ci", Some("ASIA1")), open("x' or '1'='1", None));
        assert_eq!(by_columns(&[&ci, &ci]), "(issued_key in ('ASIA1') or issued_session in ('deploy/ci'))");
        assert_eq!(by_columns(&[&quoted]), "issued_session in ('deploy/x'' or ''1''=''1')");
        let originals = by_originals(&[&ci, &quoted]);
        let (first, searched) = originals.split_once(" and (").unwrap();
        assert_eq!(first, "issued_key is null and issued_session is null");
        let ci = "contains(raw, 'ASIA1') or (contains(raw, 'deploy') and contains(raw, 'ci'))";
        assert_eq!(searched, format!("(contains(raw, 'deploy') and contains(raw, 'x'' or ''1''=''1')) or {ci})"));
    }

    #[test]
    fn a_session_alone_says_no_more_than_its_name() {
        assert_eq!(described(&traced(vec![session("deploy", None)], None)).who, None);
        let ambiguous = Trace { unknown: Some(Unknown::Ambiguous(2)), ..traced(vec![session("deploy", None)], None) };
        let who = described(&ambiguous).who.unwrap();
        assert_eq!(who, "deploy/x (person unknown: 2 callers used this session name at that time)");
        assert_eq!(described(&traced(Vec::new(), Some("mei"))).who, None, "no role in between");
    }

    #[test]
    fn a_likely_person_is_marked() {
        let mut deploy = session("deploy", Some("203.0.113.7"));
        if let Some(issued) = &mut deploy.issued {
            issued.basis = Basis::SessionName;
        }
        let likely = Trace { confidence: Confidence::Likely, ..traced(vec![deploy], Some("mei")) };
        let who = described(&likely).who.unwrap();
        assert_eq!(who, "mei through role deploy from 203.0.113.7 (likely: role and session name match)");
    }
}
