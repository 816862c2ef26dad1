//! Extracts names and numbers from a message into columns of a failure: image, secret, role, action, quota, …
//!
//! In: a failure with a message, and the matching entry. A pattern fills a column by a capture group with the same
//! name.

use super::arn;
use super::catalog::{Entry, FailureCatalog};
use super::field::name;
use crate::table::Failure;
use std::borrow::Cow;

/// Capture groups that fill columns.
pub(super) const GROUPS: [&str; 15] = [
    "image",
    "tag",
    "registry",
    "secret",
    "role",
    "action",
    "subnet",
    "quota",
    "requested",
    "required",
    "available",
    "free",
    "principal",
    "resource",
    "limit",
];

/// Fills the columns named in a message.
pub(super) fn fill_names(failure: &mut Failure<'_>, entry: Option<&Entry>) {
    if let Some(entry) = entry.filter(|entry| FailureCatalog::current().names_columns(entry)) {
        for (group, value) in caught(failure, entry) {
            put(failure, &group, &value);
        }
    }
    let secret = failure.phase.as_deref() == Some("config_fetch") && failure.secret.is_none();
    if let Some(found) = failure.message.as_deref().filter(|_| secret).and_then(secret_arn).map(str::to_owned) {
        failure.secret = Some(Cow::Owned(found));
    }
    if let Some(quota) = entry.and_then(|entry| entry.id.strip_prefix("quota-")).filter(|_| failure.quota.is_none()) {
        let spot = quota == "fargate-vcpu" && failure.capacity_provider.as_deref() == Some("FARGATE_SPOT");
        failure.quota = Some(if spot { Cow::Borrowed("fargate_spot_vcpu") } else { Cow::Owned(quota.replace('-', "_")) });
    }
    let Some((registry, tag)) = failure.image.as_deref().map(image_parts) else { return };
    let (registry, tag) = (registry.map(str::to_owned), tag.map(str::to_owned));
    failure.tag = failure.tag.take().or(tag.map(Cow::Owned));
    failure.registry = registry.map(Cow::Owned).or(failure.registry.take()).or(Some(Cow::Borrowed(DOCKER_HUB)));
}

/// The registry of images without a registry name.
const DOCKER_HUB: &str = "docker.io";

/// The image that could not be pulled is the one in the message, unless it is part of the recorded name.
fn put_image(failure: &mut Failure<'_>, named: &str) {
    let is_known = failure.image.as_deref().is_some_and(|image| image.contains(named));
    if !is_known && (failure.image.is_none() || failure.phase.as_deref() == Some("image_pull")) {
        failure.image = Some(Cow::Owned(named.to_owned()));
    }
}

/// The captures of the entry's pattern in the message, or in code and message.
fn caught(failure: &Failure<'_>, entry: &Entry) -> Vec<(String, String)> {
    let catalog = FailureCatalog::current();
    let message = failure.message.as_deref().unwrap_or_default();
    let owned = |caught: Vec<(String, &str)>| caught.into_iter().map(|(group, value)| (group, value.to_owned())).collect();
    let found = catalog.captures(entry, message);
    match failure.reason.as_deref() {
        Some(reason) if found.is_empty() => owned(catalog.captures(entry, &format!("{reason}: {message}"))),
        _ => owned(found),
    }
}

fn put(failure: &mut Failure<'_>, group: &str, value: &str) {
    let number = || value.replace(',', "").parse::<i64>().ok();
    let slot = match group {
        "requested" | "required" => return failure.requested = failure.requested.or_else(number),
        "available" | "free" | "limit" => return failure.available = failure.available.or_else(number),
        "image" => return put_image(failure, value),
        "tag" => &mut failure.tag,
        "registry" => {
            return failure.registry = image_parts(value).0.map(|host| Cow::Owned(host.to_owned())).or(failure.registry.take());
        }
        "secret" => &mut failure.secret,
        "action" => &mut failure.action,
        "subnet" => &mut failure.subnet,
        "quota" => &mut failure.quota,
        "role" => &mut failure.role,
        "principal" => {
            return failure.role = failure.role.take().or_else(|| role_of(value).map(|role| Cow::Owned(role.to_owned())));
        }
        "resource" if secret_arn(value).is_some() => &mut failure.secret,
        _ => return,
    };
    // Values in the record take precedence.
    if slot.is_none() {
        *slot = name(value).map(|value| Cow::Owned(value.into_owned()));
    }
}

/// The role of a session (`arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`) or of a role ARN.
fn role_of(principal: &str) -> Option<&str> {
    let resource = principal.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
    let mut parts = resource.split('/');
    match parts.next()? {
        "assumed-role" => parts.next(),
        "role" => Some(arn::short(resource)),
        _ => None,
    }
}

