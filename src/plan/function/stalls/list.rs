//! Stalls as a list of the engine.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Builder, ListArray, ListBuilder, StringBuilder, StringViewBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};

use super::find::Stall;
use super::told::{Task, Told};
use crate::plan::function::time_type;

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
/// Columns of texts.
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

fn fields() -> Fields {
    let times = ["time", "until"].map(|name| Field::new(name, time_type(), true));
    let numbers = NUMBERS.map(|name| Field::new(name, DataType::Int64, true));
    let words = TEXTS.map(|name| Field::new(name, DataType::Utf8View, true));
    times.into_iter().chain(numbers).chain(words).chain([Field::new("ids", DataType::List(texts()), true)]).collect()
}

/// The type of the list.
pub fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields()), true)))
}

/// The stalls of an instance as one list.
pub fn list(told: &Told, stalls: &[Stall]) -> Result<ScalarValue> {
    let mut times = [TimestampMicrosecondBuilder::new(), TimestampMicrosecondBuilder::new()];
    let mut numbers: [Int64Builder; NUMBERS.len()] = std::array::from_fn(|_| Int64Builder::new());
    let mut words: [StringViewBuilder; TEXTS.len()] = std::array::from_fn(|_| StringViewBuilder::new());
    let mut ids = ListBuilder::new(StringBuilder::new()).with_field(texts());
    for stall in stalls {
        let [from, to] = &mut times;
        from.append_value(stall.start);
        to.append_value(stall.end);
        let tasks =
            |places: &[usize]| -> Vec<Task> { places.iter().filter_map(|index| told.tasks.get(*index).copied()).collect() };
        let (pending, stopping) = (tasks(&stall.pending), tasks(&stall.stopping));
        let longest = stopping.iter().filter_map(|task| task.stopping(told.last)).map(|(from, to)| to - from).max();
        let open = stopping.iter().any(|task| task.end(told.last) == told.last);
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
        numbers.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        let names = |tasks: &[Task]| tasks.iter().map(|task| told.name(task)).collect::<Vec<_>>().join(", ");
        let first =
            |tasks: &[Task], text: fn(&Task) -> u32| tasks.iter().find_map(|task| told.text(text(task)).map(str::to_owned));
        let values = [
            first(&pending, |task| task.service),
            told.text(stall.deployment).map(str::to_owned),
            first(&pending, |task| task.definition),
            Some(names(&stopping)),
            Some(names(&pending)),
            told.text(stall.instance.agent).map(str::to_owned),
            told.text(stall.instance.ec2).map(str::to_owned),
            first(&stopping, |task| task.definition),
        ];
        words.iter_mut().zip(values).for_each(|(builder, value)| builder.append_option(value));
        let records = pending.iter().chain(&stopping).map(|task| task.id).chain([stall.instance.id]);
        records.filter_map(|id| told.text(id)).for_each(|id| ids.values().append_value(id));
        ids.append(true);
    }
    let times = times.into_iter().map(|mut times| -> ArrayRef { Arc::new(times.finish().with_timezone("UTC")) });
    let numbers = numbers.into_iter().map(|mut numbers| -> ArrayRef { Arc::new(numbers.finish()) });
    let words = words.into_iter().map(|mut words| -> ArrayRef { Arc::new(words.finish()) });
    let columns: Vec<ArrayRef> = times.chain(numbers).chain(words).chain([Arc::new(ids.finish()) as ArrayRef]).collect();
    let structs = StructArray::try_new(fields(), columns, None)?;
    let field = Arc::new(Field::new_list_field(structs.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([structs.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(field, offsets, Arc::new(structs), None)?)))
}
