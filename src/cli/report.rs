//! `ecs-audit report`: writes a post-mortem report, or verifies one against the store.

mod document;

use super::args::{Global, Report, ReportAction, ReportVerify};
use super::open::open;
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::stderr::say;
use super::{destination, stdout};
use crate::app::{self, Anchor, AppError, Dataset, checked_scope, redactor};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::lang::ast::{Instant, Source, Window};
use crate::lang::{self, Checked, checked};
use crate::micros::SECOND;
use crate::model::catalog::FailureCatalog;
use crate::nouns::{self, ViewRequest, ZoneName};
use crate::plan::Options;
use crate::plural::counted;
use crate::render::{Cell, Schema, TextFormat, describe_duration};
use crate::report::{self, Built, Manifest, Own, Prices, QueryCache, Request, Snapshot};
use crate::store::Store;
use crate::table::TableSet;
use document::{Verified, Written};
use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The maximum number of differences printed per file.
const DIFFERENCES: usize = 20;

/// Runs the command.
pub fn run(arguments: &Report, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    if let Some(ReportAction::Verify(verify)) = &arguments.action {
        return run_verify(verify, global, context);
    }
    let Some(out) = &arguments.out else {
        return Err(AppError::Sentence("--out: expected a folder name for the report, such as --out postmortem".to_owned()));
    };
    destination::refuse_store(out)?;
    destination::refuse_file_name(out, |stem| {
        format!("`--out {stem}` writes a report of several files, and a browser shows or prints {stem}/report.html")
    })?;
    report::check_names(&arguments.sections)?;
    report::check_folder(out)?;
    // The original record of a call shows which rule it disabled.
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    write_report(&tables, arguments, out, global, context)
}

/// Writes a report about the tables of a prompt.
pub fn run_here(tables: &Dataset, arguments: &Report, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    match (&arguments.action, &arguments.out) {
        (None, Some(out)) => {
            report::check_names(&arguments.sections)?;
            write_report(tables, arguments, out, global, context)
        }
        _ => Err(AppError::Sentence("expected a folder for the report, such as `\\report postmortem --since 7d`".to_owned())),
    }
}

fn write_report(
    tables: &Dataset,
    arguments: &Report,
    out: &Path,
    global: &Global,
    context: &Context,
) -> Result<ExitCode, AppError> {
    limits(&arguments.limits, global).install(tables)?;
    let request = request(arguments, tables, global, context)?;
    if !global.quiet {
        say(&format!("window {}", crate::render::describe_window(&request.answer_window(), &context.tz)));
    }
    let working = Working::on("writing the report", context);
    let snapshot = snapshot(&arguments.from, tables, global)?;
    let current = FailureCatalog::current_version();
    let built = build(&request, &snapshot, (&tool(), &current), tables, (global, context), &working)?;
    report::write(out, &built.files)?;
    drop(working);
    for (title, why) in &built.failed {
        say(&format!("error: {title}: {why}"));
    }
    if !global.quiet {
        say(&format!("{}\n{} files in {}", built.summary, built.files.len(), out.display()));
    }
    if let Some(format) = arguments.format {
        io::stdout().lock().write_all(built.files.get(format.file()).map(Vec::as_slice).unwrap_or_default())?;
        return Ok(if built.failed.is_empty() { tables.loaded } else { ExitCode::Partial });
    }
    let page = out.join(if request.brief { "brief.html" } else { "report.html" });
    if arguments.json {
        stdout::print_document(Schema::Report, &Written::of(&built, out, &page))?;
    } else {
        writeln!(io::stdout().lock(), "{}", crate::render::visible(&page.display().to_string()))?;
    }
    Ok(if built.failed.is_empty() { tables.loaded } else { ExitCode::Partial })
}

fn tool() -> String {
    format!("ecs-audit {}", env!("CARGO_PKG_VERSION"))
}

