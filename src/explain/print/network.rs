//! Prints the branches of a network failure as a tree, with the evidence for and against each.

use super::blocks::Page;
use crate::explain::network::{Evidence, Network};

pub(super) fn write(page: &mut Page<'_>, network: &Network) {
    page.heading("Network");
    let parts = [("interface", &network.interface), ("address", &network.address), ("subnet", &network.subnet)];
    let known: Vec<String> = parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))).collect();
    if !known.is_empty() {
        page.line(&known.join(", "));
    }
    let last = network.branches.len().saturating_sub(1);
    for (index, branch) in network.branches.iter().enumerate() {
        page.branch(&[], index == last, &format!("{}: {}", branch.verdict.word(), branch.name));
        let sides = [("for", &branch.speaks_for), ("against", &branch.against)];
        let all: Vec<(&str, &Evidence)> =
            sides.iter().flat_map(|(side, list)| list.iter().map(move |evidence| (*side, evidence))).collect();
        let end = all.len().saturating_sub(1);
        for (place, (side, evidence)) in all.into_iter().enumerate() {
            let text = format!("{side}: {}", line(page, evidence));
            page.branch(&[index == last], place == end, &text);
        }
    }
    for missing in &network.missing {
        page.line(&format!("not in these records: {missing}"));
    }
}

fn line(page: &Page<'_>, evidence: &Evidence) -> String {
    let time = evidence.time.map(|time| format!("{}  ", page.time(time))).unwrap_or_default();
    let who = evidence.who.as_deref().map(|who| format!(", by {who}")).unwrap_or_default();
    let record = evidence.record.as_deref().map(|record| format!("  [{record}]")).unwrap_or_default();
    format!("{time}{}{who}{record}", evidence.what)
}
