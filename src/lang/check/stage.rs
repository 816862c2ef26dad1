//! Checks one stage: keys, columns and defaults.

use super::expr::Site;
use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, Spanned};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Column, Every, Expr, FieldRef, Item, Key, Role, Stage, Window};
use crate::lang::keyword::{self, FunctionKind};
use crate::lang::name::default_name;

/// The position of a stage.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The last stage.
    pub(super) last: bool,
    /// A stage before a grouped stage, so the order of its rows has no meaning.
    pub(super) feeds_groups: bool,
    /// A stage after a grouped stage.
    pub(super) after_groups: bool,
}

impl Checker<'_> {
    /// Whether a stage is grouped.
    pub(super) fn groups(&self, stage: &ast::Stage) -> bool {
        !stage.by.is_empty()
            || stage.every.is_some()
            || stage.bursts.is_some()
            || stage.show.iter().any(|item| self.has_aggregate(&item.expr.value))
    }

    /// Whether an expression calls an aggregate, or names one that is not also a column.
    fn has_aggregate(&self, expr: &ast::Expr) -> bool {
        match expr {
            ast::Expr::Field(ast::Field::Name(name)) => self.column(name).is_none() && self.bare_aggregate(name).is_some(),
            ast::Expr::Field(_) | ast::Expr::Number(_) | ast::Expr::Text(_) => false,
            ast::Expr::Call(name, args) => {
                let function = keyword::find_function(&name.value).map(|(function, _)| function.kind);
                matches!(function, Some(FunctionKind::Aggregate(_) | FunctionKind::Percentile))
                    || args.iter().any(|arg| self.has_aggregate(&arg.value))
            }
            ast::Expr::Binary(_, left, right) => self.has_aggregate(&left.value) || self.has_aggregate(&right.value),
        }
    }

    /// The checked stage, and whether its limit is the default.
    pub(super) fn stage(&mut self, written: &ast::Stage, place: Place) -> Option<(Stage, Option<u32>)> {
        let filter = written.filter.as_ref().map(|filter| {
            let pred = self.pred(filter);
            self.keep(pred)
        });
        let mut relations = Vec::new();
        for relation in &written.relations {
            let checked = self.relation(relation);
            relations.extend(self.keep(checked));
        }
        let every = written.every.as_ref().map(|every| {
            let every = self.every(every);
            self.keep(every)
        });
        let bursts = written.bursts.as_ref().map(|bursts| {
            let pause = self.pause(written, bursts);
            self.keep(pause)
        });
        let compare = written.compare.as_ref().map(|compare| {
            let compare = self.comparison(written, compare);
            self.keep(compare)
        });
        let by = self.keys(&written.by);

        let mut stage = Stage {
            filter: flatten(filter)?,
            relations,
            grouped: self.groups(written),
            by: by?,
            every: flatten(every)?,
            bursts: flatten(bursts)?,
            show: Vec::new(),
            compare: flatten(compare)?,
            comparable: true,
            sort: Vec::new(),
            limit: None,
            columns: Vec::new(),
        };
        if let (Some(window), Some(compare)) = (&stage.compare, &written.compare) {
            stage.comparable = self.has_records(window);
            if !stage.comparable {
                let message = "the store has no records of the window compared with: `change` is empty";
                self.warnings.push(Diagnostic::warning(message, compare.span.clone()));
            }
        }
        stage.show = self.show(written, &stage, place)?;
        let columns = self.columns(written, &stage);
        stage.columns = self.keep(columns)?;
        let defaulted = self.order(written, &mut stage, place)?;
        Some((stage, defaulted))
    }

    /// Whether a window overlaps the time of the records in the store, as far as that is known.
    fn has_records(&self, window: &Window) -> bool {
        let before = window.to.zip(self.context.first).is_some_and(|(to, first)| to <= first);
        let after = window.from.zip(self.context.last).is_some_and(|(from, last)| from > last);
        !(before || after)
    }

    /// The other window of `compare`, which requires groups.
    fn comparison(&self, written: &ast::Stage, compare: &Spanned<ast::Compare>) -> Outcome<Window> {
        let error = |message: &str, label: &str| Err(Diagnostic::error(message, compare.span.clone()).with_label(label).into());
        if !self.groups(written) {
            return error("`compare` works on groups, but this stage has plain rows", "add `by reason`, or `show count`");
        }
        if written.every.is_some() {
            return error("`compare` cannot be combined with `every`", "remove one of them");
        }
        self.compare_window(compare)
    }

    /// The pause that ends a burst, in seconds.
    fn pause(&self, written: &ast::Stage, bursts: &Spanned<ast::Duration>) -> Outcome<f64> {
        let error = |message: &str, label: &str| Err(Diagnostic::error(message, bursts.span.clone()).with_label(label).into());
        if self.time_field().is_none() {
            return error("`bursts` requires a time column", "use it before the rows are grouped");
        }
        if written.every.is_some() {
            return error("`bursts` cannot be combined with `every`", "remove one of them");
        }
        if written.compare.is_some() {
            return error("`bursts` cannot be combined with `compare`", "remove one of them");
        }
        let seconds = crate::lang::time::seconds(&bursts.value).filter(|seconds| *seconds > 0);
        match seconds {
            Some(seconds) => Ok(seconds as f64),
            None => error("`bursts` requires a fixed duration greater than zero", "such as `10m`"),
        }
    }

    fn keys(&mut self, written: &[ast::Key]) -> Option<Vec<Key>> {
        let mut keys = Vec::with_capacity(written.len());
        for key in written {
            let expr = self.expr(&key.expr, Site::Row("by"));
            let expr = self.keep(expr)?;
            let name = match &expr {
                Expr::Field(field) if key.alias.is_none() => field.name.clone(),
                _ => output_name(&key.expr.value, key.alias.as_ref()),
            };
            keys.push(Key { name, kind: expr.kind(), expr });
        }
        Some(keys)
    }

    fn show(&mut self, written: &ast::Stage, stage: &Stage, place: Place) -> Option<Vec<Item>> {
        let mut items = match &written.all_columns {
            Some(_) if !stage.grouped => self.input.iter().map(whole_column).collect(),
            Some(star) => {
                let measures: Vec<&str> =
                    ["count", "share"].into_iter().chain(self.catalog.measures(&self.noun).iter().map(|m| m.name)).collect();
                let error = Diagnostic::error("`*` means the columns of a row, but this stage has groups", star.span.clone())
                    .with_label(format!("name measures, such as `show {}`", measures.join(", ")));
                self.errors.push(error);
                return None;
            }
            None if written.show.is_empty() => return Some(self.default_items(stage, place)),
            None => Vec::with_capacity(written.show.len()),
        };
        let site = if stage.grouped { Site::Group(&stage.by) } else { Site::Row("show") };
        for item in &written.show {
            if is_bucket(&item.expr.value, stage.every.as_ref()) && item.alias.is_none() {
                continue;
            }
            let expr = self.expr(&item.expr, site);
            let Some(expr) = self.keep(expr) else {
                continue;
            };
            if stage.by.iter().any(|key| key.expr == expr) {
                let refused = refuse_renaming(item);
                self.keep(refused)?;
                continue;
            }
            let name = match &expr {
                Expr::Field(field) if item.alias.is_none() => field.name.clone(),
                _ => output_name(&item.expr.value, item.alias.as_ref()),
            };
            items.push(Item { name, kind: expr.kind(), expr });
        }
        self.errors.is_empty().then_some(items)
    }

    /// The default columns: the default measure, or the columns of a row.
    fn default_items(&self, stage: &Stage, place: Place) -> Vec<Item> {
        if stage.grouped {
            let name = self.default_measure();
            let measure = self.bare_aggregate(name);
            return measure.map(|expr| Item { name: name.to_owned(), kind: expr.kind(), expr }).into_iter().collect();
        }
        // `failures | limit 3` shows what `failures limit 3` shows.
        if !self.whole_rows || !place.last {
            return Vec::new();
        }
        let shown = self.catalog.shown(&self.noun);
        if shown.is_empty() {
            return self.input.iter().map(whole_column).collect();
        }
        shown.iter().filter_map(|name| self.column(name)).map(whole_column).collect()
    }

    fn default_measure(&self) -> &'static str {
        if self.first { self.catalog.default_measure(&self.noun) } else { "count" }
    }

    /// All output columns, with unique names.
    fn columns(&self, written: &ast::Stage, stage: &Stage) -> Outcome<Vec<Column>> {
        if !stage.grouped && stage.show.is_empty() {
            return Ok(self.input.clone());
        }
        let mut columns = Vec::new();
        if stage.every.is_some() {
            columns.push(Column { name: "time".into(), kind: FieldType::Time, role: Role::Bucket });
        }
        if stage.bursts.is_some() {
            columns.push(Column { name: "time".into(), kind: FieldType::Time, role: Role::Key });
            columns.push(Column { name: "ended".into(), kind: FieldType::Time, role: Role::Field });
        }
        for key in &stage.by {
            columns.push(Column { name: key.name.clone(), kind: key.kind, role: Role::Key });
        }
        for item in &stage.show {
            let role = if stage.grouped { Role::Measure } else { self.role(&item.expr) };
            columns.push(Column { name: item.name.clone(), kind: item.kind, role });
            if stage.compare.is_some() {
                columns.extend(compared(item, stage.show.len()));
            }
        }
        if stage.compare.is_some() {
            columns.push(Column { name: "change".into(), kind: FieldType::Text, role: Role::Field });
        }
        match first_duplicate(&columns) {
            None => Ok(columns),
            Some(name) => Err(twice(&name, written)),
        }
    }

    /// The role of a column of ungrouped rows in the groups of an earlier stage.
    fn role(&self, expr: &Expr) -> Role {
        match expr {
            Expr::Field(FieldRef { name, .. }) => self.column(name).map_or(Role::Field, |column| column.role),
            Expr::Binary { left, right, .. } => {
                let measured = [left, right].iter().any(|side| self.role(side) == Role::Measure);
                if measured { Role::Measure } else { Role::Field }
            }
            Expr::Call { args, .. } if args.iter().any(|arg| self.role(arg) == Role::Measure) => Role::Measure,
            _ => Role::Field,
        }
    }
}

