//! The key of the pseudonyms: generated once, kept in the store, never printed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The name of the file in a store.
pub const KEY_FILE: &str = "redaction.key";

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// From the store: the same name has the same pseudonym every time.
    Stored([u8; 32]),
    /// For this result only, because nothing may be written.
    Temporary([u8; 32]),
}

impl Key {
    /// Its bytes.
    pub fn bytes(self) -> [u8; 32] {
        match self {
            Key::Stored(bytes) | Key::Temporary(bytes) => bytes,
        }
    }

    /// A new key that is not stored.
    pub fn temporary() -> io::Result<Key> {
        let mut key = [0u8; 32];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Key::Temporary(key))
    }

    /// The key in the text of a key file at this path.
    pub fn of_text(text: &str, path: &Path) -> io::Result<Key> {
        let key = blake3::Hash::from_hex(text.trim()).map_err(|_| not_a_key(path))?;
        Ok(Key::Stored(*key.as_bytes()))
    }
}

/// The key in this folder. If there is none, generates one that only its owner can read; if the folder is missing or
/// read-only, or unless `may_create`, the key is not stored.
pub fn read_or_create(folder: &Path, may_create: bool) -> io::Result<Key> {
    let path = folder.join(KEY_FILE);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let fresh = Key::temporary()?;
    if !may_create || !folder.is_dir() {
        return Ok(fresh);
    }
    match create(folder, &path, &fresh.bytes()) {
        Ok(()) => Ok(Key::Stored(fresh.bytes())),
        // Another process has just created the key, so use that one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(&path)?.ok_or_else(|| io::Error::other("the key was removed while it was being read"))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => Ok(fresh),
        Err(error) => Err(error),
    }
}

/// Writes the key to a file beside its place and gives it its name once it is complete; fails if the name is taken.
fn create(folder: &Path, path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let beside = folder.join(format!("{KEY_FILE}.{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let open = || options.open(&beside);
    // A file of a process that was killed, which had the same number.
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&beside).and_then(|()| open()),
        opened => opened,
    };
    let written = file.and_then(|mut file| {
        writeln!(file, "{}", blake3::Hash::from_bytes(*key).to_hex())?;
        file.sync_all()
    });
    // Unlike a rename, a link never replaces the key of another process. Some file systems have no links.
    let named = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => fs::rename(&beside, path),
        linked => linked,
    });
    let _ = fs::remove_file(&beside);
    named
}

fn not_a_key(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("`{}` is not a valid key: expected 64 hexadecimal digits; delete the file to generate a new key", path.display()),
    )
}

fn read(path: &Path) -> io::Result<Option<Key>> {
    const LONGEST: u64 = 4096;
    let wrong = || not_a_key(path);
    // A store may come from somebody else: no link is followed and no device is read.
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            let detail = format!("`{}` is a symbolic link, which is not followed in a store", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, detail));
        }
        Ok(metadata) if !metadata.is_file() || metadata.len() > LONGEST => return Err(wrong()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match fs::read_to_string(path) {
        Ok(text) => Key::of_text(&text, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(wrong()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_created_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = read_or_create(dir.path(), true).unwrap();
        assert!(matches!(first, Key::Stored(_)));
        assert_eq!(read_or_create(dir.path(), true).unwrap(), first);
        assert_eq!(read_or_create(dir.path(), false).unwrap(), first);
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["redaction.key"]);
    }

    #[test]
    fn nothing_is_created_where_nothing_may_be() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read_or_create(dir.path(), false).unwrap(), Key::Temporary(_)));
        assert!(matches!(read_or_create(&dir.path().join("none"), true).unwrap(), Key::Temporary(_)));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_key_is_reported_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        for content in [b"short".as_slice(), b"\xff\xfe", &[b'0'; 9000]] {
            fs::write(dir.path().join(KEY_FILE), content).unwrap();
            let error = read_or_create(dir.path(), true).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
        #[cfg(unix)]
        {
            fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
            std::os::unix::fs::symlink("/dev/zero", dir.path().join(KEY_FILE)).unwrap();
            assert!(read_or_create(dir.path(), true).is_err());
        }
    }
}
