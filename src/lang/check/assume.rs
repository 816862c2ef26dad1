//! Nouns whose rows have different units: which kind of rows a query means when it groups all of them.

use super::{Checker, scope};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::Span;
use crate::lang::catalog::Assumed;
use crate::lang::checked::{CompareOp, Expr, Literal, Pred, Stage};

impl Checker<'_> {
    /// Restricts a grouped stage to one kind of rows, with a warning, if the query does not choose a kind.
    pub(super) fn assume(&mut self, stage: &mut Stage, source: &Span) {
        let assumed = self.catalog.assumed(&self.noun).filter(|_| self.first && stage.grouped);
        let Some(Assumed { column: name, value, why }) = assumed else { return };
        let Some(field) = self.column(name).map(scope::reference) else { return };
        let names_kind = |expr: &Expr| matches!(expr, Expr::Field(field) if field.name == name || field.name == "id");
        let filtered = stage.filter.as_ref().is_some_and(|filter| filter.any(&names_kind));
        if filtered
            || stage.by.iter().any(|key| key.expr.any(&names_kind))
            || stage.show.iter().any(|item| item.expr.any(&names_kind))
        {
            return;
        }
        let only =
            Pred::Compare { left: Expr::Field(field), op: CompareOp::Eq, right: Expr::Literal(Literal::Text(value.into())) };
        stage.filter = Some(match stage.filter.take() {
            Some(filter) => Pred::And(vec![only, filter]),
            None => only,
        });
        let warning = Diagnostic::warning(format!("counting only `{value}`: {why}"), source.clone())
            .with_label(format!("add `by {name}` or `where {name} = …` to choose"));
        self.warnings.push(warning);
    }
}
