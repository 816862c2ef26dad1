//! The partial state of a quota replay: an interval per task and place, demands, and recorded limits.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int64Array, StringViewArray};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::refusals::{RefusalEvents, Refusals, Starts};
use crate::engine::functions::key::key_of;
use crate::engine::functions::record::{flag, flags, floats, number, numbers, some, text, texts};
use crate::engine::operators::index::{Arena, HashIndex, Interner, NONE, Slot, fold, likely};
use crate::engine::operators::texts::{Memory, Texts, renumbered};

/// The task runs on Fargate On-Demand.
pub const ON_DEMAND: u8 = 1;
/// The task runs on Fargate Spot.
pub const SPOT: u8 = 2;
/// The task has a network interface.
pub const NETWORKED: u8 = 4;

/// The common part of many tasks: account, Region and cluster, by string numbers, and how they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub account: u32,
    pub region: u32,
    pub cluster: u32,
    /// The flags: [`ON_DEMAND`], [`SPOT`] and [`NETWORKED`].
    pub traits: u8,
}

impl Hash for Setting {
    /// As two numbers, because every event looks up its setting.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (u64::from(self.account) << 32 | u64::from(self.region)).hash(state);
        (u64::from(self.cluster) << 8 | u64::from(self.traits)).hash(state);
    }
}

/// The place of a task: the number of its setting, and the service and container instance by string numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub setting: u32,
    pub service: u32,
    pub instance: u32,
}

/// An interval of usage. An unknown end is the minimum, because the maximum of several values is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub start: i64,
    pub early: i64,
    pub end: i64,
}

impl Times {
    /// Start, early end and end; ongoing usage ends at the last instant.
    pub fn span(&self) -> (i64, i64, i64) {
        let end = if self.end == i64::MIN { i64::MAX } else { self.end };
        let early = if self.early == i64::MIN { end } else { self.early };
        (self.start, early.max(self.start), end)
    }
}

/// CPU units, the minimum value if unknown, and MiB.
pub type Size = (i64, i64);

/// A task at one place. If the events of a task report several places, their rows are linked. The size is one cache
/// line, because tasks are looked up in random order.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Task {
    /// Zero for a task without a name.
    pub key: [u64; 2],
    pub times: Times,
    pub place: Place,
    /// The number of its size.
    pub size: u32,
    /// The next row of the same task, at another place.
    pub next: u32,
    /// Whether it is the first row of the task.
    pub first: bool,
    /// Whether its start is its creation, instead of the first event.
    pub created: bool,
}

impl Task {
    fn merge(&mut self, other: &Task, sizes: &mut Interner<Size>) {
        self.times.start = match (self.created, other.created) {
            (true, false) => self.times.start,
            (false, true) => other.times.start,
            _ => self.times.start.min(other.times.start),
        };
        self.created |= other.created;
        self.times.early = self.times.early.max(other.times.early);
        self.times.end = self.times.end.max(other.times.end);
        if self.size != other.size
            && let (Some((cpu, memory)), Some(size)) = (sizes.get(self.size), sizes.get(other.size))
        {
            self.size = sizes.intern(((*cpu).max(size.0), (*memory).max(size.1)));
        }
    }
}

/// An entry other than a task: a job submission, or refused demand.
#[derive(Debug, Clone)]
pub struct Other {
    pub pool: Pool,
    pub times: Times,
    pub units: i64,
    pub refused: i64,
    pub id: Option<Arc<str>>,
}

/// The pool: resource (its index in [`crate::nouns::quota::limits::RESOURCES`]), account, Region, and the two parts of its
/// scope, by string numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    pub resource: u8,
    pub account: u32,
    pub region: u32,
    pub first: u32,
    pub second: u32,
}

/// A recorded limit.
#[derive(Debug, Clone)]
pub struct Limit {
    pub pool: Pool,
    pub allowed: Option<f64>,
    pub source: String,
}

/// One hash shard of the tasks; shards are processed independently.
#[derive(Debug, Default)]
pub struct Shard {
    pub tasks: Arena<Task>,
    index: HashIndex,
    pub sizes: Interner<Size>,
    /// The smallest record id of each task, if ids are needed.
    pub ids: Option<Arena<Arc<str>>>,
}

