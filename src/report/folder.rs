//! The folder of a report, which is written completely or not at all.

use super::{Manifest, ReportError};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const MANIFEST: &str = "manifest.json";

/// What a report that was interrupted leaves beside its folder is removed after this time: until then, it may belong to one that is
/// being written.
const LEFTOVER: Duration = Duration::from_secs(3600);

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Reads a report: its manifest and its files.
pub fn read(folder: &Path) -> Result<(Manifest, Files), ReportError> {
    let manifest = manifest(folder)?.ok_or_else(|| {
        ReportError::Sentence(format!(
            "`{}` is not an ecs-audit report: expected a folder with a {MANIFEST} that `ecs-audit report --out` wrote",
            folder.display()
        ))
    })?;
    let mut files = Files::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        files.insert(name, fs::read(&path).map_err(|error| ReportError::io(&path, error))?);
    }
    Ok((manifest, files))
}

/// Refuses a folder that [`write`] would refuse, before anything is computed.
pub fn check_folder(folder: &Path) -> Result<(), ReportError> {
    if folder.file_name().is_none() {
        return Err(ReportError::Sentence(format!("`{}` cannot be used as a folder name", folder.display())));
    }
    if folder.symlink_metadata().is_ok() { replaceable(folder) } else { Ok(()) }
}

/// Writes a report. An existing folder is replaced only if it is a report and contains nothing else.
pub fn write(folder: &Path, files: &Files) -> Result<(), ReportError> {
    let exists = folder.symlink_metadata().is_ok();
    if exists {
        replaceable(folder)?;
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| ReportError::Sentence(format!("`{}` cannot be used as a folder name", folder.display())))?;
    let parent = match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_path_buf(),
        None => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(|error| ReportError::io(&parent, error))?;
    remove_leftovers(&parent, &name, LEFTOVER);
    let (fresh, old) = (beside(&parent, &name, "new"), beside(&parent, &name, "old"));
    let written = fill(&fresh, files).and_then(|()| {
        if exists {
            fs::rename(folder, &old).map_err(|error| ReportError::io(folder, error))?;
        }
        fs::rename(&fresh, folder).map_err(|error| {
            // Restore the previous folder.
            let _ = fs::rename(&old, folder);
            ReportError::io(folder, error)
        })
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&fresh);
    }
    if exists && written.is_ok() {
        match fs::remove_dir_all(&old) {
            // Another report has removed it as a leftover.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(|error| ReportError::io(&old, error))?,
        }
    }
    written
}

fn beside(parent: &Path, name: &str, what: &str) -> PathBuf {
    parent.join(format!(".{name}.{what}-{}", std::process::id()))
}

/// Removes the folders that [`write`] left when it was interrupted at least `age` ago. Those of a process with the number of this
/// one are always leftovers; in a container, every process may have the same number. An error while removing is ignored.
fn remove_leftovers(parent: &Path, name: &str, age: Duration) {
    let prefixes = ["new", "old"].map(|what| format!(".{name}.{what}-"));
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let entry_name = entry.file_name();
        let process_in = |prefix: &String| entry_name.to_str()?.strip_prefix(prefix.as_str())?.parse::<u32>().ok();
        let Some(process) = prefixes.iter().find_map(process_in) else { continue };
        let Some(known) = entry.metadata().ok().filter(fs::Metadata::is_dir) else { continue };
        let is_old = || known.modified().is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed >= age));
        if process == std::process::id() || is_old() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn fill(folder: &Path, files: &Files) -> Result<(), ReportError> {
    fs::create_dir(folder).map_err(|error| ReportError::io(folder, error))?;
    for (name, bytes) in files {
        let path = folder.join(name);
        let write = || {
            let mut file = fs::File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error| ReportError::io(&path, error))?;
    }
    Ok(())
}

fn manifest(folder: &Path) -> Result<Option<Manifest>, ReportError> {
    let Ok(text) = fs::read(folder.join(MANIFEST)) else { return Ok(None) };
    Ok(serde_json::from_slice(&text).ok())
}

/// Refuses to replace a folder that is not a report or contains other files.
fn replaceable(folder: &Path) -> Result<(), ReportError> {
    let refuse = |why: String| {
        Err(ReportError::Sentence(format!(
            "`{}` {why}: name a folder that does not exist yet, or an earlier report",
            folder.display()
        )))
    };
    if !folder.symlink_metadata().is_ok_and(|known| known.is_dir()) {
        return refuse("is not a folder".to_owned());
    }
    let names = names(folder)?;
    if names.is_empty() {
        return Ok(());
    }
    let Some(manifest) = manifest(folder)? else { return refuse("contains files and is not a report".to_owned()) };
    let known = |name: &String| name == MANIFEST || manifest.files.iter().any(|entry| entry.file == *name);
    match names.iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => refuse(format!("is a report, but contains `{name}`, which is not part of the report")),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, ReportError> {
    let entries = fs::read_dir(folder).map_err(|error| ReportError::io(folder, error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ReportError::io(folder, error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        Files::from([("a.csv".to_owned(), text.as_bytes().to_vec())])
    }

    #[test]
    fn other_folders_are_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("notes");
        fs::create_dir(&folder).unwrap();
        write(&folder, &files("1")).unwrap();
        // Without a manifest, it is not a report.
        let message = write(&folder, &files("2")).unwrap_err().to_string();
        assert!(message.contains("is not a report"), "{message}");
        assert_eq!(fs::read_to_string(folder.join("a.csv")).unwrap(), "1");
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(write(&file, &files("2")).unwrap_err().to_string().contains("is not a folder"));
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn leftovers_of_an_interrupted_report_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("week");
        let own = std::process::id();
        let leftovers = [format!(".week.new-{own}"), format!(".week.old-{own}")];
        // Other processes may be writing into these, or nobody; the others are of another report, or of somebody else.
        let (young, others) = ([".week.new-4000000000", ".week.old-4000000001"], [".week.new-notes", ".weeks.new-4000000000"]);
        for name in leftovers.iter().map(String::as_str).chain(young).chain(others) {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("a.csv"), "0").unwrap();
        }
        let left = || {
            let entries = fs::read_dir(dir.path()).unwrap().flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        write(&folder, &files("1")).unwrap();
        assert_eq!(left(), [young[0], others[0], young[1], others[1], "week"]);
        remove_leftovers(dir.path(), "week", Duration::ZERO);
        assert_eq!(left(), [others[0], others[1], "week"]);
    }
}
