//! Checks `sort`, `top`, `bottom` and `limit`, and fills in their defaults.

use super::scope::{names, reference};
use super::stage::Place;
use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, Field, Span, Spanned};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Column, Expr, Limit, Ranking, Role, SortColumn, SortKey, Stage};
use crate::lang::suggest;

impl Checker<'_> {
    /// Fills in the order and the limit. Returns the default limit if it was added.
    pub(super) fn order(&mut self, written: &ast::Stage, stage: &mut Stage, place: Place) -> Option<Option<u32>> {
        let sort = self.sort(written, stage, place);
        let sort = self.keep(sort);
        let limit = written.limit.as_ref().map(|limit| {
            let limit = self.limit(limit, stage);
            self.keep(limit)
        });
        stage.sort = sort?;
        stage.limit = match limit {
            Some(limit) => limit?,
            None => None,
        };
        // An explicit order shows all rows: `sort time` reads events from the start.
        let unlimited = place.last && !stage.grouped && !place.after_groups && written.limit.is_none() && written.sort.is_empty();
        let defaulted = self.context.default_rows.filter(|_| unlimited);
        if let Some(rows) = defaulted {
            stage.limit = Some(Limit::Rows(rows));
        }
        Some(defaulted)
    }

    fn sort(&self, written: &ast::Stage, stage: &Stage, place: Place) -> Outcome<Vec<SortKey>> {
        let mut keys = Vec::with_capacity(written.sort.len());
        for key in &written.sort {
            let column = self.sort_column(&key.field, stage)?;
            keys.push(SortKey { column, descending: key.descending });
        }
        if stage.grouped {
            let ranks =
                matches!(written.limit.as_ref().map(|limit| &limit.value), Some(ast::Limit::Top(..) | ast::Limit::Bottom(..)));
            let times = if ranks { Vec::new() } else { time_keys(stage) };
            add_default_order(&mut keys, &stage.columns, &times, written.sort.is_empty());
        } else if keys.is_empty() && self.first && !place.feeds_groups {
            keys.extend(self.newest_first(stage));
        }
        Ok(keys)
    }

    /// An output column or, without groups, a column that is not shown.
    fn sort_column(&self, field: &Spanned<Field>, stage: &Stage) -> Outcome<SortColumn> {
        let Field::Name(name) = &field.value else {
            let message = "`sort` takes a column, not a raw path";
            return Err(Diagnostic::error(message, field.span.clone())
                .with_label("give it a name: `show raw.a as a sort a`")
                .into());
        };
        if let Some(index) = position(&stage.columns, name) {
            return Ok(SortColumn::Output(index));
        }
        match self.column(name) {
            Some(column) if !stage.grouped => Ok(SortColumn::Input(reference(column))),
            _ if !stage.grouped => self.field_ref(name, &field.span).map(SortColumn::Input),
            _ => Err(no_column(name, &field.span, &stage.columns)),
        }
    }

    fn newest_first(&self, stage: &Stage) -> Option<SortKey> {
        let time = self.time_field()?;
        let column = match position(&stage.columns, &time.name) {
            Some(index) => SortColumn::Output(index),
            None => SortColumn::Input(time),
        };
        Some(SortKey { column, descending: true })
    }

    /// The limit; none for `limit all`.
    fn limit(&self, written: &Spanned<ast::Limit>, stage: &Stage) -> Outcome<Option<Limit>> {
        let (rows, per, is_top) = match &written.value {
            ast::Limit::All => return Ok(None),
            ast::Limit::Rows(rows) => return Ok(Some(Limit::Rows(*rows))),
            ast::Limit::Top(rows, per) => (*rows, per.as_ref(), true),
            ast::Limit::Bottom(rows, per) => (*rows, per.as_ref(), false),
        };
        let word = if is_top { "top" } else { "bottom" };
        let error = |message: String| Diagnostic::error(message, written.span.clone());
        let Some(measure) = stage.columns.iter().position(|column| column.role == Role::Measure) else {
            return Err(error(format!("`{word}` selects groups by a measure, but this stage has no groups"))
                .with_label(format!("use `limit {rows}`, or add `by`"))
                .into());
        };
        if stage.every.is_some() && stage.by.is_empty() {
            return Err(error(format!("with `every`, `{word}` selects groups of `by`, but there is no `by`"))
                .with_label("to select time steps, add a stage: `| sort -count | limit 5`")
                .into());
        }
        let per = per.map(|field| key_column(field, &stage.columns)).transpose()?;
        let ranking = Ranking { rows, measure, per };
        Ok(Some(if is_top { Limit::Top(ranking) } else { Limit::Bottom(ranking) }))
    }
}

/// The output columns of keys that are times or parts of the calendar.
fn time_keys(stage: &Stage) -> Vec<usize> {
    let is_time = |expr: &Expr| match expr {
        Expr::Call { function, .. } => function.is_calendar(),
        other => other.kind() == FieldType::Time,
    };
    let names = stage.by.iter().filter(|key| is_time(&key.expr)).map(|key| key.name.as_str());
    names.filter_map(|name| position(&stage.columns, name)).collect()
}

/// The default order of groups: bucket time and keys that are times ascending, first measure descending, other keys
/// ascending. After an explicit order, only the keys that make it total are added.
fn add_default_order(keys: &mut Vec<SortKey>, columns: &[Column], times: &[usize], whole: bool) {
    let with_role = |role| columns.iter().enumerate().filter(move |(_, column)| column.role == role).map(|(index, _)| index);
    let measure = with_role(Role::Measure).next().filter(|_| whole);
    let order = with_role(Role::Bucket)
        .chain(times.iter().copied().filter(|_| whole))
        .map(|index| (index, false))
        .chain(measure.map(|index| (index, true)))
        .chain(with_role(Role::Key).map(|index| (index, false)));
    for (index, descending) in order {
        let column = SortColumn::Output(index);
        if !keys.iter().any(|key| key.column == column) {
            keys.push(SortKey { column, descending });
        }
    }
}

fn position(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
}

/// The key that `per` names.
fn key_column(field: &Spanned<Field>, columns: &[Column]) -> Outcome<usize> {
    let name = match &field.value {
        Field::Name(name) => name.clone(),
        raw @ Field::Raw(_) => raw.to_string(),
    };
    match position(columns, &name) {
        Some(index) if columns.get(index).is_some_and(|column| column.role == Role::Key) => Ok(index),
        Some(_) => Err(Diagnostic::error(format!("`{name}` is not a key of `by`"), field.span.clone())
            .with_label("`per` requires one of the keys of `by`")
            .into()),
        None => Err(no_column(&name, &field.span, columns)),
    }
}

fn no_column(name: &str, span: &Span, columns: &[Column]) -> Box<Diagnostic> {
    let message = format!("the result has no column `{}`", crate::lang::token::excerpt(name));
    let error = Diagnostic::error(message, span.clone());
    let known = columns.iter().map(|column| column.name.as_str());
    let error = match suggest::question(name, known) {
        Some(label) => error.with_label(label),
        None => error.with_label("add it to `show` first"),
    };
    error.with_note(format!("columns: {}", names(columns))).into()
}
