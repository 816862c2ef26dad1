//! Groups task intervals by pool, and adds the names and limits of pools.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringViewBuilder};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};

use super::task_interval::{NETWORKED, ON_DEMAND, PartialState, Place, Pool, SPOT, Setting, Shard, Size};
use super::usage::{Use, Uses};
use super::{CLUSTER, CPU, ENI, MEMORY, POOL_COLUMNS, QuotaSteps, SERVICE, VCPU, VCPU_SPOT};
use crate::engine::operators::index::{Arena, Groups, Interner, NONE, balanced};
use crate::engine::operators::texts::Texts;
use crate::nouns::quota::limits::RESOURCES;

/// The merged state.
#[derive(Debug)]
pub struct FinalState {
    /// The merged state without the tasks.
    pub partial: PartialState,
    /// The tasks of each share.
    pub shares: Vec<Share>,
    /// The requested pools, ordered by number.
    pub shown: Vec<u32>,
    pub pools: Interner<Pool>,
    /// The constant columns of the pools: [`POOL_COLUMNS`], one row per pool.
    pub columns: RecordBatch,
    /// Entries other than tasks, by pool.
    others: Groups,
    /// The range of `shown` in each chunk.
    pub chunks: Vec<Range<usize>>,
}

impl FinalState {
    /// The entries of a pool that are not tasks.
    pub fn others(&self, pool: u32) -> &[u32] {
        self.others.of(pool)
    }

    /// Merges all partial states.
    pub fn new(sweep: &QuotaSteps, partials: Vec<PartialState>, chunks: usize) -> Result<FinalState> {
        let mut partial = PartialState::joined(partials);
        partial.others.extend(partial.refusals.demands(&partial.observed, &mut partial.texts, &sweep.quotas, sweep.with_ids));
        let nothing = partial.texts.intern("");
        let shards = std::mem::take(&mut partial.shards);
        let (settings, count) = (partial.settings.list(), shards.len());
        let mut sorted: Vec<Sorted> = std::thread::scope(|scope| {
            let sort = |shard| scope.spawn(move || Sorting::new(sweep, nothing, settings).sorted(shard));
            let sorting: Vec<_> = shards.into_iter().map(sort).collect();
            sorting.into_iter().filter_map(|sorted| sorted.join().ok()).collect()
        });
        if sorted.len() < count {
            return exec_err!("the task intervals could not be sorted; this is a bug in ecs-audit");
        }
        // Most pools occur in every share; those of the first share keep their numbers.
        let mut pools = sorted.first_mut().map(|first| std::mem::take(&mut first.pools)).unwrap_or_default();
        let first = (0..).take(pools.list().len()).collect();
        let others = sorted.iter().skip(1).map(|sorted| sorted.pools.list().iter().map(|pool| pools.intern(*pool)).collect());
        let of_shares: Vec<Vec<u32>> = std::iter::once(first).chain(others).collect();
        let others = (0..).zip(&partial.others).filter(|(_, other)| sweep.wants(other.pool.resource));
        let others: Vec<(u32, u32)> = others.map(|(row, other)| (pools.intern(other.pool), row)).collect();
        let count = pools.list().len();
        let others = Groups::new(others.iter().copied(), count);
        let share = |(Sorted { uses, spans, .. }, known): (Sorted, &Vec<u32>)| Share::new(uses, spans, known, count);
        let shares: Vec<Share> = sorted.into_iter().zip(&of_shares).map(share).collect();
        let columns = columns(sweep, &partial, &pools)?;
        let shown = shown(sweep, &columns, count)?;
        let size = |pool: &u32| others.size(*pool) + shares.iter().map(|share| share.spans(*pool).len()).sum::<usize>();
        let chunks = balanced(&shown.iter().map(size).collect::<Vec<_>>(), chunks);
        Ok(FinalState { partial, shares, shown, pools, columns, others, chunks })
    }
}

/// A share of the tasks, by pool.
#[derive(Debug)]
pub struct Share {
    pub uses: Uses,
    spans: Groups,
    /// The number of each pool in this share.
    pools: Vec<u32>,
}

impl Share {
    /// A share, given the global number of each of its pools.
    fn new(uses: Uses, spans: Groups, known: &[u32], count: usize) -> Share {
        let mut pools = vec![NONE; count];
        for (here, pool) in (0..).zip(known) {
            if let Some(slot) = pools.get_mut(*pool as usize) {
                *slot = here;
            }
        }
        Share { uses, spans, pools }
    }

    /// The tasks of a pool.
    pub fn spans(&self, pool: u32) -> &[u32] {
        self.pools.get(pool as usize).filter(|pool| **pool != NONE).map_or(&[], |pool| self.spans.of(*pool))
    }

