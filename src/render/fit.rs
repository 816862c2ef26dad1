//! Fits a [`Grid`] into the width of a terminal.
//!
//! Numbers and times are never shortened, and no text becomes narrower than its header or than [`NAME`] or [`SENTENCE`]:
//! columns that do not fit are left out, the least important first, and their names are returned.

use super::MISSING;
use super::grid::Grid;
use super::shorten::{shorten, width_of};
use crate::plural::counted;

/// The space between two columns.
pub(super) const GAP: usize = 2;
/// Names up to this width are never shortened.
const SHORT: usize = 16;
/// Names shortened below this width can no longer be distinguished.
const NAME: usize = 12;
/// Sentences shortened below this width say nothing.
const SENTENCE: usize = 24;
/// The space for the sentence that says what a row is about, if half of the table is wider.
const MAIN_SENTENCE: usize = 48;
/// Words of continued texts are whole up to this width; wider ones, such as paths, continue on the next line, too.
const WORD: usize = 40;
/// The narrowest text where every column has to stay, as in trends.
const LEAST: usize = 4;

/// The widths a column can have.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: usize,
    natural: usize,
}

/// The widths of the columns of a grid that fits into a terminal, and the names of the columns that do not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    /// The width of each remaining column.
    pub widths: Vec<usize>,
    /// The names of the columns that were left out, in their order.
    pub left_out: Vec<String>,
}

/// Leaves out columns and shortens texts until the grid is at most `width` columns wide.
pub(super) fn fit(grid: &mut Grid, width: usize) -> Fitted {
    let fitted = arrange(grid, width);
    for (column, &limit) in fitted.widths.iter().enumerate() {
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
    fitted
}

/// Leaves out columns, and computes the widths that the others can have. No text is changed.
fn arrange(grid: &mut Grid, width: usize) -> Fitted {
    let ranges = (0..grid.headers.len()).map(|column| range(grid, column, width)).collect();
    place(grid, ranges, width)
}

/// As [`arrange`], for texts that continue on further lines: no column is narrower than its longest word.
pub(super) fn arrange_words(grid: &mut Grid, width: usize) -> Fitted {
    let ranges = (0..grid.headers.len()).map(|column| words_range(grid, column)).collect();
    place(grid, ranges, width)
}

fn place(grid: &mut Grid, mut ranges: Vec<Range>, width: usize) -> Fitted {
    let left_out = leave_out(grid, &mut ranges, width);
    let room = width.saturating_sub(GAP * ranges.len().saturating_sub(1));
    if ranges.iter().map(|range| range.least).sum::<usize>() > room {
        squeeze(grid, &mut ranges);
    }
    complete(&mut ranges, room);
    let widths = share(&ranges, room);
    Fitted { widths, left_out }
}

fn range(grid: &Grid, column: usize, width: usize) -> Range {
    let Some(header) = grid.headers.get(column) else { return Range { least: 0, natural: 0 } };
    let cells = || grid.rows.iter().filter_map(|row| row.get(column));
    let name = width_of(&header.name);
    let natural = natural(grid, column);
    let is_sentence = || cells().any(|cell| cell.contains(char::is_whitespace));
    let least = match header.elastic {
        false => natural,
        true if natural <= SHORT => natural,
        true if header.main => natural.min(MAIN_SENTENCE.min(width / 2)).max(name),
        true => natural.min(if is_sentence() { SENTENCE } else { NAME }).max(name),
    };
    Range { least, natural }
}

fn words_range(grid: &Grid, column: usize) -> Range {
    let Some(header) = grid.headers.get(column) else { return Range { least: 0, natural: 0 } };
    let natural = natural(grid, column);
    let words = grid.rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.split(' '));
    let longest = words.map(width_of).max().unwrap_or(0).min(WORD);
    let least = if header.elastic { natural.min(longest.max(SENTENCE)).max(width_of(&header.name)) } else { natural };
    Range { least, natural }
}

/// The width of a column of which nothing is shortened.
fn natural(grid: &Grid, column: usize) -> usize {
    let cells = grid.rows.iter().filter_map(|row| row.get(column)).chain(grid.headers.get(column).map(|header| &header.name));
    cells.map(|cell| width_of(cell)).max().unwrap_or(0)
}

