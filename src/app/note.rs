//! What a reader should know about how tables were opened or what a name means, besides results.

use crate::render::visible;
use crate::store::ForeignCommit;
use std::fmt;

/// A note; the front end prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The manifest of the store was missing or damaged.
    ManifestRebuilt,
    /// Another program changed the store.
    ForeignCommit(ForeignCommit),
    /// Some records of an export could not be loaded.
    NotLoaded {
        /// The number of these records.
        quarantined: u64,
        /// The number of all records.
        read: u64,
    },
    /// Something with this name exists in several accounts or Regions.
    SeveralHomes {
        /// In how many.
        homes: usize,
        /// What it is.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The account and the Region of the one that was chosen.
        home: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::ManifestRebuilt => {
                write!(out, "note: manifest.json was missing or damaged; it was rebuilt from the ledger's log")
            }
            Note::ForeignCommit(commit) => {
                write!(out, "note: another program changed the store: {}", visible(&described(commit)))
            }
            Note::NotLoaded { quarantined, read } => {
                write!(out, "note: {quarantined} of {read} records could not be loaded; query `quarantine` for details")
            }
            Note::SeveralHomes { homes, kind, name, home } => write!(
                out,
                "note: {homes} accounts or Regions have a {kind} `{name}`; this is the one in {home}; an ARN names another one"
            ),
        }
    }
}

/// A commit of another program, in one line.
pub fn described(commit: &ForeignCommit) -> String {
    let rows = match commit.rows_removed {
        0 => "no rows changed".to_owned(),
        removed if removed > 0 => format!("{removed} rows removed"),
        added => format!("{} rows added", -added),
    };
    format!("{} of table `{}` (version {}): {rows}", commit.operation, commit.table.name(), commit.version)
}
