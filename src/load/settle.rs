//! Settles conflicts at the end of a load: removes the rows of the records that are not kept, and names both records.
//!
//! In: the conflicts of a load, and the rows that were written. Out: the rows to remove, and corrected reports.
//! Invariant: afterwards, the rows of exactly one record per id are stored, and every other one is quarantined, or a duplicate
//! if it only has fewer fields.

use super::account::{FileReport, Rejected};
use super::dedup::{Conflict, Difference};
use crate::table::Table;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The code of a record that has the id of another one and other content.
pub const CONFLICT: &str = "conflicting_id";

/// The file and number of a record.
pub type RecordPlace = (Arc<str>, i64);

/// A conflict whose records are both known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The id of both.
    pub id: String,
    /// The record that is kept.
    pub kept: RecordPlace,
    /// The record that is not kept.
    pub dropped: RecordPlace,
    /// Whether it is a reduced copy of the record that is kept, and thus a duplicate; it is quarantined otherwise.
    pub is_copy: bool,
    /// Whether its rows were written and are removed.
    pub was_written: bool,
}

/// A main row that was written, or that an earlier load stored.
#[derive(Debug, Clone, Copy)]
pub struct WrittenRow<'r> {
    /// Its id.
    pub id: &'r str,
    /// Its account.
    pub account: Option<&'r str>,
    /// Its version.
    pub version: Option<i64>,
    /// Its file.
    pub file: &'r str,
    /// Its record number.
    pub record: i64,
}

/// What identifies a record: id, account and version.
type Key = (String, Option<String>, Option<i64>);

/// The conflicts of one table, with the rows found so far.
#[derive(Debug, Default)]
pub struct TableConflicts {
    by_key: HashMap<Key, Candidates>,
}

#[derive(Debug, Default)]
struct Candidates {
    /// The record that is kept, if it is not the first one.
    kept: Option<RecordPlace>,
    /// Records that were rejected when they were read.
    rejected: Vec<RecordPlace>,
    /// Whether the first record was a reduced copy.
    is_first_reduced: bool,
    /// Later records that were kept at first, and whether each is complete.
    is_complete: HashMap<RecordPlace, bool>,
    /// Records with rows.
    written: Vec<RecordPlace>,
    /// The same, to look one up.
    known: HashSet<RecordPlace>,
}

impl TableConflicts {
    /// The conflicts of each table.
    pub fn by_table(conflicts: &[Conflict]) -> BTreeMap<Table, TableConflicts> {
        let mut tables: BTreeMap<Table, TableConflicts> = BTreeMap::new();
        for conflict in conflicts {
            let key = (conflict.id.clone(), conflict.account.clone(), conflict.version);
            let candidates = tables.entry(conflict.table).or_default().by_key.entry(key).or_default();
            if !conflict.is_kept {
                candidates.rejected.push(conflict.later.clone());
                continue;
            }
            // The last one that was kept is kept for good.
            candidates.kept = Some(conflict.later.clone());
            let is_complete = match conflict.difference {
                Difference::Content => true,
                Difference::Fuller { is_complete } => {
                    // A complete copy is never replaced with a fuller one, so the first one was not complete.
                    candidates.is_first_reduced = true;
                    is_complete
                }
            };
            candidates.is_complete.insert(conflict.later.clone(), is_complete);
        }
        tables
    }

    /// Notes a main row; rows of an earlier load come last.
    pub fn see(&mut self, row: WrittenRow<'_>) {
        let key = (row.id.to_owned(), row.account.map(str::to_owned), row.version);
        if let Some(candidates) = self.by_key.get_mut(&key) {
            let place: RecordPlace = (Arc::from(row.file), row.record);
            if candidates.known.insert(place.clone()) {
                candidates.written.push(place);
            }
        }
    }

