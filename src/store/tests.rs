//! Interrupts changes at each step: the store must be in the old or the new state, and the next change must repair
//! it.

mod checksums;
mod hostile;

use super::fault;
use super::manifest::Manifest;
use super::read::{read_columns, texts};
use super::verify::Fault;
use super::write::table_folder;
use super::{Store, StoreError, StoreRoot, WriteOptions};
use crate::decode::budget::Limits;
use crate::discover::find_inputs;
use crate::load::{LoadOptions, RemovalRule, Selection, Silent};
use crate::table::{Table, TableSet};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NOW: i64 = 1_772_900_000_000_000;

fn write_options() -> WriteOptions {
    WriteOptions { now: NOW, patience: Duration::from_secs(10) }
}

fn export(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/exports").join(name)
}

fn load(root: &Path, exports: &[&str]) -> Result<(), StoreError> {
    let paths: Vec<PathBuf> = exports.iter().map(|name| export(name)).collect();
    load_paths(root, &paths)
}

/// Loads one call for each of these days of March 2026, each from a separate file.
fn load_days(root: &Path, days: &[u32]) -> Result<(), StoreError> {
    let dir = tempfile::tempdir().unwrap();
    for day in days {
        let record = format!(
            r#"{{"Records":[{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"ren"}},"eventTime":"2026-03-{day:02}T10:00:00Z",
            "eventSource":"ecs.amazonaws.com","eventName":"ListClusters","awsRegion":"eu-west-1","requestID":"r{day}","eventID":"e{day}",
            "eventType":"AwsApiCall","recipientAccountId":"111122223333"}}]}}"#
        );
        fs::write(dir.path().join(format!("{day}.json")), record).unwrap();
    }
    load_paths(root, &[dir.path().to_path_buf()])
}

fn load_paths(root: &Path, paths: &[PathBuf]) -> Result<(), StoreError> {
    let (inputs, problems) = find_inputs(paths, Path::new("/"), None);
    assert!(problems.is_empty());
    let options = LoadOptions {
        latest: i64::MAX,
        keep_raw: true,
        tables: TableSet::ALL,
        limits: Limits::STANDARD,
        selection: Selection::default(),
        integrity: None,
    };
    Store::load(root, inputs, Vec::new(), (&options, write_options()), &Silent, &|| {}).map(drop)
}

/// The rows of a store, in order: table, account and id of each event.
fn contents(root: &Path) -> Vec<String> {
    let store = Store::open(root).unwrap();
    let mut rows = Vec::new();
    for table in Table::ALL.iter().filter(|table| table.holds_events()) {
        for file in store.manifest().files(*table) {
            for batch in read_columns(store.root(), *table, file, &["id", "account"]).unwrap() {
                for (id, account) in texts(&batch, "id").into_iter().zip(texts(&batch, "account")) {
                    rows.push(format!("{}:{account:?}:{id:?}", table.name()));
                }
            }
        }
    }
    rows.sort();
    rows
}

fn assert_whole(root: &Path) {
    let faults = Store::verify(root).unwrap().faults;
    assert!(faults.iter().all(|fault| !fault.is_serious()), "{faults:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

/// Copies files with an additional blank line: different content, same records.
fn copy_changed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_changed(&entry.path(), &target);
        } else {
            let mut text = fs::read(entry.path()).unwrap();
            if entry.path().extension().is_some_and(|ending| ending == "gz") {
                let mut member = GzEncoder::new(Vec::new(), Compression::fast());
                member.write_all(b"\n").unwrap();
                text.extend(member.finish().unwrap());
            } else {
                text.push(b'\n');
            }
            fs::write(target, text).unwrap();
        }
    }
}

/// Interrupts a change at each of its steps in turn, until it completes.
fn die_at_each_step(start: &Path, change: impl Fn(&Path) -> Result<(), StoreError>) {
    let undisturbed = tempfile::tempdir().unwrap();
    copy(start, undisturbed.path());
    change(undisturbed.path()).unwrap();
    let (before, after) = (contents(start), contents(undisturbed.path()));
    let mut steps = 0;
    loop {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        copy(start, &root);
        let injected = fault::after(&root, steps);
        let result = change(&root);
        let died = injected.has_failed();
        drop(injected);
        let now = contents(&root);
        assert!(now == before || now == after, "after {steps} steps a reader sees half a change");
        if result.is_ok() {
            assert!(now == after, "after {steps} steps: a change that succeeded is not there");
        }
        change(&root).unwrap();
        assert!(contents(&root) == after, "after {steps} steps: the change cannot be repeated");
        assert_whole(&root);
        if !died {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "only {steps} steps can fail");
}

fn store_of(exports: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    load(dir.path(), exports).unwrap();
    dir
}

/// A store with a few calls; one day has records from two loads.
fn small_store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    load_days(dir.path(), &[1, 2]).unwrap();
    load_days(dir.path(), &[3]).unwrap();
    dir
}

