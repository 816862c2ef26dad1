//! Detects records that have the id of another record, but different content.
//!
//! In: the main row of a record, or the same columns from the store. Out: a small hash of the fields that all copies of
//! a record have in common, however they were exported: through S3, EventBridge or CloudTrail Lake. Copies in reduced
//! forms, such as CSV without a version, are never in conflict; of several copies, a complete one is kept, else the one
//! with the most fields. Invariant: a row has the same hash before and after it was stored, in every run.

use crate::table::{Row, Table};
use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hasher};

/// What a copy of a record says, as far as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyContent {
    /// A complete copy, with the whole hash of the compared fields.
    Complete(u64),
    /// A copy in a reduced form: the number of compared fields that it has, and their whole hash.
    Reduced {
        /// The number of fields.
        fields: usize,
        /// The hash.
        hash: u64,
    },
    /// Records of this table are not compared.
    NotCompared,
}

/// A hash of 14 bits of the content of a complete copy, or of 10 bits and the number of fields of a reduced one; and whether
/// the record was stored by an earlier load. A conflict goes unnoticed once in 16,384 times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Content(u16);

const STORED: u16 = 1 << 15;
const COMPLETE: u16 = 1 << 14;
/// The bits of the hash of a reduced copy; the number of its fields is above them.
const REDUCED_BITS: u32 = 10;
/// The largest number of fields that is distinguished.
const MOST_FIELDS: usize = 15;

impl Content {
    /// The content of a record that is not compared: it is never in conflict.
    pub const UNKNOWN: Content = Content(0);

    /// The content of a copy.
    pub fn of(copy: CopyContent) -> Content {
        let bits = |hash: u64, bits: u32| (hash & ((1 << bits) - 1)) as u16;
        match copy {
            CopyContent::Complete(hash) => Content(COMPLETE | bits(hash, COMPLETE.trailing_zeros())),
            CopyContent::Reduced { fields, hash } => {
                Content((fields.clamp(1, MOST_FIELDS) as u16) << REDUCED_BITS | bits(hash, REDUCED_BITS))
            }
            CopyContent::NotCompared => Content::UNKNOWN,
        }
    }

    /// Whether the record is not compared.
    pub fn is_unknown(self) -> bool {
        self.0 & !STORED == 0
    }

    /// Whether it is that of a complete copy.
    pub fn is_complete(self) -> bool {
        self.0 & COMPLETE != 0
    }

    /// The content alone, whether it is stored or not.
    pub fn bare(self) -> Content {
        Content(self.0 & !STORED)
    }

    /// The content of a record in the store.
    pub fn stored(self) -> Content {
        Content(self.0 | STORED)
    }

    /// Whether an earlier load stored the record.
    pub fn is_stored(self) -> bool {
        self.0 & STORED != 0
    }

    /// Whether two complete copies say different things.
    pub fn differs(self, other: Content) -> bool {
        self.is_complete() && other.is_complete() && self.bare() != other.bare()
    }

    /// Whether it is kept rather than another one: never instead of a stored one; else a complete copy, then the one with more
    /// fields, then the one with the smaller hash. The last order has no meaning; it only makes the choice independent of the
    /// order in which they are read. Between equal hashes, the caller compares whole ones.
    pub fn beats(self, other: Content) -> bool {
        let rank = |content: Content| {
            let hash = content.0 & ((1 << REDUCED_BITS) - 1);
            match content.is_complete() {
                true => (0, content.bare().0),
                false => (MOST_FIELDS - usize::from(content.bare().0 >> REDUCED_BITS) + 1, hash),
            }
        };
        !other.is_stored() && rank(self) < rank(other)
    }
}

/// The value of a column.
#[derive(Debug, Clone, Copy)]
pub enum CellContent<'a> {
    /// A string.
    Text(Option<&'a str>),
    /// An integer, or a time in microseconds.
    Number(Option<i64>),
}

