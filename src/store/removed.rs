//! Records that were removed from the store and must not be loaded again: single records deleted by another program,
//! and rules of `store drop`. Both are stored in the table `removed`.

use super::commit::TableChange;
use super::manifest::{DataFile, Manifest};
use super::read::{StoredRecord, each_record, ints, read_columns, texts};
use super::write::LoadWriter;
use super::{StoreError, StoreRoot};
use crate::load::{Day, Identity, RemovalRule, identity_of_version};
use crate::table::{Columns, RemovedRecord, Row, Table};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

/// The tables whose rows are unique records. Rows of other tables belong to one of these records.
pub fn with_identities() -> impl Iterator<Item = Table> {
    const FIRST_ROWS: [Table; 6] =
        [Table::Calls, Table::TaskEvents, Table::InstanceEvents, Table::ServiceEvents, Table::Flows, Table::RunRecords];
    FIRST_ROWS.into_iter()
}

/// Stores the records that other programs deleted from a table: those in removed files that no current file contains.
/// Deletions whose files no longer exist cannot be stored.
pub fn remember(
    root: &StoreRoot,
    manifest: &Manifest,
    table: Table,
    changed: &TableChange,
    writer: &LoadWriter,
    now: i64,
) -> Result<(), StoreError> {
    if !with_identities().any(|known| known == table) {
        return Ok(());
    }
    let mut days: BTreeMap<Day, Vec<&DataFile>> = BTreeMap::new();
    for file in &changed.remove {
        days.entry(file.day).or_default().push(file);
    }
    for (day, files) in days {
        let mut present: HashSet<Identity> = HashSet::new();
        for file in manifest.files(table).iter().filter(|file| file.day == day) {
            each_record(root, table, file, |record| _ = present.insert(record.identity()))?;
        }
        let mut columns = Columns::new(Table::Removed);
        for file in files {
            let path = super::write::table_folder(root, table).join(&file.path);
            if !path.is_file() && !root.has_file(&path) {
                continue;
            }
            each_record(root, table, file, |record| {
                let StoredRecord { id, account, version, time } = *record;
                if present.insert(record.identity()) {
                    columns.push(&Row::from(RemovedRecord {
                        id: Some(Cow::Owned(format!("{}:{}:{id}", table.name(), account.unwrap_or_default()))),
                        time,
                        removed_at: Some(now),
                        load: i64::try_from(manifest.loads + 1).ok(),
                        table_name: Some(Cow::Borrowed(table.name())),
                        account: account.map(Cow::Borrowed),
                        record: Some(Cow::Borrowed(id)),
                        version,
                        before: None,
                    }));
                }
            })?;
        }
        writer.write(Table::Removed, day, columns)?;
    }
    Ok(())
}

/// The row of a rule.
pub fn rule_row(rule: &RemovalRule, load: u64, now: i64) -> Row<'_> {
    let (table, account) = (rule.table.map(Table::name), rule.account.as_deref());
    Row::from(RemovedRecord {
        id: Some(Cow::Owned(format!("{}:{}:before@{load}", table.unwrap_or("*"), account.unwrap_or("*")))),
        time: Some(now),
        removed_at: Some(now),
        load: i64::try_from(load).ok(),
        table_name: table.map(Cow::Borrowed),
        account: account.map(Cow::Borrowed),
        record: None,
        version: None,
        before: Some(rule.before),
    })
}

/// The rules of a store, oldest first.
pub fn rules(root: &StoreRoot, manifest: &Manifest) -> Result<Vec<RemovalRule>, StoreError> {
    let mut rules = Vec::new();
    for file in manifest.files(Table::Removed) {
        for batch in read_columns(root, Table::Removed, file, &["table_name", "account", "before"])? {
            let before = ints(&batch, "before");
            let rows = texts(&batch, "table_name").into_iter().zip(texts(&batch, "account")).zip(before);
            for ((table, account), before) in rows {
                let Some(before) = before else { continue };
                let table = table.and_then(|name| Table::ALL.iter().find(|table| table.name() == name).copied());
                rules.push(RemovalRule { table, account: account.map(str::to_owned), before });
            }
        }
    }
    Ok(rules)
}

/// The individually removed records of a table and day.
pub fn identities(root: &StoreRoot, manifest: &Manifest, table: Table, day: Day) -> Result<Vec<Identity>, StoreError> {
    let mut removed = Vec::new();
    for file in manifest.files(Table::Removed).iter().filter(|file| file.day == day) {
        for batch in read_columns(root, Table::Removed, file, &["table_name", "account", "record", "version"])? {
            let rows = texts(&batch, "table_name").into_iter().zip(texts(&batch, "account"));
            let rows = rows.zip(texts(&batch, "record").into_iter().zip(ints(&batch, "version")));
            for ((name, account), (record, version)) in rows {
                if let (Some(record), true) = (record, name == Some(table.name())) {
                    removed.push(identity_of_version(account, record, version));
                }
            }
        }
    }
    Ok(removed)
}