#[test]
fn a_load_that_dies_at_any_step_leaves_the_store_as_before_or_as_after() {
    die_at_each_step(small_store().path(), |root| load_days(root, &[1, 4]));
}

#[test]
fn a_first_load_that_dies_at_any_step_can_be_repeated() {
    let after = contents(small_store().path());
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let injected = fault::after(&root, steps);
        let _ = load_days(&root, &[1, 2, 3]);
        let died = injected.has_failed();
        drop(injected);
        load_days(&root, &[1, 2, 3]).unwrap();
        assert!(contents(&root) == after, "after {steps} steps");
        assert_whole(&root);
        if !died {
            break;
        }
    }
}

#[test]
fn a_compaction_that_dies_at_any_step_loses_nothing() {
    die_at_each_step(small_store().path(), |root| Store::compact(root, write_options(), &|| {}).map(drop));
}

#[test]
fn a_removal_that_dies_at_any_step_is_done_or_not() {
    let start = small_store();
    let rule = RemovalRule { table: None, account: None, before: middle(start.path()) };
    die_at_each_step(start.path(), |root| Store::drop_rows(root, &rule, write_options(), &|| {}).map(drop));
}

/// Data files that the manifest does not name.
fn unnamed(root: &Path) -> Vec<PathBuf> {
    let manifest = Manifest::read(root).unwrap().unwrap();
    let of_table = |table: Table| {
        let (folder, root) = (table_folder(root, table), StoreRoot::from(root));
        let files = manifest.files(table).iter().map(|file| folder.join(&file.path)).collect::<Vec<_>>();
        root.data_files(table).into_iter().filter(move |path| !files.contains(path))
    };
    Table::ALL.iter().copied().flat_map(of_table).collect()
}

#[test]
fn replaced_files_are_deleted_after_a_vacuum_that_died_and_without_the_manifest() {
    let start = small_store();
    Store::compact(start.path(), write_options(), &|| {}).unwrap();
    let vacuum = |root: &Path| Store::vacuum(root, 0, write_options(), &|| {});
    assert!(unnamed(start.path()).len() > 1, "{:?}", unnamed(start.path()));
    let before = contents(start.path());
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        copy(start.path(), &root);
        let injected = fault::after(&root, steps);
        let result = vacuum(&root);
        drop(injected);
        let is_last = result.is_ok();
        vacuum(&root).unwrap();
        assert_eq!(unnamed(&root), [] as [PathBuf; 0], "after {steps} steps");
        assert!(contents(&root) == before, "after {steps} steps");
        if is_last {
            assert!(steps > 2, "only {steps} steps can fail");
            break;
        }
    }
    fs::remove_file(start.path().join(Manifest::NAME)).unwrap();
    let log = table_folder(start.path(), Table::Calls).join("_delta_log");
    let [staged, mine] = ["00000000000000000009.json#1", "notes.json#1"].map(|name| log.join(name));
    [&staged, &mine].iter().for_each(|path| fs::write(path, "{").unwrap());
    let month_ago = std::time::UNIX_EPOCH + Duration::from_micros(NOW.cast_unsigned()) - Duration::from_hours(720);
    fs::File::options().write(true).open(&staged).unwrap().set_modified(month_ago).unwrap();
    let done = vacuum(start.path()).unwrap();
    assert!(!staged.exists() && mine.exists());
    assert!(done.bytes_freed > 0, "{done:?}");
    assert_eq!(unnamed(start.path()), [] as [PathBuf; 0]);
    assert!(contents(start.path()) == before);
}

/// Turns a store into one of an earlier release: no checksums anywhere.
fn forget_checksums(root: &Path, manifest: &mut super::Manifest) {
    let tables: Vec<Table> = Table::ALL.iter().copied().filter(|table| manifest.table(*table).is_some()).collect();
    for table in &tables {
        for version in super::delta::versions(&root.into(), *table).unwrap() {
            let path = super::delta::commit_path(root, *table, version);
            let text = fs::read_to_string(&path).unwrap();
            let actions = text.lines().map(|line| {
                let mut action: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(info) = action.get_mut("commitInfo").and_then(serde_json::Value::as_object_mut) {
                    info.remove(super::commit::SEALS);
                }
                if let Some(add) = action.get_mut("add").and_then(serde_json::Value::as_object_mut) {
                    add.remove("tags");
                }
                format!("{action}\n")
            });
            fs::write(&path, actions.collect::<String>()).unwrap();
        }
        let state = manifest.tables.get_mut(table.name()).unwrap();
        state.sealed = None;
        state.files.iter_mut().for_each(|file| file.hash = None);
    }
    manifest.ledger_seal = None;
    manifest.write(root).unwrap();
}

