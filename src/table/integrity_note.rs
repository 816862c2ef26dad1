//! What differs from the digests of CloudTrail, as notes of files: `load` writes them, and `gaps` reads them.

/// How a log file or digest differs from what CloudTrail delivered: a note of the file in the table `files`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrityNote {
    /// Its content differs from its digest.
    Modified,
    /// It is a digest that lists files which are missing.
    ListsMissing,
    /// No digest lists it.
    Unlisted,
    /// It is a digest, and the one before it is missing.
    NoPredecessor,
    /// It is a digest that starts a new chain.
    NewChain,
    /// It is a digest with the name of another one.
    WrongName,
    /// It is a digest with an invalid signature.
    BadSignature,
}

impl IntegrityNote {
    /// What every note begins with.
    pub const PREFIX: &str = "integrity: ";

    /// The text in the table. Stores have it, so it must not change.
    pub const fn text(self) -> &'static str {
        match self {
            IntegrityNote::Modified => "integrity: modified after delivery",
            IntegrityNote::ListsMissing => "integrity: lists missing log files",
            IntegrityNote::Unlisted => "integrity: not listed in a digest",
            IntegrityNote::NoPredecessor => "integrity: the digest before it is missing",
            IntegrityNote::NewChain => "integrity: starts a new chain of digests",
            IntegrityNote::WrongName => "integrity: has the name of another digest",
            IntegrityNote::BadSignature => "integrity: its signature does not match",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_begins_with_the_prefix() {
        for note in [
            IntegrityNote::Modified,
            IntegrityNote::ListsMissing,
            IntegrityNote::Unlisted,
            IntegrityNote::NoPredecessor,
            IntegrityNote::NewChain,
            IntegrityNote::WrongName,
            IntegrityNote::BadSignature,
        ] {
            assert!(note.text().starts_with(IntegrityNote::PREFIX), "{note:?}");
        }
    }
}
