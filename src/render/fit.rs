//! Fits a [`Grid`] into the width of a terminal: texts are shortened, numbers never.
//!
//! Widths are counted in the same way as the table layout does, so wide characters take two columns.

use tabled::grid::util::string::{get_char_width, get_string_width};

use super::grid::Grid;

/// The space between two columns.
pub(super) const GAP: usize = 2;
/// A text shorter than this is useless; the table is then wider than the terminal.
const LEAST: usize = 4;
const ELLIPSIS: &str = "…";

/// Shortens the widest texts until the grid is at most `width` columns wide, if possible.
pub(super) fn fit(grid: &mut Grid, width: usize) {
    let room = width.saturating_sub(GAP * grid.headers.len().saturating_sub(1));
    let mut widths = natural_widths(grid);
    shrink_texts(grid, &mut widths, room);
    shrink_headers(grid, &mut widths, room);
    for (column, &limit) in widths.iter().enumerate() {
        let Some(header) = grid.headers.get_mut(column) else {
            continue;
        };
        header.name = shorten(&header.name, limit);
        if header.elastic {
            for cell in grid.rows.iter_mut().filter_map(|row| row.get_mut(column)) {
                *cell = shorten(cell, limit);
            }
        }
    }
}

/// The display width of a text.
pub(super) fn width_of(text: &str) -> usize {
    get_string_width(text)
}

fn natural_widths(grid: &Grid) -> Vec<usize> {
    let data = data_widths(grid);
    let headers = grid.headers.iter().map(|header| width_of(&header.name));
    headers.zip(data).map(|(name, data)| name.max(data)).collect()
}

fn data_widths(grid: &Grid) -> Vec<usize> {
    let mut widths = vec![0; grid.headers.len()];
    for row in &grid.rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = width_of(cell).max(*width);
        }
    }
    widths
}

/// Reduces all elastic columns that are wider than some level to that level, the highest that fits.
fn shrink_texts(grid: &Grid, widths: &mut [usize], room: usize) {
    let total: usize = widths.iter().sum();
    if total <= room {
        return;
    }
    let elastic: Vec<usize> = widths_where(grid, widths, true);
    let rigid: usize = widths_where(grid, widths, false).iter().sum();
    let room = room.saturating_sub(rigid);
    let filled = |level: usize| elastic.iter().map(|&width| width.min(level)).sum::<usize>();
    let (mut low, mut high) = (LEAST, elastic.iter().copied().max().unwrap_or(LEAST));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if filled(middle) <= room {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    // The remaining space is given to the first columns that can use it.
    let mut spare = room.saturating_sub(filled(low));
    for (width, header) in widths.iter_mut().zip(&grid.headers) {
        if header.elastic && *width > low {
            let extra = spare.min(1);
            spare -= extra;
            *width = low + extra;
        }
    }
}

/// If texts cannot be shortened further, the headers of numeric columns are shortened, widest first.
fn shrink_headers(grid: &Grid, widths: &mut [usize], room: usize) {
    let data = data_widths(grid);
    let mut excess = widths.iter().sum::<usize>().saturating_sub(room);
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|&column| std::cmp::Reverse(widths.get(column).copied()));
    for column in order {
        let (Some(width), Some(&data)) = (widths.get_mut(column), data.get(column)) else {
            continue;
        };
        if grid.headers.get(column).is_some_and(|header| header.elastic) {
            continue;
        }
        let give = width.saturating_sub(data.max(LEAST)).min(excess);
        *width -= give;
        excess -= give;
    }
}

fn widths_where(grid: &Grid, widths: &[usize], elastic: bool) -> Vec<usize> {
    let columns = widths.iter().zip(&grid.headers);
    columns.filter(|(_, header)| header.elastic == elastic).map(|(&width, _)| width).collect()
}

/// The text shortened to `limit` columns: sentences lose their end, names their middle, because names differ at the
/// end.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if width_of(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    if limit == 0 {
        return String::new();
    }
    if text.contains(char::is_whitespace) || room < 2 * LEAST {
        let start = take_columns(text.chars(), room);
        return format!("{}{ELLIPSIS}", start.trim_end());
    }
    let end: String = take_columns(text.chars().rev(), room / 2);
    let start = take_columns(text.chars(), room - room / 2);
    let end: String = end.chars().rev().collect();
    format!("{start}{ELLIPSIS}{end}")
}

/// As many characters as fit into `room` columns.
fn take_columns(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut left = room;
    let mut taken: String = chars
        .map_while(|c| {
            left = left.checked_sub(get_char_width(c))?;
            Some(c)
        })
        .collect();
    // A variation selector can make the previous character wider.
    while width_of(&taken) > room {
        taken.pop();
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::super::grid::Header;
    use super::*;

    fn grid(columns: &[(&str, bool)], rows: &[&[&str]]) -> Grid {
        let header = |&(name, elastic): &(&str, bool)| Header { name: name.to_owned(), numeric: !elastic, elastic };
        let row = |row: &&[&str]| row.iter().map(|&cell| cell.to_owned()).collect();
        Grid { headers: columns.iter().map(header).collect(), rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn sentences_lose_their_end_and_names_their_middle() {
        assert_eq!(shorten("cannot pull the image", 12), "cannot pull…");
        assert_eq!(shorten("arn:aws:ecs:task/0123456789", 14), "arn:aws…456789");
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("shorter", 1), "…");
        assert_eq!(shorten("shorter", 0), "");
    }

    #[test]
    fn wide_characters_are_counted() {
        assert_eq!(shorten("失敗しました", 5), "失敗…");
        assert_eq!(width_of(&shorten("失敗しました", 4)), 3);
        for limit in 0..12 {
            for text in ["❤️❤️❤️❤️❤️ ❤️", "👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻", "e\u{301}e\u{301}e\u{301} x"]
            {
                assert!(width_of(&shorten(text, limit)) <= limit, "{text} {limit}");
            }
        }
    }

    #[test]
    fn the_widest_text_gives_way_first() {
        let long = "one two three four five six";
        let mut grid = grid(&[("reason", true), ("message", true), ("count", false)], &[&["AGENT", long, "1234567"]]);
        fit(&mut grid, 30);
        assert_eq!(grid.rows, [["AGENT", "one two thre…", "1234567"]]);
        assert_eq!(grid.headers[0].name, "reason");
    }

    #[test]
    fn numbers_stay_whole_even_when_nothing_fits() {
        let mut grid = grid(&[("reason", true), ("p95_start_latency", false)], &[&["RESOURCE:MEMORY", "9223372036854775807"]]);
        for width in (0..24).rev() {
            fit(&mut grid, width);
            assert_eq!(grid.rows[0][1], "9223372036854775807");
        }
        assert_eq!(grid.rows[0][0], "RES…");
    }

    #[test]
    fn names_above_numbers_give_way_last() {
        let mut grid = grid(&[("service", true), ("p95_start_latency", false)], &[&["checkout", "12s"]]);
        fit(&mut grid, 20);
        assert_eq!(grid.headers[1].name.as_str(), "p95_sta…atency");
        assert_eq!(grid.rows, [["che…", "12s"]]);
    }
}
