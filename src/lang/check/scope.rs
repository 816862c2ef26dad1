//! Resolves names to columns, measures or functions, and reports unknown names.

use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{Field, Span, Spanned};
use crate::lang::catalog::{FieldType, MeasureInfo};
use crate::lang::checked::{Column, Expr, FieldRef};
use crate::lang::suggest;
use crate::lang::token::excerpt;

impl Checker<'_> {
    /// The input column with this name, ignoring case.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.input.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// A reference to a column, or an error that suggests similar names.
    pub(super) fn field_ref(&self, name: &str, span: &Span) -> Outcome<FieldRef> {
        match self.column(name) {
            Some(column) => Ok(reference(column)),
            None => Err(self.unknown_field(name, span)),
        }
    }

    /// A column or a raw path.
    pub(super) fn field_expr(&self, field: &Spanned<Field>) -> Outcome<Expr> {
        match &field.value {
            Field::Name(name) => self.field_ref(name, &field.span).map(Expr::Field),
            Field::Raw(_) if !self.first => {
                Err(Diagnostic::error("the original record can only be read in the first stage", field.span.clone())
                    .with_label("name it there with `show … as`")
                    .into())
            }
            Field::Raw(parts) => Ok(Expr::Raw(parts.clone())),
        }
    }

    /// The measure of the noun with this name; later stages have none.
    pub(super) fn measure(&self, name: &str) -> Option<MeasureInfo> {
        let measures = if self.first { self.catalog.measures(&self.noun) } else { &[] };
        measures.iter().copied().find(|measure| measure.name.eq_ignore_ascii_case(name))
    }

    /// The time column that windows, buckets, `first` and `last` use.
    pub(super) fn time_field(&self) -> Option<FieldRef> {
        let is_time = |column: &&Column| column.kind == FieldType::Time;
        let named = self.column("time").filter(is_time);
        named.or_else(|| self.input.iter().find(is_time)).map(reference)
    }

    fn unknown_field(&self, name: &str, span: &Span) -> Box<Diagnostic> {
        if self.measure(name).is_some() || matches!(name, "count" | "share") && self.first {
            return Diagnostic::error(format!("`{name}` is computed over groups and cannot be read from a row"), span.clone())
                .with_label("it can only be used in `show`")
                .with_help(format!("`by … show {name} | where {name} > 0` filters groups"))
                .into();
        }
        let place = if self.first { format!("in `{}`", self.noun) } else { "in the previous stage".to_owned() };
        let error = Diagnostic::error(format!("unknown field `{}` {place}", excerpt(name)), span.clone());
        let known = || self.input.iter().map(|column| column.name.as_str());
        let related: Vec<String> = suggest::related(name, known()).iter().map(|name| format!("`{name}`")).collect();
        let label = match related.is_empty() {
            true => suggest::question(name, known()),
            false => Some(format!("did you mean {}?", related.join(" or "))),
        };
        let error = match label {
            Some(label) => error.with_label(label),
            None => error,
        };
        if self.first {
            error.with_note(format!("`ecs-audit fields {}` lists all fields", self.noun)).into()
        } else {
            error.with_note(format!("available columns: {}", names(&self.input))).into()
        }
    }
}

/// A reference to a column.
pub(super) fn reference(column: &Column) -> FieldRef {
    FieldRef { name: column.name.clone(), kind: column.kind }
}

/// A list of column names for a message.
pub(super) fn names(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join(", ")
}
