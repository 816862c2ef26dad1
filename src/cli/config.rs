//! Configuration: finds the files, and `ecs-audit config` shows the effective settings.
//!
//! Each setting is taken from the first of: its option, its environment variable, the file of `--config` or
//! `ECS_AUDIT_CONFIG`, the file of the store, the file of the user, the default.

use super::args::{ConfigArgs, Global};
use super::ask::{listing, print};
use super::explain;
use super::load::s3_settings;
use super::stderr::CliError;
use crate::config::{Config, Layer, STORE_FILE, Setting, Settings, builtin_queries};
use crate::context::Context;
use crate::discover::Location;
use crate::exit::ExitCode;
use crate::render::{Format, visible};
use crate::store::StoreRoot;
use clap::ArgMatches;
use clap::parser::ValueSource;
use indicatif::HumanBytes;
use std::path::{Path, PathBuf};

/// The status of a file.
#[derive(Debug, Clone)]
pub struct Looked {
    path: PathBuf,
    layer: Layer,
    read: bool,
}

/// The configuration that was found.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// The combined settings.
    pub settings: Settings,
    /// The searched paths, in order.
    pub looked: Vec<Looked>,
    /// The origin of the store.
    pub store_origin: String,
    /// The origin of the time zone.
    pub tz_origin: String,
    /// What set the memory.
    pub memory_origin: String,
}

/// The origin of a setting that nobody made.
const DEFAULT: &str = "default";

impl Configured {
    /// Whether the store is the default one, which nobody named.
    pub fn store_is_default(&self) -> bool {
        self.store_origin == DEFAULT
    }
}

/// Reads the configuration files and applies their settings where no option or variable is given.
pub fn apply(global: &mut Global, matches: &ArgMatches) -> Result<(), CliError> {
    let mut configured = Configured::default();
    if let Some(path) = global.config.clone() {
        let Some(text) = read(&path)? else {
            return Err(CliError::Sentence(format!("`{}`: no such file; expected a configuration file", path.display())));
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
    for looked in user.looked {
        if looked.read {
            let text = read(&looked.path)?;
            add(&mut configured, &looked.path, looked.layer, text)?;
        } else {
            configured.looked.push(looked);
        }
    }
    configured.settings.save(builtin_queries().map_err(|config_error| CliError::Sentence(config_error.to_string()))?);
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
fn located(named: &Path) -> Result<StoreRoot, CliError> {
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
        return Err(CliError::Sentence(what));
    }
    Ok(StoreRoot::from(named))
}

/// Adds a file, and returns what it says.
fn add(configured: &mut Configured, path: &Path, layer: Layer, text: Option<String>) -> Result<Option<Config>, CliError> {
    let parse = |text: &String| Config::parse(text, path, layer);
    let config = text.as_ref().map(parse).transpose().map_err(|config_error| CliError::Sentence(config_error.to_string()))?;
    configured.looked.push(Looked { path: path.to_owned(), layer, read: config.is_some() });
    if let Some(config) = config.clone() {
        configured.settings.add(config, layer);
    }
    Ok(config)
}

/// Makes sure that the files that the configuration file of a store names are in the store. They are read later, by their
/// paths.
fn check_named_files(store: &StoreRoot, path: &Path, config: &Config) -> Result<(), CliError> {
    for named in config.rules.iter().chain(&config.packs).chain(&config.quotas) {
        if !store.is_folder() {
            let what = format!(
                "`{}` names the file `{}`, which is read only if the store is a folder: copy the file, and name the copy in your own configuration file; --no-config ignores all of them",
                path.display(),
                named.display()
            );
            return Err(CliError::Sentence(what));
        }
        store.read_text(named, MOST_IN_STORE)?;
    }
    Ok(())
}

/// The largest configuration file, and the largest file that it names, in a store.
const MOST_IN_STORE: u64 = 16 << 20;

/// The text of a file; none if the file does not exist.
fn read(path: &Path) -> Result<Option<String>, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(CliError::Sentence(format!("`{}`: {error}; expected a configuration file", path.display()))),
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

/// Runs the command.
pub fn run(arguments: &ConfigArgs, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    let Configured { settings, looked, store_origin, tz_origin, memory_origin } = &global.configured;
    let path = |path: &Path| path.display().to_string();
    let paths = |paths: &[PathBuf]| paths.iter().map(|one| path(one)).collect::<Vec<_>>().join(", ");
    let (rules, rules_origin) = super::rules::paths(global);
    let as_of = as_of(global);
    let mut rows = vec![
        row("store", path(&global.store), store_origin),
        row("tz", global.tz.clone().unwrap_or_else(|| "UTC".to_owned()), tz_origin),
        row("memory", HumanBytes(context.memory as u64).to_string(), memory_origin),
        row("as_of", as_of.value, &as_of.origin),
    ];
    let (quotas, quotas_origin) = match (std::env::var("ECS_AUDIT_QUOTAS"), &settings.quotas) {
        (Ok(file), _) if !file.is_empty() => (file, "ECS_AUDIT_QUOTAS".to_owned()),
        (_, Some(setting)) => (path(&setting.value), setting.origin.clone()),
        (_, None) => (String::new(), "default".to_owned()),
    };
    rows.push(row("quotas", quotas, &quotas_origin));
    rows.push(row("rules", paths(&rules), &rules_origin));
    rows.extend(settings.packs.iter().map(|pack| row("packs", path(&pack.value), &pack.origin)));
    rows.extend(
        settings.queries.values().map(|query| row(&format!("queries.{}", query.name), query.query.clone(), &query.origin)),
    );
    if arguments.format == Format::Table {
        explain::print_page(places(looked), context)?;
    }
    print(&listing(&["setting", "value", "from"], rows)?, arguments.format, None, context)?;
    Ok(ExitCode::Ok)
}

/// The reference point for relative times if no option is given.
pub fn as_of(global: &Global) -> Setting<String> {
    let variable = std::env::var("ECS_AUDIT_AS_OF").ok().filter(|value| !value.is_empty());
    match (variable, &global.configured.settings.as_of) {
        (Some(value), _) => Setting::new(value, "ECS_AUDIT_AS_OF"),
        (None, Some(setting)) => setting.clone(),
        (None, None) => Setting::new("latest".to_owned(), "default"),
    }
}

fn row(name: &str, value: String, origin: &str) -> Vec<String> {
    vec![name.to_owned(), value, origin.to_owned()]
}

/// The searched paths; the first one with a setting takes precedence.
fn places(looked: &[Looked]) -> String {
    let mut text = "configuration files searched\n".to_owned();
    for place in looked {
        let found = if place.read { "read" } else { "not found" };
        text.push_str(&format!("  {:<30} {:<9}  {}\n", place.layer.word(), found, visible(&place.path.display().to_string())));
    }
    if looked.is_empty() {
        text.push_str("  no file: --no-config\n");
    }
    text.push('\n');
    text
}
