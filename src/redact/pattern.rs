//! Names that are recognized by their format: ARNs, accounts, addresses, hosts, access keys, SSH keys, home folders, and the
//! values of JSON keys that say whose they are.

use super::column::Kind;
use regex::{Captures, Regex};
use std::ops::Range;
use std::sync::LazyLock;

/// A match in a text.
pub(super) struct Found {
    pub range: Range<usize>,
    pub what: What,
}

/// The kind of match.
pub(super) enum What {
    /// A name of this kind.
    Name(Kind),
    /// An ARN, with the offset of the colon before the account.
    Arn(usize),
    /// An id, which does not identify anybody.
    Id,
    /// The host of a public service: it is kept, but it can contain an account.
    Public,
}

/// The first matching alternative wins. UUIDs come first, so that their digits are not taken for an account.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)",
        r#"|(?P<arn>(?P<head>\barn:aws[a-z-]{0,20}:[a-zA-Z0-9-]{0,60}:[a-z0-9-]{0,40}):(?:\d{12}|aws)?:[^\s"'`,;()\[\]{}<>|]+)"#,
        r#"|(?P<coded>\b(?i:arn%3Aaws)[^\s"'`,;()\[\]{}<>|&]+)"#,
        r#"|(?:\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-(?:ssh|ecdsa)-[a-z0-9@.-]+) +(?P<ssh>AAAA[0-9A-Za-z+/=]+(?: +[^\s"',;\\]+)?))"#,
        r"|(?:\bassumed-role/(?P<assumed>[A-Za-z0-9_+=,.@%-]+/[A-Za-z0-9_+=,.@%-]+))",
        r"|(?P<mail>\b[A-Za-z0-9._%+-]+(?:@|%40)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b)",
        r"|(?P<six>(?:\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b)|(?:\b(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\b))",
        r"|(?P<four>\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b)",
        r"|(?P<host>\b(?i:ip|ec2)-\d{1,3}(?:-\d{1,3}){3}(?:\.[A-Za-z0-9-]+)*|\b(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.)+",
        r"(?i:com|net|org|io|dev|cloud|app|ai|co|internal|local|localdomain|lan|corp|intra|home|info|biz|eu|us|uk|de|fr|jp|cn|in|br|au|ca|nl|ch|se|no|tech|sh|xyz|aws|es|it|pl|at|be|dk|fi|ie|nz|kr|sg|za|mx|example|test|prod|priv|private|site|online|systems|services)\b(?:\.[a-z]{2}\b)?)",
        r"|(?P<key>\b(?:AKIA|ASIA|AROA|AIDA|ANPA|AGPA|ABIA|ACCA|AIPA|ANVA|APKA|ASCA)[A-Z0-9]{12,}(?::[A-Za-z0-9_+=,.@%-]{2,64})?)",
        r"|(?P<home>(?:/home/|/Users/|\\Users\\)(?P<person>[^/\\\s:]+))",
        r"|(?:(?:unknown|find) user (?P<login>[A-Za-z0-9._-]*[A-Za-z0-9_]))",
        // Values of JSON that say whose they are.
        r#"|(?:"(?:userName|username|user_name|user|roleSessionName|sessionName|sourceIdentity|principalId|owner|createdBy|created_by|submitted_by)\\*"\s*:\s*\\*"(?P<value>[^"\\]{2,}))"#,
        r#"|(?:"(?:hostname|host_name|hostName|host|privateDnsName|publicDnsName|dnsName|nodeName|node_name)\\*"\s*:\s*\\*"(?P<machine>[^"\\]{2,}))"#,
        r"|(?:\b|_)(?P<account>\d{12}|\d{4}-\d{4}-\d{4})(?:\b|_)",
    ))
    .expect("the pattern is compiled by every test")
});

static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\d{12}\b").expect("the pattern is compiled by every test"));

/// Public hosts.
const PUBLIC: &[&str] = &[
    "amazonaws.com",
    "amazonaws.com.cn",
    "docker.io",
    "docker.com",
    "public.ecr.aws",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "github.com",
];

/// User-chosen names in AWS host names.
const GIVEN: &[&str] = &["compute", "rds", "elb", "cache", "redshift", "es", "s3"];

/// The matches in a text, in order.
pub(super) fn find(text: &str) -> Vec<Found> {
    PATTERN.captures_iter(text).filter_map(|captures| found(&captures)).collect()
}

fn found(captures: &Captures<'_>) -> Option<Found> {
    let group = |name: &str| captures.name(name).map(|found| found.range());
    let name = |name: &str, kind| Some(Found { range: group(name)?, what: What::Name(kind) });
    if let Some(range) = group("uuid") {
        return Some(Found { range, what: What::Id });
    }
    if let Some(range) = group("arn") {
        let head = group("head").map_or(0, |head| head.len());
        return Some(Found { range, what: What::Arn(head) });
    }
    if let Some(host) = captures.name("host") {
        let what = if is_public(host.as_str()) { What::Public } else { What::Name(Kind::Host) };
        return Some(Found { range: host.range(), what });
    }
    if let Some(four) = captures.name("four") {
        // Unspecified addresses.
        let what = if four.as_str() == "0.0.0.0" { What::Id } else { What::Name(Kind::Ip) };
        return Some(Found { range: four.range(), what });
    }
    // Services of AWS and the root user are nobody.
    let is_nobody =
        |name: &str| name.ends_with(".amazonaws.com") || matches!(name, "root" | "AWS Internal" | "***masked***" | "localhost");
    for (group, kind) in [("value", Kind::User), ("machine", Kind::Host)] {
        if let Some(value) = captures.name(group) {
            let what = if is_nobody(value.as_str()) { What::Id } else { What::Name(kind) };
            return Some(Found { range: value.range(), what });
        }
    }
    name("mail", Kind::User)
        .or_else(|| name("coded", Kind::Arn))
        .or_else(|| name("ssh", Kind::User))
        .or_else(|| name("assumed", Kind::User))
        .or_else(|| name("six", Kind::Ip))
        .or_else(|| name("key", Kind::User))
        .or_else(|| name("person", Kind::User))
        .or_else(|| name("login", Kind::User))
        .or_else(|| name("account", Kind::Account))
}

fn is_public(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let public = PUBLIC.iter().any(|public| host == *public || host.ends_with(&format!(".{public}")));
    let labels = host.split('.').count();
    // `logs.eu-west-1.amazonaws.com` is an AWS service; `orders.c1x2.eu-west-1.rds.amazonaws.com` belongs to
    // somebody.
    let given = host.contains("amazonaws") && labels > 3 && host.split('.').any(|label| GIVEN.contains(&label));
    public && !given
}

/// Replaces the accounts in a text.
pub(super) fn account(text: &str, pseudonym: impl Fn(&str) -> String) -> String {
    ACCOUNT
        .replace_all(text, |captures: &Captures<'_>| pseudonym(captures.get(0).map_or("", |found| found.as_str())))
        .into_owned()
}
