//! Building blocks of the SQL behind nouns.
//!
//! The rows of a noun are SQL on the base tables, so they can be read, shown by `--explain`, and pasted into
//! `ecs-audit sql`. The time filter is applied on top: the optimizer pushes it down to the scan if that does not change
//! the rows, and leaves it above window functions otherwise.

use super::{EVIDENCE, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// A computed column.
pub(super) const fn computed(name: &'static str, kind: FieldType, doc: &'static str) -> FieldInfo {
    FieldInfo { name, kind, doc }
}

/// A quoted SQL name, because some columns are called `user` or `group`.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns of a table behind an alias, except some: `t."id", t."time", …`.
pub(super) fn columns(table: Table, alias: &str, except: &[&str]) -> String {
    list(table.fields().iter().map(|field| field.name).filter(|name| !except.contains(name)), alias)
}

/// Columns behind an alias.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>, alias: &str) -> String {
    let names: Vec<String> = names.map(|name| format!("{alias}.{}", quoted(name))).collect();
    names.join(", ")
}

/// Whether two values differ, including missing values. The parentheses are needed because the SQL parser reads what
/// follows as part of the right side.
pub(super) fn differs(left: &str, right: &str) -> String {
    format!("({left} is distinct from {right})")
}

/// Seconds between two times; missing if the second is earlier, because a duration is never negative: one of the two is
/// wrong then.
pub(super) fn seconds(from: &str, to: &str) -> String {
    let (from, to) = (format!("cast({from} as bigint)"), format!("cast({to} as bigint)"));
    format!("(case when {to} >= {from} then {to} - {from} end) / 1000000.0")
}

/// Seconds from one time to another, or to the anchor if that is missing.
pub(super) fn seconds_so_far(from: &str, to: &str, need: ViewRequest) -> String {
    // Clocks differ: nothing ends before it began.
    let elapsed = format!("coalesce(cast({to} as bigint), {}) - cast({from} as bigint)", need.anchor);
    format!("(case when {elapsed} < 0 then 0 else {elapsed} end) / 1000000.0")
}

/// The evidence column for rows from a single record, or nothing if it is not needed.
pub(super) fn evidence(need: ViewRequest, id: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", make_array(arrow_cast({id}, 'Utf8')) as {}", quoted(EVIDENCE))
}

/// The evidence column for rows from all records of a partition.
pub(super) fn evidence_over(need: ViewRequest, id: &str, partition: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", array_agg(arrow_cast({id}, 'Utf8')) over (partition by {partition}) as {}", quoted(EVIDENCE))
}

/// The evidence column of an inner query.
pub(super) fn evidence_of(need: ViewRequest, alias: &str) -> String {
    if !need.evidence {
        return String::new();
    }
    format!(", {alias}.{}", quoted(EVIDENCE))
}

/// An empty `raw` column, for rows without a record of their own.
pub(super) fn no_raw(need: ViewRequest) -> &'static str {
    if need.raw { ", arrow_cast(null, 'Utf8View') as raw" } else { "" }
}
