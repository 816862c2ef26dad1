//! Custom rules: adds `--rules` and `ECS_AUDIT_RULES` to the catalog before anything uses it.

use super::args::Global;
use crate::app::AppError;
use crate::model::catalog::FailureCatalog;
use std::path::{Path, PathBuf};

/// The environment variable with the rule files.
const VARIABLE: &str = "ECS_AUDIT_RULES";

/// Adds the requested rules to the catalog of this process.
pub fn install(global: &Global) -> Result<(), AppError> {
    let (paths, _) = paths(global);
    if paths.is_empty() {
        return Ok(());
    }
    let texts = paths.iter().map(|path| text_of(path)).collect::<Result<Vec<String>, AppError>>()?;
    // Each file is checked separately first, so that errors name the file.
    for (path, text) in paths.iter().zip(&texts) {
        FailureCatalog::new(&[text]).map_err(|error| {
            let path = path.display();
            AppError::Sentence(format!("`{path}`: {error}\n`ecs-audit catalog test {path}` lists all errors in this file"))
        })?;
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let catalog = FailureCatalog::with_rules(&texts).map_err(|error| AppError::Sentence(error.to_string()))?;
    if FailureCatalog::make_current(catalog) {
        Ok(())
    } else {
        Err(AppError::Sentence("the rules were installed too late; this is a bug in ecs-audit".to_owned()))
    }
}

/// The files and their origin: the option, else the environment, where the list is written like `PATH`, else a
/// configuration file.
pub fn paths(global: &Global) -> (Vec<PathBuf>, String) {
    if !global.rules.is_empty() {
        return (global.rules.clone(), "option --rules".to_owned());
    }
    let listed = std::env::var_os(VARIABLE).unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return (listed, VARIABLE.to_owned());
    }
    match &global.configured.settings.rules {
        Some(setting) => (setting.value.clone(), setting.origin.clone()),
        None => (Vec::new(), "default".to_owned()),
    }
}

/// The text of a rule file.
pub fn text_of(path: &Path) -> Result<String, AppError> {
    std::fs::read_to_string(path).map_err(|error| {
        AppError::Sentence(format!("`{}`: {error}; expected a TOML file with [[error]] entries", path.display()))
    })
}
