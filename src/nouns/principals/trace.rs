//! Follows the caller of a call through `AssumeRole` calls back to the first human or workload.
//!
//! ```text
//!   RunTask by deploy/ci-1 ── access key ──► AssumeRole by admin/mei ── session name ──► AssumeRoleWithSAML by mei@example.com
//! ```
//!
//! A step is certain if the call issued the access key of the session, or the source identity of the session. It is likely
//! if only the role and the session name match, the call was made within the duration of the session, and everybody who made
//! such a call is the same principal. Otherwise the person is unknown.
//!
//! Invariants: at most [`LONGEST`] steps, none twice, and each call was made before what it explains.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{Assumption, Identity, LONGEST_DURATION, PrincipalKind, Session};
use crate::micros::{MINUTE, SECOND};

/// The maximum number of steps.
pub const LONGEST: usize = 5;
/// How long a call may seem to precede the call that issued its credentials, in microseconds: times are whole seconds.
const EARLY: i64 = 5 * SECOND;
/// How long a call may seem to follow the end of its session, in microseconds: its time is that of its completion.
const LATE: i64 = MINUTE;
/// How far the recorded time of issue may be from the time of the call that issued the credentials, in microseconds.
const ISSUED: i64 = 5 * SECOND;
/// The maximum number of calls to compare for one step, newest first.
const CANDIDATES: usize = 1000;

/// How sure a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Every step is certain, or the session has a source identity.
    Certain,
    /// The names of a session match, and no other caller fits.
    Likely,
    /// The person is not known.
    Unknown,
}

impl Confidence {
    /// The confidence as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Unknown => "unknown",
        }
    }
}

/// What connects a session with the call that issued it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The access key.
    AccessKey,
    /// The role, the session name and the source identity.
    SourceIdentity,
    /// The role and the session name.
    SessionName,
}

impl Basis {
    /// The basis as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Basis::AccessKey => "access_key",
            Basis::SourceIdentity => "source_identity",
            Basis::SessionName => "session_name",
        }
    }

    const fn confidence(self) -> Confidence {
        match self {
            Basis::AccessKey | Basis::SourceIdentity => Confidence::Certain,
            Basis::SessionName => Confidence::Likely,
        }
    }
}

/// The call that issued a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The id of its record.
    pub record: String,
    /// When it was made, in microseconds since 1970.
    pub time: i64,
    /// From which address.
    pub from: Option<String>,
    /// What connects it with the session.
    pub basis: Basis,
}

/// A principal of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name: `ROLE/SESSION` for a role session.
    pub principal: String,
    /// Its kind.
    pub kind: PrincipalKind,
    /// The role of a role session.
    pub role: Option<String>,
    /// The call that issued a role session, if it is recorded.
    pub issued: Option<Issued>,
}

/// Why a person is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The call that issued the session is not recorded.
    NotRecorded,
    /// This many callers issued sessions with the same names at that time.
    Ambiguous(usize),
    /// A session leads back to itself.
    Cycle,
    /// The chain has more than [`LONGEST`] steps.
    TooLong,
    /// The record does not name the caller.
    Unnamed,
}

/// A session whose call is not among the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The session.
    pub session: Session,
    /// Its access key.
    pub access_key: Option<String>,
    /// When it made a call, in microseconds since 1970.
    pub at: i64,
}

/// The principals behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The principals, from the caller of the call back to the first known one.
    pub chain: Vec<Link>,
    /// The person or the workload.
    pub person: Option<String>,
    /// How sure the person is.
    pub confidence: Confidence,
    /// Why the chain does not lead to its first principal; none if it does.
    pub unknown: Option<Unknown>,
    /// The principal that set the source identity, if the person is the source identity and that principal has another
    /// name.
    pub named_by: Option<String>,
    /// The session at which the chain ends because its call is missing.
    pub open: Option<Open>,
}

impl Trace {
    /// The roles, the last assumed one first.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().filter_map(|link| link.role.as_deref())
    }

    /// The calls that issued the sessions, the last one first.
    pub fn issued(&self) -> impl Iterator<Item = &Issued> {
        self.chain.iter().filter_map(|link| link.issued.as_ref())
    }
}

