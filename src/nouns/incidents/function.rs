//! `find_incidents(…)`: groups signals into incidents.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::WindowUDF;

use crate::engine::functions::partition_function;
use crate::engine::functions::record::{Cell, Kind, Rows, flag, flags, floats, list_type, lists, number, numbers, text, texts};
use crate::incidents::{Incident, Place, Signal, SignalKind, Waste, incidents};

/// The arguments of the function, in order. The last one is whether incidents name their records.
pub const ARGUMENTS: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("kind", Kind::Text),
    ("account", Kind::Text),
    ("region", Kind::Text),
    ("cluster", Kind::Text),
    ("service", Kind::Text),
    ("family", Kind::Text),
    ("project", Kind::Text),
    ("run", Kind::Text),
    ("instance", Kind::Text),
    ("subnet", Kind::Text),
    ("deployment", Kind::Text),
    ("schedule", Kind::Text),
    ("phase", Kind::Text),
    ("reason", Kind::Text),
    ("cause", Kind::Text),
    ("class", Kind::Text),
    ("wording", Kind::Text),
    ("failure_kind", Kind::Text),
    ("task", Kind::Text),
    ("call", Kind::Text),
    ("resource", Kind::Text),
    ("quota", Kind::Text),
    ("event_name", Kind::Text),
    ("user", Kind::Text),
    ("outcome", Kind::Text),
    ("start", Kind::Int),
    ("end", Kind::Int),
    ("exit_code", Kind::Int),
    ("window", Kind::Int),
    ("island", Kind::Int),
    ("tasks", Kind::Int),
    ("ran", Kind::Bool),
    ("secondary", Kind::Bool),
    ("task_seconds", Kind::Float),
    ("vcpu_seconds", Kind::Float),
    ("gib_seconds", Kind::Float),
    ("usd", Kind::Float),
    ("records", Kind::Texts),
    ("evidence", Kind::Bool),
];

/// The columns of an incident.
const INCIDENT: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("start", Kind::Time),
    ("end", Kind::Time),
    ("what", Kind::Text),
    ("root", Kind::Text),
    ("phase", Kind::Text),
    ("reason", Kind::Text),
    ("cause", Kind::Text),
    ("because", Kind::Text),
    ("class", Kind::Text),
    ("confidence", Kind::Text),
    ("basis", Kind::Text),
    ("place", Kind::Text),
    ("places", Kind::Int),
    ("account", Kind::Text),
    ("region", Kind::Text),
    ("cluster", Kind::Text),
    ("service", Kind::Text),
    ("family", Kind::Text),
    ("project", Kind::Text),
    ("run", Kind::Text),
    ("container_instance", Kind::Text),
    ("deployment", Kind::Text),
    ("failures", Kind::Int),
    ("consequences", Kind::Int),
    ("launches_lost", Kind::Int),
    ("launches_healed", Kind::Int),
    ("missed_starts", Kind::Int),
    ("not_called", Kind::Int),
    ("stalls", Kind::Int),
    ("collisions", Kind::Int),
    ("tasks", Kind::Int),
    ("degraded", Kind::Float),
    ("wasted", Kind::Float),
    ("vcpu_hours", Kind::Float),
    ("gib_hours", Kind::Float),
    ("cost_usd", Kind::Float),
    ("weight", Kind::Float),
    ("series", Kind::Text),
    ("evidence", Kind::Texts),
];

/// The maximum number of places that an incident names.
const PLACES: usize = 5;

/// All incidents, as a list on the first row; missing elsewhere.
pub fn functions() -> [WindowUDF; 1] {
    [partition_function("find_incidents", ARGUMENTS.len(), list_type(INCIDENT), find_incidents)]
}

/// The arguments by name.
struct Arguments<'v> {
    values: &'v [ArrayRef],
}

impl Arguments<'_> {
    fn index(name: &str) -> usize {
        ARGUMENTS.iter().position(|(known, _)| *known == name).unwrap_or(usize::MAX)
    }

    fn text(&self, name: &str) -> Result<StringViewArray> {
        texts(self.values, Self::index(name))
    }

    fn number(&self, name: &str) -> Result<Int64Array> {
        numbers(self.values, Self::index(name))
    }

    fn float(&self, name: &str) -> Result<Float64Array> {
        floats(self.values, Self::index(name))
    }

    fn flag(&self, name: &str) -> Result<BooleanArray> {
        flags(self.values, Self::index(name))
    }

    fn list(&self, name: &str) -> Result<ListArray> {
        let array =
            self.values.get(Self::index(name)).ok_or_else(|| exec_datafusion_err!("find_incidents got too few arguments"))?;
        let kind = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        Ok(cast(array, &kind)?.as_list::<i32>().clone())
    }
}

/// The columns of all signals.
struct Columns {
    texts: Vec<StringViewArray>,
    numbers: Vec<Int64Array>,
    ran: BooleanArray,
    secondary: BooleanArray,
    waste: Vec<Float64Array>,
    offsets: Vec<i32>,
    records: StringArray,
}

const TEXTS: &[&str] = &[
    "id",
    "kind",
    "account",
    "region",
    "cluster",
    "service",
    "family",
    "project",
    "run",
    "instance",
    "subnet",
    "deployment",
    "schedule",
    "phase",
    "reason",
    "cause",
    "class",
    "wording",
    "failure_kind",
    "task",
    "call",
    "resource",
    "quota",
    "event_name",
    "user",
    "outcome",
];
const NUMBERS: &[&str] = &["start", "end", "exit_code", "window", "island", "tasks"];
const WASTE: &[&str] = &["task_seconds", "vcpu_seconds", "gib_seconds", "usd"];

