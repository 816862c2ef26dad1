//! Where OCSF has the fields of a CloudTrail record.

use serde::Deserialize;
use std::sync::LazyLock;

/// A field of a CloudTrail record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OcsfField {
    /// Its path in the record, with dots.
    pub to: String,
    /// Its paths in OCSF; the first one with a value counts.
    pub from: Vec<String>,
    /// How its value is read.
    #[serde(default, rename = "as")]
    pub form: OcsfForm,
}

/// How a value is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OcsfForm {
    /// As it is.
    #[default]
    Plain,
    /// Text that holds JSON.
    Json,
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
    field: Vec<OcsfField>,
}

static LIST: LazyLock<Vec<OcsfField>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("ocsf.toml")).expect("the built-in list is tested");
    list.field
});

impl OcsfField {
    /// All fields.
    pub fn all() -> &'static [OcsfField] {
        &LIST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_record_has_one_entry() {
        let names: std::collections::BTreeSet<&str> = OcsfField::all().iter().map(|field| field.to.as_str()).collect();
        assert_eq!(names.len(), OcsfField::all().len());
        assert!(OcsfField::all().iter().all(|field| !field.from.is_empty()));
    }
}
