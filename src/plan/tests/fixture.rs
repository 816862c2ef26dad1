//! Sessions with hand-made rows, and results as lines of text.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::answer::Answer;
use crate::lang::{self, CheckContext, Checked};
use crate::plan::{Evidence, Options, PlanCatalog, session};
use crate::run::{self, RunError};
use crate::table::{Columns, Row, Table};

/// The newest event of all tests.
pub const ANCHOR: &str = "2026-03-04T12:00:00Z";

/// Microseconds of a time on the day of the anchor, or of a full timestamp.
pub fn at(text: &str) -> i64 {
    let text = if text.contains('T') { text.to_owned() } else { format!("2026-03-04T{text}Z") };
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

/// A session with all base tables, with one batch per row, distributed over some partitions.
pub fn tables(rows: Vec<Row<'_>>, threads: usize) -> SessionContext {
    let session = session(threads, usize::MAX);
    let mut by_table: BTreeMap<Table, Vec<Vec<_>>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let mut columns = Columns::new(row.table());
        columns.push(row);
        let partitions = by_table.entry(row.table()).or_insert_with(|| vec![Vec::new(); threads]);
        partitions[index % threads].push(columns.into_rows().unwrap());
    }
    for table in Table::ALL {
        let partitions = by_table.remove(table).unwrap_or_else(|| vec![Vec::new()]);
        let memory = MemTable::try_new(table.schema(), partitions).unwrap();
        session.register_table(table.name(), Arc::new(memory)).unwrap();
    }
    session
}

/// A session with all base tables, with one batch per partition, for many rows.
pub fn packed(rows: &[Row<'_>], threads: usize) -> SessionContext {
    packed_within(usize::MAX, rows, threads)
}

/// Such a session whose queries may use a number of bytes.
pub fn packed_within(memory: usize, rows: &[Row<'_>], threads: usize) -> SessionContext {
    let session = session(threads, memory);
    for table in Table::ALL {
        let mut partitions: Vec<Columns> = (0..threads).map(|_| Columns::new(*table)).collect();
        for (index, row) in rows.iter().filter(|row| row.table() == *table).enumerate() {
            partitions[index % threads].push(row);
        }
        let batches = partitions.into_iter().map(|columns| vec![columns.into_rows().unwrap()]).collect();
        let memory = MemTable::try_new(table.schema(), batches).unwrap();
        session.register_table(table.name(), Arc::new(memory)).unwrap();
    }
    session
}

pub fn checked_in(text: &str, zone: &str) -> Checked {
    let anchor: Timestamp = ANCHOR.parse().unwrap();
    let context = CheckContext {
        anchor,
        now: anchor,
        first: None,
        last: Some(anchor),
        tz: TimeZone::get(zone).unwrap(),
        default_rows: Some(50),
    };
    let query = lang::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    lang::check(&query, &PlanCatalog::default(), &context).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

pub fn checked(text: &str) -> Checked {
    checked_in(text, "UTC")
}

pub fn options(evidence: bool) -> Options {
    Options { anchor: ANCHOR.parse().unwrap(), evidence: if evidence { Evidence::First } else { Evidence::Without } }
}

/// Runs a future on a runtime of its own.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
}

pub fn try_ask(session: &SessionContext, text: &str, evidence: bool) -> Result<Answer, RunError> {
    wait(run::answer(session, &checked(text), options(evidence)))
}

/// The rows of a result, with values separated by a bar and missing values as a dot.
pub fn lines(answer: &Answer) -> Vec<String> {
    answer.batches.iter().flat_map(batch_lines).collect()
}

/// The rows of a batch; see [`lines`].
pub fn batch_lines(batch: &RecordBatch) -> Vec<String> {
    let format = FormatOptions::default().with_null(".");
    let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &format).unwrap()).collect();
    let line = |row: usize| {
        let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
        values.join("|").replace("2026-03-04T", "")
    };
    (0..batch.num_rows()).map(line).collect()
}

pub fn ask(session: &SessionContext, text: &str) -> Vec<String> {
    lines(&try_ask(session, text, false).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// A xorshift generator, so that histories are reproducible.
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64
    }

    /// True with a probability of one in `bound`.
    pub fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }

    /// Shuffles a list.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for index in (1..things.len()).rev() {
            things.swap(index, self.below(index as i64 + 1) as usize);
        }
    }
}
