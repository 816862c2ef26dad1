//! Writes stalls as rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, ListBuilder, StringBuilder, StringViewBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;

use super::find::Stall;
use super::observations::{InstanceKey, Observations, Task};
use crate::engine::functions::time_type;

/// The columns that identify the container instance.
const SPOT: [&str; 4] = ["account", "region", "cluster", "container_instance"];
/// Columns of whole numbers.
const NUMBERS: [&str; 12] = [
    "registered_cpu",
    "registered_memory",
    "running_cpu",
    "running_memory",
    "stopping_cpu",
    "stopping_memory",
    "pending_cpu",
    "pending_memory",
    "stopping",
    "pending",
    "stop_micros",
    "open",
];
/// String columns.
const TEXTS: [&str; 8] = [
    "service",
    "deployment",
    "definition",
    "stopping_tasks",
    "pending_tasks",
    "agent_version",
    "ec2_instance",
    "stopping_definition",
];

fn texts() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

/// The columns of a stall.
pub fn schema() -> SchemaRef {
    let times = ["time", "until"].map(|name| Field::new(name, time_type(), true));
    let numbers = NUMBERS.map(|name| Field::new(name, DataType::Int64, true));
    let words = SPOT.into_iter().chain(TEXTS).map(|name| Field::new(name, DataType::Utf8View, true));
    let ids = Field::new("ids", DataType::List(texts()), true);
    Arc::new(Schema::new(times.into_iter().chain(numbers).chain(words).chain([ids]).collect::<Vec<_>>()))
}

/// Collects stalls.
#[derive(Debug)]
pub struct Stalls {
    times: [TimestampMicrosecondBuilder; 2],
    numbers: [Int64Builder; NUMBERS.len()],
    words: [StringViewBuilder; SPOT.len() + TEXTS.len()],
    ids: ListBuilder<StringBuilder>,
}

impl Default for Stalls {
    fn default() -> Self {
        Stalls {
            times: Default::default(),
            numbers: Default::default(),
            words: Default::default(),
            ids: ListBuilder::new(StringBuilder::new()).with_field(texts()),
        }
    }
}

impl Stalls {
    /// Adds a stall of a container instance.
    pub fn push(&mut self, observations: &Observations<'_>, spot: InstanceKey, stall: &Stall) {
        let [from, to] = &mut self.times;
        from.append_value(stall.start);
        to.append_value(stall.end);
        let tasks = |places: &[usize]| -> Vec<Task> {
            places.iter().filter_map(|index| observations.tasks.get(*index).copied()).collect()
        };
        let (pending, stopping) = (tasks(&stall.pending), tasks(&stall.stopping));
        let longest = stopping.iter().filter_map(|task| task.stopping(observations.last)).map(|(from, to)| to - from).max();
        let open = stopping.iter().any(|task| task.end(observations.last) == observations.last);
        let registered = |amount: i64| Some(amount).filter(|amount| *amount > 0);
        let values = [
            registered(stall.instance.cpu),
            registered(stall.instance.memory),
            Some(stall.running.cpu),
            Some(stall.running.memory),
            Some(stall.leaving.cpu),
            Some(stall.leaving.memory),
            Some(stall.waiting.cpu),
            Some(stall.waiting.memory),
            i64::try_from(stopping.len()).ok(),
            i64::try_from(pending.len()).ok(),
            longest,
            Some(i64::from(open)),
        ];
        self.numbers.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        let names = |tasks: &[Task]| tasks.iter().map(|task| observations.name(task)).collect::<Vec<_>>().join(", ");
        let first = |tasks: &[Task], text: fn(&Task) -> u32| {
            tasks.iter().find_map(|task| observations.text(text(task)).map(str::to_owned))
        };
        let values = [
            first(&pending, |task| task.service),
            observations.text(stall.deployment).map(str::to_owned),
            first(&pending, |task| task.definition),
            Some(names(&stopping)),
            Some(names(&pending)),
            observations.text(stall.instance.agent).map(str::to_owned),
            observations.text(stall.instance.ec2).map(str::to_owned),
            first(&stopping, |task| task.definition),
        ];
        let values = spot.map(|number| observations.text(number).map(str::to_owned)).into_iter().chain(values);
        self.words.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        let records = pending.iter().chain(&stopping).map(|task| task.id).chain([stall.instance.id]);
        records.filter_map(|id| observations.text(id)).for_each(|id| self.ids.values().append_value(id));
        self.ids.append(true);
    }

    /// The rows.
    pub fn finish(mut self) -> Result<RecordBatch> {
        let times = self.times.into_iter().map(|mut times| -> ArrayRef { Arc::new(times.finish().with_timezone("UTC")) });
        let numbers = self.numbers.into_iter().map(|mut numbers| -> ArrayRef { Arc::new(numbers.finish()) });
        let words = self.words.into_iter().map(|mut words| -> ArrayRef { Arc::new(words.finish()) });
        let ids = [Arc::new(self.ids.finish()) as ArrayRef];
        Ok(RecordBatch::try_new(schema(), times.chain(numbers).chain(words).chain(ids).collect())?)
    }
}
