//! Where a store is, and how its files are read: a folder, or the objects below a prefix of a bucket.
//!
//! In: paths that start with the path or URL of the store. Everything that reads a store goes through [`StoreRoot`].
//! Invariants: nothing outside the folder or prefix is read; only a folder is written to, by the functions of
//! [`guard`], which take its path.

use super::bucket::Bucket;
use super::write::table_folder;
use super::{StoreError, delta, guard};
use crate::discover::{Location, S3Settings};
use crate::table::Table;
use bytes::Bytes;
use object_store::ObjectStore;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Where a store is.
#[derive(Debug, Clone)]
pub struct StoreRoot {
    /// The path of the folder, or the URL of the prefix.
    path: PathBuf,
    bucket: Option<Arc<Bucket>>,
}

impl Deref for StoreRoot {
    type Target = Path;

    /// What the paths of its files start with.
    fn deref(&self) -> &Path {
        &self.path
    }
}

impl From<PathBuf> for StoreRoot {
    fn from(path: PathBuf) -> StoreRoot {
        StoreRoot { path, bucket: None }
    }
}

impl From<&PathBuf> for StoreRoot {
    fn from(path: &PathBuf) -> StoreRoot {
        StoreRoot::from(path.clone())
    }
}

impl From<&Path> for StoreRoot {
    fn from(path: &Path) -> StoreRoot {
        StoreRoot::from(path.to_path_buf())
    }
}

impl From<&StoreRoot> for StoreRoot {
    fn from(root: &StoreRoot) -> StoreRoot {
        root.clone()
    }
}

impl StoreRoot {
    /// The store below a prefix of a bucket. No request is sent yet, except to find credentials and the Region.
    ///
    /// # Errors
    /// When there are no credentials, or the location cannot be used.
    pub fn in_bucket(location: &Location, settings: &S3Settings) -> Result<StoreRoot, StoreError> {
        let failed = |detail| StoreError::Io { path: PathBuf::from(location.name()), detail };
        let bucket = Bucket::open(location, settings).map_err(failed)?;
        Ok(StoreRoot { path: PathBuf::from(bucket.name()), bucket: Some(Arc::new(bucket)) })
    }

    /// Whether the store is a folder: it has a lock, so that no other writer changes it between two steps of a command, and
    /// its manifest is replaced together with its logs.
    pub fn is_folder(&self) -> bool {
        self.bucket.is_none()
    }

