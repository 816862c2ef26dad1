//! Completes the names of things: failures, tasks, runs, services, deployments, container instances, records.

use crate::render::{Cell, rows};
use crate::run;
use crate::table::Table;
use datafusion::prelude::SessionContext;
use tokio::runtime::Handle;

/// The number of names that are offered.
const OFFERED: usize = 40;

/// What `\explain`, `\timeline` and `\changes` accept.
const NAMED: &[(&str, &[&str])] = &[
    ("failures", &["id", "service", "family", "task", "run", "job", "cluster"]),
    ("task_events", &["task", "service", "family"]),
    ("service_events", &["service", "deployment"]),
    ("instance_events", &["container_instance"]),
    ("job_submissions", &["job", "submission"]),
    ("run_records", &["run"]),
];

/// Looks up names in the tables of a prompt.
pub struct Ids {
    session: SessionContext,
    handle: Handle,
}

impl Ids {
    /// The names in these tables.
    pub fn new(session: SessionContext, handle: Handle) -> Ids {
        Ids { session, handle }
    }

    /// Names of things that begin so.
    pub fn things(&self, begin: &str) -> Vec<String> {
        let columns = NAMED.iter().flat_map(|(table, columns)| columns.iter().map(move |column| (*table, *column)));
        let mut names = self.find(columns, begin);
        if "last".starts_with(begin) {
            names.insert(0, "last".to_owned());
        }
        names
    }

    /// Ids of records that begin so.
    pub fn records(&self, begin: &str) -> Vec<String> {
        let has_original = |table: &&Table| table.fields().iter().any(|field| field.name == "raw");
        let tables = Table::ALL.iter().filter(has_original).map(|table| table.name());
        self.find(tables.chain(["failures"]).map(|table| (table, "id")), begin)
    }

    fn find(&self, columns: impl Iterator<Item = (&'static str, &'static str)>, begin: &str) -> Vec<String> {
        let begin = begin.replace('\'', "''");
        let parts = columns.map(|(table, column)| {
            format!("select arrow_cast(\"{column}\", 'Utf8') as name from {table} where starts_with(\"{column}\", '{begin}')")
        });
        let parts: Vec<String> = parts.collect();
        let statement = format!("select distinct name from ({}) order by name limit {OFFERED}", parts.join(" union all "));
        // Completion that fails offers nothing.
        let Ok(answer) = self.handle.block_on(run::sql(&self.session, &statement)) else { return Vec::new() };
        let names = rows(&answer).unwrap_or_default().into_iter().filter_map(|row| match row.into_iter().next() {
            Some(Cell::Text(name)) => Some(name),
            _ => None,
        });
        // A name with spaces would be read as several words.
        names.filter(|name| !name.contains(char::is_whitespace)).collect()
    }
}
