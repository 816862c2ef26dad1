//! Rows one below the other: a line per column, for rows that are wider than the terminal.

use super::Look;
use super::grid::Grid;
use super::shorten::width_of;
use super::tone::tone;
use super::wrap::wrap;

/// The width of the line above each row.
const RULE: usize = 40;

/// The grid with one line per value; long values continue below, broken at words.
pub(super) fn draw_expanded(grid: &Grid, look: &Look) -> String {
    let names = grid.headers.iter().map(|header| width_of(&header.name)).max().unwrap_or(0);
    let rule = look.width.map_or(RULE, |width| width.min(RULE));
    let mut text = String::new();
    for (number, row) in grid.rows.iter().enumerate() {
        let title = format!("─[ {} ]", number + 1);
        text.push_str(&title);
        text.push_str(&"─".repeat(rule.saturating_sub(width_of(&title))));
        text.push('\n');
        for (header, cell) in grid.headers.iter().zip(row) {
            push_value(&mut text, &header.name, names, cell, look);
        }
    }
    text
}

fn push_value(text: &mut String, name: &str, names: usize, cell: &str, look: &Look) {
    let aside = names + 2;
    let lines = match look.width {
        None => vec![cell.to_owned()],
        Some(width) => wrap(cell, width.saturating_sub(aside)),
    };
    let color = look.color.then(|| tone(name, cell)).flatten();
    let pad = " ".repeat(aside.saturating_sub(width_of(name)));
    let below = " ".repeat(aside);
    let name = if look.color { format!("\u{1b}[1m{name}\u{1b}[22m") } else { name.to_owned() };
    text.push_str(&name);
    for (index, line) in lines.iter().enumerate() {
        text.push_str(if index == 0 { &pad } else { &below });
        match &color {
            Some(color) => text.push_str(&color.colorize(line)),
            None => text.push_str(line),
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::MISSING;
    use super::super::grid::Header;
    use super::*;

    fn grid() -> Grid {
        let header = |name: &str| Header { name: name.to_owned(), numeric: false, elastic: true, rank: None, main: false };
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        Grid {
            headers: ["time", "exit_code", "message"].map(header).to_vec(),
            rows: vec![
                row(["2026-03-04T10:14:07Z", "137", "the container was killed because it exceeded its memory"]),
                row(["2026-03-04T10:15:07Z", MISSING, ""]),
            ],
        }
    }

    #[test]
    fn rows_are_one_below_the_other_and_texts_break_at_words() {
        let look = Look { width: Some(40), ..Look::default() };
        assert_eq!(
            draw_expanded(&grid(), &look),
            "\
─[ 1 ]──────────────────────────────────
time       2026-03-04T10:14:07Z
exit_code  137
message    the container was killed
           because it exceeded its
           memory
─[ 2 ]──────────────────────────────────
time       2026-03-04T10:15:07Z
exit_code  —
message
"
        );
    }

    #[test]
    fn without_a_width_values_stay_on_one_line() {
        let text = draw_expanded(&grid(), &Look::default());
        assert!(text.contains("message    the container was killed because it exceeded its memory\n"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 20..60 {
            let text = draw_expanded(&grid(), &Look { width: Some(width), ..Look::default() });
            assert!(text.lines().all(|line| width_of(line) <= width), "{width}\n{text}");
        }
    }

    #[test]
    fn outcomes_are_colored_only_where_colors_are_allowed() {
        let look = Look { color: true, ..Look::default() };
        assert!(draw_expanded(&grid(), &look).contains("\u{1b}[31m137"));
        assert!(!draw_expanded(&grid(), &Look::default()).contains('\u{1b}'));
    }
}
