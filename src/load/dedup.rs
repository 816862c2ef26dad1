//! Deduplicates records, with one set of fingerprints per table and day.
//!
//! Two records are the same if their table, account and id match, regardless of the file or envelope. If they say
//! different things, they are in conflict: which one is kept depends on what they say, not on which was read first. So
//! does which of several copies is kept, if some are in a reduced form. Invariants: at the end, exactly one copy is kept
//! per identity, the same on any number of threads; what an earlier load stored is never replaced.

use super::content::{Content, CopyContent};
use super::worker::Day;
use crate::table::Table;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{BTreeMap, HashMap, HashSet};
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

/// A record that is known: its fingerprint, and the content that is kept.
#[derive(Debug, Clone, Copy)]
struct KnownRecord(Fingerprint, Content);

const _: () = assert!(size_of::<KnownRecord>() == 12);

/// The fingerprints of one table and day.
#[derive(Debug, Default)]
pub struct Set {
    records: HashTable<KnownRecord>,
    /// Identities that were removed from the store; usually empty.
    removed: HashSet<Identity>,
    /// The contents of records with several; usually empty.
    contents: HashMap<Identity, Contents>,
}

/// The different contents of records with one id.
#[derive(Debug)]
struct Contents {
    /// Those of which only the short hash is known: of the first record, and of stored ones.
    short: HashSet<Content>,
    /// The others by their whole hash, so that even many contents are distinguished.
    whole: HashSet<u64>,
    /// That of the record that is kept, unless it is one of the first kind.
    kept: Option<u64>,
}

impl Contents {
    fn of(first: Content) -> Self {
        Contents { short: HashSet::from([first.bare()]), whole: HashSet::new(), kept: None }
    }
}

impl Set {
    /// Inserts an identity from the store; returns whether it was new.
    fn insert(&mut self, identity: Identity, content: Content) -> bool {
        let fingerprint = Fingerprint::of(identity);
        let hash = |known: &KnownRecord| known.0.hash();
        match self.records.entry(fingerprint.hash(), |known| known.0 == fingerprint, hash) {
            Entry::Vacant(slot) => {
                slot.insert(KnownRecord(fingerprint, content));
                true
            }
            Entry::Occupied(known) => {
                let first = known.get().1;
                if content.differs(first) {
                    self.contents.entry(identity).or_insert_with(|| Contents::of(first)).short.insert(content.bare());
                }
                false
            }
        }
    }

    /// Claims an identity for a copy. Without room for another conflict, a new content is not remembered and never kept.
    fn claim(&mut self, identity: Identity, copy: CopyContent, has_room: bool) -> Claim {
        let content = Content::of(copy);
        let fingerprint = Fingerprint::of(identity);
        let hash = |known: &KnownRecord| known.0.hash();
        match self.records.entry(fingerprint.hash(), |known| known.0 == fingerprint, hash) {
            Entry::Vacant(slot) => {
                slot.insert(KnownRecord(fingerprint, content));
                Claim::New
            }
            Entry::Occupied(mut known) => {
                let kept = known.get().1;
                if content.is_unknown() || kept.is_unknown() {
                    return Claim::Duplicate;
                }
                let whole = match copy {
                    CopyContent::Complete(whole) if kept.is_complete() => whole,
                    // At least one copy is reduced, so they are not compared, but the fuller one is kept.
                    _ if has_room && content.beats(kept) => {
                        known.get_mut().1 = content;
                        return Claim::Fuller { is_complete: content.is_complete() };
                    }
                    _ => return Claim::Duplicate,
                };
                let is_known = match self.contents.get(&identity) {
                    Some(contents) => contents.short.contains(&content) || contents.whole.contains(&whole),
                    None => !content.differs(kept),
                };
                if is_known {
                    return Claim::Duplicate;
                }
                if !has_room {
                    return Claim::Conflict { is_kept: false };
                }
                let contents = self.contents.entry(identity).or_insert_with(|| Contents::of(kept));
                contents.whole.insert(whole);
                // Of two contents with the same short hash, the whole one decides.
                let is_smaller = || !kept.is_stored() && !content.differs(kept) && contents.kept.is_some_and(|kept| whole < kept);
                let is_kept = content.beats(kept) || is_smaller();
                if is_kept {
                    known.get_mut().1 = content;
                    contents.kept = Some(whole);
                }
                Claim::Conflict { is_kept }
            }
        }
    }

    /// Memory in bytes.
    fn bytes(&self) -> usize {
        self.records.allocation_size()
    }
}

/// The identities of one table and day in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Records in the store, with their content.
    pub present: Vec<(Identity, Content)>,
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
    /// The record is a fuller copy than the one that was kept so far, which becomes a duplicate.
    Fuller {
        /// Whether it is complete.
        is_complete: bool,
    },
    /// The record was removed from the store.
    Removed,
    /// Another record has the same id and other content.
    Conflict {
        /// Whether this record is kept rather than the other one.
        is_kept: bool,
    },
}