impl Columns {
    fn read(arguments: &Arguments<'_>) -> Result<Self> {
        let records = arguments.list("records")?;
        Ok(Columns {
            texts: TEXTS.iter().map(|name| arguments.text(name)).collect::<Result<_>>()?,
            numbers: NUMBERS.iter().map(|name| arguments.number(name)).collect::<Result<_>>()?,
            ran: arguments.flag("ran")?,
            secondary: arguments.flag("secondary")?,
            waste: WASTE.iter().map(|name| arguments.float(name)).collect::<Result<_>>()?,
            offsets: records.value_offsets().to_vec(),
            records: records.values().as_string::<i32>().clone(),
        })
    }

    fn records(&self, row: usize) -> Vec<&str> {
        let offset = |index: usize| self.offsets.get(index).and_then(|offset| usize::try_from(*offset).ok());
        let (Some(from), Some(to)) = (offset(row), offset(row + 1)) else { return Vec::new() };
        (from..to).filter(|item| self.records.is_valid(*item)).map(|item| self.records.value(item)).collect()
    }

    fn signal(&self, row: usize) -> Option<Signal<'_>> {
        let of = |name: &str| {
            let index = TEXTS.iter().position(|known| *known == name)?;
            text(self.texts.get(index)?, row)
        };
        let whole = |name: &str| {
            let index = NUMBERS.iter().position(|known| *known == name)?;
            number(self.numbers.get(index)?, row)
        };
        let float = |name: &str| {
            let index = WASTE.iter().position(|known| *known == name)?;
            let column = self.waste.get(index)?;
            column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite() && *value >= 0.0)
        };
        let start = whole("start")?;
        let mut signal = Signal::at(of("id")?, SignalKind::of(of("kind")?)?, start);
        signal.end = whole("end").unwrap_or(start).max(start);
        signal.place = Place {
            account: of("account"),
            region: of("region"),
            cluster: of("cluster"),
            service: of("service"),
            family: of("family"),
            project: of("project"),
            run: of("run"),
            instance: of("instance"),
            subnet: of("subnet"),
        };
        signal.deployment = of("deployment");
        signal.schedule = of("schedule");
        signal.phase = of("phase");
        signal.reason = of("reason");
        signal.cause = of("cause");
        signal.class = of("class");
        signal.wording = of("wording");
        signal.failure_kind = of("failure_kind");
        signal.task = of("task");
        signal.call = of("call");
        signal.resource = of("resource");
        signal.quota = of("quota");
        signal.event_name = of("event_name");
        signal.user = of("user");
        signal.outcome = of("outcome");
        signal.exit_code = whole("exit_code");
        signal.window = whole("window");
        signal.island = whole("island");
        signal.tasks = whole("tasks").unwrap_or_default();
        signal.ran = flag(&self.ran, row);
        signal.secondary = flag(&self.secondary, row) == Some(true);
        signal.waste = Waste {
            task_seconds: float("task_seconds").unwrap_or_default(),
            vcpu_seconds: float("vcpu_seconds").unwrap_or_default(),
            gib_seconds: float("gib_seconds").unwrap_or_default(),
            usd: float("usd"),
        };
        signal.records = self.records(row);
        Some(signal)
    }
}

fn find_incidents(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let arguments = Arguments { values };
    let columns = Columns::read(&arguments)?;
    let evidence = flag(&arguments.flag("evidence")?, 0) == Some(true);
    let found = incidents((0..rows).filter_map(|row| columns.signal(row)).collect());
    let mut lengths = vec![0usize; rows];
    if let Some(first) = lengths.first_mut() {
        *first = found.len();
    }
    let mut structs = Rows::new(INCIDENT, found.len());
    found.iter().for_each(|incident| structs.push(&cells(incident, evidence)));
    Ok(Arc::new(lists(INCIDENT, &lengths, structs)?))
}

fn cells(incident: &Incident, evidence: bool) -> Vec<Cell<'_>> {
    let own = |text: &'_ Option<String>| -> Cell<'static> { text.clone().into() };
    let count = |number: u64| Cell::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let names: Vec<&str> = incident.places.iter().take(PLACES).map(|(name, _)| name.as_str()).collect();
    let more = incident.places.len().saturating_sub(PLACES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let hours = |seconds: f64| Cell::Float(seconds / 3600.0);
    vec![
        incident.id.as_str().into(),
        incident.start.into(),
        incident.end.into(),
        incident.what.as_str().into(),
        incident.root.as_str().into(),
        own(&incident.phase),
        own(&incident.reason),
        own(&incident.cause),
        incident.because.as_str().into(),
        own(&incident.class),
        incident.confidence.word().into(),
        incident.basis.into(),
        format!("{}{more}", names.join(", ")).into(),
        incident.places.len().into(),
        own(&incident.common.account),
        own(&incident.common.region),
        own(&incident.common.cluster),
        own(&incident.common.service),
        own(&incident.common.family),
        own(&incident.common.project),
        own(&incident.common.run),
        own(&incident.common.instance),
        own(&incident.common.deployment),
        count(incident.failures),
        count(incident.consequences),
        count(incident.launches_lost),
        count(incident.launches_healed),
        count(incident.missed_starts),
        count(incident.not_called),
        count(incident.stalls),
        count(incident.collisions),
        count(incident.tasks),
        incident.degraded_seconds.into(),
        incident.waste.task_seconds.into(),
        hours(incident.waste.vcpu_seconds),
        hours(incident.waste.gib_seconds),
        incident.waste.usd.into(),
        incident.weight.into(),
        incident.series.as_str().into(),
        if evidence { incident.records.iter().map(String::as_str).collect::<Vec<_>>().into() } else { Cell::None },
    ]
}
