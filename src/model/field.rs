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

/// A number of tasks, or of units of CPU or memory. They have 32 bits in the API of ECS and are not negative; another value
/// is none, and would overflow where such numbers are added up.
pub(super) fn whole_number(value: Value<'_>) -> Option<i64> {
    value.int().filter(|number| (0..=i64::from(i32::MAX)).contains(number))
}

/// An exit code: up to 32 bits, which Windows writes without a sign.
pub(super) fn exit_code(value: Value<'_>) -> Option<i64> {
    value.int().filter(|code| (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(code))
}

/// The first element of an array of strings under a key.
pub(super) fn first_at<'a>(value: Value<'a>, key: &str) -> Option<&'a str> {
    value.get(key)?.items().find_map(Value::text)
}