fn run_verify(arguments: &ReportVerify, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let (manifest, files) = report::read(&arguments.folder)?;
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    let current = snapshot(&arguments.from, &tables, global)?;
    if !global.quiet {
        notes(&manifest, &current).iter().for_each(|note| say(note));
    }
    if manifest.request.limits != limits(&arguments.limits, global).fingerprint()? {
        return Err(AppError::Sentence(
            "the report was written with other limits; pass the same --quotas and --what-if".to_owned(),
        ));
    }
    limits(&arguments.limits, global).install(&tables)?;
    let versions = (manifest.tool.as_str(), manifest.catalog.as_str());
    let working = Working::on("verifying the report", context);
    let again = build(&manifest.request, &manifest.store, versions, &tables, (global, context), &working)?;
    let differences = report::compare(&files, &again.files);
    drop(working);
    if arguments.output.format == TextFormat::Json {
        let (program, catalog) = (tool(), FailureCatalog::current_version());
        let now = (&current, program.as_str(), catalog.as_str());
        let verified = Verified::of(&arguments.folder, (&manifest, files.len()), now, &differences);
        stdout::print_document(Schema::ReportVerify, &verified)?;
        return Ok(if differences.is_empty() { tables.loaded } else { ExitCode::Finding });
    }
    let mut out = io::stdout().lock();
    let mut of_file: BTreeMap<&str, usize> = BTreeMap::new();
    for difference in &differences {
        let count = of_file.entry(&difference.file).or_default();
        *count += 1;
        if *count > DIFFERENCES {
            continue;
        }
        let line =
            format!("{}: {}: was {}, is {}", difference.file, difference.place, short(&difference.was), short(&difference.is));
        writeln!(out, "{}", crate::render::visible(&line))?;
    }
    for (file, count) in of_file.iter().filter(|(_, count)| **count > DIFFERENCES) {
        writeln!(out, "{}: and {} more", crate::render::visible(file), count - DIFFERENCES)?;
    }
    if differences.is_empty() {
        writeln!(out, "verified: {} files match the store", files.len())?;
        return Ok(tables.loaded);
    }
    if !global.quiet {
        say(&counted(differences.len(), "difference", "differences"));
    }
    Ok(ExitCode::Finding)
}

/// Prints possible reasons for differences.
fn notes(manifest: &Manifest, store: &Snapshot) -> Vec<String> {
    let mut notes = Vec::new();
    if manifest.store.content != store.content {
        notes.push(format!(
            "note: the store differs from the one of the report: it has {} files, the report was computed from {}",
            store.files, manifest.store.files
        ));
    }
    if manifest.tool != tool() {
        notes.push(format!("note: the report was written by {}; this is {}", manifest.tool, tool()));
    }
    if manifest.catalog != FailureCatalog::current_version() {
        notes.push("note: the report was written with another version of the failure catalog or with other rules".to_owned());
    }
    notes
}

/// Shortens a value to fit into a line.
fn short(text: &str) -> String {
    const MOST: usize = 120;
    if text.chars().count() <= MOST {
        return if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    }
    let begin: String = text.chars().take(MOST).collect();
    format!("{begin}…")
}

fn build(
    request: &Request,
    snapshot: &Snapshot,
    versions: (&str, &str),
    tables: &Dataset,
    (global, context): (&Global, &Context),
    working: &Working,
) -> Result<Built, AppError> {
    let redactor = if request.redacted { Some(redactor(tables, &global.store, true)?) } else { None };
    // The queries in a redacted manifest contain pseudonyms.
    let request = match &redactor {
        None => request.clone(),
        Some(redactor) => Request {
            title: redactor.reveal(&request.title),
            scope: redactor.reveal(&request.scope),
            own: request
                .own
                .iter()
                .map(|own| Own { title: redactor.reveal(&own.title), query: redactor.reveal(&own.query) })
                .collect(),
            ..request.clone()
        },
    };
    let names = tables.catalog();
    let zoned = Context { tz: request.tz(), ..context.clone() };
    let answered = AtomicUsize::new(0);
    let ask = |checked: &Checked, evidence| {
        let options = Options { anchor: request.anchor, evidence };
        let answer = tables.answer(checked, options);
        let answered = answered.fetch_add(1, Ordering::Relaxed) + 1;
        working.done(|| counted(answered, "query", "queries"));
        answer
    };
    let evaluated = evaluate(&request, tables)?;
    let records = tables.records().with_evaluated(evaluated);
    let cache = QueryCache {
        catalog: &names,
        check: tables.check_context(request.anchor, &zoned),
        run: &ask,
        unanswerable: &|checked| tables.unanswerable(checked),
        records: &records,
        redactor: redactor.as_ref(),
        scope: &request.scope,
        threads: context.threads,
        results: RefCell::default(),
    };
    Ok(report::build(&request, snapshot, versions, &cache)?)
}

