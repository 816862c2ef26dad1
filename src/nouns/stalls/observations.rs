//! Observations of container instances and their tasks.

use arrow::array::{Array, Int64Array};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use crate::engine::functions::key::key_of;
use crate::engine::functions::record::{number, numbers, some, texts};
use crate::engine::operators::index::{Arena, Groups, HashIndex, Interner, NONE, balanced, fold};
use crate::engine::operators::texts::{Memory, Texts, renumbered};

/// A task. An unknown time is the maximum if the minimum of several values is used, and the minimum otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    pub key: [u64; 2],
    /// The number of the container instance.
    spot: u32,
    created: i64,
    seen: i64,
    waited: i64,
    stopping: i64,
    stopped: i64,
    pub cpu: i64,
    pub memory: i64,
    pub task: u32,
    pub service: u32,
    pub deployment: u32,
    pub definition: u32,
    pub id: u32,
}

impl Task {
    pub fn start(&self) -> i64 {
        if self.created == i64::MAX { self.seen } else { self.created }
    }

    /// When it stopped; a task without a recorded stop lives until the end of the data.
    pub fn end(&self, last: i64) -> i64 {
        if self.stopped == i64::MIN { last } else { self.stopped }
    }

    /// The interval in which it waited to start.
    pub fn waiting(&self, last: i64) -> (i64, i64) {
        (self.start(), self.waited.min(self.stopping).min(self.end(last)))
    }

    /// The interval in which it was stopping and still running.
    pub fn stopping(&self, last: i64) -> Option<(i64, i64)> {
        let span = (self.stopping != i64::MAX).then(|| (self.stopping.max(self.start()), self.end(last)));
        span.filter(|(from, to)| from < to)
    }

    fn texts(&mut self) -> [&mut u32; 5] {
        [&mut self.task, &mut self.service, &mut self.deployment, &mut self.definition, &mut self.id]
    }

    /// Merges the observation of another row; of several strings, the smallest wins, so the order does not matter.
    fn merge(&mut self, mut other: Task, texts: &Texts) {
        self.created = self.created.min(other.created);
        self.seen = self.seen.min(other.seen);
        self.waited = self.waited.min(other.waited);
        self.stopping = self.stopping.min(other.stopping);
        self.stopped = self.stopped.max(other.stopped);
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        for (own, new) in self.texts().into_iter().zip(other.texts()) {
            let better = own != new && texts.get(*new).is_some_and(|new| texts.get(*own).is_none_or(|own| new < own));
            if better {
                *own = *new;
            }
        }
    }
}

/// A recorded state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    pub time: i64,
    pub cpu: i64,
    pub memory: i64,
    pub agent: u32,
    pub ec2: u32,
    pub id: u32,
}

/// Account, region, cluster and container instance.
pub type InstanceKey = [u32; 4];

/// The partial state.
#[derive(Debug, Default)]
pub struct PartialState {
    texts: Texts,
    tasks: Arena<Task>,
    known: HashIndex,
    spots: Interner<InstanceKey>,
    /// The recorded states, by instance number.
    instances: Vec<(u32, Instance)>,
    memories: [Memory; 9],
}

fn hash(task: &Task) -> u64 {
    let [high, low] = task.key;
    fold(fold(high, low), u64::from(task.spot))
}

fn at(numbers: &[u32], row: usize) -> u32 {
    numbers.get(row).copied().unwrap_or(NONE)
}

