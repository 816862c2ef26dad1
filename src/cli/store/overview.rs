//! The tables in the overview of a store: rows, files, size, and the time that they cover.

use crate::context::Context;
use crate::render::{describe_instant, width_of};
use crate::store::Manifest;
use crate::table::Table;
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is shown of a table.
struct Row {
    name: &'static str,
    rows: u64,
    files: usize,
    size: u64,
    /// The oldest and the newest event.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// How the time of a table is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    Times,
    Days,
    LeftOut,
}

/// The lines of all tables.
pub fn tables(manifest: &Manifest, context: &Context) -> String {
    let row = |table: &Table| {
        let files = manifest.files(*table);
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Row {
            name: table.name(),
            rows: files.iter().map(|file| file.rows).sum(),
            files: files.len(),
            size: files.iter().map(|file| file.size).sum(),
            first: instant(files.iter().filter_map(|file| file.first).min()),
            last: instant(files.iter().filter_map(|file| file.last).max()),
        }
    };
    let rows: Vec<Row> = Table::ALL.iter().map(row).collect();
    lines(&rows, &context.tz, context.width)
}

/// The most exact times that fit into the width.
fn lines(rows: &[Row], tz: &TimeZone, width: Option<usize>) -> String {
    let fits = |span: &Span| {
        let text = table(rows, tz, *span);
        width.is_none_or(|width| text.lines().all(|line| width_of(line.trim_end()) <= width))
    };
    let span = [Span::Times, Span::Days].into_iter().find(fits).unwrap_or(Span::LeftOut);
    let mut text = table(rows, tz, span);
    if span == Span::LeftOut {
        text.push_str("1 more column: first … last (a wider terminal shows it)\n");
    }
    text
}

fn table(rows: &[Row], tz: &TimeZone, span: Span) -> String {
    let line = |name: &str, rows: &str, files: &str, size: &str| format!("  {name:<18} {rows:>12} {files:>7} {size:>12}");
    let instant = |time: Option<Timestamp>| match (time, span) {
        (None, _) => "none".to_owned(),
        (Some(time), Span::Days) => time.to_zoned(tz.clone()).date().to_string(),
        (Some(time), _) => describe_instant(time, tz),
    };
    let heading = if span == Span::LeftOut { "" } else { "  first … last" };
    let mut text = format!("{}{heading}\n", line("table", "rows", "files", "size"));
    for row in rows {
        let times = match span {
            Span::LeftOut => String::new(),
            _ if row.rows == 0 => "  ".to_owned(),
            _ => format!("  {} … {}", instant(row.first), instant(row.last)),
        };
        let (count, size) = (HumanCount(row.rows).to_string(), HumanBytes(row.size).to_string());
        text.push_str(&format!("{}{times}\n", line(row.name, &count, &row.files.to_string(), &size)));
    }
    let total = HumanBytes(rows.iter().map(|row| row.size).sum()).to_string();
    text.push_str(&format!("{}\n", line("together", "", "", &total)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_the_terminal() {
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (first, last) = (time("2026-03-01T00:01:51.379Z"), time("2026-03-08T03:17:15.031Z"));
        let rows = [
            Row { name: "container_events", rows: 895, files: 8, size: 270_326, first, last },
            Row { name: "quarantine", rows: 0, files: 0, size: 0, first: None, last: None },
        ];
        let at = |width| lines(&rows, &TimeZone::UTC, width);
        for width in [60, 80, 120, 200] {
            assert!(at(Some(width)).lines().all(|line| width_of(line.trim_end()) <= width), "{}", at(Some(width)));
        }
        let whole = "  container_events            895       8   263.99 KiB  2026-03-01T00:01:51.379Z … 2026-03-08T03:17:15.031Z";
        assert!(at(None).lines().any(|line| line == whole), "{}", at(None));
        assert_eq!(at(Some(200)), at(None), "a file and a wide terminal are the same");
        assert!(at(Some(80)).contains("263.99 KiB  2026-03-01 … 2026-03-08\n"), "{}", at(Some(80)));
        let narrow = at(Some(60));
        assert!(!narrow.contains("2026") && narrow.ends_with("1 more column: first … last (a wider terminal shows it)\n"));
    }
}
