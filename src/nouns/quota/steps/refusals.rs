//! Refused demand: who made the requests, and how long each demand lasts.
//!
//! The rule is the same as in the SQL of [`crate::nouns::quota::refused`]. Here, the refusals are known before the
//! events of tasks are read. Of each task event, only two facts are kept: its start, for the one demand that it can
//! end, and its size, for the one refusal that needs it.

use std::sync::Arc;

use arrow::array::{Array, Int64Array, StringViewArray};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::task_interval::{Other, Pool, Times};
use crate::engine::functions::record::{number, numbers, some, texts};
use crate::engine::operators::index::{Groups, Interner, NONE};
use crate::engine::operators::texts::{Memory, Texts};
use crate::nouns::quota::limits::{DEMAND_LASTS, Quotas};

/// The requester of tasks, by string numbers: a service in a cluster, or a caller with a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Caller {
    account: u32,
    region: u32,
    is_service: bool,
    /// Cluster and service, or caller and family. Tasks of the same family have the same size, whoever starts them.
    partials: [u32; 2],
}

/// A refused launch, or a refused task start of a service.
#[derive(Debug)]
struct Refusal {
    resource: u8,
    account: u32,
    region: u32,
    /// The requester, and the key of its task size, by number.
    caller: u32,
    alike: u32,
    /// The time from which a start is one of the next tasks of the requester, and the start of the demand:
    /// microseconds.
    at: i64,
    start: i64,
    missing: i64,
    cpu: Option<i64>,
    id: String,
    record: Arc<str>,
}

/// All refusals, oldest first.
#[derive(Debug, Default)]
pub struct Refusals {
    texts: Texts,
    list: Vec<Refusal>,
    callers: Interner<Caller>,
    sizes: Interner<Caller>,
    by_caller: Groups,
    by_size: Groups,
}

/// What the events of tasks show about the refusals.
#[derive(Debug, Default)]
pub struct RefusalEvents {
    memories: [Memory; 2],
    refusals: Vec<After>,
}

/// What is known about one refusal.
#[derive(Debug, Clone, Copy)]
struct After {
    /// The first start after it and before the next refusal.
    next: i64,
    /// The latest start before it and after the previous refusal, and the CPU units of that task.
    size: (i64, i64),
}

impl Default for After {
    fn default() -> Self {
        After { next: i64::MAX, size: (i64::MIN, 0) }
    }
}

/// The columns of task events that show who started a task and when.
pub struct Starts<'b> {
    pub accounts: &'b StringViewArray,
    pub regions: &'b StringViewArray,
    pub clusters: &'b StringViewArray,
    pub services: &'b StringViewArray,
    pub families: &'b StringViewArray,
    pub groups: &'b StringViewArray,
    pub started_by: &'b StringViewArray,
    pub created: &'b Int64Array,
    pub cpu: &'b Int64Array,
}

impl Refusals {
    /// Reads the refusals: resource, account, region, cluster, service, requester, family, time from which a start is
    /// one of the next, start, missing tasks, CPU units per task, id, record.
    pub fn new(batches: &[RecordBatch]) -> Result<Refusals> {
        let mut all = Refusals::default();
        for batch in batches {
            all.add(batch)?;
        }
        all.list.sort_by(|left, right| (left.at, &left.id).cmp(&(right.at, &right.id)));
        let by = |key: fn(&Refusal) -> u32, keys: &Interner<Caller>| {
            Groups::new(all.list.iter().map(key).zip(0_u32..), keys.list().len())
        };
        let (by_caller, by_size) = (by(|refusal| refusal.caller, &all.callers), by(|refusal| refusal.alike, &all.sizes));
        Ok(Refusals { by_caller, by_size, ..all })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let text = |place: usize| texts(values, place);
        let [resources, accounts, regions, clusters, services, askers, families] =
            [text(0)?, text(1)?, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?];
        let column = |place: usize| numbers(values, place);
        let [at, start, missing, cpu] = [column(7)?, column(8)?, column(9)?, column(10)?];
        let (ids, records) = (text(11)?, text(12)?);
        for row in 0..batch.num_rows() {
            let Some(resource) = some(&resources, row).and_then(super::resource) else { continue };
            let mut intern = |column: &StringViewArray| self.texts.keep_some(some(column, row));
            let (account, region) = (intern(&accounts), intern(&regions));
            let is_service = services.is_valid(row);
            let (first, second) = if is_service { (&clusters, &services) } else { (&askers, &families) };
            let caller = Caller { account, region, is_service, partials: [intern(first), intern(second)] };
            self.list.push(Refusal {
                resource,
                account,
                region,
                caller: self.callers.intern(caller),
                alike: self.sizes.intern(caller.alike()),
                at: number(&at, row).unwrap_or_default(),
                start: number(&start, row).unwrap_or_default(),
                missing: number(&missing, row).unwrap_or_default(),
                cpu: number(&cpu, row),
                id: some(&ids, row).unwrap_or_default().to_owned(),
                record: some(&records, row).unwrap_or_default().into(),
            });
        }
        Ok(())
    }

