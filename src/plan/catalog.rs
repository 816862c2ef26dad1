//! The catalog for the checker, based on the table of nouns.
//!
//! Column values come from a function of the caller, because only the caller can run queries; each column is
//! requested at most once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::lang::catalog::{Assumed, Catalog, FieldInfo, MeasureInfo, NounStatus};
use crate::nouns::{self, NOUNS};

/// Values of a column with their number of rows, most frequent first.
type Counts = Vec<(String, u64)>;

/// Returns the values of a column, given the noun and the field.
type Values = dyn Fn(&str, &str) -> Counts + Send + Sync;

/// The nouns, with column values from one store.
pub struct PlanCatalog {
    measures: BTreeMap<&'static str, Vec<MeasureInfo>>,
    values: Box<Values>,
    seen: Mutex<BTreeMap<(String, String), Counts>>,
    saved: BTreeMap<String, String>,
}

impl fmt::Debug for PlanCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanCatalog").finish_non_exhaustive()
    }
}

impl PlanCatalog {
    /// A catalog that gets column values from a function, which may return none.
    pub fn new(values: impl Fn(&str, &str) -> Counts + Send + Sync + 'static) -> Self {
        let measures = NOUNS.iter().map(|noun| (noun.word, noun.measures.iter().map(|measure| measure.info).collect())).collect();
        Self { measures, values: Box::new(values), seen: Mutex::default(), saved: BTreeMap::new() }
    }

    /// Adds the texts of saved queries by name.
    #[must_use]
    pub fn with_saved(mut self, saved: BTreeMap<String, String>) -> Self {
        self.saved = saved;
        self
    }
}

impl Default for PlanCatalog {
    /// A catalog without column values, sufficient to list fields and to check queries.
    fn default() -> Self {
        Self::new(|_, _| Vec::new())
    }
}

impl Catalog for PlanCatalog {
    fn status(&self, noun: &str) -> NounStatus {
        match nouns::noun(noun) {
            Some(_) => NounStatus::Ready,
            None => NounStatus::Later(nouns::later()),
        }
    }

    fn fields(&self, noun: &str) -> &[FieldInfo] {
        nouns::noun(noun).map_or(&[], |noun| &noun.fields)
    }

    fn measures(&self, noun: &str) -> &[MeasureInfo] {
        self.measures.get(noun).map_or(&[], Vec::as_slice)
    }

    fn values(&self, noun: &str, field: &str) -> Vec<(String, u64)> {
        let key = (noun.to_owned(), field.to_owned());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(key).or_insert_with(|| (self.values)(noun, field)).clone()
    }

    fn default_measure(&self, noun: &str) -> &'static str {
        nouns::noun(noun).map_or("count", |noun| noun.default_measure)
    }

    fn assumed(&self, noun: &str) -> Option<Assumed> {
        nouns::noun(noun).and_then(|noun| noun.assumed)
    }

    fn saved(&self, name: &str) -> Option<String> {
        self.saved.get(name).cloned()
    }

    fn saved_names(&self) -> Vec<String> {
        self.saved.keys().cloned().collect()
    }

    fn shown(&self, noun: &str) -> &[&'static str] {
        nouns::noun(noun).map_or(&[], |noun| noun.shown)
    }
}