/// Removes a column from the metadata of a table, as if an earlier release had created it.
fn forget_column(root: &Path, table: Table, column: &str, manifest: &mut super::Manifest) {
    let path = super::delta::commit_path(root, table, 0);
    let text = fs::read_to_string(&path).unwrap();
    let actions = text.lines().map(|line| {
        let mut action: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(schema) = action.pointer_mut("/metaData/schemaString") {
            let mut columns: serde_json::Value = serde_json::from_str(schema.as_str().unwrap()).unwrap();
            let fields = columns["fields"].as_array_mut().unwrap();
            let before = fields.len();
            fields.retain(|field| field["name"] != column);
            assert_eq!(fields.len(), before - 1, "{column}");
            *schema = serde_json::Value::String(columns.to_string());
        }
        format!("{action}\n")
    });
    fs::write(&path, actions.collect::<String>()).unwrap();
    manifest.tables.get_mut(table.name()).unwrap().columns = 0;
    manifest.write(root).unwrap();
}

#[test]
fn a_migration_that_dies_at_any_step_loses_nothing() {
    let start = small_store();
    let mut manifest = super::Manifest::read(start.path()).unwrap().unwrap();
    forget_checksums(start.path(), &mut manifest);
    for (table, column) in [(Table::Calls, "error_message"), (Table::Files, "note")] {
        forget_column(start.path(), table, column, &mut manifest);
    }
    die_at_each_step(start.path(), |root| load_days(root, &[1, 4]));
}

#[test]
fn a_reclassification_that_dies_at_any_step_loses_nothing() {
    let start = small_store();
    let export = tempfile::tempdir().unwrap();
    let refused = r#"{"Records":[{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"ren"},"eventTime":"2026-03-02T11:00:00Z",
        "eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"eu-west-1","requestID":"rf","eventID":"ef","eventType":"AwsApiCall",
        "errorCode":"ClientException","errorMessage":"TaskDefinition is inactive","recipientAccountId":"111122223333"}]}"#;
    fs::write(export.path().join("refused.json"), refused).unwrap();
    load_paths(start.path(), &[export.path().to_path_buf()]).unwrap();
    let mut manifest = super::Manifest::read(start.path()).unwrap().unwrap();
    assert!(!manifest.files(Table::Failures).is_empty());
    let records = manifest.catalogs.values().sum();
    manifest.catalogs = [("of an earlier release".to_owned(), records)].into();
    manifest.write(start.path()).unwrap();
    die_at_each_step(start.path(), |root| Store::reclassify(root, write_options(), &|| {}).map(drop));
}

/// A time between the oldest and the newest event.
fn middle(root: &Path) -> i64 {
    let store = Store::open(root).unwrap();
    let (first, last) = (store.manifest().first_event.unwrap(), store.manifest().last_event.unwrap());
    first + (last - first) / 2
}

#[test]
fn what_is_dropped_does_not_come_back() {
    let store = store_of(&["fargate-quota"]);
    let all = contents(store.path());
    let last = Store::open(store.path()).unwrap().manifest().last_event;
    let rule = RemovalRule { table: None, account: None, before: middle(store.path()) };
    let preview = Store::open(store.path()).unwrap().drop_preview(&rule).unwrap();
    let dropped = Store::drop_rows(store.path(), &rule, write_options(), &|| {}).unwrap();
    assert_eq!(preview, dropped);
    let rest = contents(store.path());
    assert_eq!(rest.len() as u64, all.len() as u64 - dropped.iter().map(|table| table.rows).sum::<u64>());
    let (all, some): (BTreeSet<_>, BTreeSet<_>) = (all.iter().collect(), rest.iter().collect());
    assert!(some.is_subset(&all) && !some.is_empty() && some.len() < all.len());
    let manifest = Store::open(store.path()).unwrap().manifest().clone();
    assert!(manifest.first_event.unwrap() >= rule.before && manifest.last_event == last);
    // Copies under other names are new files with known records.
    let moved = tempfile::tempdir().unwrap();
    copy_changed(&export("fargate-quota"), moved.path());
    let moved = moved.path().to_str().unwrap().to_owned();
    load(store.path(), &[&moved]).unwrap();
    assert_eq!(contents(store.path()), rest);
    assert_whole(store.path());
}

