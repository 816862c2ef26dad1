//! Which columns of a noun a narrow table can do without.

use std::collections::BTreeMap;

use crate::lang::checked::Checked;
use crate::nouns::noun;
use crate::plan::Planned;

/// Columns that are not shown by default rank above those that are.
const NOT_SHOWN: u32 = 100_000;
/// The columns that a noun lists as optional rank above its other default columns.
const OPTIONAL: u32 = 10_000;

/// The column whose sentence says what a row is about, where the columns are not chosen by the query.
pub(super) fn main_column(ranks: &BTreeMap<&str, u32>, checked: &Checked) -> Option<&'static str> {
    noun(&checked.source).filter(|_| !ranks.is_empty())?.main
}

/// The ranks of columns by name, the first to be left out with the largest one. Columns that a query names have none: their
/// order says what matters.
pub(super) fn of<'p>(planned: &'p Planned, checked: &Checked) -> BTreeMap<&'p str, u32> {
    let names = || planned.columns.iter().map(|column| column.name.as_str());
    let Some(noun) = noun(&checked.source) else { return BTreeMap::new() };
    let is_default = names().eq(noun.shown.iter().copied());
    let is_whole = planned.columns.len() >= noun.fields.len();
    if checked.stages.iter().any(|stage| stage.grouped) || !(is_default || is_whole) {
        return BTreeMap::new();
    }
    let rank = |(position, name): (u32, &'p str)| {
        let optional = noun.optional.iter().rev().position(|optional| *optional == name);
        match optional {
            Some(place) => Some((name, OPTIONAL + u32::try_from(place).unwrap_or_default())),
            None if noun.shown.contains(&name) => None,
            None => Some((name, NOT_SHOWN + position)),
        }
    };
    (0..).zip(names()).filter_map(rank).collect()
}