/// Removes the least important columns until the others fit.
fn leave_out(grid: &mut Grid, ranges: &mut Vec<Range>, width: usize) -> Vec<String> {
    let mut kept = vec![true; ranges.len()];
    loop {
        let least: usize = ranges.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(range, _)| range.least + GAP).sum();
        if least <= width + GAP {
            break;
        }
        let candidates = (0..kept.len()).filter(|column| kept.get(*column) == Some(&true));
        let Some(column) = candidates.filter_map(|column| Some((expendable(grid, column)?, column))).max() else { break };
        if let Some(kept) = kept.get_mut(column.1) {
            *kept = false;
        }
    }
    let names = grid.headers.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(header, _)| header.name.clone());
    let left_out: Vec<String> = names.collect();
    if !left_out.is_empty() {
        retain(&mut grid.headers, &kept);
        retain(ranges, &kept);
        grid.rows.iter_mut().for_each(|row| retain(row, &kept));
    }
    left_out
}

/// How little a column matters: columns without a value are left out first. None for a column that has to stay.
fn expendable(grid: &Grid, column: usize) -> Option<(bool, u32)> {
    let rank = grid.headers.get(column)?.rank?;
    let is_empty = grid.rows.iter().all(|row| row.get(column).is_none_or(|cell| cell == MISSING));
    Some((is_empty && !grid.rows.is_empty(), rank))
}

fn retain<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| kept.next().copied().unwrap_or(true));
}

/// Where no column can be left out, texts and the names of other columns are narrowed further.
fn squeeze(grid: &Grid, ranges: &mut [Range]) {
    for (column, (range, header)) in ranges.iter_mut().zip(&grid.headers).enumerate() {
        let cells = grid.rows.iter().filter_map(|row| row.get(column));
        let data = cells.map(|cell| width_of(cell)).max().unwrap_or(0);
        range.least = if header.elastic { range.natural.min(LEAST) } else { range.natural.min(data.max(LEAST)) };
    }
}

/// Shows as many names as possible whole, those that miss least first, before sentences and ids get more space.
fn complete(ranges: &mut [Range], room: usize) {
    let mut spare = room.saturating_sub(ranges.iter().map(|range| range.least).sum());
    let mut names: Vec<&mut Range> = ranges.iter_mut().filter(|range| range.natural <= SENTENCE).collect();
    names.sort_by_key(|range| range.natural.saturating_sub(range.least));
    for range in names {
        let missing = range.natural.saturating_sub(range.least);
        if missing <= spare {
            spare -= missing;
            range.least = range.natural;
        }
    }
}

/// Gives every column the same width, the largest that fits, clamped to the range of the column.
fn share(ranges: &[Range], room: usize) -> Vec<usize> {
    let at = |range: &Range, level: usize| level.clamp(range.least, range.natural.max(range.least));
    let filled = |level: usize| ranges.iter().map(|range| at(range, level)).sum::<usize>();
    let (mut low, mut high) = (0, ranges.iter().map(|range| range.natural).max().unwrap_or(0));
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
    let width = |range: &Range| {
        let extra = usize::from(spare > 0 && range.least <= low && low < range.natural);
        spare -= extra;
        at(range, low) + extra
    };
    ranges.iter().map(width).collect()
}

