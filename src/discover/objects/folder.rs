//! The objects below a prefix, read like the files of a folder: for a store in a bucket.
//!
//! In: names relative to the prefix. Out: sizes, bytes, and clients for engines. Invariants: no name leads out of the
//! prefix; requests run on threads of their own, so that any thread may wait for them.

use super::answer::{Purpose, explained};
use super::transfers::Transfers;
use super::{Bucket, Location, Object, S3Settings, name_of};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most objects that are listed. A store has one for each 64 MiB of a day's table, and a few for each load.
const MOST_OBJECTS: usize = 1 << 20;

/// Objects that are read at the same time.
const AT_ONCE: usize = 32;

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

    /// The names and sizes of all objects below a name, in order.
    pub fn list(&self, below: &str) -> Result<BTreeMap<String, u64>, String> {
        let (client, key) = (self.client(), self.key(below)?);
        let listed = self.bucket.transfers.wait(async move {
            let mut objects = Vec::new();
            let mut pages = client.list(Some(&key));
            while let Some(object) = pages.try_next().await? {
                objects.push((object.location, object.size));
                if objects.len() > MOST_OBJECTS {
                    break;
                }
            }
            Ok::<_, object_store::Error>(objects)
        })?;
        let objects = listed.map_err(|error| explained(&error, Purpose::List, &self.bucket.name))?;
        if objects.len() > MOST_OBJECTS {
            return Err(format!("it has more than {MOST_OBJECTS} objects; name the prefix of a store"));
        }
        let start = match self.prefix.as_ref() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let name = |key: Path| key.as_ref().strip_prefix(&start).map(str::to_owned);
        Ok(objects.into_iter().filter_map(|(key, size)| Some((name(key)?, size))).collect())
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
        match read.map_err(|error| explained(&error, Purpose::Read, &self.bucket.name))? {
            None => Ok(None),
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(size)) => Err(format!("it has {size} bytes, more than {limit}")),
        }
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
        let listed: Vec<(String, u64)> = audit.list("tables").unwrap().into_iter().collect();
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

    /// Any thread may wait, also one that runs asynchronous code.
    #[test]
    fn requests_can_be_waited_for_within_a_runtime() {
        let audit = folder("audit", &["audit/x"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(async { audit.read("x", 100) });
        assert_eq!(read.unwrap().unwrap(), "audit/x");
    }
}
