//! JSON documents on standard output.

use super::explain;
use super::stderr::CliError;
use crate::render::{Schema, json_document};
use serde::Serialize;

/// Prints an answer under the name of its schema.
pub fn print(schema: Schema, answer: &impl Serialize) -> Result<(), CliError> {
    explain::print(&json_document(schema, answer).map_err(|error| CliError::Io(error.into()))?)
}
