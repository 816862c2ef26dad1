//! Network failures in a window whose packets were rejected, according to the flow log.

use super::NETWORK_PHRASES;
use crate::explain::records::{Records, failures_view, time};
use crate::run::RunError;
use jiff::Timestamp;

/// A network failure and the rejected packets of its interface during the lifetime of its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// When it failed.
    pub time: Timestamp,
    /// Its id.
    pub id: String,
    /// The id of its record.
    pub record: String,
    /// Its account.
    pub account: Option<String>,
    /// Its Region.
    pub region: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// Its service.
    pub service: Option<String>,
    /// Its task.
    pub task: Option<String>,
    /// Its failure catalog entry.
    pub cause: Option<String>,
    /// Its network interface.
    pub interface: String,
    /// Source address.
    pub from: String,
    /// Destination address.
    pub to: String,
    /// Destination port.
    pub port: Option<i64>,
    /// The number of flow records.
    pub rejected: i64,
    /// Their ids.
    pub flows: Vec<String>,
}

/// The rejects in a window, by time. A REJECT after an ACCEPT of the same connection is a late packet of a closed connection
/// and is excluded.
pub fn rejects(records: &Records<'_>, window: (Timestamp, Timestamp)) -> Result<Vec<Reject>, RunError> {
    let rows = records.rows(&format!(
        "select f.id, max(f.record) as record, max(f.\"time\") as \"time\", max(f.\"cluster\") as \"cluster\", max(f.service) as service, \
         max(f.task) as task, max(f.cause) as cause, max(f.account) as account, max(f.region) as region, f.interface, r.srcaddr, r.dstaddr, r.dstport, count(distinct r.id) as rejected, \
         array_sort(array_agg(distinct r.id)) as flows \
         from (select f.id, f.record, f.\"time\", f.\"cluster\", f.service, f.task, f.cause, f.account, f.region, t.interface, \
             coalesce(t.began, f.\"time\") as began, coalesce(t.ended, f.\"time\") as ended from {} f join (\
             select task, \"cluster\", max(network_interface) as interface, min(created_at) as began, max(stopped_at) as ended \
             from task_events where network_interface is not null group by task, \"cluster\") t \
           on t.task = f.task and t.\"cluster\" = f.\"cluster\" \
           where f.kind = 'task' and ({}) and f.\"time\" >= {} and f.\"time\" < {}) f \
         join flows r on r.interface = f.interface and r.\"time\" <= f.ended and coalesce(r.\"end\", r.\"time\") >= f.began \
           and r.action = 'REJECT' \
         left join (select interface, srcaddr, dstaddr, srcport, dstport, protocol, min(\"time\") as accepted from flows \
           where action = 'ACCEPT' group by interface, srcaddr, dstaddr, srcport, dstport, protocol) a \
         on a.interface = r.interface and a.srcaddr = r.srcaddr and a.dstaddr = r.dstaddr and a.srcport = r.srcport \
           and a.dstport = r.dstport and a.protocol = r.protocol and a.accepted >= f.began and a.accepted <= r.\"time\" \
         where a.accepted is null \
         group by f.id, f.interface, r.srcaddr, r.dstaddr, r.dstport \
         order by \"time\", f.id, rejected desc, r.srcaddr, r.dstaddr, r.dstport",
        records.view(&failures_view()),
        on_the_network(),
        time(window.0),
        time(window.1)
    ))?;
    let reject = |row: &crate::explain::records::Row| {
        let text = |name: &str| row.text(name).map(str::to_owned);
        Some(Reject {
            time: row.time("time")?,
            id: text("id")?,
            record: text("record").unwrap_or_default(),
            account: text("account"),
            region: text("region"),
            cluster: text("cluster"),
            service: text("service"),
            task: text("task"),
            cause: text("cause"),
            interface: text("interface")?,
            from: text("srcaddr").unwrap_or_default(),
            to: text("dstaddr").unwrap_or_default(),
            port: row.int("dstport"),
            rejected: row.int("rejected")?,
            flows: row.list("flows").to_vec(),
        })
    };
    Ok(rows.iter().filter_map(reject).collect())
}

/// The SQL condition for network failures; mirrors [`super::concerns_network`].
fn on_the_network() -> String {
    let named = ["-network", "-dns", "eni-"].map(|part| format!("strpos(f.cause, '{part}') > 0")).join(" or ");
    let phrases = NETWORK_PHRASES.map(|part| format!("strpos(lower(f.message), '{part}') > 0")).join(" or ");
    format!("f.phase = 'network' or f.phase in ('image_pull', 'config_fetch', 'volume', 'logging') and ({named} or {phrases})")
}
