//! Step ⑦: plans a checked query for the engine.
//!
//! ```text
//!   Checked ─► source  the rows of the noun (SQL in `nouns/`), filtered by the window
//!                │ Rows
//!      for each stage:
//!              predicate   where
//!                │
//!              select      ungrouped rows: show, sort, limit
//!              group       grouped rows: by, every, show, top, limit
//!                │           aggregate   each aggregate once
//!                │           top_n_other top with every: the rest as `(other)`
//!                │           fill        empty buckets
//!                │           rank        top, bottom, per
//!                │ Rows
//!              order, then the visible columns ─► Planned
//! ```
//!
//! The clauses do not depend on nouns: a noun is one entry of [`nouns::NOUNS`]. Functions that the engine does not have are
//! in [`crate::engine::functions`]. Nothing is executed here.
//!
//! Invariants: the order of the result is total, so any number of threads produces the same bytes; the
//! planner never collects rows into memory; a filter on `time` reaches the scan of every noun whose rows
//! are those of a table.

mod aggregate;
mod bursts;
mod catalog;
mod compare;
mod error;
mod evidence;
mod expression;
mod fill;
mod group;
mod needs;
mod noun_tables;
mod peak_pushdown;
mod predicate;
mod rank;
mod relation;
mod rows;
mod select;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod top_n_other;

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, SessionContext};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use catalog::PlanCatalog;
pub use error::PlanError;
pub use evidence::Evidence;
pub use needs::{records_called, unmet};
pub use noun_tables::{noun_rows, nouns_named_in, order_of, register_nouns, tables_behind, tables_named_in};
pub use source::{evaluated_name, with_evaluated};

use crate::engine;
use crate::lang::checked::{Checked, Column, Stage, Window};
use crate::nouns::{self, EVIDENCE, Noun, ViewRequest, ZoneName};
#[cfg(test)]
pub(crate) use expression::arrow_type;
use expression::column;
use rows::{Rows, sorted};

/// The inputs of a plan besides the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The newest event, or the time of `--as-of`; ongoing states last until then.
    pub anchor: Timestamp,
    /// Whether rows include the ids of their records.
    pub evidence: Evidence,
}

/// A planned query.
#[derive(Debug)]
pub struct Planned {
    /// The plan, with ordered rows and only the visible columns.
    pub frame: DataFrame,
    /// The columns, except the evidence column, which is the last one of the frame.
    pub columns: Vec<Column>,
    /// Columns that contain fractions of a whole.
    pub shares: BTreeSet<String>,
    /// The name of the evidence column.
    pub evidence: Option<String>,
}

/// The state that the stages of a query share.
struct StageContext<'a> {
    tz: &'a TimeZone,
    window: &'a Window,
    anchor: Timestamp,
    /// The noun, in the first stage.
    noun: Option<&'static Noun>,
    /// Whether this is the last stage.
    last: bool,
}

/// A session with the functions of all nouns; see [`engine::session`].
pub fn session(threads: usize, memory: usize) -> SessionContext {
    let session = engine::session(threads, memory);
    nouns::register_functions(&session);
    session
}

/// Plans a query over the tables of a session.
pub async fn plan(session: &SessionContext, checked: &Checked, options: Options) -> Result<Planned, PlanError> {
    let noun = known_noun(&checked.source)?;
    let mut rows = window_rows(session, checked, &checked.window, options).await?;
    let context = |index: usize, window| StageContext {
        tz: &checked.tz,
        window,
        anchor: options.anchor,
        noun: (index == 0).then_some(noun),
        last: index + 1 == checked.stages.len(),
    };
    for (index, stage) in checked.stages.iter().enumerate() {
        rows = kept(session, checked, rows, stage, &checked.window, options).await?;
        rows = match &stage.compare {
            None => plan_stage(rows, stage, &context(index, &checked.window))?,
            Some(window) => {
                let mut before = window_rows(session, checked, window, options).await?;
                for (index, stage) in checked.stages.iter().take(index).enumerate() {
                    before = kept(session, checked, before, stage, window, options).await?;
                    before = plan_stage(before, stage, &context(index, window))?;
                }
                before = kept(session, checked, before, stage, window, options).await?;
                compare::compare(rows, before, stage, &context(index, &checked.window))?
            }
        };
    }
    finish(rows)
}

