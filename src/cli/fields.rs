//! `ecs-audit fields`: lists the nouns and their fields.

use super::args::Fields;
use super::output::{listing, print};
use crate::answer::Answer;
use crate::app::AppError;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang::catalog::{Catalog, NounStatus};
use crate::lang::{keyword, suggest};
use crate::plan::PlanCatalog;

/// Runs the command.
pub fn run(arguments: &Fields, context: &Context) -> Result<ExitCode, AppError> {
    let catalog = PlanCatalog::default();
    let answer = match &arguments.noun {
        None => nouns(&catalog)?,
        Some(noun) => fields(&catalog, noun)?,
    };
    print(&answer, arguments.format, None, context)?;
    Ok(ExitCode::Ok)
}

fn nouns(catalog: &PlanCatalog) -> Result<Answer, AppError> {
    let rows = keyword::NOUNS.iter().map(|noun| {
        let runs = match catalog.status(noun.word) {
            NounStatus::Ready => "yes",
            NounStatus::Later(_) => "not yet",
        };
        vec![noun.word.to_owned(), runs.to_owned(), noun.doc.to_owned()]
    });
    listing(&["noun", "runs", "rows"], rows.collect())
}

fn fields(catalog: &PlanCatalog, noun: &str) -> Result<Answer, AppError> {
    let word = noun.to_lowercase();
    let known = keyword::NOUNS.iter().map(|noun| noun.word);
    if !known.clone().any(|known| known == word) {
        let mut diagnostic = Diagnostic::error(format!("unknown noun `{noun}`"), 0..noun.len());
        // `failures.reason`, or a field without its noun.
        let field = word.rsplit('.').next().unwrap_or_default();
        let with_field = known.clone().filter(|noun| catalog.fields(noun).iter().any(|known| known.name == field));
        let with_field: Vec<&str> = with_field.collect();
        if let Some(noun) = word.split('.').next().filter(|noun| *noun != field && known.clone().any(|known| known == *noun)) {
            diagnostic = diagnostic.with_help(format!("`ecs-audit fields {noun}` lists all fields of `{noun}`"));
        } else if !with_field.is_empty() {
            let error = Diagnostic::error(format!("`{noun}` is a field, not a noun"), 0..noun.len());
            let error = error.with_note(format!("nouns with this field: {}", with_field.join(", ")));
            return Err(AppError::Query { text: noun.to_owned(), diagnostics: vec![error] });
        } else if let Some(question) = suggest::question(&word, known.clone()) {
            diagnostic = diagnostic.with_label(question);
        }
        let diagnostic = diagnostic.with_note(format!("nouns: {}", known.collect::<Vec<_>>().join(", ")));
        return Err(AppError::Query { text: noun.to_owned(), diagnostics: vec![diagnostic] });
    }
    if let NounStatus::Later(why) = catalog.status(&word) {
        return Err(AppError::Sentence(why.to_owned()));
    }
    let fields = catalog.fields(&word).iter();
    let mut rows: Vec<Vec<String>> =
        fields.map(|field| vec![field.name.to_owned(), field.kind.word().to_owned(), field.doc.to_owned()]).collect();
    rows.push(vec!["raw.…".to_owned(), "text".to_owned(), "any field of the original record, under its own name".to_owned()]);
    let measures = catalog.measures(&word).iter();
    rows.extend(
        measures
            .map(|measure| vec![measure.name.to_owned(), format!("measure, {}", measure.kind.word()), measure.doc.to_owned()]),
    );
    listing(&["field", "type", "description"], rows)
}
