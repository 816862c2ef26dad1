//! Reads digests and hashes log files.

use super::model::Digest;
use super::name::{base_name, is_digest_name, log_name};
use super::sha256;
use crate::decode::budget::{Budget, Limits};
use crate::decode::buffer::Buffer;
use crate::decode::inflate::{InflateProblem, inflate, is_gzip};
use crate::discover::{Input, Source, plain_io};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file on disk that is larger than this is not read.
const MOST_BYTES: u64 = 2 << 30;
/// A digest of a busy hour has a few thousand entries; larger files without the name of a digest are not inspected.
const MOST_DIGEST: u64 = 4 << 20;
/// The ending of files with the metadata of a digest's object.
const METADATA: &str = ".head.json";

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: Content,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The SHA-256 hash of its uncompressed bytes.
    Sha256(String),
    /// It is there, and was not read this time.
    NotRead,
    /// It cannot be decompressed, so its content is not the one that was delivered.
    Damaged(String),
    /// Why it cannot be read.
    Unreadable(String),
}

/// Everything that a check looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The digests.
    pub digests: Vec<Digest>,
    /// Digests that cannot be read: name and problem.
    pub unreadable_digests: Vec<(String, String)>,
    /// The log files.
    pub files: Vec<LocalFile>,
    /// Signatures from the metadata of objects: base name of the digest, and the signature in hexadecimal digits.
    pub signatures: Vec<(String, String)>,
}

/// What a file turned out to be.
enum Found {
    Digest(Box<Digest>),
    BrokenDigest(String, String),
    Signature(String, String),
    Log(LocalFile),
    Other,
}

/// Reads the digests among some files, and hashes the log files.
pub fn read(inputs: &[Input]) -> Evidence {
    let mut evidence = look_at_all(inputs.par_iter());
    let named: BTreeSet<&str> = evidence.files.iter().map(|file| base_name(&file.name)).collect();
    let listed = super::listed_hashes(&evidence.digests);
    if listed.keys().any(|name| !named.contains(name)) {
        // Files without the name of a log may be renamed copies of the missing ones.
        let others = inputs.par_iter().filter(|input| log_name(&input.name).is_none() && is_json_name(&input.name));
        let others: Vec<LocalFile> = others
            .map(|input| LocalFile { name: input.name.to_string(), content: hash_of(input) })
            .filter(|file| matches!(file.content, Content::Sha256(_)))
            .collect();
        evidence.files.extend(others);
    }
    evidence
}

/// Reads only files that are named like digests.
pub fn read_digests(inputs: &[&Input]) -> Evidence {
    let Evidence { digests, unreadable_digests, .. } = look_at_all(inputs.par_iter().copied());
    Evidence { digests, unreadable_digests, ..Evidence::default() }
}

/// What files turned out to be, by kind.
fn look_at_all<'i>(inputs: impl IndexedParallelIterator<Item = &'i Input>) -> Evidence {
    let mut evidence = Evidence::default();
    let found: Vec<Found> = inputs.with_max_len(1).map(look_at).collect();
    for found in found {
        match found {
            Found::Digest(digest) => evidence.digests.push(*digest),
            Found::BrokenDigest(name, detail) => evidence.unreadable_digests.push((name, detail)),
            Found::Signature(name, signature) => evidence.signatures.push((name, signature)),
            Found::Log(file) => evidence.files.push(file),
            Found::Other => {}
        }
    }
    evidence
}

fn look_at(input: &Input) -> Found {
    let name = input.name.to_string();
    if !matches!(input.source, Source::File(_) | Source::Object(_)) {
        return Found::Other;
    }
    if is_digest_name(&name) && !name.ends_with(METADATA) {
        return match plain_bytes(&input.source) {
            Ok(bytes) => match Digest::parse(&name, &bytes) {
                Ok(digest) => Found::Digest(Box::new(digest)),
                Err(detail) => Found::BrokenDigest(name, detail),
            },
            Err(Problem::Damaged(detail) | Problem::Unreadable(detail)) => Found::BrokenDigest(name, detail),
        };
    }
    if log_name(&name).is_some() {
        return Found::Log(LocalFile { content: hash_of(input), name });
    }
    if !is_json_name(&name) || input.size > MOST_DIGEST {
        return Found::Other;
    }
    // A digest or its metadata under another name is recognized by its content.
    let Ok(bytes) = plain_bytes(&input.source) else { return Found::Other };
    if let Some(digest) = name.strip_suffix(METADATA) {
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        let signature = value.as_ref().and_then(|value| value.get("Metadata")?.get("signature")?.as_str());
        return signature.map_or(Found::Other, |text| Found::Signature(base_name(digest).to_owned(), text.to_owned()));
    }
    match Digest::parse(&name, &bytes) {
        Ok(digest) => Found::Digest(Box::new(digest)),
        Err(_) => Found::Other,
    }
}

fn is_json_name(name: &str) -> bool {
    base_name(name).ends_with(".json")
}

fn hash_of(input: &Input) -> Content {
    match &input.source {
        Source::File(_) | Source::Object(_) => match plain_bytes(&input.source) {
            Ok(bytes) => Content::Sha256(sha256(&bytes)),
            Err(Problem::Damaged(detail)) => Content::Damaged(detail),
            Err(Problem::Unreadable(detail)) => Content::Unreadable(detail),
        },
        Source::Stdin | Source::Store => Content::NotRead,
    }
}

/// Why a file has no content.
enum Problem {
    Damaged(String),
    Unreadable(String),
}

/// The bytes of a local file.
fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| plain_io(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    Ok(bytes)
}

/// The uncompressed content of a file or object.
fn plain_bytes(source: &Source) -> Result<Buffer, Problem> {
    let read = match source {
        Source::File(path) => bytes_of(path),
        Source::Object(object) => object.read_now(MOST_BYTES).map(Vec::from),
        Source::Stdin | Source::Store => Err("not a file".to_owned()),
    };
    let packed = read.map_err(Problem::Unreadable)?;
    let mut plain = Buffer::default();
    if !is_gzip(&packed) {
        plain.take(packed);
        return Ok(plain);
    }
    match inflate(&packed, &Budget::new(Limits::STANDARD), Limits::STANDARD.text_bytes, &mut plain) {
        None => Ok(plain),
        Some(InflateProblem::Truncated) => Err(Problem::Damaged("the gzip stream ends early".to_owned())),
        Some(InflateProblem::Damaged(detail)) => Err(Problem::Damaged(format!("the gzip stream is damaged ({detail})"))),
        Some(InflateProblem::Bomb(limit)) => Err(Problem::Unreadable(limit.detail)),
        Some(InflateProblem::Window) => Err(Problem::Unreadable("decompression needs too much memory".to_owned())),
    }
}
