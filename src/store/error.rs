//! Errors of a store.

use std::path::{Path, PathBuf};

/// Why an operation on a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not exist.
    #[error("there is no store at `{}`: load an export with `ecs-audit load DIR`, or query it directly with `query --from DIR`", .0.display())]
    Missing(PathBuf),
    /// No store is below the prefix, or nothing was loaded into it yet.
    #[error("there is no store at `{}`: load an export with `ecs-audit load DIR --store {}`, or copy a store there with `aws s3 sync .ecs-audit {}`", .0.display(), .0.display(), .0.display())]
    MissingInBucket(PathBuf),
    /// Another writer changed a store in a bucket first.
    #[error("another `ecs-audit` changed `{}` while this command was running, so nothing was stored; run it again", .0.display())]
    Raced(PathBuf),
    /// The server of a bucket does not respect conditions.
    #[error("the server of `{}` ignores the condition `If-None-Match: *`, so that two writers could overwrite each other: write to a store in a folder, and copy it to the bucket", .0.display())]
    Unconditional(PathBuf),
    /// The operating system reported an error.
    #[error("`{}`: {detail}", .path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system error.
        detail: String,
    },
    /// A file of the store has unexpected content.
    #[error("`{}` is damaged: {detail}; move the store elsewhere and load the export again", .path.display())]
    Damaged {
        /// The path.
        path: PathBuf,
        /// The problem.
        detail: String,
    },
    /// Something in the store is not a regular file or folder.
    #[error("`{}` is {found}; ecs-audit uses only regular files and folders inside a store and follows no links: copy the store with `cp -rL` if you trust it, or load the export into a new store", .path.display())]
    NotPlain {
        /// The path.
        path: PathBuf,
        /// Its kind.
        found: &'static str,
    },
    /// A setting inside the store names a file elsewhere.
    #[error("`{}` is outside the store: files that the store's ecs-audit.toml names must be in the store; name others with an option or in your own configuration file", .0.display())]
    Outside(PathBuf),
    /// Part of the store is missing, for example after an interrupted copy.
    #[error("the store `{}` is incomplete: {detail}; copy it again, or load the export into a new store", .root.display())]
    Incomplete {
        /// The folder of the store.
        root: PathBuf,
        /// The missing part.
        detail: String,
    },
    /// Another version of ecs-audit wrote the store.
    #[error("`{}` has format {found}, this version of ecs-audit reads format {known}: use the version that wrote it, or load the export into a new store", .path.display())]
    Format {
        /// The path.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The supported format.
        known: u32,
    },
    /// Another process is writing to the store.
    #[error("another `ecs-audit` is writing to `{}`: wait for it to finish, or wait longer with `--wait 10m`", .0.display())]
    Busy(PathBuf),
    /// The Delta library reported an error.
    #[error("table `{table}`: {detail}")]
    Delta {
        /// The table.
        table: &'static str,
        /// Its message.
        detail: String,
    },
    /// A file of a Delta log that does not follow the ones before it.
    #[error("`{}` does not continue the Delta log of table `{table}`, whose last commit before it has version {last}: move the file out of the store, or restore the commits between them", .path.display())]
    Stray {
        /// The path.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The version that it should follow.
        last: u64,
    },
    /// Another program changed a table in a way that cannot be adopted.
    #[error(
        "table `{table}` was changed by another program ({operation}, version {version} of its Delta log), and the result cannot be used: {detail}; to restore the last state that ecs-audit wrote, run `ecs-audit store adopt --undo`"
    )]
    Foreign {
        /// The table.
        table: &'static str,
        /// The version in its log.
        version: u64,
        /// The operation according to the commit.
        operation: String,
        /// Why it cannot be adopted.
        detail: String,
    },
    /// Another program committed to a table in the meantime.
    #[error("another program changed table `{table}` while this command was running, so nothing was stored; run it again")]
    Changed {
        /// The table.
        table: &'static str,
    },
    /// A Parquet file could not be read or written.
    #[error("`{}`: {detail}", .path.display())]
    Parquet {
        /// The path.
        path: PathBuf,
        /// The problem.
        detail: String,
    },
    /// A load failed.
    #[error(transparent)]
    Load(#[from] crate::load::LoadError),
}

impl StoreError {
    /// An I/O error and its path.
    pub fn io(path: &Path, error: std::io::Error) -> Self {
        let text = error.to_string();
        let detail = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        StoreError::Io { path: path.to_path_buf(), detail }
    }

    /// A Parquet error and its path.
    pub fn parquet(path: &Path, error: &dyn std::fmt::Display) -> Self {
        StoreError::Parquet { path: path.to_path_buf(), detail: error.to_string() }
    }
}
