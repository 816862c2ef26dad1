//! Where a store is, and how its files are read: a folder, or the objects below a prefix of a bucket.
//!
//! In: paths that start with the path or URL of the store. Everything that reads a store goes through [`StoreRoot`].
//! Invariants: nothing outside the folder or prefix is read; only a folder is written to, by the functions of
//! [`guard`], which take its path. A store in a bucket is changed in a working copy, see [`copy`](super::copy).

use super::bucket::Bucket;
use super::copy::random;
use super::write::table_folder;
use super::{StoreError, delta, guard};
use crate::discover::{Location, S3Settings};
use crate::table::Table;
use bytes::Bytes;
use object_store::ObjectStore;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a store is.
#[derive(Debug, Clone)]
pub struct StoreRoot {
    /// The path of the folder, or the URL of the prefix.
    path: PathBuf,
    bucket: Option<Arc<Bucket>>,
    /// What a working copy of a store in a bucket was made from.
    origin: Option<Arc<Origin>>,
}

/// What a working copy was made from.
#[derive(Debug)]
pub struct Origin {
    bucket: Arc<Bucket>,
    /// One file is fetched at a time, and once.
    fetching: Mutex<()>,
    /// The names of objects that were deleted in the copy.
    removed: Mutex<Vec<String>>,
    /// The number of the first data file that a command writes.
    first_number: u64,
}

impl Origin {
    /// A copy of this listed bucket.
    pub fn new(bucket: Arc<Bucket>) -> Result<Origin, StoreError> {
        // Another writer that starts from the same state must not use the same names: 62 random bits, always 19 digits.
        let first_number = (1 << 62) | (random()? >> 2);
        Ok(Origin { bucket, fetching: Mutex::default(), removed: Mutex::default(), first_number })
    }
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
        StoreRoot { path, bucket: None, origin: None }
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

/// The URL of a place in a bucket, and the client for it.
pub type Client = (url::Url, Arc<dyn ObjectStore>);

impl StoreRoot {
    /// The store below a prefix of a bucket. No request is sent yet, except to find credentials and the Region.
    ///
    /// # Errors
    /// When there are no credentials, or the location cannot be used.
    pub fn in_bucket(location: &Location, settings: &S3Settings) -> Result<StoreRoot, StoreError> {
        let failed = |detail| StoreError::Io { path: PathBuf::from(location.name()), detail };
        let bucket = Bucket::open(location, settings).map_err(failed)?;
        Ok(StoreRoot { path: PathBuf::from(bucket.name()), bucket: Some(Arc::new(bucket)), origin: None })
    }

    /// A working copy in a folder.
    pub fn copy(path: PathBuf, origin: Origin) -> StoreRoot {
        StoreRoot { path, bucket: None, origin: Some(Arc::new(origin)) }
    }

    /// The objects of a store in a bucket.
    pub fn bucket(&self) -> Option<&Arc<Bucket>> {
        self.bucket.as_ref()
    }

    /// Whether it is a working copy, whose data files are fetched when they are read.
    pub fn is_copy(&self) -> bool {
        self.origin.is_some()
    }

    /// The names of the objects that were deleted in a working copy.
    pub fn removed(&self) -> Vec<String> {
        let Some(origin) = &self.origin else { return Vec::new() };
        origin.removed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of the first data file that a command writes.
    pub fn first_number(&self) -> u64 {
        self.origin.as_ref().map_or(1, |origin| origin.first_number)
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
        Ok(StoreRoot { path: self.path.clone(), bucket: Some(Arc::new(listed)), origin: None })
    }

    /// Reads a state of the store. The pages of a listing are not of one moment: a change of a bucket that becomes visible
    /// between them looks incomplete, and is complete in the next listing.
    pub fn consistent<T>(&self, read: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        const TRIES: usize = 3;
        let mut tries = 1;
        loop {
            match read() {
                Err(StoreError::Incomplete { .. }) if !self.is_folder() && tries < TRIES => tries += 1,
                done => return done,
            }
        }
    }

    /// A listed store with its logs in memory, for a command that reads all commits; a folder needs none.
    pub fn with_logs(self) -> Result<StoreRoot, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(self) };
        let bucket = bucket.with_logs().map_err(|detail| self.failed(&self.path, detail))?;
        Ok(StoreRoot { path: self.path, bucket: Some(Arc::new(bucket)), origin: None })
    }

