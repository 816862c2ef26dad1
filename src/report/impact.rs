//! What the incidents of a window cost: the numbers at the top of the page, and whether they add up.

use super::cost::{Cost, Usage};
use super::manifest::Prices;
use super::page::Fact;
use super::queries::QueryResult;
use crate::plural::{counted, word};
use crate::render::{Cell, Look, thousands};
use serde::Serialize;

/// A number at the top of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// What it counts.
    pub label: String,
    /// The number, or that it is not known.
    pub value: String,
    /// What it consists of, or why it is not known.
    pub note: String,
    /// Whether it is not known.
    pub unknown: bool,
}

/// Shown in place of a number that the records cannot provide.
const NOT_KNOWN: &str = "not known";

/// Sums over all incidents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Incidents.
    pub incidents: usize,
    /// Different series.
    pub series: usize,
    /// Failures that are not consequences.
    pub failures: f64,
    /// Consequences.
    pub consequences: f64,
    /// Lost launches.
    pub lost: f64,
    /// Launches that a retry placed.
    pub healed: f64,
    /// Missed starts.
    pub missed: f64,
    /// Missed starts without a call.
    pub not_called: f64,
    /// Impaired time in seconds.
    pub degraded: f64,
    /// Incidents with impaired time.
    pub impaired: usize,
    /// Task time in seconds.
    pub wasted: f64,
    /// vCPU hours.
    pub vcpu_hours: f64,
    /// USD, from records or from given prices.
    pub cost: Cost,
}

impl Totals {
    /// The sums over the rows of `incidents`.
    pub fn of(result: &QueryResult, prices: Option<&Prices>) -> Totals {
        let rows = 0..result.rows.len();
        // The sum of no numbers is -0.0, which would be shown.
        let sum = |name: &str| rows.clone().filter_map(|row| result.number(row, name)).fold(0.0, |sum, number| sum + number);
        let series: std::collections::BTreeSet<&str> = rows.clone().filter_map(|row| result.text(row, "series")).collect();
        Totals {
            incidents: result.rows.len(),
            series: series.len(),
            failures: sum("failures"),
            consequences: sum("consequences"),
            lost: sum("launches_lost"),
            healed: sum("launches_healed"),
            missed: sum("missed_starts"),
            not_called: sum("not_called"),
            degraded: sum("degraded"),
            impaired: rows.clone().filter(|row| result.number(*row, "degraded").is_some()).count(),
            wasted: sum("wasted"),
            vcpu_hours: sum("vcpu_hours"),
            cost: Cost::of(rows.map(|row| Usage::of(result, row)), prices),
        }
    }
}

/// The number of a fact, if it is known.
fn known_number(facts: &[Fact], id: &str) -> Option<f64> {
    facts.iter().find(|fact| fact.id == id)?.number
}

/// Sources that are not loaded, with the reason.
#[derive(Debug, Clone, Default)]
pub struct Unknown {
    /// Why it is not known how long services were impaired: no ECS events.
    pub events: Option<String>,
    /// Why failed tasks and runs are not known: neither ECS events nor dstack runs.
    pub attempts: Option<String>,
}

