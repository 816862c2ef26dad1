//! When tasks used their pools: what is left of a share of the tasks, near to what is read with it.

use std::sync::Arc;

use super::span::{Shard, Size, Task};
use crate::plan::sweep::index::{Distinct, NONE, starts};

/// When a task used its pools, and how much: half a line of memory, for they are looked up out of order.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub struct Use {
    pub start: i64,
    pub early: i64,
    pub end: i64,
    /// The number of its size.
    pub size: u32,
    /// Whether events name the task.
    pub named: bool,
}

/// What some tasks used. Tasks at one place stand side by side with the others of their setting, so that those
/// of one pool are near each other; behind them all stands what was told of several places.
#[derive(Debug, Default)]
pub struct Uses {
    pub list: Vec<Use>,
    pub sizes: Distinct<Size>,
    /// The ids of their records, where they are asked for.
    pub ids: Vec<Arc<str>>,
    /// Where the tasks of each setting begin, and then those of several places.
    pub starts: Vec<usize>,
}

/// What else is known of the tasks until their pools are.
#[derive(Debug)]
pub struct Places {
    /// Service and container instance of each, by numbers of texts.
    pub parts: Vec<(u32, u32)>,
    /// Where each row of the share stands now.
    pub rows: Vec<u32>,
}

impl Uses {
    /// What is needed of a share of the tasks from here on, given how many settings there are.
    pub fn of(shard: Shard, settings: u32) -> (Uses, Places) {
        let Shard { tasks, sizes, ids: told, .. } = shard;
        let group = |task: &Task| if task.first && task.next == NONE { task.place.setting } else { settings };
        let starts = starts(tasks.iter().map(group), settings as usize + 1);
        let mut next = starts.clone();
        let count = tasks.len();
        let mut list = vec![Use::default(); count];
        let mut places = Places { parts: vec![(NONE, NONE); count], rows: Vec::with_capacity(count) };
        tasks.into_iter().for_each(|task| {
            let Some(row) = next.get_mut(group(&task) as usize) else { return };
            if let (Some(used), Some(parts)) = (list.get_mut(*row), places.parts.get_mut(*row)) {
                let (start, early, end) = task.times.span();
                *used = Use { start, early, end, size: task.size, named: task.key != [0, 0] };
                *parts = (task.place.service, task.place.instance);
            }
            places.rows.push(u32::try_from(*row).unwrap_or(NONE));
            *row += 1;
        });
        let mut ids = vec![Arc::from(""); if told.is_some() { count } else { 0 }];
        for (id, row) in told.into_iter().flatten().zip(&places.rows) {
            if let Some(slot) = ids.get_mut(*row as usize) {
                *slot = id;
            }
        }
        (Uses { list, sizes, ids, starts }, places)
    }
}