/// The ARN of a secret or parameter in a text.
fn secret_arn(text: &str) -> Option<&str> {
    let from = text.get(text.find("arn:aws")?..)?;
    let mut words =
        from.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '"' | '\'' | '‘' | '’' | ')'));
    let is_secret = |word: &&str| word.starts_with("arn:") && (word.contains(":secretsmanager:") || word.contains(":ssm:"));
    words.find(is_secret).map(|word| word.trim_end_matches([':', '.']))
}

/// The registry of an image, and its tag or digest.
fn image_parts(image: &str) -> (Option<&str>, Option<&str>) {
    let (path, digest) = image.split_once('@').map_or((image, None), |(path, digest)| (path, Some(digest)));
    let is_host = |host: &&str| host.contains(['.', ':']) || *host == "localhost";
    let registry = path.split_once('/').map(|(host, _)| host).filter(is_host);
    let last = path.rsplit('/').next().unwrap_or(path);
    (registry, last.split_once(':').map(|(_, tag)| tag).or(digest).filter(|tag| !tag.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::super::catalog::TextKind;
    use super::super::failure::classify;
    use super::*;

    fn named(kind: TextKind, text: &str) -> Failure<'_> {
        let mut failure = Failure { kind: name("task"), message: name(text), ..Failure::default() };
        classify(kind, text).fill(&mut failure);
        failure
    }

    #[test]
    fn images_in_parts() {
        for (image, want) in [
            (
                "111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1",
                (Some("111122223333.dkr.ecr.us-east-1.amazonaws.com"), Some("1")),
            ),
            ("library/nginx", (None, None)),
            ("nginx:alpine", (None, Some("alpine"))),
            ("localhost:5000/a/b:c", (Some("localhost:5000"), Some("c"))),
            ("ghcr.io/a/b@sha256:ab", (Some("ghcr.io"), Some("sha256:ab"))),
            ("", (None, None)),
        ] {
            assert_eq!(image_parts(image), want, "{image}");
        }
    }

    #[test]
    fn messages_name_secrets_roles_and_actions() {
        let text = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
                    unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
                    arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf from secrets manager: AccessDeniedException: \
                    User: arn:aws:sts::111122223333:assumed-role/ecsTaskExecutionRole/0a1b is not authorized to perform: \
                    secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf";
        let failure = named(TextKind::TaskStoppedReason, text);
        assert_eq!(failure.secret.as_deref(), Some("arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"));
        assert_eq!(failure.role.as_deref(), Some("ecsTaskExecutionRole"));
        assert_eq!(failure.action.as_deref(), Some("secretsmanager:GetSecretValue"));
        assert_eq!(failure.confidence.as_deref(), Some("observed"));
    }

    #[test]
    fn the_image_is_the_one_that_the_message_names() {
        let pulled = |image: &'static str, text: &'static str| {
            let mut failure = Failure { image: name(image), message: name(text), ..Failure::default() };
            classify(TextKind::TaskStoppedReason, text).fill(&mut failure);
            let parts = [failure.image, failure.registry, failure.tag];
            parts.map(|part| part.unwrap_or_default().into_owned())
        };
        let text = "CannotPullContainerError: The task cannot pull ghcr.io/shop/mailer:2.4 from the registry ghcr.io/shop/mailer:2.4. \
                    There is a connection issue between the task and the registry. Check your task network configuration.";
        assert_eq!(pulled("example.com/sidecar:1", text), ["ghcr.io/shop/mailer:2.4", "ghcr.io", "2.4"]);
        let short = "CannotPullContainerError: pull access denied for shop/mailer, repository does not exist";
        assert_eq!(pulled("ghcr.io/shop/mailer:2.4", short), ["ghcr.io/shop/mailer:2.4", "ghcr.io", "2.4"]);
        assert_eq!(pulled("nginx", short), ["shop/mailer", "docker.io", ""]);
    }

    #[test]
    fn numbers_and_quotas() {
        let failure = named(TextKind::ApiFailure, "You've reached the limit on the number of vCPUs you can run concurrently");
        assert_eq!((failure.quota.as_deref(), failure.requested), (Some("fargate_vcpu"), None));
        let text = "CannotCreateContainerError: devmapper: Thin Pool has 4350 free data blocks which is less than minimum \
                    required 4454 free data blocks. Create more free space in thin pool or use dm.min_free_space option to \
                    change behavior";
        let failure = named(TextKind::ContainerReason, text);
        assert_eq!((failure.requested, failure.available), (Some(4454), Some(4350)), "{:?}", failure.cause);
    }
}
