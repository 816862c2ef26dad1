//! Charts for a terminal: bars, lines or a heat map of the week.
//!
//! The columns determine the chart: weekdays by hours are a heat map, time steps are bars (with groups: one line
//! each), and other groups are bars. Charts need no color and fit into 80 columns.

use super::bars::peak;
use super::draw::draw;
use super::number;
use super::rows::rows;
use super::shorten::{shorten, width_of};
use super::spark::spark_columns;
use super::wrap::wrap_page;
use super::{Cell, Look, ROLE, ROLE_KEY, RenderError, visible};
use crate::answer::{Answer, ColumnKind};

/// The default width of a chart.
const WIDTH: usize = 80;
/// The maximum number of bars.
const MOST: usize = 60;
/// The minimum width of a bar.
const LEAST: usize = 10;
/// Eighths of a column, so that the length of a bar is precise.
const PARTS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Shades from low to high; zero has its own character.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Draws a result; none if it has no groups.
pub fn chart(answer: &Answer, look: &Look) -> Result<Option<String>, RenderError> {
    let width = look.width.unwrap_or(WIDTH);
    let drawn = if let Some(strip) = week(answer)? {
        Some(strip)
    } else if let Some(trends) = spark_columns(answer)? {
        let look = Look { width: Some(width), ..look.clone() };
        Some(draw(trends.grid(&look), &look).text)
    } else {
        bars(answer, look)?
    };
    Ok(drawn.map(|drawn| drawn + &not_drawn(answer, width)))
}

/// A line that names the measures that a chart has no place for.
fn not_drawn(answer: &Answer, width: usize) -> String {
    let Some(first) = measure(answer) else { return String::new() };
    let others = answer.columns.iter().enumerate().skip(first + 1).filter(|(index, _)| !is_key(answer, *index));
    let names: Vec<String> = others.map(|(_, column)| visible(&column.name).into_owned()).collect();
    let Some(other) = names.first() else { return String::new() };
    wrap_page(&format!("not drawn: {} (a chart draws the first measure; put `{other}` first in `show`)", names.join(", ")), width)
}

fn is_key(answer: &Answer, index: usize) -> bool {
    answer.schema.fields().get(index).is_some_and(|field| field.metadata().get(ROLE).is_some_and(|role| role == ROLE_KEY))
}

fn is_bucket(answer: &Answer, index: usize) -> bool {
    index == 0 && answer.columns.first().is_some_and(|column| column.kind == ColumnKind::Time)
}

/// The first numeric column that is not a key.
fn measure(answer: &Answer) -> Option<usize> {
    let is_number =
        |kind: ColumnKind| matches!(kind, ColumnKind::Int | ColumnKind::Float | ColumnKind::Share | ColumnKind::Duration);
    let columns = answer.columns.iter().enumerate();
    columns.clone().position(|(index, column)| is_number(column.kind) && !is_key(answer, index))
}