/// The numbers at the top.
pub fn cards(totals: &Totals, facts: &[Fact], unknown: &Unknown) -> Vec<Card> {
    let fact = |id: &str| facts.iter().find(|fact| fact.id == id);
    let number = |id: &str| known_number(facts, id);
    let why = |id: &str| fact(id).and_then(|fact| fact.unknown.clone());
    let card = |label: &str, value: String, note: String| Card { label: label.to_owned(), value, note, unknown: false };
    let not_known = |label: &str, note: &str| Card {
        label: label.to_owned(),
        value: NOT_KNOWN.to_owned(),
        note: note.to_owned(),
        unknown: true,
    };
    // Where failed tasks are not recorded, 0 means unknown, and a count is a minimum.
    let attempts = |label: &str, value: String, note: String, is_none: bool| match &unknown.attempts {
        Some(why) if is_none => not_known(label, why),
        Some(_) => card(label, value, join(note, "failed tasks are not known")),
        None => card(label, value, note),
    };
    let known = |id: &str, label: &str, note: String| match (number(id), why(id)) {
        (Some(count), _) => card(label, thousands(count as u64), note),
        (None, why) => not_known(label, why.as_deref().unwrap_or("not computed")),
    };
    let repeated = totals.incidents.saturating_sub(totals.series);
    let repeated = if repeated > 0 {
        format!(
            "{} different, {} {}",
            thousands(totals.series as u64),
            thousands(repeated as u64),
            word(repeated, "repeat", "repeats")
        )
    } else {
        String::new()
    };
    let consequences = number("consequences").filter(|count| *count > 0.0);
    let consequences =
        consequences.map(|count| format!("plus {}", counted(count, "consequence", "consequences"))).unwrap_or_default();
    let share = number("lost_launches").zip(number("launches")).filter(|(_, all)| *all > 0.0);
    let share =
        share.map(|(lost, all)| format!("{} of {} launches", percent(lost / all), thousands(all as u64))).unwrap_or_default();
    let missed = starts(totals.missed, totals.not_called);
    let span = |seconds: f64| Cell::Duration(seconds).human(&Look::default());
    let impaired = "of services or deployments impaired";
    let degraded = match &unknown.events {
        None => card(impaired, span(totals.degraded), format!("in {}", counted(totals.impaired, "incident", "incidents"))),
        Some(why) => not_known(impaired, why),
    };
    let usd = match (totals.cost.usd, totals.cost.from_given_prices) {
        // Only dstack records prices.
        (Some(usd), false) if totals.cost.has_unpriced => {
            format!(", USD {usd:.2} by recorded prices of dstack, none for the rest")
        }
        (Some(usd), false) => format!(", USD {usd:.2} by recorded prices of dstack"),
        (Some(usd), true) => format!(", USD {usd:.2} at most by the given prices"),
        (None, _) => ", price not known (--prices FILE)".to_owned(),
    };
    // Records without the size of their tasks have no vCPU hours, which is not 0.
    let size = if totals.vcpu_hours == 0.0 && totals.wasted > 0.0 {
        "vCPU hours not recorded".to_owned()
    } else {
        format!("{:.1} vCPU hours", totals.vcpu_hours)
    };
    let note = format!("{size}{usd}");
    let wasted = attempts("wasted by tasks that failed (sum)", span(totals.wasted), note, totals.wasted == 0.0);
    let failures = known("failures", "failures", consequences);
    let failures = match number("failures") {
        Some(count) => attempts("failures", failures.value, failures.note, count == 0.0),
        None => failures,
    };
    vec![
        attempts("incidents", thousands(totals.incidents as u64), repeated, totals.incidents == 0),
        failures,
        known("lost_launches", "launches lost", share),
        known("missed_starts", "scheduled starts missed", missed),
        degraded,
        wasted,
    ]
}

/// How missed starts and lost launches overlap.
fn starts(missed: f64, not_called: f64) -> String {
    let called = missed - not_called;
    match (called > 0.0, not_called > 0.0) {
        (false, false) => String::new(),
        (true, false) => "all are among the lost launches".to_owned(),
        (false, true) => "without a RunTask call, so in addition to the lost launches".to_owned(),
        (true, true) => {
            let verb = word(called, "is", "are");
            format!(
                "{} {verb} among the lost launches, {} had no RunTask call",
                thousands(called as u64),
                thousands(not_called as u64)
            )
        }
    }
}

/// Two notes in one.
fn join(note: String, more: &str) -> String {
    if note.is_empty() { more.to_owned() } else { format!("{note}; {more}") }
}

/// Whether the numbers add up, as sentences.
pub fn sums(totals: &Totals, facts: &[Fact]) -> Vec<String> {
    let number = |id: &str| known_number(facts, id);
    let mut sentences = Vec::new();
    let mut compare = |all: Option<f64>, held: f64, (one, many): (&str, &str), more: String| {
        let Some(all) = all else { return };
        let sentence = if all == held && all == 0.0 {
            return;
        } else if all == held {
            format!("Every one of the {} {}{more} is part of an incident.", thousands(all as u64), word(all, one, many))
        } else if held > all {
            format!(
                "The incidents include {}{more}: {} outside the window, because incidents are shown whole.",
                counted(held, one, many),
                held - all
            )
        } else {
            format!(
                "The incidents include {held} of {}{more}; the others are part of incidents that began before the window.",
                counted(all, one, many)
            )
        };
        sentences.push(sentence);
    };
    let all = number("failures").zip(number("consequences"));
    let more = all.map(|(failures, consequences)| {
        format!(" ({failures} + {} of others)", counted(consequences, "consequence", "consequences"))
    });
    let more = more.filter(|_| all.is_some_and(|(_, consequences)| consequences > 0.0)).unwrap_or_default();
    compare(all.map(|(left, right)| left + right), totals.failures + totals.consequences, ("failure", "failures"), more);
    compare(number("lost_launches"), totals.lost, ("lost launch", "lost launches"), String::new());
    if let Some(missed) = number("missed_starts").filter(|missed| *missed > totals.missed) {
        let others = counted(missed - totals.missed, "missed start falls", "missed starts fall");
        sentences.push(format!("{others} into hours without records, or into an incident before the window."));
    }
    sentences
}

