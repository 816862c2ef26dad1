//! Defaults for command-line options, and saved queries.
//!
//! In: the texts of configuration files, found by the command line. Out: [`Settings`], each with its origin.
//! Invariant: for each setting, the first file in the order of [`Layer`] wins. Saved queries of all files are
//! available; if two have the same name, the first wins.

mod found;
mod query;
mod settings;

pub use found::{Configured, DEFAULT, Searched};
pub use query::{SavedQuery, builtin_queries, fill};
pub use settings::{Setting, Settings};

use crate::toml_document::{ConfigError, Document, Section};
use std::path::{Component, Path, PathBuf};

/// The name of the file inside a store.
pub const STORE_FILE: &str = "ecs-audit.toml";

/// The configuration files in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Given with `--config` or `ECS_AUDIT_CONFIG`.
    Named,
    /// In the store folder.
    Store,
    /// Of the user.
    User,
}

impl Layer {
    /// Its name in messages.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Named => "--config or ECS_AUDIT_CONFIG",
            Layer::Store => "the store's",
            Layer::User => "the user's",
        }
    }
}

/// One configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The path of the file.
    pub path: PathBuf,
    /// The store.
    pub store: Option<PathBuf>,
    /// The time zone.
    pub tz: Option<String>,
    /// The memory limit for queries, such as 4GiB.
    pub memory: Option<String>,
    /// The reference point for relative times.
    pub as_of: Option<String>,
    /// The quota file.
    pub quotas: Option<PathBuf>,
    /// Files with custom rules for the failure catalog.
    pub rules: Vec<PathBuf>,
    /// Files with checks.
    pub packs: Vec<PathBuf>,
    /// Saved queries.
    pub queries: Vec<SavedQuery>,
}

/// The keys that are allowed at the top level.
const KEYS: &[&str] = &["store", "tz", "memory", "as_of", "quotas", "rules", "packs", "queries"];

impl Config {
    /// Parses a file. Paths in it are relative to its folder.
    pub fn parse(text: &str, path: &Path, layer: Layer) -> Result<Config, ConfigError> {
        let document = Document::parse(text, path)?;
        let top = document.top();
        top.expect_keys(KEYS)?;
        if layer == Layer::Store && top.text("store")?.is_some() {
            return Err(top.error_at_key("store", "the configuration file in a store cannot set `store`"));
        }
        for key in ["quotas", "rules", "packs"].into_iter().filter(|_| layer == Layer::Store) {
            // A store may come from somebody else, who must not choose which files are read.
            let is_below = |name: &&str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
            if let Some(name) = top.texts(key)?.into_iter().find(|name| !is_below(name)) {
                let what =
                    format!("`{name}` is outside the store: the configuration file in a store can name only files in the store");
                return Err(top.error_at_key(key, what));
            }
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let file = |name: &str| folder.join(name);
        // A URL is not relative to anything.
        let place = |name: &str| if name.contains("://") { PathBuf::from(name) } else { file(name) };
        let files = |key: &str| -> Result<Vec<PathBuf>, ConfigError> { Ok(top.texts(key)?.into_iter().map(file).collect()) };
        Ok(Config {
            path: path.to_owned(),
            store: top.text("store")?.map(place),
            tz: top.text("tz")?.map(str::to_owned),
            memory: top.text("memory")?.map(str::to_owned),
            as_of: top.scalar("as_of")?,
            quotas: top.text("quotas")?.map(file),
            rules: files("rules")?,
            packs: files("packs")?,
            queries: queries(&top, &format!("{} ({})", path.display(), layer.word()))?,
        })
    }
}

/// The saved queries of a file.
fn queries(top: &Section<'_>, origin: &str) -> Result<Vec<SavedQuery>, ConfigError> {
    let Some(section) = top.section("queries")? else { return Ok(Vec::new()) };
    section.keys().into_iter().map(|name| SavedQuery::read(&section, name, origin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("conf/a.toml"), Layer::User)
    }

    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let config = parse("store = \"s\"\nrules = \"r.toml\"\nquotas = \"/q.json\"\n").unwrap();
        assert_eq!(config.store, Some(PathBuf::from("conf/s")));
        assert_eq!(config.rules, [PathBuf::from("conf/r.toml")]);
        assert_eq!(config.quotas, Some(PathBuf::from("/q.json")));
        let config = parse("store = \"s3://bucket/audit\"").unwrap();
        assert_eq!(config.store, Some(PathBuf::from("s3://bucket/audit")));
    }

    #[test]
    fn a_store_cannot_send_elsewhere() {
        let error = Config::parse("store = \"x\"", Path::new("a.toml"), Layer::Store).unwrap_err();
        assert_eq!(error.to_string(), "a.toml:1: the configuration file in a store cannot set `store`");
    }

    #[test]
    fn a_store_names_only_its_own_files() {
        for text in ["rules = \"/etc/passwd\"", "quotas = \"../q.json\"", "packs = [\"ok.toml\", \"a/../../x.toml\"]"] {
            let error = Config::parse(text, Path::new("s/a.toml"), Layer::Store).unwrap_err();
            assert!(error.what.contains("is outside the store"), "{text}: {}", error.what);
            assert!(Config::parse(text, Path::new("s/a.toml"), Layer::User).is_ok(), "{text}");
        }
        let config = Config::parse("rules = \"r/own.toml\"", Path::new("s/a.toml"), Layer::Store).unwrap();
        assert_eq!(config.rules, [PathBuf::from("s/r/own.toml")]);
    }

    #[test]
    fn an_unknown_key_is_a_mistake() {
        assert_eq!(
            parse("timezone = \"UTC\"").unwrap_err().what,
            "unknown key `timezone`; expected store, tz, memory, as_of, quotas, rules, packs, queries"
        );
    }
}