/// One bar per row.
fn bars(answer: &Answer, look: &Look) -> Result<Option<String>, RenderError> {
    let Some(measure) = measure(answer) else { return Ok(None) };
    let labels: Vec<usize> = (0..measure).filter(|index| is_key(answer, *index) || is_bucket(answer, *index)).collect();
    if labels.is_empty() || labels.len() != measure {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for cells in rows(answer)? {
        let label: Vec<String> =
            labels.iter().filter_map(|index| cells.get(*index)).map(|cell| visible(&cell.human(look)).into_owned()).collect();
        let cell = cells.get(measure).cloned().unwrap_or(Cell::Missing);
        lines.push((label.join(" · "), visible(&cell.human(look)).into_owned(), cell.as_number()));
    }
    let width = look.width.unwrap_or(WIDTH);
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    let numbers = lines.iter().map(|(_, number, _)| width_of(number)).max().unwrap_or(0);
    let widest = lines.iter().map(|(label, ..)| width_of(label)).max().unwrap_or(0);
    let label = widest.min(width.saturating_sub(numbers + 4 + LEAST)).min((width / 2).max(LEAST));
    let room = width.saturating_sub(label + numbers + 4).max(LEAST);
    let values: Vec<Option<f64>> = lines.iter().map(|(_, _, value)| *value).collect();
    let high = peak(&values).unwrap_or(0.0);
    let mut text = String::new();
    let title = answer.columns.get(measure).map(|column| visible(&column.name).into_owned()).unwrap_or_default();
    let names: Vec<&str> =
        labels.iter().filter_map(|index| answer.columns.get(*index)).map(|column| column.name.as_str()).collect();
    text.push_str(&format!("{title} by {}\n", visible(&names.join(", "))));
    for (name, number, value) in &lines {
        let name = shorten(name, label);
        let pad = " ".repeat(label.saturating_sub(width_of(&name)));
        let before = " ".repeat(numbers.saturating_sub(width_of(number)));
        let line = format!("{name}{pad}  {before}{number}  {}", bar(*value, high, room));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if more > 0 {
        text.push_str(&format!("… and {more} more; `top {MOST}` leaves them out\n"));
    }
    Ok(Some(text))
}

/// A bar whose length is proportional to the largest value.
fn bar(value: Option<f64>, high: f64, room: usize) -> String {
    let Some(value) = value.filter(|value| *value > 0.0 && high > 0.0) else { return String::new() };
    let eighths = ((value / high) * (room * PARTS.len()) as f64).round().max(1.0) as usize;
    let eighths = eighths.min(room * PARTS.len());
    let (full, rest) = (eighths / PARTS.len(), eighths % PARTS.len());
    let mut text = "█".repeat(full);
    text.extend(rest.checked_sub(1).and_then(|index| PARTS.get(index)));
    text
}

/// A heat map of weekdays by hours, if these are the keys: one line per day, two columns per hour.
fn week(answer: &Answer) -> Result<Option<String>, RenderError> {
    let keys: Vec<usize> = (0..answer.columns.len()).filter(|index| is_key(answer, *index)).collect();
    let named = |index: usize, stem: &str| {
        answer.columns.get(index).is_some_and(|column| {
            column.kind == ColumnKind::Int && (column.name == stem || column.name.starts_with(&format!("{stem}_")))
        })
    };
    let (day, hour) = match keys.as_slice() {
        [a, b] if named(*a, "weekday") && named(*b, "hour") => (*a, *b),
        [a, b] if named(*a, "hour") && named(*b, "weekday") => (*b, *a),
        _ => return Ok(None),
    };
    let Some(measure) = measure(answer) else { return Ok(None) };
    let mut week = [[0.0f64; 24]; 7];
    for cells in rows(answer)? {
        let number = |index: usize| cells.get(index).and_then(Cell::as_number);
        let (Some(day), Some(hour), Some(value)) = (number(day), number(hour), number(measure)) else { continue };
        let line = week.get_mut((day as usize).wrapping_sub(1));
        if let Some(slot) = line.and_then(|line| line.get_mut(hour as usize)) {
            *slot += value;
        }
    }
    let high = week.iter().flatten().copied().fold(0.0, f64::max);
    let title = answer.columns.get(measure).map(|column| visible(&column.name).into_owned()).unwrap_or_default();
    let mut text = format!("{title} by weekday and hour\n     ");
    for hour in (0..24).step_by(3) {
        text.push_str(&format!("{hour:<6}"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (name, hours) in WEEKDAYS.iter().zip(week) {
        let cells: String = hours.iter().map(|value| shade(*value, high).to_string().repeat(2)).collect();
        let sum: f64 = hours.iter().sum();
        text.push_str(&format!("{name}  {cells}  {}\n", number::rounded(sum)));
    }
    let step = |part: usize| number::rounded((high * part as f64 / 4.0).ceil());
    let legend: Vec<String> = SHADES
        .iter()
        .enumerate()
        .map(|(part, shade)| if part == 0 { format!("{shade} 0") } else { format!("{shade} to {}", step(part)) })
        .collect();
    text.push_str(&format!("     {}\n", legend.join("   ")));
    Ok(Some(text))
}

fn shade(value: f64, high: f64) -> char {
    if value <= 0.0 || high <= 0.0 {
        return SHADES[0];
    }
    // The legend shows the upper limit of each shade: a quarter of the largest value, rounded up.
    let at = (1..4).find(|part| value <= (high * *part as f64 / 4.0).ceil()).unwrap_or(4);
    SHADES.get(at).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{AnswerWindow, Column};
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};
    use arrow::record_batch::RecordBatch;
    use std::sync::Arc;

    fn answer(columns: Vec<(&str, ArrayRef, bool)>) -> Answer {
        let role = [(ROLE.to_owned(), ROLE_KEY.to_owned())];
        let field = |(name, array, key): &(&str, ArrayRef, bool)| {
            let field = Field::new(*name, array.data_type().clone(), true);
            if *key { field.with_metadata(role.clone().into()) } else { field }
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let kind = |array: &ArrayRef| if array.data_type().is_integer() { ColumnKind::Int } else { ColumnKind::Text };
        Answer {
            query: String::new(),
            columns: columns.iter().map(|(name, array, _)| Column { name: (*name).to_owned(), kind: kind(array) }).collect(),
            schema: schema.clone(),
            batches: vec![RecordBatch::try_new(schema, columns.into_iter().map(|(_, array, _)| array).collect()).unwrap()],
            window: AnswerWindow::default(),
            spark: false,
        }
    }

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values))
    }

    fn numbers(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(values.iter().copied()))
    }

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let answer = answer(vec![("reason", texts(&["AGENT", "CPU", "none"]), true), ("count", numbers(&[20, 5, 0]), false)]);
        let look = Look { width: Some(33), ..Look::default() };
        assert_eq!(
            chart(&answer, &look).unwrap().unwrap(),
            "count by reason\nAGENT  20  ██████████████████████\nCPU     5  █████▌\nnone    0\n"
        );
    }

    #[test]
    fn long_names_leave_room_for_bars_and_hostile_ones_are_made_safe() {
        let name = "x".repeat(200) + "\u{1b}[31m";
        let answer = answer(vec![("a", texts(&[&name]), true), ("count", numbers(&[3]), false)]);
        for width in [20, 40, 80] {
            let text = chart(&answer, &Look { width: Some(width), ..Look::default() }).unwrap().unwrap();
            assert!(text.lines().all(|line| width_of(line) <= width), "{width}: {text}");
            assert!(text.contains('█') && !text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn hours_by_weekdays_are_a_strip() {
        let answer = answer(vec![
            ("weekday_time", numbers(&[1, 7, 1]), true),
            ("hour_time", numbers(&[0, 23, 5]), true),
            ("count", numbers(&[8, 2, 1]), false),
        ]);
        let text = chart(&answer, &Look::default()).unwrap().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "     0     3     6     9     12    15    18    21");
        assert_eq!(lines[2], "Mon  ██········░░····································  9");
        assert_eq!(lines[8], "Sun  ··············································░░  2");
        assert_eq!(lines[9], "     · 0   ░ to 2   ▒ to 4   ▓ to 6   █ to 8");
        assert!(text.lines().all(|line| width_of(line) <= 80));
    }

    #[test]
    fn measures_without_a_place_are_named() {
        let columns = vec![
            ("reason", texts(&["AGENT"]), true),
            ("count", numbers(&[20]), false),
            ("placed", numbers(&[2]), false),
            ("asked", numbers(&[3]), false),
        ];
        let text = chart(&answer(columns), &Look::default()).unwrap().unwrap();
        assert!(text.starts_with("count by reason\n"), "{text}");
        assert!(
            text.ends_with("\nnot drawn: placed, asked (a chart draws the first measure; put `placed` first in\n`show`)\n"),
            "{text}"
        );
    }

    #[test]
    fn rows_without_groups_have_no_chart() {
        let answer = answer(vec![("reason", texts(&["AGENT"]), false), ("exit_code", numbers(&[1]), false)]);
        assert_eq!(chart(&answer, &Look::default()).unwrap(), None);
    }
}