/// Bytes of the text of a record id: 36 letters, and two reference counts.
const TEXT_OF_AN_ID: usize = 52;

/// The partial state.
#[derive(Debug, Default)]
pub struct PartialState {
    pub texts: Texts,
    pub settings: Interner<Setting>,
    pub shards: Vec<Shard>,
    with_ids: bool,
    /// A task is kept if it has one of these flags; none keeps all tasks.
    kept: u8,
    pub others: Vec<Other>,
    pub limits: Vec<Limit>,
    memories: [Memory; 5],
    pub refusals: Arc<Refusals>,
    /// What the tasks show about the refusals.
    pub observed: RefusalEvents,
}

fn hash(key: [u64; 2]) -> u64 {
    let [high, low] = key;
    fold(high, low)
}

/// The columns of tasks: what they are, and when.
struct Events {
    keys: StringViewArray,
    places: [Vec<u32>; 5],
    launch_types: StringViewArray,
    providers: StringViewArray,
    networked: BooleanArray,
    statuses: StringViewArray,
    numbers: [Int64Array; 6],
    ids: Option<StringViewArray>,
}

impl Events {
    /// The key of a task; none if another input contains it.
    fn key(&self, row: usize) -> Option<[u64; 2]> {
        let name = self.keys.is_valid(row).then(|| self.keys.value(row))?;
        let key = if name.is_empty() { 0 } else { key_of(name) };
        Some([(key >> 64) as u64, key as u64])
    }

    fn setting(&self, row: usize) -> Setting {
        let [account, region, cluster, ..] = self.places.each_ref().map(|column| column.get(row).copied().unwrap_or(NONE));
        let networked = flag(&self.networked, row) == Some(true);
        Setting { account, region, cluster, traits: self.on_fargate(row) + u8::from(networked) * NETWORKED }
    }

    /// [`ON_DEMAND`], [`SPOT`] or neither.
    fn on_fargate(&self, row: usize) -> u8 {
        let provider = text(&self.providers, row);
        let spot = provider == Some("FARGATE_SPOT");
        let on_demand = !spot && (text(&self.launch_types, row) == Some("FARGATE") || provider == Some("FARGATE"));
        u8::from(on_demand) * ON_DEMAND + u8::from(spot) * SPOT
    }

    fn size(&self, row: usize) -> Size {
        let [.., cpu, memory] = &self.numbers;
        (number(cpu, row).unwrap_or(i64::MIN), number(memory, row).unwrap_or(0))
    }

    /// A task, given the numbers of its setting and its size.
    fn task(&self, row: usize, key: [u64; 2], setting: u32, size: u32) -> Task {
        let [created, seen, early, end, ..] = self.numbers.each_ref().map(|column| number(column, row));
        // Without a stop time, the time of the event that shows the stop is used.
        let end = end.or_else(|| seen.filter(|_| text(&self.statuses, row) == Some("STOPPED")));
        let [.., service, instance] = self.places.each_ref().map(|column| column.get(row).copied().unwrap_or(NONE));
        let times =
            Times { start: created.or(seen).unwrap_or(i64::MAX), early: early.unwrap_or(i64::MIN), end: end.unwrap_or(i64::MIN) };
        let place = Place { setting, service, instance };
        Task { key, times, place, size, next: NONE, first: true, created: created.is_some() }
    }
}

