//! Changes single bits of a store: each change is found, or concerns what is rebuilt.

use super::super::read::{in_schema, read_columns};
use super::super::verify::Fault;
use super::super::write::{LoadWriter, table_folder};
use super::super::{Manifest, Store, StoreError};
use super::{contents, load_days, small_store};
use crate::table::{Columns, Quarantined, Row, Table};
use std::fs;
use std::path::{Path, PathBuf};

/// A pseudo-random sequence with a fixed seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % limit
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn every_changed_bit_is_found() {
    const PER_FILE: u64 = 8;
    let store = small_store();
    let before = contents(store.path());
    let mut random = Random(20_260_304);
    let (mut changes, mut kinds) = (0, std::collections::BTreeMap::new());
    for path in files(store.path()) {
        let whole = fs::read(&path).unwrap();
        if whole.is_empty() {
            continue;
        }
        for _ in 0..PER_FILE {
            let bit = random.below(whole.len() as u64 * 8);
            let mut changed = whole.clone();
            changed[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
            fs::write(&path, &changed).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "manifest.json" {
                // Rebuilt from the logs, so that answers are the same; an unknown format is an error.
                let opened = Store::open(store.path());
                let is_refused = matches!(opened, Err(StoreError::Format { .. }));
                assert!(is_refused || contents(store.path()) == before, "bit {bit} of {name}");
            } else {
                let found = Store::verify(store.path());
                let is_found = found.as_ref().map_or(true, |verified| verified.faults.iter().any(Fault::is_serious));
                assert!(is_found, "bit {bit} of {}: {found:?}", path.display());
            }
            changes += 1;
        }
        *kinds.entry(path.extension().map(|ending| ending.to_owned())).or_insert(0) += 1;
        fs::write(&path, &whole).unwrap();
    }
    assert!(changes > 80 && kinds.len() >= 2, "{changes} changes, {kinds:?}");
    assert_eq!(Store::verify(store.path()).unwrap().faults, []);
}

#[test]
fn checksums_survive_the_loss_of_the_manifest() {
    let store = small_store();
    let hashes = |root: &Path| -> Vec<Option<String>> {
        Store::open(root).unwrap().manifest().files(Table::Calls).iter().map(|file| file.hash.clone()).collect()
    };
    let before = hashes(store.path());
    assert!(before.iter().all(Option::is_some), "{before:?}");
    fs::remove_file(store.path().join("manifest.json")).unwrap();
    assert_eq!(hashes(store.path()), before);
}

/// Ordinary reads notice a changed page, in a file of a load as well as in one that compaction re-encoded.
#[test]
fn a_changed_page_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let day = 20_516;
    let writer = LoadWriter::new(dir.path(), 1);
    let mut columns = Columns::new(Table::Quarantine);
    for number in 0..5_000 {
        columns.push(&Row::from(Quarantined {
            id: Some(format!("id-{number:05}").into()),
            time: Some(i64::from(day) * 86_400_000_000 + number),
            detail: Some(format!("{number} of many, {}", number * 7_919 % 1_009).into()),
            ..Quarantined::default()
        }));
    }
    writer.write(Table::Quarantine, day, columns).unwrap();
    let first = writer.finish().unwrap().remove(&Table::Quarantine).unwrap().remove(0);
    let rows = read_columns(&dir.path().into(), Table::Quarantine, &first, &[]).map(|_| ());
    assert!(rows.is_ok(), "{rows:?}");
    let names: Vec<&str> = Table::Quarantine.fields().iter().map(|field| field.name).collect();
    let again = LoadWriter::new(dir.path(), 2);
    for batch in read_columns(&dir.path().into(), Table::Quarantine, &first, &names).unwrap() {
        again.write_rows(Table::Quarantine, day, &in_schema(Table::Quarantine, &batch).unwrap()).unwrap();
    }
    let second = again.finish().unwrap().remove(&Table::Quarantine).unwrap().remove(0);
    let mut random = Random(7);
    for file in [&first, &second] {
        let path = table_folder(dir.path(), Table::Quarantine).join(&file.path);
        let whole = fs::read(&path).unwrap();
        assert!(read_columns(&dir.path().into(), Table::Quarantine, file, &names).is_ok());
        let (mut noticed, changes) = (0, 60);
        for _ in 0..changes {
            // The pages of long columns are most of the file; the footer is at its end.
            let bit = 64 + random.below(whole.len() as u64 * 8 * 8 / 10);
            let mut changed = whole.clone();
            changed[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
            fs::write(&path, &changed).unwrap();
            noticed += usize::from(read_columns(&dir.path().into(), Table::Quarantine, file, &names).is_err());
        }
        fs::write(&path, &whole).unwrap();
        assert!(noticed * 100 >= changes * 95, "{noticed} of {changes} changes of {} are noticed", file.path);
    }
}

/// Stores of earlier releases have no checksums.
#[test]
fn a_store_without_checksums_is_intact() {
    let store = small_store();
    let mut manifest = Manifest::read(store.path()).unwrap().unwrap();
    super::forget_checksums(store.path(), &mut manifest);
    assert_eq!(Store::verify(store.path()).unwrap().faults, []);
    load_days(store.path(), &[5]).unwrap();
    assert_eq!(Store::verify(store.path()).unwrap().faults, []);
}
