//! `find_incidents(…)`: groups signals into incidents.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray};
use datafusion::common::Result;
use datafusion::logical_expr::WindowUDF;

use crate::engine::functions::partition_function;
use crate::engine::functions::record::{
    Cell, Kind, Rows, flag, flags, floats, list_type, lists, number, numbers, text, text_lists, texts,
};
use crate::incidents::{Hit, Incident, Place, Signal, SignalKind, Waste, WithoutRun, incidents};

/// Declares the arguments of the function once: their order, their types, and the columns that hold them.
macro_rules! arguments {
    ($($kind:ident $array:ident $read:ident: $($name:ident),+;)+) => {
        /// The arguments of the function, in order. The last one is whether incidents name their records.
        pub const ARGUMENTS: &[(&str, Kind)] = &[$($((stringify!($name), Kind::$kind)),+),+];

        /// The columns of all signals.
        struct Columns {
            $($($name: $array,)+)+
        }

        impl Columns {
            fn read(values: &[ArrayRef]) -> Result<Self> {
                let mut index = 0..;
                let mut next = || index.next().unwrap_or(usize::MAX);
                Ok(Columns { $($($name: $read(values, next())?,)+)+ })
            }
        }
    };
}

arguments! {
    Text StringViewArray texts:
        id, kind, account, region, cluster, service, family, project, run, instance, subnet, deployment, schedule, disabled_by, phase,
        reason, cause, class, wording, failure_kind, task, call, resource, quota, event_name, user, outcome, rerun;
    Int Int64Array numbers: start, end, exit_code, window, window_end, island, tasks, previous_run, next_run, resumed;
    Bool BooleanArray flags: ran, secondary;
    Float Float64Array floats: task_seconds, vcpu_seconds, gib_seconds, usd;
    Texts ListArray text_lists: records;
    Bool BooleanArray flags: evidence;
}

/// The columns of an incident.
const INCIDENT: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("start", Kind::Time),
    ("end", Kind::Time),
    ("what", Kind::Text),
    ("symptom", Kind::Text),
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
    ("without_run", Kind::Float),
    ("without_run_of", Kind::Text),
    ("without_run_from", Kind::Time),
    ("without_run_until", Kind::Time),
    ("reruns", Kind::Int),
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
    ("hit_kinds", Kind::Texts),
    ("hit_names", Kind::Texts),
    ("hit_clusters", Kind::Texts),
    ("hit_accounts", Kind::Texts),
    ("hit_regions", Kind::Texts),
    ("hit_lost", Kind::Texts),
    ("hit_resumed", Kind::Texts),
    ("evidence", Kind::Texts),
];

/// The maximum number of places that an incident names.
const PLACES: usize = 5;
/// The maximum number of services, jobs and runs whose recovery is searched.
pub const HITS: usize = 20;
/// Marks a hit that lost a start.
pub const LOST: &str = "lost";

/// All incidents, as a list on the first row; missing elsewhere.
pub fn functions() -> [WindowUDF; 1] {
    [partition_function("find_incidents", ARGUMENTS.len(), list_type(INCIDENT), find_incidents)]
}

impl Columns {
    fn records(&self, row: usize) -> Vec<&str> {
        let (items, offsets) = (self.records.values().as_string::<i32>(), self.records.value_offsets());
        let offset = |index: usize| offsets.get(index).and_then(|offset| usize::try_from(*offset).ok());
        let (Some(from), Some(to)) = (offset(row), offset(row + 1)) else { return Vec::new() };
        (from..to).filter(|item| items.is_valid(*item)).map(|item| items.value(item)).collect()
    }