impl PartialState {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        let shards: usize = self.shards.iter().map(Shard::bytes).sum();
        let others = self.others.capacity() * size_of::<Other>() + self.limits.capacity() * size_of::<Limit>();
        shards + others + self.texts.bytes() + self.settings.bytes()
    }

    /// An empty state with a number of shards, with or without record ids, for tasks with one of these flags (if any
    /// are given).
    pub fn new(refusals: Arc<Refusals>, kept: u8, with_ids: bool, shares: usize) -> PartialState {
        let shard = || Shard { ids: with_ids.then(Arena::default), ..Shard::default() };
        let shards = std::iter::repeat_with(shard).take(shares.max(1)).collect();
        PartialState { with_ids, kept, shards, refusals, ..PartialState::default() }
    }

    /// The number of tasks.
    pub fn tasks(&self) -> usize {
        self.shards.iter().map(|shard| shard.tasks.len()).sum()
    }

    /// Adds events of tasks: key, account, region, cluster, service, container instance, launch type, capacity
    /// provider, whether there is an interface, created, seen, early end, end, CPU, memory, last status, family,
    /// group, started by, id.
    pub fn add_tasks(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let PartialState { texts: known, memories, .. } = self;
        let named = [texts(values, 1)?, texts(values, 2)?, texts(values, 3)?, texts(values, 4)?, texts(values, 5)?];
        let mut places: [Vec<u32>; 5] = Default::default();
        for ((column, memory), place) in named.iter().zip(memories).zip(&mut places) {
            *place = memory.numbers(column, known);
        }
        let column = |place: usize| numbers(values, place);
        let events = Events {
            keys: texts(values, 0)?,
            places,
            launch_types: texts(values, 6)?,
            providers: texts(values, 7)?,
            networked: flags(values, 8)?,
            numbers: [column(9)?, column(10)?, column(11)?, column(12)?, column(13)?, column(14)?],
            statuses: texts(values, 15)?,
            ids: if self.with_ids { Some(texts(values, 19)?) } else { None },
        };
        let ([accounts, regions, clusters, services, _], [created, .., cpu, _]) = (&named, &events.numbers);
        let (families, groups, started_by) = (&texts(values, 16)?, &texts(values, 17)?, &texts(values, 18)?);
        let starts = Starts { accounts, regions, clusters, services, families, groups, started_by, created, cpu };
        self.refusals.observe(&mut self.observed, &starts, |row| events.on_fargate(row) > 0);
        let shares = self.shards.len();
        let share = |hash: u64| (hash >> 40) as usize % shares;
        let kept = (0..batch.num_rows()).filter(|row| self.kept == 0 || events.on_fargate(*row) & self.kept > 0);
        let mut named = kept.filter_map(|row| events.key(row).map(|key| (row, key)));
        let mut found = Vec::with_capacity(TOGETHER);
        while look_up(&mut named, |hash| self.shards.get(share(hash)), &mut found) {
            for Found { of: row, key, hash, known, .. } in found.iter().copied() {
                let setting = self.settings.intern(events.setting(row));
                if let Some(shard) = self.shards.get_mut(share(hash)) {
                    let size = shard.sizes.intern(events.size(row));
                    let id = events.ids.as_ref().and_then(|ids| text(ids, row));
                    shard.add(events.task(row, key, setting, size), (hash, known, true), id);
                }
            }
        }
        Ok(())
    }

    fn pool(&mut self, columns: &[StringViewArray; 4], row: usize) -> Option<Pool> {
        let [resources, accounts, regions, scopes] = columns;
        let resource = super::resource(text(resources, row)?)?;
        let some = |column: &StringViewArray| some(column, row).map(str::to_owned);
        let scope = some(scopes).unwrap_or_default();
        let (first, second) = if super::is_of_two(resource) {
            let (first, second) = scope.split_once('/').unwrap_or((scope.as_str(), ""));
            (self.texts.intern(first), self.texts.intern(second))
        } else {
            (self.texts.intern(&scope), NONE)
        };
        let account = self.texts.keep_some(some(accounts).as_deref());
        let region = self.texts.keep_some(some(regions).as_deref());
        Some(Pool { resource, account, region, first, second })
    }

    /// Adds intervals of job submissions: resource, account, region, scope, start, early end, end, units, id.
    pub fn add_others(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let pools = [texts(values, 0)?, texts(values, 1)?, texts(values, 2)?, texts(values, 3)?];
        let [created, early, end, units] = [numbers(values, 4)?, numbers(values, 5)?, numbers(values, 6)?, numbers(values, 7)?];
        let ids = if self.with_ids { Some(texts(values, 8)?) } else { None };
        for row in 0..batch.num_rows() {
            let Some(pool) = self.pool(&pools, row) else { continue };
            let times = Times {
                start: number(&created, row).unwrap_or(i64::MAX),
                early: number(&early, row).unwrap_or(i64::MIN),
                end: number(&end, row).unwrap_or(i64::MIN),
            };
            let id = ids.as_ref().map(|ids| text(ids, row).unwrap_or_default().into());
            self.others.push(Other { pool, times, units: number(&units, row).unwrap_or(0), refused: 0, id });
        }
        Ok(())
    }

    /// Adds limits: resource, account, region, scope, allowed, source.
    pub fn add_limits(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let pools = [texts(values, 0)?, texts(values, 1)?, texts(values, 2)?, texts(values, 3)?];
        let (allowed, sources) = (floats(values, 4)?, texts(values, 5)?);
        for row in 0..batch.num_rows() {
            let Some(pool) = self.pool(&pools, row) else { continue };
            let allowed = allowed.is_valid(row).then(|| allowed.value(row));
            self.limits.push(Limit { pool, allowed, source: text(&sources, row).unwrap_or_default().to_owned() });
        }
        Ok(())
    }

    /// Merges all partial states.
    pub fn joined(mut partials: Vec<PartialState>) -> PartialState {
        // The largest one is not moved.
        partials.sort_by_key(|partial| std::cmp::Reverse(partial.tasks()));
        let mut partials = partials.into_iter();
        let mut merged = partials.next().unwrap_or_default();
        let mut moving: Vec<Vec<(Shard, Arc<Renumbering>)>> = merged.shards.iter().map(|_| Vec::new()).collect();
        for partial in partials {
            let texts = merged.texts.merge(&partial.texts);
            let there = |number: u32| renumbered(&texts, number);
            let settings = partial.settings.list().iter().map(|setting| Setting {
                account: there(setting.account),
                region: there(setting.region),
                cluster: there(setting.cluster),
                ..*setting
            });
            let settings = settings.map(|setting| merged.settings.intern(setting)).collect();
            let renumbered = |pool: Pool| Pool {
                account: there(pool.account),
                region: there(pool.region),
                first: there(pool.first),
                second: there(pool.second),
                ..pool
            };
            merged.observed.merge(partial.observed);
            merged.others.extend(partial.others.into_iter().map(|span| Other { pool: renumbered(span.pool), ..span }));
            merged.limits.extend(partial.limits.into_iter().map(|limit| Limit { pool: renumbered(limit.pool), ..limit }));
            let numbers = Arc::new(Renumbering { texts, settings });
            moving.iter_mut().zip(partial.shards).for_each(|(moving, shard)| moving.push((shard, Arc::clone(&numbers))));
        }
        std::thread::scope(|scope| {
            for (shard, moving) in merged.shards.iter_mut().zip(moving) {
                scope.spawn(move || {
                    let mut moving = moving.into_iter().peekable();
                    while let Some((other, numbers)) = moving.next() {
                        shard.merge(other, &numbers, moving.peek().is_none());
                    }
                });
            }
        });
        merged
    }
}

