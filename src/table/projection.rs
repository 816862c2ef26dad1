//! Which columns of the base tables are kept in memory: those that a question reads.

use super::{Table, TableSet};
use arrow::datatypes::{Field, Schema, SchemaRef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest number of columns of a table.
pub const MOST_COLUMNS: usize = 128;

/// A set of columns of a table, by their position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSet(u128);

impl ColumnSet {
    /// All columns.
    pub const ALL: ColumnSet = ColumnSet(u128::MAX);
    /// No column: only the number of rows is known.
    pub const NONE: ColumnSet = ColumnSet(0);

    /// The columns at these positions.
    pub fn of(columns: impl IntoIterator<Item = usize>) -> ColumnSet {
        ColumnSet(columns.into_iter().fold(0, |set, column| set | bit(column)))
    }

    /// The columns of a table with these names; names that the table does not have are left out.
    pub fn named(table: Table, names: &[&str]) -> ColumnSet {
        let fields = table.fields().iter().enumerate();
        ColumnSet::of(fields.filter(|(_, field)| names.contains(&field.name)).map(|(column, _)| column))
    }

    /// The columns that are in one of two sets.
    #[must_use]
    pub fn union(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 | other.0)
    }

    /// Whether a column is in the set.
    pub fn contains(self, column: usize) -> bool {
        self.0 & bit(column) != 0
    }

    /// Whether all columns of another set are in this one.
    pub fn includes(self, other: ColumnSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// The position of a column among those of the set.
    pub fn place(self, column: usize) -> Option<usize> {
        let before = bit(column).wrapping_sub(1);
        self.contains(column).then(|| (self.0 & before).count_ones() as usize)
    }

    /// The positions of the columns of a table that are in the set, in order.
    pub fn columns(self, table: Table) -> impl Iterator<Item = usize> {
        (0..table.fields().len()).filter(move |column| self.contains(*column))
    }

    /// Reports for each column of a table, in order, whether it is in the set.
    pub(super) fn walk(self) -> ColumnWalk {
        ColumnWalk(self.0)
    }
}

fn bit(column: usize) -> u128 {
    u32::try_from(column).ok().and_then(|column| 1_u128.checked_shl(column)).unwrap_or(0)
}

/// The columns of a table, one after another.
pub(super) struct ColumnWalk(u128);

impl ColumnWalk {
    /// Whether the next column is in the set.
    #[inline]
    pub(super) fn next_is_in(&mut self) -> bool {
        let is_in = self.0 & 1 == 1;
        self.0 >>= 1;
        is_in
    }
}

/// The columns of each base table that are kept. Of a table that is not among them, no rows are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection(BTreeMap<Table, ColumnSet>);

impl Projection {
    /// Adds columns of a table, and thereby its rows.
    pub fn add(&mut self, table: Table, columns: ColumnSet) {
        let known = self.0.entry(table).or_insert(ColumnSet::NONE);
        *known = known.union(columns);
    }

    /// The columns of a table; none if its rows are not kept.
    pub fn of(&self, table: Table) -> Option<ColumnSet> {
        self.0.get(&table).copied()
    }

    /// The tables whose rows are kept.
    pub fn tables(&self) -> TableSet {
        TableSet::of(&self.0.keys().copied().collect::<Vec<_>>())
    }

    /// Whether original records are among the columns.
    pub fn has_originals(&self) -> bool {
        self.0.iter().any(|(table, columns)| {
            let originals = ColumnSet::named(*table, &["raw"]);
            originals != ColumnSet::NONE && columns.includes(originals)
        })
    }
}

impl From<TableSet> for Projection {
    /// All columns of these tables.
    fn from(tables: TableSet) -> Projection {
        let kept = Table::ALL.iter().copied().filter(|table| tables.contains(*table));
        Projection(kept.map(|table| (table, ColumnSet::ALL)).collect())
    }
}

impl Table {
    /// The Arrow schema of some of its columns.
    pub fn schema_of(self, columns: ColumnSet) -> SchemaRef {
        if columns == ColumnSet::ALL {
            return self.schema();
        }
        let fields = columns.columns(self).filter_map(|column| self.fields().get(column));
        let fields: Vec<Field> = fields.map(|field| Field::new(field.name, field.kind.data_type(), true)).collect();
        Arc::new(Schema::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Call, Columns, Row};

    #[test]
    fn a_column_has_a_place_among_those_that_are_kept() {
        let some = ColumnSet::of([0, 3, 127]);
        assert_eq!([0, 1, 3, 127, 128].map(|column| some.place(column)), [Some(0), None, Some(1), Some(2), None]);
        assert_eq!(ColumnSet::ALL.place(5), Some(5));
        assert!(ColumnSet::ALL.includes(some) && some.includes(ColumnSet::NONE) && !some.includes(ColumnSet::of([1])));
    }

    #[test]
    fn only_tables_that_were_added_have_rows() {
        let mut projection = Projection::default();
        projection.add(Table::Calls, ColumnSet::NONE);
        assert_eq!((projection.of(Table::Calls), projection.of(Table::Flows)), (Some(ColumnSet::NONE), None));
        assert!(projection.tables().contains(Table::Calls) && !projection.tables().contains(Table::Flows));
        assert!(!projection.has_originals());
        projection.add(Table::Calls, ColumnSet::named(Table::Calls, &["raw", "no such column"]));
        assert!(projection.has_originals());
        assert!(Projection::from(TableSet::ALL).has_originals());
        assert!(!Projection::from(TableSet::of(&[Table::Failures])).has_originals(), "failures have no originals");
    }

    #[test]
    fn columns_that_nobody_wants_are_not_collected() {
        let call = |id: &'static str| {
            Row::from(Call { id: Some(id.into()), event_name: Some("RunTask".into()), failed: Some(true), ..Call::default() })
        };
        let wanted = ColumnSet::named(Table::Calls, &["failed", "event_name"]);
        let mut columns = Columns::of(Table::Calls, wanted);
        columns.push(&call("an id that takes space"));
        let mut more = Columns::of(Table::Calls, wanted);
        more.push(&call("another"));
        columns.join(more);
        let rows = columns.into_rows().unwrap();
        assert_eq!((rows.num_rows(), rows.schema()), (2, Table::Calls.schema_of(wanted)));
        let names: Vec<&str> = rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["event_name", "failed"]);
        assert_eq!(rows.columns().iter().map(|column| column.null_count()).sum::<usize>(), 0);
        // Without columns, the number of rows remains.
        let mut counted = Columns::of(Table::Calls, ColumnSet::NONE);
        counted.push(&call("an id"));
        assert_eq!((counted.bytes(), counted.into_rows().unwrap().num_rows()), (0, 1));
    }
}
