//! Reads fields of JSON objects as column values.

use crate::decode::json::Value;
use std::borrow::Cow;

/// A string column.
pub(super) type Name<'a> = Option<Cow<'a, str>>;

/// The string, unless it is empty.
pub(super) fn name(text: &str) -> Name<'_> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// The string under a key, unless it is empty.
pub(super) fn text_at<'a>(value: Value<'a>, key: &str) -> Name<'a> {
    value.text_at(key).and_then(name)
}

/// The string in lower case, unless it is empty.
pub(super) fn lower(text: &str) -> Name<'_> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(text.to_ascii_lowercase()));
    }
    name(text)
}

/// The integer under a key.
pub(super) fn int_at(value: Value<'_>, key: &str) -> Option<i64> {
    value.get(key).and_then(Value::int)
}

/// The first element of an array of strings under a key.
pub(super) fn first_at<'a>(value: Value<'a>, key: &str) -> Option<&'a str> {
    value.get(key)?.items().find_map(Value::text)
}
