//! Detects queries that only need the peak rows of each pool, so the operator can skip the rest.
//!
//! In: a checked query. Out: yes or no. Invariant: if yes, the result from the levels at which one of [`Noun::peaks`]
//! is largest equals the result from all levels. Most queries about quotas are of this kind, and writing millions of
//! levels takes as long as finding the peaks.

use crate::lang::checked::{Aggregate, Checked, Expr};
use crate::nouns::Noun;

/// Whether a query reads only the peaks of each pool.
pub fn suffice(checked: &Checked, noun: &Noun) -> bool {
    let (Some((fixed, highest)), Some(stage)) = (noun.peaks, checked.stages.first()) else { return false };
    let rule = PeakRule { noun, fixed, highest };
    stage.grouped
        && stage.every.is_none()
        && stage.bursts.is_none()
        && stage.relations.is_empty()
        && !stage.filter.as_ref().is_some_and(|filter| filter.any(&|part| rule.changes(part)))
        && stage.by.iter().all(|key| !key.expr.any(&|part| rule.changes(part)))
        && stage.show.iter().all(|item| rule.peaks(&item.expr))
}

/// What a query that needs only peaks may read from a noun.
struct PeakRule<'n> {
    noun: &'n Noun,
    /// Columns that are the same in all levels of a pool.
    fixed: &'static [&'static str],
    /// Columns whose maximum may be read.
    highest: &'static [&'static str],
}

impl PeakRule<'_> {
    /// Whether an expression is a column that differs between levels.
    fn changes(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Field(field) => !self.fixed.contains(&field.name.as_str()),
            Expr::Raw(_) => true,
            _ => false,
        }
    }

    /// Whether an item consists of maxima and keys.
    fn peaks(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Field(_) | Expr::Raw(_) => !self.changes(expr),
            Expr::Literal(_) => true,
            Expr::Binary { left, right, .. } => self.peaks(left) && self.peaks(right),
            Expr::Call { args, .. } => args.iter().all(|arg| self.peaks(arg)),
            Expr::Aggregate { function: Aggregate::Max, arg: Some(arg), .. } => {
                matches!(&**arg, Expr::Field(field) if self.highest.contains(&field.name.as_str()))
            }
            Expr::Aggregate { .. } => false,
            Expr::Measure { name, .. } => {
                let measure = self.noun.measures.iter().find(|measure| measure.info.name == name);
                measure.is_some_and(|measure| self.peaks(&measure.expr()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns;
    use crate::plan::tests::fixture::checked;

    fn suffice_for(query: &str) -> bool {
        let checked = checked(query);
        suffice(&checked, nouns::noun(&checked.source).unwrap())
    }

    #[test]
    fn what_asks_for_nothing_but_peaks() {
        for query in [
            "quota by resource",
            "quota by region",
            "quota where cluster = prod and resource in (instance_cpu, instance_memory) by upper(cluster), id top 3",
            "quota where resource = eni by id since 7d show max(used), max(needed) / max(used) as ratio",
            "quota by resource since 7d compare previous",
            "quota where resource = fargate_vcpu show peak",
            "quota by account, resource | by resource show sum(peak), count",
        ] {
            assert!(suffice_for(query), "{query}");
        }
    }

    #[test]
    fn what_looks_at_other_levels() {
        for query in [
            "quota where resource = fargate_vcpu",
            "quota by resource every 1h",
            "quota by resource show count",
            "quota by resource show max(used), min(used)",
            "quota by resource show max(used - used_lower)",
            "quota by resource show max(over)",
            "quota where used > 4 by resource",
            "quota by resource, tasks",
            "quota by resource, hour(time)",
            "quota by resource show first(used)",
            "failures by reason show max(time)",
        ] {
            assert!(!suffice_for(query), "{query}");
        }
    }
}