#[test]
fn damage_is_found() {
    let store = store_of(&["fargate-quota"]);
    assert_eq!(Store::verify(store.path()).unwrap().faults, []);
    let state = Store::open(store.path()).unwrap();
    let file = state.manifest().files(Table::Calls).first().unwrap().clone();
    let path = store.path().join("tables/calls").join(&file.path);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let faults = Store::verify(store.path()).unwrap().faults;
    assert!(matches!(faults.as_slice(), [Fault::Size { .. }]), "{faults:?}");
    let mut torn = whole.clone();
    for byte in torn.iter_mut().skip(64).take(512) {
        *byte = 0x55;
    }
    fs::write(&path, torn).unwrap();
    let faults = Store::verify(store.path()).unwrap().faults;
    assert!(matches!(faults.as_slice(), [Fault::Altered(_)]), "{faults:?}");
    fs::remove_file(&path).unwrap();
    let faults = Store::verify(store.path()).unwrap().faults;
    assert!(matches!(faults.as_slice(), [Fault::Missing(_)]), "{faults:?}");
    fs::write(&path, whole).unwrap();
    fs::write(path.with_file_name("stray.parquet"), "x").unwrap();
    let faults = Store::verify(store.path()).unwrap().faults;
    assert!(matches!(faults.as_slice(), [Fault::Orphan(_)]), "{faults:?}");
}

/// Another program that commits while a change is under way is noticed, and nothing is lost on either side.
#[test]
fn a_commit_of_another_program_during_a_change_stops_it() {
    let store = small_store();
    let root = store.path().canonicalize().unwrap();
    let mut manifest = super::Manifest::read(&root).unwrap().unwrap();
    let state = manifest.table(Table::Calls).unwrap().clone();
    let file = state.files.first().unwrap();
    let removed = serde_json::json!({"remove": {
        "path": file.path, "dataChange": true, "deletionTimestamp": NOW / 1000, "extendedFileMetadata": true,
        "partitionValues": {"day": super::write::day_name(file.day)}, "size": file.size,
    }});
    let info = serde_json::json!({"commitInfo": {"timestamp": NOW / 1000, "operation": "DELETE"}});
    let commit = root.join("tables/calls/_delta_log").join(format!("{:020}.json", state.version + 1));
    fs::write(commit, format!("{info}\n{removed}\n")).unwrap();

    let before = contents(&root);
    manifest.loads += 1;
    let writer = super::write::LoadWriter::new(&root, manifest.loads);
    let rows =
        super::read::read_columns(&super::StoreRoot::from(&root), Table::Calls, state.files.last().unwrap(), &["id"]).unwrap();
    writer.write_rows(Table::Calls, file.day, &super::read::in_schema(Table::Calls, &rows[0]).unwrap()).unwrap();
    let added = writer.finish().unwrap().remove(&Table::Calls).unwrap();
    let changes = [(Table::Calls, super::commit::TableChange { add: added, remove: Vec::new() })].into();
    let runtime = super::runtime(&root).unwrap();
    let purpose = super::commit::Purpose::Load;
    let folder = super::StoreRoot::from(&root);
    let result = runtime.block_on(super::commit::commit(&folder, &mut manifest, changes, &purpose, NOW));
    assert!(matches!(result, Err(StoreError::Changed { table: "calls" })), "{result:?}");
    assert_eq!(contents(&root), before, "the deletion counts, the change does not");
    load_days(&root, &[5]).unwrap();
    assert_eq!(contents(&root).len(), before.len() + 1);
    assert_whole(&root);
}

/// Two records with one id, each in a file of its own.
fn conflicting(folder: &Path, first: &str, second: &str) {
    for (name, event) in [("a.json", first), ("b.json", second)] {
        let record = format!(
            r#"{{"Records":[{{"eventVersion":"1.08","eventTime":"2026-03-04T10:00:00Z","eventSource":"ecs.amazonaws.com","eventName":"{event}",
            "awsRegion":"eu-west-1","eventID":"e1","recipientAccountId":"111122223333","errorCode":"AccessDenied"}}]}}"#
        );
        fs::write(folder.join(name), record).unwrap();
    }
}