/// Calls that issued role sessions, indexed by what connects them with a session.
#[derive(Debug, Default)]
pub struct Assumptions {
    calls: Vec<Assumption>,
    by_key: BTreeMap<String, Vec<usize>>,
    by_session: BTreeMap<Session, Vec<usize>>,
}

/// The result of a search for the call that issued a session.
enum Search {
    Found(usize, Basis),
    Ambiguous(usize),
    None,
}

impl Assumptions {
    /// Indexes calls.
    pub fn new(mut calls: Vec<Assumption>) -> Self {
        calls.sort_by(|left, right| (left.time, &left.id).cmp(&(right.time, &right.id)));
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut by_session: BTreeMap<Session, Vec<usize>> = BTreeMap::new();
        for (index, call) in calls.iter().enumerate() {
            if let Some(key) = &call.access_key {
                by_key.entry(key.clone()).or_default().push(index);
            }
            if let Some(session) = &call.session {
                by_session.entry(session.clone()).or_default().push(index);
            }
        }
        Assumptions { calls, by_key, by_session }
    }

    /// The newest calls of a list that were made between two times.
    fn between<'a>(&'a self, list: Option<&'a Vec<usize>>, from: i64, until: i64) -> Vec<(usize, &'a Assumption)> {
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let time = |index: &usize| self.calls.get(*index).map_or(i64::MAX, |call| call.time);
        let end = list.partition_point(|index| time(index) <= until);
        let start = list.partition_point(|index| time(index) < from).max(end.saturating_sub(CANDIDATES)).min(end);
        let found = list.get(start..end).unwrap_or_default();
        found.iter().filter_map(|index| Some((*index, self.calls.get(*index)?))).collect()
    }

    /// The call that issued the session of a caller.
    fn issuer(&self, caller: &Identity, session: &Session, at: i64) -> Search {
        let until = at.saturating_add(EARLY);
        let of_key = caller.access_key.as_ref().and_then(|key| self.by_key.get(key));
        let mut found = self.between(of_key, i64::MIN, until);
        // Several sessions have the same key where an export replaces keys.
        found.retain(|(_, call)| call.session.as_ref().is_none_or(|issued| issued.may_be(session)));
        if !found.is_empty() {
            return decide(&found, Basis::AccessKey);
        }
        let from = at.saturating_sub(LONGEST_DURATION + LATE);
        let mut found = self.between(self.by_session.get(session), from, until);
        found.retain(|(_, call)| {
            let lasts = at <= call.time.saturating_add(call.lasts).saturating_add(LATE);
            // Services that act for a session have other access keys, but the time of issue stays.
            let same = match caller.issued_at {
                Some(issued) => issued.abs_diff(call.time) <= ISSUED.unsigned_abs(),
                None => caller.access_key.is_none() || call.access_key.is_none(),
            };
            let identity = caller.source_identity.is_none() || caller.source_identity == call.source_identity;
            lasts && same && identity
        });
        let basis = if caller.source_identity.is_some() { Basis::SourceIdentity } else { Basis::SessionName };
        decide(&found, basis)
    }
}

/// The newest of some calls, if all of them have the same caller.
fn decide(found: &[(usize, &Assumption)], basis: Basis) -> Search {
    let has_more = found.iter().any(|(_, call)| !call.caller.is_only_account());
    let informative = || found.iter().filter(move |(_, call)| !has_more || !call.caller.is_only_account());
    let callers: BTreeSet<_> = informative().map(|(_, call)| call.caller.distinct()).collect();
    match (callers.len(), informative().next_back()) {
        (1, Some((index, _))) => Search::Found(*index, basis),
        (0, _) | (_, None) => Search::None,
        (more, _) => Search::Ambiguous(more),
    }
}

/// The principals behind a call that was made at a time.
pub fn trace(calls: &Assumptions, caller: &Identity, at: i64) -> Trace {
    let mut trace =
        Trace { chain: Vec::new(), person: None, confidence: Confidence::Certain, unknown: None, named_by: None, open: None };
    let source_identity = follow(calls, caller, at, &mut trace);
    if let Some((identity, confidence)) = source_identity {
        trace.named_by = trace.person.take().filter(|first| *first != identity);
        trace.person = Some(identity);
        trace.confidence = confidence;
    } else if trace.person.is_none() {
        trace.confidence = Confidence::Unknown;
    }
    trace
}