    /// The usage of a task, with its CPU units and MiB.
    pub fn used(&self, row: u32) -> Option<(&Use, Size)> {
        let used = self.uses.list.get(row as usize)?;
        Some((used, self.uses.sizes.get(used.size).copied()?))
    }
}

/// Groups the tasks of a share by pool.
struct Sorted {
    pools: Interner<Pool>,
    uses: Uses,
    spans: Groups,
}

/// Resources whose pools are identified by the same part of the place of a task.
struct Kind {
    resources: Vec<u8>,
    /// Settings combined with the part, as one number.
    known: Interner<u64>,
    /// The pools of each of these; [`NONE`] if there is none.
    pools: Vec<[u32; 3]>,
}

impl Kind {
    fn clear(&mut self) {
        self.known = Interner::default();
        self.pools.clear();
    }
}

/// Assigns tasks to their pools.
struct Sorting<'s> {
    /// The number of the empty string.
    nothing: u32,
    settings: &'s [Setting],
    /// Resources identified by the setting alone, with the service, and with the instance.
    kinds: [Kind; 3],
    pools: Interner<Pool>,
    /// Pairs of pool and task.
    entries: Arena<(u32, u32)>,
}

impl<'s> Sorting<'s> {
    fn new(sweep: &QuotaSteps, nothing: u32, settings: &'s [Setting]) -> Self {
        let kinds = [&[VCPU, VCPU_SPOT, CLUSTER][..], &[SERVICE], &[CPU, MEMORY, ENI]].map(|resources| Kind {
            resources: resources.iter().copied().filter(|resource| sweep.wants(*resource)).collect(),
            known: Interner::default(),
            pools: Vec::new(),
        });
        Sorting { nothing, settings, kinds, pools: Interner::default(), entries: Arena::default() }
    }

    /// The sorted tasks of a share.
    fn sorted(mut self, mut shard: Shard) -> Sorted {
        let linked = self.linked(&mut shard);
        let (uses, places) = Uses::of(shard, u32::try_from(self.settings.len()).unwrap_or(NONE));
        for ((setting, start), end) in (0..).zip(&uses.starts).zip(uses.starts.iter().skip(1)).take(self.settings.len()) {
            // A few tasks are looked up at a time, so that they stay in the cache.
            self.kinds.iter_mut().for_each(Kind::clear);
            let partials = places.partials.get(*start..*end).unwrap_or_default();
            let first = u32::try_from(*start).unwrap_or(NONE);
            for (row, (service, instance)) in (first..).zip(partials) {
                let place = Place { setting, service: *service, instance: *instance };
                for pool in self.pools(&place).into_iter().flatten().filter(|pool| *pool != NONE) {
                    self.entries.push((pool, row));
                }
            }
        }
        for (pool, row) in linked {
            self.entries.push((pool, places.rows.get(row as usize).copied().unwrap_or(NONE)));
        }
        let spans = Groups::new(self.entries.iter().copied(), self.pools.list().len());
        Sorted { uses, spans, pools: self.pools }
    }

    /// The pools that a task at a place uses; [`NONE`] if there is none.
    fn pools(&mut self, place: &Place) -> [[u32; 3]; 3] {
        let mut all = [[NONE; 3]; 3];
        let partials = [self.nothing, place.service, place.instance];
        for ((kind, partial), found) in self.kinds.iter_mut().zip(partials).zip(&mut all) {
            if kind.resources.is_empty() || partial == NONE {
                continue;
            }
            let number = kind.known.intern(u64::from(place.setting) << 32 | u64::from(partial)) as usize;
            if number == kind.pools.len() {
                let setting = self.settings.get(place.setting as usize);
                let mut pools = [NONE; 3];
                for (resource, slot) in kind.resources.iter().zip(&mut pools) {
                    let pool = setting.and_then(|setting| pool(*resource, setting, partial, self.nothing));
                    *slot = pool.map_or(NONE, |pool| self.pools.intern(pool));
                }
                kind.pools.push(pools);
            }
            *found = kind.pools.get(number).copied().unwrap_or(*found);
        }
        all
    }

    /// The pools and rows of tasks that were reported at several places; the rows in the same pool are combined.
    fn linked(&mut self, shard: &mut Shard) -> Vec<(u32, u32)> {
        let mut linked = Vec::new();
        let mut here: Vec<(u32, Vec<u32>)> = Vec::new();
        let tasks = u32::try_from(shard.tasks.len()).unwrap_or(NONE);
        for first in 0..tasks {
            if shard.tasks.get(first).is_none_or(|task| !task.first || task.next == NONE) {
                continue;
            }
            let mut next = first;
            while let Some(task) = shard.tasks.get(next).copied() {
                for pool in self.pools(&task.place).into_iter().flatten().filter(|pool| *pool != NONE) {
                    match here.iter_mut().find(|(known, _)| *known == pool) {
                        Some((_, rows)) => rows.push(next),
                        None => here.push((pool, vec![next])),
                    }
                }
                next = task.next;
            }
            for (pool, rows) in here.drain(..) {
                linked.push((pool, if let [only] = rows.as_slice() { *only } else { shard.put_together(&rows) }));
            }
        }
        linked
    }
}

