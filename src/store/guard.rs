//! Access to the files of a store in a folder, which somebody else may have made.
//!
//! A store is a tree of regular files and folders. No symbolic link below its folder is followed, for reading, writing
//! or deleting; pipes and devices are not opened; sizes have limits. New files and folders are accessible only to
//! their owner. The folder of the store itself may be a link, because the user names it.

use super::StoreError;
use super::write::table_folder;
use crate::table::Table;
use parquet::file::reader::ChunkReader;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The largest number of rows or bytes of one file, and the largest version or load number, so that sums over all files
/// of a manifest do not overflow.
pub const MOST: u64 = 1 << 40;
/// The largest manifest, commit, or other text of a store, in bytes.
pub const MOST_TEXT: u64 = 256 << 20;
/// The largest Delta log of a table, in bytes.
const MOST_LOG: u64 = 2 << 30;

/// Whether a path from a log or manifest names a data file below the folder of its table. Names that other programs
/// could read as something else (URLs, drives, percent-encoded dots, hidden files, the log itself) are not accepted.
pub fn is_data_path(path: &str) -> bool {
    let is_odd = |letter: char| letter.is_control() || matches!(letter, '\\' | '%' | ':' | '?' | '*');
    let is_name = |name: &str| !name.is_empty() && !name.starts_with(['.', '_']);
    path.len() <= 1024 && !path.contains(is_odd) && path.split('/').all(is_name)
}

/// The kind of an entry that is neither a regular file nor a folder, or that is one instead of the other.
fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device or pipe"
    }
}

fn not_plain(path: &Path, metadata: &Metadata) -> StoreError {
    StoreError::NotPlain { path: path.to_path_buf(), found: kind_of(metadata) }
}

/// Whether there is nothing at a path.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Checks that no folder between the store and this path, which it includes, is a link. Folders may be missing.
pub fn folders(root: &Path, path: &Path) -> Result<(), StoreError> {
    for folder in between(root, path) {
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => return Err(not_plain(&folder, &metadata)),
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(StoreError::io(&folder, error)),
        }
    }
    Ok(())
}

/// The paths from the first one below the store down to this one.
fn between(root: &Path, path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        path.ancestors().take_while(|folder| *folder != root && folder.starts_with(root)).map(Path::to_path_buf).collect();
    folders.reverse();
    folders
}

/// The metadata of a regular file of a store; `None` if there is nothing at this path.
pub fn file_at(root: &Path, path: &Path) -> Result<Option<Metadata>, StoreError> {
    if let Some(folder) = path.parent() {
        folders(root, folder)?;
    }
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(metadata) => Err(not_plain(path, &metadata)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(StoreError::io(path, error)),
    }
}

/// Opens a regular file of a store for reading.
pub fn open(root: &Path, path: &Path) -> Result<File, StoreError> {
    let missing = || StoreError::io(path, std::io::Error::from(ErrorKind::NotFound));
    open_known(path, &file_at(root, path)?.ok_or_else(missing)?)
}

/// Opens the file with this metadata.
fn open_known(path: &Path, known: &Metadata) -> Result<File, StoreError> {
    let file = File::open(path).map_err(|error| StoreError::io(path, error))?;
    is_same(path, known, &file)?;
    Ok(file)
}

/// Fails if a file was replaced with another one, such as the target of a link, between the check and the open.
fn is_same(path: &Path, known: &Metadata, file: &File) -> Result<(), StoreError> {
    let opened = file.metadata().map_err(|error| StoreError::io(path, error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (opened.dev(), opened.ino()) != (known.dev(), known.ino()) {
            return Err(StoreError::io(path, std::io::Error::other("the file was replaced while it was being opened")));
        }
    }
    if opened.is_file() && known.is_file() { Ok(()) } else { Err(not_plain(path, &opened)) }
}

/// Reads a file of a store that has at most this many bytes; `None` if there is nothing at this path.
pub fn read(root: &Path, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(known) = file_at(root, path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = open_known(path, &known)?.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| StoreError::io(path, error))?;
    if bytes.len() as u64 > limit {
        return Err(StoreError::Damaged { path: path.to_path_buf(), detail: format!("it has more than {limit} bytes") });
    }
    Ok(Some(bytes))
}

/// Reads a text beside the tables, such as the configuration file; `None` if there is no such file. `path` starts with
/// the folder of the store.
///
/// # Errors
/// When it is not a regular file in the store, is larger than this limit, or is not UTF-8.
pub fn read_text(root: &Path, path: &Path, limit: u64) -> Result<Option<String>, StoreError> {
    let is_name = |part| matches!(part, std::path::Component::Normal(_));
    if !path.strip_prefix(root).is_ok_and(|inside| inside.components().all(is_name)) {
        return Err(StoreError::Outside(path.to_path_buf()));
    }
    let Some(bytes) = read(root, path, limit)? else { return Ok(None) };
    let damaged = |_| StoreError::io(path, std::io::Error::other("the file is not UTF-8 text"));
    String::from_utf8(bytes).map(Some).map_err(damaged)
}

/// Creates the folder of a store. Only its owner can read it.
pub fn make_root(root: &Path) -> Result<(), StoreError> {
    if root.is_dir() {
        return Ok(());
    }
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent).map_err(|error| StoreError::io(parent, error))?;
    }
    make_folder(root)
}

