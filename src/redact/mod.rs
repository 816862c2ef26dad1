//! Stable pseudonyms for names that identify a company or a person: accounts, ARNs, addresses, users, hosts.
//!
//! In: text, or a whole result. Out: the same with `account-3f2a…`, `user-91c0…` in place of names. A name always
//! gets the same pseudonym, so rows can still be distinguished and joined. Without the key, which never leaves the
//! store, a pseudonym can be neither reversed nor guessed from a list of names. Names that occur in columns of the
//! store are also replaced in free text.

mod column;
mod key;
mod pattern;

pub use column::{Kind, statements};
pub use key::{KEY_FILE, Key, read_or_create};

use crate::answer::Answer;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

/// What redaction replaces and what it leaves, for the person who passes a result on.
pub const NOTE: &str = "Accounts, ARNs, addresses, users, role sessions, hosts, access keys, principal ids and SSH keys are \
replaced with pseudonyms. Not replaced: names of clusters, services, task definitions, images, runs and projects outside \
ARNs; ids of tasks, instances and networks; names inside other words, of one letter, or that no column and no format marks \
as a name; times, Regions and the words of messages. Read the result before you pass it on.";

/// The number of hexadecimal digits in a pseudonym: 48 bits, so that collisions within a store are unlikely.
const LETTERS: usize = 12;

/// The bytes of a name that are searched; the rest is compared. The search would take quadratic time to prepare.
const LONGEST: usize = 256;

/// Replaces names with pseudonyms.
#[derive(Debug)]
pub struct Redactor {
    key: [u8; 32],
    known: Option<AhoCorasick>,
    names: Vec<(Kind, String)>,
    /// For each text that `known` searches, the index of its name, and the whole text if it is longer.
    spelled: Vec<(usize, Option<String>)>,
}

/// A part of a text to replace.
struct Part {
    range: Range<usize>,
    what: What,
}

/// What to replace it with.
enum What {
    /// The pseudonym of a name of the store, by index.
    Known(usize),
    /// What a format says.
    Format(pattern::What),
}

impl Redactor {
    /// Creates a redactor from a key and the names in the columns of the store.
    pub fn new(key: [u8; 32], names: impl IntoIterator<Item = (Kind, String)>) -> Self {
        let mut names: Vec<(Kind, String)> = names.into_iter().flat_map(|(kind, name)| column::parts(kind, &name)).collect();
        names.sort();
        names.dedup_by(|left, right| left.1 == right.1);
        let (mut texts, mut spelled) = (Vec::new(), Vec::new());
        for (at, (_, name)) in names.iter().enumerate() {
            for text in column::spellings(name) {
                let end = text.floor_char_boundary(LONGEST);
                texts.push(text.get(..end).unwrap_or_default().to_owned());
                spelled.push((at, (end < text.len()).then_some(text)));
            }
        }
        let known = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(texts)
            .ok();
        Redactor { key, known, names, spelled }
    }

