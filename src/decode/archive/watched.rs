//! A reader that charges a budget and remembers why it stopped.
//!
//! Readers of archives wrap or replace the errors of what they read; this keeps the first one, so that damage of the
//! compressed stream is not taken for damage of the archive.

use super::super::budget::{Budget, Exceeded};
use super::super::compression::problem_of_error;
use super::super::inflate::InflateProblem;
use std::io::{Error, Read};

/// The reader.
pub struct Watched<'b, R> {
    inner: R,
    /// The budget to charge, unless the bytes have been charged before.
    budget: Option<&'b Budget>,
    problem: Option<InflateProblem>,
    exceeded: Option<Exceeded>,
    has_ended: bool,
}

impl<R> std::fmt::Debug for Watched<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("problem", &self.problem).finish_non_exhaustive()
    }
}

impl<'b, R: Read> Watched<'b, R> {
    /// Watches a reader; its bytes are charged to the budget as decompressed ones.
    pub fn new(inner: R, budget: Option<&'b Budget>) -> Self {
        Watched { inner, budget, problem: None, exceeded: None, has_ended: false }
    }

    /// Whether all bytes have been read.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Why it stopped before the end.
    pub fn problem(&self) -> Option<InflateProblem> {
        self.exceeded.clone().map(InflateProblem::Bomb).or_else(|| self.problem.clone())
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.exceeded.is_some() {
            return Err(Error::other("limit"));
        }
        match self.inner.read(out) {
            Ok(read) => {
                self.has_ended |= read == 0 && !out.is_empty();
                if let Some(Err(limit)) = self.budget.map(|budget| budget.charge_inflated(read as u64)) {
                    self.exceeded = Some(limit);
                    return Err(Error::other("limit"));
                }
                Ok(read)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.problem.get_or_insert_with(|| problem_of_error(&error));
                Err(error)
            }
        }
    }
}
