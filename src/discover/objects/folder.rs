//! The objects below a prefix, read like the files of a folder: for a store in a bucket.
//!
//! In: names relative to the prefix. Out: sizes, bytes, and clients for engines. Invariants: no name leads out of the
//! prefix; requests run on threads of their own, so that any thread may wait for them; only functions that say so write.

use super::answer::{Purpose, explained};
use super::transfers::Transfers;
use super::{Bucket, LARGE, Location, Object, PART, PARTS_AT_ONCE, S3Settings, name_of};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, PutMode, PutMultipartOptions, PutOptions, WriteMultipart};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The most objects that are listed. A store has one for each 64 MiB of a day's table, and a few for each load.
const MOST_OBJECTS: usize = 1 << 20;

/// Objects that are read at the same time.
const AT_ONCE: usize = 32;

/// Objects that are written at the same time. Each is in memory until it is written.
const WRITTEN_AT_ONCE: usize = 4;

/// An object, as it was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Bytes.
    pub size: u64,
    /// When it was written, in microseconds since 1970 UTC.
    pub modified: i64,
}

/// A prefix of a bucket.
#[derive(Debug, Clone)]
pub struct ObjectFolder {
    bucket: Arc<Bucket>,
    prefix: Path,
}

impl ObjectFolder {
    /// Prepares requests for a location; the error is a message for the user.
    pub fn open(location: &Location, settings: &S3Settings) -> Result<ObjectFolder, String> {
        if !location.has_bucket() {
            return Err("expected `s3://BUCKET/PREFIX`".to_owned());
        }
        let wrong = |_| "a key with an empty part, `.` or `..` cannot be read; name another prefix".to_owned();
        let prefix = Path::parse(&location.key).map_err(wrong)?;
        let transfers = Arc::new(Transfers::start()?);
        let store = settings.open_for_engines(&location.bucket, &transfers)?;
        Ok(ObjectFolder { bucket: Arc::new(Bucket { name: location.bucket.clone(), store, transfers }), prefix })
    }

    /// The URL of the prefix, without a slash at the end.
    pub fn name(&self) -> String {
        name_of(&self.bucket.name, self.prefix.as_ref()).trim_end_matches('/').to_owned()
    }

    /// The URL of the bucket.
    pub fn bucket_url(&self) -> String {
        name_of(&self.bucket.name, "")
    }