    fn signal(&self, row: usize) -> Option<Signal<'_>> {
        let spent = |column: &Float64Array| {
            column.is_valid(row).then(|| column.value(row)).filter(|value| value.is_finite() && *value >= 0.0)
        };
        let start = number(&self.start, row)?;
        let mut signal = Signal::at(text(&self.id, row)?, SignalKind::of(text(&self.kind, row)?)?, start);
        signal.end = number(&self.end, row).unwrap_or(start).max(start);
        signal.place = Place {
            account: text(&self.account, row),
            region: text(&self.region, row),
            cluster: text(&self.cluster, row),
            service: text(&self.service, row),
            family: text(&self.family, row),
            project: text(&self.project, row),
            run: text(&self.run, row),
            instance: text(&self.instance, row),
            subnet: text(&self.subnet, row),
        };
        signal.deployment = text(&self.deployment, row);
        signal.schedule = text(&self.schedule, row);
        signal.disabled_by = text(&self.disabled_by, row);
        signal.phase = text(&self.phase, row);
        signal.reason = text(&self.reason, row);
        signal.cause = text(&self.cause, row);
        signal.class = text(&self.class, row);
        signal.wording = text(&self.wording, row);
        signal.failure_kind = text(&self.failure_kind, row);
        signal.task = text(&self.task, row);
        signal.call = text(&self.call, row);
        signal.resource = text(&self.resource, row);
        signal.quota = text(&self.quota, row);
        signal.event_name = text(&self.event_name, row);
        signal.user = text(&self.user, row);
        signal.outcome = text(&self.outcome, row);
        signal.exit_code = number(&self.exit_code, row);
        signal.window = number(&self.window, row);
        signal.window_end = number(&self.window_end, row);
        signal.island = number(&self.island, row);
        signal.previous_run = number(&self.previous_run, row);
        signal.next_run = number(&self.next_run, row);
        signal.resumed = number(&self.resumed, row);
        signal.rerun = text(&self.rerun, row);
        signal.tasks = number(&self.tasks, row).unwrap_or_default();
        signal.ran = flag(&self.ran, row);
        signal.secondary = flag(&self.secondary, row) == Some(true);
        signal.waste = Waste {
            task_seconds: spent(&self.task_seconds).unwrap_or_default(),
            vcpu_seconds: spent(&self.vcpu_seconds).unwrap_or_default(),
            gib_seconds: spent(&self.gib_seconds).unwrap_or_default(),
            usd: spent(&self.usd),
        };
        signal.records = self.records(row);
        Some(signal)
    }
}

fn find_incidents(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let columns = Columns::read(values)?;
    let evidence = flag(&columns.evidence, 0) == Some(true);
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
    let count = |number: u64| Cell::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let names: Vec<&str> = incident.places.iter().take(PLACES).map(|(name, _)| name.as_str()).collect();
    let more = incident.places.len().saturating_sub(PLACES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let hours = |seconds: f64| Cell::Float(seconds / 3600.0);
    let without_run = incident.without_run.as_ref();
    let resumed = |hit: &Hit| hit.resumed.map(|micros| micros.to_string()).unwrap_or_default().into();
    // Lists of one length: each item is about the same hit.
    let hits = |of: fn(&Hit) -> &str| Cell::from(incident.hits.iter().take(HITS).map(of).collect::<Vec<&str>>());
    vec![
        incident.id.as_str().into(),
        incident.start.into(),
        incident.end.into(),
        incident.what.as_str().into(),
        incident.symptom.as_str().into(),
        incident.root.as_str().into(),
        incident.phase.as_deref().into(),
        incident.reason.as_deref().into(),
        incident.cause.as_deref().into(),
        incident.because.as_str().into(),
        incident.class.as_deref().into(),
        incident.confidence.word().into(),
        incident.basis.into(),
        format!("{}{more}", names.join(", ")).into(),
        incident.places.len().into(),
        incident.common.account.as_deref().into(),
        incident.common.region.as_deref().into(),
        incident.common.cluster.as_deref().into(),
        incident.common.service.as_deref().into(),
        incident.common.family.as_deref().into(),
        incident.common.project.as_deref().into(),
        incident.common.run.as_deref().into(),
        incident.common.instance.as_deref().into(),
        incident.common.deployment.as_deref().into(),
        count(incident.failures),
        count(incident.consequences),
        count(incident.launches_lost),
        count(incident.launches_healed),
        count(incident.missed_starts),
        count(incident.not_called),
        without_run.map(WithoutRun::seconds).into(),
        without_run.and_then(|gap| gap.of.as_deref()).into(),
        without_run.map(|gap| gap.from).into(),
        without_run.map(|gap| gap.until).into(),
        count(incident.reruns),
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
        hits(|hit| hit.kind.word()),
        hits(|hit| &hit.name),
        hits(|hit| hit.cluster.as_deref().unwrap_or_default()),
        hits(|hit| hit.account.as_deref().unwrap_or_default()),
        hits(|hit| hit.region.as_deref().unwrap_or_default()),
        hits(|hit| if hit.lost { LOST } else { "" }),
        Cell::Texts(incident.hits.iter().take(HITS).map(resumed).collect()),
        if evidence { incident.records.iter().map(String::as_str).collect::<Vec<_>>().into() } else { Cell::None },
    ]
}
