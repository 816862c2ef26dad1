//! Nouns as tables, so that plain SQL can ask for them by name.

use std::collections::BTreeSet;

use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;

use super::PlanError;
use super::expression::column;
use super::source::items;
use crate::nouns::{NOUNS, Noun, ViewRequest};
use crate::table::Table;

/// The names of the tables in a statement.
pub fn tables_named_in(statement: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in DFParser::parse_sql(statement).unwrap_or_default() {
        if let Ok((tables, _)) = resolve_table_references(&statement, true) {
            names.extend(tables.iter().map(|table| table.table().to_owned()));
        }
    }
    names
}

/// The nouns that a SQL statement names as tables and that are not base tables: a base table is what its name means. Empty
/// for a text that is not SQL, which is refused when it runs.
pub fn nouns_named_in(statement: &str) -> Vec<&'static Noun> {
    let names = tables_named_in(statement);
    let is_base = |noun: &Noun| Table::ALL.iter().any(|table| table.name() == noun.word);
    NOUNS.iter().filter(|noun| names.contains(noun.word) && !is_base(noun)).collect()
}

/// The names of base tables behind nouns, as a text for [`crate::table::TableSet::named_in`].
pub fn tables_behind(nouns: &[&Noun], need: ViewRequest) -> String {
    nouns.iter().map(|noun| (noun.view)(need)).collect::<Vec<_>>().join(" ")
}

/// All rows of a noun, in no order.
///
/// # Errors
/// When the view of the noun cannot be planned over the tables of the session.
pub async fn noun_rows(session: &SessionContext, noun: &Noun, need: ViewRequest) -> Result<DataFrame, PlanError> {
    let view = session.sql(&(noun.view)(need)).await?;
    Ok(view.select(items(noun, need))?)
}

/// Makes nouns readable as tables of the session.
///
/// # Errors
/// When a noun cannot be planned.
pub async fn register_nouns(session: &SessionContext, nouns: &[&Noun], need: ViewRequest) -> Result<(), PlanError> {
    for noun in nouns {
        let rows = noun_rows(session, noun, need).await?;
        session.register_table(noun.word, rows.into_view())?;
    }
    Ok(())
}

/// The columns that put the rows of a noun into one order.
pub fn order_of(noun: &Noun) -> Vec<datafusion::logical_expr::SortExpr> {
    let has = |name: &&str| noun.fields.iter().any(|field| field.name == *name);
    ["time", "id"].into_iter().filter(has).map(|name| column(name).sort(true, false)).collect()
}
