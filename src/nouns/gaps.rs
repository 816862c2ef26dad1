//! `gaps`: CloudTrail records that are missing or were delivered late.
//!
//! `missing`: one row per hour without a record, between the first and the last record of an account and Region.
//! `late`: a file whose oldest record is more than 15 minutes older than its delivery time, which is part of the file
//! name; most files arrive within 5 minutes. `global`: an account without any record in us-east-1, where IAM, STS and
//! other global services write. `modified`, `unlisted`, `missing_file`, `chain`: a file that differs from what
//! CloudTrail delivered, according to the digests that were loaded with it.

use super::sql::{computed, no_raw, quoted};
use super::{EVIDENCE, Needs, Noun, ViewRequest};
use crate::lang::catalog::{Assumed, FieldInfo, FieldType};
use crate::micros::{HOUR, MINUTE};
use crate::table::{IntegrityNote, Table};

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "account/region/hour, or kind and file or account"),
    computed("time", FieldType::Time, "start of the hour without records; for the other kinds, the end"),
    computed(
        "kind",
        FieldType::Text,
        "missing (an hour without records), late (a slow delivery), global (an account without us-east-1 records), or, according \
         to the digest files: modified (a file was changed), unlisted (a log file was added), missing_file (a digest lists log files \
         that are missing), chain (digests are missing)",
    ),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("began_at", FieldType::Time, "start of the first hour of the gap"),
    computed("ended_at", FieldType::Time, "start of the first hour with records again"),
    computed("hours", FieldType::Int, "length of the whole gap in hours, rounded up"),
    computed("file", FieldType::Text, "the file that was delivered late, or differs from its digest"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: FIELDS.to_vec(),
        shown: &["time", "kind", "account", "region", "began_at", "ended_at", "hours"],
        optional: &["ended_at", "account", "began_at", "kind"],
        assumed: Some(Assumed {
            column: "kind",
            value: "missing",
            why: "`late` rows are slow deliveries, `global` rows are accounts without us-east-1",
        }),
        ..Noun::computed("gaps", view)
    }
}

/// The delay in microseconds beyond which a delivery is late.
const LATE: i64 = 15 * MINUTE;
/// The delivery time in the name of a log file.
const NAME: &str = "_CloudTrail_[a-z0-9-]+_([0-9]{8}T[0-9]{4}Z)_[A-Za-z0-9]+[.]json";

/// The account, Region and time in the name of a log file or digest. The time of a digest also has seconds, which are ignored.
const DELIVERED: &str = "([0-9]{12})_CloudTrail[A-Za-z-]*_([a-z0-9-]+)_(?:.*_)?([0-9]{8}T[0-9]{4})[0-9]{0,2}Z";

/// The format of such a time, and its replacement that can be parsed. Invalid times become null.
const COMPACT: &str = "(....)(..)(..)T(..)(..)Z?";
const EXTENDED: &str = "\\1-\\2-\\3T\\4:\\5:00";

fn view(need: ViewRequest) -> String {
    let none =
        if need.evidence { format!(", arrow_cast(make_array(), 'List(Utf8)') as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("gaps/gaps.sql"),
        hour = HOUR,
        late = LATE,
        name = NAME,
        delivered = DELIVERED,
        compact = COMPACT,
        extended = EXTENDED,
        modified = IntegrityNote::Modified.text(),
        unlisted = IntegrityNote::Unlisted.text(),
        lists_missing = IntegrityNote::ListsMissing.text(),
        any = IntegrityNote::PREFIX,
        more = format_args!("{}{none}", no_raw(need)),
    )
}