impl PartialState {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        let lists = self.texts.bytes() + self.tasks.bytes() + self.known.bytes() + self.spots.bytes();
        lists + self.instances.capacity() * size_of::<(u32, Instance)>()
    }

    /// String columns as numbers.
    fn columns<const N: usize>(&mut self, batch: &RecordBatch, places: [usize; N]) -> Result<[Vec<u32>; N]> {
        let mut columns: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        for ((column, memory), place) in columns.iter_mut().zip(&mut self.memories).zip(places) {
            *column = memory.numbers(&texts(batch.columns(), place)?, &mut self.texts);
        }
        Ok(columns)
    }

    /// Adds events of tasks: key, account, region, cluster, container instance, service, deployment, definition, last
    /// and desired status, created, seen, pull, started, stopping, stopped, CPU, memory, name (if it is not in the
    /// key), id.
    pub fn add_tasks(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let keys = texts(values, 0)?;
        let names = texts(values, 18)?;
        let ids = texts(values, 19)?;
        let [accounts, regions, clusters, instances, services, deployments, definitions, last, desired] =
            self.columns(batch, [1, 2, 3, 4, 5, 6, 7, 8, 9])?;
        let [provisioning, pending, has_stopped] = ["PROVISIONING", "PENDING", "STOPPED"].map(|status| self.texts.intern(status));
        let numbers: Vec<Int64Array> = (10..18).map(|place| numbers(values, place)).collect::<Result<_>>()?;
        // Rows without a key are part of another input.
        for row in (0..batch.num_rows()).filter(|row| keys.is_valid(*row)) {
            let [created, seen, pull, started, stopping, stopped, cpu, memory] =
                std::array::from_fn(|place| numbers.get(place).and_then(|column| number(column, row)));
            let (last, desired) = (at(&last, row), at(&desired, row));
            // If a time is missing, the time of the event is an upper bound.
            let is_waiting = [provisioning, pending, NONE].contains(&last);
            let waited = pull.into_iter().chain(started).min().or_else(|| seen.filter(|_| !is_waiting));
            let is_stopping = desired == has_stopped && last != has_stopped && last != NONE;
            let key_text = keys.value(row);
            let key = key_of(key_text);
            let name = some(&names, row).or_else(|| key_text.rsplit('/').next());
            // The key of most tasks is their name.
            let name = name.filter(|name| name.len() != 32 || key_of(name) != key);
            let spot = self.spots.intern([at(&accounts, row), at(&regions, row), at(&clusters, row), at(&instances, row)]);
            let task = Task {
                key: [(key >> 64) as u64, key as u64],
                spot,
                created: created.unwrap_or(i64::MAX),
                seen: seen.unwrap_or(i64::MAX),
                waited: waited.unwrap_or(i64::MAX),
                stopping: stopping.or_else(|| seen.filter(|_| is_stopping)).unwrap_or(i64::MAX),
                stopped: stopped.or_else(|| seen.filter(|_| last == has_stopped)).unwrap_or(i64::MIN),
                cpu: cpu.unwrap_or(0),
                memory: memory.unwrap_or(0),
                task: self.texts.keep_some(name),
                service: at(&services, row),
                deployment: at(&deployments, row),
                definition: at(&definitions, row),
                id: self.texts.keep_some(some(&ids, row)),
            };
            self.add(task);
        }
        Ok(())
    }

    fn add(&mut self, task: Task) {
        let PartialState { texts, tasks, known, .. } = self;
        let hashed = hash(&task);
        let same = |row: u32| tasks.get(row).is_some_and(|known| known.key == task.key && known.spot == task.spot);
        if let Some(row) = known.find(hashed, same) {
            if let Some(known) = tasks.get_mut(row) {
                known.merge(task, texts);
            }
            return;
        }
        let row = tasks.push(task);
        known.insert(row, hashed);
    }

    /// Adds states of instances: account, region, cluster, container instance, EC2 instance, agent version, seen,
    /// CPU, memory, id.
    pub fn add_instances(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = batch.columns();
        let [accounts, regions, clusters, instances, ec2, agents] = self.columns(batch, [0, 1, 2, 3, 4, 5])?;
        let [seen, cpu, memory] = [numbers(values, 6)?, numbers(values, 7)?, numbers(values, 8)?];
        let ids = texts(values, 9)?;
        for row in 0..batch.num_rows() {
            let spot = self.spots.intern([at(&accounts, row), at(&regions, row), at(&clusters, row), at(&instances, row)]);
            let observations = Instance {
                time: number(&seen, row).unwrap_or(i64::MIN),
                cpu: number(&cpu, row).unwrap_or(0),
                memory: number(&memory, row).unwrap_or(0),
                agent: at(&agents, row),
                ec2: at(&ec2, row),
                id: self.texts.keep_some(some(&ids, row)),
            };
            self.instances.push((spot, observations));
        }
        Ok(())
    }

    fn merge(&mut self, other: PartialState) {
        let numbers = self.texts.merge(&other.texts);
        let there = |number: u32| renumbered(&numbers, number);
        let spots: Vec<u32> = other.spots.list().iter().map(|spot| self.spots.intern(spot.map(there))).collect();
        for mut task in other.tasks {
            task.texts().into_iter().for_each(|text| *text = there(*text));
            self.add(Task { spot: renumbered(&spots, task.spot), ..task });
        }
        self.instances.extend(other.instances.into_iter().map(|(spot, observations)| {
            let Instance { agent, ec2, id, .. } = observations;
            (renumbered(&spots, spot), Instance { agent: there(agent), ec2: there(ec2), id: there(id), ..observations })
        }));
    }
}

