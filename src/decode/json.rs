//! One JSON value as a flat tape of nodes that borrow from the input.
//!
//! In: text. Out: a [`Tape`], read through [`Value`]. Depth limit and grammar are those of serde_json; plain records
//! are parsed by [`super::parse`], which yields the same result. Invariant: if an object repeats a key, the last
//! value is used, and [`Tape::repeated_keys`] counts it.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::error::Category;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::budget::Limits;
use super::key_predictor::Meaning;
use super::keys::Key;
use super::secret::{self, NameClass};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// One node. Containers store their end, so that they can be skipped. Nodes are small because a record has about a
/// hundred; strings are sliced from the input on access.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A string in the input.
    Text(Part),
    /// An object key.
    Key(Part, Key),
    /// A separately stored string, by index.
    Own(u32),
    Array {
        end: u32,
    },
    Object {
        end: u32,
    },
}

/// A range of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    start: u32,
    length: u32,
}

const _: () = assert!(size_of::<Node>() == 16);

impl Part {
    /// The range from `start` to `end`, both below 4 GiB.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Part { start: start as u32, length: (end - start) as u32 }
    }

    fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

/// A parsed JSON value.
#[derive(Debug, Default)]
pub struct Tape<'a> {
    /// The input, if nodes refer to it.
    input: &'a str,
    nodes: Vec<Node>,
    /// Strings that contain escapes, were parsed by serde_json, or were replaced.
    own: Vec<Own>,
    repeated_keys: u32,
    sensitive: bool,
    /// Candidates for masking, in tape order.
    marks: Vec<Mark>,
    line_breaks: bool,
}

/// A separately stored string.
#[derive(Debug, Clone)]
struct Own {
    text: String,
    /// Its range in the input, if known.
    written: Option<Range<usize>>,
}

/// Shorter strings with escapes are not searched for a secret with its name.
const SHORTEST_SECRET: usize = 6;

/// A possible location of a secret.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    /// Below the key at `at`, in the object at `object`.
    Key { at: u32, object: u32, class: NameClass },
    /// In the escaped string at this position.
    Text(usize),
}

/// Why a text is not a value that can be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is not valid JSON.
    #[error("{0}")]
    Invalid(serde_json::Error),
    /// It is valid as far as it was read, but larger than any record.
    #[error("the record is larger than the limit of {} bytes for one record", Tape::LONGEST)]
    TooLarge,
    /// It has more values and keys than any record.
    #[error("the record has more than {} values and keys, the limit for one record", Tape::MOST_NODES)]
    TooManyNodes,
}

impl JsonError {
    /// `is_cut` says whether only the beginning of the text was read.
    fn of(error: serde_json::Error, is_cut: bool) -> Self {
        match error.classify() {
            // The visitor accepts every value until there are too many nodes.
            Category::Data => JsonError::TooManyNodes,
            Category::Eof if is_cut => JsonError::TooLarge,
            _ => JsonError::Invalid(error),
        }
    }

    /// Whether the text ends before the value does.
    pub fn is_eof(&self) -> bool {
        matches!(self, JsonError::Invalid(error) if error.is_eof())
    }

    /// How many bytes of the text were read before the error.
    pub(super) fn bytes_read(&self, text: &[u8]) -> usize {
        match self {
            JsonError::Invalid(error) => place_of(error, text),
            _ => text.len().min(Tape::LONGEST),
        }
    }
}

/// The offset of an error in a text.
pub(super) fn place_of(error: &serde_json::Error, text: &[u8]) -> usize {
    let before = error.line().checked_sub(2).and_then(|breaks| memchr::memchr_iter(b'\n', text).nth(breaks));
    (before.map_or(0, |at| at + 1) + error.column()).min(text.len())
}

/// A possible location of a secret, to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Marked<'t> {
    /// The value of a key of this class, and the object that holds them.
    Key { class: NameClass, value: Value<'t>, object: Option<Value<'t>> },
    /// A string with escapes.
    Text(Value<'t>),
}

impl<'a> Tape<'a> {
    /// Maximum size of a value in bytes.
    pub(super) const LONGEST: usize = Limits::STANDARD.record_bytes;
    /// Bytes to parse: a few more than the limit show whether a value ends there.
    pub(super) const WINDOW: usize = Self::LONGEST + 8;
    /// Maximum number of nodes of a value.
    const MOST_NODES: usize = Limits::STANDARD.nodes;

