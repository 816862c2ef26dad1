//! Reads a profile of the AWS CLI from `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

/// The settings of one profile. It may hold secrets, so it cannot be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    settings: BTreeMap<String, String>,
}

/// Settings whose credentials another program computes.
const COMPUTED: [&str; 9] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "login_session",
    "credential_process",
];

impl Profile {
    /// The profile with this name in the texts of the two files; a setting of the credentials file wins.
    pub fn read(name: &str, credentials: &str, config: &str) -> Option<Profile> {
        let mut profile = Profile::default();
        let in_config = read_section(config, &|section| profile_of(section) == Some(name), &mut profile.settings);
        let in_credentials = read_section(credentials, &|section| section == name, &mut profile.settings);
        (in_config || in_credentials).then_some(profile)
    }

    /// A setting.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The setting that makes another program compute the credentials. A role comes before the keys beside it, which are
    /// those of another user.
    pub fn computed_by(&self) -> Option<&'static str> {
        let is_set = |key: &&str| self.get(key).is_some();
        match self.get("role_arn") {
            Some(_) => Some("role_arn"),
            None if self.get("aws_access_key_id").is_some() => None,
            None => COMPUTED.into_iter().find(is_set),
        }
    }
}

/// The profile that a section of the configuration file describes.
fn profile_of(section: &str) -> Option<&str> {
    if section == "default" {
        return Some(section);
    }
    let name = section.strip_prefix("profile")?;
    name.starts_with([' ', '\t']).then(|| name.trim().trim_matches(['"', '\'']))
}

/// Reads the settings of the sections with a wanted name; returns whether there is one.
fn read_section(text: &str, is_wanted: &dyn Fn(&str) -> bool, settings: &mut BTreeMap<String, String>) -> bool {
    let (mut is_inside, mut is_nested, mut found) = (false, false, false);
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some((section, _)) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            is_inside = is_wanted(section.trim());
            is_nested = false;
            found |= is_inside;
            continue;
        }
        let Some((key, value)) = content.split_once('=').filter(|_| is_inside) else { continue };
        // Indented lines after `s3 =` are settings of `s3`.
        if is_nested && line.starts_with([' ', '\t']) {
            continue;
        }
        is_nested = value.trim().is_empty();
        settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
# mine
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key=abc/def+ghi==

[audit]
  aws_access_key_id = AKIDAUDIT
  aws_secret_access_key = two
  aws_session_token = three
";
    const CONFIG: &str = "\
[default]
region = eu-west-1
s3 =
    region = wrong
    max_concurrent_requests = 20
output = json
[profile audit]
region=us-east-2
[profile sso]
sso_session = corp
sso_account_id = 111122223333
[profile \"a b\"]
credential_process = /opt/bin/creds
[profile role]
role_arn = arn:aws:iam::111122223333:role/audit
aws_access_key_id = AKIDOTHER
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
";

    fn profile(name: &str) -> Profile {
        Profile::read(name, CREDENTIALS, CONFIG).unwrap()
    }

    #[test]
    fn profiles_are_merged_from_both_files() {
        let default = profile("default");
        assert_eq!(default.get("aws_access_key_id"), Some("AKIDDEFAULT"));
        assert_eq!(default.get("aws_secret_access_key"), Some("abc/def+ghi=="));
        assert_eq!((default.get("region"), default.get("output")), (Some("eu-west-1"), Some("json")));
        assert_eq!((default.get("max_concurrent_requests"), default.computed_by()), (None, None));
        let audit = profile("audit");
        assert_eq!((audit.get("aws_session_token"), audit.get("region")), (Some("three"), Some("us-east-2")));
        assert!(Profile::read("missing", CREDENTIALS, CONFIG).is_none());
        assert!(Profile::read("default", "", "").is_none());
    }

    #[test]
    fn credentials_of_other_programs_are_named() {
        for (name, by) in [("sso", "sso_session"), ("a b", "credential_process"), ("role", "role_arn")] {
            assert_eq!(profile(name).computed_by(), Some(by), "{name}");
        }
    }
}
