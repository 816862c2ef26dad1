//! Prints the changes before a failure, one line each, most closely related first.

use super::blocks::Page;
use crate::explain::changes::Changes;
use crate::plural::counted;
use crate::render::describe_duration;

pub(super) fn write(page: &mut Page<'_>, name: &str, found: &Changes) {
    page.heading(&format!("Changes before {name}"));
    let burst = match found.failures {
        0 => String::new(),
        1 => " 1 failure".to_owned(),
        more => format!(" the first of {more} failures at most 10 min apart"),
    };
    let wide = found.until > found.before || found.failures == 0;
    let what = if wide { format!("around{burst}") } else { format!("the half hour before{burst}") };
    let what = if found.failures == 0 { "around that time" } else { what.as_str() };
    page.line(&format!("{} … {}, {what}", page.time(found.since), page.time(found.until)));
    if found.changes.is_empty() {
        page.line("no related change in this period");
    }
    lines(page, found, usize::MAX);
    if found.others > 0 {
        let calls = counted(found.others, "other write call", "other write calls");
        page.line(&format!("unrelated: {calls} in the account"));
    }
    if !found.changes.is_empty() {
        page.line("timing alone does not prove that a change is the cause");
    }
}

/// Prints the first `most` changes.
pub(super) fn lines(page: &mut Page<'_>, found: &Changes, most: usize) {
    for change in found.changes.iter().take(most) {
        let event = &change.event;
        let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        let ago = describe_duration(change.before_seconds.abs() as f64);
        let side = if change.before_seconds < 0 { "after" } else { "before" };
        let shares = if change.shares.is_empty() { String::new() } else { format!(" (shares {})", change.shares.join(", ")) };
        page.line(&format!("{}  {ago} {side}: {}{who}{shares}  [{}]", page.time(event.time), event.what, event.record));
    }
    if found.changes.len() > most {
        page.line(&format!("{} more", found.changes.len() - most));
    }
}
