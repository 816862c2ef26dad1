//! A table for a terminal: no lines except one below the header, fitted to the width.

use std::io;

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::style::{HorizontalLine, Style};
use tabled::settings::{Alignment, Color, Padding};

use super::fit::{GAP, fit};
use super::grid::Grid;
use super::spark::spark_columns;
use super::{Look, Render, RenderError};
use crate::answer::Answer;

/// The format `table`.
pub(super) struct Table;

impl Render for Table {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        let grid = Grid::read(answer, look)?;
        out.write_all(draw(grid, look).as_bytes())?;
        if let Some(trends) = spark_columns(answer)? {
            let drawn = draw(trends.grid(look), look);
            out.write_all(format!("\n{drawn}").as_bytes())?;
        }
        Ok(())
    }
}

/// The grid as lines without trailing spaces.
pub(super) fn draw(mut grid: Grid, look: &Look) -> String {
    if grid.headers.is_empty() {
        return String::new();
    }
    if let Some(width) = look.width {
        fit(&mut grid, width);
    }
    let mut builder = Builder::with_capacity(grid.rows.len() + 1, grid.headers.len());
    builder.push_record(grid.headers.iter().map(|header| header.name.as_str()));
    for row in grid.rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table
        .with(Style::empty().horizontals([(1, HorizontalLine::new('─'))]))
        .with(Padding::new(0, GAP, 0, 0))
        .modify(Columns::last(), Padding::zero());
    for (column, header) in grid.headers.iter().enumerate() {
        if header.numeric {
            table.modify(Columns::one(column), Alignment::right());
        }
    }
    if look.color {
        table.modify(Rows::first(), Color::BOLD);
    }
    trim_lines(&table.to_string())
}

fn trim_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for line in text.lines() {
        out.push_str(line.trim_end_matches(' '));
        out.push('\n');
    }
    out
}
