//! The report as Markdown, for a ticket or a wiki.

use super::chart::Chart;
use super::finding::Finding;
use super::incident::IncidentCard;
use super::page::{Block, Page};
use super::preview::Preview;
use crate::plural::counted;
use crate::redact::NOTE;
use crate::render::{advice_markdown as advice, capitalized, escape_markdown as escape, markdown_code as code};

/// The report as Markdown.
pub fn write(page: &Page) -> String {
    let mut out = String::new();
    let about = &page.about;
    line(&mut out, &format!("# {}", escape(&page.title)));
    line(&mut out, &format!("Window {}", escape(&about.window)));
    if about.time_zone != "UTC" {
        line(&mut out, &format!("Times in {}", escape(&about.time_zone)));
    }
    if about.redacted {
        line(&mut out, NOTE);
    }
    if !about.scope.is_empty() {
        line(&mut out, &format!("Only {}", code(&about.scope)));
    }
    let covered = page.coverage.loaded.iter().chain(&page.coverage.unknown).map(|entry| escape(entry));
    let covered: Vec<_> = covered.collect();
    if !covered.is_empty() {
        line(&mut out, &format!("Data: {}", covered.join("; ")));
    }
    if page.cards.is_empty() {
        let headline = page.facts.iter().filter(|fact| fact.headline);
        list(
            &mut out,
            headline.map(|fact| match &fact.unknown {
                None => format!("**{}** {}", escape(&fact.value), escape(&fact.label)),
                Some(_) => escape(&fact.sentence()),
            }),
        );
    } else {
        let note = |note: &str| if note.is_empty() { String::new() } else { format!(" ({})", escape(note)) };
        list(
            &mut out,
            page.cards.iter().map(|card| {
                if card.unknown {
                    format!("{}: {}{}", escape(&card.label), escape(&card.value), note(&card.note))
                } else {
                    format!("**{}** {}{}", escape(&card.value), escape(&card.label), note(&card.note))
                }
            }),
        );
        page.sums.iter().for_each(|sentence| line(&mut out, &escape(sentence)));
    }
    if !page.failed.is_empty() {
        line(&mut out, "## Not computed");
        list(&mut out, page.failed.iter().map(|part| format!("{}: {}", escape(&part.title), escape(&part.why))));
    }
    if page.has_incidents {
        line(&mut out, "## What failed, why, and what to do");
        if page.incidents.cards.is_empty() {
            line(&mut out, "No failure is recorded in the window.");
        }
        page.incidents.cards.iter().for_each(|incident| write_incident(&mut out, incident));
        if !page.incidents.smaller.rows.is_empty() {
            line(&mut out, "### Smaller incidents");
            table(&mut out, &page.incidents.smaller);
        }
        line(&mut out, "All incidents with their numbers: `incidents.csv`");
    }
    if !page.stories.is_empty() {
        line(&mut out, "## By kind");
        list(
            &mut out,
            page.stories.iter().map(|story| {
                let advice =
                    if story.advice.is_empty() { String::new() } else { format!(" {}.", escape(&capitalized(&story.advice))) };
                format!("**{}** {}: {}.{advice}", escape(&story.count), escape(&story.what), escape(&story.detail))
            }),
        );
    }
    if !page.findings.is_empty() {
        line(&mut out, "## Causes");
        page.findings.iter().take(page.full).for_each(|finding| write_finding(&mut out, finding));
        let further: Vec<String> = page.findings.iter().skip(page.full).map(in_a_line).collect();
        if !further.is_empty() {
            line(&mut out, "### Further causes");
            list(&mut out, further.into_iter());
        }
    }
    page.charts.iter().for_each(|chart| write_chart(&mut out, chart));
    for group in &page.groups {
        group.charts.iter().for_each(|chart| write_chart(&mut out, chart));
        group.blocks.iter().for_each(|block| write_block(&mut out, block));
    }
    if !page.quiet.is_empty() {
        line(&mut out, "## Empty sections");
        list(&mut out, page.quiet.iter().map(|block| format!("{}: {}", escape(&block.title), escape(&block.nothing))));
    }
    line(&mut out, "## About this report");
    let mut result = vec![
        format!("{} files in the store, events {}, content `{}`", about.files, escape(&about.events), about.content),
        format!("written by {} with failure catalog {}", escape(&about.tool), escape(&about.catalog)),
        "the records behind every number: `evidence.csv` (for numbers that count everything or more than 100,000 records, it has a query instead; \
         for very large `quota` pools, it has all records of the peak and a hundred of each other level)".to_owned(),
        "`ecs-audit report verify DIR` recomputes every number".to_owned(),
    ];
    if about.failures {
        result.push("all failures with their records: `failures.csv`".to_owned());
    }
    let facts = page.facts.iter();
    result.extend(facts.map(|fact| format!("{}: {}", escape(&fact.sentence()), code(&fact.query))));
    list(&mut out, result.into_iter());
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn write_incident(out: &mut String, incident: &IncidentCard) {
    line(out, &format!("### {}. {} {}", incident.rank, escape(&incident.who), escape(&incident.when)));
    let why = escape(&capitalized(&incident.why));
    line(out, &format!("{why}. Confidence {}: {}.", incident.confidence, escape(&incident.basis)));
    let instance = incident.instance.iter().map(|instance| format!(" on container instance {}", escape(instance)));
    let place = format!("where: {}{}", escape(&incident.place), instance.collect::<String>());
    let mut facts = vec![place, escape(&incident.impact.join(", "))];
    if !incident.recovery.is_empty() {
        let record = incident.recovered_by.iter().map(|record| format!(" {}", code(record)));
        facts.push(format!("{}{}", escape(&incident.recovery), record.collect::<String>()));
    }
    if let Some(change) = &incident.suspect {
        let by = if change.who.is_empty() { String::new() } else { format!(" by {}", escape(&change.who)) };
        facts.push(format!("change before: {} {}{by} {}", change.time, escape(&change.what), code(&change.record)));
    }
    if !incident.repeats.is_empty() {
        let similar = counted(incident.repeats.len(), "similar incident", "similar incidents");
        facts.push(format!("{similar}, in total: {}", escape(&incident.together)));
    }
    facts.push(format!("read more: {}", code(&format!("ecs-audit explain {}", incident.id))));
    list(out, facts.into_iter());
    let mut kind = |title: &str, first: &[String], more: &[String]| {
        let actions = first.iter().chain(more).enumerate();
        let numbered: Vec<String> = actions.map(|(index, action)| format!("{}. {}", index + 1, advice(action))).collect();
        if !numbered.is_empty() {
            line(out, &format!("{title}:\n\n{}", numbered.join("\n")));
        }
    };
    kind("Now", &incident.now, &incident.more_now);
    kind("To prevent it", &incident.prevent, &incident.more_prevent);
    if incident.now.is_empty() && incident.is_over {
        line(out, "Nothing to do now: it is over.");
    }
    if !incident.response.is_empty() && !incident.is_over {
        line(out, &escape(&incident.response));
    }
}

fn write_finding(out: &mut String, finding: &Finding) {
    line(out, &format!("### {}. {} × {}", finding.rank, finding.count, escape(&finding.title)));
    if !finding.meaning.is_empty() {
        line(out, &escape(&finding.meaning));
    }
    let mut facts = vec![if finding.first == finding.last {
        format!("{} of all failures, consequences included, at {}", finding.share, finding.first)
    } else {
        format!("{} of all failures, consequences included, {} … {}", finding.share, finding.first, finding.last)
    }];
    if finding.not_placed > 0 {
        facts.push(format!("{} tasks not placed", finding.not_placed));
    }
    let more = if finding.more_places > 0 { format!(" and {} more", finding.more_places) } else { String::new() };
    facts.push(format!("where: {}{more}", escape(&finding.places.join(", "))));
    facts.extend(finding.codes.iter().map(|code| escape(code)));
    let kinds = [("class", &finding.class), ("cause", &finding.cause)];
    facts.extend(kinds.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name} {}", code(value))));
    if !finding.response.is_empty() {
        facts.push(format!("response: {}", escape(&finding.response)));
    }
    list(out, facts.into_iter());
    let numbered = finding.actions.iter().enumerate().map(|(index, action)| format!("{}. {}", index + 1, advice(action)));
    let numbered: Vec<String> = numbered.collect();
    if !numbered.is_empty() {
        line(out, &numbered.join("\n"));
    }
    if let Some(example) = &finding.example {
        line(out, &format!("Most recent example, {}: {}", code(&finding.newest), escape(&example.what)));
        list(out, example.notes.iter().chain(&example.calculation).map(|note| escape(note)));
        list(out, example.chain.iter().map(|[time, what, record]| format!("{time} {} {}", escape(what), code(record))));
    }
}

/// A finding after the first few.
fn in_a_line(finding: &Finding) -> String {
    let more = if finding.more_places > 0 { format!(" and {} more", finding.more_places) } else { String::new() };
    let actions: Vec<_> = finding.actions.iter().map(|action| advice(action)).collect();
    let actions = if actions.is_empty() { String::new() } else { format!(". To do: {}", actions.join("; ")) };
    format!("{} × {}: {}{more}{actions}", finding.count, escape(&finding.title), escape(&finding.places.join(", ")))
}

fn write_chart(out: &mut String, chart: &Chart) {
    line(out, &format!("## {}", escape(&chart.title)));
    line(out, &escape(&chart.text));
    table(out, &chart.table);
}

fn write_block(out: &mut String, block: &Block) {
    line(out, &format!("## {}", escape(&block.title)));
    if !block.about.is_empty() {
        line(out, &escape(&block.about));
    }
    let (shown, total) = (block.sheet.rows.len(), block.sheet.total);
    if shown > 0 {
        table(out, &block.sheet);
    }
    let which = if shown == 0 {
        format!("{}, in", counted(total, "row", "rows"))
    } else if total > shown {
        format!("The first {shown} of {total} rows; the full table is in")
    } else {
        "Also as".to_owned()
    };
    line(out, &format!("{which} `{}`: {}", block.file, code(&block.query)));
}

fn table(out: &mut String, sheet: &Preview) {
    let cells = |cells: &mut dyn Iterator<Item = String>| format!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    let mut lines = vec![cells(&mut sheet.columns.iter().map(|column| escape(&column.name)))];
    lines.push(cells(&mut sheet.columns.iter().map(|column| if column.numeric { "--:" } else { "---" }.to_owned())));
    lines.extend(sheet.rows.iter().map(|row| cells(&mut row.iter().map(|cell| escape(cell)))));
    line(out, &lines.join("\n"));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push_str("\n\n");
}

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.map(|item| format!("- {item}")).collect();
    if !items.is_empty() {
        line(out, &items.join("\n"));
    }
}
