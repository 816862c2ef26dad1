//! What the grammar has and this version does not run. The clauses are checked like all others, and
//! then refused here: to enable one is to delete its line.

use crate::diagnostic::Diagnostic;
use crate::lang::ast::{Span, Stage};

/// Clauses that are refused.
const LATER: &[&str] = &["near", "following", "preceding"];

/// One error for each clause that does not run yet.
pub(super) fn refuse(stage: &Stage) -> Vec<Diagnostic> {
    let found: Vec<(&'static str, Span)> =
        stage.relations.iter().map(|relation| (relation.kind.value.word(), relation.kind.span.clone())).collect();
    found
        .into_iter()
        .filter(|(word, _)| LATER.contains(word))
        .map(|(word, span)| Diagnostic::error(format!("`{word}` does not run yet in this version"), span))
        .collect()
}