    /// The pseudonym of a name.
    pub fn pseudonym(&self, kind: Kind, name: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.word().as_bytes()).update(b"\0").update(name.to_lowercase().as_bytes());
        let hex = hasher.finalize().to_hex();
        format!("{}-{}", kind.word(), hex.get(..LETTERS).unwrap_or_default())
    }

    /// A text with pseudonyms.
    pub fn text(&self, text: &str) -> String {
        let mut parts = self.known_names(text);
        parts.extend(pattern::find(text).into_iter().map(|found| Part { range: found.range, what: What::Format(found.what) }));
        // The longest of those that start first, so that no part of a name is left; a name of the store before an id.
        parts.sort_by_key(|part| (part.range.start, Reverse(part.range.end), matches!(part.what, What::Format(_))));
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for part in parts {
            if part.range.start < end {
                continue;
            }
            out.push_str(text.get(end..part.range.start).unwrap_or_default());
            end = part.range.end;
            let name = text.get(part.range).unwrap_or_default();
            match part.what {
                What::Known(at) => {
                    if let Some((kind, name)) = self.names.get(at) {
                        out.push_str(&self.pseudonym(*kind, name));
                    }
                }
                What::Format(what) => self.push_formatted(&what, name, &mut out),
            }
        }
        out.push_str(text.get(end..).unwrap_or_default());
        out
    }

    fn push_formatted(&self, what: &pattern::What, name: &str, out: &mut String) {
        match what {
            pattern::What::Name(Kind::Account) => {
                // `1111-2222-3333` is the same account.
                let digits: String = name.chars().filter(char::is_ascii_digit).collect();
                out.push_str(&self.pseudonym(Kind::Account, &digits));
            }
            pattern::What::Name(kind) => out.push_str(&self.pseudonym(*kind, &decoded(name))),
            pattern::What::Arn(head) => {
                // The partition, service and Region are kept, because they show what the resource is.
                let account = name.split(':').nth(4).filter(|account| !account.is_empty());
                let account = account.map(|account| self.pseudonym(Kind::Account, account)).unwrap_or_default();
                let head = name.get(..*head).unwrap_or_default();
                out.push_str(&format!("{head}:{account}:{}", self.pseudonym(Kind::Arn, name)));
            }
            pattern::What::Id => out.push_str(name),
            pattern::What::Public => out.push_str(&self.accounts(name)),
        }
    }

    /// A text in which the names from the columns of the store are replaced with their pseudonyms.
    pub fn reveal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, name) in self.names.iter().filter(|(kind, _)| text_has(kind.word(), &text)).collect::<Vec<_>>() {
            text = text.replace(&self.pseudonym(*kind, name), name);
        }
        text
    }

    /// Replaces the accounts in a name that is otherwise kept, such as the host of a registry.
    fn accounts(&self, name: &str) -> String {
        pattern::account(name, |account| self.pseudonym(Kind::Account, account))
    }

    /// The names of the store in a text.
    fn known_names(&self, text: &str) -> Vec<Part> {
        let Some(known) = &self.known else { return Vec::new() };
        let part = |found: aho_corasick::Match| {
            let (at, whole) = self.spelled.get(found.pattern().as_usize())?;
            let at = *at;
            let end = whole.as_ref().map_or(found.end(), |whole| found.start() + whole.len());
            let range = found.start()..end;
            let written = text.get(range.clone())?;
            if whole.as_ref().is_some_and(|whole| !whole.eq_ignore_ascii_case(written)) {
                return None;
            }
            // An account number is replaced everywhere; a user `ann` is not replaced inside `annual`.
            let is_account = self.names.get(at).is_some_and(|(kind, _)| *kind == Kind::Account);
            let is_name = is_account || column::is_whole_word(text, range.clone());
            is_name.then_some(Part { range, what: What::Known(at) })
        };
        known.find_iter(text).filter_map(part).collect()
    }

    /// A result with pseudonyms in all texts.
    pub fn answer(&self, answer: &Answer) -> Result<Answer, ArrowError> {
        let batches: Vec<RecordBatch> = answer.batches.iter().map(|batch| self.batch(batch)).collect::<Result<_, _>>()?;
        let fields = answer.schema.fields().iter().map(|field| plain(field));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batches =
            batches.into_iter().map(|batch| batch.with_schema(Arc::clone(&schema))).collect::<Result<_, ArrowError>>()?;
        Ok(Answer { query: self.text(&answer.query), schema, batches, ..answer.clone() })
    }

    fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(|column| self.column(column)).collect::<Result<_, _>>()?;
        let fields = batch.schema().fields().iter().map(|field| plain(field)).collect::<Vec<_>>();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    fn column(&self, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let kind = plain_type(column.data_type());
        match &kind {
            DataType::Utf8 => {
                let texts = cast(column, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                Ok(Arc::new(texts.iter().map(|text| text.map(|text| self.text(text))).collect::<StringArray>()))
            }
            DataType::List(field) if field.data_type() == &DataType::Utf8 => {
                let lists = cast(column, &kind)?;
                let lists = lists.as_list::<i32>();
                let values = self.column(lists.values())?;
                let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
                Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, nulls)?))
            }
            _ => Ok(Arc::clone(column)),
        }
    }
}

/// A name without percent-encoding, so that each spelling has the same pseudonym.
fn decoded(name: &str) -> String {
    let encoded = name.contains('%').then(|| name.replace("%40", "@").replace("%2B", "+").replace("%2b", "+"));
    encoded.unwrap_or_else(|| name.to_owned())
}

fn text_has(word: &str, text: &str) -> bool {
    text.contains(&format!("{word}-"))
}

/// A field with plain strings.
fn plain(field: &Field) -> Field {
    Field::new(field.name(), plain_type(field.data_type()), true).with_metadata(field.metadata().clone())
}

fn plain_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, value) if plain_type(value) == DataType::Utf8 => DataType::Utf8,
        DataType::List(field) | DataType::LargeList(field) | DataType::ListView(field)
            if plain_type(field.data_type()) == DataType::Utf8 =>
        {
            DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