/// The columns of a table that are compared, and whether they are numbers. The first one must have the given value, and
/// the second one any, for a record to be compared.
pub fn compared(table: Table) -> Option<(&'static str, &'static [(&'static str, bool)])> {
    Some(match table {
        Table::Calls => (
            "cloudtrail",
            &[
                ("source", false),
                ("event_version", false),
                ("time", true),
                ("event_name", false),
                ("event_source", false),
                ("region", false),
                ("user_arn", false),
                ("error_code", false),
                ("error_message", false),
                ("cluster", false),
                ("service", false),
            ],
        ),
        Table::TaskEvents => (
            "eventbridge",
            &[
                ("source", false),
                ("last_status", false),
                ("time", true),
                ("desired_status", false),
                ("cluster", false),
                ("task_definition", false),
                ("container_instance", false),
                ("stop_code", false),
                ("stopped_reason", false),
                ("exit_code", true),
            ],
        ),
        Table::InstanceEvents => (
            "eventbridge",
            &[
                ("source", false),
                ("status", false),
                ("time", true),
                ("cluster", false),
                ("agent_version", false),
                ("running_tasks", true),
                ("remaining_cpu", true),
                ("remaining_memory", true),
            ],
        ),
        Table::ServiceEvents => (
            "eventbridge",
            &[
                ("source", false),
                ("kind", false),
                ("time", true),
                ("event_name", false),
                ("cluster", false),
                ("service", false),
                ("deployment", false),
                ("message", false),
            ],
        ),
        // The ids of other records are hashes of their content, or of their names and times.
        _ => return None,
    })
}

/// The content of a record, given the values of the columns that are compared.
pub fn content_of_cells<'a>(source: &str, cells: impl Iterator<Item = CellContent<'a>>) -> Content {
    Content::of(copy_of_cells(source, cells))
}

/// What a copy says, given the values of the columns that are compared.
fn copy_of_cells<'a>(source: &str, cells: impl Iterator<Item = CellContent<'a>>) -> CopyContent {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let (mut fields, mut is_complete) = (0, true);
    for (place, cell) in cells.enumerate() {
        let is_missing = matches!(cell, CellContent::Text(None) | CellContent::Number(None));
        fields += usize::from(!is_missing);
        is_complete &= match (place, cell) {
            (0, CellContent::Text(text)) => text == Some(source),
            (1, _) => !is_missing,
            _ => true,
        };
        match cell {
            CellContent::Text(None) | CellContent::Number(None) => hasher.write_u8(0),
            CellContent::Text(Some(text)) => {
                hasher.write_u8(1);
                hasher.write_u64(text.len() as u64);
                hasher.write(text.as_bytes());
            }
            CellContent::Number(Some(number)) => {
                hasher.write_u8(2);
                hasher.write_i64(number);
            }
        }
    }
    let hash = hasher.finish();
    if is_complete { CopyContent::Complete(hash) } else { CopyContent::Reduced { fields, hash } }
}

/// What a copy of a record says, given its main row.
pub fn copy_of_row(row: &Row<'_>) -> CopyContent {
    use CellContent::{Number, Text};
    let Some((source, _)) = compared(row.table()) else { return CopyContent::NotCompared };
    macro_rules! cells {
        ($row:ident: $($kind:ident $field:ident),+) => {
            copy_of_cells(source, [$( cells!($kind $row.$field) ),+].into_iter())
        };
        (Text $row:ident.$field:ident) => { Text($row.$field.as_deref()) };
        (Number $row:ident.$field:ident) => { Number($row.$field) };
    }
    match row {
        Row::Calls(row) => cells!(row: Text source, Text event_version, Number time, Text event_name, Text event_source,
            Text region, Text user_arn, Text error_code, Text error_message, Text cluster, Text service),
        Row::TaskEvents(row) => cells!(row: Text source, Text last_status, Number time, Text desired_status, Text cluster,
            Text task_definition, Text container_instance, Text stop_code, Text stopped_reason, Number exit_code),
        Row::InstanceEvents(row) => cells!(row: Text source, Text status, Number time, Text cluster, Text agent_version,
            Number running_tasks, Number remaining_cpu, Number remaining_memory),
        Row::ServiceEvents(row) => cells!(row: Text source, Text kind, Number time, Text event_name, Text cluster, Text service,
            Text deployment, Text message),
        _ => CopyContent::NotCompared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Call;
    use std::borrow::Cow;

    #[test]
    fn reduced_copies_are_never_in_conflict() {
        let content = |version: Option<&'static str>, error: Option<&'static str>| {
            Content::of(copy_of_row(&Row::from(Call {
                source: Some(Cow::Borrowed("cloudtrail")),
                event_version: version.map(Cow::Borrowed),
                error_code: error.map(Cow::Borrowed),
                ..Call::default()
            })))
        };
        let (whole, other) = (content(Some("1.08"), None), content(Some("1.08"), Some("AccessDenied")));
        assert!(whole.differs(other) && other.differs(whole) && !whole.differs(whole));
        assert!(whole.beats(other) != other.beats(whole));
        let (reduced, fuller) = (content(None, None), content(None, Some("AccessDenied")));
        assert!([reduced, fuller].iter().all(|copy| !copy.is_complete() && !copy.is_unknown()));
        for copy in [reduced, fuller, Content::UNKNOWN] {
            assert!(!copy.differs(whole) && !whole.differs(copy) && !copy.differs(fuller));
            assert!(whole.beats(copy) && other.beats(copy) && !copy.beats(whole) && !whole.beats(copy.stored()));
        }
        assert!(fuller.beats(reduced) && !reduced.beats(fuller) && !fuller.beats(fuller));
        let same_size = content(None, Some("Throttling"));
        assert!(fuller.beats(same_size) != same_size.beats(fuller));
        let (stored, [lower, higher]) = (other.stored(), if whole.beats(other) { [whole, other] } else { [other, whole] });
        assert!(stored.is_stored() && stored.differs(whole) && !stored.differs(other) && !whole.beats(stored));
        assert!(lower.beats(higher) && !lower.beats(higher.stored()));
    }
}
