//! Checks correlations: the other noun and its condition are checked against the columns of that noun.

use super::{Checker, Outcome, noun_columns, ready_noun};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, Field, Spanned};
use crate::lang::checked::{FieldRef, Relation};
use crate::lang::time;

/// CloudTrail times are whole seconds, so a shorter distance does not determine an order.
const SHORTEST: i64 = 2;

impl Checker<'_> {
    pub(super) fn relation(&mut self, written: &ast::Relation) -> Outcome<Relation> {
        if !self.first {
            let message = format!("`{}` is only allowed in the first stage", written.kind.value.word());
            return Err(Diagnostic::error(message, written.kind.span.clone()).into());
        }
        ready_noun(&written.noun.value, &written.noun.span, self.catalog)?;
        let within = self.distance(&written.within)?;
        let matching = written
            .matching
            .iter()
            .map(|field| self.shared_field(field, &written.noun.value))
            .collect::<Outcome<Vec<FieldRef>>>()?;
        let filter = match &written.filter {
            Some(filter) => Some(self.other(&written.noun.value).filter_of(filter, self)?),
            None => None,
        };
        Ok(Relation {
            negated: written.negated,
            kind: written.kind.value,
            noun: written.noun.value.clone(),
            filter,
            within,
            matching,
        })
    }

    fn distance(&self, within: &Spanned<ast::Duration>) -> Outcome<f64> {
        let error = |message: &str| Diagnostic::error(message, within.span.clone());
        match time::seconds(&within.value) {
            None => Err(error("months and years do not have a fixed length").with_label("use days: `30d`").into()),
            Some(seconds) if seconds < SHORTEST => {
                Err(error("the distance in time must be at least 2s").with_label("many records only have whole seconds").into())
            }
            Some(seconds) => Ok(seconds as f64),
        }
    }

    /// A column that both nouns have.
    fn shared_field(&self, field: &Spanned<Field>, other: &str) -> Outcome<FieldRef> {
        let Field::Name(name) = &field.value else {
            let message = "`matching` takes columns that both sources have, not raw paths";
            return Err(Diagnostic::error(message, field.span.clone()).into());
        };
        let found = self.field_ref(name, &field.span)?;
        self.other(other).field_ref(name, &field.span)?;
        Ok(found)
    }

    /// A checker that reads the rows of another noun.
    fn other(&self, noun: &str) -> Self {
        Checker {
            catalog: self.catalog,
            context: self.context,
            noun: noun.to_owned(),
            input: noun_columns(noun, self.catalog),
            window: self.window.clone(),
            first: true,
            whole_rows: true,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Checks a predicate and passes the warnings to the checker of the query.
    fn filter_of(mut self, filter: &ast::Pred, query: &mut Checker<'_>) -> Outcome<crate::lang::checked::Pred> {
        let pred = self.pred(filter)?;
        query.warnings.append(&mut self.warnings);
        Ok(pred)
    }
}
