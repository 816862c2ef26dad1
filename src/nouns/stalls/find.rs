//! Finds intervals in which tasks wait for stopping tasks on a full instance.

use std::collections::BTreeMap;

use super::observations::{Instance, Observations, Task};
use crate::engine::operators::index::NONE;

/// Start and end; the end is exclusive.
type Span = (i64, i64);

/// A stall, with its tasks as indexes into [`Observations::tasks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    pub start: i64,
    pub end: i64,
    pub deployment: u32,
    pub pending: Vec<usize>,
    pub stopping: Vec<usize>,
    pub instance: Instance,
    /// CPU units and MiB at the peak of reservations.
    pub running: Size,
    pub leaving: Size,
    pub waiting: Size,
}

/// The reservations of some tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub cpu: i64,
    pub memory: i64,
}

impl Size {
    pub fn plus(self, other: Size) -> Size {
        Size { cpu: self.cpu.saturating_add(other.cpu), memory: self.memory.saturating_add(other.memory) }
    }

    fn minus(self, other: Size) -> Size {
        Size { cpu: self.cpu.saturating_sub(other.cpu), memory: self.memory.saturating_sub(other.memory) }
    }
}

/// All stalls of an instance, oldest first.
pub fn stalls(observations: &Observations<'_>) -> Vec<Stall> {
    let last = observations.last;
    let mut waiting: Vec<usize> = (0..observations.tasks.len())
        .filter(|index| {
            observations.tasks.get(*index).is_some_and(|task| {
                let (from, to) = task.waiting(last);
                to.saturating_sub(from) >= observations.least
            })
        })
        .collect();
    // Most instances never have a task that waits for long, so nothing more is computed for them.
    if waiting.is_empty() {
        return Vec::new();
    }
    let leaving = union(observations.tasks.iter().filter_map(|task| task.stopping(last)).collect());
    let mut instances = observations.instances.clone();
    instances.sort_unstable();
    let full = full(observations, &instances);
    let order = |index: &usize| observations.tasks.get(*index).map(|task| (task.start(), task.key));
    waiting.sort_unstable_by_key(order);
    // Sorted by name first, because the numbers of strings depend on the order of the rows.
    type Deployment<'t> = (Option<&'t str>, u32);
    let mut by_deployment: BTreeMap<Deployment<'_>, Vec<(Span, usize)>> = BTreeMap::new();
    for index in waiting {
        let Some(task) = observations.tasks.get(index) else { continue };
        let spans = common(&common(&[task.waiting(last)], &leaving), &full);
        for span in spans.into_iter().filter(|(from, to)| to - from >= observations.least) {
            by_deployment.entry((observations.text(task.deployment), task.deployment)).or_default().push((span, index));
        }
    }
    let mut stalls = Vec::new();
    for ((_, deployment), mut spans) in by_deployment {
        spans.sort_unstable();
        let mut rest = spans.as_slice();
        while let Some(&((start, mut end), _)) = rest.first() {
            let touching = rest.iter().take_while(|((from, to), _)| {
                let touches = *from <= end;
                if touches {
                    end = end.max(*to);
                }
                touches
            });
            let count = touching.count();
            let (own, later) = rest.split_at(count);
            rest = later;
            let mut pending: Vec<usize> = own.iter().map(|(_, index)| *index).collect();
            pending.sort_unstable_by_key(order);
            pending.dedup();
            stalls.push(stall(observations, &instances, (start, end), deployment, pending));
        }
    }
    stalls.sort_by_key(|stall| (stall.start, stall.end));
    stalls
}

