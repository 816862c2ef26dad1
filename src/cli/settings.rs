//! The effective settings.
//!
//! Each setting is taken from the first of: its option, its environment variable, the file of `--config` or
//! `ECS_AUDIT_CONFIG`, the file of the store, the file of the user, the default.

use super::args::{self, Global};
use super::environment::s3_settings;
use crate::app::{AppError, Limits};
use crate::config::{Config, Configured, DEFAULT, Layer, STORE_FILE, Searched, Setting, builtin_queries};
use crate::context::Context;
use crate::discover::Location;
use crate::store::{StoreRoot, WriteOptions};
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads the configuration files and applies their settings where no option or variable is given.
pub fn apply(global: &mut Global, matches: &ArgMatches) -> Result<(), AppError> {
    let mut configured = Configured::default();
    if let Some(path) = global.config.clone() {
        let Some(text) = read(&path)? else {
            return Err(AppError::Sentence(format!("`{}`: no such file; expected a configuration file", path.display())));
        };
        add(&mut configured, &path, Layer::Named, Some(text))?;
    }
    let mut user = Configured::default();
    if !global.no_config
        && let Some(path) = user_file()
    {
        let text = read(&path)?;
        add(&mut user, &path, Layer::User, text)?;
    }
    let given = |name: &str| matches.value_source(name).filter(|source| *source != ValueSource::DefaultValue);
    configured.store_origin = match given("store") {
        Some(source) => option_or_variable(source, "option --store", "ECS_AUDIT_STORE"),
        None => match configured.settings.store.as_ref().or(user.settings.store.as_ref()) {
            Some(setting) => {
                global.store = StoreRoot::from(&setting.value);
                setting.origin.clone()
            }
            None => DEFAULT.to_owned(),
        },
    };
    global.store = located(&global.store)?;
    if !global.no_config {
        let path = global.store.join(STORE_FILE);
        let text = global.store.read_text(&path, MOST_IN_STORE)?;
        if let Some(config) = add(&mut configured, &path, Layer::Store, text)? {
            check_named_files(&global.store, &path, &config)?;
        }
    }
    for searched in user.searched {
        if searched.read {
            let text = read(&searched.path)?;
            add(&mut configured, &searched.path, searched.layer, text)?;
        } else {
            configured.searched.push(searched);
        }
    }
    configured.settings.save(builtin_queries().map_err(|config_error| AppError::Sentence(config_error.to_string()))?);
    configured.memory_origin = match (given("memory"), &configured.settings.memory) {
        (Some(source), _) => option_or_variable(source, "option --memory", "ECS_AUDIT_MEMORY"),
        (None, Some(setting)) => {
            global.memory = Some(setting.value.clone());
            setting.origin.clone()
        }
        (None, None) => "default, half of the machine's".to_owned(),
    };
    configured.tz_origin = match (given("tz"), &configured.settings.tz) {
        (Some(source), _) => option_or_variable(source, "option --tz", "ECS_AUDIT_TZ"),
        (None, Some(setting)) => {
            global.tz = Some(setting.value.clone());
            setting.origin.clone()
        }
        (None, None) => "default".to_owned(),
    };
    global.configured = configured;
    Ok(())
}

fn option_or_variable(source: ValueSource, option: &str, variable: &str) -> String {
    if source == ValueSource::EnvVariable { variable.to_owned() } else { option.to_owned() }
}

/// The store that an option, a variable or a file names: a path, `file:///PATH` or `s3://BUCKET/PREFIX`.
fn located(named: &Path) -> Result<StoreRoot, AppError> {
    let Some((text, scheme)) = named.to_str().and_then(|text| Some((text, text.split_once("://")?.0))) else {
        return Ok(StoreRoot::from(named));
    };
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
    if let Some(location) = Location::of(text) {
        return Ok(StoreRoot::in_bucket(&location, &s3_settings())?);
    }
    if scheme.eq_ignore_ascii_case("file")
        && let Some(path) = url::Url::parse(text).ok().and_then(|url| url.to_file_path().ok())
    {
        return Ok(StoreRoot::from(path));
    }
    if scheme.chars().all(is_scheme) {
        let what = format!("`{text}`: expected a folder, file:///PATH or s3://BUCKET/PREFIX");
        return Err(AppError::Sentence(what));
    }
    Ok(StoreRoot::from(named))
}

