//! `ecs-audit config`: shows the effective settings and where each is set.

use super::args::{ConfigArgs, Global};
use super::output::{listing, print};
use super::settings::as_of;
use super::{rules, stdout};
use crate::app::AppError;
use crate::config::{Configured, Searched};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::render::{Format, visible};
use indicatif::HumanBytes;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(arguments: &ConfigArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let Configured { settings, searched, store_origin, tz_origin, memory_origin } = &global.configured;
    let path = |path: &Path| path.display().to_string();
    let paths = |paths: &[PathBuf]| paths.iter().map(|one| path(one)).collect::<Vec<_>>().join(", ");
    let (rules, rules_origin) = rules::paths(global);
    let as_of = as_of(None, global);
    let mut rows = vec![
        row("store", path(&global.store), store_origin),
        row("tz", global.tz.clone().unwrap_or_else(|| "UTC".to_owned()), tz_origin),
        row("memory", HumanBytes(context.memory as u64).to_string(), memory_origin),
        row("as_of", as_of.value, &as_of.origin),
    ];
    let (quotas, quotas_origin) = match (std::env::var("ECS_AUDIT_QUOTAS"), &settings.quotas) {
        (Ok(file), _) if !file.is_empty() => (file, "ECS_AUDIT_QUOTAS".to_owned()),
        (_, Some(setting)) => (path(&setting.value), setting.origin.clone()),
        (_, None) => (String::new(), "default".to_owned()),
    };
    rows.push(row("quotas", quotas, &quotas_origin));
    rows.push(row("rules", paths(&rules), &rules_origin));
    rows.extend(settings.packs.iter().map(|pack| row("packs", path(&pack.value), &pack.origin)));
    rows.extend(
        settings.queries.values().map(|query| row(&format!("queries.{}", query.name), query.query.clone(), &query.origin)),
    );
    if arguments.format == Format::Table {
        stdout::print_page(places(searched), context)?;
    }
    print(&listing(&["setting", "value", "from"], rows)?, arguments.format, None, context)?;
    Ok(ExitCode::Ok)
}

fn row(name: &str, value: String, origin: &str) -> Vec<String> {
    vec![name.to_owned(), value, origin.to_owned()]
}

/// The searched paths; the first one with a setting takes precedence.
fn places(searched: &[Searched]) -> String {
    let mut text = "configuration files searched\n".to_owned();
    for place in searched {
        let found = if place.read { "read" } else { "not found" };
        text.push_str(&format!("  {:<30} {:<9}  {}\n", place.layer.word(), found, visible(&place.path.display().to_string())));
    }
    if searched.is_empty() {
        text.push_str("  no file: --no-config\n");
    }
    text.push('\n');
    text
}
