//! Classifies messages with the compiled failure catalog.
//!
//! In: a message and its kind. Out: the matching [`Entry`]. The first entry in file order wins, but entries for the
//! given kind take precedence over all others, because messages of one kind can appear in another.

use super::names::GROUPS;
use crate::knowledge::{
    Benign, CATALOG, CLASSES, CONFIDENCES, CatalogText, ExitCode, ExitStatus, JobReason, PHASES, RETRIES, RunReason, StopCode,
};
use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, OnceLock};

mod finding;
mod launch_failures;
mod literals;
mod memo;
mod patterns;
mod printed_error;
mod trial;
mod wrapper;

use memo::Memo;
use patterns::Patterns;

pub use crate::knowledge::{Entry, TextKind};
pub use finding::{Finding, Lookup, PROGRAMS, Read, filled, filled_lines};
pub use trial::{RuleIssue, Trial};

/// Why a text is not a valid catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Invalid TOML, or a missing field or wrong type.
    #[error("the catalog cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// An invalid regular expression.
    #[error("entry `{id}`: {source}")]
    Pattern {
        /// The entry.
        id: String,
        /// The error of the pattern.
        source: regex::Error,
    },
    /// A duplicate id in one text.
    #[error("duplicate id `{0}`; rename one of the entries")]
    Twice(String),
    /// An unknown word.
    #[error("entry `{id}`: {word}")]
    Word {
        /// The entry.
        id: String,
        /// The word.
        word: UnknownWord,
    },
}

/// A word of an entry that is not in its vocabulary.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what} `{found}`; expected one of {}", expected.join(", "))]
pub struct UnknownWord {
    /// The kind of word expected.
    what: &'static str,
    /// The word.
    found: String,
    /// The accepted words.
    expected: &'static [&'static str],
}

/// The end of a dstack job, for termination reasons that do not identify the cause on their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobEnd<'a> {
    /// The termination reason, in lower case.
    pub reason: &'a str,
    /// The termination message.
    pub message: &'a str,
    /// Whether there is an exit status.
    pub exit_status: bool,
    /// Whether the instance was a spot instance, if known.
    pub spot: Option<bool>,
    /// Whether an instance was created for the job.
    pub provisioned: bool,
}

/// The failure catalog, ready to match.
#[derive(Debug, Default)]
pub struct FailureCatalog {
    entries: Vec<Entry>,
    texts: Patterns,
    job_texts: Patterns,
    memo: Memo,
    benign: Vec<Benign>,
    benign_texts: Patterns,
    exit_codes: Vec<ExitCode>,
    stop_codes: Vec<StopCode>,
    job_reasons: Vec<JobReason>,
    run_reasons: Vec<RunReason>,
    /// Entries with patterns that capture failure columns.
    naming: HashSet<String>,
    version: String,
}

static BUILTIN: LazyLock<FailureCatalog> =
    LazyLock::new(|| FailureCatalog::assemble(&CATALOG).expect("the built-in catalog is tested"));

/// The catalog of this process, fixed before or at its first use.
static CURRENT: OnceLock<&'static FailureCatalog> = OnceLock::new();

