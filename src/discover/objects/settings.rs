//! Finds the credentials, the Region and the endpoint for a bucket.
//!
//! In: environment variables, which the command line reads, and the files of the AWS CLI. Out: a client. Invariant:
//! secrets appear in no message, and missing credentials are an error within seconds.

use super::answer::EXPORT;
use super::profile::Profile;
use super::transfers::Transfers;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, resolve_bucket_region};
use object_store::client::SpawnedReqwestConnector;
use object_store::{ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take. Requests are for at most 16 MiB.
const REQUEST: Duration = Duration::from_secs(120);
/// Retries of a request: about ten seconds with the pauses in between.
const RETRIES: usize = 6;
/// How long an instance may take to give credentials. Elsewhere, nothing answers.
const METADATA: Duration = Duration::from_secs(2);
/// How long S3 may take to name the Region of a bucket.
const REGION: Duration = Duration::from_secs(5);

/// The environment variables that matter for S3.
#[derive(Clone, Default)]
pub struct S3Settings {
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for S3Settings {
    // The values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings").field("variables", &self.variables.keys()).finish()
    }
}

/// Where credentials come from.
enum Credentials {
    /// The request is not signed.
    None,
    /// From the environment: keys, a web identity or a container.
    Environment,
    /// From a profile.
    Profile(AwsCredential),
    /// From the metadata of an EC2 instance.
    Instance,
}

impl S3Settings {
    /// The settings in environment variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> S3Settings {
        let matters = |name: &str| name.starts_with("AWS_") || name == "HOME" || name == "USERPROFILE";
        let variables = variables.into_iter().filter(|(name, value)| matters(name) && !value.is_empty());
        S3Settings { variables: variables.collect() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| ["1", "true", "yes", "on", "y"].contains(&value.to_ascii_lowercase().as_str()))
    }

    /// A client for a bucket; the error is a message for the user.
    pub fn open(&self, bucket: &str, transfers: &Transfers) -> Result<Arc<dyn ObjectStore>, String> {
        self.client(AmazonS3Builder::new(), bucket, transfers)
    }

    /// The same for engines, which send requests from threads of their own: a connection belongs to the runtime that opened
    /// it, so the threads of the transfers open every connection.
    pub fn open_for_engines(&self, bucket: &str, transfers: &Transfers) -> Result<Arc<dyn ObjectStore>, String> {
        let connector = SpawnedReqwestConnector::new(transfers.handle().clone());
        self.client(AmazonS3Builder::new().with_http_connector(connector), bucket, transfers)
    }

    fn client(&self, builder: AmazonS3Builder, bucket: &str, transfers: &Transfers) -> Result<Arc<dyn ObjectStore>, String> {
        let profile = self.profile();
        let credentials = self.credentials(&profile)?;
        let endpoint = self.endpoint()?;
        let retry = RetryConfig { max_retries: RETRIES, ..RetryConfig::default() };
        let mut builder = builder.with_client_options(ClientOptions::new().with_timeout(REQUEST)).with_retry(retry);
        for (name, value) in self.variables.iter().filter(|(name, _)| name.starts_with("AWS_")) {
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        builder = builder.with_bucket_name(bucket).with_allow_http(endpoint.is_some_and(is_plain_http));
        match credentials {
            Credentials::None => builder = builder.with_skip_signature(true),
            Credentials::Environment => {}
            Credentials::Profile(credential) => {
                builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
            }
            Credentials::Instance => {
                let probe = builder.clone().build().map_err(|error| error.to_string())?;
                let provider = Arc::clone(probe.credentials());
                let credential = transfers.block_on(async { tokio::time::timeout(METADATA, provider.get_credential()).await });
                if !matches!(credential, Ok(Ok(_))) {
                    return Err(no_credentials());
                }
                builder = builder.with_credentials(provider);
            }
        }
        let region = match self.region(profile.as_ref().ok().and_then(Option::as_ref)) {
            None if endpoint.is_none() => transfers.block_on(region_of_bucket(bucket)),
            region => region,
        };
        if let Some(region) = region {
            if endpoint.is_none() && region.starts_with("cn-") {
                builder = builder.with_endpoint(format!("https://s3.{region}.amazonaws.com.cn"));
            }
            builder = builder.with_region(region);
        }
        let store = builder.build().map_err(|error| error.to_string())?;
        Ok(Arc::new(store))
    }

    /// The order is that of the AWS CLI, except that the roles of profiles are not assumed.
    fn credentials(&self, profile: &Result<Option<Profile>, String>) -> Result<Credentials, String> {
        let has = |name: &str| self.get(name).is_some();
        if self.is_true("AWS_SKIP_SIGNATURE") {
            return Ok(Credentials::None);
        }
        match (has("AWS_ACCESS_KEY_ID"), has("AWS_SECRET_ACCESS_KEY")) {
            (true, true) => return Ok(Credentials::Environment),
            (true, false) => return Err("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both".to_owned()),
            (false, true) => return Err("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not; set both".to_owned()),
            (false, false) => {}
        }
        if has("AWS_WEB_IDENTITY_TOKEN_FILE") && has("AWS_ROLE_ARN") {
            return Ok(Credentials::Environment);
        }
        if let Some(profile) = profile.as_ref().map_err(String::clone)? {
            if let Some(by) = profile.computed_by() {
                return Err(format!(
                    "the credentials of the AWS profile `{}` come from `{by}`, which ecs-audit does not support; export them first with {EXPORT}",
                    self.profile_name()
                ));
            }
            if let (Some(key), Some(secret)) = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
                return Ok(Credentials::Profile(AwsCredential {
                    key_id: key.to_owned(),
                    secret_key: secret.to_owned(),
                    token: profile.get("aws_session_token").map(str::to_owned),
                }));
            }
        }
        if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return Ok(Credentials::Environment);
        }
        if has("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return match has("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
                true => Ok(Credentials::Environment),
                false => Err(format!(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is read only together with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE; \
                     export the credentials first with {EXPORT}"
                )),
            };
        }
        if self.is_true("AWS_EC2_METADATA_DISABLED") { Err(no_credentials()) } else { Ok(Credentials::Instance) }
    }

    fn profile_name(&self) -> &str {
        self.get("AWS_PROFILE").unwrap_or("default")
    }

    /// The profile that is named, or the default one if there is one.
    fn profile(&self) -> Result<Option<Profile>, String> {
        let home = self.get("HOME").or(self.get("USERPROFILE")).map(PathBuf::from);
        let file = |variable: &str, name: &str| {
            let path = self.get(variable).map(PathBuf::from);
            path.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
        };
        let [credentials, config] = [file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")]
            .map(|path| text_of(path.as_deref()));
        let name = self.profile_name();
        match Profile::read(name, &credentials, &config) {
            None if self.get("AWS_PROFILE").is_some() => {
                Err(format!("the AWS profile `{name}` is neither in ~/.aws/credentials nor in ~/.aws/config"))
            }
            profile => Ok(profile),
        }
    }

    /// The address of an S3-compatible server.
    fn endpoint(&self) -> Result<Option<&str>, String> {
        let endpoint = self.get("AWS_ENDPOINT_URL_S3").or(self.get("AWS_ENDPOINT_URL")).or(self.get("AWS_ENDPOINT"));
        match endpoint {
            Some(address) if !is_plain_http(address) && !starts(address, "https://") => {
                Err("AWS_ENDPOINT_URL has no scheme; expected an address such as `http://127.0.0.1:9000`".to_owned())
            }
            endpoint => Ok(endpoint),
        }
    }

    fn region(&self, profile: Option<&Profile>) -> Option<String> {
        let variable = self.get("AWS_REGION").or(self.get("AWS_DEFAULT_REGION"));
        variable.or_else(|| profile?.get("region")).map(str::to_owned)
    }
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Whether requests to an endpoint are not encrypted, as on the same machine.
fn is_plain_http(endpoint: &str) -> bool {
    starts(endpoint, "http://")
}

/// The Region that S3 names for a bucket, without credentials.
async fn region_of_bucket(bucket: &str) -> Option<String> {
    let options = ClientOptions::new();
    tokio::time::timeout(REGION, resolve_bucket_region(bucket, &options)).await.ok()?.ok()
}

fn no_credentials() -> String {
    format!(
        "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile that has them with \
         AWS_PROFILE; for SSO and roles, run {EXPORT}; for a public bucket, set AWS_SKIP_SIGNATURE to true"
    )
}

/// The text of a file; empty if it cannot be read.
fn text_of(path: Option<&Path>) -> String {
    path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> S3Settings {
        S3Settings::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    /// The origin of the credentials, or the message.
    fn origin(variables: &[(&str, &str)]) -> String {
        let settings = settings(variables);
        match settings.credentials(&settings.profile()) {
            Ok(Credentials::None) => "none".to_owned(),
            Ok(Credentials::Environment) => "environment".to_owned(),
            Ok(Credentials::Profile(credential)) => credential.key_id,
            Ok(Credentials::Instance) => "instance".to_owned(),
            Err(message) => message,
        }
    }

    #[test]
    fn credentials_are_found_in_the_order_of_the_cli() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(
            home.path().join(".aws/credentials"),
            "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n[keyless]\nx = y\n",
        )
        .unwrap();
        std::fs::write(home.path().join(".aws/config"), "[profile corp]\nsso_session = corp\n").unwrap();
        let at_home = ("HOME", home.path().to_str().unwrap());
        let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "swordfish")];
        assert_eq!(origin(&[]), "instance");
        assert_eq!(origin(&keys), "environment");
        assert_eq!(origin(&[at_home]), "AKIDDEFAULT");
        assert_eq!(origin(&[at_home, keys[0], keys[1]]), "environment");
        assert_eq!(origin(&[at_home, ("AWS_SKIP_SIGNATURE", "true")]), "none");
        assert_eq!(
            origin(&[at_home, ("AWS_PROFILE", "keyless"), ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")]),
            "environment"
        );
        for (variables, word) in [
            (&keys[..1], "AWS_SECRET_ACCESS_KEY is not"),
            (&keys[1..], "AWS_ACCESS_KEY_ID is not"),
            (&[at_home, ("AWS_PROFILE", "corp")], "come from `sso_session`"),
            (&[at_home, ("AWS_PROFILE", "other")], "profile `other` is neither"),
            (&[("AWS_EC2_METADATA_DISABLED", "true")], "no AWS credentials"),
            (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x")], "export-credentials"),
        ] {
            let message = origin(variables);
            assert!(message.contains(word) && !message.contains("swordfish"), "{message}");
        }
        assert!(!format!("{:?}", settings(&keys)).contains("swordfish"));
    }

    #[test]
    fn endpoints_need_a_scheme() {
        let endpoint =
            |address: &str| settings(&[("AWS_ENDPOINT_URL", address)]).endpoint().map(|found| found.map(str::to_owned));
        assert_eq!(endpoint("http://127.0.0.1:9000"), Ok(Some("http://127.0.0.1:9000".to_owned())));
        assert_eq!(endpoint(""), Ok(None));
        assert!(endpoint("127.0.0.1:9000").is_err());
        let both = settings(&[("AWS_ENDPOINT_URL", "https://a"), ("AWS_ENDPOINT_URL_S3", "https://b")]);
        assert_eq!(both.endpoint(), Ok(Some("https://b")));
        assert!(is_plain_http("HTTP://a") && !is_plain_http("https://a"));
    }

    #[test]
    fn messages_keep_their_words() {
        use crate::decode::secret::mask_text;
        for message in [no_credentials(), origin(&[("AWS_ACCESS_KEY_ID", "A")]), origin(&[("AWS_SECRET_ACCESS_KEY", "s")])] {
            assert_eq!(mask_text(&message), message);
        }
    }
}
