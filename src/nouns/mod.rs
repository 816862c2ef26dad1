//! The nouns: what a query can be about. Everything about one noun is in its file or folder: columns, measures, the SQL
//! of its rows, its algorithm, its tests.
//!
//! Out: [`NOUNS`], one table used by the catalog, the planner and `fields`; nothing elsewhere depends on the name of a
//! noun. Invariant: the rows of a noun have every column of [`Noun::fields`], including `time` and `id`, and `id`
//! distinguishes rows with equal times.
//!
//! Long SQL is in `.sql` files, whose placeholders `format!` fills and checks. A comment in them must not name a table that
//! the query does not read: exports are read by the names of tables in the text.
//!
//! Algorithms are plain functions over the rows of one partition, ordered by time; a `function.rs` beside them makes them
//! callable from SQL. Analyses of millions of tasks are nodes of the logical plan, which SQL calls with their inputs as
//! queries in parentheses: `quota/steps`, `stalls/operator.rs`.
//!
//! ```text
//!   launches    attempts of a cluster and family ─► series (who starts it) ─► fold ─► launches
//!   schedules   series ─► schedule (period or calendar) ─► expected starts ─► launches that met them
//!               their tasks ─► history: what is usual, overlaps
//!   collisions  attempts, agents of a cluster ─► connection ─► classify ─► recurrence
//!   quota       tasks, refusals, limits ─► steps: usage of each pool as a step function
//!   stalls      tasks, instances ─► observations ─► find
//!   calls       role sessions, the calls that issued them ─► trace: who is behind them
//! ```

mod agents;
mod calls;
pub mod collisions;
mod containers;
mod deployments;
mod events;
pub mod failures;
mod flows;
mod gaps;
pub mod incidents;
mod instances;
pub mod launches;
mod patterns;
#[cfg(feature = "cluster")]
pub mod portable;
pub mod principals;
pub mod quota;
mod runs;
pub mod schedules;
mod sql;
mod stalls;
mod stored;
mod tasks;
#[cfg(test)]
mod tests;
mod zone;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use datafusion::execution::context::SessionContext;

pub use self::zone::ZoneName;
use crate::engine::functions::{flag_of_text, number_of_text};
use crate::knowledge::{agent_queues, task_interfaces};
use crate::lang::catalog::{Assumed, FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::{Aggregate, Expr, FieldRef};
use crate::table::{Field, FieldKind, Table};

/// A noun: what a query returns rows of.
#[derive(Debug)]
pub struct Noun {
    /// The name.
    pub word: &'static str,
    /// The records from which its rows are derived.
    pub needs: Needs,
    /// Whether its rows are derived from the original records, even if the query does not use `raw`.
    pub reads_originals: bool,
    /// The columns.
    pub fields: Vec<FieldInfo>,
    /// The named aggregates.
    pub measures: Vec<Measure>,
    /// The columns that are shown by default.
    pub shown: &'static [&'static str],
    /// Those of them that a table leaves out first if it is too narrow, the least important first. All others are left out
    /// from the right.
    pub optional: &'static [&'static str],
    /// The shown column whose sentence says what a row is about: a narrow table leaves out others until most of the sentence fits.
    pub main: Option<&'static str>,
    /// The columns that are missing unless they are requested ([`ViewRequest::extra`]), because computing them takes long.
    pub extra: &'static [&'static str],
    /// Whether the columns [`Noun::extra`] are derived from the original records.
    pub extra_reads_originals: bool,
    /// Creates the SQL of its rows.
    pub view: fn(ViewRequest) -> String,
    /// The default measure of groups.
    pub default_measure: &'static str,
    /// Whether its rows are computed from many records, so that every query for them is slow.
    pub is_computed: bool,
    /// Whether it has few rows regardless of its input, so that computing all columns costs little more.
    pub has_few_rows: bool,
    /// Whether its rows are levels: each lasts from its `time` to its `ended_at`.
    pub is_level: bool,
    /// The columns in which all levels of a pool agree, and the columns whose maxima are computed without all levels
    /// ([`ViewRequest::peaks`]).
    pub peaks: Option<(&'static [&'static str], &'static [&'static str])>,
    /// The kind of rows that is assumed if a query groups rows without naming one.
    pub assumed: Option<Assumed>,
}

impl Noun {
    /// A noun whose rows are those of a table, possibly with computed columns.
    fn recorded(word: &'static str, view: fn(ViewRequest) -> String) -> Noun {
        Noun {
            word,
            needs: Needs::All(&[]),
            reads_originals: false,
            fields: Vec::new(),
            measures: Vec::new(),
            shown: &[],
            optional: &[],
            main: None,
            extra: &[],
            extra_reads_originals: false,
            view,
            default_measure: "count",
            is_computed: false,
            has_few_rows: false,
            is_level: false,
            peaks: None,
            assumed: None,
        }
    }

    /// A noun whose rows are computed from many records.
    fn computed(word: &'static str, view: fn(ViewRequest) -> String) -> Noun {
        Noun { is_computed: true, ..Noun::recorded(word, view) }
    }
}

/// The records that a noun needs.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Each list needs at least one table with rows.
    All(&'static [&'static [Table]]),
    /// The needed tables depend on the value of a column. At least one must have rows.
    ByValue {
        /// The column.
        column: &'static str,
        /// The tables for rows with this value.
        of: fn(&str) -> &'static [Table],
        /// The tables for all rows.
        any: &'static [Table],
    },
}

