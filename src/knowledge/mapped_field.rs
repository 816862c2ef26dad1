//! Where other formats have the fields of a CloudTrail record.

use serde::Deserialize;
use std::sync::LazyLock;

/// A field of a CloudTrail record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedField {
    /// Its path in the record, with dots.
    pub to: String,
    /// Its paths in the other format; the first one with a value counts.
    pub from: Vec<String>,
    /// How its value is read.
    #[serde(default, rename = "as")]
    pub form: FieldForm,
}

/// How a value is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldForm {
    /// As it is.
    #[default]
    Plain,
    /// Text that holds JSON.
    Json,
    /// An object, or its text: JSON or `{name=value, …}`.
    Struct,
    /// Milliseconds since 1970, or a date.
    Time,
    /// A truth value.
    Bool,
    /// A value that counts only if it is an ARN.
    Arn,
    /// A value that counts only if it is not an ARN.
    NotArn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    field: Vec<MappedField>,
}

static OCSF: LazyLock<Vec<MappedField>> = LazyLock::new(|| read(include_str!("ocsf.toml")));

static ELASTIC: LazyLock<Vec<MappedField>> = LazyLock::new(|| read(include_str!("elastic.toml")));

fn read(text: &str) -> Vec<MappedField> {
    let list: List = toml::from_str(text).expect("the built-in list is tested");
    list.field
}

impl MappedField {
    /// The fields in OCSF.
    pub fn of_ocsf() -> &'static [MappedField] {
        &OCSF
    }

    /// The fields in the Elastic Common Schema.
    pub fn of_elastic() -> &'static [MappedField] {
        &ELASTIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_record_has_one_entry() {
        for fields in [MappedField::of_ocsf(), MappedField::of_elastic()] {
            let names: std::collections::BTreeSet<&str> = fields.iter().map(|field| field.to.as_str()).collect();
            assert_eq!(names.len(), fields.len());
            assert!(fields.iter().all(|field| !field.from.is_empty()));
        }
    }
}
