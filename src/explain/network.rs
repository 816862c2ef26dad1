//! Explains a network failure of a task: the evidence for and against each possible cause.
//!
//! Input: a failure to reach a registry or secret, or to get an interface. Output: a [`Network`] with the evidence and a list
//! of missing records, so that missing data is not mistaken for proof.
//!
//! ```text
//!   flows       the packets of the task's interface
//!   changes     earlier calls that changed security groups, routes, gateways, endpoints and network ACLs
//!   interfaces  refused calls for network interfaces and addresses
//!   rejects     failures in a window with rejected packets
//!   neighbors   other tasks in the same subnet at that time
//! ```

mod changes;
mod flows;
mod interfaces;
mod neighbors;
mod rejects;

pub use rejects::{Reject, rejects};

use super::changes::callers;
use super::gather::FailureContext;
use super::records::{Records, equals, like_it};
use crate::rfc3339::some_instant;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;

/// The time before a failure, in seconds, to search for changes.
const BEFORE: i64 = 6 * 3600;

/// The network of a task and the evidence about its failure.
#[derive(Debug, Clone, Serialize)]
pub struct Network {
    /// The network interface of the task.
    pub interface: Option<String>,
    /// Its private address.
    pub address: Option<String>,
    /// Its subnet.
    pub subnet: Option<String>,
    /// The possible causes, most likely first.
    pub branches: Vec<Branch>,
    /// What these records do not contain.
    pub missing: Vec<String>,
}

/// One possible cause.
#[derive(Debug, Clone, Serialize)]
pub struct Branch {
    /// The possible cause.
    pub name: &'static str,
    /// The conclusion from the evidence.
    pub verdict: Verdict,
    /// Evidence for it.
    #[serde(rename = "for")]
    pub speaks_for: Vec<Evidence>,
    /// Evidence against it.
    pub against: Vec<Evidence>,
}

/// The conclusion for a branch, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A record shows it.
    Likely,
    /// Some evidence is consistent with it, but none proves it.
    Possible,
    /// No evidence for or against it.
    Open,
    /// Only evidence against it.
    Unlikely,
}

impl Verdict {
    /// Its name in text.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Likely => "likely",
            Verdict::Possible => "possible",
            Verdict::Open => "open",
            Verdict::Unlikely => "unlikely",
        }
    }
}

/// Evidence for or against a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What.
    pub what: String,
    /// When it happened, or began.
    #[serde(serialize_with = "some_instant")]
    pub time: Option<Timestamp>,
    /// Who did it.
    pub who: Option<String>,
    /// The person behind the role session that did it, if known.
    #[serde(skip)]
    pub person: Option<String>,
    /// The id of a record.
    pub record: Option<String>,
    /// Whether it proves the branch rather than only being consistent with it.
    #[serde(skip)]
    pub strong: bool,
    /// The call, if it removed something.
    #[serde(skip)]
    pub removal: Option<String>,
}

impl Evidence {
    fn new(what: impl Into<String>) -> Self {
        Evidence { what: what.into(), ..Evidence::default() }
    }

    fn strong(what: impl Into<String>) -> Self {
        Evidence { strong: true, ..Evidence::new(what) }
    }
}

/// The context of a network failure: the task, its interface and its lifetime.
struct NetworkContext {
    task: Option<String>,
    interface: Option<String>,
    address: Option<String>,
    subnet: Option<String>,
    account: Option<String>,
    region: Option<String>,
    began: Timestamp,
    ended: Timestamp,
    /// The message, in lower case.
    message: String,
    cause: String,
    id: String,
}

impl NetworkContext {
    /// The account and region, as a condition.
    fn here(&self) -> String {
        format!("{} and {}", like_it("account", self.account.as_deref()), like_it("region", self.region.as_deref()))
    }

    /// Whether the message names an address with a port: `dial tcp 10.0.0.1:443`.
    fn target(&self) -> Option<(&str, i64)> {
        let after = self.message.split("dial tcp ").nth(1).or_else(|| self.message.split("dial udp ").nth(1))?;
        let (address, port) = after.split_whitespace().next()?.trim_end_matches(':').rsplit_once(':')?;
        let is_address = address.split('.').count() == 4 && address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        Some((address, port.parse().ok()?)).filter(|_| is_address)
    }
}

/// The branches of a network failure; none for any other failure.
pub(super) fn network(records: &Records<'_>, case: &FailureContext) -> Result<Option<Network>, RunError> {
    let Some(at) = case.failure.time("time").filter(|_| concerns_network(case)) else { return Ok(None) };
    let context = context(records, case, at)?;
    let mut missing = Vec::new();
    let traffic = flows::traffic(records, &context, &mut missing)?;
    let changed = changes::changes(records, &context, &mut missing)?;
    let mut branches = vec![
        rejected(&traffic, &changed),
        no_route(&traffic, &changed),
        not_resolved(&context, &traffic),
        interfaces::no_interface(records, &context)?,
    ];
    branches.extend(neighbors::more_than_this(records, &context)?);
    branches.sort_by_key(|branch| branch.verdict);
    name_people(records, &mut branches)?;
    if context.interface.is_some() {
        missing.push("the security groups, route table and network ACL of the interface".to_owned());
    }
    Ok(Some(Network { interface: context.interface, address: context.address, subnet: context.subnet, branches, missing }))
}