/// A named aggregate of one column.
#[derive(Debug)]
pub struct Measure {
    /// The name, type and description.
    pub info: MeasureInfo,
    /// The aggregate.
    pub function: Aggregate,
    /// The aggregated column and its type.
    pub column: (&'static str, FieldType),
}

impl Measure {
    /// The measure as an aggregate of the language.
    pub fn expr(&self) -> Expr {
        let (name, kind) = self.column;
        let field = Expr::Field(FieldRef { name: name.to_owned(), kind });
        Expr::Aggregate { function: self.function, arg: Some(Box::new(field)), kind: self.info.kind }
    }
}

/// What a query requests from a view besides its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewRequest {
    /// The time until which ongoing states last: microseconds since 1970.
    pub anchor: i64,
    /// The start of the window: microseconds since 1970, inclusive.
    pub from: Option<i64>,
    /// The end of the window: microseconds since 1970, exclusive.
    pub to: Option<i64>,
    /// Return only the rows at which a pool reaches one of its maxima (see [`Noun::peaks`]).
    pub peaks: bool,
    /// The column `raw`, even if it must be read from another table.
    pub raw: bool,
    /// The column [`EVIDENCE`]: the ids of the records behind a row.
    pub evidence: bool,
    /// The columns [`Noun::extra`].
    pub extra: bool,
    /// The time zone for the time of day.
    pub zone: ZoneName,
}

/// The hidden column with a list of record ids.
pub const EVIDENCE: &str = "#evidence";

/// All nouns, in the order of the language.
pub static NOUNS: LazyLock<Vec<Noun>> = LazyLock::new(|| {
    vec![
        failures::noun(),
        calls::calls(),
        events::noun(),
        tasks::noun(),
        containers::noun(),
        calls::attempts(),
        instances::noun(),
        agents::updates(),
        agents::disconnects(),
        deployments::noun(),
        runs::noun(),
        launches::noun(),
        collisions::noun(),
        schedules::noun(),
        quota::noun(),
        stalls::noun(),
        incidents::noun(),
        flows::noun(),
        gaps::noun(),
        patterns::noun(),
        stored::quarantine(),
        stored::loads(),
    ]
});

/// Makes the functions of all nouns callable from SQL, with no limits for `quota` and stalls of a minute or more.
pub fn register_functions(session: &SessionContext) {
    launches::function::functions().into_iter().for_each(|function| session.register_udwf(function));
    collisions::function::functions().into_iter().for_each(|function| session.register_udwf(function));
    incidents::function::functions().into_iter().for_each(|function| session.register_udwf(function));
    principals::function::functions().into_iter().for_each(|function| session.register_udwf(function));
    schedules::function::functions().into_iter().for_each(|function| session.register_udwf(function));
    collisions::chance::chance_functions().into_iter().for_each(|function| session.register_udf(function));
    session.register_udf(number_of_text("task_interfaces", task_interfaces));
    session.register_udf(flag_of_text("agent_queues", agent_queues));
    let (name, function) = stalls::operator::instance_stalls_function();
    session.register_udtf(name, function);
    set_quotas(session, quota::limits::Quotas::default());
    set_min_blocked(session, Duration::from_secs(60));
}

/// Replaces the limits for `quota`.
pub fn set_quotas(session: &SessionContext, quotas: quota::limits::Quotas) {
    let quotas = Arc::new(quotas);
    quota::limit_function::functions(&quotas).into_iter().for_each(|function| session.register_udf(function));
    let (name, function) = quota::steps::quota_steps_function(&quotas);
    session.register_udtf(name, function);
}

/// Sets how long a task must be blocked to count as a stall (default: one minute).
pub fn set_min_blocked(session: &SessionContext, least: Duration) {
    let micros = i64::try_from(least.as_micros()).unwrap_or(i64::MAX);
    session.register_udf(stalls::min_blocked::min_blocked_function(micros));
}

/// The noun with a name.
pub fn noun(word: &str) -> Option<&'static Noun> {
    NOUNS.iter().find(|noun| noun.word == word)
}

/// The reason why an unsupported noun cannot be queried, as one sentence.
pub fn later() -> &'static str {
    "this is not supported yet"
}

/// The columns of a base table in the language.
pub fn table_fields(table: Table) -> Vec<FieldInfo> {
    table.fields().iter().map(field_info).collect()
}

fn field_info(field: &Field) -> FieldInfo {
    let kind = match field.kind {
        FieldKind::Text => FieldType::Text,
        FieldKind::Int => FieldType::Int,
        FieldKind::Float => FieldType::Float,
        FieldKind::Bool => FieldType::Bool,
        FieldKind::Time => FieldType::Time,
        FieldKind::Duration => FieldType::Duration,
    };
    FieldInfo { name: field.name, kind, doc: field.doc }
}

#[cfg(test)]
mod declarations {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lang::keyword;

    #[test]
    fn every_noun_of_the_language_runs() {
        for known in keyword::NOUNS {
            assert!(noun(known.word).is_some(), "{}", known.word);
        }
        assert!(NOUNS.iter().all(|noun| keyword::NOUNS.iter().any(|known| known.word == noun.word)));
    }

    #[test]
    fn columns_have_one_name_and_the_shown_ones_exist() {
        for noun in NOUNS.iter() {
            let names: BTreeSet<&str> = noun.fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), noun.fields.len(), "{}", noun.word);
            assert!(names.contains("id") && names.contains("time"), "{}", noun.word);
            for shown in noun.shown {
                assert!(names.contains(shown), "{} shows {shown}", noun.word);
            }
            for extra in noun.extra {
                assert!(names.contains(extra) && !noun.shown.contains(extra), "{}.{extra}", noun.word);
            }
            for optional in noun.optional {
                assert!(noun.shown.contains(optional), "{} does not show {optional}", noun.word);
            }
            for measure in &noun.measures {
                let (name, kind) = measure.column;
                assert!(noun.fields.iter().any(|field| field.name == name && field.kind == kind), "{name}");
            }
        }
    }
}
