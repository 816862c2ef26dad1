//! Builds all files of a report from a request.

use super::brief::BriefFormat;
use super::chart::Chart;
use super::coverage::{Coverage, coverage};
use super::finding::{self, Finding, findings};
use super::impact::{Card, Totals, Unknown, cards, sums};
use super::incident::{self, Incidents, incidents};
use super::manifest::{self, FileEntry, Manifest, Request, Snapshot};
use super::page::{About, Block, Fact, Failed, Group, Page, UNKNOWN};
use super::preview::{Preview, csv};
use super::queries::{Between, QueryCache, QueryResult, listing};
use super::section::{FINDINGS, INCIDENTS, SectionSpec, facts, sections};
use super::story::stories;
use super::{ReportError, brief, check_names, draw, markdown, page};
use crate::plan::Evidence;
use crate::render::{Cell, Look};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// All files of a report.
#[derive(Debug)]
pub struct Built {
    /// The files by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The manifest, which is also one of the files.
    pub manifest: Manifest,
    /// A one-line summary of the report.
    pub summary: String,
    /// The parts that could not be computed, with the reasons.
    pub failed: Vec<(String, String)>,
}

/// The maximum number of records listed as evidence of a number. Beyond that, the evidence is a query that finds
/// them.
const RECORDS: usize = 100_000;

/// Nouns that a report reads repeatedly: those of two or more queries, and those that explanations read.
pub fn read_often(request: &Request) -> Vec<&'static str> {
    let wanted = |spec: &&SectionSpec| request.wants(&spec.id) && spec.derived.is_none();
    let of_sections = sections().iter().filter(wanted).map(|spec| spec.query.as_str());
    let explains = request.wants(FINDINGS) || sections().iter().any(|spec| spec.derived.is_some() && request.wants(&spec.id));
    let explains = explains || request.wants(INCIDENTS);
    let more = if explains { ["failures", "launches", "collisions"].repeat(2) } else { Vec::new() };
    let queries = facts().iter().map(|spec| spec.query.as_str()).chain(of_sections);
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for noun in queries.filter_map(|query| query.split_whitespace().next()).chain(more) {
        *counts.entry(noun).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(noun, _)| noun).collect()
}

/// The state while building.
struct Draft<'a> {
    cache: &'a QueryCache<'a>,
    request: &'a Request,
    tz: TimeZone,
    files: BTreeMap<String, Vec<u8>>,
    entries: Vec<manifest::SectionEntry>,
    evidence: Vec<Vec<String>>,
    /// The parts that could not be computed: title and reason.
    failed: Vec<(String, String)>,
}

/// Builds a report; `tool` is the program name and version for the manifest.
pub fn build(
    request: &Request,
    store: &Snapshot,
    (tool, catalog): (&str, &str),
    cache: &QueryCache<'_>,
) -> Result<Built, ReportError> {
    check_names(&request.sections)?;
    let mut draft = Draft {
        cache,
        request,
        tz: request.tz(),
        files: BTreeMap::new(),
        entries: Vec::new(),
        evidence: Vec::new(),
        failed: Vec::new(),
    };
    draft.prepare()?;
    let facts = draft.summary()?;
    let mut covered = draft.coverage()?;
    let findings = if request.wants(FINDINGS) { draft.findings() } else { Ok(Vec::new()) };
    let findings = draft.contained("Findings", findings)?.unwrap_or_default();
    let (mut blocks, mut answers) = (Vec::new(), BTreeMap::new());
    for spec in sections().iter().filter(|spec| request.wants(&spec.id)) {
        if draft.outside(spec)? {
            continue;
        }
        let result = draft.section(spec);
        if let Some(result) = draft.contained(&spec.title, result)? {
            let unknown = draft.unknown(spec)?.filter(|_| result.rows.is_empty());
            if spec.id != INCIDENTS {
                blocks.push(block(spec, &result, unknown, &draft.tz));
            }
            answers.insert(spec.id.as_str(), result);
        }
    }
    blocks.extend(draft.own()?);
    let found = match answers.get(INCIDENTS) {
        None => Ok(None),
        Some(result) => draft.incidents(result, &facts).map(Some),
    };
    let found = draft.contained("Incidents", found)?.flatten();
    draft.failed.extend(found.iter().flat_map(|(incidents, _, _)| incidents.failed.clone()));
    let charts: Vec<Chart> = draw::charts(&answers, request.window(), &draft.tz).map_err(ReportError::Chart)?;
    draft.evidence()?;
    let mut about = About::of(request, store, tool, catalog);
    about.scope = cache.text(&about.scope);
    let stories = stories(&answers);
    let (quiet, blocks) = blocks.into_iter().partition(|block: &Block| block.sheet.total == 0);
    let has_incidents = found.is_some();
    let (incidents, cards, sums) = found.unwrap_or_default();
    covered.relate(request.window(), &incidents.cards);
    let (charts, groups) = groups(charts, blocks);
    let page = Page {
        title: cache.text(&request.title),
        about,
        facts,
        cards,
        sums,
        coverage: covered,
        incidents,
        has_incidents,
        stories,
        findings,
        full: finding::WORKED_OUT,
        charts,
        groups,
        quiet,
        failed: draft.failed.iter().map(|(title, why)| Failed { title: title.clone(), why: cache.text(why) }).collect(),
    };
    if request.brief {
        let known = (page.coverage.loaded.as_slice(), page.coverage.unknown.as_slice());
        let brief = brief::brief(&page.title, &page.about, &page.cards, &page.incidents.cards, known);
        let pages = [
            (BriefFormat::Markdown, brief::markdown(&brief)),
            (BriefFormat::Html, brief::html(&brief)?),
            (BriefFormat::Slack, brief::slack(&brief)),
        ];
        draft.files.extend(pages.map(|(format, text)| (format.file().to_owned(), text.into_bytes())));
    } else {
        draft.files.insert("report.md".to_owned(), markdown::write(&page).into_bytes());
        draft.files.insert("report.html".to_owned(), page::html(&page)?.into_bytes());
    }
    let request = manifest_request(cache, request);
    let manifest = draft.manifest(request, store, tool, catalog);
    let summary = page.summary();
    let Draft { mut files, failed, .. } = draft;
    files.insert("manifest.json".to_owned(), manifest.text().into_bytes());
    Ok(Built { files, manifest, summary, failed })
}

