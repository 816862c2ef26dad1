//! One JSON object per line, for pipes; keys are in column order.

use std::io;

use super::json::{row_keys, write_row};
use super::rows::visit_rows;
use super::{Look, Render, RenderError};
use crate::answer::Answer;

/// The format `ndjson`.
pub(super) struct Ndjson;

impl Render for Ndjson {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        let keys = row_keys(&answer.columns);
        let mut line = Vec::new();
        visit_rows(answer, |cells| {
            line.clear();
            write_row(&keys, cells, look, &mut line)?;
            line.push(b'\n');
            Ok(out.write_all(&line)?)
        })
    }
}
