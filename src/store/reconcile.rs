//! Reconciles the log of a table with the last version that the store committed.
//!
//! Later commits are either ours, from a change that was interrupted before it reached the ledger, or those of
//! another program (DELETE, OPTIMIZE, VACUUM by Spark, delta-rs and others). Ours are undone. Those of other programs
//! are adopted if ecs-audit can still read the table, and rejected otherwise; they are only undone on request.

use super::commit::{TableChange, is_ours};
use super::delta::{self, Commit};
use super::manifest::DataFile;
use super::write::load_of;
use super::{StoreError, StoreRoot};
use crate::table::Table;
use std::collections::{BTreeMap, BTreeSet};

/// A commit of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCommit {
    /// The table.
    pub table: Table,
    /// The version it created.
    pub version: u64,
    /// Its operation, such as `DELETE`.
    pub operation: String,
    /// Net number of removed rows; zero if rows were only moved to other files.
    pub rows_removed: i64,
}

/// The log of a table beyond the known version.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// The newest version in the log.
    pub version: u64,
    /// The files of the table, without those of unfinished changes.
    pub files: Vec<DataFile>,
    /// Actions that undo our unfinished changes.
    pub undo: TableChange,
    /// Commits of other programs, oldest first.
    pub foreign: Vec<ForeignCommit>,
    /// Files that other programs removed and added in commits that change rows.
    pub rows_changed: TableChange,
}

/// How to handle our unfinished changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// Undo them; fail if another program merged their rows with other rows.
    Refuse,
    /// Adopt them like the changes of other programs.
    Accept,
}

/// Reconciles a table whose last known state is `files` at `version` and whose log ends at `newest`.
///
/// # Errors
/// When the log cannot be read, or another program left a table that ecs-audit cannot use.
pub async fn reconcile(
    root: &StoreRoot,
    table: Table,
    (version, files): (u64, &[DataFile]),
    newest: u64,
    unfinished: Unfinished,
) -> Result<Reconciled, StoreError> {
    let commits = if (version + 1..=newest).all(|version| delta::has_commit(root, table, version)) {
        (version + 1..=newest).map(|version| delta::read_commit(root, table, version)).collect::<Result<Vec<_>, _>>()?
    } else {
        vec![difference(root, table, files, newest).await?]
    };
    let mut state = State::new(table, files);
    for commit in &commits {
        state.apply(root, commit, unfinished)?;
    }
    Ok(state.reconciled(newest))
}

/// Summarizes the expired part of a log as one commit.
async fn difference(root: &StoreRoot, table: Table, files: &[DataFile], newest: u64) -> Result<Commit, StoreError> {
    let now = delta::files_at(root, table, newest).await?;
    let paths = |files: &[DataFile]| files.iter().map(|file| file.path.clone()).collect::<BTreeSet<_>>();
    let (before, after) = (paths(files), paths(&now));
    Ok(Commit {
        operation: "several changes".to_owned(),
        data_change: true,
        add: now.iter().filter(|file| !before.contains(&file.path)).map(delta::LoggedFile::from).collect(),
        remove: before.difference(&after).map(|path| (path.clone(), 0)).collect(),
        ..Commit::at(newest)
    })
}

/// The state of a table while commits are applied.
struct State {
    table: Table,
    files: BTreeMap<String, DataFile>,
    /// The order of the known files.
    order: Vec<String>,
    undo: TableChange,
    foreign: Vec<ForeignCommit>,
    rows_changed: TableChange,
}

impl State {
    fn new(table: Table, files: &[DataFile]) -> State {
        State {
            table,
            files: files.iter().map(|file| (file.path.clone(), file.clone())).collect(),
            order: files.iter().map(|file| file.path.clone()).collect(),
            undo: TableChange::default(),
            foreign: Vec::new(),
            rows_changed: TableChange::default(),
        }
    }

    fn apply(&mut self, root: &StoreRoot, commit: &Commit, unfinished: Unfinished) -> Result<(), StoreError> {
        if is_ours(commit) && unfinished == Unfinished::Refuse {
            return self.undo_ours(root, commit);
        }
        commit.usable(self.table).map_err(|detail| self.refusal(commit, detail))?;
        let rewritten = self.undo.add.iter().any(|file| commit.remove.contains_key(&file.path));
        let brought_back = |file: &delta::LoggedFile| self.undo.remove.iter().any(|undone| undone.path == file.path);
        if rewritten && !commit.add.iter().all(brought_back) {
            let detail = "it merged rows of an unfinished load with other rows";
            return Err(self.refusal(commit, detail.to_owned()));
        }
        self.undo.add.retain(|file| !commit.remove.contains_key(&file.path));
        let mut rows = 0;
        for path in commit.remove.keys() {
            let Some(file) = self.files.remove(path) else { continue };
            rows += i64::try_from(file.rows).unwrap_or(i64::MAX);
            if commit.data_change {
                self.rows_changed.remove.push(file);
            }
        }
        for logged in &commit.add {
            let file = delta::data_file(root, self.table, logged)?;
            if let Some(place) = self.undo.remove.iter().position(|undone| undone.path == file.path) {
                self.undo.remove.remove(place);
                continue;
            }
            rows -= i64::try_from(file.rows).unwrap_or(i64::MAX);
            if commit.data_change {
                self.rows_changed.add.push(file.clone());
            }
            self.order.push(file.path.clone());
            self.files.insert(file.path.clone(), file);
        }
        self.foreign.push(ForeignCommit {
            table: self.table,
            version: commit.version,
            operation: commit.operation.clone(),
            rows_removed: rows,
        });
        Ok(())
    }

    fn undo_ours(&mut self, root: &StoreRoot, commit: &Commit) -> Result<(), StoreError> {
        // An earlier run may have undone the change and died before recording that; its undo commit cancels this one.
        for logged in &commit.add {
            match self.undo.remove.iter().position(|file| file.path == logged.path) {
                Some(place) => _ = self.undo.remove.remove(place),
                None => self.undo.add.push(delta::data_file(root, self.table, logged)?),
            }
        }
        for path in commit.remove.keys() {
            match self.undo.add.iter().position(|file| file.path == *path) {
                Some(place) => _ = self.undo.add.remove(place),
                None => self.undo.remove.extend(self.files.get(path).cloned()),
            }
        }
        Ok(())
    }

    fn refusal(&self, commit: &Commit, detail: String) -> StoreError {
        StoreError::Foreign { table: self.table.name(), version: commit.version, operation: commit.operation.clone(), detail }
    }

    fn reconciled(self, version: u64) -> Reconciled {
        let State { mut files, order, undo, foreign, rows_changed, .. } = self;
        let mut files: Vec<DataFile> = order.iter().filter_map(|path| files.remove(path)).collect();
        if !foreign.is_empty() {
            files.sort_by(|left, right| (load_of(&left.path), &left.path).cmp(&(load_of(&right.path), &right.path)));
        }
        Reconciled { version, files, undo, foreign, rows_changed }
    }
}
