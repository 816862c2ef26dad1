//! `message_template(message)`: masks the variable parts of a message, so that messages of the same kind are equal.
//!
//! Times, ARNs, image names, digests, ids, addresses and numbers are masked; words are kept. The same text always has
//! the same template.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use regex::{Captures, Regex};

use super::argument;

/// The patterns to mask, with their replacements. If several match at the same place, the first one wins.
const PARTS: &[(&str, &str)] = &[
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"\barn:aws[\w-]*:[^\s,;'\x22)\]}]+", "<arn>"),
    (r"\b\d{12}\.dkr\.ecr\.[^\s,;'\x22)\]}]+", "<image>"),
    (r"\b(?:https?|wss?)://[^\s,;'\x22)\]}]+", "<url>"),
    (r"\bsha(?:256|512):[0-9a-fA-F]+", "<digest>"),
    (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "<id>"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/\d{1,2})?\b", "<address>"),
    (r"\b(?:i|eni|subnet|sg|vpc|vol|fs|ami|rtb|nat|vpce|acl|eipalloc|lt|snap)-[0-9a-f]{8,17}\b", "<id>"),
    // Hexadecimal ids must contain a digit, because they could be words otherwise.
    (r"\b[0-9a-fA-F]*\d[0-9a-fA-F]*[a-fA-F][0-9a-fA-F]{6,}\b|\b[0-9a-fA-F]*[a-fA-F][0-9a-fA-F]*\d[0-9a-fA-F]{6,}\b", "<id>"),
    (r"\d+(?:\.\d+)?", "<n>"),
];

static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let groups: Vec<String> = PARTS.iter().map(|(pattern, _)| format!("({pattern})")).collect();
    Regex::new(&groups.join("|")).expect("the patterns must be constants")
});

/// The template of a message; white space is trimmed, and inner white space becomes one space.
pub fn template_of(message: &str) -> String {
    let masked: Cow<'_, str> = ANY.replace_all(message, |found: &Captures<'_>| {
        let part = (1..=PARTS.len()).find(|group| found.get(*group).is_some());
        part.and_then(|group| PARTS.get(group - 1)).map_or("", |(_, mask)| mask)
    });
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MessageTemplate {
    signature: Signature,
}

/// The function, for registration under its name.
pub fn message_template_function() -> ScalarUDF {
    ScalarUDF::new_from_impl(MessageTemplate { signature: Signature::any(1, Volatility::Immutable) })
}

impl ScalarUDFImpl for MessageTemplate {
    fn name(&self) -> &str {
        "message_template"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = cast(&argument(&args.args, 0)?.to_array(args.number_rows)?, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let mut found = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            found.append_option(text.map(template_of));
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_parts_are_masked_and_words_stay() {
        for (message, template) in [
            ("Host i-0123456789abcdef0 went away after 32.5 s", "Host <id> went away after <n> s"),
            ("task 0123456789abcdef0123456789abcdef failed", "task <id> failed"),
            ("no route from 10.0.1.7:443 to 10.0.0.0/16", "no route from <address> to <address>"),
            ("pull 111122223333.dkr.ecr.us-east-1.amazonaws.com/web:v1, again", "pull <image>, again"),
            ("role arn:aws:iam::111122223333:role/x: denied", "role <arn> denied"),
            ("at 2026-03-04T02:10:00.123Z  digest sha256:ab12\n", "at <time> digest <digest>"),
            ("request 3f2a-x deadbeef cafe", "request <n>f<n>a-x deadbeef cafe"),
            ("run 6e1c7a10-5b1e-4d6e-9d5c-0a1b2c3d4e5f done", "run <id> done"),
            ("", ""),
        ] {
            assert_eq!(template_of(message), template, "{message}");
        }
    }

    #[test]
    fn a_template_is_its_own_template() {
        for message in ["Host i-0123456789abcdef0 took 3 s", "x 10.1.1.1 y sha256:00 z"] {
            let once = template_of(message);
            assert_eq!(template_of(&once), once);
        }
    }
}
