//! All spans, by the pool they use; pools with their limits and names.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringViewBuilder};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, exec_err};

use super::span::{NETWORKED, ON_DEMAND, Part, Place, Pool, SPOT, Shard, Uses};
use super::{CLUSTER, CPU, ENI, MEMORY, POOL_COLUMNS, QuotaSteps, SERVICE, VCPU, VCPU_SPOT};
use crate::plan::quotas::RESOURCES;
use crate::plan::sweep::index::{Groups, Index, NONE, Rows, fold};
use crate::plan::sweep::texts::Texts;

/// Pools by number.
#[derive(Debug, Default)]
struct Pools {
    list: Vec<Pool>,
    index: Index,
}

fn hash(pool: &Pool) -> u64 {
    let pair = |left: u32, right: u32| u64::from(left) << 32 | u64::from(right);
    fold(fold(u64::from(pool.resource), pair(pool.account, pool.region)), pair(pool.first, pool.second))
}

impl Pools {
    fn find(&self, pool: &Pool) -> Option<u32> {
        self.index.find(hash(pool), |number| self.list.get(number as usize) == Some(pool))
    }

    fn keep(&mut self, pool: Pool) -> u32 {
        if let Some(known) = self.find(&pool) {
            return known;
        }
        let Some(number) = u32::try_from(self.list.len()).ok().filter(|number| *number != NONE) else { return NONE };
        self.list.push(pool);
        self.index.insert(number, hash(&pool));
        number
    }
}

/// All that was kept.
#[derive(Debug)]
pub struct Whole {
    /// What is left: all but the tasks.
    pub part: Part,
    /// Of the tasks of each share.
    pub uses: Vec<Uses>,
    /// The pools that are asked for, in the order of their numbers.
    pub shown: Vec<u32>,
    pub pools: Vec<Pool>,
    /// What does not change in a pool: [`POOL_COLUMNS`], one row for each pool.
    pub columns: RecordBatch,
    /// The spans of each pool, by their names.
    spans: Groups,
    /// Which of `shown` each output tells.
    pub shares: Vec<Range<usize>>,
}

impl Whole {
    /// The names of the spans of a pool.
    pub fn spans(&self, pool: u32) -> &[u32] {
        self.spans.of(pool)
    }

    /// The share of a span and its row there; what is no task is in one share more than there are.
    pub fn at(&self, span: u32) -> (usize, u32) {
        let shares = u32::try_from(self.uses.len() + 1).unwrap_or(NONE);
        ((span % shares) as usize, span / shares)
    }

    /// Puts all parts together.
    pub fn new(sweep: &QuotaSteps, parts: Vec<Part>) -> Result<Whole> {
        let mut part = Part::joined(parts);
        let nothing = part.texts.keep("");
        let sorted: Vec<(Sorting<'_>, Uses)> = std::thread::scope(|scope| {
            let sort = |shard| scope.spawn(move || Sorting::of(sweep, nothing, shard));
            let sorting: Vec<_> = part.shards.iter_mut().map(sort).collect();
            sorting.into_iter().filter_map(|sorted| sorted.join().ok()).collect()
        });
        if sorted.len() < part.shards.len() {
            return exec_err!("the spans of the tasks could not be sorted; this is a bug in ecs-audit");
        }
        let mut pools = Pools::default();
        let shares = u32::try_from(sorted.len() + 1).unwrap_or(NONE);
        let (mut entries, mut uses) = (Vec::new(), Vec::new());
        for (share, (sorting, used)) in (0..).zip(sorted) {
            let there: Vec<u32> = sorting.pools.list.iter().map(|pool| pools.keep(*pool)).collect();
            entries.push((share, there, sorting.entries));
            uses.push(used);
        }
        let others = (0..).zip(&part.others).filter(|(_, other)| sweep.wants(other.pool.resource));
        let mut spans_of_others = Rows::default();
        others.for_each(|(row, other)| {
            spans_of_others.push((pools.keep(other.pool), row));
        });
        let same = (0..u32::try_from(pools.list.len()).unwrap_or(NONE)).collect();
        entries.push((shares - 1, same, spans_of_others));
        let pairs = entries.iter().flat_map(|(share, there, entries)| {
            let name = move |row: u32| row.saturating_mul(shares).saturating_add(*share);
            entries.iter().map(move |(pool, row)| (there.get(*pool as usize).copied().unwrap_or(NONE), name(*row)))
        });
        let spans = Groups::new(pairs, pools.list.len());
        drop(entries);
        let columns = columns(sweep, &part, &pools)?;
        let shown = shown(sweep, &columns, pools.list.len())?;
        let shares = spans.shares(&shown, sweep.outputs);
        Ok(Whole { part, uses, shown, pools: pools.list, columns, spans, shares })
    }
}

