//! `ecs-audit store`: shows the contents of the store and maintains it.

pub mod document;
mod overview;

use super::args::{Adopt, Drop, Global, StoreAction, StoreArgs, TextOutput, Vacuum, Verify};
use super::open::open_store;
use super::output::print;
use super::progress::Working;
use super::settings::write_options;
use super::stderr::say;
use super::stdout;
use crate::app::{AppError, described, on_threads, point_in_time};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::load::{RemovalRule, catalog_version};
use crate::plural::{counted, word};
use crate::render::{Format, Schema, TextFormat, describe_instant, visible};
use crate::store::{Fault, Maintained, Store};
use crate::table::Table;
use document::{Adopted, Classified, Compacted, Integrity, Removal, Vacuumed};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &StoreArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    if arguments.action.is_some() && arguments.format != Format::Table {
        let what =
            "--format before the action is that of the overview; write it after the action: `ecs-audit store verify --json`";
        return Err(AppError::Sentence(what.to_owned()));
    }
    match &arguments.action {
        None => overview(arguments, global, context),
        Some(StoreAction::Reclassify(output)) => reclassify(*output, global, context),
        Some(StoreAction::Compact(output)) => compact(*output, global, context),
        Some(StoreAction::Vacuum(vacuum)) => remove_replaced(vacuum, global, context),
        Some(StoreAction::Verify(arguments)) => verify(arguments, global, context),
        Some(StoreAction::Adopt(arguments)) => adopt(arguments, global, context),
        Some(StoreAction::Drop(arguments)) => drop_old(arguments, global, context),
        Some(StoreAction::Export(arguments)) => super::export::run(arguments, global, context),
    }
}

fn reclassify(output: TextOutput, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("reclassifying", context);
    let options = write_options(global, context)?;
    let done = on_threads(context.threads, || Store::reclassify(&global.store, options, &waiting))??;
    drop(working);
    let mut text = if done.was_current {
        format!("reclassified: nothing to do; catalog {} already classified everything\n", catalog_version())
    } else {
        format!(
            "reclassified: {} records by catalog {}; {} failures became {}\n",
            HumanCount(done.records),
            catalog_version(),
            HumanCount(done.failures_before),
            HumanCount(done.failures_after)
        )
    };
    if done.kept > 0 {
        text.push_str(&format!("  {} records have no original in the store and are unchanged\n", HumanCount(done.kept)));
    }
    answer(output, Schema::StoreReclassify, &Classified::of(&done), (text, context))
}

fn compact(output: TextOutput, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("compacting", context);
    let options = write_options(global, context)?;
    let done: Maintained = on_threads(context.threads, || Store::compact(&global.store, options, &waiting))??;
    drop(working);
    let text = format!("compacted: {} files became {}\n", done.files_before, done.files_after);
    answer(output, Schema::StoreCompact, &Compacted::of(&done), (text, context))
}

fn remove_replaced(arguments: &Vacuum, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("deleting files", context);
    let options = write_options(global, context)?;
    let keep = i64::try_from(arguments.keep.as_micros()).unwrap_or(i64::MAX);
    let done: Maintained = on_threads(context.threads, || Store::vacuum(&global.store, keep, options, &waiting))??;
    drop(working);
    let text = format!(
        "vacuumed: {} of {} files removed, {} freed\n",
        done.files_before.saturating_sub(done.files_after),
        done.files_before,
        HumanBytes(done.bytes_freed)
    );
    answer(arguments.output, Schema::StoreVacuum, &Vacuumed::of(&done), (text, context))
}

