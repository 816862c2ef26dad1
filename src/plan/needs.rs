//! Determines which records a query needs: without them, an empty result is meaningless.
//!
//! In: a checked query, and which tables have rows. Out: the missing tables. A query about one kind of failure needs
//! the records that report this kind.

use crate::lang::checked::{Checked, CompareOp, Expr, Literal, Pred};
use crate::nouns::{Needs, noun};
use crate::table::Table;

/// The tables, at least one of which must have rows to answer the query; empty if it can be answered.
pub fn unmet(checked: &Checked, has_rows: &dyn Fn(Table) -> bool) -> Vec<Table> {
    let filter = checked.stages.first().and_then(|stage| stage.filter.as_ref());
    let related = checked.stages.iter().flat_map(|stage| &stage.relations);
    let related = related.map(|relation| (relation.noun.as_str(), relation.filter.as_ref()));
    let requested = std::iter::once((checked.source.as_str(), filter)).chain(related);
    requested.map(|(word, filter)| lacking(word, filter, has_rows)).find(|lack| !lack.is_empty()).unwrap_or_default()
}

fn lacking(word: &str, filter: Option<&Pred>, has_rows: &dyn Fn(Table) -> bool) -> Vec<Table> {
    let any_of = match noun(word).map(|noun| noun.needs) {
        None => Vec::new(),
        Some(Needs::All(lists)) => lists.iter().map(|list| list.to_vec()).collect(),
        Some(Needs::ByValue { column, of, any }) => match filter.and_then(|filter| values_of(filter, column)) {
            Some(values) => vec![values.into_iter().flat_map(of).copied().collect()],
            None => vec![any.to_vec()],
        },
    };
    let lacks = |tables: &Vec<Table>| !tables.is_empty() && !tables.iter().any(|table| has_rows(*table));
    any_of.into_iter().find(lacks).unwrap_or_default()
}

/// The values of a column that a condition selects with `column = …` or `column in (…)`.
fn values_of<'p>(pred: &'p Pred, column: &str) -> Option<Vec<&'p str>> {
    let is_column = |expr: &Expr| matches!(expr, Expr::Field(field) if field.name == column);
    let text = |literal: &'p Literal| match literal {
        Literal::Text(text) => Some(text.as_str()),
        _ => None,
    };
    match pred {
        Pred::And(all) => all.iter().find_map(|pred| values_of(pred, column)),
        Pred::Compare { left, op: CompareOp::Eq, right: Expr::Literal(value) } if is_column(left) => Some(vec![text(value)?]),
        Pred::In { left, values, negated: false } if is_column(left) => values.iter().map(text).collect(),
        _ => None,
    }
}

/// The records in some tables, for a sentence such as "no … are loaded".
pub fn records_called(tables: &[Table]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for table in tables {
        let name = match table {
            Table::Calls => "CloudTrail calls",
            Table::TaskEvents | Table::ContainerEvents => "task events",
            Table::InstanceEvents => "container instance events",
            Table::ServiceEvents => "service events",
            Table::RunRecords | Table::JobSubmissions | Table::RunEvents => "dstack runs",
            Table::Flows => "VPC flow logs",
            Table::Failures | Table::Quarantine | Table::Removed | Table::Files => "records",
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "records".to_owned(),
    }
}