/// The note below a table whose columns do not all fit: how many were left out, and which.
pub(super) fn note(left_out: &[String], hint: &str) -> Option<String> {
    let columns = match left_out.len() {
        0 => return None,
        several => counted(several, "more column", "more columns"),
    };
    let hint = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
    Some(format!("{columns}: {}{hint}", left_out.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::grid::Header;
    use super::*;

    fn grid(columns: &[(&str, bool)], rows: &[&[&str]]) -> Grid {
        let header = |&(name, elastic): &(&str, bool)| Header {
            name: name.to_owned(),
            numeric: !elastic,
            elastic,
            rank: None,
            main: false,
        };
        let row = |row: &&[&str]| row.iter().map(|&cell| cell.to_owned()).collect();
        let mut headers: Vec<Header> = columns.iter().map(header).collect();
        (1..).zip(&mut headers[1..]).for_each(|(rank, header)| header.rank = Some(rank));
        Grid { headers, rows: rows.iter().map(row).collect() }
    }

    fn names(grid: &Grid) -> Vec<&str> {
        grid.headers.iter().map(|header| header.name.as_str()).collect()
    }

    #[test]
    fn the_widest_text_gives_way_first() {
        let long = "one two three four five six seven";
        let mut grid = grid(&[("reason", true), ("message", true), ("count", false)], &[&["AGENT", long, "1234567"]]);
        assert_eq!(fit(&mut grid, 44).left_out, [""; 0]);
        assert_eq!(grid.rows, [["AGENT", "one two three four five si…", "1234567"]]);
        assert_eq!(names(&grid), ["reason", "message", "count"]);
    }

    #[test]
    fn the_main_sentence_gets_half_of_the_table() {
        let sentence = "checkout lost 3 launches: the container agent was disconnected during an update";
        let row: &[&str] = &["2026-03-04T10:14:07Z", sentence, "3", "12"];
        let columns = [("time", false), ("what", true), ("failures", false), ("launches_lost", false)];
        let mut plain = grid(&columns, &[row]);
        assert_eq!(fit(&mut plain, 80).left_out, [""; 0]);
        let mut main = grid(&columns, &[row]);
        main.headers[1].main = true;
        let mut narrow = main.clone();
        assert_eq!(fit(&mut main, 80).left_out, ["launches_lost"]);
        assert!(width_of(&main.rows[0][1]) > 40, "{}", main.rows[0][1]);
        assert_eq!(fit(&mut narrow, 60).left_out, ["failures", "launches_lost"]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_named() {
        let row: &[&str] = &["2026-03-04T10:14:07Z", "launch", "a-very-long-cluster-name", "failed to start the container"];
        let columns = [("time", false), ("kind", true), ("cluster", true), ("message", true)];
        let mut whole = grid(&columns, &[row]);
        assert_eq!(fit(&mut whole, 200).left_out, [""; 0]);
        assert_eq!(whole.rows[0], row);
        let mut narrow = grid(&columns, &[row]);
        narrow.headers[1].rank = Some(100);
        narrow.headers[2].rank = Some(99);
        let mut narrower = narrow.clone();
        assert_eq!(fit(&mut narrow, 66).left_out, ["kind"]);
        assert_eq!(narrow.rows[0], ["2026-03-04T10:14:07Z", "a-very-lo…ter-name", "failed to start the con…"]);
        narrow.rows[0][1] = "a-long-cluster-name".to_owned();
        fit(&mut narrow, 69);
        assert_eq!(narrow.rows[0][1], "a-long-cluster-name", "names are completed first");
        assert_eq!(fit(&mut narrower, 50).left_out, ["kind", "cluster"]);
        assert_eq!(note(&["kind".into(), "cluster".into()], "").unwrap(), "2 more columns: kind, cluster");
        assert_eq!(note(&["kind".into()], "--expanded").unwrap(), "1 more column: kind (--expanded)");
        assert_eq!(note(&[], ""), None);
    }

    #[test]
    fn columns_without_a_value_go_first_and_only_if_they_have_to() {
        let columns = [("reason", true), ("service", true), ("count", false)];
        let rows: &[&[&str]] = &[&["AGENT", MISSING, "3"], &["RESOURCE:MEMORY", MISSING, "1"]];
        let mut wide = grid(&columns, rows);
        assert_eq!(fit(&mut wide, 80).left_out, [""; 0]);
        let mut narrow = grid(&columns, rows);
        assert_eq!(fit(&mut narrow, 24).left_out, ["service"]);
        assert_eq!(names(&narrow), ["reason", "count"]);
    }

    #[test]
    fn no_column_is_narrower_than_its_name_or_its_numbers() {
        for width in 17..100 {
            let long = "x".repeat(300);
            let columns = [("a_quite_long_name", true), ("p95_start_latency", false), ("message", true), ("n", true)];
            let mut grid = grid(&columns, &[&[&long, "9223372036854775807", "one two three four five", "ab"]]);
            let fitted = fit(&mut grid, width);
            assert_eq!(fitted.left_out.len() + grid.headers.len(), 4);
            for (header, width) in grid.headers.iter().zip(&fitted.widths) {
                assert!(!header.name.contains('…') && *width >= width_of(&header.name), "{header:?} {width}");
            }
            assert!(grid.rows[0].iter().all(|cell| !cell.contains("9223") || cell == "9223372036854775807"));
            let total = fitted.widths.iter().sum::<usize>() + GAP * (fitted.widths.len() - 1);
            assert!(total <= width || grid.headers.len() == 1, "{total} {width}");
        }
    }

    #[test]
    fn where_every_column_has_to_stay_texts_are_narrowed() {
        let mut grid = grid(&[("service", true), ("p95_start_latency", false)], &[&["checkout", "12s"]]);
        grid.headers.iter_mut().for_each(|header| header.rank = None);
        fit(&mut grid, 12);
        assert_eq!(grid.rows[0][1], "12s");
        assert!(grid.rows[0][0].ends_with('…'), "{grid:?}");
    }
}
