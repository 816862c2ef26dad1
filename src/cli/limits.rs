//! `--quotas FILE`, the quotas of a configuration file, `--what-if NAME=VALUE` and `--min-blocked DURATION`.

use super::args::{Global, Limits};
use super::ask::Dataset;
use super::stderr::CliError;
use crate::nouns::quota::limits::Quotas;
use crate::nouns::{set_min_blocked, set_quotas};
use std::path::PathBuf;

/// The quota files: those of the option, else that of a configuration file.
fn paths<'a>(arguments: &'a Limits, global: &'a Global) -> Vec<&'a PathBuf> {
    let configured = global.configured.settings.quotas.as_ref().map(|setting| &setting.value);
    arguments.quotas.iter().chain(configured.filter(|_| arguments.quotas.is_empty())).collect()
}

/// Reads the requested limits.
pub fn read(arguments: &Limits, global: &Global) -> Result<Quotas, CliError> {
    let mut quotas = Quotas::default();
    for path in paths(arguments, global) {
        let wrong = |detail: String| CliError::Sentence(format!("`{}`: {detail}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        quotas.read(&text).map_err(|error| wrong(error.to_string()))?;
    }
    for word in &arguments.what_if {
        quotas.what_if.set(word).map_err(|error| CliError::Sentence(format!("--what-if {error}")))?;
    }
    Ok(quotas)
}

/// A fingerprint of the limits: a hash of the files and options; empty if there are none.
pub fn fingerprint(arguments: &Limits, global: &Global) -> Result<String, CliError> {
    let paths = paths(arguments, global);
    let blocked = (arguments.min_blocked.as_secs() != 60).then(|| format!("{:?}", arguments.min_blocked));
    if paths.is_empty() && arguments.what_if.is_empty() && blocked.is_none() {
        return Ok(String::new());
    }
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let bytes = std::fs::read(path).map_err(|error| CliError::Sentence(format!("`{}`: {error}", path.display())))?;
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    for word in arguments.what_if.iter().chain(&blocked) {
        hasher.update(blake3::hash(word.as_bytes()).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Installs the limits for `quota`.
pub fn install(arguments: &Limits, tables: &Dataset, global: &Global) -> Result<(), CliError> {
    set_quotas(&tables.session, read(arguments, global)?);
    set_min_blocked(&tables.session, arguments.min_blocked);
    Ok(())
}
