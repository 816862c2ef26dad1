//! Runs queries in parallel: planning a query keeps a thread busy, and many queries are independent.

use super::RunError;
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

/// As [`parallel_map`], for queries: those that found too little memory beside the others run again alone.
pub fn parallel_queries<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    ask: impl Fn(&T) -> Result<R, RunError> + Sync,
) -> Vec<Result<R, RunError>> {
    let mut answers = parallel_map(threads, items, &ask);
    for (item, answer) in items.iter().zip(&mut answers).filter(|(_, answer)| matches!(answer, Err(RunError::Memory(_)))) {
        *answer = ask(item);
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_that_found_too_little_memory_run_again_alone() {
        let runs = AtomicUsize::new(0);
        // Each one uses all memory that there is; the third needs more.
        let memory = AtomicUsize::new(1);
        let ask = |need: &usize| {
            runs.fetch_add(1, Ordering::Relaxed);
            let is_there = memory.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(*need)).is_ok();
            thread::sleep(std::time::Duration::from_millis(20));
            if is_there {
                memory.fetch_add(*need, Ordering::AcqRel);
            }
            is_there.then_some(*need).ok_or_else(|| RunError::Memory(String::new()))
        };
        let answers = parallel_queries(3, &[1, 1, 2, 1], ask);
        assert!(matches!(answers.as_slice(), [Ok(1), Ok(1), Err(RunError::Memory(_)), Ok(1)]), "{answers:?}");
        assert!(runs.into_inner() > 4, "the one without enough memory is tried twice");
    }

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
