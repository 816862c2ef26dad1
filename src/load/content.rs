//! Detects records that have the id of another record, but different content.
//!
//! In: the main row of a record, or the same columns from the store. Out: a small hash of the fields that all copies of
//! a record have in common, however they were exported: through S3, EventBridge or CloudTrail Lake. Copies in reduced
//! forms, such as CSV without a version, are compared with nothing. Invariant: a row has the same hash before and
//! after it was stored, in every run.

use crate::table::{Row, Table};
use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hasher};

/// A hash of 15 bits of the content, and whether the record was stored by an earlier load. A conflict goes unnoticed
/// once in 32,768 times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Content(u16);

const STORED: u16 = 1 << 15;

impl Content {
    /// The content of a reduced copy: it is never in conflict.
    pub const UNKNOWN: Content = Content(0);

    /// The content with a whole hash; `None` is a reduced copy.
    pub fn of(hash: Option<u64>) -> Content {
        hash.map_or(Content::UNKNOWN, |hash| Content(((hash & u64::from(STORED - 1)) as u16).max(1)))
    }

    /// Whether it is that of a reduced copy.
    pub fn is_unknown(self) -> bool {
        self.0 & !STORED == 0
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

    /// Whether two copies say different things.
    pub fn differs(self, other: Content) -> bool {
        let [one, two] = [self, other].map(|content| content.0 & !STORED);
        one != 0 && two != 0 && one != two
    }

    /// Which of two copies is kept: a stored one, else the one with the smaller hash. That order has no meaning; it only makes the
    /// choice independent of the order in which they are read. Between equal hashes, the caller compares whole ones.
    pub fn beats(self, other: Content) -> bool {
        !other.is_stored() && self.0 & !STORED < other.0 & !STORED
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
    Content::of(hash_of_cells(source, cells))
}

/// The whole hash of the content; `None` for a reduced copy.
fn hash_of_cells<'a>(source: &str, mut cells: impl Iterator<Item = CellContent<'a>>) -> Option<u64> {
    let has = |cell: Option<CellContent<'a>>| match cell {
        Some(CellContent::Text(text)) => text,
        _ => None,
    };
    if has(cells.next()) != Some(source) {
        return None;
    }
    let second = has(cells.next())?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(second.as_bytes());
    for cell in cells {
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
    Some(hasher.finish())
}

/// The whole hash of the content of a record, given its main row; `None` for a reduced copy.
pub fn hash_of_row(row: &Row<'_>) -> Option<u64> {
    use CellContent::{Number, Text};
    let (source, _) = compared(row.table())?;
    macro_rules! cells {
        ($row:ident: $($kind:ident $field:ident),+) => {
            hash_of_cells(source, [$( cells!($kind $row.$field) ),+].into_iter())
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
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Call;
    use std::borrow::Cow;

    #[test]
    fn reduced_copies_are_not_compared() {
        let content = |version: Option<&'static str>, error: Option<&'static str>| {
            Content::of(hash_of_row(&Row::from(Call {
                source: Some(Cow::Borrowed("cloudtrail")),
                event_version: version.map(Cow::Borrowed),
                error_code: error.map(Cow::Borrowed),
                ..Call::default()
            })))
        };
        let (whole, other) = (content(Some("1.08"), None), content(Some("1.08"), Some("AccessDenied")));
        assert!(whole.differs(other) && other.differs(whole) && !whole.differs(whole));
        assert!(whole.beats(other) != other.beats(whole));
        assert_eq!(content(None, Some("AccessDenied")), Content::UNKNOWN);
        assert!(!Content::UNKNOWN.differs(whole) && !whole.differs(Content::UNKNOWN));
        let (stored, [lower, higher]) = (other.stored(), if whole.beats(other) { [whole, other] } else { [other, whole] });
        assert!(stored.is_stored() && stored.differs(whole) && !stored.differs(other) && !whole.beats(stored));
        assert!(lower.beats(higher) && !lower.beats(higher.stored()));
    }
}
