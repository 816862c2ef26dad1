//! Flow records of the task's interface during the task's lifetime.

use super::{Evidence, NetworkContext};
use crate::explain::records::{Records, Row, equals, time};
use crate::render::describe_duration;
use crate::run::RunError;
use jiff::Timestamp;

/// The maximum number of targets per branch.
const MOST: usize = 6;
const TCP: i64 = 6;

/// Evidence from the flow records of an interface.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub rejected: Vec<Evidence>,
    pub not_rejected: Vec<Evidence>,
    pub unanswered: Vec<Evidence>,
    pub answered: Vec<Evidence>,
    pub dns_rejected: Vec<Evidence>,
    pub dns_accepted: Vec<Evidence>,
}

/// Reads the flow records of the task's interface and adds missing data to `missing`.
pub(super) fn traffic(records: &Records<'_>, context: &NetworkContext, missing: &mut Vec<String>) -> Result<Traffic, RunError> {
    let mut traffic = Traffic::default();
    if context.interface.is_none() && context.task.is_none() {
        return Ok(traffic);
    }
    // Match by interface: its address may belong to another task a moment later.
    let own_flows = format!(
        "({} or {}) and \"time\" <= {} and coalesce(\"end\", \"time\") >= {}",
        equals("task", context.task.as_deref()),
        equals("interface", context.interface.as_deref()),
        time(context.ended),
        time(context.began)
    );
    let totals = records.rows(&format!(
        "select count(*) as records, count(tcp_flags) as flags, sum(case when log_status = 'SKIPDATA' then 1 else 0 end) as skipped \
         from flows where {own_flows}"
    ))?;
    let count = |column: &str| totals.first().and_then(|row| row.int(column)).unwrap_or_default();
    let span = format!("while the task lived ({})", describe_duration(context.ended.duration_since(context.began).as_secs_f64()));
    let whose = context.interface.as_deref().unwrap_or("the task's interface");
    if count("records") == 0 {
        missing.push(format!("flow records of {whose} {span}: it is unknown whether its packets were rejected"));
        return Ok(traffic);
    }
    let rejected = rejections(records, &own_flows)?;
    for row in &rejected {
        let evidence = rejection(row, context);
        if row.int("dstport") == Some(53) {
            traffic.dns_rejected.push(Evidence { strong: true, ..evidence });
        } else {
            traffic.rejected.push(evidence);
        }
    }
    if count("skipped") > 0 {
        missing.push(format!("some flow records of {whose} (SKIPDATA): the absence of rejects proves nothing"));
    } else if rejected.is_empty() {
        let what = format!("no REJECT in the {} flow records of {whose} {span}", count("records"));
        traffic.not_rejected.push(Evidence::strong(what));
    }
    add_dns(records, &own_flows, &mut traffic)?;
    if count("flags") == 0 {
        missing.push("TCP flags in the flow records (format version 3): it is unknown whether replies came back".to_owned());
    } else {
        add_replies(records, &own_flows, context, &mut traffic)?;
    }
    Ok(traffic)
}

/// Rejected packets by target. A REJECT after an ACCEPT of the same connection is a late packet of a closed connection.
fn rejections(records: &Records<'_>, own_flows: &str) -> Result<Vec<Row>, RunError> {
    records.rows(&format!(
        "select r.srcaddr, r.dstaddr, r.dstport, r.protocol, count(*) as records, min(r.\"time\") as first, \
         max(coalesce(r.\"end\", r.\"time\")) as last, first_value(r.id order by r.\"time\", r.id) as id \
         from flows r left join (\
           select srcaddr, dstaddr, srcport, dstport, protocol, min(\"time\") as accepted from flows \
           where {own_flows} and action = 'ACCEPT' group by srcaddr, dstaddr, srcport, dstport, protocol) a \
         on a.srcaddr = r.srcaddr and a.dstaddr = r.dstaddr and a.srcport = r.srcport and a.dstport = r.dstport \
           and a.protocol = r.protocol \
         where {} and r.action = 'REJECT' and (a.accepted is null or a.accepted > r.\"time\") \
         group by r.srcaddr, r.dstaddr, r.dstport, r.protocol \
         order by records desc, first, r.srcaddr, r.dstaddr, r.dstport, r.protocol limit {MOST}",
        qualified(own_flows)
    ))
}

/// Qualifies the columns of a condition for the joined table `r`.
fn qualified(condition: &str) -> String {
    ["\"task\"", "\"interface\"", "\"time\"", "\"end\""]
        .iter()
        .fold(condition.to_owned(), |condition, column| condition.replace(column, &format!("r.{column}")))
}

