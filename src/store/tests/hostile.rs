//! Stores that somebody made in order to harm: links, paths that leave the store, numbers that overflow.

use super::super::write::table_folder;
use super::super::{Manifest, Store, StoreError};
use super::{NOW, assert_whole, contents, load_days, small_store, write_options};
use crate::table::Table;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Appends a commit with this action to the log of the calls.
fn append(root: &Path, action: &Value) {
    let version = Manifest::read(root).unwrap().unwrap().table(Table::Calls).unwrap().version + 1;
    let info = json!({"commitInfo": {"timestamp": NOW / 1000, "operation": "WRITE"}});
    let path = table_folder(root, Table::Calls).join("_delta_log").join(format!("{version:020}.json"));
    fs::write(path, format!("{info}\n{action}\n")).unwrap();
}

fn add(path: &str, size: i64, stats: &str) -> Value {
    json!({"add": {"path": path, "partitionValues": {"day": "2026-03-01"}, "size": size, "modificationTime": 0,
        "dataChange": true, "stats": stats}})
}

fn load(root: &Path) -> Result<(), StoreError> {
    load_days(root, &[5])
}

#[test]
fn paths_in_a_log_stay_below_the_table() {
    let store = small_store();
    let secret = store.path().join("secret");
    fs::write(&secret, "keep me").unwrap();
    let absolute = secret.display().to_string();
    for path in [
        "../../secret",
        "day=2026-03-01/../../../secret",
        "day=2026-03-01/%2e%2e/%2e%2e/%2e%2e/secret",
        "day=2026-03-01/%252e%252e/secret",
        absolute.as_str(),
        &format!("file://{absolute}"),
        "_delta_log/00000000000000000000.json",
    ] {
        let root = copied(store.path());
        append(root.path(), &add(path, 7, r#"{"numRecords":0}"#));
        let opened = Store::open(root.path()).map(drop);
        assert!(matches!(opened, Err(StoreError::Delta { .. })), "{path}: {opened:?}");
        assert!(load(root.path()).is_err(), "{path}");
    }
    // Removing what was never there deletes nothing.
    append(store.path(), &json!({"remove": {"path": "../../secret", "dataChange": true, "deletionTimestamp": 0}}));
    load(store.path()).unwrap();
    Store::vacuum(store.path(), 0, write_options(), &|| {}).unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "keep me");
}

#[test]
fn numbers_in_a_log_do_not_overflow() {
    let huge = r#"{"numRecords":18446744073709551615}"#;
    let far = r#"{"numRecords":1,"minValues":{"time":"-009999-01-01T00:00:00Z"},"maxValues":{"time":"+262000-01-01T00:00:00Z"}}"#;
    for (size, stats) in [(i64::MAX, r#"{"numRecords":0}"#), (-1, huge), (7, huge), (7, far)] {
        let store = small_store();
        append(store.path(), &add("day=2026-03-01/part-0.parquet", size, stats));
        let _ = Store::open(store.path()).map(|store| store.manifest().check().unwrap());
        let _ = load(store.path());
        let _ = Store::verify(store.path());
    }
    let store = small_store();
    let log = table_folder(store.path(), Table::Calls).join("_delta_log");
    for version in [u64::MAX, u64::MAX - 1, 1 << 63] {
        fs::write(log.join(format!("{version}.json")), "{}").unwrap();
    }
    let before = contents(store.path());
    // The Delta library may refuse a log with a gap; nothing is lost either way.
    let loaded = load(store.path()).is_ok();
    assert_eq!(contents(store.path()).len(), before.len() + usize::from(loaded));
}

#[test]
fn a_stray_commit_is_named() {
    let store = small_store();
    let log = table_folder(store.path(), Table::Calls).join("_delta_log");
    let newest = Manifest::read(store.path()).unwrap().unwrap().table(Table::Calls).unwrap().version;
    let before = contents(store.path());
    for name in [
        format!("{:020}.json", i64::MAX),
        format!("{:020}.json", u64::MAX),
        format!("{:020}.json", newest + 7),
        format!("{:020}.checkpoint.parquet", i64::MAX),
    ] {
        fs::write(log.join(&name), "{}").unwrap();
        let message = load(store.path()).unwrap_err().to_string();
        assert!(message.contains(&name) && message.contains(&format!("version {newest}:")), "{message}");
        fs::remove_file(log.join(&name)).unwrap();
        assert_eq!(contents(store.path()), before, "{name}");
    }
    load(store.path()).unwrap();
    assert_eq!(contents(store.path()).len(), before.len() + 1);
}

#[test]
fn a_commit_of_any_size_is_refused_without_reading_it() {
    let store = small_store();
    append(store.path(), &json!({}));
    let version = Manifest::read(store.path()).unwrap().unwrap().table(Table::Calls).unwrap().version + 1;
    let path = table_folder(store.path(), Table::Calls).join("_delta_log").join(format!("{version:020}.json"));
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(64 << 30).unwrap();
    let opened = Store::open(store.path()).map(drop);
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
}

#[test]
fn a_manifest_with_impossible_content_is_rebuilt() {
    let store = small_store();
    let path = store.path().join("manifest.json");
    let mut sound: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    sound.as_object_mut().unwrap().remove("checksum");
    let before = contents(store.path());
    let changes: [(&str, Value); 9] = [
        ("/loads", json!(u64::MAX)),
        ("/tables/calls/version", json!(u64::MAX)),
        ("/tables/calls/files/0/rows", json!(u64::MAX)),
        ("/tables/calls/files/0/size", json!(u64::MAX)),
        ("/tables/calls/files/0/first", json!(i64::MIN)),
        ("/tables/calls/files/0/path", json!("../../../../etc/passwd")),
        ("/tables/calls/files/0/path", json!("/etc/passwd")),
        ("/tables/calls/files/0/day", json!(i32::MAX)),
        ("/last_event", json!(i64::MAX)),
    ];
    for (place, value) in changes {
        let mut changed = sound.clone();
        *changed.pointer_mut(place).unwrap() = value;
        fs::write(&path, changed.to_string()).unwrap();
        let opened = Store::open(store.path()).unwrap();
        assert!(opened.manifest_was_lost(), "{place}");
        assert_eq!(contents(store.path()), before, "{place}");
    }
    for text in ["", "{", "[]", "null"] {
        fs::write(&path, text).unwrap();
        assert_eq!(contents(store.path()), before, "{text}");
    }
    load(store.path()).unwrap();
    assert_whole(store.path());
}

#[test]
fn only_files_that_the_log_removed_are_deleted() {
    let store = small_store();
    let mut manifest = Manifest::read(store.path()).unwrap().unwrap();
    let folder = table_folder(store.path(), Table::Calls);
    let mine = folder.join("day=2026-03-01/mine.parquet");
    fs::write(&mine, "not in the log").unwrap();
    let listed = manifest.files(Table::Calls)[0].clone();
    for path in ["day=2026-03-01/mine.parquet", listed.path.as_str()] {
        let named = super::super::manifest::DataFile { path: path.to_owned(), ..listed.clone() };
        manifest.leave(Table::Quarantine, std::slice::from_ref(&named), 0);
        manifest.superseded.last_mut().unwrap().table = Table::Calls.name().to_owned();
    }
    manifest.write(store.path()).unwrap();
    Store::vacuum(store.path(), 0, write_options(), &|| {}).unwrap();
    assert!(mine.exists() && folder.join(&listed.path).exists());
    // A file with the name of an unfinished load is deleted, others are not.
    for name in ["load-999999-00001.parquet", "load-999999-notes.txt", "load-999999.parquet"] {
        fs::write(folder.join("day=2026-03-01").join(name), "x").unwrap();
    }
    load(store.path()).unwrap();
    let left = |name: &str| folder.join("day=2026-03-01").join(name).exists();
    assert!(!left("load-999999-00001.parquet") && left("load-999999-notes.txt") && left("load-999999.parquet"));
}

fn copied(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    super::copy(from, dir.path());
    dir
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// A folder outside the store, with one file.
    fn outside() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("load-999999-00001.parquet");
        fs::write(&file, "keep me").unwrap();
        (dir, file)
    }

    fn untouched(dir: &Path, file: &Path) {
        assert_eq!(fs::read_to_string(file).unwrap(), "keep me");
        assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "nothing was created outside the store");
    }

    /// Replaces a path in a store with a link, and runs every command that writes.
    fn refused(place: &str, target_is_folder: bool) {
        let store = small_store();
        let (dir, file) = outside();
        let path = store.path().join(place);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        symlink(if target_is_folder { dir.path() } else { &file }, &path).unwrap();
        let options = write_options();
        let loaded = load(store.path());
        assert!(matches!(loaded, Err(StoreError::NotPlain { .. })), "{place}: {loaded:?}");
        let _ = Store::compact(store.path(), options, &|| {});
        let _ = Store::vacuum(store.path(), 0, options, &|| {});
        let _ = Store::reclassify(store.path(), options, &|| {});
        let _ = Store::adopt(store.path(), options, &|| {});
        let _ = Store::take_back(store.path(), options, &|| {});
        let _ = Store::repair(store.path(), options, &|| {});
        let _ = Store::verify(store.path());
        untouched(dir.path(), &file);
    }

    #[test]
    fn no_link_is_followed() {
        refused("lock", false);
        refused("manifest.json", false);
        refused("tables", true);
        refused("tables/calls", true);
        refused("tables/calls/_delta_log", true);
        refused("tables/calls/_delta_log/00000000000000000000.json", false);
        refused("tables/calls/day=2026-03-01", true);
        refused("tables/calls/day=2026-03-05", true);
        refused("tables/quarantine", true);
    }

    #[test]
    fn a_link_in_the_place_of_a_temporary_file_is_replaced() {
        let store = small_store();
        let (dir, file) = outside();
        symlink(&file, store.path().join("manifest.json.new")).unwrap();
        load(store.path()).unwrap();
        untouched(dir.path(), &file);
        assert_whole(store.path());
    }

    #[test]
    fn a_linked_data_file_is_not_read() {
        let store = small_store();
        let manifest = Manifest::read(store.path()).unwrap().unwrap();
        let path = table_folder(store.path(), Table::Calls).join(&manifest.files(Table::Calls)[0].path);
        let elsewhere = store.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let read = super::super::super::read::read_columns(
            &store.path().into(),
            Table::Calls,
            &manifest.files(Table::Calls)[0],
            &["id"],
        );
        assert!(matches!(read, Err(StoreError::NotPlain { .. })), "{read:?}");
        let faults = Store::verify(store.path()).unwrap().faults;
        assert!(faults.iter().any(super::super::Fault::is_serious), "{faults:?}");
    }

    #[test]
    fn pipes_and_devices_are_not_opened() {
        for place in
            ["manifest.json", "lock", "tables/calls/_delta_log/_last_checkpoint", "tables/calls/day=2026-03-01/x.parquet"]
        {
            let store = small_store();
            let path = store.path().join(place);
            let _ = fs::remove_file(&path);
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            if !made.is_ok_and(|status| status.success()) {
                return;
            }
            let _ = Store::open(store.path());
            let loaded = load(store.path());
            assert!(matches!(loaded, Err(StoreError::NotPlain { .. })), "{place}: {loaded:?}");
        }
    }

    fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            found.push((entry.path(), mode));
            if entry.path().is_dir() {
                modes(&entry.path(), found);
            }
        }
    }

    #[test]
    fn only_the_owner_can_read_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        load_days(&root, &[1, 2]).unwrap();
        load_days(&root, &[2, 3]).unwrap();
        load_days(&root, &[4]).unwrap();
        Store::compact(&root, write_options(), &|| {}).unwrap();
        let mut found = Vec::new();
        modes(dir.path(), &mut found);
        assert!(found.len() > 20);
        for (path, mode) in found {
            assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        }
    }
}