/// Names the person behind each role session of the evidence, where it is known.
fn name_people(records: &Records<'_>, branches: &mut [Branch]) -> Result<(), RunError> {
    let evidence = branches.iter().flat_map(|branch| branch.speaks_for.iter().chain(&branch.against));
    let made = evidence.filter(|evidence| evidence.who.is_some());
    let made: Vec<(&str, Timestamp)> = made.filter_map(|evidence| Some((evidence.record.as_deref()?, evidence.time?))).collect();
    let callers = callers(records, &made)?;
    for evidence in branches.iter_mut().flat_map(|branch| branch.speaks_for.iter_mut().chain(&mut branch.against)) {
        if let Some(caller) = evidence.record.as_ref().and_then(|record| callers.get(record)) {
            (evidence.who, evidence.person) = (Some(caller.who.clone()), caller.person.clone());
        }
    }
    Ok(())
}

/// Whether a failure concerns the network: by its phase, or by a timeout, name resolution or connection problem.
fn concerns_network(case: &FailureContext) -> bool {
    let cause = case.text("cause").unwrap_or_default();
    match case.text("phase") {
        Some("network") => true,
        Some("image_pull" | "config_fetch" | "volume" | "logging") => {
            let named = ["-network", "-dns", "eni-"].iter().any(|part| cause.contains(part));
            let message = case.text("message").unwrap_or_default().to_lowercase();
            named || NETWORK_PHRASES.iter().any(|part| message.contains(part))
        }
        _ => false,
    }
}

/// Phrases of network messages, in lower case.
const NETWORK_PHRASES: [&str; 11] = [
    "i/o timeout",
    "timed out",
    "connection issue",
    "connection refused",
    "connection reset",
    "no such host",
    "name resolution",
    "network is unreachable",
    "no route to host",
    "request canceled while waiting for connection",
    "tls handshake timeout",
];

fn context(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<NetworkContext, RunError> {
    let known = |column: &str| case.text(column).map(str::to_owned);
    let mut context = NetworkContext {
        task: known("task").filter(|_| case.kind() == "task"),
        interface: None,
        address: None,
        subnet: known("subnet"),
        account: known("account"),
        region: known("region"),
        began: case.task.as_ref().and_then(|task| task.time("created_at")).unwrap_or(at),
        ended: case.task.as_ref().and_then(|task| task.time("stopped_at")).unwrap_or(at),
        message: case.text("message").unwrap_or_default().to_lowercase(),
        cause: known("cause").unwrap_or_default(),
        id: known("id").unwrap_or_default(),
    };
    // An earlier state of a task may contain fields that the last one lacks.
    let known_fields = records.rows(&format!(
        "select max(network_interface) as interface, max(private_ip) as address, max(subnet) as subnet from {} where {} and {}",
        Table::TaskEvents.name(),
        equals("task", context.task.as_deref()),
        like_it("cluster", case.text("cluster"))
    ))?;
    if let Some(row) = known_fields.first() {
        let text = |column: &str| row.text(column).map(str::to_owned);
        (context.interface, context.address) = (text("interface"), text("address"));
        context.subnet = context.subnet.take().or_else(|| text("subnet"));
    }
    Ok(context)
}

fn branch(name: &'static str, speaks_for: Vec<Evidence>, against: Vec<Evidence>) -> Branch {
    let strong = |list: &[Evidence]| list.iter().any(|evidence| evidence.strong);
    let verdict = match (speaks_for.is_empty(), against.is_empty()) {
        (false, _) if strong(&speaks_for) => Verdict::Likely,
        (false, _) if !strong(&against) => Verdict::Possible,
        (true, true) => Verdict::Open,
        _ => Verdict::Unlikely,
    };
    Branch { name, verdict, speaks_for, against }
}

fn rejected(traffic: &flows::Traffic, changed: &changes::Changes) -> Branch {
    let speaks_for = [traffic.rejected.clone(), changed.filters.clone()].concat();
    let against = [traffic.not_rejected.clone(), changed.no_filters.clone()].concat();
    branch("a security group or network ACL rejects the traffic", speaks_for, against)
}

/// The branch without a route.
pub(super) const NO_ROUTE: &str = "no route, NAT gateway or endpoint leads to the target";

fn no_route(traffic: &flows::Traffic, changed: &changes::Changes) -> Branch {
    let mut against = [traffic.answered.clone(), changed.no_routes.clone()].concat();
    if traffic.rejected.iter().any(|evidence| evidence.strong) {
        against.push(Evidence::strong("the packets were rejected, so no route was tried"));
    }
    let speaks_for = [traffic.unanswered.clone(), changed.routes.clone()].concat();
    branch(NO_ROUTE, speaks_for, against)
}

fn not_resolved(context: &NetworkContext, traffic: &flows::Traffic) -> Branch {
    let names = ["no such host", "name resolution", "lookup ", "server misbehaving"];
    let names_dns = context.cause.contains("dns") || names.iter().any(|name| context.message.contains(name));
    let mut speaks_for = Vec::new();
    let mut against = Vec::new();
    if names_dns {
        speaks_for.push(Evidence::strong("the message reports a name that was not resolved"));
    } else if let Some((address, port)) = context.target() {
        against.push(Evidence::strong(format!("the message names the address {address} port {port}: the name was resolved")));
    }
    speaks_for.extend(traffic.dns_rejected.clone());
    against.extend(traffic.dns_accepted.clone());
    branch("the name is not resolved", speaks_for, against)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_the_evidence() {
        let (weak, strong) = (Evidence::new("fits"), Evidence::strong("shows"));
        for (speaks_for, against, want) in [
            (vec![strong.clone()], vec![], Verdict::Likely),
            (vec![weak.clone(), strong.clone()], vec![weak.clone()], Verdict::Likely),
            (vec![weak.clone()], vec![weak.clone()], Verdict::Possible),
            (vec![weak.clone()], vec![strong.clone()], Verdict::Unlikely),
            (vec![], vec![weak.clone()], Verdict::Unlikely),
            (vec![], vec![], Verdict::Open),
        ] {
            assert_eq!(branch("x", speaks_for, against).verdict, want);
        }
    }
}