fn verify(arguments: &Verify, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("verifying the store", context);
    if arguments.repair {
        Store::repair(&global.store, write_options(global, context)?, &waiting)?;
    }
    let done = on_threads(context.threads, || Store::verify(&global.store))??;
    drop(working);
    let mut text = format!(
        "verified: {} data files, {} rows, {}; {} files in the ledger\n",
        HumanCount(done.files),
        HumanCount(done.rows),
        HumanBytes(done.bytes),
        HumanCount(done.loaded_files)
    );
    for fault in &done.faults {
        text.push_str(&format!("  {}: {}\n", if fault.is_serious() { "error" } else { "note" }, visible(&fault_message(fault))));
    }
    let is_whole = !done.faults.iter().any(Fault::is_serious);
    text.push_str(if is_whole { "the store is intact\n" } else { "the store is damaged\n" });
    answer(arguments.output, Schema::StoreVerify, &Integrity::of(&done, arguments.repair, fault_message), (text, context))?;
    Ok(if is_whole { ExitCode::Ok } else { ExitCode::Finding })
}

fn fault_message(fault: &Fault) -> String {
    match fault {
        Fault::ManifestIsStale => {
            "manifest.json is missing, damaged or behind the logs; a load or `ecs-audit store verify --repair` rebuilds it"
                .to_owned()
        }
        Fault::ManifestIsIgnored => {
            "manifest.json is missing, damaged or older than the logs, so it is ignored and the logs are read; the next change or \
             `ecs-audit store verify --repair` writes it again"
                .to_owned()
        }
        Fault::NotAdopted(table) => {
            format!("another program changed table `{}`; `ecs-audit store adopt` accepts the change", table.name())
        }
        Fault::LogDiffers(table) => format!("the Delta log of table `{}` does not match manifest.json", table.name()),
        Fault::Missing(path) => format!("`{}` is missing; copy it back, or load the export into a new store", path.display()),
        Fault::Size { path, expected, found } => {
            format!("`{}` has {found} bytes, not {expected}; copy it again, or load the export into a new store", path.display())
        }
        Fault::Altered(path) => {
            format!(
                "the content of `{}` differs from what was written; copy it again, or load the export into a new store",
                path.display()
            )
        }
        Fault::Unreadable { path, detail } => {
            format!("`{}` cannot be decoded ({detail}); copy it again, or load the export into a new store", path.display())
        }
        Fault::Rows { path, expected, found } => format!("`{}` has {found} rows, not {expected}", path.display()),
        Fault::Duplicates { table, rows } => format!("table `{}` contains {rows} duplicate rows", table.name()),
        Fault::Ledger(file) => format!("the counts of `{file}` in the ledger do not add up"),
        Fault::Orphan(path) => format!("`{}` is not referenced and can be deleted", path.display()),
    }
}

fn adopt(arguments: &Adopt, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("adopting", context);
    let options = write_options(global, context)?;
    if arguments.undo {
        let tables = on_threads(context.threads, || Store::take_back(&global.store, options, &waiting))??;
        drop(working);
        let names: Vec<&str> = tables.iter().map(|table| table.name()).collect();
        let done = if names.is_empty() { "nothing to undo".to_owned() } else { format!("undone in {}", names.join(", ")) };
        return answer(arguments.output, Schema::StoreAdopt, &Adopted::of(&[], &tables), (format!("{done}\n"), context));
    }
    let adopted = on_threads(context.threads, || Store::adopt(&global.store, options, &waiting))??;
    drop(working);
    let mut text = adopted.iter().map(|commit| format!("adopted: {}\n", visible(&described(commit)))).collect::<String>();
    if adopted.is_empty() {
        text.push_str("nothing to adopt: no other program has changed the store\n");
    }
    answer(arguments.output, Schema::StoreAdopt, &Adopted::of(&adopted, &[]), (text, context))
}