impl FailureCatalog {
    /// The built-in catalog, compiled on first use.
    pub fn builtin() -> &'static FailureCatalog {
        &BUILTIN
    }

    /// The catalog that classifies: the built-in one unless it was replaced.
    pub fn current() -> &'static FailureCatalog {
        CURRENT.get_or_init(FailureCatalog::builtin)
    }

    /// Replaces the built-in catalog for the rest of the process. Returns false if the current one has already been
    /// used, because all rows of a process must be classified by the same catalog.
    #[must_use]
    pub fn make_current(catalog: FailureCatalog) -> bool {
        // Leaked on purpose: it lives as long as the process, like the built-in one.
        CURRENT.set(Box::leak(Box::new(catalog))).is_ok()
    }

    /// The [`version`](Self::version) of the current catalog, without compiling it.
    pub fn current_version() -> String {
        CURRENT.get().map_or_else(|| version(&CATALOG), |current| current.version.clone())
    }

    /// Compiles custom rules together with the built-in catalog, which comes last.
    pub fn with_rules(texts: &[&str]) -> Result<Self, CatalogError> {
        FailureCatalog::new(&[texts, &CATALOG].concat())
    }

    /// A short fingerprint: catalogs with the same version classify identically.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Compiles a catalog from texts. Entries of earlier texts come first. An entry whose id also occurs in a later
    /// text replaces that one in place, so that it does not take precedence over more specific entries.
    pub fn new(texts: &[&str]) -> Result<Self, CatalogError> {
        let catalog = FailureCatalog::assemble(texts)?;
        let of_entry = |(index, source)| (catalog.entries.get(index).map(|entry: &Entry| &entry.id), source);
        let of_benign = |(index, source)| (catalog.benign.get(index).map(|entry: &Benign| &entry.id), source);
        let broken = catalog.texts.first_broken().or_else(|| catalog.job_texts.first_broken()).map(of_entry);
        let broken = broken.or_else(|| catalog.benign_texts.first_broken().map(of_benign));
        match broken {
            Some((id, source)) => Err(CatalogError::Pattern { id: id.cloned().unwrap_or_default(), source }),
            None => Ok(catalog),
        }
    }

    /// Assembles a catalog without checking its patterns, which are compiled on first use.
    fn assemble(texts: &[&str]) -> Result<Self, CatalogError> {
        let mut parsed = Vec::new();
        for text in texts {
            let text: CatalogText = toml::from_str(text)?;
            let mut own = HashSet::new();
            for entry in &text.entries {
                if let Some(word) = wrong_words(entry).next() {
                    return Err(CatalogError::Word { id: entry.id.clone(), word });
                }
                if !own.insert(entry.id.as_str()) {
                    return Err(CatalogError::Twice(entry.id.clone()));
                }
            }
            parsed.push(text);
        }
        let mut catalog = FailureCatalog::of(parsed);
        catalog.version = version(texts);
        Ok(catalog)
    }

    /// Assembles texts that are known to be valid.
    fn of(texts: Vec<CatalogText>) -> Self {
        let mut catalog = FailureCatalog::default();
        let mut by_text = Vec::new();
        for text in texts {
            by_text.push(text.entries);
            catalog.benign.extend(text.benign);
            catalog.exit_codes.extend(text.exit_codes);
            catalog.stop_codes.extend(text.stop_codes);
            catalog.job_reasons.extend(text.job_reasons);
            catalog.run_reasons.extend(text.run_reasons);
        }
        // From the last text to the first: each one prepends or replaces entries.
        for entries in by_text.into_iter().rev() {
            let mut later = std::mem::take(&mut catalog.entries);
            let places: HashMap<String, usize> =
                later.iter().enumerate().map(|(place, entry)| (entry.id.clone(), place)).collect();
            for entry in entries {
                match places.get(&entry.id).and_then(|place| later.get_mut(*place)) {
                    Some(replaced) => *replaced = entry,
                    None => catalog.entries.push(entry),
                }
            }
            catalog.entries.append(&mut later);
        }
        catalog.gather_patterns();
        catalog
    }

    fn gather_patterns(&mut self) {
        let patterns_where = |of_jobs: bool| {
            let entries = self.entries.iter().enumerate().filter(move |(_, entry)| entry.reasons.is_empty() != of_jobs);
            entries.flat_map(|(index, entry)| entry.patterns.iter().map(move |pattern| (index, pattern.as_str())))
        };
        let (texts, job_texts) = (Patterns::new(patterns_where(false)), Patterns::new(patterns_where(true)));
        let benign = self.benign.iter().enumerate();
        let benign = benign.flat_map(|(index, entry)| entry.patterns.iter().map(move |text| (index, text.as_str())));
        let benign_texts = Patterns::new(benign);
        (self.texts, self.job_texts, self.benign_texts) = (texts, job_texts, benign_texts);
        self.memo = Memo::of(self.entries.iter().flat_map(|entry| entry.patterns.iter().map(String::as_str)));
        let naming = self.entries.iter().filter(|entry| entry.patterns.iter().any(|pattern| names_column(pattern)));
        self.naming = naming.map(|entry| entry.id.clone()).collect();
    }

    /// The entry that matches a message.
    pub fn explain(&self, kind: TextKind, text: &str) -> Option<&Entry> {
        let text = text.trim();
        let index = self.memo.get_or_find(kind, text, || self.find(kind, text))?;
        self.entries.get(index)
    }

    fn find(&self, kind: TextKind, text: &str) -> Option<usize> {
        let patterns = if kind == TextKind::RunMessage { &self.job_texts } else { &self.texts };
        // A wrapped message is more specific than its wrapper: a service event quotes the error of a container.
        let wraps = !matches!(kind, TextKind::ApiError | TextKind::RunMessage);
        let (mut leaked, mut leaked_is_generic) = (None, true);
        for index in patterns.matches(text) {
            let entry = self.entries.get(index)?;
            if entry.applies_to.contains(&kind) {
                // A form that any text may have says less than an entry for another kind.
                let yields = entry.generic && (wraps || entry.strict);
                // A form without a class says nothing at all.
                let says_less = !leaked_is_generic || (entry.strict && entry.class.is_none() && leaked.is_some());
                return if yields && says_less { leaked } else { Some(index) };
            }
            if leaked.is_none() && !entry.strict {
                (leaked, leaked_is_generic) = (Some(index), entry.generic);
            }
        }
        leaked
    }

    /// The entry that matches the end of a dstack job.
    pub fn explain_job(&self, end: JobEnd<'_>) -> Option<&Entry> {
        let found: Vec<usize> = self.job_texts.matches(end.message.trim()).collect();
        let exit_status = if end.exit_status { ExitStatus::Present } else { ExitStatus::Missing };
        let fits = |(index, entry): &(usize, &Entry)| {
            entry.reasons.iter().any(|reason| reason == end.reason)
                && entry.exit_status.is_none_or(|wanted| wanted == exit_status)
                && entry.spot.is_none_or(|wanted| Some(wanted) == end.spot)
                && entry.provisioned.is_none_or(|wanted| wanted == end.provisioned)
                && (entry.patterns.is_empty() || found.binary_search(index).is_ok())
        };
        let (_, found) = self.entries.iter().enumerate().find(fits)?;
        // dstack only reports that Docker failed; the message of Docker is more specific.
        found.generic.then(|| self.explain_engine(end.message)).flatten().or(Some(found))
    }

    /// The entry that matches an error of Docker, containerd or runc within a message.
    fn explain_engine(&self, text: &str) -> Option<&Entry> {
        let mut found = self.texts.matches(text.trim()).filter_map(|index| self.entries.get(index));
        found.find(|entry| entry.engine)
    }

    /// Whether a message is known to be benign.
    pub fn is_benign(&self, kind: TextKind, text: &str) -> bool {
        self.benign_as(kind, text).is_some()
    }

    /// The benign entry that matches a message.
    fn benign_as(&self, kind: TextKind, text: &str) -> Option<&Benign> {
        let mut found = self.benign_texts.matches(text.trim()).filter_map(|index| self.benign.get(index));
        found.find(|entry| entry.applies_to.contains(&kind))
    }

    /// The named captures of an entry's pattern in a message, in pattern order.
    pub fn captures<'t>(&self, entry: &Entry, text: &'t str) -> Vec<(String, &'t str)> {
        let index = self.entries.iter().position(|known| known.id == entry.id);
        let patterns = if entry.reasons.is_empty() { &self.texts } else { &self.job_texts };
        let caught = index.and_then(|index| patterns.captures(index, text.trim())).unwrap_or_default();
        let caught = caught.into_iter().map(|(name, value)| (name, value.trim()));
        caught.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Whether a pattern of an entry captures a failure column.
    pub fn names_columns(&self, entry: &Entry) -> bool {
        self.naming.contains(&entry.id)
    }

    /// All entries, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The meaning of an exit code.
    pub fn exit_code(&self, code: i64) -> Option<&ExitCode> {
        self.exit_codes.iter().find(|exit| exit.code == code)
    }

    /// The meaning of a stop code.
    pub fn stop_code(&self, code: &str) -> Option<&StopCode> {
        self.stop_codes.iter().find(|stop| stop.code == code)
    }

    /// The entry for a termination reason of a dstack job, given in lower case.
    pub fn job_reason(&self, reason: &str) -> Option<&JobReason> {
        self.job_reasons.iter().find(|known| known.name == reason)
    }

    /// The entry for a termination reason of a dstack run, given in lower case.
    pub fn run_reason(&self, reason: &str) -> Option<&RunReason> {
        self.run_reasons.iter().find(|known| known.name == reason)
    }

    /// Benign messages.
    pub fn benign(&self) -> &[Benign] {
        &self.benign
    }
}

/// Whether a pattern has a group named after a column.
fn names_column(pattern: &str) -> bool {
    let groups = pattern.split("(?P<").skip(1).filter_map(|rest| rest.split_once('>'));
    groups.into_iter().any(|(group, _)| GROUPS.contains(&group))
}

/// The words of an entry that are not in the vocabulary.
fn wrong_words(entry: &Entry) -> impl Iterator<Item = UnknownWord> {
    let words = [
        ("phase", Some(&entry.stage), PHASES),
        ("class", entry.class.as_ref(), CLASSES),
        ("retry advice", Some(&entry.retry), RETRIES),
        ("confidence", Some(&entry.confidence), CONFIDENCES),
    ];
    words.into_iter().filter_map(|(what, found, expected)| {
        let found = found.filter(|found| !expected.contains(&found.as_str()))?;
        Some(UnknownWord { what, found: found.clone(), expected })
    })
}

/// A short hash of texts that respects their boundaries.
fn version(texts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
}

/// The signal in an exit code of a shell or of Docker: 128 + the signal.
pub fn signal(exit_code: i64) -> Option<i64> {
    (129..=192).contains(&exit_code).then(|| exit_code - 128)
}

#[cfg(test)]
mod tests;
