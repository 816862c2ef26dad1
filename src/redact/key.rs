//! The key of the pseudonyms: generated once, kept in the store, never printed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

const NAME: &str = "redaction.key";

/// The key in this folder. If there is none, generates one that only its owner can read.
pub fn read_or_create(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join(NAME);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    fs::create_dir_all(folder)?;
    let mut key = [0u8; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let made = options.open(&path).and_then(|mut file| {
        writeln!(file, "{}", blake3::Hash::from_bytes(key).to_hex())?;
        file.sync_all()
    });
    match made {
        Ok(()) => Ok(key),
        // Another process has just created the key, so use that one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(&path)?.ok_or_else(|| io::Error::other("the key was removed while it was being read"))
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read_to_string(path) {
        Ok(text) => match blake3::Hash::from_hex(text.trim()) {
            Ok(key) => Ok(Some(*key.as_bytes())),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "`{}` is not a valid key: expected 64 hexadecimal digits; delete the file to generate a new key",
                    path.display()
                ),
            )),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