    /// The store as it is now: a bucket is listed once, so that everything that a command reads is of one state.
    pub fn listed(&self) -> Result<StoreRoot, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(self.clone()) };
        let listed = bucket.listed().map_err(|detail| self.failed(&self.path, detail))?;
        Ok(StoreRoot { path: self.path.clone(), bucket: Some(Arc::new(listed)) })
    }

    /// A listed store with its logs in memory, for a command that reads all commits; a folder needs none.
    pub fn with_logs(self) -> Result<StoreRoot, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(self) };
        let bucket = bucket.with_logs().map_err(|detail| self.failed(&self.path, detail))?;
        Ok(StoreRoot { path: self.path, bucket: Some(Arc::new(bucket)) })
    }

    /// The store with an absolute path.
    pub fn absolute(self) -> Result<StoreRoot, StoreError> {
        match self.bucket {
            Some(_) => Ok(self),
            None => match self.path.canonicalize() {
                Ok(path) => Ok(StoreRoot { path, bucket: None }),
                Err(error) => Err(StoreError::io(&self.path, error)),
            },
        }
    }

    /// The error if nothing was loaded here.
    pub fn missing(&self) -> StoreError {
        match self.bucket {
            None => StoreError::Missing(self.path.clone()),
            Some(_) => StoreError::MissingInBucket(self.path.clone()),
        }
    }

    fn failed(&self, path: &Path, detail: String) -> StoreError {
        StoreError::Io { path: path.to_path_buf(), detail }
    }

    /// The name of a path relative to the store, with `/`. A path outside has no name.
    fn name_of(&self, path: &Path) -> Result<String, StoreError> {
        let outside = || StoreError::Outside(path.to_path_buf());
        let inside = path.strip_prefix(&self.path).map_err(|_| outside())?;
        let names = inside.components().map(|part| match part {
            Component::Normal(name) => name.to_str().ok_or_else(outside),
            _ => Err(outside()),
        });
        Ok(names.collect::<Result<Vec<_>, _>>()?.join("/"))
    }

    /// Reads a file that has at most this many bytes; `None` if there is nothing at this path.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.bucket {
            None => guard::read(self, path, limit),
            Some(bucket) => {
                let read = bucket.read(&self.name_of(path)?, limit).map_err(|detail| self.failed(path, detail))?;
                Ok(read.map(Vec::from))
            }
        }
    }

    /// Reads a text beside the tables, such as the configuration file; `None` if there is no such file.
    ///
    /// # Errors
    /// When it is not a regular file in the store, is larger than this limit, or is not UTF-8.
    pub fn read_text(&self, path: &Path, limit: u64) -> Result<Option<String>, StoreError> {
        if self.is_folder() {
            return guard::read_text(self, path, limit);
        }
        let Some(bytes) = self.read(path, limit)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| self.failed(path, "the object is not UTF-8 text".to_owned()))
    }

    /// Opens a file for reading.
    pub fn open(&self, path: &Path) -> Result<StoreFile, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(StoreFile::Local(Arc::new(guard::open(self, path)?))) };
        let missing = || StoreError::io(path, std::io::Error::from(std::io::ErrorKind::NotFound));
        let bytes = bucket.read_listed(&self.name_of(path)?).map_err(|detail| self.failed(path, detail))?;
        Ok(StoreFile::Remote(bytes.ok_or_else(missing)?))
    }

    /// The size of a file; `None` if there is nothing at this path.
    pub fn size(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        match &self.bucket {
            None => Ok(guard::file_at(self, path)?.map(|metadata| metadata.len())),
            Some(bucket) => Ok(bucket.size(&self.name_of(path)?)),
        }
    }

    /// Whether a regular file is at this path.
    pub fn has_file(&self, path: &Path) -> bool {
        match &self.bucket {
            None => fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()),
            Some(_) => self.size(path).is_ok_and(|size| size.is_some()),
        }
    }

    /// Whether there is a folder at this path.
    pub fn has_folder(&self, path: &Path) -> bool {
        match &self.bucket {
            None => path.is_dir(),
            Some(bucket) => self.name_of(path).is_ok_and(|name| bucket.has_folder(&name)),
        }
    }

    /// The names in a folder, and whether each is a folder; empty if there is no such folder.
    ///
    /// # Errors
    /// When an entry is neither a regular file nor a folder, or the folder cannot be read.
    pub fn names(&self, folder: &Path) -> Result<Vec<(String, bool)>, StoreError> {
        match &self.bucket {
            None => guard::names(self, folder),
            Some(bucket) => Ok(bucket.names(&self.name_of(folder)?)),
        }
    }

    /// Checks that no folder between the store and this path, which it includes, is a link.
    pub fn check_folders(&self, path: &Path) -> Result<(), StoreError> {
        if self.is_folder() { guard::folders(self, path) } else { Ok(()) }
    }

    /// Checks the log of a table before the Delta library reads it: that library reads files of any size.
    pub fn check_log(&self, table: Table) -> Result<(), StoreError> {
        let Some(bucket) = &self.bucket else { return guard::check_log(self, table) };
        let log = table_folder(self, table).join(delta::LOG);
        guard::check_order(table, &log, &self.names(&log)?)?;
        let mut size = 0u64;
        let mut newest: Option<(&str, &str)> = None;
        for (name, bytes) in bucket.below(&self.name_of(&log)?) {
            guard::check_text_size(&log.join(name), bytes)?;
            size = size.saturating_add(bytes);
            if let Some((version, _)) = name.split_once(".checkpoint.").filter(|_| name.ends_with(".parquet")) {
                newest = newest.max(Some((version, name)));
            }
        }
        // Older checkpoints are not read. Each part of the newest one has about the same size.
        if let Some((_, name)) = newest {
            let path = log.join(name);
            size = size.saturating_add(guard::unpacked_size(&path, &self.open(&path)?)?);
        }
        guard::check_log_size(&log, size)
    }

    /// The files in the day folders of a table.
    pub fn data_files(&self, table: Table) -> Vec<PathBuf> {
        let folder = table_folder(self, table);
        let Some(bucket) = &self.bucket else { return local_data_files(&folder) };
        let name = self.name_of(&folder).unwrap_or_default();
        let is_in_day = |name: &str| name.starts_with("day=") && name.contains('/');
        bucket.below(&name).filter(|(name, _)| is_in_day(name)).map(|(name, _)| folder.join(name)).collect()
    }

    /// The URL of the folder of a table for the Delta library, and the client to use; `None` for a local folder.
    pub fn delta_location(&self, table: Table) -> Result<Option<(url::Url, Arc<dyn ObjectStore>)>, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let (url, _) = bucket.client();
        // The client reaches only the objects of the store, so paths in a log cannot lead out of it.
        let url = url::Url::parse(&format!("{url}{}/{}/", super::bucket::TABLES, table.name()));
        let url = url.map_err(|error| self.failed(&self.path, error.to_string()))?;
        Ok(Some((url, bucket.confined())))
    }

    /// The URL and the client with which the query engine reads data files; `None` for local files.
    pub fn engine_location(&self) -> Result<Option<(url::Url, Arc<dyn ObjectStore>)>, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let (url, client) = bucket.client();
        let url = url::Url::parse(&url).map_err(|error| self.failed(&self.path, error.to_string()))?;
        Ok(Some((url, client)))
    }

    /// The path of a data file for the query engine.
    pub fn engine_path(&self, path: &Path) -> Result<object_store::path::Path, StoreError> {
        match &self.bucket {
            None => object_store::path::Path::from_absolute_path(path).map_err(|error| self.failed(path, error.to_string())),
            Some(bucket) => bucket.key(&self.name_of(path)?).map_err(|detail| self.failed(path, detail)),
        }
    }
}

