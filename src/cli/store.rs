//! `ecs-audit store`: what the store holds; compaction and vacuum.

use super::args::{Global, StoreAction, StoreArgs, Vacuum};
use super::ask::{Tables, print};
use super::load::{on_threads, write_options};
use super::say::{Failure, say};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::load::catalog_version;
use crate::render::{Format, describe_instant};
use crate::store::{Maintained, Store};
use crate::table::Table;
use indicatif::{HumanBytes, HumanCount};
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &StoreArgs, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    match &arguments.action {
        None => overview(arguments, global, context),
        Some(StoreAction::Reclassify) => reclassify(global, context),
        Some(StoreAction::Compact) => compact(global, context),
        Some(StoreAction::Vacuum(vacuum)) => remove_replaced(vacuum, global, context),
    }
}

fn reclassify(global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let options = write_options(global, context);
    let done = on_threads(context.threads, || Store::reclassify(&global.store, options, &waiting))??;
    let mut text = if done.was_current {
        format!("reclassified: nothing to do, catalog {} classified everything\n", catalog_version())
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
        text.push_str(&format!("  {} records have no original in the store and stay as they are\n", HumanCount(done.kept)));
    }
    tell(&text)
}

fn compact(global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let options = write_options(global, context);
    let done: Maintained = on_threads(context.threads, || Store::compact(&global.store, options, &waiting))??;
    tell(&format!("compacted: {} files became {}\n", done.files_before, done.files_after))
}

fn remove_replaced(arguments: &Vacuum, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let options = write_options(global, context);
    let keep = i64::try_from(arguments.keep.as_micros()).unwrap_or(i64::MAX);
    let done: Maintained = on_threads(context.threads, || Store::vacuum(&global.store, keep, options, &waiting))??;
    tell(&format!(
        "vacuumed: {} of {} files removed, {} freed\n",
        done.files_before.saturating_sub(done.files_after),
        done.files_before,
        HumanBytes(done.bytes_freed)
    ))
}

fn waiting() {
    say("note: another ecs-audit is writing to the store; waiting for it");
}

fn tell(text: &str) -> Result<ExitCode, Failure> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::Ok)
}

/// Coverage in one statement: a line for each account, region and day that has calls or events.
const COVERAGE: &str = "
    select account, region, cast(cast(time as date) as varchar) as day,
           sum(calls) as calls, sum(events) as events, min(time) as first, max(time) as last
    from (
        select account, region, time, 1 as calls, 0 as events from calls
        union all select account, region, time, 0, 1 from task_events
        union all select account, region, time, 0, 1 from instance_events
        union all select account, region, time, 0, 1 from service_events
    ) group by 1, 2, 3 order by 1, 2, 3";

fn overview(arguments: &StoreArgs, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let store = Store::open(&global.store)?;
    let tables = Tables::of_store(&store, context)?;
    if arguments.format == Format::Table {
        io::stdout().lock().write_all(summary(&store, context).as_bytes())?;
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
    let mut text =
        format!("store {}, {} loads, written by ecs-audit {}\n", store.root().display(), manifest.loads, manifest.written_by);
    text.push_str(&format!("events {} … {}\n\n", instant(manifest.first_event), instant(manifest.last_event)));
    let catalogs = manifest.catalogs.iter();
    let catalogs: Vec<String> =
        catalogs.map(|(version, records)| format!("{version} for {} records", HumanCount(*records))).collect();
    if !catalogs.is_empty() {
        text.truncate(text.trim_end().len());
        text.push_str(&format!("\nfailure catalog {}\n\n", crate::render::visible(&catalogs.join(", "))));
    }
    text.push_str(&format!("  {:<18} {:>12} {:>7} {:>12}  first … last\n", "table", "rows", "files", "size"));
    let mut total = 0;
    for table in Table::ALL {
        let files = manifest.files(*table);
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let size: u64 = files.iter().map(|file| file.size).sum();
        total += size;
        let first = instant(files.iter().filter_map(|file| file.first).min());
        let last = instant(files.iter().filter_map(|file| file.last).max());
        let span = if rows == 0 { String::new() } else { format!("{first} … {last}") };
        let (rows, size) = (HumanCount(rows).to_string(), HumanBytes(size).to_string());
        text.push_str(&format!("  {:<18} {rows:>12} {:>7} {size:>12}  {span}\n", table.name(), files.len()));
    }
    text.push_str(&format!("  {:<18} {:>12} {:>7} {:>12}\n\n", "together", "", "", HumanBytes(total).to_string()));
    text
}
