//! Rows whose values have no common unit: what is meant when groups are made of them all.

use super::{Checker, scope};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::Span;
use crate::lang::catalog::Assumed;
use crate::lang::checked::{CompareOp, Expr, Literal, Pred, Stage};

impl Checker<'_> {
    /// Keeps one kind of rows where groups are made and nothing says which kind, and says so.
    pub(super) fn assume(&mut self, stage: &mut Stage, source: &Span) {
        let assumed = self.catalog.assumed(&self.noun).filter(|_| self.first && stage.grouped);
        let Some(Assumed { column: name, value, why }) = assumed else { return };
        let Some(field) = self.column(name).map(scope::reference) else { return };
        let told = |expr: &Expr| names(expr, name) || names(expr, "id");
        let filtered = stage.filter.as_ref().is_some_and(|filter| tests(filter, &told));
        if filtered || stage.by.iter().any(|key| told(&key.expr)) || stage.show.iter().any(|item| told(&item.expr)) {
            return;
        }
        let only =
            Pred::Compare { left: Expr::Field(field), op: CompareOp::Eq, right: Expr::Literal(Literal::Text(value.into())) };
        stage.filter = Some(match stage.filter.take() {
            Some(filter) => Pred::And(vec![only, filter]),
            None => only,
        });
        let warning = Diagnostic::warning(format!("only `{value}` is counted: {why}"), source.clone())
            .with_label(format!("`by {name}`, or `where {name} = …`, says what is meant"));
        self.warnings.push(warning);
    }
}

/// Whether an expression reads a column.
fn names(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Field(field) => field.name == name,
        Expr::Raw(_) | Expr::Literal(_) | Expr::Measure { .. } => false,
        Expr::Binary { left, right, .. } => names(left, name) || names(right, name),
        Expr::Call { args, .. } => args.iter().any(|arg| names(arg, name)),
        Expr::Aggregate { arg, .. } => arg.as_deref().is_some_and(|arg| names(arg, name)),
    }
}

fn tests(pred: &Pred, told: &impl Fn(&Expr) -> bool) -> bool {
    match pred {
        Pred::And(members) | Pred::Or(members) => members.iter().any(|member| tests(member, told)),
        Pred::Not(inner) => tests(inner, told),
        Pred::Compare { left, right, .. } => told(left) || told(right),
        Pred::In { left, .. }
        | Pred::Range { left, .. }
        | Pred::Like { left, .. }
        | Pred::Contains { left, .. }
        | Pred::Matches { left, .. }
        | Pred::Missing { left, .. }
        | Pred::True(left) => told(left),
    }
}