/// Maximum number of conflicts of a load that are resolved, and of copies that are replaced with fuller ones; in further ones,
/// the record that was kept so far remains.
const MOST_CONFLICTS: usize = 100_000;

/// How two records with the same id differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Both are complete, and their content differs.
    Content,
    /// The earlier one is a reduced copy, and the later one is fuller.
    Fuller {
        /// Whether the later one is complete.
        is_complete: bool,
    },
}

/// Two records with the same id, one of which has to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The table of both.
    pub table: Table,
    /// The day of both.
    pub day: Day,
    /// Their id.
    pub id: String,
    /// Their account.
    pub account: Option<String>,
    /// Their version, for a state of a task or container instance.
    pub version: Option<i64>,
    /// How they differ.
    pub difference: Difference,
    /// The file and record number of the one that was read later.
    pub later: (Arc<str>, i64),
    /// Whether the later one is kept.
    pub is_kept: bool,
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
    conflicts: Mutex<Vec<Conflict>>,
    /// The number of conflicts, for all threads to read.
    resolved: AtomicUsize,
}

impl std::fmt::Debug for Deduplicator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deduplicator").finish_non_exhaustive()
    }
}

impl<'s> Deduplicator<'s> {
    /// An empty set, plus the records from `existing`, which is called once per table and day.
    pub fn new(existing: Option<&'s Existing<'s>>) -> Self {
        let (days, conflicts) = (Mutex::new(BTreeMap::new()), Mutex::default());
        Deduplicator { days, existing, bytes: AtomicUsize::new(0), conflicts, resolved: AtomicUsize::new(0) }
    }

    /// The conflicts so far; for each id in the order of their claims.
    pub fn take_conflicts(&self) -> Vec<Conflict> {
        std::mem::take(&mut *self.conflicts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Total memory in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn of_day(&self, table: Table, day: Day) -> OfDay {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(days.entry((table, day)).or_default())
    }

    /// Claims a record, given its identity and its content; only the first claim and those of fuller copies succeed. `last`
    /// caches the set of the thread's latest claim, because consecutive records usually share table and day. `conflict` describes
    /// the record if another one has to go, or if it is not kept itself.
    pub fn claim(
        &self,
        last: &mut LastDay,
        (table, day): (Table, Day),
        (identity, copy): (Identity, CopyContent),
        conflict: impl FnOnce(Difference, bool) -> Conflict,
    ) -> Result<Claim, String> {
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
        let mut claim = set.claim(identity, copy, self.resolved.load(Ordering::Relaxed) < MOST_CONFLICTS);
        // Updated only when a set grows, because all threads read the counter.
        match set.bytes().saturating_sub(before) {
            0 => {}
            grown => _ = self.bytes.fetch_add(grown, Ordering::Relaxed),
        }
        let found = match claim {
            Claim::Conflict { is_kept } if is_kept || self.resolved.load(Ordering::Relaxed) < MOST_CONFLICTS => {
                Some(conflict(Difference::Content, is_kept))
            }
            Claim::Fuller { is_complete } => Some(conflict(Difference::Fuller { is_complete }, true)),
            Claim::Duplicate if set.removed.contains(&identity) => {
                claim = Claim::Removed;
                None
            }
            _ => None,
        };
        if let Some(conflict) = found {
            self.resolved.fetch_add(1, Ordering::Relaxed);
            // The set is locked, so the conflicts of one id are in order.
            self.conflicts.lock().unwrap_or_else(PoisonError::into_inner).push(conflict);
        }
        Ok(claim)
    }

    /// Reads the stored identities of a table and day.
    fn stored(&self, table: Table, day: Day) -> Result<Set, String> {
        let Stored { present, removed } = self.existing.map_or_else(|| Ok(Stored::default()), |existing| existing(table, day))?;
        let mut set = Set::default();
        for (identity, content) in present {
            set.insert(identity, content.stored());
        }
        for identity in removed {
            // A removed record that was loaded again is a plain duplicate.
            if set.insert(identity, Content::UNKNOWN) {
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
                Table::Calls => Stored {
                    present: vec![(identity(Some("1"), "a"), Content::UNKNOWN)],
                    removed: vec![identity(Some("1"), "b")],
                },
                _ => Stored::default(),
            })
        };
        let (dedup, mut last) = (Deduplicator::new(Some(&existing)), None);
        let mut claim = |table, identity| {
            let copy = (identity, CopyContent::NotCompared);
            dedup.claim(&mut last, (table, 1), copy, |_, _| unreachable!("contents are unknown"))
        };
        assert_eq!(claim(Table::Calls, identity(Some("1"), "a")), Ok(Claim::Duplicate));
        assert_eq!(claim(Table::Calls, identity(Some("1"), "b")), Ok(Claim::Removed));
        assert_eq!(claim(Table::TaskEvents, identity(Some("1"), "b")), Ok(Claim::New));
        assert_eq!(claim(Table::Calls, identity(Some("2"), "a")), Ok(Claim::New));
        assert_eq!(claim(Table::Calls, identity(Some("2"), "a")), Ok(Claim::Duplicate));
        assert_eq!(claim(Table::TaskEvents, identity(Some("1"), "a")), Ok(Claim::New));
    }

    #[test]
    fn which_content_is_kept_does_not_depend_on_the_order() {
        let contents = [7, 3, 5].map(CopyContent::Complete);
        let mut kept = Vec::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut set = Set::default();
            let mut winner = None;
            let mut conflicts = 0;
            // Every copy twice: a second copy is a duplicate, whether the first one was kept or not.
            for place in order.into_iter().chain(order) {
                match set.claim(1, contents[place], true) {
                    Claim::New | Claim::Conflict { is_kept: true } => winner = Some(place),
                    _ => {}
                }
            }
            let mut again = Set::default();
            for place in order.into_iter().chain(order) {
                conflicts += usize::from(matches!(again.claim(1, contents[place], true), Claim::Conflict { .. }));
            }
            assert_eq!(conflicts, 2);
            kept.push(winner);
        }
        kept.dedup();
        assert_eq!(kept.len(), 1, "{kept:?}");
        // Only a content with the short hash of the first one is not distinguished from it: the first one stays.
        for [first, second] in [[3, 1 << 20 | 3], [1 << 20 | 3, 3]] {
            let mut set = Set::default();
            let [first, second] = [first, second].map(CopyContent::Complete);
            assert_eq!((set.claim(1, first, true), set.claim(1, second, true)), (Claim::New, Claim::Duplicate));
        }
        // A stored record stays.
        let mut set = Set::default();
        set.insert(1, Content::of(contents[0]).stored());
        assert!(contents[1..].iter().all(|content| set.claim(1, *content, true) == Claim::Conflict { is_kept: false }));
        assert_eq!(set.claim(1, contents[0], true), Claim::Duplicate);
    }

