//! Collects the state of a pool at an instant from the replayed usage curve and the records around it.

use super::forecast::Days;
use super::{Capacity, Demand, Peak, PoolState, Raise, Sized, solve};
use crate::explain::records::{Records, Row, text, time};
use crate::nouns::quota::limits::{FARGATE, FARGATE_SPOT, unit};
use crate::nouns::quota::refused::demands as refused_demands;
use crate::nouns::{self, ViewRequest};
use crate::run::RunError;
use jiff::Timestamp;

/// The Fargate pools of a Region, at an instant or at the largest shortage.
pub fn capacity(records: &Records<'_>, region: &str, at: Option<Timestamp>, anchor: Timestamp) -> Result<Capacity, RunError> {
    let need = ViewRequest { anchor: anchor.as_microsecond(), ..ViewRequest::default() };
    let Some(quota) = nouns::noun("quota") else { return Ok(Capacity { region: region.to_owned(), pools: Vec::new() }) };
    let curve = format!(
        "select * from ({}) q where q.resource in ('{FARGATE}', '{FARGATE_SPOT}') and q.region = {}",
        (quota.view)(need),
        text(region)
    );
    // One row for each pool: the requested instant, or the largest shortage, or else the largest need.
    let order = match at {
        Some(at) => format!("case when q.\"time\" <= {} then 0 else 1 end, q.\"time\" desc", time(at)),
        None => "coalesce(q.over, q.refused) desc, q.needed desc, q.\"time\"".to_owned(),
    };
    let over = "(q.over > 0 or (q.allowed is null and q.refused > 0))";
    let numbers: Vec<String> =
        ["used", "used_lower", "refused", "needed", "allowed", "over", "peak", "peak_needed", "seconds_over"]
            .iter()
            .map(|name| format!("cast(p.{name} as varchar) as {name}"))
            .collect();
    let rows = records.rows(&format!(
        "select p.resource, p.account, p.\"time\", p.limit_source, p.open_tasks, p.peak_at, p.first_over, p.began, {} from (\
         select q.*, row_number() over (partition by q.resource, q.account order by {order}) as nth, \
         max(q.used) over (partition by q.resource, q.account) as peak, \
         max(q.needed) over (partition by q.resource, q.account) as peak_needed, \
         first_value(q.\"time\") over (partition by q.resource, q.account order by q.needed desc, q.\"time\") as peak_at, \
         min(q.\"time\") over (partition by q.resource, q.account) as began, \
         min(case when {over} then q.\"time\" end) over (partition by q.resource, q.account) as first_over, \
         sum(case when {over} then q.duration else 0.0 end) over (partition by q.resource, q.account) as seconds_over \
         from ({curve}) q) p where p.nth = 1 order by p.resource, p.account",
        numbers.join(", ")
    ))?;
    let days = Days::read(records, region, &curve, anchor)?;
    let mut pools = Vec::new();
    for row in &rows {
        pools.extend(pool(records, row, region, at, need, &days)?);
    }
    let shortage = |pool: &PoolState| pool.short.unwrap_or(pool.refused);
    pools.sort_by(|left, right| shortage(right).total_cmp(&shortage(left)).then_with(|| left.resource.cmp(&right.resource)));
    Ok(Capacity { region: region.to_owned(), pools })
}

fn float(row: &Row, name: &str) -> Option<f64> {
    row.text(name)?.parse().ok()
}

fn pool(
    records: &Records<'_>,
    row: &Row,
    region: &str,
    asked: Option<Timestamp>,
    need: ViewRequest,
    days: &Days,
) -> Result<Option<PoolState>, RunError> {
    let (Some(resource), Some(account), Some(since)) = (row.text("resource"), row.text("account"), row.time("time")) else {
        return Ok(None);
    };
    // Before its first task a pool was not used.
    let before = asked.is_some_and(|asked| row.time("began").is_some_and(|began| asked < began));
    let at = asked.unwrap_or(since);
    let level = |name: &str| if before { 0.0 } else { float(row, name).unwrap_or(0.0) };
    let allowed = float(row, "allowed");
    let (used, refused, needed) = (level("used"), level("refused"), level("needed"));
    let here = Here { records, resource, account, region, at };
    let (running, not_started) = here.running()?;
    let demands = here.demands()?;
    let free = allowed.map(|allowed| (allowed - used).max(0.0));
    let peak_needed = float(row, "peak_needed").unwrap_or(0.0);
    let mut state = PoolState {
        resource: resource.to_owned(),
        unit: unit(FARGATE),
        account: account.to_owned(),
        region: region.to_owned(),
        at,
        allowed,
        limit_source: row.text("limit_source").map(str::to_owned),
        used,
        used_lower: level("used_lower"),
        refused,
        needed,
        short: allowed.map(|allowed| (needed - allowed).max(0.0)),
        free,
        more_fit: None,
        at_most: None,
        running,
        not_started,
        open: if before { 0 } else { row.int("open_tasks").unwrap_or(0) },
        demands,
        peak: Peak { used: float(row, "peak").unwrap_or(0.0), needed: peak_needed, at: row.time("peak_at") },
        first_breach: row.time("first_over"),
        seconds_over: float(row, "seconds_over").unwrap_or(0.0),
        recommended: (peak_needed * 1.2).ceil() as i64,
        unexplained: allowed.filter(|allowed| refused > 0.0 && needed <= *allowed).map(|allowed| allowed - needed),
        requested: here.raises()?,
        deployments: here.deployments(need)?,
        forecast: days.forecast(resource, account, allowed),
        notes: Vec::new(),
        solutions: Vec::new(),
    };
    solve::solve(&mut state);
    Ok(Some(state))
}

