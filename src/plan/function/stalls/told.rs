//! What was told of the tasks of one instance, and of the instance itself.

use std::collections::HashMap;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, Int64Builder, ListBuilder, StringArray, StringBuilder, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use std::sync::Arc;

use crate::plan::function::key::{KeyHash, key_of};
use crate::plan::function::numbers_of;

/// How many arguments the function takes.
pub const ARGUMENTS: usize = 16;
/// Whole numbers that a task is kept as.
const WORDS: usize = 14;
/// No text.
pub const NONE: u32 = u32::MAX;

/// A task. A time that is not known is the greatest where the least counts, and the least where the
/// greatest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    pub key: u128,
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

    /// When it stopped; what was never seen to stop lives up to the end of the data.
    pub fn end(&self, last: i64) -> i64 {
        if self.stopped == i64::MIN { last } else { self.stopped }
    }

    /// From when to when it waited for its start.
    pub fn waiting(&self, last: i64) -> (i64, i64) {
        (self.start(), self.waited.min(self.stopping).min(self.end(last)))
    }

    /// From when to when it was told to stop and still there.
    pub fn stopping(&self, last: i64) -> Option<(i64, i64)> {
        let span = (self.stopping != i64::MAX).then(|| (self.stopping.max(self.start()), self.end(last)));
        span.filter(|(from, to)| from < to)
    }

    fn merge(&mut self, other: &Task) {
        self.created = self.created.min(other.created);
        self.seen = self.seen.min(other.seen);
        self.waited = self.waited.min(other.waited);
        self.stopping = self.stopping.min(other.stopping);
        self.stopped = self.stopped.max(other.stopped);
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
    }
}

/// What an instance told of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    pub time: i64,
    pub cpu: i64,
    pub memory: i64,
    pub agent: u32,
    pub ec2: u32,
    pub id: u32,
}

/// Everything told.
#[derive(Debug, Default)]
pub struct Told {
    pub tasks: Vec<Task>,
    pub instances: Vec<Instance>,
    texts: Vec<String>,
    known: HashMap<u128, u32, KeyHash>,
    known_texts: HashMap<u128, u32, KeyHash>,
    /// The end of all data.
    pub last: i64,
    /// The shortest stall.
    pub least: i64,
}

impl Told {
    pub fn text(&self, index: u32) -> Option<&str> {
        self.texts.get(index as usize).map(String::as_str)
    }

    /// The name of a task.
    pub fn name(&self, task: &Task) -> String {
        self.text(task.task).map_or_else(|| format!("{:032x}", task.key), str::to_owned)
    }

    /// The number of a text that is kept once.
    fn keep(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        let next = u32::try_from(self.texts.len()).unwrap_or(NONE);
        let index = *self.known_texts.entry(key_of(text)).or_insert(next);
        if index == next {
            self.texts.push(text.to_owned());
        }
        index
    }

    /// Adds a task; of several texts of one task the least counts, so that order does not.
    fn add(&mut self, task: Task, texts: [Option<&str>; 5]) {
        let next = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let index = *self.known.entry(task.key).or_insert(next);
        if index == next {
            let [name, service, deployment, definition, id] = texts.map(|text| self.keep(text));
            self.tasks.push(Task { task: name, service, deployment, definition, id, ..task });
            return;
        }
        let Some(mut known) = self.tasks.get(index as usize).copied() else { return };
        known.merge(&task);
        for (place, text) in [&mut known.task, &mut known.service, &mut known.deployment, &mut known.definition, &mut known.id]
            .into_iter()
            .zip(texts)
        {
            let Some(text) = text else { continue };
            let better = match self.text(*place) {
                Some(old) => text < old,
                None => true,
            };
            if better {
                *place = self.keep(Some(text));
            }
        }
        if let Some(slot) = self.tasks.get_mut(index as usize) {
            *slot = known;
        }
    }

    fn add_instance(&mut self, instance: Instance, texts: [Option<&str>; 3]) {
        let [agent, ec2, id] = texts.map(|text| self.keep(text));
        self.instances.push(Instance { agent, ec2, id, ..instance });
    }