/// Creates a folder of a store and those above it.
pub fn make_folders(root: &Path, path: &Path) -> Result<(), StoreError> {
    for folder in between(root, path) {
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => return Err(not_plain(&folder, &metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => make_folder(&folder)?,
            Err(error) => return Err(StoreError::io(&folder, error)),
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(path) {
        // Another thread may have created it; a link in its place is an error.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(metadata) => Err(not_plain(path, &metadata)),
            Err(error) => Err(StoreError::io(path, error)),
        },
        done => done.map_err(|error| StoreError::io(path, error)),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Creates a file in an existing folder of a store. A file or link with this name, left by an interrupted command, is
/// removed first.
pub fn create(root: &Path, path: &Path) -> Result<File, StoreError> {
    if let Some(folder) = path.parent() {
        folders(root, folder)?;
    }
    let io = |error| StoreError::io(path, error);
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(not_plain(path, &metadata)),
        Ok(_) => fs::remove_file(path).map_err(io)?,
        Err(_) => {}
    }
    // A new file: the call fails if something appeared at the path in the meantime.
    private().write(true).create_new(true).open(path).map_err(io)
}

/// Opens a file in a store for writing without changing its content, and creates it if it is missing.
pub fn open_or_create(root: &Path, path: &Path) -> Result<File, StoreError> {
    let io = |error| StoreError::io(path, error);
    if file_at(root, path)?.is_none() {
        match private().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return created.map_err(io),
        }
    }
    let missing = || StoreError::io(path, std::io::Error::from(ErrorKind::NotFound));
    let known = file_at(root, path)?.ok_or_else(missing)?;
    let file = OpenOptions::new().write(true).open(path).map_err(io)?;
    is_same(path, &known, &file)?;
    Ok(file)
}

/// Lets only the owner read a file that the Delta library created.
pub fn make_private(root: &Path, path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    if file_at(root, path)?.is_some() {
        use std::os::unix::fs::PermissionsExt;
        let owner_only = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path, owner_only).map_err(|error| StoreError::io(path, error))?;
    }
    #[cfg(not(unix))]
    let _ = (root, path);
    Ok(())
}

/// Deletes a regular file of a store and returns its size; anything else at this path is left alone.
pub fn remove(root: &Path, path: &Path) -> Result<u64, StoreError> {
    let Ok(Some(metadata)) = file_at(root, path) else { return Ok(0) };
    match fs::remove_file(path) {
        Ok(()) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(StoreError::io(path, error)),
    }
}

/// The names in a folder of a store; empty if there is no such folder.
///
/// # Errors
/// When an entry is neither a regular file nor a folder, or the folder cannot be read.
pub fn names(root: &Path, folder: &Path) -> Result<Vec<(String, bool)>, StoreError> {
    folders(root, folder)?;
    let io = |error| StoreError::io(folder, error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io)?;
        let kind = entry.file_type().map_err(io)?;
        if !kind.is_file() && !kind.is_dir() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).map_err(|error| StoreError::io(&path, error))?;
            return Err(not_plain(&path, &metadata));
        }
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, kind.is_dir()));
        }
    }
    Ok(names)
}

