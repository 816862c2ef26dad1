//! What other programs call the commands of this one: `import` for `load`, `store ls` for `store`.

/// Words for a command; those of an action of `store` follow its name.
const SYNONYMS: &[(&str, &[&str], &str)] = &[
    ("", &["import", "ingest", "read", "add", "init", "upload", "fetch", "pull", "sync"], "load"),
    ("", &["status", "info", "stat", "health", "overview", "diagnose"], "doctor"),
    ("", &["ls", "list", "tables", "schema", "nouns"], "fields"),
    ("", &["why", "describe", "inspect", "debug"], "explain"),
    ("", &["history", "trace", "log", "logs"], "timeline"),
    ("", &["diff"], "changes"),
    ("", &["lint", "validate"], "preflight"),
    ("", &["shell", "console", "prompt", "interactive"], "repl"),
    ("", &["ui", "web", "server", "dashboard", "browse"], "serve"),
    ("", &["export", "dump"], "store export"),
    ("", &["settings"], "config"),
    ("", &["rules"], "catalog"),
    ("", &["alerts"], "check"),
    ("", &["delete", "rm", "remove", "purge"], "store drop"),
    ("", &["gc", "clean", "cleanup", "prune"], "store vacuum"),
    ("", &["version"], "--version"),
    ("store", &["ls", "list", "show", "status", "info", "stat", "describe", "tables"], ""),
    ("store", &["rm", "remove", "delete", "purge", "prune", "truncate"], "drop"),
    ("store", &["gc", "clean", "cleanup"], "vacuum"),
    ("store", &["optimize", "merge", "pack"], "compact"),
    ("store", &["check", "fsck", "validate", "doctor"], "verify"),
    ("store", &["repair", "fix"], "verify --repair"),
    ("store", &["dump", "save", "backup", "copy"], "export"),
    ("store", &["update", "upgrade", "migrate"], "reclassify"),
    ("catalog", &["ls"], "list"),
    ("catalog", &["get", "describe", "cat"], "show"),
    ("catalog", &["search", "find", "grep"], "list"),
    ("catalog", &["check", "lint", "validate", "verify"], "test"),
];

/// The command that a word means below a command; the empty text is that command itself.
pub fn meant(parent: &str, word: &str) -> Option<&'static str> {
    let found =
        SYNONYMS.iter().find(|(of, words, _)| *of == parent && words.iter().any(|other| other.eq_ignore_ascii_case(word)));
    found.map(|(_, _, command)| *command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::short_formats::command;

    #[test]
    fn synonyms_are_no_commands_and_mean_one() {
        let program = command();
        for (parent, words, meaning) in SYNONYMS {
            let of = if parent.is_empty() { &program } else { program.find_subcommand(parent).unwrap() };
            for word in *words {
                assert!(of.find_subcommand(word).is_none(), "{parent} {word} is a command");
                assert_eq!(meant(parent, &word.to_uppercase()), Some(*meaning), "{parent} {word} has two meanings");
            }
            let commands = meaning.split(' ').filter(|word| !word.is_empty() && !word.starts_with('-'));
            commands.fold(of, |of, word| of.find_subcommand(word).unwrap_or_else(|| panic!("{parent} {word}")));
        }
    }
}