/// The pool of a resource in a setting; the part is the service or the instance, if the resource has one.
fn pool(resource: u8, setting: &Setting, partial: u32, nothing: u32) -> Option<Pool> {
    let Setting { account, region, cluster, traits } = *setting;
    let holds = |bit: u8| traits & bit != 0;
    let named = if cluster == NONE { nothing } else { cluster };
    let (used, first, second) = match resource {
        VCPU => (holds(ON_DEMAND), nothing, NONE),
        VCPU_SPOT => (holds(SPOT), nothing, NONE),
        CLUSTER => (cluster != NONE, cluster, NONE),
        SERVICE | CPU | MEMORY => (true, named, partial),
        ENI => (holds(NETWORKED), named, partial),
        _ => (false, NONE, NONE),
    };
    used.then_some(Pool { resource, account, region, first, second })
}

/// The names and limits of pools: [`POOL_COLUMNS`], empty if they are not needed.
fn columns(sweep: &QuotaSteps, partial: &PartialState, pools: &Interner<Pool>) -> Result<RecordBatch> {
    let mut limits = vec![None; pools.list().len()];
    for limit in &partial.limits {
        // A pool without an account or a Region has no limit.
        let known = (limit.pool.account != NONE && limit.pool.region != NONE).then(|| pools.find(&limit.pool)).flatten();
        if let Some(slot) = known.and_then(|pool| limits.get_mut(pool as usize)) {
            *slot = Some(limit);
        }
    }
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(POOL_COLUMNS.len());
    for (name, kind) in POOL_COLUMNS {
        let asked = sweep.asks(name);
        if *kind == DataType::Float64 {
            let allowed = limits.iter().map(|limit| limit.filter(|_| asked).and_then(|limit| limit.allowed));
            arrays.push(Arc::new(Float64Array::from_iter(allowed)));
            continue;
        }
        // In one buffer, because each batch of rows keeps all buffers of this column alive.
        let mut column = StringViewBuilder::new().with_fixed_block_size(1 << 24);
        for (pool, limit) in pools.list().iter().zip(&limits) {
            if !asked {
                column.append_null();
            } else if *name == "known_source" {
                column.append_option(limit.map(|limit| limit.source.as_str()));
            } else {
                column.append_option(called(&partial.texts, pool, name));
            }
        }
        arrays.push(Arc::new(column.finish()));
    }
    Ok(RecordBatch::try_new(super::pool_schema(), arrays)?)
}

/// The name of a pool in a column.
fn called(texts: &Texts, pool: &Pool, column: &str) -> Option<String> {
    let (resource, _) = RESOURCES.get(usize::from(pool.resource))?;
    let own = |number: u32| texts.get(number).map(str::to_owned);
    let filled = |number: u32| texts.get(number).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_dstack = resource.starts_with("dstack");
    match column {
        "id" => {
            let scope = match (texts.get(pool.first), texts.get(pool.second)) {
                (Some(first), Some(second)) => format!("{first}/{second}"),
                (first, _) => first.unwrap_or_default().to_owned(),
            };
            let scope = Some(scope.as_str()).filter(|scope| !scope.is_empty());
            let partials = [Some(*resource), texts.get(pool.account), texts.get(pool.region), scope];
            Some(partials.into_iter().flatten().collect::<Vec<_>>().join("/"))
        }
        "account" => own(pool.account),
        "region" => own(pool.region),
        "resource" => Some((*resource).to_owned()),
        "cluster" if !is_dstack => filled(pool.first),
        "service" if pool.resource == SERVICE => own(pool.second),
        "container_instance" if matches!(pool.resource, CPU | MEMORY | ENI) => own(pool.second),
        "project" if is_dstack => filled(pool.first),
        "backend" if is_dstack && super::is_of_two(pool.resource) => filled(pool.second),
        _ => None,
    }
}

/// The pools that match the condition.
fn shown(sweep: &QuotaSteps, columns: &RecordBatch, pools: usize) -> Result<Vec<u32>> {
    let numbers = 0..u32::try_from(pools).unwrap_or(NONE);
    let Some(condition) = &sweep.condition else { return Ok(numbers.collect()) };
    let passed = condition.evaluate(columns)?.into_array(pools)?;
    let passes = |number: &u32| {
        let number = *number as usize;
        passed.as_boolean_opt().is_none_or(|passed| passed.is_valid(number) && passed.value(number))
    };
    Ok(numbers.filter(passes).collect())
}
