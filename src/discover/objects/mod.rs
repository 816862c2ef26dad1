//! Reads exports and stores from S3 and S3-compatible servers.
//!
//! In: locations such as `s3://bucket/prefix`. Out: for an export, one [`Input`] per object below the prefix; some are
//! downloaded while others are decoded, and their bytes are handled like those of a local file. For a store, an
//! [`ObjectFolder`]. Invariants: without a location that the user named, no request is sent; of an export, requests only read.

mod answer;
mod feed;
mod folder;
mod listing;
mod profile;
mod settings;
mod transfers;

pub use feed::Feed;
pub use folder::{Listed, ObjectFolder};
pub use settings::S3Settings;

use super::walk::{Cut, Found, Input, Problem, Remote, Source, masked_name};
use answer::{Purpose, explained};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use listing::{Listing, list};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use transfers::Transfers;

const SCHEME: &str = "s3://";

/// Objects larger than this are downloaded in parts, so that one connection does not limit their speed.
const LARGE: u64 = 16 << 20;
/// The size of a part.
const PART: u64 = 8 << 20;
/// Parts of one object that are downloaded at the same time.
const PARTS_AT_ONCE: usize = 4;

/// A bucket, and the prefix or object to read in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    key: String,
}

impl Location {
    /// The location that a text names: `s3://bucket/prefix`.
    pub fn of(text: &str) -> Option<Location> {
        let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Location { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The location as a text.
    pub fn name(&self) -> String {
        name_of(&self.bucket, &self.key)
    }

    fn problem(&self, detail: String) -> Problem {
        problem(self.name(), detail)
    }

    /// Whether the bucket has a name that can be part of a URL.
    fn has_bucket(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        self.bucket.starts_with(|first: char| first.is_ascii_alphanumeric()) && self.bucket.bytes().all(is_plain)
    }

    /// Whether the key looks like that of an object rather than a prefix.
    fn is_like_object(&self) -> bool {
        self.key.rsplit('/').next().is_some_and(|last| last.contains('.'))
    }
}

/// The name of an object or a prefix in the store.
fn name_of(bucket: &str, key: &str) -> String {
    format!("{SCHEME}{bucket}/{key}")
}

fn problem(name: String, detail: String) -> Problem {
    Problem { name: masked_name(name), folder: None, detail, instead: None, is_explained: true }
}

/// A bucket that can be read.
pub struct Bucket {
    name: String,
    store: Arc<dyn ObjectStore>,
    transfers: Arc<Transfers>,
}

impl fmt::Debug for Bucket {
    // The client holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An object of a bucket, as it was listed.
#[derive(Clone)]
pub struct Object {
    bucket: Arc<Bucket>,
    key: Path,
    size: u64,
    etag: Option<String>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(&name_of(&self.bucket.name, self.key.as_ref())).finish()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        let Object { bucket, key, size, etag } = self;
        bucket.name == other.bucket.name && *key == other.key && *size == other.size && *etag == other.etag
    }
}

impl Eq for Object {}

impl Object {
    /// Waits for the bytes of the object; the error is a message for the user.
    pub fn read_now(&self, limit: u64) -> Result<Bytes, String> {
        self.bucket.transfers.block_on(self.read(limit))
    }

    /// Downloads the object, unless it is larger than the limit.
    async fn read(&self, limit: u64) -> Result<Bytes, String> {
        let too_large = |size: u64| format!("{size} bytes exceed the limit of {limit} bytes for one file");
        if self.size > limit {
            return Err(too_large(self.size));
        }
        if self.size == 0 {
            return Ok(Bytes::new());
        }
        let explained = |error: object_store::Error| explained(&error, Purpose::Read, &self.bucket.name);
        if self.size > LARGE {
            return self.read_parts().await.map_err(explained);
        }
        let result = self.bucket.store.get_opts(&self.key, GetOptions::default()).await.map_err(explained)?;
        if result.meta.size > limit {
            return Err(too_large(result.meta.size));
        }
        result.bytes().await.map_err(explained)
    }

    /// Downloads parts of a large object side by side.
    async fn read_parts(&self) -> object_store::Result<Bytes> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        let mut starts = Vec::new();
        let mut start = 0;
        while start < self.size {
            starts.push(start);
            start += PART;
        }
        let parts: Vec<_> = starts.into_iter().map(|start| self.read_part(start)).collect();
        let mut parts = stream::iter(parts).buffered(PARTS_AT_ONCE);
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part?);
        }
        Ok(Bytes::from(bytes))
    }

    async fn read_part(&self, start: u64) -> object_store::Result<Bytes> {
        // All parts must be of the version that was listed.
        let options = GetOptions {
            if_match: self.etag.clone(),
            range: Some(GetRange::Bounded(start..(start + PART).min(self.size))),
            ..GetOptions::default()
        };
        self.bucket.store.get_opts(&self.key, options).await?.bytes().await
    }
}