    /// Parses exactly one JSON text.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        match super::parse::read_front(text) {
            Some((tape, end)) if text.get(end..).is_some_and(|rest| rest.trim_ascii().is_empty()) => Ok(tape),
            _ if text.len() > Self::LONGEST => Err(JsonError::TooLarge),
            _ => match serde_json::from_str(text) {
                Ok(tape) => Ok(Tape { line_breaks: has_line_break(text.trim_ascii()), ..tape }),
                Err(error) => Err(JsonError::of(error, false)),
            },
        }
    }

    /// Parses the JSON value at the start of a text, and returns the offset after it; `None` for white space only.
    pub fn parse_front(text: &'a str) -> Option<(Result<Self, JsonError>, usize)> {
        if let Some((tape, end)) = super::parse::read_front(text) {
            return Some((Ok(tape), end));
        }
        Self::parse_front_generally(text)
    }

    /// The same for any value, with serde_json only.
    pub(super) fn parse_front_generally(text: &'a str) -> Option<(Result<Self, JsonError>, usize)> {
        Self::parse_bytes(text.get(..text.floor_char_boundary(Self::WINDOW)).unwrap_or(text).as_bytes(), text.len())
    }

    /// The same for bytes that may not be UTF-8, of which `rest` follow from their start on.
    pub(super) fn parse_bytes(front: &'a [u8], rest: usize) -> Option<(Result<Self, JsonError>, usize)> {
        let mut stream = serde_json::Deserializer::from_slice(front).into_iter::<Tape<'a>>();
        let result = stream.next()?;
        let end = stream.byte_offset();
        Some(match result {
            Ok(_) if end > Self::LONGEST => (Err(JsonError::TooLarge), end),
            Ok(tape) => {
                let text = front.get(..end).unwrap_or_default().trim_ascii_start();
                (Ok(Tape { line_breaks: memchr::memchr(b'\n', text).is_some(), ..tape }), end)
            }
            Err(error) => (Err(JsonError::of(error, front.len() < rest)), end),
        })
    }

    /// An empty tape.
    pub(super) fn of(input: &'a str) -> Self {
        Tape { input, nodes: Vec::with_capacity(192), ..Tape::default() }
    }

    /// The root value.
    pub fn root(&self) -> Value<'_> {
        Value { tape: self, at: 0 }
    }

    /// The number of repeated object keys (the last value is used).
    pub fn repeated_keys(&self) -> u32 {
        self.repeated_keys
    }

    /// Whether a key or string may hold a secret, so that the record must be masked.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Whether it spans several lines.
    pub fn has_line_breaks(&self) -> bool {
        self.line_breaks
    }

    pub(super) fn set_line_breaks(&mut self, line_breaks: bool) {
        self.line_breaks = line_breaks;
    }

    /// Replaces strings and numbers by their positions, and returns the resulting JSON of the root value. `text` is the
    /// input of the tape.
    pub(super) fn replace(&mut self, text: &str, edits: Vec<(usize, String)>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut spliced = true;
        for (at, fresh) in edits {
            match self.written(at).filter(|place| spliced && place.start >= copied) {
                Some(place) => {
                    out.push_str(text.get(copied..place.start).unwrap_or_default());
                    push_content(&fresh, &mut out);
                    copied = place.end;
                }
                None => spliced = false,
            }
            let own = self.keep(Own { text: fresh, written: None });
            if let Some(node) = self.nodes.get_mut(at) {
                *node = own;
            }
        }
        if spliced {
            out.push_str(text.get(copied..).unwrap_or_default());
        } else {
            out.clear();
            self.root().write(&mut out);
        }
        out
    }

    /// Visits what may hold a secret, in order.
    pub(super) fn marked(&self, on: &mut dyn FnMut(Marked<'_>)) {
        let mut visited = 0;
        for mark in &self.marks {
            match *mark {
                Mark::Key { at, object, class } if at as usize >= visited => {
                    let value = Value { tape: self, at: at as usize + 1 };
                    on(Marked::Key { class, value, object: Some(Value { tape: self, at: object as usize }) });
                    visited = after(&self.nodes, at as usize + 1);
                }
                Mark::Text(at) if at >= visited => on(Marked::Text(Value { tape: self, at })),
                _ => {}
            }
        }
    }

    /// The number of nodes.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// `None` if there are too many nodes.
    #[inline]
    pub(super) fn check_size(&self) -> Option<()> {
        (self.nodes.len() <= Self::MOST_NODES).then_some(())
    }

    #[inline]
    pub(super) fn push(&mut self, node: Node) {
        self.nodes.push(node);
    }

    /// Pushes a string with escapes, which may be JSON within JSON. `written` is its range in the input, if known.
    pub(super) fn push_escaped(&mut self, text: String, written: Option<Range<usize>>) {
        // A key and a value do not fit in fewer bytes.
        if text.len() >= SHORTEST_SECRET {
            self.sensitive |= secret::text_may_hold_secret(&text);
            self.marks.push(Mark::Text(self.nodes.len()));
        }
        let own = self.keep(Own { text, written });
        self.nodes.push(own);
    }

    fn keep(&mut self, own: Own) -> Node {
        self.own.push(own);
        Node::Own(u32::try_from(self.own.len() - 1).unwrap_or(u32::MAX))
    }

    /// Pushes a number if it is valid.
    pub(super) fn push_number(&mut self, number: &'a str) -> Option<()> {
        let mut deserializer = serde_json::Deserializer::from_str(number);
        Push(self).deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()
    }

    /// The string at a position.
    #[inline]
    fn text(&self, at: usize) -> Option<&str> {
        match self.nodes.get(at)? {
            Node::Text(part) | Node::Key(part, _) => self.input.get(part.range()),
            Node::Own(own) => self.own.get(*own as usize).map(|own| own.text.as_str()),
            _ => None,
        }
    }

    /// The range of a string in the input, without its quotes.
    fn written(&self, at: usize) -> Option<Range<usize>> {
        match self.nodes.get(at)? {
            Node::Text(part) => Some(part.range()),
            Node::Own(own) => self.own.get(*own as usize)?.written.clone(),
            _ => None,
        }
    }

    /// Opens a container and returns its position.
    #[inline]
    pub(super) fn open(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Closes the container at `at`.
    #[inline]
    pub(super) fn close(&mut self, at: usize) {
        let end = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        if let Some(Node::Array { end: slot } | Node::Object { end: slot }) = self.nodes.get_mut(at) {
            *slot = end;
        }
    }

    /// Pushes a key whose properties are known.
    #[inline(always)]
    pub(super) fn push_key(&mut self, object_at: usize, key: Part, meaning: Meaning) {
        if (meaning.class != NameClass::Plain) | meaning.repeated {
            self.note_meaning(object_at, meaning);
        }
        self.nodes.push(Node::Key(key, meaning.key));
    }

    /// Records the properties of the next key.
    #[inline(never)]
    fn note_meaning(&mut self, object_at: usize, meaning: Meaning) {
        self.repeated_keys += u32::from(meaning.repeated);
        self.mark_key(self.nodes.len(), object_at, meaning.class);
    }

    /// Marks a key below which a secret may be.
    fn mark_key(&mut self, key_at: usize, object_at: usize, class: NameClass) {
        if class != NameClass::Plain
            && let (Ok(at), Ok(object)) = (u32::try_from(key_at), u32::try_from(object_at))
        {
            self.sensitive = true;
            self.marks.push(Mark::Key { at, object, class });
        }
    }

    /// The keys before `end` of the open object at `object_at`.
    fn keys(&self, object_at: usize, end: usize) -> impl Iterator<Item = &str> {
        let mut at = object_at + 1;
        std::iter::from_fn(move || {
            let key = self.text(at).filter(|_| at < end)?;
            at = after(&self.nodes, at + 1);
            Some(key)
        })
    }

    /// Checks the last key of the open object at `object_at`: whether a secret may be below it, and whether the
    /// object already has it.
    pub(super) fn note_key(&mut self, object_at: usize, seen: &mut Option<SeenKeys>) -> Meaning {
        let key_at = self.nodes.len() - 1;
        let Some(key) = self.text(key_at) else { return Meaning::default() };
        let (class, named) = (secret::classify(key), Key::of(key));
        let seen = seen.get_or_insert_with(|| SeenKeys::of(self, object_at, key_at));
        let repeated = seen.is_repeated(self, object_at, key_at);
        self.repeated_keys += u32::from(repeated);
        // A key may contain escapes, but is not masked.
        if self.marks.last() == Some(&Mark::Text(key_at)) {
            self.marks.pop();
        }
        self.mark_key(key_at, object_at, class);
        if let Some(node) = self.nodes.get_mut(key_at)
            && let Node::Text(part) = *node
        {
            *node = Node::Key(part, named);
        }
        Meaning { class, repeated, key: named }
    }
}

/// Tapes with equal content, whichever parser built them.
#[cfg(test)]
impl PartialEq for Tape<'_> {
    fn eq(&self, other: &Self) -> bool {
        let alike = |at: usize| match (self.text(at), other.text(at)) {
            (None, None) => self.nodes.get(at) == other.nodes.get(at),
            (text, other) => text == other,
        };
        let named = |tape: &Self, at: usize| match tape.nodes.get(at) {
            Some(Node::Key(_, key)) => tape.text(at).map(Key::of) == Some(*key),
            _ => true,
        };
        self.nodes.len() == other.nodes.len()
            && (0..self.nodes.len()).all(|at| alike(at) && named(self, at) && named(other, at))
            && (self.repeated_keys, self.sensitive, self.line_breaks) == (other.repeated_keys, other.sensitive, other.line_breaks)
            && self.marks == other.marks
    }
}

