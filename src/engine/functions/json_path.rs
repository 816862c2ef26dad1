//! `json_path(raw, '/a/b/0')`: the value at a path of a JSON text, as text.
//!
//! Scalars are returned as their text, objects and arrays as JSON; `null` and absent values are missing. If a key is
//! repeated, its last value counts. The path is a JSON pointer (RFC 6901).
//!
//! Few records have the key that is searched, and originals are most of what a store holds. Therefore a record is only
//! restored and parsed if its stored text has the key: `json_path(original(raw, ids…), path)` becomes
//! `json_path(raw, ids…, path)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility, lit,
};
use memchr::memmem;

use super::argument;
use super::original::ORIGINAL;
use crate::decode::json::{Tape, Value};
use crate::lang::checked::PathPart;
use crate::table::{ID_PLACEHOLDERS, OwnIds, restore};

/// The arguments with the ids of a stored text: the text, its ids and the path.
const WITH_IDS: usize = 2 + ID_PLACEHOLDERS.len();

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPath {
    signature: Signature,
}

/// The function, for registration under its name.
pub fn json_path_function() -> ScalarUDF {
    let either = vec![TypeSignature::Any(2), TypeSignature::Any(WITH_IDS)];
    ScalarUDF::new_from_impl(JsonPath { signature: Signature::one_of(either, Volatility::Immutable) })
}

/// The values at a path of a column of JSON texts.
pub fn json_path(raw: Expr, path: &[PathPart]) -> Expr {
    json_path_function().call(vec![raw, lit(pointer(path))])
}

