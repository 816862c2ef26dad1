//! `--quotas FILE` and `--what-if NAME=VALUE`.

use super::args::Limits;
use super::ask::Tables;
use super::say::Failure;
use crate::plan::quotas::Quotas;
use crate::plan::set_quotas;

/// The limits that were asked for, read.
pub fn read(arguments: &Limits) -> Result<Quotas, Failure> {
    let mut quotas = Quotas::default();
    for path in &arguments.quotas {
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
pub fn install(arguments: &Limits, tables: &Tables) -> Result<(), Failure> {
    set_quotas(&tables.session, read(arguments)?);
    Ok(())
}
