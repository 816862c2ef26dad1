//! Changes before a failure: one line each, what shares most first.

use super::blocks::Page;
use crate::explain::chain::length;
use crate::explain::changes::Changes;
use crate::explain::find::Subject;

pub(super) fn write(page: &mut Page<'_>, subject: &Subject, found: &Changes) {
    page.heading(&format!("Changes before {} {}", subject.kind.word(), subject.name));
    let burst = match found.failures {
        1 => "1 failure".to_owned(),
        more => format!("the first of {more} failures at most 10 min apart"),
    };
    page.line(&format!("{} … {}, the half hour before {burst}", page.time(found.since), page.time(found.before)));
    if found.changes.is_empty() {
        page.line("no write call in that time shares anything with it");
    }
    lines(page, found, usize::MAX);
    if found.others > 0 {
        let calls =
            if found.others == 1 { "1 other write call".to_owned() } else { format!("{} other write calls", found.others) };
        page.line(&format!("{calls} of the account share nothing with it"));
    }
    if !found.changes.is_empty() {
        page.line("that a change came before does not prove that it is the cause");
    }
}

/// The first changes.
pub(super) fn lines(page: &mut Page<'_>, found: &Changes, most: usize) {
    for change in found.changes.iter().take(most) {
        let event = &change.event;
        let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        let ago = length(change.before_seconds);
        let shares = change.shares.join(", ");
        page.line(&format!("{}  {ago} before: {}{who} (shares {shares})  [{}]", page.time(event.time), event.what, event.record));
    }
    if found.changes.len() > most {
        page.line(&format!("{} more", found.changes.len() - most));
    }
}