    /// The client of the bucket, for threads of any runtime.
    pub fn client(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.bucket.store)
    }

    /// A client that reaches only what is below the prefix, which is its root.
    pub fn confined(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(self.client(), self.prefix.clone()))
    }

    /// The key of a name.
    ///
    /// # Errors
    /// When a part of the name is empty, `.` or `..`.
    pub fn key(&self, name: &str) -> Result<Path, String> {
        let key = match self.prefix.as_ref() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Path::parse(key).map_err(|error| error.to_string())
    }

    /// All objects below a name, by their names.
    pub fn list(&self, below: &str) -> Result<BTreeMap<String, Listed>, String> {
        let (client, key) = (self.client(), self.key(below)?);
        let listed = self.bucket.transfers.wait(async move {
            let mut objects = Vec::new();
            let mut pages = client.list(Some(&key));
            while let Some(object) = pages.try_next().await? {
                let modified = object.last_modified.timestamp_micros();
                objects.push((object.location, Listed { size: object.size, modified }));
                if objects.len() > MOST_OBJECTS {
                    break;
                }
            }
            Ok::<_, object_store::Error>(objects)
        })?;
        let objects = listed.map_err(|error| self.explained(&error, Purpose::List))?;
        if objects.len() > MOST_OBJECTS {
            return Err(format!("it has more than {MOST_OBJECTS} objects; name the prefix of a store"));
        }
        let start = match self.prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let name = |key: Path| key.as_ref().strip_prefix(&start).map(str::to_owned);
        Ok(objects.into_iter().filter_map(|(key, listed)| Some((name(key)?, listed))).collect())
    }

    /// The bytes of an object; `None` if there is no such object.
    ///
    /// # Errors
    /// When it has more bytes than the limit or cannot be read.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Bytes>, String> {
        let (client, key) = (self.client(), self.key(name)?);
        let read = self.bucket.transfers.wait(async move {
            let found = match client.get_opts(&key, GetOptions::default()).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                found => found?,
            };
            let size = found.meta.size;
            if size > limit {
                return Ok(Some(Err(size)));
            }
            let bytes = found.bytes().await?;
            Ok::<_, object_store::Error>(Some(Ok(bytes)))
        })?;
        match read.map_err(|error| self.explained(&error, Purpose::Read))? {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(size)) => Err(format!("it has {size} bytes, more than {limit}")),
        }
    }

    /// When an object was written, in microseconds since 1970 UTC, by the clock of the server; `None` if there is no such
    /// object.
    pub fn modified(&self, name: &str) -> Result<Option<i64>, String> {
        let (client, key) = (self.client(), self.key(name)?);
        let found = self.bucket.transfers.wait(async move {
            match client.get_opts(&key, GetOptions::new().with_head(true)).await {
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                found => found.map(|found| Some(found.meta.last_modified.timestamp_micros())),
            }
        })?;
        found.map_err(|error| self.explained(&error, Purpose::Read))
    }

    /// The bytes of listed objects with these sizes, several of which are read at the same time.
    pub fn read_all(&self, listed: Vec<(String, u64)>) -> Result<BTreeMap<String, Bytes>, String> {
        let object = |(name, size): (String, u64)| {
            Ok((Object { bucket: Arc::clone(&self.bucket), key: self.key(&name)?, size, etag: None }, name))
        };
        let objects = listed.into_iter().map(object).collect::<Result<Vec<_>, String>>()?;
        let read = |(object, name): (Object, String)| async move { Ok::<_, String>((name, object.read(object.size).await?)) };
        let all = stream::iter(objects).map(read).buffer_unordered(AT_ONCE).try_collect::<BTreeMap<_, _>>();
        self.bucket.transfers.wait(all)?
    }

    /// The bytes of an object that was listed with this size. A large one is read in parts.
    pub fn read_listed(&self, name: &str, size: u64) -> Result<Bytes, String> {
        let object = Object { bucket: Arc::clone(&self.bucket), key: self.key(name)?, size, etag: None };
        let bytes = self.bucket.transfers.wait(async move { object.read(size).await })??;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(format!("it has {} bytes, not {size}", bytes.len())) }
    }

    /// Writes a new object; false if another one has this name, which is then left as it is.
    pub fn create(&self, name: &str, bytes: Bytes) -> Result<bool, String> {
        let created = self.clone().created(name.to_owned(), bytes);
        self.bucket.transfers.wait(created)?
    }

    async fn created(self, name: String, bytes: Bytes) -> Result<bool, String> {
        let key = self.key(&name)?;
        let put = self.bucket.store.put_opts(&key, bytes.clone().into(), PutOptions::from(PutMode::Create)).await;
        match put {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                // An earlier attempt of this request may have written it, and its answer may have been lost.
                let found = self.bucket.store.get_opts(&key, GetOptions::default()).await;
                let found = match found {
                    Ok(found) => found.bytes().await,
                    Err(error) => Err(error),
                };
                Ok(found.map_err(|error| self.explained(&error, Purpose::Read))? == bytes)
            }
            Err(error) => Err(self.explained(&error, Purpose::Write)),
        }
    }

    /// Writes an object, which replaces one of the same name.
    pub fn replace(&self, name: &str, bytes: Bytes) -> Result<(), String> {
        let (client, key) = (self.client(), self.key(name)?);
        let put = self.bucket.transfers.wait(async move { client.put_opts(&key, bytes.into(), PutOptions::default()).await })?;
        put.map(drop).map_err(|error| self.explained(&error, Purpose::Write))
    }

    /// Deletes objects; those that do not exist count as deleted.
    pub fn delete(&self, names: &[String]) -> Result<(), String> {
        let keys = names.iter().map(|name| self.key(name)).collect::<Result<Vec<_>, _>>()?;
        let client = self.client();
        let deleted = self.bucket.transfers.wait(async move {
            let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
            client.delete_stream(keys).try_collect::<Vec<_>>().await
        })?;
        match deleted {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explained(&error, Purpose::Delete)),
        }
    }

    /// Writes files as new objects, several at the same time. Their names are used by nobody else.
    pub fn create_all(&self, files: Vec<(String, PathBuf)>) -> Result<(), String> {
        let folder = self.clone();
        let create = move |(name, path): (String, PathBuf)| folder.clone().uploaded(name, path);
        let all = stream::iter(files).map(create).buffer_unordered(WRITTEN_AT_ONCE).try_collect::<Vec<()>>();
        self.bucket.transfers.wait(all)?.map(drop)
    }

    async fn uploaded(self, name: String, path: PathBuf) -> Result<(), String> {
        let bytes = std::fs::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let bytes = Bytes::from(bytes);
        if bytes.len() as u64 > LARGE {
            return self.put_parts(&name, bytes).await.map_err(|error| self.explained(&error, Purpose::Write));
        }
        match self.created(name.clone(), bytes).await? {
            true => Ok(()),
            false => Err(format!("another object is named `{name}`; run the command again")),
        }
    }

    /// Writes a large object in parts.
    async fn put_parts(&self, name: &str, bytes: Bytes) -> object_store::Result<()> {
        let key = self.key(name).map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })?;
        let upload = self.bucket.store.put_multipart_opts(&key, PutMultipartOptions::default()).await?;
        let part = usize::try_from(PART).unwrap_or(usize::MAX);
        let mut parts = WriteMultipart::new_with_chunk_size(upload, part);
        let mut rest = bytes;
        while !rest.is_empty() {
            parts.wait_for_capacity(PARTS_AT_ONCE).await?;
            parts.put(rest.split_to(part.min(rest.len())));
        }
        parts.finish().await.map(drop)
    }

    fn explained(&self, error: &object_store::Error, purpose: Purpose) -> String {
        explained(error, purpose, &self.bucket.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    fn folder(prefix: &str, objects: &[&str]) -> ObjectFolder {
        let transfers = Arc::new(Transfers::start().unwrap());
        let store = InMemory::new();
        transfers.block_on(async {
            for key in objects {
                store.put(&Path::parse(key).unwrap(), key.as_bytes().to_vec().into()).await.unwrap();
            }
        });
        let bucket = Bucket { name: "logs".to_owned(), store: Arc::new(store), transfers };
        ObjectFolder { bucket: Arc::new(bucket), prefix: Path::parse(prefix).unwrap() }
    }

    #[test]
    fn names_are_relative_to_the_prefix_and_stay_below_it() {
        let objects = ["audit/tables/a/1", "audit/tables/b", "audit/x", "auditor/tables/c", "tables/d"];
        let audit = folder("audit/", &objects);
        assert_eq!(audit.name(), "s3://logs/audit");
        let listed = audit.list("tables").unwrap().into_iter().map(|(name, listed)| (name, listed.size)).collect::<Vec<_>>();
        assert_eq!(listed, [("tables/a/1".to_owned(), 16), ("tables/b".to_owned(), 14)]);
        assert_eq!(audit.read("x", 100).unwrap().unwrap(), "audit/x");
        assert_eq!(audit.read("y", 100).unwrap(), None);
        assert!(audit.read("x", 3).unwrap_err().contains("7 bytes, more than 3"));
        for outside in ["../auditor/tables/c", "tables/../../tables/d", "/tables/d", "a//b"] {
            assert!(audit.read(outside, 100).is_err(), "{outside}");
        }
        let whole = folder("", &objects);
        assert_eq!(whole.name(), "s3://logs");
        assert_eq!(whole.list("tables").unwrap().into_keys().collect::<Vec<_>>(), ["tables/d"]);
    }

    #[test]
    fn a_listed_object_has_its_listed_size() {
        let audit = folder("audit", &["audit/x"]);
        assert_eq!(audit.read_listed("x", 7).unwrap(), "audit/x");
        assert!(audit.read_listed("x", 6).is_err() && audit.read_listed("x", 8).is_err());
    }

    #[test]
    fn a_new_object_replaces_no_other() {
        let audit = folder("audit", &["audit/x"]);
        assert_eq!(audit.create("y", Bytes::from("one")), Ok(true));
        assert_eq!(audit.create("y", Bytes::from("two")), Ok(false));
        assert_eq!(audit.read("y", 100).unwrap().unwrap(), "one");
        // The answer to the first attempt was lost.
        assert_eq!(audit.create("y", Bytes::from("one")), Ok(true));
        audit.replace("y", Bytes::from("three")).unwrap();
        assert_eq!(audit.read("y", 100).unwrap().unwrap(), "three");
        audit.delete(&["y".to_owned(), "z".to_owned()]).unwrap();
        assert_eq!(audit.read("y", 100).unwrap(), None);
        assert!(audit.create("../x", Bytes::new()).is_err());
    }

    #[test]
    fn files_are_written_whole_in_parts_and_under_new_names() {
        let audit = folder("audit", &["audit/x"]);
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            (format!("tables/{name}"), dir.path().join(name))
        };
        let large: Vec<u8> = (0..LARGE + PART / 2 + 7).map(|number| (number % 251) as u8).collect();
        audit.create_all(vec![file("large", &large), file("small", b"s"), file("empty", b"")]).unwrap();
        for (name, bytes) in [("large", &large[..]), ("small", b"s"), ("empty", b"")] {
            assert!(audit.read(&format!("tables/{name}"), 1 << 30).unwrap().unwrap() == bytes, "{name}");
        }
        let error = audit.create_all(vec![file("small", b"t")]).unwrap_err();
        assert!(error.contains("another object is named `tables/small`"), "{error}");
    }

    /// Any thread may wait, also one that runs asynchronous code.
    #[test]
    fn requests_can_be_waited_for_within_a_runtime() {
        let audit = folder("audit", &["audit/x"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(async { audit.read("x", 100) });
        assert_eq!(read.unwrap().unwrap(), "audit/x");
    }
}
