//! Explains what S3 answered, and what to do about it.

use std::fmt::Write;

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Listing the objects below a prefix.
    List,
    /// Reading an object.
    Read,
    /// Writing an object.
    Write,
    /// Deleting objects.
    Delete,
}

/// How to get credentials that this program does not compute.
pub const EXPORT: &str = "`eval \"$(aws configure export-credentials --format env)\"`";

/// The longest message of a server that is shown, in characters.
const LONGEST: usize = 300;

/// A message for the user: the answer, after all retries, and what to do.
pub fn explained(error: &object_store::Error, purpose: Purpose, bucket: &str) -> String {
    if let object_store::Error::InvalidPath { source } = error {
        return format!("a key that cannot be read ({source}); name a longer prefix");
    }
    let text = error.to_string();
    let answer = Answer::of(&text);
    let mut sentence = answer.sentence(&text);
    if let Some(advice) = answer.advice(&text, purpose, bucket) {
        let _ = write!(sentence, "; {advice}");
    }
    sentence
}

/// What a server answered.
#[derive(Debug, Default)]
struct Answer<'t> {
    /// The HTTP status.
    status: Option<u16>,
    /// The code of the error, such as `AccessDenied`.
    code: Option<&'t str>,
    /// The message for humans.
    message: Option<&'t str>,
    /// The Region of the bucket, if the answer names it.
    region: Option<&'t str>,
}

impl<'t> Answer<'t> {
    fn of(text: &'t str) -> Answer<'t> {
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once(&format!("</{name}>"))?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
        Answer { status, code: element("Code"), message: element("Message"), region: element("Region") }
    }

    fn sentence(&self, text: &str) -> String {
        let status = self.status.map(|status| status.to_string());
        match (self.code, status) {
            (Some(code), status) => {
                let status = status.map_or_else(String::new, |status| format!(" ({status})"));
                let message = self.message.map_or_else(String::new, |message| format!(": {}", short(message)));
                format!("S3 answered {code}{status}{message}")
            }
            (None, Some(status)) => format!("S3 answered with the HTTP status {status}"),
            (None, None) if is_redirect(text) => "S3 answered with a redirect".to_owned(),
            (None, None) => format!("S3 cannot be read: {}", short(cause(text))),
        }
    }

    fn advice(&self, text: &str, purpose: Purpose, bucket: &str) -> Option<String> {
        let is_read = purpose == Purpose::Read;
        Some(match (self.code.unwrap_or_default(), self.status) {
            ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) => {
                self.other_region(bucket)
            }
            _ if is_redirect(text) => self.other_region(bucket),
            ("NoSuchBucket", _) => format!("check the name of the bucket `{bucket}`, and AWS_ENDPOINT_URL if it is set"),
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _)
            | (_, Some(401)) => format!("renew the credentials, for example with {EXPORT}"),
            ("RequestTimeTooSkewed", _) => "set the clock of this machine".to_owned(),
            ("InvalidObjectState", _) => {
                "the object is archived: restore it first (`aws s3api restore-object`), or load another prefix".to_owned()
            }
            (_, Some(403)) if self.message.is_some_and(|message| message.contains("kms:")) => {
                "allow the action kms:Decrypt on the key that encrypts the objects".to_owned()
            }
            (_, Some(403)) => match purpose {
                Purpose::List => format!("allow the action s3:ListBucket on arn:aws:s3:::{bucket}"),
                Purpose::Read => format!("allow the action s3:GetObject on arn:aws:s3:::{bucket}/*"),
                Purpose::Write => format!("allow the action s3:PutObject on arn:aws:s3:::{bucket}/*"),
                Purpose::Delete => format!("allow the action s3:DeleteObject on arn:aws:s3:::{bucket}/*"),
            },
            (_, Some(404)) if is_read => "the object was deleted after it was listed; run the command again".to_owned(),
            (_, Some(412)) => "the object changed while it was read; run the command again".to_owned(),
            ("SlowDown", _) | (_, Some(429 | 500..)) => "all retries failed, so run the command again later".to_owned(),
            ("", None) if matches_precondition(text) => "the object changed while it was read; run the command again".to_owned(),
            ("", None) => "check the network, and AWS_ENDPOINT_URL if it is set".to_owned(),
            _ => return None,
        })
    }

    fn other_region(&self, bucket: &str) -> String {
        match self.region {
            Some(region) => format!("the bucket is in another Region: set AWS_REGION={region}"),
            None => format!(
                "the bucket is in another Region: set AWS_REGION to the one that `aws s3api get-bucket-location --bucket {bucket}` shows"
            ),
        }
    }
}