/// The rows of the noun within the window, before any other clause.
pub(crate) async fn window_frame(session: &SessionContext, checked: &Checked, options: Options) -> Result<DataFrame, PlanError> {
    Ok(window_rows(session, checked, &checked.window, options).await?.frame)
}

/// A condition as an expression over the rows of [`window_frame`].
pub(crate) fn condition(pred: &crate::lang::checked::Pred, tz: &TimeZone) -> Result<Expr, PlanError> {
    predicate::filter(pred, tz)
}

/// The SQL of all rows of the noun of a query, if there are few.
pub(crate) fn few_rows(checked: &Checked, options: Options) -> Option<String> {
    let noun = nouns::noun(&checked.source).filter(|noun| noun.has_few_rows)?;
    Some((noun.view)(need(checked, noun, &checked.window, options)))
}

/// The SQL of all rows of the noun of a query, if they are computed from many records: queries with the same SQL can share
/// the rows.
pub(crate) fn computed_rows(checked: &Checked, options: Options) -> Option<String> {
    let noun = nouns::noun(&checked.source).filter(|noun| noun.is_computed)?;
    Some((noun.view)(ViewRequest { peaks: false, ..need(checked, noun, &checked.window, options) }))
}

async fn window_rows(session: &SessionContext, checked: &Checked, window: &Window, options: Options) -> Result<Rows, PlanError> {
    let noun = known_noun(&checked.source)?;
    source::read(session, noun, need(checked, noun, window, options), window, options.evidence).await
}

/// What a query requests from the view of its noun.
fn need(checked: &Checked, noun: &Noun, window: &Window, options: Options) -> ViewRequest {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
    ViewRequest {
        anchor: options.anchor.as_microsecond(),
        from: micros(window.from),
        to: micros(window.to),
        peaks: !options.evidence.wanted() && peak_pushdown::suffice(checked, noun),
        raw: source::reads_raw(checked),
        extra: source::reads(checked, noun.extra),
        evidence: options.evidence.wanted(),
        zone: ZoneName::of(&checked.tz),
    }
}

/// The rows that match the conditions and correlations of a stage.
async fn kept(
    session: &SessionContext,
    checked: &Checked,
    mut rows: Rows,
    stage: &Stage,
    window: &Window,
    options: Options,
) -> Result<Rows, PlanError> {
    if let Some(filter) = &stage.filter {
        rows.frame = rows.frame.filter(predicate::filter(filter, &checked.tz)?)?;
    }
    for relation in &stage.relations {
        let window = relation::partner_window(window, relation);
        let noun = known_noun(&relation.noun)?;
        let need = ViewRequest {
            anchor: options.anchor.as_microsecond(),
            raw: source::filter_reads_raw(relation.filter.as_ref()),
            extra: source::filter_reads(relation.filter.as_ref(), noun.extra),
            zone: ZoneName::of(&checked.tz),
            ..ViewRequest::default()
        };
        let others = source::read(session, noun, need, &window, Evidence::Without).await?;
        rows = relation::relate(rows, others, relation, relation.noun == checked.source, &checked.tz)?;
    }
    Ok(rows)
}

fn known_noun(word: &str) -> Result<&'static Noun, PlanError> {
    nouns::noun(word).ok_or_else(|| PlanError::Unchecked(format!("`{word}` cannot be planned")))
}

fn plan_stage(rows: Rows, stage: &Stage, context: &StageContext<'_>) -> Result<Rows, PlanError> {
    if stage.grouped { group::group(rows, stage, context) } else { select::select(rows, stage, context.tz) }
}

/// The ordered rows with only the visible columns.
fn finish(rows: Rows) -> Result<Planned, PlanError> {
    let frame = sorted(rows.frame.clone(), &rows.total_order())?;
    let mut items: Vec<Expr> = rows.columns.iter().map(|known| column(&known.name)).collect();
    let evidence = rows.evidence.wanted().then(|| evidence_name(&rows.columns));
    if let Some(name) = &evidence {
        items.push(column(EVIDENCE).alias(name));
    }
    Ok(Planned { frame: frame.select(items)?, columns: rows.columns, shares: rows.shares, evidence })
}

/// `evidence`, with underscores prepended until the name is unique.
fn evidence_name(columns: &[Column]) -> String {
    let mut name = "evidence".to_owned();
    while columns.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
        name.insert(0, '_');
    }
    name
}
