//! `store adopt`: accepts or reverts the changes of other programs.

use super::commit::{self, Purpose, TableChange, commit, recover};
use super::maintain::written;
use super::manifest::Manifest;
use super::reconcile::Unfinished;
use super::{ForeignCommit, Store, StoreError, StoreRoot, WriteOptions, delta, lock, runtime};
use crate::table::Table;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// Accepts the changes of other programs. Every writing command does this when it is safe; this command also
    /// accepts rows of an unfinished load that another program merged with other rows.
    ///
    /// # Errors
    /// When the resulting table cannot be used.
    pub fn adopt(
        root: impl Into<StoreRoot>,
        options: WriteOptions,
        waiting: &dyn Fn(),
    ) -> Result<Vec<ForeignCommit>, StoreError> {
        root.into().change(options, waiting, |root| Store::adopt_in_folder(root, options, waiting))
    }

    fn adopt_in_folder(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<Vec<ForeignCommit>, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let recovered = match runtime.block_on(recover(root, &lock, Unfinished::Refuse, options.now)) {
            Err(StoreError::Foreign { .. }) => runtime.block_on(recover(root, &lock, Unfinished::Accept, options.now))?,
            recovered => recovered?,
        };
        let adopted = recovered.adopted.clone();
        written(root, recovered)?;
        Ok(adopted)
    }

    /// Restores all tables to the last state written by ecs-audit, and returns the tables that had been changed.
    ///
    /// # Errors
    /// When files of that state no longer exist. Nothing is changed in that case.
    pub fn take_back(root: impl Into<StoreRoot>, options: WriteOptions, waiting: &dyn Fn()) -> Result<Vec<Table>, StoreError> {
        root.into().change(options, waiting, |root| Store::take_back_in_folder(root, options, waiting))
    }

    fn take_back_in_folder(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<Vec<Table>, StoreError> {
        let _lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let manifest = match Manifest::read(root)? {
            Some(manifest) => manifest,
            None => runtime.block_on(commit::rebuilt(root))?,
        };
        commit::all_there(root, &manifest)?;
        let mut next = manifest.clone();
        let mut changes = BTreeMap::new();
        let mut changed = Vec::new();
        for table in Table::ALL {
            let Some(state) = manifest.table(*table) else { continue };
            if !delta::goes_on_after(root, *table, state.version) {
                continue;
            }
            let newest = delta::newest(root, *table)?;
            let now = runtime.block_on(delta::files_at(root, *table, newest))?;
            let paths = |files: &[super::DataFile]| files.iter().map(|file| file.path.clone()).collect::<BTreeSet<_>>();
            let (had, has) = (paths(&state.files), paths(&now));
            let add = state.files.iter().filter(|file| !has.contains(&file.path)).cloned().collect();
            let remove = now.iter().filter(|file| !had.contains(&file.path)).cloned().collect();
            next.adopt(*table, newest, now, options.now);
            changes.insert(*table, TableChange { add, remove });
            changed.push(*table);
        }
        if changed.is_empty() {
            return Ok(changed);
        }
        next.superseded.retain(|file| {
            !Table::ALL
                .iter()
                .any(|table| table.name() == file.table && manifest.files(*table).iter().any(|known| known.path == file.path))
        });
        next.loads += 1;
        runtime.block_on(commit(root, &mut next, changes, &Purpose::Adoption, options.now))?;
        Ok(changed)
    }
}