fn is_redirect(text: &str) -> bool {
    text.contains("redirect without LOCATION") || text.contains("status code: 301") || text.contains("status code: 307")
}

fn matches_precondition(text: &str) -> bool {
    text.starts_with("Request precondition failure")
}

/// The cause without the address of the request, which the name of the file has.
fn cause(text: &str) -> &str {
    text.rsplit_once(" - ").map_or(text, |(_, cause)| cause)
}

/// One line of bounded length.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: &str, body: &str) -> object_store::Error {
        let text = format!(
            "Error performing GET http://127.0.0.1:9/logs/a in 3.1ms, after 2 retries, max_retries: 6, retry_timeout: 180s  - \
             Server returned non-2xx status code: {status}: {body}"
        );
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn answers_say_what_to_do() {
        let body = |code: &str, message: &str| format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        for (status, code, message, purpose, want) in [
            ("403 Forbidden", "AccessDenied", "Access Denied", Purpose::Read, "s3:GetObject on arn:aws:s3:::logs/*"),
            ("403 Forbidden", "AccessDenied", "Access Denied", Purpose::List, "s3:ListBucket on arn:aws:s3:::logs"),
            ("403 Forbidden", "AccessDenied", "Access Denied", Purpose::Write, "s3:PutObject on arn:aws:s3:::logs/*"),
            ("403 Forbidden", "AccessDenied", "Access Denied", Purpose::Delete, "s3:DeleteObject on arn:aws:s3:::logs/*"),
            ("403 Forbidden", "AccessDenied", "not authorized to perform: kms:Decrypt", Purpose::Read, "kms:Decrypt on the key"),
            ("404 Not Found", "NoSuchBucket", "none", Purpose::List, "check the name of the bucket `logs`"),
            ("404 Not Found", "NoSuchKey", "none", Purpose::Read, "deleted after it was listed"),
            ("403 Forbidden", "InvalidAccessKeyId", "no", Purpose::List, "export-credentials"),
            ("403 Forbidden", "InvalidObjectState", "no", Purpose::Read, "restore-object"),
            ("503 Slow Down", "SlowDown", "slow", Purpose::Read, "run the command again later"),
            ("412 Precondition Failed", "PreconditionFailed", "no", Purpose::Read, "changed while it was read"),
            ("301 Moved", "PermanentRedirect", "no", Purpose::List, "get-bucket-location --bucket logs"),
        ] {
            let found = explained(&error(status, &body(code, message)), purpose, "logs");
            assert!(found.starts_with(&format!("S3 answered {code} (")) && found.contains(want), "{found}");
            assert!(!found.contains("127.0.0.1"), "{found}");
        }
        let region = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        assert!(explained(&error("400 Bad Request", region), Purpose::List, "logs").ends_with("set AWS_REGION=eu-west-1"));
    }

    #[test]
    fn no_answer_names_the_cause() {
        let source = "Error performing GET http://127.0.0.1:1/ in 2s, after 6 retries  - HTTP error: error sending request";
        let error = object_store::Error::Generic { store: "S3", source: source.into() };
        let want = "S3 cannot be read: HTTP error: error sending request; check the network, and AWS_ENDPOINT_URL if it is set";
        assert_eq!(explained(&error, Purpose::List, "logs"), want);
        assert_eq!(short(&"x ".repeat(400)).chars().count(), LONGEST + 1);
    }
}
