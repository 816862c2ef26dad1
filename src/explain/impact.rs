//! The size of an incident, or of a series of incidents, in words: each number once.

use crate::plural::counted;

/// The numbers of one incident, or the sums of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Failures that are not consequences.
    pub failures: i64,
    /// Failures that are consequences.
    pub consequences: i64,
    /// Launches that were never placed.
    pub launches_lost: i64,
    /// Launches that a retry placed.
    pub launches_healed: i64,
    /// Starts that never ran.
    pub missed_starts: i64,
    /// Starts without any call.
    pub not_called: i64,
    /// Tasks that failed, waited, or were not placed.
    pub tasks: i64,
}

impl Counts {
    /// The number of tasks, or 0 if it only repeats the number of lost launches, which the title has.
    pub fn tasks_besides(&self) -> i64 {
        if self.tasks == self.launches_lost { 0 } else { self.tasks }
    }

    /// The numbers with their names. Lost launches that are the missed starts are not counted twice. Stalls are left out: the
    /// title has their number.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.missed_starts > 0 {
            let starts = counted(self.missed_starts, "scheduled start missed", "scheduled starts missed");
            words.push(match self.not_called {
                0 => starts,
                all if all == self.missed_starts => format!("{starts} without a call"),
                some => format!("{starts} ({some} without a call)"),
            });
        }
        let of_starts = self.missed_starts.saturating_sub(self.not_called);
        let lost = if self.launches_lost == of_starts { 0 } else { self.launches_lost };
        let others = [
            (lost, "launch lost", "launches lost"),
            (self.failures, "failure", "failures"),
            (self.consequences, "consequence", "consequences"),
            (self.launches_healed, "launch placed by a retry", "launches placed by a retry"),
        ];
        let others = others.iter().filter(|(count, _, _)| *count > 0);
        words.extend(others.map(|(count, one, many)| counted(*count, one, many)));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_name() {
        let scheduled = Counts { failures: 7, launches_lost: 4, missed_starts: 4, tasks: 4, ..Counts::default() };
        assert_eq!(scheduled.words(), ["4 scheduled starts missed", "7 failures"]);
        assert_eq!(scheduled.tasks_besides(), 0);
        let others = Counts { launches_lost: 5, tasks: 6, ..scheduled };
        assert_eq!(others.words(), ["4 scheduled starts missed", "5 launches lost", "7 failures"]);
        assert_eq!(others.tasks_besides(), 6);
        let silent = Counts { missed_starts: 1, not_called: 1, ..Counts::default() };
        assert_eq!(silent.words(), ["1 scheduled start missed without a call"]);
        let partly = Counts { missed_starts: 3, not_called: 1, launches_lost: 2, failures: 1, ..Counts::default() };
        assert_eq!(partly.words(), ["3 scheduled starts missed (1 without a call)", "1 failure"]);
    }
}
