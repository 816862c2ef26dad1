//! `--quotas FILE`, the quotas of a configuration file, and `--what-if NAME=VALUE`.

use super::args::{Global, Limits};
use super::ask::Tables;
use super::say::Failure;
use crate::plan::quotas::Quotas;
use crate::plan::set_quotas;

/// The limits that were asked for, read.
pub fn read(arguments: &Limits, global: &Global) -> Result<Quotas, Failure> {
    let mut quotas = Quotas::default();
    let configured = global.configured.settings.quotas.as_ref().map(|setting| &setting.value);
    let paths = arguments.quotas.iter().chain(configured.filter(|_| arguments.quotas.is_empty()));
    for path in paths {
        let wrong = |detail: String| Failure::Sentence(format!("`{}`: {detail}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        quotas.read(&text).map_err(|error| wrong(error.to_string()))?;
    }
    for word in &arguments.what_if {
        quotas.what_if.set(word).map_err(|error| Failure::Sentence(format!("--what-if {error}")))?;
    }
    Ok(quotas)
}

/// Makes `quota` hold use against them.
pub fn install(arguments: &Limits, tables: &Tables, global: &Global) -> Result<(), Failure> {
    set_quotas(&tables.session, read(arguments, global)?);
    Ok(())
}
