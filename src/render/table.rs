//! A table for a terminal, fitted to the width.

use std::io;

use super::draw::{Drawn, draw, draw_wrapped};
use super::expanded::draw_expanded;
use super::fit::note;
use super::grid::Grid;
use super::spark::spark_columns;
use super::wrap::wrap_page;
use super::{Layout, Look, Render, RenderError};
use crate::answer::Answer;

/// The format `table`.
pub(super) struct Table;

impl Render for Table {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        let grid = Grid::read(answer, look)?;
        match look.layout {
            Layout::Lines { hint } => write_noted(&draw(grid, look), hint, look, out)?,
            Layout::Wrapped { hint } => write_noted(&draw_wrapped(grid, look), hint, look, out)?,
            Layout::Expanded => out.write_all(draw_expanded(&grid, look).as_bytes())?,
        }
        if let Some(trends) = spark_columns(answer)? {
            let drawn = draw(trends.grid(look), look).text;
            out.write_all(format!("\n{drawn}").as_bytes())?;
        }
        Ok(())
    }
}

/// Writes a table, and which columns it has no place for.
fn write_noted(drawn: &Drawn, hint: &str, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(drawn.text.as_bytes())?;
    match note(&drawn.left_out, hint) {
        Some(note) => out.write_all(wrap_page(&note, look.width.unwrap_or(usize::MAX)).as_bytes()),
        None => Ok(()),
    }
}