impl<'de> Deserialize<'de> for Tape<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tape = Tape::of("");
        Push(&mut tape).deserialize(deserializer)?;
        Ok(tape)
    }
}

struct Push<'t, 'a>(&'t mut Tape<'a>);

impl<'de> DeserializeSeed<'de> for Push<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Push<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.nodes.push(Node::Null);
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.nodes.push(Node::Bool(value));
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.nodes.push(Node::Int(value));
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.nodes.push(i64::try_from(value).map_or(Node::Uint(value), Node::Int));
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.nodes.push(Node::Float(value));
        Ok(())
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        // serde_json does not report positions.
        let own = self.0.keep(Own { text: value.to_owned(), written: None });
        self.0.nodes.push(own);
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.push_escaped(value.to_owned(), None);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let at = self.0.open(Node::Array { end: 0 });
        while items.next_element_seed(Push(self.0))?.is_some() {
            self.0.check_size().ok_or_else(|| A::Error::custom("too many nodes"))?;
        }
        self.0.close(at);
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let at = self.0.open(Node::Object { end: 0 });
        let mut seen = None;
        loop {
            if entries.next_key_seed(Push(self.0))?.is_none() {
                break;
            }
            self.0.note_key(at, &mut seen);
            entries.next_value_seed(Push(self.0))?;
            self.0.check_size().ok_or_else(|| A::Error::custom("too many nodes"))?;
        }
        self.0.close(at);
        Ok(())
    }
}

