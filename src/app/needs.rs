//! What queries need: tables, columns that are missing unless they are requested, and original records.

use crate::lang::{
    self,
    ast::{self, Source},
};
use crate::nouns::{self, Noun, ViewRequest};
use crate::plan::PlanCatalog;
use crate::table::TableSet;
use std::collections::BTreeMap;

/// Whether a text may read columns that are missing unless they are requested. False positives cost time and memory but
/// do not change the result.
pub fn may_read_extra(nouns: &[&Noun], text: &str) -> bool {
    let text = text.to_lowercase();
    nouns.iter().any(|noun| !noun.extra.is_empty() && (text.contains('*') || noun.extra.iter().any(|name| text.contains(name))))
}

/// The nouns of an expanded query.
fn nouns_of(query: &ast::Query) -> impl Iterator<Item = &'static Noun> {
    let source = match &query.source.value {
        Source::Noun(source) => Some(source),
        Source::Saved(_) => None,
    };
    let related = query.stages.iter().flat_map(|stage| &stage.relations).map(|relation| &relation.noun.value);
    source.into_iter().chain(related).filter_map(|word| nouns::noun(word))
}

/// The tables that the nouns of a query need.
pub fn tables_behind(query: &ast::Query, keep_raw: bool) -> TableSet {
    let Source::Noun(_) = &query.source.value else { return TableSet::ALL };
    let nouns: Vec<&Noun> = nouns_of(query).collect();
    let extra = may_read_extra(&nouns, &lang::format(query));
    let need = ViewRequest { raw: keep_raw, extra, evidence: true, ..ViewRequest::default() };
    let views = nouns.into_iter().map(|noun| (noun.view)(need));
    TableSet::named_in(&views.collect::<Vec<_>>().join(" "))
}

/// Whether a noun of a query needs the original records.
pub fn reads_originals(query: &ast::Query) -> bool {
    let extra: Vec<&Noun> = nouns_of(query).filter(|noun| noun.extra_reads_originals).collect();
    nouns_of(query).any(|noun| noun.reads_originals) || may_read_extra(&extra, &lang::format(query))
}

/// Whether a query may use `raw`. False positives cost memory but do not change the result.
pub fn mentions_raw(query: &ast::Query) -> bool {
    lang::format(query).to_lowercase().contains("raw")
}

/// Whether one of these queries needs the original records; errors in them are reported when they run.
pub fn any_reads_originals<'q>(mut texts: impl Iterator<Item = &'q str>, saved: &BTreeMap<String, String>) -> bool {
    let catalog = PlanCatalog::default().with_saved(saved.clone());
    texts.any(|text| {
        let expanded = lang::parse(text).and_then(|query| lang::expand(&query, &catalog));
        expanded.is_ok_and(|query| reads_originals(&query) || mentions_raw(&query))
    })
}