/// Checks the log of a table before the Delta library reads it: that library follows links and reads files of any
/// size.
pub fn check_log(root: &Path, table: Table) -> Result<(), StoreError> {
    let log = table_folder(root, table).join(super::delta::LOG);
    let mut size = 0u64;
    let mut waiting = vec![log.clone()];
    while let Some(folder) = waiting.pop() {
        let names = names(root, &folder)?;
        if folder == log {
            check_order(table, &log, &names)?;
        }
        for (name, is_folder) in names {
            let path = folder.join(name);
            if is_folder {
                waiting.push(path);
                continue;
            }
            let metadata = fs::symlink_metadata(&path).map_err(|error| StoreError::io(&path, error))?;
            check_text_size(&path, metadata.len())?;
            let is_checkpoint = path.extension().is_some_and(|ending| ending == "parquet");
            let unpacked = if is_checkpoint { unpacked_size(&path, &open(root, &path)?)? } else { metadata.len() };
            size = size.saturating_add(unpacked.max(metadata.len()));
        }
    }
    check_log_size(&log, size)
}

/// Checks the size of a commit; other files of a log have no limit of their own.
pub fn check_text_size(path: &Path, size: u64) -> Result<(), StoreError> {
    if path.extension().is_some_and(|ending| ending == "json") && size > MOST_TEXT {
        let detail = format!("it has {size} bytes, more than {MOST_TEXT}");
        return Err(StoreError::Damaged { path: path.to_path_buf(), detail });
    }
    Ok(())
}

/// Checks the size of a whole log, with its checkpoints uncompressed.
pub fn check_log_size(log: &Path, size: u64) -> Result<(), StoreError> {
    if size > MOST_LOG {
        let detail = format!("its files have {size} bytes uncompressed, more than {MOST_LOG}");
        return Err(StoreError::Damaged { path: log.to_path_buf(), detail });
    }
    Ok(())
}

/// Checks that the commits since the last checkpoint follow each other: the Delta library reports a gap in its own terms.
pub fn check_order(table: Table, log: &Path, names: &[(String, bool)]) -> Result<(), StoreError> {
    const DIGITS: usize = 20;
    let (mut commits, mut checkpoints) = (BTreeMap::new(), BTreeMap::new());
    for (name, _) in names {
        let Some((digits, rest)) = name.split_at_checked(DIGITS) else { continue };
        let Ok(version) = digits.parse::<u64>() else { continue };
        if rest == ".json" {
            commits.insert(version, name);
        } else if rest.starts_with(".checkpoint.") {
            checkpoints.insert(version, name);
        }
    }
    let stray = |name: &str, last: u64| StoreError::Stray { path: log.join(name), table: table.name(), last };
    let known = commits.range(..=MOST).next_back().map_or(0, |(version, _)| *version);
    if let Some((_, name)) = checkpoints.range(MOST + 1..).next() {
        return Err(stray(name, known));
    }
    let checkpoint = checkpoints.keys().next_back().copied();
    let mut last = checkpoint;
    for (version, name) in commits.into_iter().filter(|(version, _)| checkpoint.is_none_or(|checkpoint| *version > checkpoint)) {
        if let Some(last) = last.filter(|last| last.checked_add(1) != Some(version)) {
            return Err(stray(name, last));
        }
        last = Some(version);
    }
    Ok(())
}

/// The uncompressed size of a checkpoint, from its footer. A row takes some memory even if it is empty.
pub fn unpacked_size<R: ChunkReader>(path: &Path, file: &R) -> Result<u64, StoreError> {
    const ROW: i64 = 64;
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(file);
    let metadata = metadata.map_err(|error| StoreError::Damaged { path: path.to_path_buf(), detail: error.to_string() })?;
    let groups = metadata.row_groups().iter();
    let bytes = |size: i64| u64::try_from(size).unwrap_or(u64::MAX);
    let sizes = groups.map(|group| bytes(group.total_byte_size()).saturating_add(bytes(group.num_rows().saturating_mul(ROW))));
    Ok(sizes.fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_the_table_are_data_files() {
        for good in
            ["day=2026-03-04/load-000001-00001.parquet", "day=2026-03-04/part-00000-0a1b.c000.zstd.parquet", "aB/x.parquet"]
        {
            assert!(is_data_path(good), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../../etc/passwd",
            "day=2026-03-04/../../x",
            "day=2026-03-04//x",
            "day=2026-03-04/./x",
            "day=2026-03-04/%2e%2e/x",
            "day=2026-03-04/%252e%252e/x",
            "file:///etc/passwd",
            "s3://bucket/x",
            "C:\\x",
            "day=2026-03-04\\..\\x",
            "_delta_log/00000000000000000000.json",
            "day=2026-03-04/.hidden",
            "day=2026-03-04/a\nb",
        ] {
            assert!(!is_data_path(bad), "{bad}");
        }
        assert!(!is_data_path(&"a/".repeat(600)));
    }
}