/// Finds the objects below some locations.
pub(super) fn search(locations: &[Location], remote: &Remote<'_>, found: &mut Found) {
    let transfers = match Transfers::start() {
        Ok(transfers) => Arc::new(transfers),
        Err(detail) => {
            found.problems.extend(locations.iter().map(|location| location.problem(detail.clone())));
            return;
        }
    };
    let mut buckets: BTreeMap<&str, Result<Arc<Bucket>, String>> = BTreeMap::new();
    for location in locations {
        if !location.has_bucket() {
            found.problems.push(location.problem("expected `s3://BUCKET/PREFIX`".to_owned()));
            continue;
        }
        let opened = buckets.entry(&location.bucket).or_insert_with(|| {
            let store = remote.settings.open(&location.bucket, &transfers)?;
            Ok(Arc::new(Bucket { name: location.bucket.clone(), store, transfers: Arc::clone(&transfers) }))
        });
        match opened {
            Ok(bucket) => search_bucket(bucket, location, remote, found),
            Err(detail) => found.problems.push(location.problem(detail.clone())),
        }
    }
}

fn search_bucket(bucket: &Arc<Bucket>, location: &Location, remote: &Remote<'_>, found: &mut Found) {
    let Ok(root) = Path::parse(&location.key) else {
        let detail = "a key with an empty part, `.` or `..` cannot be read; name a longer prefix".to_owned();
        return found.problems.push(location.problem(detail));
    };
    let name = |key: &str| name_of(&bucket.name, key);
    let left_out = |key: &str| (remote.left_out)(&name(key));
    let listing = bucket.transfers.block_on(look(&*bucket.store, &root, location, &left_out));
    let Listing { objects, stores, cut, failed } = listing;
    if objects.is_empty() && stores.is_empty() && cut.is_empty() && failed.is_empty() {
        let detail = "no objects have this prefix; `aws s3 ls` shows those of a bucket".to_owned();
        return found.problems.push(location.problem(detail));
    }
    found.inputs.extend(objects.into_iter().map(|meta| input(bucket, meta)));
    found.inputs.extend(stores.into_iter().map(|root| {
        let name = masked_name(name(&root)).into();
        Input { source: Source::Store, name, folder: None, size: 0, modified: None }
    }));
    found.cut.extend(cut.into_iter().map(|(prefix, why)| Cut { name: masked_name(name(&prefix)), why }));
    let failed = failed.into_iter();
    found.problems.extend(failed.map(|(key, error)| problem(name(&key), explained(&error, Purpose::List, &bucket.name))));
}

/// Lists what a location names: the objects below a prefix, or one object.
async fn look(
    store: &dyn ObjectStore,
    root: &Path,
    location: &Location,
    left_out: &dyn Fn(&str) -> Option<&'static str>,
) -> Listing {
    // An object can be readable where listing is not allowed, so a key is requested first.
    if location.is_like_object()
        && let Some(one) = one_object(store, root).await
    {
        return one;
    }
    let listing = list(store, root, left_out).await;
    let is_prefix = root.as_ref().is_empty() || location.key.ends_with('/') || location.is_like_object();
    if !is_prefix
        && listing.is_empty()
        && let Some(one) = one_object(store, root).await
    {
        return one;
    }
    listing
}

/// The object with a key, if it can be read.
async fn one_object(store: &dyn ObjectStore, key: &Path) -> Option<Listing> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    let result = store.get_opts(key, options).await.ok()?;
    Some(Listing { objects: vec![result.meta], ..Listing::default() })
}

