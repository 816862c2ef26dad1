//! Creates the charts of the page from results.

use super::chart::{Bars, Chart, Key, Lane, Mark, SERIES, lanes, stacked};
use super::preview::Preview;
use super::queries::QueryResult;
use super::story::unit;
use crate::model::catalog::FailureCatalog;
use crate::render::{Cell, describe_instant, thousands};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Results by section.
type Answers<'a> = BTreeMap<&'a str, Rc<QueryResult>>;
type Window = (Timestamp, Timestamp);

/// The series for everything else.
const OTHER: usize = SERIES.len() - 1;
const HOUR: i64 = 3600;
/// The maximum number of pools with their own chart.
const POOLS: usize = 4;

/// All charts for which these results have data.
pub fn charts(answers: &Answers<'_>, window: Window, tz: &TimeZone) -> Result<Vec<Chart>, String> {
    let causes = Causes::of(answers);
    let mut charts = Vec::new();
    charts.extend(by_hour(answers, &causes, window, tz)?);
    charts.extend(timeline(answers, &causes, window, tz)?);
    charts.extend(agents(answers, window, tz)?);
    charts.extend(stalls(answers, window, tz)?);
    charts.extend(quotas(answers, window, tz)?);
    Ok(charts)
}

/// Assigns colors to causes: the most frequent causes have a color of their own.
struct Causes {
    /// The causes with their titles, most frequent first.
    names: Vec<(String, String)>,
}

