//! Which records are there already: one set of identities for each table and day.
//!
//! A record is the same when table, account and id are the same, whatever file or envelope it came
//! in. Invariant: of all claims to one identity exactly one succeeds, on any number of threads.

use crate::table::Table;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The identity of a record within its table and day, as long as the program runs.
pub type Identity = u128;

/// The identity of a record, from its account and id. The hash has a secret of its own in each run: nobody can write
/// records into a log that are taken for one another.
pub fn identity(account: Option<&str>, id: &str) -> Identity {
    static SECRET: LazyLock<(u64, u64)> = LazyLock::new(|| {
        let random = RandomState::new();
        (random.hash_one(0), random.hash_one(1))
    });
    let mut hasher = SipHasher13::new_with_keys(SECRET.0, SECRET.1);
    hasher.write(account.unwrap_or_default().as_bytes());
    hasher.write_u8(0);
    hasher.write(id.as_bytes());
    hasher.finish128().as_u128()
}

/// Identities are hashes already: their first bytes serve the table as they are.
#[derive(Debug, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.chunks(16).for_each(|chunk| {
            let mut word = [0; 16];
            word.iter_mut().zip(chunk).for_each(|(slot, byte)| *slot = *byte);
            self.write_u128(u128::from_le_bytes(word));
        });
    }
    fn write_u128(&mut self, identity: u128) {
        self.0 ^= identity as u64;
    }
}

type Day = i32;
/// Identities of one table and day.
pub type Set = HashSet<Identity, BuildHasherDefault<AsIs>>;

/// Reads the identities that the store has of one table and day.
pub type Existing<'s> = dyn Fn(Table, Day) -> Result<Vec<Identity>, String> + Sync + 's;

/// The identities of one table and day; nothing until the store was asked for its own.
pub type OfDay = Arc<Mutex<Option<Set>>>;

/// The table and day that a thread claimed a record of last.
pub type LastDay = Option<((Table, Day), OfDay)>;

/// All records seen so far, those of the store included.
pub struct Seen<'s> {
    days: Mutex<BTreeMap<(Table, Day), OfDay>>,
    existing: Option<&'s Existing<'s>>,
}

impl std::fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").finish_non_exhaustive()
    }
}

impl<'s> Seen<'s> {
    /// Nothing seen yet but what `existing` tells, which is asked once for each table and day.
    pub fn new(existing: Option<&'s Existing<'s>>) -> Self {
        Seen { days: Mutex::new(BTreeMap::new()), existing }
    }

    fn of_day(&self, table: Table, day: Day) -> OfDay {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(days.entry((table, day)).or_default())
    }

    /// Claims a record; true for the first claim only. `last` is the thread's own: its records mostly are of the same
    /// table and day as the one before.
    pub fn claim(&self, last: &mut LastDay, table: Table, day: Day, identity: Identity) -> Result<bool, String> {
        let set = match last {
            Some((key, set)) if *key == (table, day) => set,
            last => &mut last.insert(((table, day), self.of_day(table, day))).1,
        };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        if set.is_none() {
            let known = match self.existing {
                Some(existing) => existing(table, day)?,
                None => Vec::new(),
            };
            *set = Some(known.into_iter().collect());
        }
        Ok(set.as_mut().is_none_or(|set| set.insert(identity)))
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
    }

    #[test]
    fn one_claim_succeeds() {
        let existing =
            |table: Table, _day: i32| Ok(if table == Table::Calls { vec![identity(Some("1"), "a")] } else { Vec::new() });
        let (seen, mut last) = (Seen::new(Some(&existing)), None);
        assert_eq!(seen.claim(&mut last, Table::Calls, 1, identity(Some("1"), "a")), Ok(false));
        assert_eq!(seen.claim(&mut last, Table::Calls, 1, identity(Some("2"), "a")), Ok(true));
        assert_eq!(seen.claim(&mut last, Table::Calls, 1, identity(Some("2"), "a")), Ok(false));
        assert_eq!(seen.claim(&mut last, Table::TaskEvents, 1, identity(Some("1"), "a")), Ok(true));
    }
}