fn drop_old(arguments: &Drop, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let store = Store::open(&global.store)?;
    let newest = store.manifest().last_event.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    let before = point_in_time("--before", &arguments.before, newest.unwrap_or(context.now), context)?;
    let table = match &arguments.table {
        None => None,
        Some(name) => Some(droppable(name)?),
    };
    let rule = RemovalRule { table, account: arguments.account.clone(), before: before.as_microsecond() };
    let dropped = if arguments.yes {
        let options = write_options(global, context)?;
        on_threads(context.threads, || Store::drop_rows(&global.store, &rule, options, &waiting))??
    } else {
        on_threads(context.threads, || store.drop_preview(&rule))??
    };
    let mut text = format!("records before {}\n", describe_instant(before, &context.tz));
    for of_table in &dropped {
        text.push_str(&format!(
            "  {:<18} {:>12} {} in {}\n",
            of_table.table.name(),
            HumanCount(of_table.rows).to_string(),
            word(of_table.rows, "row", "rows"),
            counted(of_table.files + of_table.rewritten, "file", "files")
        ));
    }
    text.push_str(match (dropped.is_empty(), arguments.yes) {
        (true, false) => "no records are that old\n",
        (true, true) => "no records are that old; older records will not be loaded\n",
        (false, false) => "nothing was removed: repeat the command with --yes\n",
        (false, true) => "removed; these records will not be loaded again\n",
    });
    answer(arguments.output, Schema::StoreDrop, &Removal::of(before, arguments.yes, &dropped), (text, context))
}

fn droppable(name: &str) -> Result<Table, AppError> {
    let known = || Table::ALL.iter().copied().filter(|table| table.holds_events());
    known().find(|table| table.name() == name).ok_or_else(|| {
        let names: Vec<&str> = known().map(Table::name).collect();
        AppError::Sentence(format!("unknown table `{name}`: expected {}", names.join(", ")))
    })
}

fn waiting() {
    say("note: another ecs-audit is writing to the store; waiting for it");
}

/// Prints an answer as a document or as text.
fn answer(
    output: TextOutput,
    schema: Schema,
    document: &impl Serialize,
    (text, context): (String, &Context),
) -> Result<ExitCode, AppError> {
    match output.format {
        TextFormat::Json => stdout::print_document(schema, document)?,
        TextFormat::Text => stdout::print_page(text, context)?,
    }
    Ok(ExitCode::Ok)
}

/// The coverage query: one row for each account, Region and day with calls or events.
const COVERAGE: &str = "
    select account, region, cast(cast(time as date) as varchar) as day,
           sum(calls) as calls, sum(events) as events, min(time) as first, max(time) as last
    from (
        select account, region, time, 1 as calls, 0 as events from calls
        union all select account, region, time, 0, 1 from task_events
        union all select account, region, time, 0, 1 from instance_events
        union all select account, region, time, 0, 1 from service_events
    ) group by 1, 2, 3 order by 1, 2, 3";

fn overview(arguments: &StoreArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let store = Store::open(&global.store)?;
    let tables = open_store(&store, context)?;
    if arguments.format == Format::Table {
        let summary = stdout::page(summary(&store, context), context);
        io::stdout().lock().write_all(summary.as_bytes())?;
    }
    let answer = tables.sql(COVERAGE)?;
    print(&answer, arguments.format, None, context)?;
    Ok(ExitCode::Ok)
}

fn summary(store: &Store, context: &Context) -> String {
    let manifest = store.manifest();
    let instant = |micros: Option<i64>| {
        micros
            .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok())
            .map_or_else(|| "none".to_owned(), |time| describe_instant(time, &context.tz))
    };
    let loads = counted(manifest.loads, "load", "loads");
    let mut text = format!("store {}, {}, written by ecs-audit {}\n", store.root().display(), loads, manifest.written_by);
    text.push_str(&format!("events {} … {}\n\n", instant(manifest.first_event), instant(manifest.last_event)));
    let catalogs = manifest.catalogs.iter();
    let catalogs: Vec<String> =
        catalogs.map(|(version, records)| format!("{version} for {} records", HumanCount(*records))).collect();
    if !catalogs.is_empty() {
        text.truncate(text.trim_end().len());
        text.push_str(&format!("\nfailure catalog {}\n\n", crate::render::visible(&catalogs.join(", "))));
    }
    text.push_str(&overview::tables(manifest, context));
    text.push('\n');
    text
}
