//! Explains failures and builds timelines.
//!
//! Input: a name or an id, and a function that queries the base tables in SQL. Output: a [`Finding`] (what failed, where,
//! when, in which phase, why, the preceding events, what to check and what to do) or a [`Story`] (every event of a task,
//! run, service, deployment or instance), as data and as text. Every statement comes from a record or the catalog;
//! unknown facts are omitted or marked as unknown.
//!
//! The JSON of both is published: `docs/schemas` has explain, explain-all, explain-quota, explain-start, changes and timeline.

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
mod headline;
mod impact;
mod incidents;
mod launch;
mod links;
mod losses;
mod network;
mod phases;
mod print;
mod records;
mod recovery;
mod remedy;
mod story;

pub use advice::response;
pub use capacity::{Capacity, PoolState, capacity};
pub use changes::{Around, Burst, Change, Changes, Person, Principal, bursts, changes, changes_of, definitions};
pub use expected_start::{ExpectedStart, is_slot, slot};
pub use find::{
    Home, SHORTEST_PREFIX, Subject, SubjectKind, begun, described_by, homes, nearest, newest, of_computed, resolve,
    schedule_named,
};
pub use finding::{AgentChange, Check, Event, EventKind, Finding};
pub use gather::explain;
pub use groups::{Group, groups};
pub use headline::{Headline, describe_without_run, headline, span};
pub use impact::Counts;
pub use incidents::{Detail, Incident, RoleSession, Suspect, details, incidents};
pub use launch::{Collision, Launch};
pub use links::{Link, Named, links_of_finding, links_of_rows, links_of_story};
pub use losses::{Loss, losses};
pub use network::{Branch, Evidence, Network, Reject, Verdict, rejects};
pub use print::{Layout, Printed, print_capacity, print_changes, print_finding, print_groups, print_slot, print_story};
pub use records::Records;
pub use recovery::{Recovered, Recovery, RecoverySign};
pub use remedy::Remedy;
pub use story::{Story, story};

#[cfg(test)]
mod tests;