/// The values of a column of a table.
fn column(root: &Path, table: Table, name: &str) -> Vec<String> {
    let store = Store::open(root).unwrap();
    let mut values = Vec::new();
    for file in store.manifest().files(table) {
        for batch in read_columns(store.root(), table, file, &[name]).unwrap() {
            values.extend(texts(&batch, name).into_iter().flatten().map(str::to_owned));
        }
    }
    values.sort();
    values
}

#[test]
fn the_kept_record_of_a_conflict_does_not_depend_on_the_order() {
    let mut outcomes = Vec::new();
    for (first, second) in [("RunTask", "StopTask"), ("StopTask", "RunTask")] {
        let dir = tempfile::tempdir().unwrap();
        conflicting(dir.path(), first, second);
        let root = dir.path().join("store");
        load_paths(&root, &[dir.path().join("a.json"), dir.path().join("b.json")]).unwrap();
        assert_whole(&root);
        // Rows that belong to the record go with it.
        let [kept, failed] = [column(&root, Table::Calls, "event_name"), column(&root, Table::Failures, "event_name")];
        assert_eq!(kept.len(), 1);
        assert!(failed.is_empty() || failed == kept, "{failed:?}");
        assert_eq!(column(&root, Table::Failures, "id").len(), 1);
        let detail = column(&root, Table::Quarantine, "detail").join(" ");
        let [kept_in, other] = if kept[0] == first { ["a.json", "b.json"] } else { ["b.json", "a.json"] };
        assert!(detail.contains(kept_in) && !detail.contains(other), "{detail}");
        assert!(column(&root, Table::Quarantine, "file")[0].ends_with(other));
        outcomes.push(kept);
    }
    assert_eq!(outcomes[0], outcomes[1]);
    // A record in the store stays, whichever is loaded later.
    for (first, second) in [("RunTask", "StopTask"), ("StopTask", "RunTask")] {
        let dir = tempfile::tempdir().unwrap();
        conflicting(dir.path(), first, second);
        let root = dir.path().join("store");
        load_paths(&root, &[dir.path().join("a.json")]).unwrap();
        load_paths(&root, &[dir.path().join("b.json")]).unwrap();
        assert_eq!(column(&root, Table::Calls, "event_name"), [first]);
        let detail = column(&root, Table::Quarantine, "detail").join(" ");
        assert!(detail.contains("a.json") && detail.contains("e1"), "{detail}");
        assert_whole(&root);
    }
}

/// A record as an export in a reduced form has it, and as CloudTrail writes it.
fn reduced_and_complete() -> [String; 2] {
    let record = r#"{"eventVersion":"1.08","eventTime":"2026-03-04T10:00:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask",
        "awsRegion":"eu-west-1","eventID":"e1","recipientAccountId":"111122223333","errorCode":"AccessDenied","errorMessage":"whole"}"#;
    let reduced = record.replace(r#""eventVersion":"1.08","#, "").replace(r#","errorMessage":"whole""#, "");
    [reduced, record.to_owned()]
}

#[test]
fn of_a_reduced_and_a_complete_copy_the_complete_one_is_kept() {
    let [reduced, complete] = reduced_and_complete();
    let records = |records: &[&String]| {
        format!(r#"{{"Records":[{}]}}"#, records.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(","))
    };
    let [first, second] = [vec![&reduced], vec![&complete]];
    for files in [
        vec![first.clone(), second.clone()],
        vec![second.clone(), first.clone()],
        vec![first.clone(), second, first],
        vec![vec![&reduced, &complete]],
        vec![vec![&complete, &reduced, &complete]],
    ] {
        for _ in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let export = dir.path().join("export");
            fs::create_dir(&export).unwrap();
            for (number, file) in files.iter().enumerate() {
                fs::write(export.join(format!("{number}.json")), records(file)).unwrap();
            }
            let root = dir.path().join("store");
            load_paths(&root, &[export]).unwrap();
            assert_whole(&root);
            assert_eq!(column(&root, Table::Calls, "error_message"), ["whole"], "{files:?}");
            assert_eq!(column(&root, Table::Failures, "message"), ["whole"], "{files:?}");
            assert!(column(&root, Table::Quarantine, "id").is_empty());
        }
    }
    // What an earlier load stored stays.
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    for (name, record) in [("a.json", &reduced), ("b.json", &complete)] {
        fs::write(dir.path().join(name), records(&[record])).unwrap();
        load_paths(&root, &[dir.path().join(name)]).unwrap();
    }
    assert!(column(&root, Table::Calls, "error_message").is_empty());
    assert_eq!(column(&root, Table::Calls, "id"), ["e1"]);
    assert_whole(&root);
}
