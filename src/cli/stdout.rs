//! Writes texts and JSON documents to standard output.

use crate::app::AppError;
use crate::context::Context;
use crate::render::{Schema, json_document, wrap_page};
use serde::Serialize;
use std::io::{self, Write};

/// A page of text for this terminal, broken at words.
pub fn page(text: String, context: &Context) -> String {
    context.width.map(|width| wrap_page(&text, width)).unwrap_or(text)
}

/// Prints a text unchanged.
pub fn print(text: &str) -> Result<(), AppError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints a page of text, broken at words where a terminal shows it.
pub fn print_page(text: String, context: &Context) -> Result<(), AppError> {
    print(&page(text, context))
}

/// Prints an answer as a JSON document under the name of its schema.
pub fn print_document(schema: Schema, answer: &impl Serialize) -> Result<(), AppError> {
    print(&json_document(schema, answer).map_err(|error| AppError::Io(error.into()))?)
}
