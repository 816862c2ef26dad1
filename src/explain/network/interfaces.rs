//! Checks whether the task got a network interface with an address, and lists refused calls for interfaces.

use super::{BEFORE, Branch, Evidence, NetworkContext, branch};
use crate::explain::describe;
use crate::explain::records::{Records, within};
use crate::run::RunError;
use crate::table::Table;

/// The maximum number of refused calls.
const MOST: usize = 5;

/// The branch.
pub(super) fn no_interface(records: &Records<'_>, context: &NetworkContext) -> Result<Branch, RunError> {
    let refused = format!(
        "event_source = 'ec2.amazonaws.com' and error_code is not null and {} and {} and (event_name like '%NetworkInterface%' \
         or event_name like '%PrivateIpAddresses%' or error_code like '%FreeAddresses%' or error_code like '%NetworkInterfaceLimit%')",
        context.here(),
        within(context.began, BEFORE, context.ended, 0)
    );
    let mut speaks_for = Vec::new();
    if context.cause.starts_with("eni-") {
        speaks_for.push(Evidence::strong("the message mentions the interface"));
    }
    for row in records.some(Table::Calls, &refused, "\"time\" desc", MOST)? {
        let Some(event) = describe::call(&row) else { continue };
        let named = context.subnet.as_deref().is_some_and(|subnet| {
            [row.text("resource"), row.text("error_message")].into_iter().flatten().any(|text| text.contains(subnet))
        });
        let what = if named { format!("{}, for the subnet of the task", event.what) } else { event.what };
        speaks_for.push(Evidence {
            what,
            time: Some(event.time),
            who: event.who,
            person: None,
            record: Some(event.record),
            strong: named,
            removal: None,
        });
    }
    let mut against = Vec::new();
    if let Some(interface) = &context.interface {
        let with = context.address.as_deref().map(|address| format!(" with the address {address}")).unwrap_or_default();
        let what = format!("the task got the interface {interface}{with}");
        against.push(Evidence { strong: !context.cause.starts_with("eni-"), ..Evidence::new(what) });
    }
    // The task's own interface outweighs refused calls of others.
    if against.iter().any(|evidence| evidence.strong) {
        speaks_for.iter_mut().for_each(|evidence| evidence.strong = false);
    }
    Ok(branch("the subnet has no free address, or the interface was not ready", speaks_for, against))
}