/// A path as a JSON pointer.
pub fn pointer(path: &[PathPart]) -> String {
    let mut text = String::new();
    for part in path {
        text.push('/');
        match part {
            PathPart::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            PathPart::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

/// The steps of a JSON pointer; none if it is invalid.
fn steps(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

fn descend<'t>(value: Value<'t>, step: &str) -> Option<Value<'t>> {
    if value.is_array() {
        return value.items().nth(step.parse().ok()?);
    }
    value.get(step)
}

/// The text at a path; none without a value or for invalid JSON.
fn find(json: &str, steps: &[String]) -> Option<String> {
    let tape = Tape::parse(json).ok()?;
    let value = steps.iter().try_fold(tape.root(), |value, step| descend(value, step))?;
    if value.is_null() {
        return None;
    }
    Some(match value.scalar() {
        Some(text) => text.into_owned(),
        None => {
            let mut text = String::new();
            value.write(&mut text);
            text
        }
    })
}

/// A search for the value at a path in stored texts.
struct Search {
    steps: Vec<String>,
    /// The longest key of the path, and the same in quotes as most records have it. None if it has characters that JSON
    /// may write in more than one way without `\u`.
    key: Option<(String, memmem::Finder<'static>)>,
}

impl Search {
    fn new(steps: Vec<String>) -> Search {
        let is_plain =
            |key: &&String| key.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/'));
        // A step of digits may be the index of a list.
        let is_key = |step: &&String| step.bytes().any(|byte| !byte.is_ascii_digit());
        let key = steps.iter().filter(is_key).filter(is_plain).max_by_key(|key| key.len());
        let key = key.map(|key| (key.clone(), memmem::Finder::new(&format!("\"{key}\"")).into_owned()));
        Search { steps, key }
    }

    /// The value in a stored text whose ids are in other columns.
    fn find(&self, stored: &str, ids: OwnIds<'_>) -> Option<String> {
        if self.may_have_key(stored, &ids) { find(&restore(stored, ids), &self.steps) } else { None }
    }

    fn may_have_key(&self, stored: &str, ids: &OwnIds<'_>) -> bool {
        let Some((key, quoted)) = &self.key else { return true };
        quoted.find(stored.as_bytes()).is_some()
            || ids.iter().flatten().any(|id| id == key)
            || has_escaped_character(stored.as_bytes())
    }
}

/// Whether a text has a character as `\u…`, apart from the placeholders of its ids.
fn has_escaped_character(text: &[u8]) -> bool {
    let is_placeholder = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        ID_PLACEHOLDERS.iter().any(|(placeholder, _)| rest.starts_with(placeholder.as_bytes()))
    };
    memmem::find_iter(text, b"\\u").any(|at| !is_placeholder(at))
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &str {
        "json_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn simplify(&self, arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match arguments.as_slice() {
            [Expr::ScalarFunction(call), path] if call.name() == ORIGINAL => {
                let parts = call.args.iter().chain([path]).cloned().collect();
                Ok(ExprSimplifyResult::Simplified(json_path_function().call(parts)))
            }
            _ => Ok(ExprSimplifyResult::Original(arguments)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let steps = match argument(&args.args, args.args.len().saturating_sub(1))? {
            ColumnarValue::Scalar(
                ScalarValue::Utf8(Some(path)) | ScalarValue::Utf8View(Some(path)) | ScalarValue::LargeUtf8(Some(path)),
            ) => steps(path),
            _ => None,
        };
        let Some(steps) = steps else {
            return exec_err!("json_path requires a constant JSON pointer, such as json_path(raw, '/requestParameters/count')");
        };
        let texts = |at: usize| -> Result<ArrayRef> {
            Ok(cast(&argument(&args.args, at)?.to_array(args.number_rows)?, &DataType::Utf8View)?)
        };
        let records = texts(0)?;
        let ids =
            if args.args.len() == WITH_IDS { (1..WITH_IDS - 1).map(texts).collect::<Result<Vec<_>>>()? } else { Vec::new() };
        let ids: Vec<_> = ids.iter().map(|ids| ids.as_string_view()).collect();
        let search = Search::new(steps);
        let mut found = StringViewBuilder::with_capacity(records.len());
        for (row, record) in records.as_string_view().iter().enumerate() {
            let mut own = OwnIds::default();
            own.iter_mut().zip(&ids).for_each(|(own, ids)| *own = ids.is_valid(row).then(|| ids.value(row)));
            found.append_option(record.and_then(|record| search.find(record, own)));
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let json = r#"{"a":{"b":[1,"two",null,{"c":true}],"a/b":"x"},"n":12345678901234567890,"a2":1.5,"k":1,"k":2}"#;
        for (path, expected) in [
            ("/a/b/0", Some("1")),
            ("/a/b/1", Some("two")),
            ("/a/b/2", None),
            ("/a/b/3/c", Some("true")),
            ("/a/b/3", Some(r#"{"c":true}"#)),
            ("/a/b/9", None),
            ("/a/b/x", None),
            ("/a/a~1b", Some("x")),
            ("/n", Some("12345678901234567890")),
            ("/a2", Some("1.5")),
            ("/k", Some("2")),
            ("/missing/x", None),
        ] {
            assert_eq!(find(json, &steps(path).unwrap()).as_deref(), expected, "{path}");
        }
        assert_eq!(find("not json", &[]), None);
        assert_eq!(steps("a.b"), None);
    }

    #[test]
    fn a_stored_text_has_the_value_of_its_original() {
        let id = "7a9d8e0f-0b1c-4d2e-8f3a-4b5c6d7e8f90";
        let ids: OwnIds<'_> = [Some(id), None, None];
        for (stored, path, expected) in [
            (r#"{"eventID":"\u0001","a":{"bucketName":"prod"}}"#, "/a/bucketName", Some("prod")),
            (r#"{"eventID":"\u0001","a":{}}"#, "/eventID", Some(id)),
            (r#"{"eventID":"\u0001","a":{}}"#, "/a/bucketName", None),
            // A key with an escape, and one that is an id.
            (r#"{"a":{"bucket\u004eame":"prod"}}"#, "/a/bucketName", Some("prod")),
            (r#"{"\u0001":"x"}"#, "/7a9d8e0f-0b1c-4d2e-8f3a-4b5c6d7e8f90", Some("x")),
            (r#"{"a\/b":"x"}"#, "/a~1b", Some("x")),
            (r#"[{"b":"x"}]"#, "/0/b", Some("x")),
            (r#"["x"]"#, "/0", Some("x")),
            (r#"{"0":"x"}"#, "/0", Some("x")),
            (r#"{"1":{"b":1}}"#, "", Some(r#"{"1":{"b":1}}"#)),
        ] {
            let search = Search::new(steps(path).unwrap());
            assert_eq!(search.find(stored, ids).as_deref(), expected, "{path} in {stored}");
            assert_eq!(find(&restore(stored, ids), &search.steps).as_deref(), expected, "{path} in {stored}");
        }
        let search = Search::new(steps("/a/bucketName").unwrap());
        assert!(!search.may_have_key(r#"{"eventID":"\u0001","bucket":"x"}"#, &ids));
    }

    #[test]
    fn pointers_escape_their_signs() {
        let path = [PathPart::Key("a/b~c".into()), PathPart::Index(3)];
        let text = pointer(&path);
        assert_eq!(text, "/a~1b~0c/3");
        assert_eq!(steps(&text).unwrap(), ["a/b~c", "3"]);
    }
}
