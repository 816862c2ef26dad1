//! Reads fields of JSON objects as column values.

use crate::decode::json::Value;
use std::borrow::Cow;

/// A text of a row.
pub(super) type Name<'a> = Option<Cow<'a, str>>;

/// The text, unless it is empty.
pub(super) fn name(text: &str) -> Name<'_> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// The text under a key, unless it is empty.
pub(super) fn text_at<'a>(value: Value<'a>, key: &str) -> Name<'a> {
    value.text_at(key).and_then(name)
}

/// The text in lower case, unless it is empty.
pub(super) fn lower(text: &str) -> Name<'_> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(text.to_ascii_lowercase()));
    }
    name(text)
}

/// The whole number under a key.
pub(super) fn int_at(value: Value<'_>, key: &str) -> Option<i64> {
    value.get(key).and_then(Value::int)
}

/// The first element of an array of texts under a key.
pub(super) fn first_at<'a>(value: Value<'a>, key: &str) -> Option<&'a str> {
    value.get(key)?.items().find_map(Value::text)
}