/// Evaluates the nouns that most sections and explanations need; returns the views for explanations.
fn evaluate(request: &Request, tables: &Dataset) -> Result<Vec<String>, AppError> {
    let need = ViewRequest {
        anchor: request.anchor.as_microsecond(),
        from: Some(request.from.as_microsecond()),
        to: Some(request.until.as_microsecond()),
        evidence: true,
        zone: ZoneName::of(&request.tz()),
        ..ViewRequest::default()
    };
    app::evaluate(tables, need, &report::read_often(request))
}

fn request(arguments: &Report, tables: &Dataset, global: &Global, context: &Context) -> Result<Request, AppError> {
    let anchor = Anchor::new(&as_of(arguments.as_of.as_deref(), global), tables, context)?.time;
    let (Some(first), Some(last)) = (tables.first, tables.last) else {
        return Err(AppError::Sentence("nothing to report: no events are loaded".to_owned()));
    };
    let clause = match (&arguments.since, arguments.between.as_slice(), &arguments.around) {
        (Some(since), _, _) => format!(" since {since}"),
        (_, [from, until], _) => format!(" between {from} and {until}"),
        (_, _, Some(around)) => {
            let within = arguments.within.as_ref().map(|within| format!(" within {within}")).unwrap_or_default();
            format!(" around {around}{within}")
        }
        _ => String::new(),
    };
    // The window is parsed as part of a query, so that errors show the position.
    let text = format!("failures{clause}");
    let wrong = |diagnostics| AppError::Query { text: text.clone(), diagnostics };
    let query = lang::parse(&text).map_err(wrong)?;
    let names = tables.catalog();
    let checked = lang::check(&query, &names, &tables.check_context(anchor, context)).map_err(wrong)?;
    let own = own_queries(arguments, tables, global)?;
    Ok(Request {
        title: arguments.title.clone().unwrap_or_else(|| "Failures of Amazon ECS and dstack".to_owned()),
        from: match checked.window.from {
            Some(from) => from,
            None => beginning(tables, first)?,
        },
        until: checked.window.to.unwrap_or_else(|| next_second(last)),
        origin: origin(&query, &checked.window, anchor),
        anchor,
        time_zone: lang::zone::name(&context.tz),
        // The brief consists of the incidents and their numbers.
        sections: if arguments.brief { vec!["incidents".to_owned()] } else { arguments.sections.clone() },
        own,
        scope: checked_scope(arguments.scope.condition(), tables, anchor, context)?,
        brief: arguments.brief,
        prices: arguments.prices.as_deref().map(prices).transpose()?,
        limits: limits(&arguments.limits, global).fingerprint()?,
        redacted: arguments.redact,
    })
}

/// How the window was derived, for readers of the page: `7 days up to the newest event`.
fn origin(query: &lang::Query, window: &checked::Window, anchor: Timestamp) -> String {
    let written = query.stages.first().and_then(|stage| stage.window.as_ref()).map(|window| &window.value);
    let is_ago = matches!(
        written,
        Some(Window::Open { since: Some(since), until: None }) if matches!(since.value, Instant::Ago(_))
    );
    let Some(from) = window.from.filter(|_| is_ago && window.from_newest) else { return window.origin.clone() };
    let seconds = anchor.duration_since(from).as_secs();
    const DAY: i64 = 24 * 60 * 60;
    let length = match (seconds / DAY, seconds % DAY) {
        (days, 0) if days > 0 => counted(days, "day", "days"),
        _ => describe_duration(seconds as f64),
    };
    format!("{length} up to the newest event")
}