    pub fn push(&mut self, values: &[ArrayRef]) -> Result<()> {
        let array = |index: usize| values.get(index).ok_or_else(|| exec_datafusion_err!("stalled takes {ARGUMENTS} arguments"));
        let text =
            |index: usize| -> Result<StringViewArray> { Ok(cast(array(index)?, &DataType::Utf8View)?.as_string_view().clone()) };
        let (kinds, keys) = (text(0)?, text(1)?);
        let numbers: Vec<Int64Array> = (2..9).map(|index| numbers_of(array(index)?)).collect::<Result<_>>()?;
        let texts: Vec<StringViewArray> = [9, 10, 11, 12, 15].into_iter().map(text).collect::<Result<_>>()?;
        if kinds.is_empty() {
            return Ok(());
        }
        let first = |index: usize| -> Result<i64> {
            let numbers = numbers_of(array(index)?)?;
            Ok(if numbers.is_valid(0) { numbers.value(0) } else { 0 })
        };
        (self.last, self.least) = (first(13)?, first(14)?);
        for row in 0..kinds.len() {
            let number = |index: usize, missing: i64| {
                numbers.get(index).filter(|numbers| numbers.is_valid(row)).map_or(missing, |numbers| numbers.value(row))
            };
            let text = |index: usize| texts.get(index).filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
            if kinds.value(row) == "instance" {
                let instance = Instance {
                    time: number(1, i64::MIN),
                    cpu: number(5, 0),
                    memory: number(6, 0),
                    agent: NONE,
                    ec2: NONE,
                    id: NONE,
                };
                self.add_instance(instance, [text(3), text(0), text(4)]);
            } else if keys.is_valid(row) {
                let task = Task {
                    key: key_of(keys.value(row)),
                    created: number(0, i64::MAX),
                    seen: number(1, i64::MAX),
                    waited: number(2, i64::MAX),
                    stopping: number(3, i64::MAX),
                    stopped: number(4, i64::MIN),
                    cpu: number(5, 0),
                    memory: number(6, 0),
                    task: NONE,
                    service: NONE,
                    deployment: NONE,
                    definition: NONE,
                    id: NONE,
                };
                // The name of most tasks is their key.
                let name = text(0).filter(|name| name.len() != 32 || key_of(name) != task.key);
                self.add(task, [name, text(1), text(2), text(3), text(4)]);
            }
        }
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.capacity() + size_of::<String>()).sum();
        size_of_val(self)
            + self.tasks.capacity() * size_of::<Task>()
            + self.instances.capacity() * size_of::<Instance>()
            + (self.known.capacity() + self.known_texts.capacity()) * size_of::<(u128, u32)>()
            + texts
    }

    /// All of it as numbers, and the texts beside them.
    pub fn words(&mut self) -> Vec<ScalarValue> {
        let field = |kind| Arc::new(Field::new_list_field(kind, true));
        let mut words = ListBuilder::new(Int64Builder::new()).with_field(field(DataType::Int64));
        let builder = words.values();
        builder.append_slice(&[self.last, self.least, self.instances.len() as i64]);
        for instance in &self.instances {
            let texts = [instance.agent, instance.ec2, instance.id].map(i64::from);
            builder.append_slice(&[instance.time, instance.cpu, instance.memory]);
            builder.append_slice(&texts);
        }
        for task in &self.tasks {
            let key = [((task.key >> 64) as u64).cast_signed(), (task.key as u64).cast_signed()];
            builder.append_slice(&key);
            let times = [task.created, task.seen, task.waited, task.stopping, task.stopped, task.cpu, task.memory];
            builder.append_slice(&times);
            builder.append_slice(&[task.task, task.service, task.deployment, task.definition, task.id].map(i64::from));
        }
        words.append(true);
        let mut texts = ListBuilder::new(StringBuilder::new()).with_field(field(DataType::Utf8));
        self.texts.iter().for_each(|text| texts.values().append_value(text));
        texts.append(true);
        vec![ScalarValue::List(Arc::new(words.finish())), ScalarValue::List(Arc::new(texts.finish()))]
    }

    pub fn merge(&mut self, words: &[i64], texts: &StringArray) {
        let text = |index: i64| usize::try_from(index).ok().filter(|index| *index < texts.len()).map(|index| texts.value(index));
        let Some((&[last, least, instances], rest)) = words.split_first_chunk::<3>() else { return };
        (self.last, self.least) = (last, least);
        let split = usize::try_from(instances).unwrap_or(0).saturating_mul(6).min(rest.len());
        let (instances, tasks) = rest.split_at(split);
        for words in instances.chunks_exact(6) {
            if let &[time, cpu, memory, agent, ec2, id] = words {
                let instance = Instance { time, cpu, memory, agent: NONE, ec2: NONE, id: NONE };
                self.add_instance(instance, [text(agent), text(ec2), text(id)]);
            }
        }
        for words in tasks.chunks_exact(WORDS) {
            let &[high, low, created, seen, waited, stopping, stopped, cpu, memory, name, service, deployment, definition, id] =
                words
            else {
                continue;
            };
            let key = u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned());
            let task = Task {
                key,
                created,
                seen,
                waited,
                stopping,
                stopped,
                cpu,
                memory,
                task: NONE,
                service: NONE,
                deployment: NONE,
                definition: NONE,
                id: NONE,
            };
            self.add(task, [text(name), text(service), text(deployment), text(definition), text(id)]);
        }
    }
}