/// A pool at an instant.
struct Here<'r, 's> {
    records: &'r Records<'s>,
    resource: &'r str,
    account: &'r str,
    region: &'r str,
    at: Timestamp,
}

impl Here<'_, '_> {
    fn place(&self, alias: &str) -> String {
        format!("{alias}.account = {} and {alias}.region = {}", text(self.account), text(self.region))
    }

    /// Tasks in use by size, largest first, and the number that had not started.
    fn running(&self) -> Result<(Vec<Sized>, i64), RunError> {
        let spot = if self.resource == FARGATE_SPOT { "=" } else { "<>" };
        let now = time(self.at);
        let rows = self.records.rows(&format!(
            "select t.cpu, count(*) as tasks, count(*) filter (where t.started is null or t.started > {now}) as waiting from (\
             select coalesce(e.task_arn, e.task, e.id) as task, quota_task_units(coalesce(max(e.cpu), 0)) as cpu, \
             coalesce(min(e.created_at), min(e.\"time\")) as created, min(e.started_at) as started, \
             max(coalesce(e.stopped_at, case when e.last_status = 'STOPPED' then e.\"time\" end)) as stopped \
             from task_events e where {} and (e.launch_type = 'FARGATE' or e.capacity_provider in ('FARGATE', 'FARGATE_SPOT')) \
             and coalesce(e.capacity_provider, '') {spot} 'FARGATE_SPOT' group by 1) t \
             where t.created <= {now} and (t.stopped is null or t.stopped > {now}) group by t.cpu order by t.cpu desc",
            self.place("e"),
        ))?;
        let sized = rows.iter().filter_map(|row| Some(Sized { tasks: row.int("tasks")?, size: vcpu(row.int("cpu")?) })).collect();
        Ok((sized, rows.iter().filter_map(|row| row.int("waiting")).sum()))
    }

    fn demands(&self) -> Result<Vec<Demand>, RunError> {
        let now = time(self.at);
        let rows = self.records.rows(&format!(
            "select d.caller, d.family, d.missing, d.size, d.record from ({}) d where {} and d.resource = {} and d.start <= {now} \
             and d.stop > {now} order by d.size desc, d.start, d.record",
            refused_demands(),
            self.place("d"),
            text(self.resource),
        ))?;
        let demand = |row: &Row| {
            Some(Demand {
                caller: row.text("caller").unwrap_or_default().to_owned(),
                family: row.text("family").unwrap_or_default().to_owned(),
                tasks: row.int("missing")?,
                size: vcpu(row.int("size")?),
                record: row.text("record").unwrap_or_default().to_owned(),
            })
        };
        Ok(rows.iter().filter_map(demand).collect())
    }

    /// Requested increases of this quota.
    fn raises(&self) -> Result<Vec<Raise>, RunError> {
        let code = if self.resource == FARGATE_SPOT { "L-36FBB829" } else { "L-3032A538" };
        let rows = self.records.rows(&format!(
            "select c.id, c.\"time\", json_path(c.raw, '/requestParameters/desiredValue') as value from calls c \
             where c.event_name = 'RequestServiceQuotaIncrease' and c.failed is not true and {} \
             and json_path(c.raw, '/requestParameters/quotaCode') = '{code}' order by c.\"time\", c.id",
            self.place("c"),
        ))?;
        let raise = |row: &Row| {
            Some(Raise { value: row.text("value")?.to_owned(), at: row.time("time")?, record: row.text("id")?.to_owned() })
        };
        Ok(rows.iter().filter_map(raise).collect())
    }

    /// Services with a deployment in progress, which may double their usage.
    fn deployments(&self, need: ViewRequest) -> Result<Vec<String>, RunError> {
        let Some(deployments) = nouns::noun("deployments") else { return Ok(Vec::new()) };
        let now = time(self.at);
        let rows = self.records.rows(&format!(
            "select distinct concat(coalesce(d.cluster, ''), '/', d.service) as name from ({}) d where {} and d.started_at <= {now} \
             and (d.finished_at is null or d.finished_at > {now}) and d.service in (select e.service from task_events e \
             where e.launch_type = 'FARGATE' and {}) order by 1",
            (deployments.view)(need),
            self.place("d"),
            self.place("e"),
        ))?;
        Ok(rows.iter().filter_map(|row| row.text("name")).map(str::to_owned).collect())
    }
}

fn vcpu(units: i64) -> f64 {
    units as f64 / 1024.0
}
