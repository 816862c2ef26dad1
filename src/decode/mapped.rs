//! Converts an object of another format to a CloudTrail record, field by field.
//!
//! In: the object, and a list of where it has the fields of the record. Out: the record, as far as the object has its
//! fields.

use super::cells;
use crate::instant;
use crate::knowledge::{FieldForm, MappedField};
use serde_json::{Map, Value as Json};

/// The record whose fields an object has.
pub fn record_of(object: &Json, fields: &[MappedField]) -> Json {
    let mut record = Json::Object(Map::new());
    for field in fields {
        let found = field.from.iter().find_map(|path| converted(at(object, path)?, field.form));
        if let Some(found) = found {
            put(&mut record, &field.to, found);
        }
    }
    record
}

/// The complete record that a text holds, if it holds one.
pub fn original(text: &str) -> Option<Json> {
    let record = serde_json::from_str::<Json>(text).ok()?;
    (record.get("eventName").is_some() && record.get("eventSource").is_some()).then_some(record)
}

/// The value of a path, unless it is empty.
pub fn at<'j>(value: &'j Json, path: &str) -> Option<&'j Json> {
    let found = path.split('.').try_fold(value, |value, key| value.get(key))?;
    let is_empty = found.is_null() || found.as_str().is_some_and(str::is_empty);
    (!is_empty).then_some(found)
}

/// The text of a path, unless it is empty.
pub fn text_at<'j>(value: &'j Json, path: &str) -> Option<&'j str> {
    at(value, path).and_then(Json::as_str)
}

fn converted(found: &Json, form: FieldForm) -> Option<Json> {
    let is_arn = found.as_str().is_some_and(|text| text.starts_with("arn:"));
    match form {
        FieldForm::Plain => Some(found.clone()),
        // A text that is not JSON is kept, so that nothing is lost.
        FieldForm::Json => Some(found.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| found.clone())),
        FieldForm::Struct => Some(found.as_str().map_or_else(|| found.clone(), cells::struct_of)),
        FieldForm::Time => Some(time_of(found).map_or_else(|| found.clone(), Json::from)),
        FieldForm::Bool => Some(found.as_bool().map_or_else(|| found.clone(), |truth| truth.to_string().into())),
        FieldForm::Arn => is_arn.then(|| found.clone()),
        FieldForm::NotArn => (!is_arn).then(|| found.clone()),
    }
}

/// A time as CloudTrail writes it.
fn time_of(found: &Json) -> Option<String> {
    let micros = match found {
        Json::Number(number) => number.as_i64().map(instant::of_integer).or_else(|| instant::of_number(number.as_f64()?))?,
        found => instant::of_text(found.as_str()?)?,
    };
    Some(jiff::Timestamp::from_microsecond(micros).ok()?.to_string())
}

/// Sets the value of a path.
pub fn put(record: &mut Json, path: &str, found: Json) {
    let mut inside = record;
    for key in path.split('.') {
        if !inside.is_object() {
            *inside = Json::Object(Map::new());
        }
        let Some(object) = inside.as_object_mut() else { return };
        inside = object.entry(key).or_insert(Json::Null);
    }
    *inside = found;
}
