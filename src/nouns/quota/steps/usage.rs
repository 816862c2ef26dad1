//! When tasks used their pools: the compact form of a share of the tasks.

use std::sync::Arc;

use super::task_interval::{Shard, Size, Task};
use crate::engine::operators::index::{Interner, NONE, starts};

/// The usage of a task: half a cache line, because tasks are looked up in random order.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub struct Use {
    pub start: i64,
    pub early: i64,
    pub end: i64,
    /// The number of its size.
    pub size: u32,
    /// Whether the task has a name.
    pub named: bool,
}

/// The usage of some tasks. Tasks at one place are stored next to the others of their setting, so that those of a
/// pool are close together; tasks at several places come last.
#[derive(Debug, Default)]
pub struct Uses {
    pub list: Vec<Use>,
    pub sizes: Interner<Size>,
    /// The ids of their records, if needed.
    pub ids: Vec<Arc<str>>,
    /// The start offset of each setting, and of the tasks at several places.
    pub starts: Vec<usize>,
}

/// What else is known about the tasks, until their pools are known.
#[derive(Debug)]
pub struct Places {
    /// The service and container instance of each task, by string numbers.
    pub partials: Vec<(u32, u32)>,
    /// The new position of each row of the share.
    pub rows: Vec<u32>,
}

impl Uses {
    /// The compact form of a share, given the number of settings.
    pub fn of(shard: Shard, settings: u32) -> (Uses, Places) {
        let Shard { tasks, sizes, ids: observed, .. } = shard;
        let group = |task: &Task| if task.first && task.next == NONE { task.place.setting } else { settings };
        let starts = starts(tasks.iter().map(group), settings as usize + 1);
        let mut next = starts.clone();
        let count = tasks.len();
        let mut list = vec![Use::default(); count];
        let mut places = Places { partials: vec![(NONE, NONE); count], rows: Vec::with_capacity(count) };
        tasks.into_iter().for_each(|task| {
            let Some(row) = next.get_mut(group(&task) as usize) else { return };
            if let (Some(used), Some(partials)) = (list.get_mut(*row), places.partials.get_mut(*row)) {
                let (start, early, end) = task.times.span();
                *used = Use { start, early, end, size: task.size, named: task.key != [0, 0] };
                *partials = (task.place.service, task.place.instance);
            }
            places.rows.push(u32::try_from(*row).unwrap_or(NONE));
            *row += 1;
        });
        let mut ids = vec![Arc::from(""); if observed.is_some() { count } else { 0 }];
        for (id, row) in observed.into_iter().flatten().zip(&places.rows) {
            if let Some(slot) = ids.get_mut(*row as usize) {
                *slot = id;
            }
        }
        (Uses { list, sizes, ids, starts }, places)
    }
}
