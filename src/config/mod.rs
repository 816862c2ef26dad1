//! Settings that hold when an option does not say otherwise, and saved queries.
//!
//! In: the texts of configuration files, found by the command line. Out: [`Settings`], each with where it
//! came from. Invariant: a file wins over those after it in [`Layer`]'s order, setting by setting; saved
//! queries of all files are known, and of two with one name the first wins.

mod query;
mod settings;

pub use query::{SavedQuery, builtin_queries, fill};
pub use settings::{Setting, Settings};

use crate::document::{Document, Mistake, Section};
use std::path::{Path, PathBuf};

/// The name of the file inside a store.
pub const STORE_FILE: &str = "ecs-audit.toml";

/// Which of the files it is; the first one to name a setting decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Named with `--config` or `ECS_AUDIT_CONFIG`.
    Named,
    /// In the store.
    Store,
    /// Of the user.
    User,
}

impl Layer {
    /// What a person calls it.
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
    /// Where it is.
    pub path: PathBuf,
    /// The folder of the store.
    pub store: Option<PathBuf>,
    /// The time zone.
    pub tz: Option<String>,
    /// The memory to use, such as 4GiB.
    pub memory: Option<String>,
    /// What relative times count back from.
    pub as_of: Option<String>,
    /// The file with quotas.
    pub quotas: Option<PathBuf>,
    /// Files with rules for the failure catalog.
    pub rules: Vec<PathBuf>,
    /// Files with checks.
    pub packs: Vec<PathBuf>,
    /// Saved queries.
    pub queries: Vec<SavedQuery>,
}

/// What may stand at the top of a file.
const KEYS: &[&str] = &["store", "tz", "memory", "as_of", "quotas", "rules", "packs", "queries"];

impl Config {
    /// Reads the text of a file. Paths in it count from its folder.
    pub fn parse(text: &str, path: &Path, layer: Layer) -> Result<Config, Mistake> {
        let document = Document::parse(text, path)?;
        let top = document.top();
        top.expect_keys(KEYS)?;
        if layer == Layer::Store && top.text("store")?.is_some() {
            return Err(top.mistake_of("store", "the configuration of a store cannot name another store"));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let file = |name: &str| folder.join(name);
        let files = |key: &str| -> Result<Vec<PathBuf>, Mistake> { Ok(top.texts(key)?.into_iter().map(file).collect()) };
        Ok(Config {
            path: path.to_owned(),
            store: top.text("store")?.map(file),
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
fn queries(top: &Section<'_>, origin: &str) -> Result<Vec<SavedQuery>, Mistake> {
    let Some(section) = top.section("queries")? else { return Ok(Vec::new()) };
    section.keys().into_iter().map(|name| SavedQuery::read(&section, name, origin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Mistake> {
        Config::parse(text, Path::new("conf/a.toml"), Layer::User)
    }

    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let config = parse("store = \"s\"\nrules = \"r.toml\"\nquotas = \"/q.json\"\n").unwrap();
        assert_eq!(config.store, Some(PathBuf::from("conf/s")));
        assert_eq!(config.rules, [PathBuf::from("conf/r.toml")]);
        assert_eq!(config.quotas, Some(PathBuf::from("/q.json")));
    }

    #[test]
    fn a_store_cannot_send_elsewhere() {
        let error = Config::parse("store = \"x\"", Path::new("a.toml"), Layer::Store).unwrap_err();
        assert_eq!(error.to_string(), "a.toml:1: the configuration of a store cannot name another store");
    }

    #[test]
    fn an_unknown_key_is_a_mistake() {
        assert_eq!(
            parse("timezone = \"UTC\"").unwrap_err().what,
            "unknown key `timezone`; expected store, tz, memory, as_of, quotas, rules, packs, queries"
        );
    }
}
