//! The published shapes of JSON answers: each document names its schema, which is a file of `docs/schemas`.

use super::json::escape_hidden;
use serde::Serialize;

/// The shape of a JSON document. A removed or changed property needs a new version, an added one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Rows: `query`, `sql`, `store` and all lists.
    Rows,
    /// A query in canonical form, and its plan: `query --canonical` and `query --explain`.
    Plan,
    /// `explain X`.
    Explain,
    /// `explain --all`.
    ExplainAll,
    /// `explain quota`.
    ExplainQuota,
    /// `explain` of an expected start.
    ExplainStart,
    /// `timeline`.
    Timeline,
    /// `changes`.
    Changes,
    /// `check` and `preflight`.
    Check,
    /// `doctor`.
    Doctor,
    /// `verify-digests`.
    VerifyDigests,
    /// `load`.
    Load,
    /// `show`.
    Record,
    /// `catalog show`.
    CatalogEntry,
    /// `catalog test`.
    CatalogTest,
    /// `report`.
    Report,
    /// `report verify`.
    ReportVerify,
    /// `store verify`.
    StoreVerify,
    /// `store reclassify`.
    StoreReclassify,
    /// `store compact`.
    StoreCompact,
    /// `store vacuum`.
    StoreVacuum,
    /// `store adopt`.
    StoreAdopt,
    /// `store drop`.
    StoreDrop,
    /// `store export`.
    StoreExport,
}

impl Schema {
    /// All schemas of documents.
    pub const ALL: [Schema; 24] = [
        Schema::Rows,
        Schema::Plan,
        Schema::Explain,
        Schema::ExplainAll,
        Schema::ExplainQuota,
        Schema::ExplainStart,
        Schema::Timeline,
        Schema::Changes,
        Schema::Check,
        Schema::Doctor,
        Schema::VerifyDigests,
        Schema::Load,
        Schema::Record,
        Schema::CatalogEntry,
        Schema::CatalogTest,
        Schema::Report,
        Schema::ReportVerify,
        Schema::StoreVerify,
        Schema::StoreReclassify,
        Schema::StoreCompact,
        Schema::StoreVacuum,
        Schema::StoreAdopt,
        Schema::StoreDrop,
        Schema::StoreExport,
    ];

    /// The value of the property `schema`: `ecs-audit/NAME/VERSION`.
    pub const fn id(self) -> &'static str {
        match self {
            Schema::Rows => "ecs-audit/rows/1",
            Schema::Plan => "ecs-audit/plan/1",
            Schema::Explain => "ecs-audit/explain/1",
            Schema::ExplainAll => "ecs-audit/explain-all/1",
            Schema::ExplainQuota => "ecs-audit/explain-quota/1",
            Schema::ExplainStart => "ecs-audit/explain-start/2",
            Schema::Timeline => "ecs-audit/timeline/1",
            Schema::Changes => "ecs-audit/changes/1",
            Schema::Check => "ecs-audit/check/1",
            Schema::Doctor => "ecs-audit/doctor/1",
            Schema::VerifyDigests => "ecs-audit/verify-digests/1",
            Schema::Load => "ecs-audit/load/1",
            Schema::Record => "ecs-audit/record/1",
            Schema::CatalogEntry => "ecs-audit/catalog-entry/1",
            Schema::CatalogTest => "ecs-audit/catalog-test/1",
            Schema::Report => "ecs-audit/report/1",
            Schema::ReportVerify => "ecs-audit/report-verify/1",
            Schema::StoreVerify => "ecs-audit/store-verify/1",
            Schema::StoreReclassify => "ecs-audit/store-reclassify/1",
            Schema::StoreCompact => "ecs-audit/store-compact/1",
            Schema::StoreVacuum => "ecs-audit/store-vacuum/1",
            Schema::StoreAdopt => "ecs-audit/store-adopt/1",
            Schema::StoreDrop => "ecs-audit/store-drop/1",
            Schema::StoreExport => "ecs-audit/store-export/1",
        }
    }
}

/// An answer under the name of its schema.
#[derive(Serialize)]
struct Document<'a, T: Serialize> {
    schema: &'static str,
    #[serde(flatten)]
    answer: &'a T,
}

/// A struct as a JSON document that begins with the name of its schema.
///
/// # Errors
/// When the answer is not a struct or a map with text keys.
pub fn json_document(schema: Schema, answer: &impl Serialize) -> Result<String, serde_json::Error> {
    json_pretty(&Document { schema: schema.id(), answer })
}

/// Indented JSON in which characters that affect a terminal are escaped.
///
/// # Errors
/// When a map has keys that are not text.
pub fn json_pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string_pretty(value)?;
    // Outside of texts, JSON has no such characters except line breaks.
    Ok(text.split('\n').map(|line| format!("{}\n", escape_hidden(line))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn a_document_begins_with_its_schema() {
        #[derive(Serialize)]
        struct Answer {
            name: &'static str,
            more: Option<u64>,
        }
        let text = json_document(Schema::Load, &Answer { name: "a\u{202e}\u{9b}\u{e0041}", more: None }).unwrap();
        let expected =
            "{\n  \"schema\": \"ecs-audit/load/1\",\n  \"name\": \"a\\u202e\\u009b\\udb40\\udc41\",\n  \"more\": null\n}\n";
        assert_eq!(text, expected);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["name"], "a\u{202e}\u{9b}\u{e0041}");
        assert!(json_document(Schema::Load, &[1]).is_err(), "only objects have a schema");
    }

    #[test]
    fn every_schema_is_published() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
        let mut ids = BTreeSet::new();
        for schema in Schema::ALL {
            let [_, name, version] = schema.id().split('/').collect::<Vec<_>>()[..] else { panic!("{}", schema.id()) };
            assert!(ids.insert(schema.id()), "{}", schema.id());
            let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect(name);
            let published: Value = serde_json::from_str(&text).expect(name);
            assert_eq!(published["$id"], format!("urn:ecs-audit:{name}:{version}"));
            assert_eq!(published["properties"]["schema"]["const"], schema.id());
            let required = published["required"].as_array().expect(name);
            assert!(required.contains(&Value::from("schema")), "{name}");
        }
    }
}