/// Objects with more keys than this have an index of their keys.
const FEW_KEYS: u32 = 128;

/// The keys of an open object: a small Bloom filter in front of the exact check for repeated keys, and for large
/// objects an index, because a comparison with all earlier keys takes quadratic time.
#[derive(Default)]
pub(super) struct SeenKeys {
    filter: [u64; 16],
    keys: u32,
    /// The positions of the distinct keys on the tape, if there are many.
    index: HashTable<usize>,
    hasher: foldhash::fast::RandomState,
}

impl SeenKeys {
    /// The keys of the object at `object_at` before the key at `key_at`.
    fn of(tape: &Tape<'_>, object_at: usize, key_at: usize) -> Self {
        let mut seen = SeenKeys::default();
        tape.keys(object_at, key_at).for_each(|key| {
            seen.maybe(key);
        });
        seen
    }

    /// Whether the object has the key at `key_at` before that position, too.
    fn is_repeated(&mut self, tape: &Tape<'_>, object_at: usize, key_at: usize) -> bool {
        let key = tape.text(key_at).unwrap_or_default();
        let maybe = self.maybe(key);
        if self.keys <= FEW_KEYS {
            return maybe && tape.keys(object_at, key_at).any(|other| other == key);
        }
        if self.index.is_empty() {
            let mut at = object_at + 1;
            while at < key_at {
                self.add(tape, at);
                at = after(&tape.nodes, at + 1);
            }
        }
        !self.add(tape, key_at)
    }

