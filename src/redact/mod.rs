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
pub use key::read_or_create;

use crate::answer::Answer;
use aho_corasick::{AhoCorasick, MatchKind};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// The number of hexadecimal digits in a pseudonym: 48 bits, so that collisions within a store are unlikely.
const LETTERS: usize = 12;

/// Replaces names with pseudonyms.
#[derive(Debug)]
pub struct Redactor {
    key: [u8; 32],
    known: Option<AhoCorasick>,
    names: Vec<(Kind, String)>,
}

impl Redactor {
    /// Creates a redactor from a key and the names in the columns of the store.
    pub fn new(key: [u8; 32], names: impl IntoIterator<Item = (Kind, String)>) -> Self {
        let mut names: Vec<(Kind, String)> = names.into_iter().flat_map(|(kind, name)| column::parts(kind, &name)).collect();
        names.sort();
        names.dedup_by(|left, right| left.1 == right.1);
        let texts = names.iter().map(|(_, name)| name.as_str());
        let known = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts).ok();
        Redactor { key, known, names }
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
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for found in pattern::find(text) {
            out.push_str(&self.known_names(text.get(end..found.range.start).unwrap_or_default(), text, end));
            let name = text.get(found.range.clone()).unwrap_or_default();
            match found.what {
                pattern::What::Name(kind) => out.push_str(&self.pseudonym(kind, name)),
                pattern::What::Arn(head) => {
                    // The partition, service and Region are kept, because they show what the resource is.
                    let account = name.split(':').nth(4).filter(|account| !account.is_empty());
                    let account = account.map(|account| self.pseudonym(Kind::Account, account)).unwrap_or_default();
                    let head = name.get(..head).unwrap_or_default();
                    out.push_str(&format!("{head}:{account}:{}", self.pseudonym(Kind::Arn, name)));
                }
                pattern::What::Id => out.push_str(name),
                pattern::What::Public => out.push_str(&self.accounts(name)),
            }
            end = found.range.end;
        }
        out.push_str(&self.known_names(text.get(end..).unwrap_or_default(), text, end));
        out
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

    /// Replaces known names in a part of a text that starts at `start`.
    fn known_names(&self, part: &str, whole: &str, start: usize) -> String {
        let Some(known) = &self.known else { return part.to_owned() };
        let mut out = String::with_capacity(part.len());
        let mut end = 0;
        for found in known.find_iter(part) {
            let kind = self.names.get(found.pattern().as_usize()).map_or(Kind::User, |(kind, _)| *kind);
            // An account number is replaced everywhere; a user `ann` is not replaced inside `annual`.
            let is_name = kind == Kind::Account || column::stands_alone(whole, start + found.start()..start + found.end());
            if !is_name {
                continue;
            }
            out.push_str(part.get(end..found.start()).unwrap_or_default());
            out.push_str(&self.pseudonym(kind, part.get(found.range()).unwrap_or_default()));
            end = found.end();
        }
        out.push_str(part.get(end..).unwrap_or_default());
        out
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