/// The files in the day folders of a local table.
fn local_data_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(days) = fs::read_dir(folder) else { return Vec::new() };
    let days = days.flatten().filter(|day| day.file_name().to_string_lossy().starts_with("day="));
    days.filter_map(|day| fs::read_dir(day.path()).ok()).flat_map(|files| files.flatten().map(|file| file.path())).collect()
}

/// An open file of a store.
#[derive(Debug, Clone)]
pub enum StoreFile {
    /// A regular file.
    Local(Arc<File>),
    /// The bytes of an object.
    Remote(Bytes),
}

impl StoreFile {
    /// The BLAKE3 hash of the content.
    pub fn hash(&self) -> std::io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        match self {
            StoreFile::Local(file) => _ = hasher.update_reader(&**file)?,
            StoreFile::Remote(bytes) => _ = hasher.update(bytes),
        }
        Ok(hasher.finalize())
    }
}

impl Length for StoreFile {
    fn len(&self) -> u64 {
        match self {
            StoreFile::Local(file) => Length::len(&**file),
            StoreFile::Remote(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for StoreFile {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Box<dyn Read>> {
        Ok(match self {
            StoreFile::Local(file) => Box::new(file.get_read(start)?),
            StoreFile::Remote(bytes) => Box::new(ChunkReader::get_read(bytes, start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            StoreFile::Local(file) => file.get_bytes(start, length),
            StoreFile::Remote(bytes) => ChunkReader::get_bytes(bytes, start, length),
        }
    }
}