    /// The store with an absolute path.
    pub fn absolute(self) -> Result<StoreRoot, StoreError> {
        match self.bucket {
            Some(_) => Ok(self),
            None => match self.path.canonicalize() {
                Ok(path) => Ok(StoreRoot { path, bucket: None, origin: self.origin }),
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
    pub fn name_of(&self, path: &Path) -> Result<String, StoreError> {
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
        let Some(bucket) = &self.bucket else { return Ok(StoreFile::Local(Arc::new(self.open_local(path)?))) };
        let missing = || StoreError::io(path, std::io::Error::from(std::io::ErrorKind::NotFound));
        let bytes = bucket.read_listed(&self.name_of(path)?).map_err(|detail| self.failed(path, detail))?;
        Ok(StoreFile::Remote(bytes.ok_or_else(missing)?))
    }

    /// Opens a file of a folder for reading; a working copy fetches it first.
    pub fn open_local(&self, path: &Path) -> Result<File, StoreError> {
        self.fetch(path)?;
        guard::open(self, path)
    }

    /// Makes sure that a file that a working copy was made without is in it.
    pub fn fetch(&self, path: &Path) -> Result<(), StoreError> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let name = self.name_of(path)?;
        let _one = origin.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if guard::file_at(self, path)?.is_some() {
            return Ok(());
        }
        let Some(bytes) = origin.bucket.read_listed(&name).map_err(|detail| self.failed(path, detail))? else { return Ok(()) };
        if let Some(folder) = path.parent() {
            guard::make_folders(self, folder)?;
        }
        // An incomplete file has another name.
        let beside = path.with_extension("fetched");
        let write = || {
            guard::create(self, &beside)?.write_all(&bytes).map_err(|error| StoreError::io(&beside, error))?;
            fs::rename(&beside, path).map_err(|error| StoreError::io(path, error))
        };
        write()
    }

    /// Deletes a data file of a folder and returns its size. A working copy also notes it for the bucket.
    pub fn remove(&self, path: &Path) -> Result<u64, StoreError> {
        let size = guard::remove(self, path)?;
        let Some(origin) = &self.origin else { return Ok(size) };
        let name = self.name_of(path)?;
        let Some(size) = origin.bucket.size(&name) else { return Ok(size) };
        origin.removed.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        Ok(size)
    }

    /// The size of a file; `None` if there is nothing at this path.
    pub fn size(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        match &self.bucket {
            None => {
                let size = guard::file_at(self, path)?.map(|metadata| metadata.len());
                match &self.origin {
                    Some(origin) if size.is_none() => Ok(origin.bucket.size(&self.name_of(path)?)),
                    _ => Ok(size),
                }
            }
            Some(bucket) => Ok(bucket.size(&self.name_of(path)?)),
        }
    }

    /// Whether a regular file is at this path, in a working copy one that is not fetched.
    pub fn has_file(&self, path: &Path) -> bool {
        match &self.bucket {
            None if self.is_copy() => self.size(path).is_ok_and(|size| size.is_some()),
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
        match &self.bucket {
            None => local_data_files(&folder),
            Some(bucket) => self.listed_data_files(bucket, &folder),
        }
    }

    /// The files in the day folders of a table in a bucket that a working copy was made from.
    pub fn data_files_of_origin(&self, table: Table) -> Vec<PathBuf> {
        let origin = self.origin.as_ref();
        origin.map_or_else(Vec::new, |origin| self.listed_data_files(&origin.bucket, &table_folder(self, table)))
    }

    /// When a file of the bucket that a working copy was made from was written, by the clock of the server.
    pub fn written_in_origin(&self, path: &Path) -> Option<i64> {
        let listed = self.origin.as_ref()?.bucket.listing().get(&self.name_of(path).ok()?)?;
        Some(listed.modified)
    }

    /// The current time by the clock of the server of the bucket that a working copy was made from.
    pub fn now_in_origin(&self) -> Result<Option<i64>, StoreError> {
        let now = self.origin.as_ref().map(|origin| origin.bucket.now());
        now.transpose().map_err(|detail| self.failed(&self.path, detail))
    }

    fn listed_data_files(&self, bucket: &Bucket, folder: &Path) -> Vec<PathBuf> {
        let name = self.name_of(folder).unwrap_or_default();
        let is_in_day = |name: &str| name.starts_with("day=") && name.contains('/');
        bucket.below(&name).filter(|(name, _)| is_in_day(name)).map(|(name, _)| folder.join(name)).collect()
    }

    /// The URL of the folder of a table for the Delta library, and the client to use; `None` for a local folder.
    pub fn delta_location(&self, table: Table) -> Result<Option<Client>, StoreError> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let (url, _) = bucket.client();
        // The client reaches only the objects of the store, so paths in a log cannot lead out of it.
        let url = url::Url::parse(&format!("{url}{}/{}/", super::bucket::TABLES, table.name()));
        let url = url.map_err(|error| self.failed(&self.path, error.to_string()))?;
        Ok(Some((url, bucket.confined())))
    }

    /// The URL and the client with which the query engine reads data files; `None` for local files.
    pub fn engine_location(&self) -> Result<Option<Client>, StoreError> {
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
