//! Deduplicates records, with one set of fingerprints per table and day.
//!
//! Two records are the same if their table, account and id match, regardless of the file or envelope. Invariant:
//! exactly one claim per identity succeeds, on any number of threads.

use super::worker::Day;
use crate::table::Table;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Identifies a record within its table and day. Valid only during this run.
pub type Identity = u128;

/// Hashes account and id. The hash key is random for each run, so that crafted ids cannot collide on purpose.
pub fn identity(account: Option<&str>, id: &str) -> Identity {
    identity_of_version(account, id, None)
}

/// Like [`identity`], for versioned state: two versions of a task with the same id are two records.
pub fn identity_of_version(account: Option<&str>, id: &str, version: Option<i64>) -> Identity {
    static SECRET: LazyLock<(u64, u64)> = LazyLock::new(|| {
        let random = RandomState::new();
        (random.hash_one(0), random.hash_one(1))
    });
    let mut hasher = SipHasher13::new_with_keys(SECRET.0, SECRET.1);
    hasher.write(account.unwrap_or_default().as_bytes());
    hasher.write_u8(0);
    hasher.write(id.as_bytes());
    if let Some(version) = version {
        hasher.write_u8(0);
        hasher.write_i64(version);
    }
    hasher.finish128().as_u128()
}

/// 80 bits of an identity. With a hundred million records in one table and day, a collision occurs in one of 240
/// million loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u16; 5]);

impl Fingerprint {
    fn of(identity: Identity) -> Self {
        let word = |place: u32| (identity >> (16 * place)) as u16;
        Fingerprint([word(0), word(1), word(2), word(3), word(4)])
    }

    /// The value is already a hash.
    fn hash(&self) -> u64 {
        let [first, second, third, fourth, _] = self.0.map(u64::from);
        first | second << 16 | third << 32 | fourth << 48
    }
}

/// The fingerprints of one table and day.
#[derive(Debug, Default)]
pub struct Set {
    fingerprints: HashTable<Fingerprint>,
    /// Identities that were removed from the store; usually empty.
    removed: HashSet<Identity>,
}

impl Set {
    /// Inserts an identity; returns whether it was new.
    fn insert(&mut self, identity: Identity) -> bool {
        let fingerprint = Fingerprint::of(identity);
        match self.fingerprints.entry(fingerprint.hash(), |known| *known == fingerprint, Fingerprint::hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(slot) => {
                slot.insert(fingerprint);
                true
            }
        }
    }

    /// Memory in bytes.
    fn bytes(&self) -> usize {
        self.fingerprints.allocation_size()
    }
}

/// The identities of one table and day in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Records in the store.
    pub present: Vec<Identity>,
    /// Records that were removed from the store.
    pub removed: Vec<Identity>,
}

/// Reads the stored identities of one table and day.
pub type Existing<'s> = dyn Fn(Table, Day) -> Result<Stored, String> + Sync + 's;

/// The outcome of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// First occurrence of the record.
    New,
    /// The record is a duplicate.
    Duplicate,
    /// The record was removed from the store.
    Removed,
}

/// The fingerprints of one table and day; `None` until the stored ones are read.
pub type OfDay = Arc<Mutex<Option<Set>>>;

/// The table and day of the latest claim of a thread.
pub type LastDay = Option<((Table, Day), OfDay)>;

/// Detects duplicates among the records of a load and those of the store.
pub struct Deduplicator<'s> {
    days: Mutex<BTreeMap<(Table, Day), OfDay>>,
    existing: Option<&'s Existing<'s>>,
    /// Total size of all sets.
    bytes: AtomicUsize,
}

impl std::fmt::Debug for Deduplicator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deduplicator").finish_non_exhaustive()
    }
}

impl<'s> Deduplicator<'s> {
    /// An empty set, plus the records from `existing`, which is called once per table and day.
    pub fn new(existing: Option<&'s Existing<'s>>) -> Self {
        Deduplicator { days: Mutex::new(BTreeMap::new()), existing, bytes: AtomicUsize::new(0) }
    }

    /// Total memory in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn of_day(&self, table: Table, day: Day) -> OfDay {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(days.entry((table, day)).or_default())
    }

    /// Claims a record; only the first claim succeeds. `last` caches the set of the thread's latest claim, because
    /// consecutive records usually share table and day.
    pub fn claim(&self, last: &mut LastDay, table: Table, day: Day, identity: Identity) -> Result<Claim, String> {
        let set = match last {
            Some((key, set)) if *key == (table, day) => set,
            last => &mut last.insert(((table, day), self.of_day(table, day))).1,
        };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let before = set.as_ref().map_or(0, Set::bytes);
        let set = match &mut *set {
            Some(set) => set,
            unread => unread.insert(self.stored(table, day)?),
        };
        let is_new = set.insert(identity);
        // Updated only when a set grows, because all threads read the counter.
        match set.bytes().saturating_sub(before) {
            0 => {}
            grown => _ = self.bytes.fetch_add(grown, Ordering::Relaxed),
        }
        Ok(match is_new {
            true => Claim::New,
            false if set.removed.contains(&identity) => Claim::Removed,
            false => Claim::Duplicate,
        })
    }

    /// Reads the stored identities of a table and day.
    fn stored(&self, table: Table, day: Day) -> Result<Set, String> {
        let Stored { present, removed } = self.existing.map_or_else(|| Ok(Stored::default()), |existing| existing(table, day))?;
        let mut set = Set::default();
        for identity in present {
            set.insert(identity);
        }
        for identity in removed {
            // A removed record that was loaded again is a plain duplicate.
            if set.insert(identity) {
                set.removed.insert(identity);
            }
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_of_account_and_id() {
        assert_eq!(identity(Some("1"), "a"), identity(Some("1"), "a"));
        let others = [identity(None, "1a"), identity(Some("1"), "b"), identity(Some("1a"), ""), identity(Some("2"), "a")];
        assert!(!others.contains(&identity(Some("1"), "a")));
        let [first, second] = [1, 2].map(|version| identity_of_version(Some("1"), "a", Some(version)));
        assert!(first != second && first != identity(Some("1"), "a"));
    }

    #[test]
    fn one_claim_succeeds() {
        let existing = |table: Table, _day: i32| {
            Ok(match table {
                Table::Calls => Stored { present: vec![identity(Some("1"), "a")], removed: vec![identity(Some("1"), "b")] },
                _ => Stored::default(),
            })
        };
        let (dedup, mut last) = (Deduplicator::new(Some(&existing)), None);
        assert_eq!(dedup.claim(&mut last, Table::Calls, 1, identity(Some("1"), "a")), Ok(Claim::Duplicate));
        assert_eq!(dedup.claim(&mut last, Table::Calls, 1, identity(Some("1"), "b")), Ok(Claim::Removed));
        assert_eq!(dedup.claim(&mut last, Table::TaskEvents, 1, identity(Some("1"), "b")), Ok(Claim::New));
        assert_eq!(dedup.claim(&mut last, Table::Calls, 1, identity(Some("2"), "a")), Ok(Claim::New));
        assert_eq!(dedup.claim(&mut last, Table::Calls, 1, identity(Some("2"), "a")), Ok(Claim::Duplicate));
        assert_eq!(dedup.claim(&mut last, Table::TaskEvents, 1, identity(Some("1"), "a")), Ok(Claim::New));
    }
}
