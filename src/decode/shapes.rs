//! The keys that objects have had, in their order: what comes next is guessed, compared and known.
//!
//! Records of one kind have the same keys in nearly the same order. A key that was met in this place before is
//! recognized by one comparison, and what it means (it may name a secret, it repeats another key) was found out then.
//! Nothing depends on a guess but the time it saves: what is not here is read as if nothing had been learnt.

use super::keys::Key;

/// Keys that are kept; beyond them all are forgotten, and learning begins anew.
const MOST: usize = 16 << 10;
/// Keys that are tried in one place.
const CHOICES: usize = 12;
/// Bytes of a key with its quotes and colon, beyond which it is not kept.
const LONGEST: usize = 256;

/// A place in the order of keys: what follows it is guessed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The first key of the object below a key.
    Below(u32),
    /// The key that follows one.
    Behind(u32),
    /// Nothing is known from here on.
    Unknown,
}

/// A key in its place, with its quotes and colon: as much as the processor fetches at once.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Known {
    /// Its first bytes, and its last bytes if there are more.
    head: u128,
    tail: u128,
    /// All of them.
    whole: Box<[u8]>,
    meaning: Meaning,
    /// First key of the object that is its value, key behind it, other key in its place; 0 is none.
    below: u32,
    behind: u32,
    instead: u32,
}

/// What is known of a key in its place.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meaning {
    /// Whether a secret may stand under it.
    pub(super) sensitive: bool,
    /// Whether the object had it before.
    pub(super) repeated: bool,
    /// Which one it is.
    pub(super) key: Key,
}

/// Bytes compared at once.
const WORD: usize = size_of::<u128>();

const _: () = assert!(size_of::<Known>() == 64);

impl Known {
    fn new(quoted: &[u8], meaning: Meaning) -> Self {
        let mut head = [0; WORD];
        head.iter_mut().zip(quoted).for_each(|(to, from)| *to = *from);
        let tail = quoted.last_chunk().map_or(0, |tail| u128::from_le_bytes(*tail));
        Known { head: u128::from_le_bytes(head), tail, whole: quoted.into(), meaning, ..Known::default() }
    }

    #[inline]
    fn begins(&self, bytes: &[u8], head: u128) -> bool {
        let length = self.whole.len();
        // What stands behind a short key is shifted out.
        let beyond = 8 * WORD.saturating_sub(length) as u32;
        (head ^ self.head).unbounded_shl(beyond) == 0
            && (length <= WORD || bytes.get(..length).is_some_and(|bytes| self.is_rest(bytes)))
    }

    /// Whether bytes of its length are it, when their head is its head.
    #[inline]
    fn is_rest(&self, bytes: &[u8]) -> bool {
        let tail = bytes.last_chunk().map(|tail| u128::from_le_bytes(*tail));
        tail == Some(self.tail) && (bytes.len() <= 2 * WORD || *bytes == *self.whole)
    }
}

/// All keys that were learnt; the first entry stands for the outermost value.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Known>);

impl Default for Shapes {
    fn default() -> Self {
        Shapes(vec![Known::default()])
    }
}

impl Shapes {
    /// Where the outermost value stands.
    pub(super) const TOP: u32 = 0;

    /// Forgets all when there is too much.
    pub(super) fn make_room(&mut self) {
        if self.0.len() >= MOST {
            self.0.truncate(1);
            self.0.iter_mut().for_each(|top| *top = Known::default());
        }
    }

    fn first(&self, place: Place) -> u32 {
        match place {
            Place::Below(key) => self.0.get(key as usize).map_or(0, |key| key.below),
            Place::Behind(key) => self.0.get(key as usize).map_or(0, |key| key.behind),
            Place::Unknown => 0,
        }
    }

    /// The key in this place that `bytes` begin with: its number, its length with quotes and colon, what it means.
    #[inline]
    pub(super) fn find(&self, place: Place, bytes: &[u8]) -> Option<(u32, usize, Meaning)> {
        let head = u128::from_le_bytes(*bytes.first_chunk()?);
        let mut at = self.first(place);
        while at != 0 {
            let key = self.0.get(at as usize)?;
            if key.begins(bytes, head) {
                return Some((at, key.whole.len(), key.meaning));
            }
            at = key.instead;
        }
        None
    }

    /// Keeps a key that was not known in its place, and gives its number.
    #[cold]
    pub(super) fn learn(&mut self, place: Place, quoted: &[u8], meaning: Meaning) -> Option<u32> {
        let fresh = u32::try_from(self.0.len()).ok().filter(|_| self.0.len() < MOST && quoted.len() <= LONGEST)?;
        let mut last = None;
        let mut next = self.first(place);
        for _ in 0..CHOICES {
            let Some(key) = self.0.get(next as usize).filter(|_| next != 0) else { break };
            // Close to the end of a text keys are not found.
            if *key.whole == *quoted {
                return Some(next);
            }
            (last, next) = (Some(next), key.instead);
        }
        if next != 0 {
            return None;
        }
        let slot = match (last, place) {
            (Some(last), _) => &mut self.0.get_mut(last as usize)?.instead,
            (None, Place::Below(key)) => &mut self.0.get_mut(key as usize)?.below,
            (None, Place::Behind(key)) => &mut self.0.get_mut(key as usize)?.behind,
            (None, Place::Unknown) => return None,
        };
        *slot = fresh;
        self.0.push(Known::new(quoted, meaning));
        Some(fresh)
    }
}