impl Causes {
    fn of(answers: &Answers<'_>) -> Causes {
        let mut totals: BTreeMap<String, u64> = BTreeMap::new();
        if let Some(result) = answers.get("failures") {
            for row in 0..result.rows.len() {
                *totals.entry(result.text(row, "cause").unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
        let mut names: Vec<(String, u64)> = totals.into_iter().collect();
        names.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
        let title = |cause: &str| match FailureCatalog::current().entry(cause) {
            Some(entry) => entry.name.clone(),
            None if cause.is_empty() => "unrecognized message".to_owned(),
            None => cause.to_owned(),
        };
        // If only one cause remained, it gets a color of its own.
        let most = if names.len() == SERIES.len() { names.len() } else { OTHER };
        let named: Vec<(String, String)> =
            names.into_iter().take(most).map(|(cause, _)| (cause.clone(), title(&cause))).collect();
        // Several causes can have the same name.
        let alike = |title: &str| named.iter().filter(|(_, other)| other == title).count() > 1;
        let apart = |(cause, title): &(String, String)| {
            (cause.clone(), if alike(title) { format!("{title} ({cause})") } else { title.clone() })
        };
        Causes { names: named.iter().map(apart).collect() }
    }

    fn series(&self, cause: &str) -> usize {
        self.names.iter().position(|(known, _)| known == cause).unwrap_or(OTHER)
    }

    fn title(&self, series: usize) -> String {
        self.names.get(series).map_or_else(|| "all other causes".to_owned(), |(_, title)| title.clone())
    }
}

fn stalls(answers: &Answers<'_>, window: Window, tz: &TimeZone) -> Result<Option<Chart>, String> {
    let Some(result) = answers.get("stalls").filter(|result| !result.rows.is_empty()) else { return Ok(None) };
    let mut lanes_of: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    let mut rows = Vec::new();
    let spans: Vec<(usize, Timestamp, Timestamp)> = (0..result.rows.len())
        .filter_map(|row| Some((row, result.time(row, "time")?, result.time(row, "ended_at").unwrap_or(window.1))))
        .collect();
    for (row, from, until) in &spans {
        let of = |name: &str| result.text(*row, name).unwrap_or_default();
        let name = format!("{} on {}", of("service"), of("container_instance"));
        let blocked = Cell::Duration(result.number(*row, "seconds_blocked").unwrap_or_default());
        let blocked = blocked.human(&crate::render::Look::default());
        rows.push(vec![
            name.clone(),
            describe_instant(*from, tz),
            describe_instant(*until, tz),
            blocked,
            of("arithmetic").to_owned(),
        ]);
        lanes_of.entry(name).or_default().push(Mark::Span(*from, *until));
    }
    // Minutes are invisible on the scale of a week, so the axis covers only the time around the stalls.
    let first = spans.iter().map(|(_, from, _)| *from).min().unwrap_or(window.0);
    let last = spans.iter().map(|(_, _, until)| *until).max().unwrap_or(window.1);
    let margin = SignedDuration::from_secs((last.duration_since(first).as_secs() / 10).max(300));
    let near = (first.checked_sub(margin).unwrap_or(first).max(window.0), last.checked_add(margin).unwrap_or(last).min(window.1));
    let drawn: Vec<Lane> = lanes_of.into_iter().map(|(name, marks)| Lane { name, series: 3, marks }).collect();
    let title = "Deployment stalls".to_owned();
    let text = format!(
        "One lane per service and container instance. Each bar is a period in which new tasks waited for resources held by stopping \
         tasks. {} stalls between {} and {}.",
        spans.len(),
        describe_instant(near.0, tz),
        describe_instant(near.1, tz)
    );
    let (wide, narrow) = lanes(("stalls", &title, &text), near, tz, &drawn)?;
    let legend = vec![Key::of(3, "box", "new tasks blocked by stopping tasks".to_owned())];
    let columns = [("where", false), ("from", false), ("until", false), ("blocked", true), ("arithmetic", false)];
    Ok(Some(Chart { id: "stalls".to_owned(), title, text, wide, narrow, legend, table: Preview::texts(&columns, rows) }))
}

/// The width of a bar in seconds for a window, and its name.
fn bar_width(window: Window) -> (i64, &'static str) {
    match window.1.duration_since(window.0).as_hours() {
        ..=6 => (300, "5 minutes"),
        7..=48 => (900, "15 minutes"),
        49..=192 => (HOUR, "hour"),
        193..=960 => (6 * HOUR, "6 hours"),
        _ => (24 * HOUR, "day"),
    }
}

fn by_hour(answers: &Answers<'_>, causes: &Causes, window: Window, tz: &TimeZone) -> Result<Option<Chart>, String> {
    let Some(result) = answers.get("failures").filter(|result| !result.rows.is_empty()) else { return Ok(None) };
    let (width, word) = bar_width(window);
    let offset = i64::from(tz.to_offset(window.0).seconds());
    let mut bars: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    let mut totals = vec![0.0; SERIES.len()];
    for row in 0..result.rows.len() {
        let Some(time) = result.time(row, "time") else { continue };
        let series = causes.series(result.text(row, "cause").unwrap_or_default());
        let start = (time.as_second() + offset).div_euclid(width) * width - offset;
        let bar = bars.entry(start).or_insert_with(|| vec![0.0; SERIES.len()]);
        for sum in [bar.get_mut(series), totals.get_mut(series)].into_iter().flatten() {
            *sum += 1.0;
        }
    }
    let starts: Vec<Timestamp> = bars.keys().filter_map(|second| Timestamp::from_second(*second).ok()).collect();
    let values: Vec<Vec<f64>> = bars.into_values().collect();
    let used: Vec<usize> = (0..SERIES.len()).filter(|series| totals.get(*series).is_some_and(|total| *total > 0.0)).collect();
    let title = format!("Failures per {word}, stacked by cause");
    let sums = values.iter().map(|bar| bar.iter().sum::<f64>() as u64).zip(&starts);
    let peak = sums.max_by_key(|(sum, at)| (*sum, std::cmp::Reverse(**at)));
    let peak = peak.map(|(sum, at)| format!(" Peak: {sum}, in the bar starting {}.", describe_instant(*at, tz)));
    let text = format!(
        "Number of failures per {word}. {} failures in the window, including consequences of other failures.{}",
        thousands(totals.iter().sum::<f64>() as u64),
        peak.unwrap_or_default()
    );
    let drawn = Bars {
        id: "by-hour",
        title: &title,
        text: &text,
        window,
        tz,
        starts: &starts,
        width,
        values: &values,
        colors: &[],
        limit: &[],
    };
    let (wide, narrow) = stacked(&drawn)?;
    // One column per cause would be wider than the page, and most of its cells would be 0.
    let columns = [("from", false), ("failures", true), ("causes", false)];
    let rows = starts.iter().zip(&values).map(|(start, values)| {
        let count = |series: usize| values.get(series).copied().unwrap_or_default();
        let mut present: Vec<usize> = used.iter().copied().filter(|series| count(*series) > 0.0).collect();
        present.sort_by(|left, right| count(*right).total_cmp(&count(*left)).then(left.cmp(right)));
        let names: Vec<String> = present.iter().map(|series| format!("{} ({})", causes.title(*series), count(*series))).collect();
        vec![describe_instant(*start, tz), values.iter().sum::<f64>().to_string(), names.join(", ")]
    });
    let total = |series: usize| totals.get(series).copied().unwrap_or_default();
    let key = |series: &usize| Key::of(*series, "box", format!("{} ({})", causes.title(*series), total(*series)));
    let legend = used.iter().map(key).collect();
    Ok(Some(Chart {
        id: "by-hour".to_owned(),
        legend,
        table: Preview::texts(&columns, rows.collect()),
        title,
        text,
        wide,
        narrow,
    }))
}

/// Usage against limit, for each Fargate pool with running or refused tasks.
fn quotas(answers: &Answers<'_>, window: Window, tz: &TimeZone) -> Result<Vec<Chart>, String> {
    let Some(result) = answers.get("quota-by-hour") else { return Ok(Vec::new()) };
    let mut pools: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in 0..result.rows.len() {
        let of = |name: &str| result.text(row, name).unwrap_or_default();
        pools.entry(format!("{} of {} in {}", unit(of("resource")), of("account"), of("region"))).or_default().push(row);
    }
    let mut charts = Vec::new();
    for (index, (pool, rows)) in pools.iter().enumerate().take(POOLS) {
        charts.push(quota(result, pool, rows, &format!("quota-{}", index + 1), window, tz)?);
    }
    Ok(charts)
}

fn quota(result: &QueryResult, pool: &str, rows: &[usize], id: &str, window: Window, tz: &TimeZone) -> Result<Chart, String> {
    let (mut starts, mut values, mut table) = (Vec::new(), Vec::new(), Vec::new());
    let mut limit: Vec<(Timestamp, f64)> = Vec::new();
    for row in rows {
        let (Some(time), Some(used)) = (result.time(*row, "time"), result.number(*row, "used")) else { continue };
        let needed = result.number(*row, "needed").unwrap_or(used);
        let allowed = result.number(*row, "allowed");
        let short = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        if let Some(allowed) = allowed.filter(|allowed| limit.last().is_none_or(|(_, last)| last != allowed)) {
            limit.push((time, allowed));
        }
        starts.push(time);
        values.push(vec![used, (needed - used).max(0.0)]);
        if used > 0.0 || needed > 0.0 {
            table.push(vec![describe_instant(time, tz), short(Some(used)), short(Some(needed)), short(allowed)]);
        }
    }
    let most = |index: usize| values.iter().filter_map(|row: &Vec<f64>| row.get(index).copied()).fold(0.0, f64::max);
    let needed = values.iter().map(|row| row.iter().sum::<f64>()).fold(0.0, f64::max);
    let title = format!("{pool}: usage against limit");
    let known = if limit.is_empty() { "The limit is unknown; pass it with --quotas." } else { "The line is the limit." };
    let text = format!(
        "Peak vCPU in each hour: in use, and stacked on top, refused. At most {} in use, {needed} needed. {known}",
        most(0)
    );
    let drawn = Bars {
        id,
        title: &title,
        text: &text,
        window,
        tz,
        starts: &starts,
        width: HOUR,
        values: &values,
        colors: &[0, 1],
        limit: &limit,
    };
    let (wide, narrow) = stacked(&drawn)?;
    let legend = vec![Key::of(0, "box", "in use".to_owned()), Key::of(1, "box", "refused (additionally needed)".to_owned())];
    let columns = [("from", false), ("used", true), ("needed", true), ("limit", true)];
    Ok(Chart { id: id.to_owned(), title, text, wide, narrow, legend, table: Preview::texts(&columns, table) })
}

fn timeline(answers: &Answers<'_>, causes: &Causes, window: Window, tz: &TimeZone) -> Result<Option<Chart>, String> {
    let Some(result) = answers.get("failures").filter(|result| !result.rows.is_empty()) else { return Ok(None) };
    let mut times: BTreeMap<usize, Vec<Timestamp>> = BTreeMap::new();
    for row in 0..result.rows.len() {
        if let Some(time) = result.time(row, "time") {
            times.entry(causes.series(result.text(row, "cause").unwrap_or_default())).or_default().push(time);
        }
    }
    let mut rows = Vec::new();
    let mut drawn = Vec::new();
    for (series, times) in times {
        let name = causes.title(series);
        rows.push(lane_row(&name, &times, tz));
        drawn.push(Lane { name, series, marks: times.into_iter().map(Mark::Dot).collect() });
    }
    if let Some(windows) = answers.get("agent-windows").filter(|result| !result.rows.is_empty()) {
        let spans = spans(windows, "time", "reconnected_at", window.1);
        rows.push(lane_row("agent disconnected", &spans.iter().map(|span| span.0).collect::<Vec<_>>(), tz));
        let marks = spans.into_iter().map(|(from, until)| Mark::Span(from, until)).collect();
        drawn.push(Lane { name: "agent disconnected".to_owned(), series: 5, marks });
    }
    if let Some(changes) = answers.get("changes-before").filter(|result| !result.rows.is_empty()) {
        let times: Vec<Timestamp> = (0..changes.rows.len()).filter_map(|row| changes.time(row, "time")).collect();
        rows.push(lane_row("changes before", &times, tz));
        let marks = times.into_iter().map(Mark::Triangle).collect();
        drawn.push(Lane { name: "changes before".to_owned(), series: 6, marks });
    }
    let title = "Timeline of failures".to_owned();
    let text = "One lane per cause: each dot is a failure, larger dots are several. \
                Below: when agents were disconnected, and changes to resources that failed in a main burst shortly after."
        .to_owned();
    let (wide, narrow) = lanes(("timeline", &title, &text), window, tz, &drawn)?;
    let mut legend = vec![Key::of(OTHER, "dot", "failure; larger: several".to_owned())];
    if answers.get("agent-windows").is_some_and(|result| !result.rows.is_empty()) {
        legend.push(Key::of(5, "box", "agent disconnected for a minute or longer".to_owned()));
    }
    if answers.get("changes-before").is_some_and(|result| !result.rows.is_empty()) {
        legend.push(Key::of(
            6,
            "triangle",
            "write call in the half hour before a main burst, on a resource that failed in it".to_owned(),
        ));
    }
    let table = Preview::texts(&[("lane", false), ("count", true), ("first", false), ("last", false)], rows);
    Ok(Some(Chart { id: "timeline".to_owned(), title, text, wide, narrow, legend, table }))
}

fn lane_row(name: &str, times: &[Timestamp], tz: &TimeZone) -> Vec<String> {
    let when = |time: Option<&Timestamp>| time.map(|time| describe_instant(*time, tz)).unwrap_or_default();
    vec![name.to_owned(), times.len().to_string(), when(times.iter().min()), when(times.iter().max())]
}

/// The intervals of a result; open intervals last until the end of the window.
fn spans(result: &QueryResult, from: &str, until: &str, end: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let span = |row| Some((result.time(row, from)?, result.time(row, until).unwrap_or(end)));
    (0..result.rows.len()).filter_map(span).collect()
}

fn agents(answers: &Answers<'_>, window: Window, tz: &TimeZone) -> Result<Option<Chart>, String> {
    let (Some(windows), Some(failures)) = (answers.get("agent-windows"), answers.get("failures")) else { return Ok(None) };
    let of_agent = |row: &usize| failures.text(*row, "reason") == Some("AGENT") && failures.text(*row, "kind") == Some("launch");
    let refused: Vec<usize> = (0..failures.rows.len()).filter(of_agent).collect();
    if windows.rows.is_empty() && refused.is_empty() {
        return Ok(None);
    }
    let mut lanes_of: BTreeMap<String, BTreeSet<Mark>> = BTreeMap::new();
    let mut add = |result: &QueryResult, row: usize, mark: Mark| {
        let name = result.text(row, "container_instance").unwrap_or("unnamed instance");
        lanes_of.entry(name.to_owned()).or_default().insert(mark);
    };
    for row in 0..windows.rows.len() {
        let Some(time) = windows.time(row, "time") else { continue };
        add(windows, row, Mark::Span(time, windows.time(row, "reconnected_at").unwrap_or(window.1)));
    }
    // A launch can also hit a disconnect of a few seconds.
    if let Some(met) = answers.get("collisions") {
        for row in 0..met.rows.len() {
            let Some(start) = met.time(row, "window_start") else { continue };
            add(met, row, Mark::Span(start, met.time(row, "window_end").unwrap_or(window.1)));
        }
    }
    for row in &refused {
        if let Some(time) = failures.time(*row, "time") {
            add(failures, *row, Mark::Cross(time));
        }
    }
    let lanes_of: BTreeMap<String, Vec<Mark>> =
        lanes_of.into_iter().map(|(name, marks)| (name, marks.into_iter().collect())).collect();
    let spans = lanes_of.values().flatten().filter(|mark| matches!(mark, Mark::Span(..))).count();
    let rows = lanes_of.iter().map(|(name, marks)| agent_row(name, marks)).collect();
    let drawn: Vec<Lane> = lanes_of.into_iter().map(|(name, marks)| Lane { name, series: 5, marks }).collect();
    let title = "Agent disconnects and refused launches".to_owned();
    let text = format!(
        "One lane per container instance: each bar is a disconnect of its agent that lasted a minute or longer \
         or was hit by a launch; each cross is a launch refused with AGENT. {} disconnects, {} refused launches.",
        spans,
        refused.len()
    );
    let (wide, narrow) = lanes(("agents", &title, &text), window, tz, &drawn)?;
    let legend = vec![
        Key::of(5, "box", "agent disconnected for a minute or longer, or hit by a launch".to_owned()),
        Key::of(OTHER, "cross", "launch refused with AGENT; larger: several".to_owned()),
    ];
    let columns = [("container instance", false), ("windows", true), ("disconnected", true), ("refused", true), ("inside", true)];
    Ok(Some(Chart { id: "agents".to_owned(), title, text, wide, narrow, legend, table: Preview::texts(&columns, rows) }))
}

fn agent_row(name: &str, marks: &[Mark]) -> Vec<String> {
    let spans: Vec<(Timestamp, Timestamp)> =
        marks.iter().filter_map(|mark| if let Mark::Span(from, until) = mark { Some((*from, *until)) } else { None }).collect();
    let crosses: Vec<Timestamp> =
        marks.iter().filter_map(|mark| if let Mark::Cross(at) = mark { Some(*at) } else { None }).collect();
    let total: SignedDuration = spans.iter().map(|(from, until)| until.duration_since(*from)).sum();
    // Call times are recorded in whole seconds.
    let second = SignedDuration::from_secs(1);
    let inside = crosses.iter().filter(|at| spans.iter().any(|(from, until)| **at + second > *from && **at < *until)).count();
    let total = Cell::Duration(total.as_secs_f64()).human(&crate::render::Look::default());
    vec![name.to_owned(), spans.len().to_string(), total, crosses.len().to_string(), inside.to_string()]
}