/// The beginning of a window without limits: the first event, or the creation of a task that failed at its start, because an
/// incident begins there.
fn beginning(tables: &Dataset, first: Timestamp) -> Result<Timestamp, AppError> {
    let (micros, start) = (first.as_microsecond(), nouns::incidents::START.saturating_mul(SECOND));
    let created = tables.sql(&format!(
        "select min(created_at) from task_events where cast(created_at as bigint) between {} and {micros}",
        micros.saturating_sub(start)
    ))?;
    let created = crate::render::rows(&created)?.into_iter().flatten().next();
    Ok(if let Some(Cell::Time(created)) = created { created } else { first })
}

/// The prices of a file.
fn prices(path: &Path) -> Result<Prices, AppError> {
    let wrong = |why: String| {
        AppError::Sentence(format!(
            "`{}`: {why}; expected vcpu_hour and gib_hour in USD, such as vcpu_hour = 0.04048",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Prices::read(&text).map_err(wrong)
}

/// The first whole second after a time: the end of a window that includes the time.
fn next_second(time: Timestamp) -> Timestamp {
    let whole = Timestamp::from_second(time.as_second()).unwrap_or(time);
    whole.checked_add(SignedDuration::from_secs(1)).unwrap_or(time)
}

/// The custom sections. A saved query is expanded, and gets the window of the report.
fn own_queries(arguments: &Report, tables: &Dataset, global: &Global) -> Result<Vec<Own>, AppError> {
    let names = tables.catalog().with_saved(saved_texts(&arguments.set, global)?);
    let mut queries = Vec::new();
    for text in &arguments.queries {
        let mut own = own(text)?;
        let wrong = |diagnostics| AppError::Query { text: own.query.clone(), diagnostics };
        let query = lang::parse(&own.query).map_err(wrong)?;
        if matches!(query.source.value, Source::Saved(_)) {
            let mut expanded = lang::expand(&query, &names).map_err(wrong)?;
            if let Some(stage) = expanded.stages.first_mut() {
                stage.window = query.stages.into_iter().next().and_then(|stage| stage.window);
            }
            own.query = lang::format(&expanded);
        }
        queries.push(own);
    }
    Ok(queries)
}

/// `title=query`, or `@name`.
fn own(text: &str) -> Result<Own, AppError> {
    let (title, query) = match text.split_once('=') {
        Some((title, query)) if !title.trim_start().starts_with('@') => (title.trim(), query.trim()),
        _ => (text.trim(), text.trim()),
    };
    if title.is_empty() || query.is_empty() {
        return Err(AppError::Sentence(format!(
            "--query `{text}`: expected TITLE=QUERY, such as \"Who was refused=calls where failed by user\""
        )));
    }
    Ok(Own { title: title.trim_start_matches('@').to_owned(), query: query.to_owned() })
}

fn snapshot(from: &[std::path::PathBuf], tables: &Dataset, global: &Global) -> Result<Snapshot, AppError> {
    let hashes = tables.sql("select coalesce(content_hash, '') as hash from files order by 1")?;
    let mut content = blake3::Hasher::new();
    let mut files = 0;
    for row in crate::render::rows(&hashes)? {
        let hash = row.first().map(|cell| cell.exact(&crate::render::Look::default())).unwrap_or_default();
        content.update(hash.as_bytes()).update(b"\n");
        files += 1;
    }
    let mut snapshot = Snapshot {
        files,
        content: content.finalize().to_hex().to_string(),
        first_event: tables.first,
        last_event: tables.last,
        ..Snapshot::default()
    };
    if from.is_empty() {
        let store = Store::open(&global.store)?;
        let manifest = store.manifest();
        snapshot.tables = manifest.tables.iter().map(|(name, state)| (name.clone(), state.version)).collect();
        snapshot.catalogs = manifest.catalogs.clone();
    }
    Ok(snapshot)
}