    /// Adds the key at `at` to the index; returns whether it is new.
    fn add(&mut self, tape: &Tape<'_>, at: usize) -> bool {
        let text = |at: usize| tape.text(at).unwrap_or_default();
        let key = text(at);
        let hasher = &self.hasher;
        match self.index.entry(hasher.hash_one(key), |other| text(*other) == key, |other| hasher.hash_one(text(*other))) {
            Entry::Occupied(_) => false,
            Entry::Vacant(slot) => {
                slot.insert(at);
                true
            }
        }
    }

    fn maybe(&mut self, key: &str) -> bool {
        self.keys += 1;
        let bytes = key.as_bytes();
        let edge = |edge: Option<&[u8; 4]>| edge.map_or(0, |edge| u32::from_le_bytes(*edge));
        let ends = u64::from(edge(bytes.first_chunk())) << 32 | u64::from(edge(bytes.last_chunk()));
        let one = bytes.first().map_or(0, |byte| u64::from(*byte));
        let hash = (ends ^ one ^ (bytes.len() as u64) << 24).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The upper ten bits choose one of 1024.
        let slot = (hash >> 54) as usize;
        let bit = 1u64 << (slot & 63);
        let Some(word) = self.filter.get_mut(slot >> 6) else { return true };
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}

/// The position after the value at `at`.
fn after(nodes: &[Node], at: usize) -> usize {
    match nodes.get(at) {
        Some(Node::Array { end } | Node::Object { end }) => (*end as usize).max(at + 1),
        _ => at + 1,
    }
}

/// A value on a tape. Accessing a missing value returns `None` and never panics.
#[derive(Debug, Clone, Copy)]
pub struct Value<'t> {
    tape: &'t Tape<'t>,
    at: usize,
}

impl<'t> Value<'t> {
    fn node(self) -> Option<Node> {
        self.tape.nodes.get(self.at).copied()
    }

    /// The value under a key of an object; the last one if the key is repeated.
    pub fn get(self, key: &str) -> Option<Value<'t>> {
        let mut found = self.entries().filter(|(name, _)| *name == key).map(|(_, value)| value);
        if self.tape.repeated_keys == 0 { found.next() } else { found.last() }
    }

    /// The value at a path of keys.
    pub fn path(self, keys: &[&str]) -> Option<Value<'t>> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The string under a key.
    pub fn text_at(self, key: &str) -> Option<&'t str> {
        self.get(key).and_then(Value::text)
    }

    /// The value of a string.
    pub fn text(self) -> Option<&'t str> {
        self.tape.text(self.at)
    }

    /// Strings, and numbers and booleans as text: some exports write ids as numbers.
    pub fn scalar(self) -> Option<Cow<'t, str>> {
        match self.node()? {
            Node::Text(_) | Node::Own(_) => self.text().map(Cow::Borrowed),
            Node::Bool(value) => Some(Cow::Owned(value.to_string())),
            Node::Int(value) => Some(Cow::Owned(value.to_string())),
            Node::Uint(value) => Some(Cow::Owned(value.to_string())),
            Node::Float(value) => Some(Cow::Owned(value.to_string())),
            _ => None,
        }
    }

    /// Integers, also written as a string (`"256"`) or as a float without a fraction.
    pub fn int(self) -> Option<i64> {
        match self.node()? {
            Node::Int(value) => Some(value),
            Node::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
            _ => self.text()?.parse().ok(),
        }
    }

    /// Numbers, also written as a string.
    pub fn float(self) -> Option<f64> {
        match self.node()? {
            Node::Int(value) => Some(value as f64),
            Node::Uint(value) => Some(value as f64),
            Node::Float(value) => Some(value),
            _ => self.text()?.parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    /// Booleans, also written as the strings `true` and `false`.
    pub fn bool(self) -> Option<bool> {
        match self.node()? {
            Node::Bool(value) => Some(value),
            _ => {
                let text = self.text()?;
                let is = |word| text.eq_ignore_ascii_case(word);
                (is("true") || is("false")).then(|| is("true"))
            }
        }
    }

    /// Whether this is an object.
    pub fn is_object(self) -> bool {
        matches!(self.node(), Some(Node::Object { .. }))
    }

    /// Whether this is an array.
    pub fn is_array(self) -> bool {
        matches!(self.node(), Some(Node::Array { .. }))
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        matches!(self.node(), Some(Node::Null))
    }

    /// The elements of an array; empty for other values.
    pub fn items(self) -> impl Iterator<Item = Value<'t>> + use<'t> {
        let tape = self.tape;
        let (mut at, end) = match self.node() {
            Some(Node::Array { end }) => (self.at + 1, end as usize),
            _ => (0, 0),
        };
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let value = Value { tape, at };
                at = after(&tape.nodes, at);
                value
            })
        })
    }

    /// The entries of an object in order; empty for other values.
    pub fn entries(self) -> impl Iterator<Item = (&'t str, Value<'t>)> + use<'t> {
        let tape = self.tape;
        self.places().filter_map(move |at| Some((tape.text(at)?, Value { tape, at: at + 1 })))
    }

    /// The same, with interned keys.
    pub fn keyed_entries(self) -> impl Iterator<Item = (Key, Value<'t>)> + use<'t> {
        let tape = self.tape;
        self.places().map(move |at| {
            let key = match tape.nodes.get(at) {
                Some(Node::Key(_, key)) => *key,
                _ => tape.text(at).map_or(Key::Other, Key::of),
            };
            (key, Value { tape, at: at + 1 })
        })
    }

    /// The positions of the keys of an object; empty for other values.
    fn places(self) -> impl Iterator<Item = usize> + use<'t> {
        let nodes = &self.tape.nodes;
        let (mut next, end) = match self.node() {
            Some(Node::Object { end }) => (self.at + 1, end as usize),
            _ => (0, 0),
        };
        std::iter::from_fn(move || {
            let at = next;
            next = after(nodes, at + 1);
            (at < end).then_some(at)
        })
    }

    /// Serializes the value as compact JSON in its original order.
    pub fn write(self, out: &mut String) {
        // Keys are strings and numbers are finite, so serialization cannot fail.
        out.push_str(&serde_json::to_string(&self).unwrap_or_default());
    }

    /// Its position on the tape.
    pub(super) fn position(self) -> usize {
        self.at
    }

    /// Whether this is a number.
    pub(super) fn is_number(self) -> bool {
        matches!(self.node(), Some(Node::Int(_) | Node::Uint(_) | Node::Float(_)))
    }
}

