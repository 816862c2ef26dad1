//! Runs queries in parallel: planning a query keeps a thread busy, and many queries are independent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The stack size of a query thread, in bytes: the planner recurses deeply for long conditions.
const STACK: usize = 16 << 20;

/// Applies a function to each item with a number of threads; results are in item order.
pub fn parallel_map<T: Sync, R: Send>(threads: usize, items: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, made) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let one = make(item);
            made.lock().unwrap_or_else(PoisonError::into_inner).insert(index, one);
        }
    };
    thread::scope(|scope| {
        // If a thread cannot be started, the others do its work, including the current one.
        for _ in 1..threads.min(items.len()) {
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok();
        }
        work();
    });
    made.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let numbers: Vec<usize> = (0..100).collect();
        let doubled: Vec<usize> = numbers.iter().map(|number| number * 2).collect();
        for threads in [0, 1, 7] {
            assert_eq!(parallel_map(threads, &numbers, |number| number * 2), doubled);
        }
        assert!(parallel_map(4, &[] as &[u8], |number| *number).is_empty());
    }
}
