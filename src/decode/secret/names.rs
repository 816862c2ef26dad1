//! Decides which names announce a secret.

use super::rules::RULES;
use std::cell::RefCell;
use std::collections::HashMap;

/// What the name of a key, variable, parameter or option says about its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameClass {
    /// Nothing.
    #[default]
    Plain,
    /// It is a secret if it looks random.
    Weak,
    /// It is a secret.
    Secret,
    /// Variables: names are kept, all values are masked.
    Variables,
    /// A command line.
    Arguments,
    /// It is a secret if the name beside it says so.
    Labeled,
}

/// The class of a name in any spelling: `db_password`, `dbPassword`, `DB-PASSWORD`, `db.password2`.
pub fn classify(name: &str) -> NameClass {
    /// Classes of the names that were seen last.
    const MOST: usize = 4096;
    thread_local! {
        static KNOWN: RefCell<HashMap<Box<str>, NameClass, foldhash::fast::RandomState>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| match known.get(name) {
        Some(class) => *class,
        None => {
            let class = classify_new(name);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(name.into(), class);
            class
        }
    })
}

fn classify_new(name: &str) -> NameClass {
    const LONGEST: usize = 120;
    let names = &RULES.names;
    if name.len() < 2 || name.len() > LONGEST {
        return NameClass::Plain;
    }
    let plain = normalized(name);
    let plain = plain.as_str();
    if names.values.contains(plain) {
        return NameClass::Labeled;
    }
    if names.variables.contains(plain) {
        return NameClass::Variables;
    }
    if names.arguments.contains(plain) {
        return NameClass::Arguments;
    }
    if names.harmless.contains(plain) || ends_with_words(name, plain, &names.harmless_ends) {
        return NameClass::Plain;
    }
    if names.weak.contains(plain) {
        return NameClass::Weak;
    }
    if names.secret.contains(plain) || ends_with_any(plain, &names.secret_ends) {
        return NameClass::Secret;
    }
    let last = last_word(name);
    if names.secret_words.contains(&last) {
        return NameClass::Secret;
    }
    if plain != "key" && ends_with_any(plain, &names.weak_ends) {
        let rest = plain.strip_suffix("key").unwrap_or_default();
        return if ends_with_words(name, rest, &names.harmless_keys) { NameClass::Plain } else { NameClass::Weak };
    }
    NameClass::Plain
}

/// Letters and digits in lower case, without digits at the end.
pub(super) fn normalized(name: &str) -> String {
    let mut plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    plain.truncate(plain.trim_end_matches(|letter: char| letter.is_ascii_digit()).len());
    plain
}

fn ends_with_any(name: &str, ends: &[String]) -> bool {
    ends.iter().any(|end| name.ends_with(end.as_str()))
}

/// Whether a name ends with one of these as whole words: `max_token` and `maxToken`, but not `GMAX_TOKEN`. `plain` is its
/// normalized form, or the beginning of that.
fn ends_with_words(name: &str, plain: &str, ends: &[String]) -> bool {
    ends.iter().any(|end| plain.strip_suffix(end.as_str()).is_some_and(|front| is_word_start(name, front.len())))
}

/// Whether a word starts with the letter or digit of a name that has `before` others before it.
fn is_word_start(name: &str, before: usize) -> bool {
    let bytes = name.as_bytes();
    let mut letters = bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
    let Some((at, first)) = letters.nth(before) else { return false };
    match at.checked_sub(1).and_then(|at| bytes.get(at)) {
        Some(last) if last.is_ascii_alphanumeric() => {
            let starts_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            first.is_ascii_uppercase() && (!last.is_ascii_uppercase() || starts_small)
        }
        _ => true,
    }
}

/// The last word of a name: behind a separator, or from the last capital on in `dbPass`.
fn last_word(name: &str) -> String {
    let name = name.trim_end_matches(|letter: char| !letter.is_ascii_alphabetic());
    let word = name.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    let bytes = word.as_bytes();
    let has_small = bytes.iter().any(u8::is_ascii_lowercase);
    let start = (1..bytes.len()).rev().find(|at| {
        let capital = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
        has_small && capital(*at) && !capital(at - 1)
    });
    word.get(start.unwrap_or(0)..).unwrap_or(word).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_spelling() {
        let table: &[(NameClass, &[&str])] = &[
            (
                NameClass::Secret,
                &[
                    "password",
                    "registry_auth",
                    "registryAuth",
                    "SessionToken",
                    "session-token",
                    "secretAccessKey",
                    "DB_PASS",
                    "dbPass",
                    "MYSQL_PWD",
                    "PWD",
                    "PGPASSWORD",
                    "sentry.dsn",
                    "connectionString",
                    "API-Key",
                    "GITHUB_TOKEN",
                    "PASSWORD2",
                    "X-Amz-Signature",
                    "spring.datasource.password",
                    "Set-Cookie",
                    "userData",
                    "SSHPASS",
                    "npm_config_//registry/:_authToken",
                    "appPAT",
                    "ADMIN_TOKEN",
                    "adminToken",
                    "--admin-token",
                    "VAULT_ADMIN_TOKEN",
                    "superToken",
                    "RESTART_TOKEN",
                    "UNLOCK_TOKEN",
                    "homepage-token",
                ],
            ),
            (NameClass::Variables, &["env", "Environment", "environmentVariables", "environment_variables", "Variables"]),
            (NameClass::Arguments, &["command", "args", "entryPoint", "Cmd"]),
            (NameClass::Labeled, &["value", "ParameterValue", "optionValue"]),
            (NameClass::Weak, &["OPENAI_KEY", "stripeKey", "auth", "sig", "PROFILE_KEY", "catalogKey"]),
            (
                NameClass::Plain,
                &[
                    "secrets",
                    "eventName",
                    "nextToken",
                    "clientToken",
                    "environmentFiles",
                    "tokens",
                    "image",
                    "CACHE_KEY",
                    "key",
                    "keys",
                    "compass",
                    "bypass",
                    "max_tokens",
                    "tokenType",
                    "secretArn",
                    "passwordPolicy",
                    "idempotency-token",
                    "x",
                    "",
                    "partitionKey",
                    "accessKeyId",
                    "lastUpdatedDate",
                    "tls",
                    "kms_key",
                    "maxToken",
                    "COST_PER_TOKEN",
                    "ecsClientToken",
                    "AWSNextToken",
                    "next.token2",
                    "s3Key",
                ],
            ),
        ];
        for (class, names) in table {
            for name in *names {
                assert_eq!(classify(name), *class, "{name}");
            }
        }
    }
}
