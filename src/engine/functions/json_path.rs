//! `json_path(raw, '/a/b/0')`: the value at a path of a JSON text, as text.
//!
//! Scalars are returned as their text, objects and arrays as JSON; `null` and absent values are missing. If a key is
//! repeated, its last value counts. The path is a JSON pointer (RFC 6901).

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit};

use super::argument;
use crate::decode::json::{Tape, Value};
use crate::lang::checked::PathPart;

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPath {
    signature: Signature,
}

/// The function, for registration under its name.
pub fn json_path_function() -> ScalarUDF {
    ScalarUDF::new_from_impl(JsonPath { signature: Signature::any(2, Volatility::Immutable) })
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

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let steps = match argument(&args.args, 1)? {
            ColumnarValue::Scalar(
                ScalarValue::Utf8(Some(path)) | ScalarValue::Utf8View(Some(path)) | ScalarValue::LargeUtf8(Some(path)),
            ) => steps(path),
            _ => None,
        };
        let Some(steps) = steps else {
            return exec_err!("json_path requires a constant JSON pointer, such as json_path(raw, '/requestParameters/count')");
        };
        let texts = cast(&argument(&args.args, 0)?.to_array(args.number_rows)?, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let mut found = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            found.append_option(text.and_then(|json| find(json, &steps)));
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
    fn pointers_escape_their_signs() {
        let path = [PathPart::Key("a/b~c".into()), PathPart::Index(3)];
        let text = pointer(&path);
        assert_eq!(text, "/a~1b~0c/3");
        assert_eq!(steps(&text).unwrap(), ["a/b~c", "3"]);
    }
}
