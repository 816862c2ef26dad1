//! Quota limits: from a file, and from `--what-if`.
//!
//! In: the text of a file (see [`read`]). Out: [`Quotas`], which a session keeps. Invariant: there are no default
//! limits; a limit that no file contains is unknown.

mod read;

use std::hash::{Hash, Hasher};

use crate::micros::MINUTE;
pub use read::QuotaError;

/// On-Demand vCPU of Fargate.
pub const FARGATE: &str = "fargate_vcpu";
/// vCPU of Fargate Spot.
pub const FARGATE_SPOT: &str = "fargate_spot_vcpu";

/// How long refused demand lasts, in microseconds, if its caller neither starts a task nor asks again.
pub const DEMAND_LASTS: i64 = 15 * MINUTE;

/// The pools whose usage is replayed, with their units.
pub const RESOURCES: &[(&str, &str)] = &[
    (FARGATE, "vCPU"),
    (FARGATE_SPOT, "vCPU"),
    ("tasks_per_cluster", "tasks"),
    ("tasks_per_service", "tasks"),
    ("instance_cpu", "CPU units"),
    ("instance_memory", "MiB"),
    ("eni", "network interfaces"),
    ("dstack_gpus", "GPUs"),
    ("dstack_price", "USD per hour"),
];

/// The unit of a pool.
pub fn unit(resource: &str) -> &'static str {
    RESOURCES.iter().find(|(name, _)| *name == resource).map_or("", |(_, unit)| unit)
}

/// A limit, with the pools that it applies to.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// The pool, one of [`RESOURCES`].
    pub resource: String,
    /// The account; none = all.
    pub account: Option<String>,
    /// The region; none = all.
    pub region: Option<String>,
    /// The cluster; none = all.
    pub cluster: Option<String>,
    /// The service; none = all.
    pub service: Option<String>,
    /// The time from which it applies, in microseconds since 1970; none = always.
    pub since: Option<i64>,
    /// The limit.
    pub limit: f64,
}

/// The assumptions of `--what-if`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WhatIf {
    /// Another limit for [`FARGATE`].
    pub limit: Option<f64>,
    /// Another limit for [`FARGATE_SPOT`].
    pub spot_limit: Option<f64>,
    /// Another size for every Fargate task, in vCPU.
    pub task_vcpu: Option<f64>,
}

/// All known limits and assumptions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quotas {
    /// The limits.
    pub limits: Vec<Quota>,
    /// The assumptions.
    pub what_if: WhatIf,
}

impl Eq for Quotas {}

impl Hash for Quotas {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.limits.len().hash(state);
        self.what_if.limit.map(f64::to_bits).hash(state);
    }
}

/// Limits and assumptions for other processes. The bits of a number are exact in any document.
#[cfg(feature = "cluster")]
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Document {
    limits: Vec<LimitDocument>,
    what_if: [Option<u64>; 3],
}

/// A [`Quota`]: the resource, the account, region, cluster and service, since when, and the limit.
#[cfg(feature = "cluster")]
type LimitDocument = (String, [Option<String>; 4], Option<i64>, u64);

#[cfg(feature = "cluster")]
impl Quotas {
    /// The limits for other processes.
    pub fn document(&self) -> Document {
        let limit = |quota: &Quota| {
            let Quota { resource, account, region, cluster, service, since, limit } = quota.clone();
            (resource, [account, region, cluster, service], since, limit.to_bits())
        };
        let WhatIf { limit: assumed, spot_limit, task_vcpu } = self.what_if;
        let what_if = [assumed, spot_limit, task_vcpu].map(|number| number.map(f64::to_bits));
        Document { limits: self.limits.iter().map(limit).collect(), what_if }
    }