/// Tasks on their way to the pools they use.
struct Sorting<'s> {
    sweep: &'s QuotaSteps,
    /// The number of the empty text.
    nothing: u32,
    pools: Pools,
    /// Pool and task.
    entries: Rows<(u32, u32)>,
}

impl<'s> Sorting<'s> {
    /// The tasks of a share, sorted, and what they used.
    fn of(sweep: &'s QuotaSteps, nothing: u32, shard: &mut Shard) -> (Self, Uses) {
        let mut sorting = Sorting { sweep, nothing, pools: Pools::default(), entries: Rows::default() };
        sorting.tasks(shard);
        (sorting, shard.uses())
    }

    /// The pool of a resource that a task at a place uses.
    fn pool(&self, resource: u8, place: &Place) -> Option<Pool> {
        let holds = |bit: u8| place.traits & bit != 0;
        let cluster = || if place.cluster == NONE { self.nothing } else { place.cluster };
        let placed = place.instance != NONE;
        let (used, first, second) = match resource {
            VCPU => (holds(ON_DEMAND), self.nothing, NONE),
            VCPU_SPOT => (holds(SPOT), self.nothing, NONE),
            CLUSTER => (place.cluster != NONE, place.cluster, NONE),
            SERVICE => (place.service != NONE, cluster(), place.service),
            CPU | MEMORY => (placed, cluster(), place.instance),
            ENI => (placed && holds(NETWORKED), cluster(), place.instance),
            _ => (false, NONE, NONE),
        };
        used.then_some(Pool { resource, account: place.account, region: place.region, first, second })
    }

    fn tasks(&mut self, shard: &mut Shard) {
        let wanted: Vec<u8> = (VCPU..=ENI).filter(|resource| self.sweep.wants(*resource)).collect();
        let tasks = u32::try_from(shard.tasks.len()).unwrap_or(NONE);
        for number in 0..tasks {
            let Some(task) = shard.tasks.get(number).copied().filter(|task| task.first) else { continue };
            for resource in &wanted {
                if task.next != NONE {
                    self.at_places(shard, number, *resource);
                } else if let Some(pool) = self.pool(*resource, &task.place) {
                    let pool = self.pools.keep(pool);
                    self.entries.push((pool, number));
                }
            }
        }
    }

    /// A task that was told of at several places: those of one pool are one span there.
    fn at_places(&mut self, shard: &mut Shard, first: u32, resource: u8) {
        let mut pools: Vec<(Pool, Vec<u32>)> = Vec::new();
        let mut next = first;
        while let Some(task) = shard.tasks.get(next).copied() {
            if let Some(pool) = self.pool(resource, &task.place) {
                match pools.iter_mut().find(|(known, _)| *known == pool) {
                    Some((_, numbers)) => numbers.push(next),
                    None => pools.push((pool, vec![next])),
                }
            }
            next = task.next;
        }
        for (pool, numbers) in pools {
            let number = if let [only] = numbers.as_slice() { *only } else { shard.put_together(&numbers) };
            let pool = self.pools.keep(pool);
            self.entries.push((pool, number));
        }
    }
}

/// The names and limits of pools: [`POOL_COLUMNS`], empty where nobody asks for them.
fn columns(sweep: &QuotaSteps, part: &Part, pools: &Pools) -> Result<RecordBatch> {
    let mut limits = vec![None; pools.list.len()];
    for limit in &part.limits {
        // A pool of no account or no region has no limit of one.
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
        // In one buffer: each batch of rows holds on to all buffers of this column.
        let mut column = StringViewBuilder::new().with_fixed_block_size(1 << 24);
        for (pool, limit) in pools.list.iter().zip(&limits) {
            if !asked {
                column.append_null();
            } else if *name == "known_source" {
                column.append_option(limit.map(|limit| limit.source.as_str()));
            } else {
                column.append_option(called(&part.texts, pool, name));
            }
        }
        arrays.push(Arc::new(column.finish()));
    }
    Ok(RecordBatch::try_new(super::pool_schema(), arrays)?)
}

/// What a pool is called in a column.
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
            let parts = [Some(*resource), texts.get(pool.account), texts.get(pool.region), scope];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join("/"))
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

/// The pools that pass the condition.
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