/// Maps the strings and settings of another partial state to numbers in this one.
struct Renumbering {
    texts: Vec<u32>,
    settings: Vec<u32>,
}

/// The number of tasks that are looked up together, which overlaps their cache misses.
const TOGETHER: usize = 32;

/// An observation of a task, and the row where the task may be stored.
#[derive(Clone, Copy)]
struct Found<T> {
    of: T,
    key: [u64; 2],
    hash: u64,
    slot: Slot,
    /// The first row of the task, or [`NONE`]: then it may still be found in a later slot.
    known: u32,
}

/// Looks up the next tasks in their shards; false if there are no more.
fn look_up<'s, T>(
    tasks: &mut impl Iterator<Item = (T, [u64; 2])>,
    shard: impl Fn(u64) -> Option<&'s Shard>,
    found: &mut Vec<Found<T>>,
) -> bool {
    found.clear();
    found.extend(tasks.take(TOGETHER).map(|(of, key)| Found { of, key, hash: hash(key), slot: Slot::default(), known: NONE }));
    // One step at a time for all tasks, because each decision about a slot waits for memory.
    for one in found.iter_mut() {
        one.slot = shard(one.hash).map(|shard| shard.index.slot(one.hash)).unwrap_or_default();
    }
    for one in found.iter_mut() {
        one.known = shard(one.hash).map_or(NONE, |shard| shard.checked(likely(one.slot, one.hash), one.key));
    }
    !found.is_empty()
}

