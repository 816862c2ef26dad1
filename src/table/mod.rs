//! Step ④: collects typed rows in columns, as Parquet for the store or as Arrow for a query without a store.

mod column_type;
mod dictionary_column;
mod integrity_note;
mod page_header;
mod pages;
mod plain_column;
mod projection;
mod raw_record_pages;
mod schema;

#[cfg(test)]
mod round_trip;

pub use column_type::FieldKind;
pub use integrity_note::IntegrityNote;
pub use pages::{Encoded, with_page_checksums};
pub use plain_column::PlainColumn;
pub use projection::{ColumnSet, Projection};
pub use raw_record_pages::{ID_PLACEHOLDERS, OriginalText, OwnIds, RawRecordPages, restore};
pub use schema::*;

use column_type::text_statistics;

impl Table {
    /// Whether its times are those of events (not of loads), which define the anchor of relative times.
    pub fn holds_events(self) -> bool {
        !matches!(self, Table::Files | Table::Quarantine | Table::Removed)
    }

    /// Whether a record of a table can have rows in this one: its main row, or rows that are derived from it.
    pub fn has_rows_of(self, record: Table) -> bool {
        let is_derived = matches!(
            (self, record),
            (Table::Failures, _) | (Table::ContainerEvents, Table::TaskEvents) | (Table::JobSubmissions, Table::RunRecords)
        );
        self == record || is_derived
    }
}

/// A set of base tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSet(u32);

impl TableSet {
    /// All tables.
    pub const ALL: TableSet = TableSet(u32::MAX);

    /// The given tables.
    pub fn of(tables: &[Table]) -> TableSet {
        TableSet(tables.iter().fold(0, |set, table| set | 1 << *table as u32))
    }

    /// The tables whose names occur as words in a SQL text: at least those that it reads.
    pub fn named_in(sql: &str) -> TableSet {
        let named = |table: &Table| {
            sql.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                .any(|word| word.eq_ignore_ascii_case(table.name()))
        };
        TableSet(Table::ALL.iter().copied().filter(named).fold(0, |set, table| set | 1 << table as u32))
    }

    /// Whether a table is in the set.
    pub fn contains(self, table: Table) -> bool {
        self.0 & (1 << table as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_by_their_names() {
        let set = TableSet::named_in("select f.x from FAILURES f join \"calls\" on task_events_of = 1");
        let named: Vec<Table> = Table::ALL.iter().copied().filter(|table| set.contains(*table)).collect();
        assert_eq!(named, [Table::Calls, Table::Failures]);
    }
}