    /// The outcome of each conflict whose kept record was found.
    pub fn settled(self) -> Vec<Settled> {
        let mut all = Vec::new();
        for ((id, ..), candidates) in self.by_key {
            let Candidates { kept, rejected, is_first_reduced, is_complete, written, .. } = candidates;
            let Some(kept) = kept.or_else(|| written.first().cloned()) else { continue };
            let is_copy = |place: &RecordPlace| !is_complete.get(place).copied().unwrap_or(!is_first_reduced);
            let settled = |dropped: RecordPlace, is_copy, was_written| {
                let (id, kept) = (id.clone(), kept.clone());
                Settled { id, kept, dropped, is_copy, was_written }
            };
            all.extend(written.into_iter().filter(|place| *place != kept).map(|place| {
                let is_copy = is_copy(&place);
                settled(place, is_copy, true)
            }));
            all.extend(rejected.into_iter().map(|place| settled(place, false, false)));
        }
        all.sort_by(|left, right| (&left.dropped, &left.id).cmp(&(&right.dropped, &right.id)));
        all
    }
}

/// The records whose rows are removed.
#[derive(Debug, Default)]
pub struct RowsToRemove {
    /// The ids of the records of each file, by number.
    records: HashMap<Arc<str>, HashMap<i64, HashSet<String>>>,
    /// The same by id, with whether the kept record is in the same file.
    ids: HashMap<Arc<str>, HashMap<String, bool>>,
}

/// Which of the rows that were derived from records with one id in one file are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// None of them.
    None,
    /// All but the last one, because the kept record is in the same file.
    AllButLast,
    /// All of them.
    All,
}

impl RowsToRemove {
    /// Those of all settled conflicts.
    pub fn of(settled: &[Settled]) -> Self {
        let mut rows = RowsToRemove::default();
        for Settled { id, kept, dropped: (file, record), .. } in settled.iter().filter(|settled| settled.was_written) {
            rows.records.entry(file.clone()).or_default().entry(*record).or_default().insert(id.clone());
            rows.ids.entry(file.clone()).or_default().insert(id.clone(), kept.0 == *file);
        }
        rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a row is one of them: a main row, or one that belongs to it (`ID#…`).
    pub fn contains(&self, file: Option<&str>, record: Option<i64>, id: Option<&str>) -> bool {
        let (Some(file), Some(record), Some(id)) = (file, record, id) else { return false };
        let ids = self.records.get(file).and_then(|records| records.get(&record));
        ids.is_some_and(|ids| ids.contains(id) || id.split_once('#').is_some_and(|(id, _)| ids.contains(id)))
    }

    /// What happens to the rows that were derived from the record `id` of a file.
    pub fn derived_from(&self, file: Option<&str>, id: Option<&str>) -> Removal {
        let known = file.and_then(|file| self.ids.get(file)).zip(id).and_then(|(ids, id)| ids.get(id));
        match known {
            None => Removal::None,
            Some(true) => Removal::AllButLast,
            Some(false) => Removal::All,
        }
    }
}

/// Corrects the reports of a load: names the records in conflict, and quarantines those that were counted as loaded. Those
/// that are only reduced copies become duplicates.
pub fn correct(reports: &mut [FileReport], settled: &[Settled]) {
    let places: HashMap<Arc<str>, usize> =
        reports.iter().enumerate().map(|(place, report)| (report.name.clone(), place)).collect();
    for Settled { id, kept: (file, record), dropped: (name, number), is_copy, was_written } in settled {
        let Some(report) = places.get(name).and_then(|place| reports.get_mut(*place)) else { continue };
        let number = u64::try_from(*number).ok();
        let detail = format!("record {record} of {file} has the id {id} and other content, and is kept");
        if *is_copy && report.loaded > 0 {
            report.loaded -= 1;
            report.duplicate += 1;
        } else if *was_written && report.loaded > 0 {
            report.loaded -= 1;
            report.read -= 1;
            report.quarantine(Rejected { record: number, offset: None, why: CONFLICT.to_owned(), detail, sample: String::new() });
        } else if let Some(known) = report.problems.iter_mut().find(|known| known.record == number && known.why == CONFLICT) {
            known.detail = detail;
        }
    }
}