/// The merged state, by container instance.
#[derive(Debug)]
pub struct FinalState {
    texts: Texts,
    tasks: Arena<Task>,
    pub spots: Vec<InstanceKey>,
    by_spot: Groups,
    instances: Vec<(u32, Instance)>,
    instances_by_spot: Groups,
    /// The instances of each chunk.
    pub shares: Vec<std::ops::Range<usize>>,
}

impl FinalState {
    /// Merges all partial states.
    pub fn new(mut partials: Vec<PartialState>, chunks: usize) -> FinalState {
        // The largest one is not moved.
        partials.sort_by_key(|partial| std::cmp::Reverse(partial.tasks.len()));
        let mut partials = partials.into_iter();
        let mut partial = partials.next().unwrap_or_default();
        partials.for_each(|other| partial.merge(other));
        let PartialState { texts, tasks, spots, instances, .. } = partial;
        let spots = spots.list().to_vec();
        let by_spot = Groups::new((0..).zip(tasks.iter()).map(|(number, task)| (task.spot, number)), spots.len());
        let observations = (0..).zip(&instances).map(|(number, (spot, _))| (*spot, number));
        let instances_by_spot = Groups::new(observations, spots.len());
        let sizes: Vec<usize> = (0..).take(spots.len()).map(|spot| by_spot.size(spot)).collect();
        let shares = balanced(&sizes, chunks);
        FinalState { texts, tasks, spots, by_spot, instances, instances_by_spot, shares }
    }

    /// The observations of a container instance and its tasks.
    pub fn observations(&self, spot: u32, last: i64, least: i64) -> Observations<'_> {
        let tasks = self.by_spot.of(spot).iter().filter_map(|number| self.tasks.get(*number).copied()).collect();
        let instances = self.instances_by_spot.of(spot).iter();
        let instances =
            instances.filter_map(|number| self.instances.get(*number as usize).map(|(_, observations)| *observations)).collect();
        Observations { tasks, instances, texts: &self.texts, last, least }
    }
}

/// All observations of a container instance.
#[derive(Debug)]
pub struct Observations<'w> {
    pub tasks: Vec<Task>,
    pub instances: Vec<Instance>,
    texts: &'w Texts,
    /// The end of all data.
    pub last: i64,
    /// The minimum length of a stall.
    pub least: i64,
}

impl<'w> Observations<'w> {
    pub fn text(&self, number: u32) -> Option<&'w str> {
        self.texts.get(number)
    }

    /// The name of a task.
    pub fn name(&self, task: &Task) -> String {
        let [high, low] = task.key;
        self.text(task.task).map_or_else(|| format!("{high:016x}{low:016x}"), str::to_owned)
    }
}