    /// The limits of another process.
    pub fn of_document(document: Document) -> Quotas {
        let limit = |(resource, [account, region, cluster, service], since, limit): LimitDocument| Quota {
            resource,
            account,
            region,
            cluster,
            service,
            since,
            limit: f64::from_bits(limit),
        };
        let [assumed, spot_limit, task_vcpu] = document.what_if.map(|number| number.map(f64::from_bits));
        let what_if = WhatIf { limit: assumed, spot_limit, task_vcpu };
        Quotas { limits: document.limits.into_iter().map(limit).collect(), what_if }
    }
}

/// A pool at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pool<'p> {
    /// One of [`RESOURCES`].
    pub resource: &'p str,
    /// The account.
    pub account: Option<&'p str>,
    /// The region.
    pub region: Option<&'p str>,
    /// The cluster.
    pub cluster: Option<&'p str>,
    /// The service.
    pub service: Option<&'p str>,
}

impl Quotas {
    /// The limit of a pool at a time: the most specific one, and the newest of these.
    pub fn limit(&self, pool: Pool<'_>, time: Option<i64>) -> Option<f64> {
        let tried = match pool.resource {
            FARGATE => self.what_if.limit,
            FARGATE_SPOT => self.what_if.spot_limit,
            _ => None,
        };
        let holds = |quota: &&Quota| quota.since.is_none_or(|since| time.is_none_or(|time| since <= time));
        let known = self.limits.iter().filter(|quota| quota.covers(pool)).filter(holds);
        tried.or_else(|| known.max_by_key(|quota| (quota.named(), quota.since)).map(|quota| quota.limit))
    }

    /// The times at which a limit changes, in order.
    pub fn changes(&self) -> Vec<i64> {
        let mut changes: Vec<i64> = self.limits.iter().filter_map(|quota| quota.since).collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// The CPU units of a Fargate task.
    pub fn task_units(&self, units: i64) -> i64 {
        self.what_if.task_vcpu.map_or(units, |vcpu| (vcpu * 1024.0).round() as i64)
    }
}

impl Quota {
    fn covers(&self, pool: Pool<'_>) -> bool {
        let same = |own: &Option<String>, other: Option<&str>| own.as_deref().is_none_or(|own| other == Some(own));
        self.resource == pool.resource
            && same(&self.account, pool.account)
            && same(&self.region, pool.region)
            && same(&self.cluster, pool.cluster)
            && same(&self.service, pool.service)
    }

    /// How specifically it matches a pool.
    fn named(&self) -> usize {
        [&self.account, &self.region, &self.cluster, &self.service].into_iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(region: Option<&str>, since: Option<i64>, limit: f64) -> Quota {
        Quota {
            resource: FARGATE.to_owned(),
            account: None,
            region: region.map(str::to_owned),
            cluster: None,
            service: None,
            since,
            limit,
        }
    }

    #[test]
    fn the_limit_that_names_most_and_is_newest_counts() {
        let quotas = Quotas {
            limits: vec![quota(None, None, 6.0), quota(Some("eu-west-1"), None, 8.0), quota(Some("eu-west-1"), Some(100), 16.0)],
            what_if: WhatIf::default(),
        };
        let at = |region, time| quotas.limit(Pool { resource: FARGATE, region: Some(region), ..Pool::default() }, Some(time));
        assert_eq!(at("us-east-1", 5), Some(6.0));
        assert_eq!(at("eu-west-1", 99), Some(8.0));
        assert_eq!(at("eu-west-1", 100), Some(16.0));
        assert_eq!(quotas.limit(Pool { resource: "eni", ..Pool::default() }, None), None);
        assert_eq!(quotas.changes(), [100]);
    }

    #[test]
    fn what_is_tried_comes_first() {
        let what_if = WhatIf { limit: Some(16.0), spot_limit: None, task_vcpu: Some(0.25) };
        let quotas = Quotas { limits: vec![quota(None, None, 6.0)], what_if };
        assert_eq!(quotas.limit(Pool { resource: FARGATE, ..Pool::default() }, None), Some(16.0));
        assert_eq!(quotas.limit(Pool { resource: FARGATE_SPOT, ..Pool::default() }, None), None);
        assert_eq!(quotas.task_units(4096), 256);
    }
}
