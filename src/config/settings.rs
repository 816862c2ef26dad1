//! Combines the settings of several files, each with its origin.

use super::{Config, Layer, SavedQuery};
use crate::lang::suggest;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The origin, as text.
    pub origin: String,
}

impl<T> Setting<T> {
    /// A value with its origin.
    pub fn new(value: T, origin: impl Into<String>) -> Self {
        Self { value, origin: origin.into() }
    }
}

/// The combined settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The store folder.
    pub store: Option<Setting<PathBuf>>,
    /// The time zone.
    pub tz: Option<Setting<String>>,
    /// The memory limit for queries.
    pub memory: Option<Setting<String>>,
    /// The reference point for relative times.
    pub as_of: Option<Setting<String>>,
    /// The quota file.
    pub quotas: Option<Setting<PathBuf>>,
    /// Files with rules.
    pub rules: Option<Setting<Vec<PathBuf>>>,
    /// Files with checks, of all configuration files.
    pub packs: Vec<Setting<PathBuf>>,
    /// Saved queries by name.
    pub queries: BTreeMap<String, SavedQuery>,
}

impl Settings {
    /// Adds a file; existing settings are kept.
    pub fn add(&mut self, config: Config, layer: Layer) {
        let origin = format!("{} ({})", config.path.display(), layer.word());
        set(&mut self.store, config.store, &origin);
        set(&mut self.tz, config.tz, &origin);
        set(&mut self.memory, config.memory, &origin);
        set(&mut self.as_of, config.as_of, &origin);
        set(&mut self.quotas, config.quotas, &origin);
        set(&mut self.rules, (!config.rules.is_empty()).then_some(config.rules), &origin);
        self.packs.extend(config.packs.into_iter().map(|pack| Setting::new(pack, origin.as_str())));
        self.save(config.queries);
    }

    /// Adds saved queries; existing names are kept.
    pub fn save(&mut self, queries: Vec<SavedQuery>) {
        for query in queries {
            self.queries.entry(query.name.clone()).or_insert(query);
        }
    }

    /// The texts of all saved queries with these parameter values.
    ///
    /// A value for a parameter that no query has is an error, as one sentence.
    pub fn texts(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
        let known: Vec<&str> = self.queries.values().flat_map(|query| query.parameters.keys()).map(String::as_str).collect();
        for name in given.keys() {
            if !known.contains(&name.as_str()) {
                let hint = suggest::question(name, known.iter().copied())
                    .unwrap_or_else(|| "`ecs-audit queries` lists them with their parameters".to_owned());
                return Err(format!("no saved query has a parameter `{name}`; {hint}"));
            }
        }
        Ok(self.queries.iter().map(|(name, query)| (name.clone(), query.text(given))).collect())
    }
}

fn set<T>(setting: &mut Option<Setting<T>>, value: Option<T>, origin: &str) {
    if setting.is_none() {
        *setting = value.map(|value| Setting::new(value, origin));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_first_file_to_name_a_setting_decides_it() {
        let config = |text: &str, name: &str, layer| Config::parse(text, Path::new(name), layer).unwrap();
        let mut settings = Settings::default();
        settings.add(config("tz = \"Asia/Tokyo\"\nqueries.a = \"failures\"", "store.toml", Layer::Store), Layer::Store);
        settings.add(
            config("tz = \"UTC\"\nas_of = \"now\"\nqueries = { a = \"calls\", b = \"tasks\" }", "user.toml", Layer::User),
            Layer::User,
        );
        assert_eq!(settings.tz.unwrap().value, "Asia/Tokyo");
        assert_eq!(settings.as_of.unwrap().origin, "user.toml (the user's)");
        let texts: Vec<&str> = settings.queries.values().map(|query| query.query.as_str()).collect();
        assert_eq!(texts, ["failures", "tasks"]);
    }

    #[test]
    fn an_unused_value_is_an_error() {
        let mut settings = Settings::default();
        settings.add(
            Config::parse("queries.a = \"failures where cluster = $cluster\"", Path::new("a"), Layer::User).unwrap(),
            Layer::User,
        );
        let given = [("clustr".to_owned(), "x".to_owned())].into();
        assert_eq!(settings.texts(&given).unwrap_err(), "no saved query has a parameter `clustr`; did you mean `cluster`?");
    }
}
