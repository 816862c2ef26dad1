//! The output files of commands, which must not be in the folder of a store.

use crate::app::AppError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Creates or overwrites a file.
pub fn create(path: &Path) -> Result<File, AppError> {
    refuse_store(path)?;
    File::create(path).map_err(|error| AppError::Sentence(format!("`{}`: {error}", path.display())))
}

/// Creates or overwrites a file with this content.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), AppError> {
    refuse_store(path)?;
    fs::write(path, content).map_err(|error| AppError::Sentence(format!("`{}`: {error}", path.display())))
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
