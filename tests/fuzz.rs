//! Every fuzz target on its corpus and on mutations of it: a bounded number on stable Rust, more with
//! `ECS_AUDIT_FUZZ_ITERATIONS`. `fuzz/` has the same targets for cargo-fuzz.

use crate::support::project;
use ecs_audit::fuzzing::{TARGETS, Target};
use std::collections::BTreeSet;
use std::path::Path;

/// Mutations per target, unless the environment says otherwise.
const ITERATIONS: u64 = 150;

/// A small generator with a fixed seed, so that every run tries the same inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    /// Changes bytes, cuts, repeats, inserts, and joins with another input.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len() + 1);
            let length = self.below(64).min(bytes.len() - at);
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next() as u8,
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(at..at + length)),
                4 => {
                    let copy = bytes[at..at + length].to_vec();
                    bytes.splice(at..at, copy);
                }
                5 => {
                    const TOKENS: [&[u8]; 12] =
                        [b"{", b"}", b"[", b"]", b"\"", b",", b":", b"\\", b"\n", b"\0", b"\xff\xfe", b"{\"Records\":["];
                    bytes.splice(at..at, TOKENS[self.below(TOKENS.len())].iter().copied());
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[self.below(other.len() + 1)..]);
                }
            }
        }
        bytes
    }
}

/// Small files below a folder, in order.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.is_file())
        .map(|path| std::fs::read(path).unwrap())
        .filter(|bytes| bytes.len() < 100_000)
        .collect()
}

fn fuzz(name: &str, target: Target) {
    let iterations = std::env::var("ECS_AUDIT_FUZZ_ITERATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(ITERATIONS);
    let dir = tempfile::tempdir().unwrap();
    let mut seeds = files(&project().join("fuzz/corpus").join(name));
    assert!(!seeds.is_empty(), "fuzz/corpus/{name} has no inputs");
    if matches!(name, "load" | "split" | "json") {
        seeds.extend(files(&project().join("samples/oddities")));
    }
    let run = |bytes: &[u8]| {
        let outcome = std::panic::catch_unwind(|| target(dir.path(), bytes));
        assert!(outcome.is_ok(), "{name} fails on: {}", String::from_utf8_lossy(bytes).escape_debug());
    };
    seeds.iter().for_each(|seed| run(seed));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..iterations {
        run(&random.mutated(&seeds));
    }
}

#[test]
fn every_target_survives_its_corpus_and_mutations() {
    for (name, target) in TARGETS {
        fuzz(name, *target);
    }
}

#[test]
fn cargo_fuzz_has_the_same_targets() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(project().join(folder)).unwrap().flatten();
        entries.map(|entry| entry.path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz/fuzz_targets"), targets);
    assert_eq!(names("fuzz/corpus"), targets);
    let manifest = std::fs::read_to_string(project().join("fuzz/Cargo.toml")).unwrap();
    assert!(targets.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}