/// The request, as written to the manifest.
fn manifest_request(cache: &QueryCache<'_>, request: &Request) -> Request {
    let own = request.own.iter();
    let own = own.map(|own| manifest::Own { title: cache.text(&own.title), query: cache.text(&own.query) }).collect();
    Request { title: cache.text(&request.title), scope: cache.text(&request.scope), own, ..request.clone() }
}

/// The chart of the main part, and the appendix: charts and sections by group, in the order of the sections.
fn groups(charts: Vec<Chart>, blocks: Vec<Block>) -> (Vec<Chart>, Vec<Group>) {
    const MAIN: &str = "by-hour";
    let of_chart = |id: &str| match id {
        "agents" => "Agents",
        "timeline" => "Failures",
        _ => "Deployments and quotas",
    };
    let mut groups: Vec<Group> = Vec::new();
    for block in blocks {
        let index = groups.iter().position(|group| group.title == block.group).unwrap_or_else(|| {
            let id = format!("part-{}", block.group.to_lowercase().replace(' ', "-"));
            groups.push(Group { id, title: block.group.clone(), charts: Vec::new(), blocks: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(index) {
            group.blocks.push(block);
        }
    }
    let (mut main, others): (Vec<Chart>, Vec<Chart>) = charts.into_iter().partition(|chart| chart.id == MAIN);
    for chart in others {
        match groups.iter_mut().find(|group| group.title == of_chart(&chart.id)) {
            Some(group) => group.charts.push(chart),
            None => main.push(chart),
        }
    }
    (main, groups)
}

fn block(spec: &SectionSpec, result: &QueryResult, unknown: Option<String>, tz: &TimeZone) -> Block {
    Block {
        id: spec.id.clone(),
        title: spec.title.clone(),
        about: spec.about.clone(),
        nothing: unknown.map_or_else(|| spec.nothing.clone(), |why| format!("Unknown: {why}.")),
        sheet: Preview::of(result, (spec.rows, &spec.csv_only), tz),
        file: format!("{}.csv", spec.id),
        query: spec.command.clone().unwrap_or_else(|| result.query.clone()),
        own: false,
        group: spec.group.clone(),
    }
}

impl Draft<'_> {
    /// Runs in parallel the queries that are needed below.
    fn prepare(&self) -> Result<(), ReportError> {
        let window = self.request.window();
        let mut questions: Vec<(&str, Option<Between>, Evidence)> = Vec::new();
        let wanted = |spec: &&SectionSpec| self.request.wants(&spec.id) && spec.derived.is_none();
        for spec in sections().iter().filter(wanted) {
            let evidence = if spec.counts_everything { Evidence::Without } else { Evidence::All };
            questions.push((&spec.query, spec.windowed.then_some(window), evidence));
        }
        for spec in facts() {
            questions.push((&spec.query, spec.windowed.then_some(window), Evidence::All));
        }
        let counted = |(text, _, _): &(&str, Option<Between>, Evidence)| {
            sections().iter().any(|spec| spec.counts_everything && spec.query == *text)
        };
        // The scope does not apply to what counts the loaded data.
        questions.retain(|question| self.request.scope.is_empty() || !counted(question));
        if self.request.wants(FINDINGS) {
            questions.extend(finding::queries().map(|text| (text, Some(window), Evidence::All)));
        }
        questions.extend(self.request.own.iter().map(|own| (own.query.as_str(), Some(window), Evidence::All)));
        self.cache.prepare(&questions)
    }

    /// The result of a part of the report; none if the engine failed, which is recorded and does not stop the rest of
    /// the report.
    fn contained<T>(&mut self, title: &str, result: Result<T, ReportError>) -> Result<Option<T>, ReportError> {
        match result {
            Ok(result) => Ok(Some(result)),
            Err(ReportError::Run(error)) => {
                self.failed.push((title.to_owned(), error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a section cannot be narrowed to the scope of the report.
    fn outside(&self, spec: &SectionSpec) -> Result<bool, ReportError> {
        let window = (spec.windowed && !spec.counts_everything).then(|| self.request.window());
        self.cache.outside(&spec.query, window)
    }

    /// What is loaded for the window.
    fn coverage(&mut self) -> Result<Coverage, ReportError> {
        let found = coverage(self.cache, self.request.window(), &self.tz);
        Ok(self.contained("Data", found)?.unwrap_or_default())
    }

    /// The incidents, and what they cost.
    fn incidents(&self, result: &QueryResult, facts: &[Fact]) -> Result<(Incidents, Vec<Card>, Vec<String>), ReportError> {
        let prices = self.request.prices.as_ref();
        let full = if self.request.brief { brief::INCIDENTS } else { incident::FULL };
        let found = incidents(self.cache, result, prices, full, &self.tz)?;
        let totals = Totals::of(result, prices);
        let events = self.cache.unanswerable("events", None)?;
        let attempts = match self.cache.unanswerable("runs", None)? {
            Some(_) if events.is_some() => Some("no ECS events or dstack runs are loaded".to_owned()),
            _ => None,
        };
        Ok((found, cards(&totals, facts, &Unknown { events, attempts }), sums(&totals, facts)))
    }

    /// Why a section is empty, if its records are not loaded. Sections that count the loaded data are always
    /// complete.
    fn unknown(&self, spec: &SectionSpec) -> Result<Option<String>, ReportError> {
        if spec.counts_everything {
            return Ok(None);
        }
        self.cache.unanswerable(&spec.query, spec.windowed.then(|| self.request.window()))
    }

    /// The numbers of the summary, each the result of its own query.
    fn summary(&mut self) -> Result<Vec<Fact>, ReportError> {
        let mut result = Vec::new();
        for spec in facts() {
            let index = result.len();
            let window = spec.windowed.then(|| self.request.window());
            if self.cache.outside(&spec.query, window)? {
                continue;
            }
            let unknown = self.cache.unanswerable(&spec.query, window)?;
            let answer = self.cache.ask(&spec.query, window);
            let answer = self.contained(&spec.label, answer)?;
            let query = match &answer {
                Some(answer) => answer.query.clone(),
                None => self.cache.canonical(&spec.query, window)?,
            };
            let value = answer.as_ref().and_then(|answer| answer.rows.first()).and_then(|row| row.first());
            let number = value.and_then(Cell::as_number);
            let value = value.map(|cell| cell.exact(&Look::default())).filter(|value| !value.is_empty());
            let (value, number, unknown) = match (&answer, unknown) {
                (None, _) => (UNKNOWN.to_owned(), None, Some("the query failed".to_owned())),
                (Some(_), Some(why)) => (UNKNOWN.to_owned(), None, Some(why)),
                (Some(_), None) => (value.unwrap_or_else(|| "0".to_owned()), Some(number.unwrap_or_default()), None),
            };
            if let Some(answer) = answer.filter(|_| unknown.is_none()) {
                self.note("summary.csv", index, &answer);
            }
            result.push(Fact {
                id: spec.id.clone(),
                label: spec.label.clone(),
                value,
                number,
                unknown,
                headline: spec.headline,
                query,
            });
        }
        let rows: Vec<Vec<String>> =
            result.iter().map(|fact| vec![fact.id.clone(), fact.label.clone(), fact.text(), fact.query.clone()]).collect();
        let queries = result.iter().map(|fact| fact.query.clone()).collect();
        self.table("summary", &["fact", "meaning", "value", "query"], &rows, queries)?;
        Ok(result)
    }

    fn findings(&mut self) -> Result<Vec<Finding>, ReportError> {
        let found = findings(self.cache, self.request.window(), &self.tz)?;
        let rows: Vec<Vec<String>> = found.iter().map(finding::row).collect();
        let mut queries = Vec::new();
        for (index, text) in finding::queries().enumerate() {
            let result = self.cache.ask(text, Some(self.request.window()))?;
            // The first query counts the failures of each finding.
            if index == 0 {
                (0..result.rows.len()).for_each(|index| self.note_row(&format!("{FINDINGS}.csv"), index, &result, index));
            }
            queries.push(result.query.clone());
        }
        self.table(FINDINGS, finding::COLUMNS, &rows, queries)?;
        Ok(found)
    }

    fn section(&mut self, spec: &SectionSpec) -> Result<Rc<QueryResult>, ReportError> {
        let window = spec.windowed.then(|| self.request.window());
        let result = match spec.derived {
            None if spec.counts_everything && !self.request.scope.is_empty() => match window {
                Some(window) => self.cache.measure(&spec.query, window)?,
                None => self.cache.ask(&spec.query, None)?,
            },
            None => self.cache.ask(&spec.query, window)?,
            Some(derived) => {
                let query = self.cache.canonical(&spec.query, window)?;
                Rc::new(derived.result(self.cache, query, self.request.window())?)
            }
        };
        self.keep(&spec.id, &result)?;
        if spec.counts_everything {
            (0..result.rows.len()).for_each(|row| self.note_query(&format!("{}.csv", spec.id), row, &result));
        }
        Ok(result)
    }

    /// Sections for custom queries, in files whose names no built-in section uses.
    fn own(&mut self) -> Result<Vec<Block>, ReportError> {
        let mut blocks = Vec::new();
        for (index, own) in self.request.own.iter().enumerate() {
            let result = self.cache.ask(&own.query, Some(self.request.window()))?;
            let id = format!("own-{}", index + 1);
            self.keep(&id, &result)?;
            blocks.push(Block {
                file: format!("{id}.csv"),
                id,
                title: self.cache.text(&own.title),
                about: String::new(),
                nothing: "No rows.".to_owned(),
                sheet: Preview::of(&result, (40, &[]), &self.tz),
                query: result.query.clone(),
                own: true,
                group: "Custom sections".to_owned(),
            });
        }
        Ok(blocks)
    }

    /// Writes a result and records its evidence. Each failure names its own record.
    fn keep(&mut self, id: &str, result: &QueryResult) -> Result<(), ReportError> {
        let file = format!("{id}.csv");
        self.files.insert(file.clone(), csv(&result.answer, &self.tz)?);
        if id != "failures" {
            (0..result.rows.len()).for_each(|index| self.note_row(&file, index, result, index));
        }
        self.entries.push(manifest::SectionEntry {
            section: id.to_owned(),
            file,
            rows: result.rows.len(),
            queries: vec![result.query.clone()],
        });
        Ok(())
    }

    fn table(&mut self, id: &str, names: &[&str], rows: &[Vec<String>], queries: Vec<String>) -> Result<(), ReportError> {
        let file = format!("{id}.csv");
        self.files.insert(file.clone(), csv(&listing("", names, rows)?, &self.tz)?);
        self.entries.push(manifest::SectionEntry { section: id.to_owned(), file, rows: rows.len(), queries });
        Ok(())
    }

    fn note(&mut self, file: &str, row: usize, result: &QueryResult) {
        if !result.rows.is_empty() {
            self.note_row(file, row, result, 0);
        }
    }

    fn note_row(&mut self, file: &str, row: usize, result: &QueryResult, index: usize) {
        let ids = result.evidence.get(index).into_iter().flatten();
        let seen: BTreeSet<&String> = ids.collect();
        if seen.len() > RECORDS {
            return self.note_query(file, row, result);
        }
        let named = |id: &String| vec![file.to_owned(), (row + 1).to_string(), id.clone(), String::new()];
        self.evidence.extend(seen.into_iter().map(named));
    }

    /// Records the query that finds the records behind a number.
    fn note_query(&mut self, file: &str, row: usize, result: &QueryResult) {
        self.evidence.push(vec![file.to_owned(), (row + 1).to_string(), String::new(), result.query.clone()]);
    }

    fn evidence(&mut self) -> Result<(), ReportError> {
        let rows = std::mem::take(&mut self.evidence);
        self.table("evidence", &["file", "row", "record", "query"], &rows, Vec::new())
    }

    fn manifest(&self, request: Request, store: &Snapshot, tool: &str, catalog: &str) -> Manifest {
        let entry = |(file, bytes): (&String, &Vec<u8>)| FileEntry {
            file: file.clone(),
            bytes: bytes.len(),
            blake3: blake3::hash(bytes).to_hex().to_string(),
        };
        Manifest {
            ecs_audit_report: manifest::FORMAT,
            tool: tool.to_owned(),
            catalog: catalog.to_owned(),
            request,
            store: store.clone(),
            sections: self.entries.clone(),
            files: self.files.iter().map(entry).collect(),
        }
    }
}