    #[test]
    fn the_fullest_copy_is_kept_in_any_order() {
        let reduced = |fields, hash| CopyContent::Reduced { fields, hash };
        // From the one that is kept to the one that goes first.
        let ranked = [CopyContent::Complete(900), reduced(7, 3), reduced(7, 5), reduced(3, 1)];
        let other = CopyContent::Complete(901);
        for first in 0..ranked.len() {
            for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
                let copies = order.into_iter().filter(|place| *place >= first);
                let mut set = Set::default();
                let mut winner = None;
                // Every copy twice: the second one is a duplicate.
                for place in copies.clone().chain(copies) {
                    match set.claim(1, ranked[place], true) {
                        Claim::New => assert_eq!(winner.replace(place), None),
                        Claim::Fuller { is_complete } => {
                            assert_eq!(is_complete, place == 0);
                            winner = Some(place);
                        }
                        claim => assert_eq!(claim, Claim::Duplicate),
                    }
                }
                assert_eq!(winner, Some(first), "{order:?}");
                // Only a complete copy can be in conflict with another one.
                let expected = match first {
                    0 => Claim::Conflict { is_kept: false },
                    _ => Claim::Fuller { is_complete: true },
                };
                assert_eq!(set.claim(1, other, true), expected);
                assert!(ranked[1..].iter().all(|copy| set.claim(1, *copy, true) == Claim::Duplicate));
            }
        }
        // A stored copy stays, and so does the first one if there is no room to note the others.
        let mut set = Set::default();
        set.insert(1, Content::of(ranked[3]).stored());
        assert!(ranked.iter().all(|copy| set.claim(1, *copy, true) == Claim::Duplicate));
        let mut set = Set::default();
        assert_eq!(set.claim(1, ranked[3], false), Claim::New);
        assert!(ranked.iter().all(|copy| set.claim(1, *copy, false) == Claim::Duplicate));
    }

    #[test]
    fn many_contents_of_one_id_are_never_duplicates() {
        // All but the first one have the same short hash.
        let others = || (0..5000u64).map(|number| number << 20 | 3);
        for order in [others().collect::<Vec<u64>>(), others().rev().collect()] {
            let mut set = Set::default();
            assert_eq!(set.claim(1, CopyContent::Complete(9), true), Claim::New);
            let mut kept = 9;
            for content in &order {
                match set.claim(1, CopyContent::Complete(*content), true) {
                    Claim::Conflict { is_kept: true } => kept = *content,
                    claim => assert_eq!(claim, Claim::Conflict { is_kept: false }, "{content}"),
                }
            }
            assert_eq!(kept, 3);
            assert!(order.iter().all(|content| set.claim(1, CopyContent::Complete(*content), true) == Claim::Duplicate));
        }
        // Without room, nothing is compared any more, and nothing is called a duplicate that may not be one.
        let mut set = Set::default();
        assert_eq!(set.claim(1, CopyContent::Complete(1), false), Claim::New);
        for _ in 0..2 {
            assert_eq!(set.claim(1, CopyContent::Complete(2), false), Claim::Conflict { is_kept: false });
            assert_eq!(set.claim(1, CopyContent::Complete(1), false), Claim::Duplicate);
        }
    }
}