/// Adds a file, and returns what it says.
fn add(configured: &mut Configured, path: &Path, layer: Layer, text: Option<String>) -> Result<Option<Config>, AppError> {
    let parse = |text: &String| Config::parse(text, path, layer);
    let config = text.as_ref().map(parse).transpose().map_err(|config_error| AppError::Sentence(config_error.to_string()))?;
    configured.searched.push(Searched { path: path.to_owned(), layer, read: config.is_some() });
    if let Some(config) = config.clone() {
        configured.settings.add(config, layer);
    }
    Ok(config)
}

/// Makes sure that the files that the configuration file of a store names are in the store. They are read later, by their
/// paths.
fn check_named_files(store: &StoreRoot, path: &Path, config: &Config) -> Result<(), AppError> {
    for named in config.rules.iter().chain(&config.packs).chain(&config.quotas) {
        if !store.is_folder() {
            let what = format!(
                "`{}` names the file `{}`, which is read only if the store is a folder: copy the file, and name the copy in your own configuration file; --no-config ignores all of them",
                path.display(),
                named.display()
            );
            return Err(AppError::Sentence(what));
        }
        store.read_text(named, MOST_IN_STORE)?;
    }
    Ok(())
}

/// The largest configuration file, and the largest file that it names, in a store.
const MOST_IN_STORE: u64 = 16 << 20;

/// The text of a file; none if the file does not exist.
fn read(path: &Path) -> Result<Option<String>, AppError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(AppError::Sentence(format!("`{}`: {error}; expected a configuration file", path.display()))),
    }
}

/// The file of the user: in `XDG_CONFIG_HOME`, `~/.config`, or `APPDATA` on Windows.
fn user_file() -> Option<PathBuf> {
    user_folder().map(|folder| folder.join("config.toml"))
}

/// The configuration folder of the user.
fn user_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = match variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute()) {
        Some(base) => base,
        None if cfg!(windows) => variable("APPDATA")?,
        None => variable("HOME")?.join(".config"),
    };
    Some(base.join("ecs-audit"))
}

/// The reference point for relative times: the option, else the variable, else a configuration file.
pub fn as_of(option: Option<&str>, global: &Global) -> Setting<String> {
    let variable = || std::env::var("ECS_AUDIT_AS_OF").ok().filter(|value| !value.is_empty());
    if let Some(text) = option {
        return Setting::new(text.to_owned(), "--as-of");
    }
    match (variable(), &global.configured.settings.as_of) {
        (Some(value), _) => Setting::new(value, "ECS_AUDIT_AS_OF"),
        (None, Some(setting)) => setting.clone(),
        (None, None) => Setting::new("latest".to_owned(), DEFAULT),
    }
}

/// The texts of the saved queries with these parameter values.
pub fn saved_texts(set: &[(String, String)], global: &Global) -> Result<BTreeMap<String, String>, AppError> {
    let given: BTreeMap<String, String> = set.iter().cloned().collect();
    global.configured.settings.texts(&given).map_err(AppError::Sentence)
}

/// The limits of a command; without quota files, that of a configuration file.
pub fn limits(arguments: &args::Limits, global: &Global) -> Limits {
    let configured = global.configured.settings.quotas.as_ref().map(|setting| &setting.value);
    let quotas = arguments.quotas.iter().chain(configured.filter(|_| arguments.quotas.is_empty()));
    Limits { quotas: quotas.cloned().collect(), what_if: arguments.what_if.clone(), min_blocked: arguments.min_blocked }
}

/// The options for writing to the store.
///
/// # Errors
/// If the default store is a symbolic link and was not named: whoever created the folder would choose where data is written.
pub fn write_options(global: &Global, context: &Context) -> Result<WriteOptions, AppError> {
    if global.configured.store_is_default() && global.store.is_symlink() {
        let store = global.store.display();
        let what = format!("`{store}` is a symbolic link; to write to the store that it points to, name it with --store {store}");
        return Err(AppError::Sentence(what));
    }
    Ok(WriteOptions { now: context.now.as_microsecond(), patience: global.wait })
}