fn has_line_break(text: &str) -> bool {
    memchr::memchr(b'\n', text.as_bytes()).is_some()
}

/// Appends a string as it appears between quotes in JSON.
fn push_content(text: &str, out: &mut String) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        let quoted = serde_json::to_string(text).unwrap_or_default();
        let content = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        out.push_str(content.unwrap_or_default());
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.node() {
            None | Some(Node::Null) => serializer.serialize_unit(),
            Some(Node::Bool(value)) => serializer.serialize_bool(value),
            Some(Node::Int(value)) => serializer.serialize_i64(value),
            Some(Node::Uint(value)) => serializer.serialize_u64(value),
            Some(Node::Float(value)) => serializer.serialize_f64(value),
            Some(Node::Text(_) | Node::Key(..) | Node::Own(_)) => serializer.serialize_str(self.text().unwrap_or_default()),
            Some(Node::Array { .. }) => serializer.collect_seq(self.items()),
            Some(Node::Object { .. }) => serializer.collect_map(self.entries()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let tape = Tape::parse(r#"{"a":1,"b":{"a":2},"a":{"x":[1,2]},"ab":3}"#).unwrap();
        assert_eq!(tape.repeated_keys(), 1);
        let a = tape.root().get("a").unwrap();
        assert_eq!(a.get("x").unwrap().items().count(), 2);
        assert_eq!(tape.root().path(&["b", "a"]).and_then(Value::int), Some(2));
        assert_eq!(tape.root().get("ab").and_then(Value::int), Some(3));
    }

    #[test]
    fn numbers_keep_their_value() {
        let tape = Tape::parse(r#"[9007199254740993,18446744073709551615,"12",-1,1.5e-7,3.0]"#).unwrap();
        let items: Vec<_> = tape.root().items().collect();
        assert_eq!(items[0].int(), Some(9_007_199_254_740_993));
        assert_eq!(items[1].scalar().as_deref(), Some("18446744073709551615"));
        assert_eq!(items[2].int(), Some(12));
        assert_eq!(items[3].int(), Some(-1));
        assert_eq!(items[4].float(), Some(1.5e-7));
        assert_eq!(items[5].int(), Some(3));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let text = r#"{"a":[1,-2,null,true,"x\"y\\\u0001é"],"b":{},"c":1.5}"#;
        let tape = Tape::parse(text).unwrap();
        let mut out = String::new();
        tape.root().write(&mut out);
        let (left, right): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(text).unwrap(), serde_json::from_str(&out).unwrap());
        assert_eq!(left, right);
    }

    #[test]
    fn replaced_texts_stand_where_the_old_ones_stood() {
        let text = r#" {"a": "x", "b\n":["é\"{}\"","plain",{"c":"\u00e9"}], "d":"last"}"#;
        let swap = |tape: &Tape<'_>| -> Vec<(usize, String)> {
            let texts = (0..tape.nodes.len()).filter(|at| {
                !matches!(tape.nodes[*at], Node::Key(..)) && !["b\n", "plain"].contains(&tape.text(*at).unwrap_or("plain"))
            });
            let values = texts.filter(|at| {
                tape.root()
                    .places()
                    .chain(tape.root().path(&["b\n"]).unwrap().items().last().unwrap().places())
                    .all(|key| key != *at)
            });
            values.map(|at| (at, format!("<{}\"\n", tape.text(at).unwrap()))).collect()
        };
        let mut tape = Tape::parse(text).unwrap();
        let edits = swap(&tape);
        let fresh = tape.replace(text, edits);
        assert_eq!(fresh, r#" {"a": "<x\"\n", "b\n":["<é\"{}\"\"\n","plain",{"c":"<é\"\n"}], "d":"<last\"\n"}"#);
        assert_eq!(tape.root().path(&["d"]).and_then(Value::text), Some("<last\"\n"));
        // The general parser does not know the positions of escapes, so the string is serialized again.
        let mut tape: Tape<'_> = serde_json::from_str(text).unwrap();
        let edits = swap(&tape);
        assert_eq!(Tape::parse(&tape.replace(text, edits)).unwrap(), Tape::parse(&fresh).unwrap());
    }

    #[test]
    fn size_and_nodes_are_limited() {
        let string = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        assert!(Tape::parse(&string(Tape::LONGEST)).is_ok());
        assert!(matches!(Tape::parse(&string(Tape::LONGEST + 1)), Err(JsonError::TooLarge)));
        for beyond in [1, 100] {
            let text = string(Tape::LONGEST + beyond) + ",1]";
            let front = Tape::parse_front(&text).map(|(result, _)| result.map(|tape| tape.size()));
            assert!(matches!(front, Some(Err(JsonError::TooLarge))), "{front:?}");
        }
        let list = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(Tape::parse(&list(Tape::MOST_NODES - 1)).is_ok());
        assert!(matches!(Tape::parse(&list(Tape::MOST_NODES)), Err(JsonError::TooManyNodes)));
    }

    #[test]
    fn an_object_may_have_many_keys() {
        let keys = |count: usize| (0..count).map(|key| format!("\"key {key}\":{key}")).collect::<Vec<_>>().join(",");
        // Quadratic time would take minutes.
        let text = format!("{{{},\"key 7\":true,\"key 299999\":1}}", keys(300_000));
        for tape in [Tape::parse(&text).unwrap(), serde_json::from_str(&text).unwrap()] {
            assert_eq!(tape.repeated_keys(), 2);
            assert_eq!(tape.root().get("key 7").and_then(Value::bool), Some(true));
        }
        for count in FEW_KEYS as usize - 2..FEW_KEYS as usize + 3 {
            let text = format!("{{{},\"key 0\":1,\"new\":1,\"new\":1}}", keys(count));
            assert_eq!(Tape::parse(&text).unwrap().repeated_keys(), 2, "{count}");
        }
    }

    #[test]
    fn errors_have_a_place() {
        for text in ["{\"a\":1,}", "[1,\n2,\n x]", "{\"a\":\n\n\n"] {
            let error = Tape::parse(text).unwrap_err();
            let place = error.bytes_read(text.as_bytes());
            assert!(place <= text.len() && place + 3 >= text.len(), "{text}: {place}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = "[".repeat(100_000);
        assert!(Tape::parse(&deep).is_err());
    }
}
