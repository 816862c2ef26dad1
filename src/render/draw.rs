//! Draws a [`Grid`]: no lines except one below the header.

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::style::{HorizontalLine, Style};
use tabled::settings::{Alignment, Color, Padding};

use super::Look;
use super::fit::{GAP, arrange_words, fit};
use super::grid::Grid;
use super::shorten::shorten;
use super::tone::tone;
use super::wrap::wrap;

/// A drawn table.
pub(super) struct Drawn {
    /// Its lines, without trailing spaces.
    pub text: String,
    /// The names of the columns that do not fit.
    pub left_out: Vec<String>,
}

/// The grid fitted to the width: texts are shortened, and columns that do not fit are left out.
pub(super) fn draw(mut grid: Grid, look: &Look) -> Drawn {
    let left_out = look.width.map(|width| fit(&mut grid, width).left_out).unwrap_or_default();
    Drawn { text: lines(&grid, look), left_out }
}

/// The grid fitted to the width: texts continue on further lines at words, and columns that do not fit are left out.
pub(super) fn draw_wrapped(mut grid: Grid, look: &Look) -> Drawn {
    let mut left_out = Vec::new();
    if let Some(width) = look.width {
        let fitted = arrange_words(&mut grid, width);
        left_out = fitted.left_out;
        for (header, width) in grid.headers.iter_mut().zip(&fitted.widths) {
            header.name = shorten(&header.name, *width);
        }
        for row in &mut grid.rows {
            let cells = row.iter_mut().zip(&grid.headers).zip(&fitted.widths).filter(|((_, header), _)| header.elastic);
            cells.for_each(|((cell, _), width)| *cell = wrap(cell, *width).join("\n"));
        }
    }
    Drawn { text: lines(&grid, look), left_out }
}

fn lines(grid: &Grid, look: &Look) -> String {
    if grid.headers.is_empty() {
        return String::new();
    }
    let mut builder = Builder::with_capacity(grid.rows.len() + 1, grid.headers.len());
    builder.push_record(grid.headers.iter().map(|header| header.name.as_str()));
    for row in &grid.rows {
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
        for (index, row) in grid.rows.iter().enumerate() {
            for (column, (header, cell)) in grid.headers.iter().zip(row).enumerate() {
                if let Some(color) = tone(&header.name, cell) {
                    table.modify((index + 1, column), color);
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::super::grid::Header;
    use super::*;

    fn grid() -> Grid {
        let header = |name: &str| Header { name: name.to_owned(), numeric: false, elastic: true, rank: None, main: false };
        let headers = ["field", "type", "description"].map(header).to_vec();
        Grid { headers, rows: vec![["outcome", "text", "started, healed (by a retry), or lost"].map(str::to_owned).to_vec()] }
    }

    #[test]
    fn a_wrapped_table_loses_nothing() {
        let look = Look { width: Some(40), ..Look::default() };
        assert_eq!(
            draw_wrapped(grid(), &look).text,
            "\
field    type  description
────────────────────────────────────
outcome  text  started, healed (by a
               retry), or lost
"
        );
    }

    #[test]
    fn wrapped_tables_break_at_words_only_and_name_what_they_leave_out() {
        let names = ["id", "phase", "class", "kind", "title"];
        let cells = [
            "secret-kms-key-unusable",
            "config_fetch",
            "configuration",
            "container.reason, task.stoppedReason, service.event",
            "the key of a secret cannot be used",
        ];
        let header = |(rank, name): (u32, &str)| Header {
            name: name.to_owned(),
            numeric: false,
            elastic: true,
            rank: (rank > 0).then_some(if name == "kind" { 100 } else { rank }),
            main: false,
        };
        let grid = Grid { headers: (0..).zip(names).map(header).collect(), rows: vec![cells.map(str::to_owned).to_vec()] };
        for width in 24..160 {
            let drawn = draw_wrapped(grid.clone(), &Look { width: Some(width), ..Look::default() });
            assert!(drawn.text.lines().all(|line| super::super::shorten::width_of(line) <= width), "{width}\n{}", drawn.text);
            assert!(!drawn.text.contains('…'), "{width}\n{}", drawn.text);
            let printed: Vec<&str> = drawn.text.split_whitespace().collect();
            for (name, cell) in names.iter().zip(cells) {
                let whole = cell.split(' ').all(|word| printed.contains(&word));
                assert!(whole != drawn.left_out.iter().any(|left_out| left_out == name), "{name} {width}\n{}", drawn.text);
            }
        }
        let at = |width| draw_wrapped(grid.clone(), &Look { width: Some(width), ..Look::default() }).left_out;
        assert_eq!(at(120), [""; 0]);
        assert_eq!(at(100), ["kind"]);
        assert_eq!(at(60), ["kind", "title"]);
    }

    #[test]
    fn colors_are_in_the_cells_of_outcomes() {
        let mut grid = grid();
        grid.headers[0].name = "outcome".to_owned();
        grid.rows[0][0] = "lost".to_owned();
        let look = Look { color: true, ..Look::default() };
        let drawn = draw(grid.clone(), &look).text;
        assert!(drawn.contains("\u{1b}[31mlost\u{1b}[39m"), "{drawn:?}");
        assert!(!draw(grid, &Look::default()).text.contains('\u{1b}'));
    }
}
