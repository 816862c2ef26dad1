//! The rows behind each noun, as SQL over the base tables; one file for each that is more than a table.
//!
//! A view is text, so that it can be read, shown by `--explain` and pasted into `ecs-audit sql`.
//! Times are filtered around the view: the optimizer moves the filter to the scan where that gives
//! the same rows, and leaves it above window functions where it would not.

mod agents;
mod calls;
mod collisions;
mod containers;
mod deployments;
mod events;
mod failures;
mod flows;
mod gaps;
mod instances;
mod launches;
mod patterns;
pub mod quota;
pub mod refused;
mod runs;
mod schedules;
mod stalls;
mod stored;
mod tasks;

pub use launches::launch_of_call;
pub use schedules::callers;

use super::nouns::{EVIDENCE, Need, Noun};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// All nouns, in the order of the language.
pub fn all() -> Vec<Noun> {
    vec![
        failures::noun(),
        calls::calls(),
        events::noun(),
        tasks::noun(),
        containers::noun(),
        calls::attempts(),
        instances::noun(),
        agents::updates(),
        agents::disconnects(),
        deployments::noun(),
        runs::noun(),
        launches::noun(),
        collisions::noun(),
        schedules::noun(),
        quota::noun(),
        stalls::noun(),
        flows::noun(),
        gaps::noun(),
        patterns::noun(),
        stored::quarantine(),
        stored::loads(),
    ]
}

/// A computed column.
const fn computed(name: &'static str, kind: FieldType, doc: &'static str) -> FieldInfo {
    FieldInfo { name, kind, doc }
}

/// A name in SQL: some columns are called `user` or `group`.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQL as a text of SQL.
fn as_text(sql: &str) -> String {
    format!("'{}'", sql.replace('\'', "''"))
}

/// The columns of a table behind an alias, but for some: `t."id", t."time", …`.
fn columns(table: Table, alias: &str, except: &[&str]) -> String {
    list(table.fields().iter().map(|field| field.name).filter(|name| !except.contains(name)), alias)
}

/// Columns behind an alias.
fn list<'n>(names: impl Iterator<Item = &'n str>, alias: &str) -> String {
    let names: Vec<String> = names.map(|name| format!("{alias}.{}", quoted(name))).collect();
    names.join(", ")
}

/// Whether two values differ, missing ones included. The parentheses are needed: the SQL parser reads
/// what follows as part of the right side.
fn differs(left: &str, right: &str) -> String {
    format!("({left} is distinct from {right})")
}

/// Seconds from one time to another.
fn seconds(from: &str, to: &str) -> String {
    format!("(cast({to} as bigint) - cast({from} as bigint)) / 1000000.0")
}

/// Seconds from one time to another or, while that is missing, to the anchor.
fn seconds_so_far(from: &str, to: &str, need: Need) -> String {
    // Clocks differ: nothing ends before it began.
    let elapsed = format!("coalesce(cast({to} as bigint), {}) - cast({from} as bigint)", need.anchor);
    format!("(case when {elapsed} < 0 then 0 else {elapsed} end) / 1000000.0")
}

/// The evidence column of rows that rest on one record, or nothing when it is not needed.
fn evidence(need: Need, id: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", make_array(arrow_cast({id}, 'Utf8')) as {}", quoted(EVIDENCE))
}

/// The evidence column of rows that rest on all records of a partition.
fn evidence_over(need: Need, id: &str, partition: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", array_agg(arrow_cast({id}, 'Utf8')) over (partition by {partition}) as {}", quoted(EVIDENCE))
}

/// The evidence column of an inner query, passed on.
fn evidence_of(need: Need, alias: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", {alias}.{}", quoted(EVIDENCE))
}

/// A column `raw` without values, for rows that have no record of their own.
fn no_raw(need: Need) -> &'static str {
    if need.raw { ", arrow_cast(null, 'Utf8View') as raw" } else { "" }
}