/// The input of an object. The ledger recognizes an unchanged one by its name, its size and the time of its last change.
/// S3 changes the time with each version, so that an ETag would find the same changes, except for a second version with
/// as many bytes within the same second. The column `content_hash` could not hold it: an ETag is not a hash of the content
/// when the object was uploaded in parts or encrypted with a key, and copies of a file are found by that hash.
fn input(bucket: &Arc<Bucket>, meta: ObjectMeta) -> Input {
    Input {
        name: masked_name(name_of(&bucket.name, meta.location.as_ref())).into(),
        folder: None,
        size: meta.size,
        modified: Some(meta.last_modified.timestamp_micros()),
        source: Source::Object(Object { bucket: Arc::clone(bucket), key: meta.location, size: meta.size, etag: meta.e_tag }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    fn location(text: &str) -> Location {
        Location::of(text).unwrap()
    }

    fn bucket(objects: &[(&str, Vec<u8>)]) -> Arc<Bucket> {
        let transfers = Arc::new(Transfers::start().unwrap());
        let store = InMemory::new();
        transfers.block_on(async {
            for (key, bytes) in objects {
                store.put(&Path::parse(key).unwrap(), bytes.clone().into()).await.unwrap();
            }
        });
        Arc::new(Bucket { name: "logs".to_owned(), store: Arc::new(store), transfers })
    }

    fn search_in(bucket: &Arc<Bucket>, text: &str) -> Found {
        let mut found = Found::default();
        let remote = Remote { settings: S3Settings::default(), left_out: &|_| None };
        search_bucket(bucket, &location(text), &remote, &mut found);
        found
    }

    #[test]
    fn locations_have_a_bucket_and_a_key() {
        for (text, bucket, key) in
            [("s3://logs", "logs", ""), ("S3://logs/", "logs", ""), ("s3://logs/a/b.json", "logs", "a/b.json")]
        {
            assert_eq!(location(text), Location { bucket: bucket.to_owned(), key: key.to_owned() }, "{text}");
        }
        for path in ["s3:/logs", "s3", "gs://logs", "é3://logs", "./s3://logs"] {
            assert_eq!(Location::of(path), None, "{path}");
        }
        assert!(location("s3://logs-1.x/a").has_bucket());
        for wrong in ["s3://", "s3:///a", "s3://../a", "s3://user@host/a", "s3://a?b/c"] {
            assert!(!location(wrong).has_bucket(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_a_key_and_nothing() {
        let bucket = bucket(&[("in/b.json", b"{}".to_vec()), ("in/a.json", b"[]".to_vec()), ("plain", b"{}".to_vec())]);
        let names = |text: &str| -> Vec<String> {
            let found = search_in(&bucket, text);
            found.inputs.iter().map(|input| input.name.to_string()).collect()
        };
        assert_eq!(names("s3://logs/in"), ["s3://logs/in/a.json", "s3://logs/in/b.json"]);
        assert_eq!(names("s3://logs/in/"), names("s3://logs/in"));
        assert_eq!(names("s3://logs/in/b.json"), ["s3://logs/in/b.json"]);
        assert_eq!(names("s3://logs/plain"), ["s3://logs/plain"]);
        assert_eq!(names("s3://logs").len(), 3);
        let nothing = search_in(&bucket, "s3://logs/other/");
        assert!(nothing.inputs.is_empty() && nothing.problems[0].detail.contains("no objects have this prefix"));
        let odd = search_in(&bucket, "s3://logs/a//b");
        assert!(odd.problems[0].detail.contains("empty part"), "{odd:?}");
    }

    #[test]
    fn bytes_arrive_whole_in_parts_and_within_the_limit() {
        let large: Vec<u8> = (0..LARGE + PART / 2 + 7).map(|number| (number % 251) as u8).collect();
        let bucket = bucket(&[("large", large.clone()), ("small", b"{}".to_vec()), ("empty", Vec::new())]);
        let found = search_in(&bucket, "s3://logs/");
        let objects: Vec<Object> = found.inputs.into_iter().map(|input| object_of(&input)).collect();
        let bytes: Vec<Bytes> = objects.iter().map(|object| object.read_now(1 << 30).unwrap()).collect();
        assert!(bytes[0].is_empty() && bytes[1] == large && bytes[2] == "{}");
        let refused = objects[1].read_now(1000).unwrap_err();
        assert!(refused.ends_with("exceed the limit of 1000 bytes for one file"), "{refused}");
        let feed = Feed::start(objects.into_iter().enumerate().collect(), 1 << 30).unwrap();
        let mut fetched: Vec<(usize, Bytes)> =
            (0..3).map(|_| feed.next().unwrap()).map(|(at, bytes)| (at, bytes.unwrap())).collect();
        fetched.sort_by_key(|(at, _)| *at);
        assert_eq!(fetched.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), bytes);
        assert!(feed.next().is_none());
    }

    fn object_of(input: &Input) -> Object {
        match &input.source {
            Source::Object(object) => object.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_object_that_is_replaced_while_it_is_read_is_an_error() {
        let bucket = bucket(&[("large", vec![b' '; LARGE as usize + 1])]);
        let found = search_in(&bucket, "s3://logs/");
        let object = object_of(&found.inputs[0]);
        bucket.transfers.block_on(async {
            bucket.store.put_opts(&Path::from("large"), vec![b'x'; LARGE as usize + 1].into(), Default::default()).await.unwrap();
        });
        let error = object.read_now(1 << 30).unwrap_err();
        assert!(error.contains("changed while it was read"), "{error}");
    }
}