fn rejection(row: &Row, context: &NetworkContext) -> Evidence {
    let (from, to) = (row.text("srcaddr").unwrap_or("?"), row.text("dstaddr").unwrap_or("?"));
    let direction = match context.address.as_deref() {
        Some(own) if own == from => ", leaving the interface",
        Some(own) if own == to => ", arriving at the interface",
        _ => "",
    };
    let port = row.int("dstport").unwrap_or_default();
    let named = context.target();
    let same = named.is_none_or(|(address, wanted)| address == to && wanted == port);
    let whose = if named.is_some() && same { ", the address and port in the message" } else { "" };
    let spread = spread(row);
    let records = row.int("records").unwrap_or_default();
    let what = format!("{records} × REJECT of {} {from} → {to} port {port}{direction}{whose}{spread}", protocol(row));
    Evidence { what, time: row.time("first"), record: row.text("id").map(str::to_owned), strong: same, ..Evidence::default() }
}

/// The time span of the records.
fn spread(row: &Row) -> String {
    let seconds = |(first, last): (Timestamp, Timestamp)| last.duration_since(first).as_secs();
    match row.time("first").zip(row.time("last")).map(seconds) {
        Some(seconds) if seconds > 0 => format!(", over {}", describe_duration(seconds as f64)),
        _ => String::new(),
    }
}

fn protocol(row: &Row) -> String {
    match row.int("protocol") {
        Some(TCP) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(1) => "icmp".to_owned(),
        Some(other) => format!("protocol {other}"),
        None => "packets".to_owned(),
    }
}

/// Adds evidence that DNS queries were accepted.
fn add_dns(records: &Records<'_>, own_flows: &str, traffic: &mut Traffic) -> Result<(), RunError> {
    let rows = records.rows(&format!(
        "select dstaddr, count(*) as records, min(\"time\") as first, first_value(id order by \"time\", id) as id from flows \
         where {own_flows} and dstport = 53 and action = 'ACCEPT' group by dstaddr order by records desc, dstaddr limit 1"
    ))?;
    traffic.dns_accepted.extend(rows.iter().map(|row| Evidence {
        what: format!("packets to {} port 53 were accepted", row.text("dstaddr").unwrap_or("?")),
        time: row.time("first"),
        record: row.text("id").map(str::to_owned),
        ..Evidence::default()
    }));
    Ok(())
}

/// Adds outgoing connections with and without a reply: no reply means no accepted record of the other direction.
fn add_replies(records: &Records<'_>, own_flows: &str, context: &NetworkContext, traffic: &mut Traffic) -> Result<(), RunError> {
    let Some(own) = context.address.as_deref() else { return Ok(()) };
    let rows = records.rows(&format!(
        "select r.srcaddr, r.dstaddr, r.dstport, r.protocol, count(*) as records, count(b.srcaddr) as answers, \
         min(r.\"time\") as first, max(coalesce(r.\"end\", r.\"time\")) as last, \
         first_value(r.id order by r.\"time\", r.id) as id \
         from flows r left join (\
           select distinct srcaddr, dstaddr, srcport, dstport from flows where {own_flows} and action = 'ACCEPT' and protocol = {TCP}) b \
         on b.srcaddr = r.dstaddr and b.dstaddr = r.srcaddr and b.srcport = r.dstport and b.dstport = r.srcport \
         where {} and r.action = 'ACCEPT' and r.protocol = {TCP} and {} \
         group by r.srcaddr, r.dstaddr, r.dstport, r.protocol \
         order by records desc, r.dstaddr, r.dstport limit {MOST}",
        qualified(own_flows),
        equals("r.srcaddr", Some(own)).replace("\"r.srcaddr\"", "r.srcaddr"),
    ))?;
    for row in &rows {
        let (to, port) = (row.text("dstaddr").unwrap_or("?"), row.int("dstport").unwrap_or_default());
        let (asked, answered) = (row.int("records").unwrap_or_default(), row.int("answers").unwrap_or_default());
        let same = context.target().is_none_or(|(address, wanted)| address == to && wanted == port);
        let spread = spread(row);
        let of = |what: String| Evidence {
            what,
            time: row.time("first"),
            record: row.text("id").map(str::to_owned),
            strong: same,
            ..Evidence::default()
        };
        if answered == 0 {
            let what = format!("{asked} × tcp {own} → {to} port {port} was accepted but got no reply{spread}");
            traffic.unanswered.push(of(what));
        } else {
            traffic.answered.push(of(format!("{to} port {port} answered ({answered} of {asked} TCP records){spread}")));
        }
    }
    Ok(())
}