/// An input column as it is.
fn whole_column(column: &Column) -> Item {
    Item { name: column.name.clone(), kind: column.kind, expr: Expr::Field(super::scope::reference(column)) }
}

/// The columns next to a compared value: the previous value and, for numbers, the difference.
fn compared(item: &Item, items: usize) -> Vec<Column> {
    let column = |word: &str| {
        let name = if items == 1 { word.to_owned() } else { format!("{word}_{}", item.name) };
        Column { name, kind: item.kind, role: Role::Measure }
    };
    let mut columns = vec![column("previous")];
    if matches!(item.kind, FieldType::Int | FieldType::Float | FieldType::Duration) {
        columns.push(column("delta"));
    }
    columns
}

/// None if a clause was written but could not be checked.
fn flatten<T>(clause: Option<Option<T>>) -> Option<Option<T>> {
    match clause {
        None => Some(None),
        Some(None) => None,
        Some(found) => Some(found),
    }
}

fn output_name(expr: &ast::Expr, alias: Option<&Spanned<String>>) -> String {
    alias.map_or_else(|| default_name(expr), |alias| alias.value.clone())
}

/// With `every`, `show time` means the bucket, which is shown anyway.
fn is_bucket(expr: &ast::Expr, every: Option<&Every>) -> bool {
    matches!((expr, every), (ast::Expr::Field(ast::Field::Name(name)), Some(_)) if name.eq_ignore_ascii_case("time"))
}

fn refuse_renaming(item: &ast::Item) -> Outcome<()> {
    match &item.alias {
        None => Ok(()),
        Some(alias) => Err(Diagnostic::error("keys are renamed in `by`", alias.span.clone())
            .with_label(format!("write `by {} as {}`", item.expr.value, alias.value))
            .into()),
    }
}

fn first_duplicate(columns: &[Column]) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    columns.iter().find(|column| !seen.insert(column.name.to_lowercase())).map(|column| column.name.clone())
}

/// The error for a duplicate column name, at its last occurrence.
fn twice(name: &str, written: &ast::Stage) -> Box<Diagnostic> {
    let keys = written.by.iter().map(|key| (&key.expr, key.alias.as_ref()));
    let items = written.show.iter().map(|item| (&item.expr, item.alias.as_ref()));
    let place = keys
        .chain(items)
        .rfind(|(expr, alias)| output_name(&expr.value, *alias).eq_ignore_ascii_case(name))
        .map(|(expr, _)| expr.span.clone());
    let error = Diagnostic { span: place, ..Diagnostic::general(format!("two columns are named `{name}`")) };
    error.with_label("rename it with `as`").into()
}