fn percent(share: f64) -> String {
    Cell::Share(share).human(&Look::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: &str, number: Option<f64>, unknown: Option<&str>) -> Fact {
        Fact {
            id: id.to_owned(),
            label: id.to_owned(),
            value: "as it is shown".to_owned(),
            number,
            unknown: unknown.map(str::to_owned),
            headline: true,
            query: String::new(),
        }
    }

    #[test]
    fn numbers_add_up_or_the_page_says_why_not() {
        let facts =
            [fact("failures", Some(9.0), None), fact("consequences", Some(1.0), None), fact("lost_launches", Some(3.0), None)];
        let totals = Totals { failures: 9.0, consequences: 1.0, lost: 2.0, ..Totals::default() };
        let sums = sums(&totals, &facts);
        assert_eq!(sums[0], "Every one of the 10 failures (9 + 1 consequence of others) is part of an incident.");
        assert!(sums[1].starts_with("The incidents include 2 of 3 lost launches; the others"), "{sums:?}");
        let more = Totals { failures: 11.0, consequences: 1.0, lost: 3.0, ..Totals::default() };
        assert!(super::sums(&more, &facts)[0].contains("include 12 failures (9 + 1 consequence of others): 2 outside"));
    }

    #[test]
    fn missed_starts_are_said_to_be_among_the_lost_launches_or_not() {
        assert_eq!(starts(85.0, 0.0), "all are among the lost launches");
        assert_eq!(starts(15.0, 1.0), "14 are among the lost launches, 1 had no RunTask call");
        assert_eq!(starts(3500.0, 1500.0), "2,000 are among the lost launches, 1,500 had no RunTask call");
        assert_eq!(starts(3.0, 2.0), "1 is among the lost launches, 2 had no RunTask call");
        assert!(starts(2.0, 2.0).starts_with("without a RunTask call") && starts(0.0, 0.0).is_empty());
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let facts = [fact("lost_launches", None, Some("no CloudTrail calls are loaded")), fact("failures", Some(4.0), None)];
        let unknown = Unknown { events: Some("no events are loaded".to_owned()), attempts: None };
        let cards = cards(&Totals { failures: 4.0, ..Totals::default() }, &facts, &unknown);
        let lost = cards.iter().find(|card| card.label == "launches lost").unwrap();
        assert_eq!(
            (lost.value.as_str(), lost.note.as_str(), lost.unknown),
            ("not known", "no CloudTrail calls are loaded", true)
        );
        assert_eq!(cards.iter().find(|card| card.label == "failures").map(|card| card.value.as_str()), Some("4"));
    }

    #[test]
    fn without_events_and_runs_no_failed_task_is_no_finding() {
        let unknown = Unknown { events: Some("no events".to_owned()), attempts: Some("neither is loaded".to_owned()) };
        let value = |count: f64, totals: &Totals, label: &str| {
            let cards = cards(totals, &[fact("failures", Some(count), None)], &unknown);
            cards.into_iter().find(|card| card.label == label).map(|card| (card.value, card.note)).unwrap()
        };
        let none = Totals::default();
        for label in ["incidents", "failures", "wasted by tasks that failed (sum)"] {
            assert_eq!(value(0.0, &none, label), ("not known".to_owned(), "neither is loaded".to_owned()), "{label}");
        }
        let some = Totals { incidents: 2, series: 2, failures: 3.0, ..Totals::default() };
        let long = Totals { wasted: 720.0, failures: 1200.0, incidents: 3500, series: 1100, ..Totals::default() };
        let known = cards(&long, &[fact("failures", Some(1200.0), None)], &Unknown::default());
        assert!(known.iter().any(|card| card.value == "1,200" && card.label == "failures"), "{known:?}");
        assert!(known.iter().any(|card| card.note == "1,100 different, 2,400 repeats"), "{known:?}");
        assert!(known.iter().any(|card| card.note.starts_with("vCPU hours not recorded, price not known")), "{known:?}");
        assert_eq!(value(3.0, &some, "failures"), ("3".to_owned(), "failed tasks are not known".to_owned()));
    }
}
