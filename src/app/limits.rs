//! Quotas, what-if assumptions and thresholds of the analyses.

use super::dataset::Dataset;
use super::error::AppError;
use crate::nouns::quota::limits::Quotas;
use crate::nouns::{set_min_blocked, set_quotas};
use std::path::PathBuf;
use std::time::Duration;

/// The time that a task must be blocked to count as a stall, unless another one is given.
pub const MIN_BLOCKED: Duration = Duration::from_secs(60);

/// What the analyses take as given.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The quota files.
    pub quotas: Vec<PathBuf>,
    /// The assumptions, each as `NAME=VALUE`.
    pub what_if: Vec<String>,
    /// The time that a task must be blocked to count as a stall.
    pub min_blocked: Duration,
}

impl Limits {
    /// Reads the quota files and the assumptions.
    fn read(&self) -> Result<Quotas, AppError> {
        let mut quotas = Quotas::default();
        for path in &self.quotas {
            let wrong = |detail: String| AppError::Sentence(format!("`{}`: {detail}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            quotas.read(&text).map_err(|error| wrong(error.to_string()))?;
        }
        for word in &self.what_if {
            quotas.what_if.set(word).map_err(|error| AppError::Sentence(format!("--what-if {error}")))?;
        }
        Ok(quotas)
    }

    /// A fingerprint: a hash of the files and options; empty if there are none.
    pub fn fingerprint(&self) -> Result<String, AppError> {
        let blocked = (self.min_blocked.as_secs() != MIN_BLOCKED.as_secs()).then(|| format!("{:?}", self.min_blocked));
        if self.quotas.is_empty() && self.what_if.is_empty() && blocked.is_none() {
            return Ok(String::new());
        }
        let mut hasher = blake3::Hasher::new();
        for path in &self.quotas {
            let bytes = std::fs::read(path).map_err(|error| AppError::Sentence(format!("`{}`: {error}", path.display())))?;
            hasher.update(blake3::hash(&bytes).as_bytes());
        }
        for word in self.what_if.iter().chain(&blocked) {
            hasher.update(blake3::hash(word.as_bytes()).as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Installs the limits for `quota` and `stalls`.
    pub fn install(&self, tables: &Dataset) -> Result<(), AppError> {
        set_quotas(&tables.session, self.read()?);
        set_min_blocked(&tables.session, self.min_blocked);
        Ok(())
    }
}
