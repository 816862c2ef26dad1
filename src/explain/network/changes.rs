//! Calls that changed the network in the preceding hours.

use super::{BEFORE, Evidence, NetworkContext};
use crate::explain::describe;
use crate::explain::records::{Records, Row, within};
use crate::render::describe_duration;
use crate::run::RunError;
use crate::table::Table;

/// The maximum number of changes per branch.
const MOST: usize = 8;

/// Changes of packet filters and of routes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Security groups and network ACLs.
    pub filters: Vec<Evidence>,
    /// Evidence that filters did not change, or only allow more.
    pub no_filters: Vec<Evidence>,
    /// Routes, gateways, endpoints and addresses.
    pub routes: Vec<Evidence>,
    /// Evidence that routes did not change.
    pub no_routes: Vec<Evidence>,
}

const FILTERS: [&str; 2] = ["SecurityGroup", "NetworkAcl"];
const ROUTES: [&str; 6] = ["Route", "NatGateway", "InternetGateway", "VpcEndpoint", "Address", "SubnetAttribute"];

/// The changes before a failure.
pub(super) fn changes(records: &Records<'_>, context: &NetworkContext, missing: &mut Vec<String>) -> Result<Changes, RunError> {
    let mut changes = Changes::default();
    let before = format!(
        "event_source = 'ec2.amazonaws.com' and {} and {}",
        context.here(),
        within(context.began, BEFORE, context.ended, 0)
    );
    let hours = format!("{} hours", BEFORE / 3600);
    if !records.any(Table::Calls, &before)? {
        missing.push(format!(
            "Amazon EC2 calls in the {hours} before: it is unknown whether a security group, route, gateway or endpoint changed"
        ));
        return Ok(changes);
    }
    for row in write_calls(records, &before, &FILTERS)? {
        let Some(evidence) = evidence(&row, context) else { continue };
        // Security groups have only allow rules: adding one rejects nothing.
        if row.text("event_name").is_some_and(|event| event.starts_with("AuthorizeSecurityGroup")) {
            changes.no_filters.push(Evidence { what: format!("{}: it only allows more traffic", evidence.what), ..evidence });
        } else {
            changes.filters.push(evidence);
        }
    }
    if changes.filters.is_empty() && changes.no_filters.is_empty() {
        changes.no_filters.push(Evidence::new(format!("no security group or network ACL was changed in the {hours} before")));
    }
    changes.routes = write_calls(records, &before, &ROUTES)?.iter().filter_map(|row| evidence(row, context)).collect();
    if changes.routes.is_empty() {
        let none = format!("no route, gateway, endpoint or address was changed in the {hours} before");
        changes.no_routes.push(Evidence::new(none));
    }
    Ok(changes)
}

/// Successful calls that change a resource named by one of these words, newest first.
fn write_calls(records: &Records<'_>, before: &str, words: &[&str]) -> Result<Vec<Row>, RunError> {
    let named: Vec<String> = words.iter().map(|word| format!("event_name like '%{word}%'")).collect();
    let condition = format!(
        "{before} and ({}) and event_name not like 'Describe%' and event_name not like 'Get%' and read_only is not true \
         and error_code is null",
        named.join(" or ")
    );
    records.some(Table::Calls, &condition, "\"time\" desc", MOST)
}

fn evidence(row: &Row, context: &NetworkContext) -> Option<Evidence> {
    let event = describe::call(row)?;
    let seconds = context.began.duration_since(event.time).as_secs();
    let when = if seconds >= 0 {
        format!("{} before the task was created", describe_duration(seconds as f64))
    } else {
        "while the task was starting".to_owned()
    };
    let named = context
        .target()
        .filter(|(_, port)| row.text("rule").is_some_and(|rule| rule.split([' ', ',']).any(|word| word == port.to_string())));
    let port = named.map(|(_, port)| format!(" for port {port}, the port in the error message")).unwrap_or_default();
    Some(Evidence {
        what: format!("{}{port}, {when}", event.what),
        time: Some(event.time),
        who: event.who,
        person: None,
        record: Some(event.record),
        strong: false,
        removal: row.text("event_name").is_some_and(describe::removes).then_some(event.what),
    })
}
