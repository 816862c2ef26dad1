//! Explains failures and builds timelines.
//!
//! Input: a name or an id, and a function that queries the base tables in SQL. Output: a [`Finding`] (what failed, where,
//! when, in which phase, why, the preceding events, what to check and what to do) or a [`Story`] (every event of a task,
//! run, service, deployment or instance), as data and as text. Every statement comes from a record or the catalog;
//! unknown facts are omitted or marked as unknown.
//!
//! The JSON of both is stable: fields are added, never renamed or removed, and times are UTC.
//!
//! ```text
//! explain X      { "subject": {kind, name}, "others": n, "losses": [{kind, time, what, never_ran, waited_seconds, id}], "finding": {id, kind, expected, failure: {what, reason,
//!                  message}, place: [{name, value}], when: {at, began, lasted_seconds}, phases: [{name, state, at,
//!                  until, note}], ran, notes: [], cause: {id, title, meaning, class, category, wording}, chain: [{time, what,
//!                  who, note, record}], launch: {id, outcome, attempts, failures, missing, healed_by, healed_at,
//!                  delay_seconds, regular} or null, collision: {class, basis, window_start, window_end, window_seconds,
//!                  chance, recurrence, advice} or null, changes (as below) or null, calculation: [],
//!                  network: {interface, address, subnet, branches: [{name, verdict (likely,
//!                  possible, open or unlikely), for: [{what, time, who, record}], against: ["]}], missing: []} or null,
//!                  verify: [{command, note}], actions: [], response} or null }
//! changes X      { "subject": {kind, name}, "found": {before, since, until, failures, changes: [{time, what, who, note, record,
//!                  shares: [], before_seconds, person: {name, roles: [], from, at, record}, principal_chain: [{name, kind,
//!                  record, time, from, basis}], principal_confidence (certain, likely or unknown)}], others} or null,
//!                  "bursts": [as found], "more_bursts": n }
//! explain --all  { "incidents": [{id, what, start, end, root, because, cause, class, confidence, basis, place, cluster, service,
//!                  failures, consequences, launches_lost, launches_healed, missed_starts, not_called, stalls, tasks,
//!                  degraded_seconds, wasted_seconds, vcpu_hours, cost_usd, series, detail: {suspect: {what, time, who,
//!                  person, record, likely, shares: []}, actions: [], response, verify: [], calculation: []} or null}],
//!                  "groups": [{count, cause, reason, title, meaning, class, first, last, examples: [], actions: [],
//!                  response}] }
//! timeline X     { "subject": {kind, name}, "events": [{time, what, who, note, record, since_seconds, gap}],
//!                  "phases": [{what, from, until, seconds}] }
//! ```

mod advice;
mod arithmetic;
mod capacity;
mod chain;
mod changes;
mod circumstances;
mod describe;
mod exit;
mod expected_start;
mod find;
mod finding;
mod gather;
mod groups;
mod incidents;
mod launch;
mod losses;
mod network;
mod phases;
mod print;
mod records;
mod story;

pub use advice::response;
pub use capacity::{Capacity, PoolState, capacity};
pub use changes::{Around, Burst, Change, Changes, Person, Principal, bursts, changes, changes_of};
pub use expected_start::{ExpectedStart, is_slot, slot};
pub use find::{Subject, SubjectKind, begun, nearest, newest, resolve, schedule_named};
pub use finding::{AgentChange, Check, Event, EventKind, Finding};
pub use gather::explain;
pub use groups::{Group, groups};
pub use incidents::{Detail, Headline, Incident, Suspect, detail, headline, incidents, span};
pub use launch::{Collision, Launch};
pub use losses::{Loss, losses};
pub use network::{Branch, Evidence, Network, Reject, Verdict, rejects};
pub use print::{Layout, Printed, print_capacity, print_changes, print_finding, print_groups, print_slot, print_story};
pub use records::Records;
pub use story::{Story, story};

#[cfg(test)]
mod tests;