fn stall(
    observations: &Observations<'_>,
    instances: &[Instance],
    (start, end): Span,
    deployment: u32,
    pending: Vec<usize>,
) -> Stall {
    let last = observations.last;
    let inside = |span: Span| span.0 < end && span.1 > start;
    let mut stopping: Vec<usize> = (0..observations.tasks.len())
        .filter(|index| observations.tasks.get(*index).and_then(|task| task.stopping(last)).is_some_and(inside))
        .collect();
    stopping.sort_unstable_by_key(|index| observations.tasks.get(*index).map(|task| (task.start(), task.key)));
    // The peak of reservations: the start of a task, or the beginning.
    let live: Vec<&Task> = observations.tasks.iter().filter(|task| inside((task.start(), task.end(last)))).collect();
    let mut moments: Vec<i64> = live.iter().map(|task| task.start().max(start)).filter(|at| *at < end).collect();
    moments.push(start);
    moments.sort_unstable();
    moments.dedup();
    let at = |at: i64| {
        let mut sizes = [Size::default(); 3];
        for task in live.iter().filter(|task| task.start() <= at && task.end(last) > at) {
            let holds = |(from, to): Span| from <= at && at < to;
            let kind = if task.stopping(last).is_some_and(holds) {
                1
            } else if holds(task.waiting(last)) {
                2
            } else {
                0
            };
            if let Some(size) = sizes.get_mut(kind) {
                *size = size.plus(Size { cpu: task.cpu, memory: task.memory });
            }
        }
        sizes
    };
    let most = moments.into_iter().map(at).reduce(|most, sizes| {
        let sum = |sizes: &[Size; 3]| sizes.iter().copied().fold(Size::default(), Size::plus);
        let (old, new) = (sum(&most), sum(&sizes));
        if (new.cpu, new.memory) > (old.cpu, old.memory) { sizes } else { most }
    });
    let [running, leaving, waiting] = most.unwrap_or_default();
    Stall { start, end, deployment, pending, stopping, instance: instance_at(instances, start), running, leaving, waiting }
}

/// The last recorded state of an instance before a time, else the first one after it.
fn instance_at(instances: &[Instance], time: i64) -> Instance {
    let nothing = Instance { time: i64::MIN, cpu: 0, memory: 0, agent: NONE, ec2: NONE, id: NONE };
    let sized = || instances.iter().filter(|instance| instance.cpu > 0 || instance.memory > 0);
    sized().rfind(|instance| instance.time <= time).or_else(|| sized().next()).copied().unwrap_or(nothing)
}

/// When the live tasks reserve more than the instance registered; never if that is unknown.
fn full(observations: &Observations<'_>, instances: &[Instance]) -> Vec<Span> {
    let mut edges: Vec<(i64, Size)> = Vec::with_capacity(observations.tasks.len() * 2);
    for task in &observations.tasks {
        let (start, end) = (task.start(), task.end(observations.last));
        if start < end {
            let size = Size { cpu: task.cpu, memory: task.memory };
            edges.push((start, size));
            edges.push((end, Size::default().minus(size)));
        }
    }
    // Registered resources can change.
    edges.extend(instances.iter().map(|instance| (instance.time, Size::default())));
    edges.sort_unstable_by_key(|edge| edge.0);
    let mut spans: Vec<Span> = Vec::new();
    let mut level = Size::default();
    let mut rest = edges.as_slice();
    while let Some(&(time, _)) = rest.first() {
        let here = rest.iter().take_while(|edge| edge.0 == time).count();
        let (now, later) = rest.split_at(here);
        level = now.iter().fold(level, |level, (_, size)| level.plus(*size));
        rest = later;
        let Some(&(next, _)) = rest.first() else { break };
        let registered = instance_at(instances, time);
        let above = |level: i64, registered: i64| registered > 0 && level > registered;
        if above(level.cpu, registered.cpu) || above(level.memory, registered.memory) {
            spans.push((time, next));
        }
    }
    union(spans)
}

/// Merges adjacent intervals.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// The intersection of two sorted lists of non-overlapping intervals.
fn common(left: &[Span], right: &[Span]) -> Vec<Span> {
    let mut spans = Vec::new();
    for &(from, to) in left {
        let first = right.partition_point(|(_, end)| *end <= from);
        let near = right.get(first..).unwrap_or_default().iter().take_while(|(start, _)| *start < to);
        spans.extend(near.map(|(start, end)| (from.max(*start), to.min(*end))));
    }
    spans
}
