//! The output files of commands, which must not be in the folder of a store.

use crate::app::AppError;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Creates or overwrites a file.
pub fn create(path: &Path) -> Result<File, AppError> {
    refuse_store(path)?;
    File::create(path).map_err(|error| refused(path, &error))
}

/// Creates or overwrites a file with this content.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), AppError> {
    refuse_store(path)?;
    fs::write(path, content).map_err(|error| refused(path, &error))
}

/// Fails if a file cannot be written, before its content is computed.
pub fn check(path: &Path) -> Result<(), AppError> {
    let error = if path.is_dir() {
        io::ErrorKind::IsADirectory
    } else if missing_folder(path).is_some() {
        io::ErrorKind::NotFound
    } else {
        return Ok(());
    };
    Err(refused(path, &io::Error::from(error)))
}

/// Fails if a folder that does not exist yet is named like a file; `instead` is what to write, given the name without the
/// extension.
pub fn refuse_file_name(folder: &Path, instead: impl Fn(&str) -> String) -> Result<(), AppError> {
    const FILES: [&str; 12] = ["csv", "json", "ndjson", "md", "html", "htm", "parquet", "pdf", "txt", "zip", "xlsx", "docx"];
    let extension = folder.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    if folder.exists() || !FILES.contains(&extension.as_str()) {
        return Ok(());
    }
    let stem = folder.with_extension("").display().to_string();
    Err(AppError::Sentence(format!("`{}` would be a folder, not a file; {}", folder.display(), instead(&stem))))
}

/// The folder of a file, if it does not exist.
fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
}

/// Why a file cannot be written, and what to do.
fn refused(path: &Path, error: &io::Error) -> AppError {
    let why = match (error.kind(), missing_folder(path)) {
        (io::ErrorKind::IsADirectory, _) => {
            format!("this is a folder; name a file in it, such as `{}`", path.join("failures.csv").display())
        }
        (io::ErrorKind::NotFound, Some(folder)) => {
            format!("its folder does not exist; create it first: `mkdir -p {}`", folder.display())
        }
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    };
    AppError::Sentence(format!("`{}`: {why}", path.display()))
}

/// Fails if a path is in the folder of a store, through links or not, or is that folder.
pub fn refuse_store(path: &Path) -> Result<(), AppError> {
    match store_of(path) {
        None => Ok(()),
        Some(store) => Err(AppError::Sentence(format!(
            "`{}` belongs to the store `{}`; write to a place outside of its folder",
            path.display(),
            store.display()
        ))),
    }
}

/// The store that a path belongs to.
fn store_of(path: &Path) -> Option<PathBuf> {
    let target = resolved(path)?;
    target.ancestors().find(|folder| is_store(folder)).map(Path::to_path_buf)
}

/// The target of a path without links; the last component may not exist yet.
fn resolved(path: &Path) -> Option<PathBuf> {
    if let Ok(target) = path.canonicalize() {
        return Some(target);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(resolved_folder(parent)?.join(path.file_name()?))
}

/// The nearest existing folder of a path, with the rest of the path.
fn resolved_folder(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|folder| {
        let known = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.canonicalize().ok()?;
        Some(known.join(path.strip_prefix(folder).ok()?))
    })
}

/// Whether a folder is a store or a Delta table.
fn is_store(folder: &Path) -> bool {
    const LOG: &str = "_delta_log";
    let mut tables = fs::read_dir(folder.join("tables")).into_iter().flatten().flatten();
    folder.join(LOG).is_dir() || tables.any(|table| table.path().join(LOG).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let message = |outcome: Result<(), AppError>| outcome.unwrap_err().to_string();
        let missing = dir.path().join("none/x.csv");
        assert!(message(check(&missing)).contains("; create it first: `mkdir -p "), "{}", message(check(&missing)));
        assert_eq!(message(check(&missing)).split(": ").nth(1), message(write(&missing, "")).split(": ").nth(1));
        assert!(message(check(dir.path())).contains("; name a file in it, such as "), "{}", message(check(dir.path())));
        assert!(message(write(dir.path(), "")).contains("; name a file in it, such as "));
        assert!(check(&dir.path().join("x.csv")).is_ok() && check(Path::new("x.csv")).is_ok());
        let named = |name: &str| refuse_file_name(&dir.path().join(name), |stem| format!("write {stem}"));
        assert!(message(named("r.HTML")).contains("would be a folder, not a file; write "));
        assert!(named("report").is_ok() && named("2026.03").is_ok());
        fs::create_dir(dir.path().join("old.html")).unwrap();
        assert!(named("old.html").is_ok());
    }

    #[test]
    fn a_file_of_a_store_is_not_a_destination() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        fs::create_dir_all(store.join("tables/calls/_delta_log")).unwrap();
        fs::write(store.join("manifest.json"), "{}").unwrap();
        for own in [
            "manifest.json",
            "lock",
            "ecs-audit.toml",
            "tables/x.csv",
            "tables/calls/_delta_log/0.json",
            "new.csv",
            "a/b.csv",
            "",
        ] {
            let refused = create(&store.join(own)).unwrap_err().to_string();
            assert!(refused.contains("belongs to the store"), "{own}: {refused}");
        }
        assert_eq!(fs::read(store.join("manifest.json")).unwrap(), b"{}");
        for other in [dir.path().join("answer.csv"), dir.path().join("manifest.json"), dir.path().join("lock")] {
            create(&other).unwrap();
        }
        #[cfg(unix)]
        {
            let link = dir.path().join("link.csv");
            std::os::unix::fs::symlink(store.join("manifest.json"), &link).unwrap();
            assert!(write(&link, "x").is_err());
            let folder = dir.path().join("folder");
            std::os::unix::fs::symlink(&store, &folder).unwrap();
            assert!(write(&folder.join("tables/calls/new.csv"), "x").is_err());
        }
    }
}