impl Shard {
    /// The bytes that it holds.
    fn bytes(&self) -> usize {
        let ids = self.ids.as_ref().map_or(0, |ids| ids.bytes() + ids.len() * TEXT_OF_AN_ID);
        self.tasks.bytes() + self.index.bytes() + self.sizes.bytes() + ids
    }

    /// A row if it is the first row of the task with this key, else [`NONE`].
    fn checked(&self, row: u32, key: [u64; 2]) -> u32 {
        match self.tasks.get(row) {
            Some(task) if task.key == key && key != [0, 0] => row,
            _ => NONE,
        }
    }

    /// Adds an observation of a task at its place; `known` is its first row, if already found. The lookup is only
    /// repeated if `sought` is set.
    fn add(&mut self, task: Task, (hash, known, sought): (u64, u32, bool), id: Option<&str>) {
        let nameless = task.key == [0, 0];
        let tasks = &self.tasks;
        let same = |row: u32| tasks.get(row).is_some_and(|known| known.key == task.key);
        let found = if known != NONE {
            Some(known)
        } else if nameless {
            None
        } else {
            self.index.find(hash, same)
        };
        let Some(mut row) = found else {
            let row = self.push(Task { first: true, next: NONE, ..task }, id);
            if sought && !nameless {
                self.index.insert(row, hash);
            }
            return;
        };
        while let Some(known) = self.tasks.get_mut(row) {
            if known.place == task.place {
                known.merge(&task, &mut self.sizes);
                self.keep_least(row, id);
                return;
            }
            if known.next == NONE {
                break;
            }
            row = known.next;
        }
        let next = self.push(Task { first: false, next: NONE, ..task }, id);
        if let Some(known) = self.tasks.get_mut(row) {
            known.next = next;
        }
    }

    fn push(&mut self, task: Task, id: Option<&str>) -> u32 {
        if let Some(ids) = &mut self.ids {
            ids.push(id.unwrap_or_default().into());
        }
        self.tasks.push(task)
    }

    fn keep_least(&mut self, row: u32, id: Option<&str>) {
        let known = self.ids.as_mut().and_then(|ids| ids.get_mut(row));
        if let (Some(known), Some(id)) = (known, id)
            && id < known.as_ref()
        {
            *known = id.into();
        }
    }

    /// Adds a row to the linked rows of a task.
    pub fn put_together(&mut self, rows: &[u32]) -> u32 {
        let (tasks, sizes) = (&self.tasks, &mut self.sizes);
        let merged = rows.iter().filter_map(|row| tasks.get(*row).copied()).reduce(|mut merged, task| {
            merged.merge(&task, sizes);
            merged
        });
        let least = rows.iter().filter_map(|row| self.ids.as_ref()?.get(*row)).min().cloned();
        merged.map_or(NONE, |merged| self.push(Task { first: false, next: NONE, ..merged }, least.as_deref()))
    }

    /// Merges the tasks of another partial state, which is consumed.
    fn merge(&mut self, other: Shard, numbers: &Renumbering, last: bool) {
        let sizes: Vec<u32> = other.sizes.list().iter().map(|size| self.sizes.intern(*size)).collect();
        let mut ids = other.ids.map(Arena::into_iter);
        let mut tasks = other.tasks.into_iter().map(|task| (task, task.key));
        let mut found = Vec::with_capacity(TOGETHER);
        while look_up(&mut tasks, |_| Some(&*self), &mut found) {
            for Found { of: task, hash, known, .. } in found.iter().copied() {
                let id = ids.as_mut().and_then(Iterator::next);
                let place = Place {
                    setting: renumbered(&numbers.settings, task.place.setting),
                    service: renumbered(&numbers.texts, task.place.service),
                    instance: renumbered(&numbers.texts, task.place.instance),
                };
                // The rows of the same task at other places follow.
                let sought = !last || task.next != NONE || !task.first;
                self.add(Task { place, size: renumbered(&sizes, task.size), ..task }, (hash, known, sought), id.as_deref());
            }
        }
    }
}