/// Follows a caller back; returns the source identity, which cannot change once it is set, and how sure the steps to it are.
fn follow(calls: &Assumptions, caller: &Identity, at: i64, trace: &mut Trace) -> Option<(String, Confidence)> {
    let (mut caller, mut at) = (caller, at);
    let mut source_identity: Option<(String, Confidence)> = None;
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut before: Option<Session> = None;
    loop {
        let sure = trace.confidence;
        source_identity = source_identity.or_else(|| caller.source_identity.clone().map(|identity| (identity, sure)));
        let Some(session) = caller.session() else {
            first(caller, before.as_ref(), trace);
            return source_identity;
        };
        let found = calls.issuer(caller, &session, at);
        let found = match &found {
            Search::Found(index, basis) => calls.calls.get(*index).map(|call| (*index, *basis, call)).ok_or(Unknown::NotRecorded),
            Search::Ambiguous(callers) => Err(Unknown::Ambiguous(*callers)),
            Search::None => Err(Unknown::NotRecorded),
        };
        let issued = found.as_ref().ok().map(|(_, basis, call)| Issued {
            record: call.id.clone(),
            time: call.time,
            from: call.from.clone(),
            basis: *basis,
        });
        let roles = trace.chain.len();
        trace.chain.push(Link {
            principal: session.label(),
            kind: PrincipalKind::Role,
            role: Some(session.role.clone()),
            issued,
        });
        if let Some((name, kind)) = named_by_session(caller, &session) {
            trace.chain.push(Link { principal: name.clone(), kind, role: None, issued: None });
            trace.person = Some(name);
            return source_identity;
        }
        let (index, basis, call) = match found {
            Ok(found) => found,
            Err(unknown) => {
                if unknown == Unknown::NotRecorded {
                    trace.open = Some(Open { session, access_key: caller.access_key.clone(), at });
                }
                trace.unknown = Some(unknown);
                return source_identity;
            }
        };
        if !seen.insert(index) {
            trace.unknown = Some(Unknown::Cycle);
            return source_identity;
        }
        let sure = sure.max(basis.confidence());
        // The call may set the source identity of a session whose own record lacks it.
        source_identity = source_identity.or_else(|| call.source_identity.clone().map(|identity| (identity, sure)));
        if roles >= LONGEST {
            trace.unknown = Some(Unknown::TooLong);
            return source_identity;
        }
        trace.confidence = sure;
        (caller, at, before) = (&call.caller, call.time, Some(session));
    }
}

/// The person or workload that a session itself names.
fn named_by_session(caller: &Identity, session: &Session) -> Option<(String, PrincipalKind)> {
    if session.is_identity_center() {
        return Some((session.name.clone(), PrincipalKind::IdentityCenter));
    }
    if let Some(subject) = &caller.subject {
        return Some((subject.clone(), PrincipalKind::WebIdentity));
    }
    (caller.on_instance && session.name.starts_with("i-")).then(|| (session.name.clone(), PrincipalKind::Instance))
}

/// Adds the first principal of a chain; `session` is the session that it assumed.
fn first(caller: &Identity, session: Option<&Session>, trace: &mut Trace) {
    let named = caller.named();
    let Some((name, kind)) = named.filter(|_| !caller.is_role_session()) else {
        trace.unknown = Some(Unknown::Unnamed);
        return;
    };
    // ECS names the session after the task.
    let task = session.filter(|_| caller.invoked_by.as_deref() == Some("ecs-tasks.amazonaws.com"));
    let (name, kind) = match task.filter(|_| kind == PrincipalKind::Service) {
        Some(session) => (format!("task {}", session.name), PrincipalKind::Task),
        None => (name, kind),
    };
    trace.chain.push(Link { principal: name.clone(), kind, role: None, issued: None });
    trace.person = Some(name);
}