    /// Records the starts of the tasks for which `counts` is true.
    pub fn observe(&self, observed: &mut RefusalEvents, events: &Starts<'_>, counts: impl Fn(usize) -> bool) {
        if self.list.is_empty() {
            return;
        }
        observed.refusals.resize(self.list.len(), After::default());
        let [of_families, of_services] = &mut observed.memories;
        let families = of_families.known(events.families, &self.texts);
        let services = of_services.known(events.services, &self.texts);
        for (row, (family, service)) in families.into_iter().zip(services).enumerate() {
            if (family == NONE && service == NONE) || !counts(row) {
                continue;
            }
            let find = |column: &StringViewArray| some(column, row).and_then(|text| self.texts.find(text));
            let (Some(at), Some(account), Some(region)) =
                (number(events.created, row), find(events.accounts), find(events.regions))
            else {
                continue;
            };
            let caller = |is_service, partials| Caller { account, region, is_service, partials };
            let as_service = find(events.clusters).filter(|_| service != NONE).map(|cluster| caller(true, [cluster, service]));
            let alone = !events.services.is_valid(row) && family != NONE;
            let asker = if events.started_by.is_valid(row) { events.started_by } else { events.groups };
            let as_asker = find(asker).filter(|_| alone).map(|asker| caller(false, [asker, family]));
            let as_family = (family != NONE).then(|| caller(false, [NONE, family]));
            if let Some(number) = as_service.or(as_asker).and_then(|caller| self.callers.find(&caller)) {
                observed.start(self, number, at);
            }
            let Some(cpu) = number(events.cpu, row) else { continue };
            for number in [as_service, as_family].into_iter().flatten().filter_map(|alike| self.sizes.find(&alike)) {
                observed.size(self, number, (at, cpu));
            }
        }
    }

    /// Whether there is a refusal before a start of its requester.
    fn is_before(&self, refusal: u32, at: i64) -> bool {
        self.list.get(refusal as usize).is_some_and(|refusal| refusal.at < at)
    }

    /// The refused demands, each with the id of its record if ids are needed.
    pub fn demands(&self, observed: &RefusalEvents, texts: &mut Texts, quotas: &Quotas, with_ids: bool) -> Vec<Other> {
        let observed = |refusal: u32| observed.refusals.get(refusal as usize).copied().unwrap_or_default();
        let mut sizes = vec![None; self.list.len()];
        for size in (0..).take(self.sizes.list().len()) {
            let mut newest = After::default().size;
            for refusal in self.by_size.of(size) {
                newest = newest.max(observed(*refusal).size);
                if let Some(slot) = sizes.get_mut(*refusal as usize) {
                    *slot = Some(newest).filter(|newest| *newest != After::default().size).map(|(_, cpu)| cpu);
                }
            }
        }
        let nothing = texts.intern("");
        let mut demands = Vec::with_capacity(self.list.len());
        for caller in (0..).take(self.callers.list().len()) {
            let own = self.by_caller.of(caller);
            for (place, number) in own.iter().enumerate() {
                let Some(refusal) = self.list.get(*number as usize) else { continue };
                let newer =
                    own.get(place + 1).and_then(|newer| self.list.get(*newer as usize)).map_or(i64::MAX, |newer| newer.at);
                let end = observed(*number).next.min(newer).min(refusal.start.saturating_add(DEMAND_LASTS));
                let last = sizes.get(*number as usize).copied().flatten();
                let size = quotas.task_units(refusal.cpu.or(last).unwrap_or(0));
                let mut there = |number: u32| texts.keep_some(self.texts.get(number));
                let (account, region) = (there(refusal.account), there(refusal.region));
                demands.push(Other {
                    pool: Pool { resource: refusal.resource, account, region, first: nothing, second: NONE },
                    times: Times { start: refusal.start, early: end, end },
                    units: 0,
                    refused: refusal.missing.saturating_mul(size),
                    id: with_ids.then(|| Arc::clone(&refusal.record)),
                });
            }
        }
        demands
    }
}

impl Caller {
    /// The key of the tasks that have the same size as this one.
    fn alike(self) -> Caller {
        let [_, second] = self.partials;
        if self.is_service { self } else { Caller { partials: [NONE, second], ..self } }
    }
}

impl RefusalEvents {
    /// Records a task start of a requester: it satisfies the latest refusal before it.
    fn start(&mut self, refusals: &Refusals, caller: u32, at: i64) {
        let own = refusals.by_caller.of(caller);
        let before = own.partition_point(|number| refusals.is_before(*number, at));
        if let Some(after) = before.checked_sub(1).and_then(|place| self.of(own.get(place))) {
            after.next = after.next.min(at);
        }
    }

    /// Records a task start with a size: later refusals can be of this size.
    fn size(&mut self, refusals: &Refusals, alike: u32, start: (i64, i64)) {
        let own = refusals.by_size.of(alike);
        let before = own.partition_point(|number| refusals.is_before(*number, start.0));
        if let Some(after) = self.of(own.get(before)) {
            after.size = after.size.max(start);
        }
    }

    fn of(&mut self, refusal: Option<&u32>) -> Option<&mut After> {
        self.refusals.get_mut(*refusal? as usize)
    }

    /// Merges the observations from other events.
    pub fn merge(&mut self, other: RefusalEvents) {
        if self.refusals.is_empty() {
            self.refusals = other.refusals;
            return;
        }
        for (own, other) in self.refusals.iter_mut().zip(other.refusals) {
            own.next = own.next.min(other.next);
            own.size = own.size.max(other.size);
        }
    }
}
