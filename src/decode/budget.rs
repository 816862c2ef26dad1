//! Limits what reading one file may cost: one object keeps count, and every reader checks with it before doing the work.
//!
//! In: [`Limits`] and the costs as they arise. Out: permission, or [`Exceeded`], which names the limit. A budget is
//! shared by the parts of a file that are read in parallel and by the members of an archive. Honest exports stay far
//! below every limit. Invariant: the allowances depend only on the bytes on disk, so the cost of a file is linear in
//! its size. `docs/limits.md` lists all numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The limits for one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk.
    pub file_bytes: u64,
    /// Bytes of one decompressed text, which is held in memory as a whole.
    pub text_bytes: usize,
    /// Decompressed bytes that every file may have, in all layers and members together.
    pub inflated: u64,
    /// Decompressed bytes per byte on disk, up to `inflated_large` bytes in all.
    pub ratio: u64,
    /// From this many decompressed bytes on, `ratio_large` applies.
    pub inflated_large: u64,
    /// Decompressed bytes per byte on disk for large results.
    pub ratio_large: u64,
    /// Bytes of one compressed message within a record.
    pub message_bytes: usize,
    /// Records that every file may have; beyond it, one per byte on disk.
    pub records: u64,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// JSON nodes (values and keys) of one record.
    pub nodes: usize,
    /// JSON nodes of all records of a file; beyond it, sixteen per byte on disk.
    pub file_nodes: u64,
    /// Bytes that the search for the next record after damage may look at in vain, beyond twice the text.
    pub resync: u64,
    /// Rejected records of one file that are kept with their details; further ones are only counted.
    pub remembered: usize,
    /// Distinct notes of one file.
    pub notes: usize,
}

impl Limits {
    /// The limits of a load.
    pub const STANDARD: Limits = Limits {
        file_bytes: 2 << 30,
        text_bytes: 2 << 30,
        inflated: 64 << 20,
        ratio: 400,
        inflated_large: 1 << 30,
        ratio_large: 100,
        message_bytes: 64 << 20,
        records: 1_000_000,
        record_bytes: 64 << 20,
        nodes: 4 << 20,
        file_nodes: 64 << 20,
        resync: 64 << 20,
        remembered: 1_000,
        notes: 50,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::STANDARD
    }
}

/// A limit that a file exceeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// A code: `decompression_bomb`, `too_large`, `too_many_records` or `too_many_nodes`.
    pub why: &'static str,
    /// The limit, for the user.
    pub detail: String,
}

/// JSON nodes per byte on disk; records that compress well have five.
const NODES_PER_BYTE: u64 = 16;

/// The costs of one file so far.
#[derive(Debug, Default)]
pub struct Budget {
    limits: Limits,
    /// Bytes on disk.
    read: AtomicU64,
    inflated: AtomicU64,
    records: AtomicU64,
    nodes: AtomicU64,
}

impl Budget {
    /// A budget for a new file.
    pub fn new(limits: Limits) -> Self {
        Budget { limits, ..Budget::default() }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts bytes on disk, which raise the other allowances.
    pub fn charge_read(&self, bytes: u64) -> Result<(), Exceeded> {
        let limit = self.limits.file_bytes;
        if add(&self.read, bytes) > limit {
            return Err(Exceeded { why: "too_large", detail: format!("more than the limit of {limit} bytes for one file") });
        }
        Ok(())
    }

    /// How many bytes may still be decompressed.
    pub fn inflatable(&self) -> u64 {
        self.most_inflated().saturating_sub(self.inflated.load(Ordering::Relaxed))
    }

    /// Counts decompressed bytes. Call this before allocating memory for them if their number is known.
    pub fn charge_inflated(&self, bytes: u64) -> Result<(), Exceeded> {
        if add(&self.inflated, bytes) > self.most_inflated() { Err(self.bomb()) } else { Ok(()) }
    }

    /// The error for too many decompressed bytes.
    pub fn bomb(&self) -> Exceeded {
        let (read, most) = (self.read.load(Ordering::Relaxed), self.most_inflated());
        let detail = format!("{read} bytes expand to more than {most} bytes: a decompression bomb");
        Exceeded { why: "decompression_bomb", detail }
    }

    fn most_inflated(&self) -> u64 {
        let Limits { inflated, ratio, inflated_large, ratio_large, .. } = self.limits;
        let read = self.read.load(Ordering::Relaxed);
        read.saturating_mul(ratio).min(inflated_large).max(read.saturating_mul(ratio_large)).max(inflated)
    }

    /// Counts records, before they are read.
    pub fn charge_records(&self, records: u64) -> Result<(), Exceeded> {
        let most = self.limits.records.max(self.read.load(Ordering::Relaxed));
        if add(&self.records, records) > most {
            let detail = format!("more than {most} records, the limit for a file of this size; split the file");
            return Err(Exceeded { why: "too_many_records", detail });
        }
        Ok(())
    }

    /// Counts the nodes of a record.
    pub fn charge_nodes(&self, nodes: u64) -> Result<(), Exceeded> {
        let most = self.limits.file_nodes.max(self.read.load(Ordering::Relaxed).saturating_mul(NODES_PER_BYTE));
        if add(&self.nodes, nodes) > most {
            let detail = format!("more than {most} values and keys, the limit for a file of this size; split the file");
            return Err(Exceeded { why: "too_many_nodes", detail });
        }
        Ok(())
    }
}

/// Adds to a counter and returns the sum; counters stop at their maximum.
fn add(counter: &AtomicU64, more: u64) -> u64 {
    let before = counter.fetch_add(more, Ordering::Relaxed);
    before.checked_add(more).unwrap_or_else(|| {
        counter.store(u64::MAX / 2, Ordering::Relaxed);
        u64::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_is_relative_to_the_bytes_on_disk() {
        let allowed = |read: u64| {
            let budget = Budget::new(Limits { file_bytes: u64::MAX, ..Limits::STANDARD });
            budget.charge_read(read).unwrap();
            budget.inflatable()
        };
        assert_eq!(allowed(0), 64 << 20);
        assert_eq!(allowed(1 << 20), 400 << 20);
        assert_eq!(allowed(10_000_000), 1 << 30);
        assert_eq!(allowed(100 << 20), 100 * (100 << 20));
    }

    #[test]
    fn each_limit_is_met_and_exceeded_by_one() {
        let limits =
            Limits { file_bytes: 10, inflated: 20, ratio: 1, ratio_large: 1, records: 5, file_nodes: 6, ..Limits::STANDARD };
        let budget = Budget::new(limits);
        assert_eq!(budget.charge_read(10), Ok(()));
        assert_eq!(budget.charge_read(1).unwrap_err().why, "too_large");
        let budget = Budget::new(limits);
        assert_eq!((budget.charge_inflated(15), budget.charge_inflated(5), budget.inflatable()), (Ok(()), Ok(()), 0));
        assert_eq!(budget.charge_inflated(1).unwrap_err().why, "decompression_bomb");
        assert_eq!(
            (budget.charge_records(5), budget.charge_records(1).map_err(|error| error.why)),
            (Ok(()), Err("too_many_records"))
        );
        assert_eq!((budget.charge_nodes(6), budget.charge_nodes(1).map_err(|error| error.why)), (Ok(()), Err("too_many_nodes")));
        // Counters do not wrap around.
        assert!(budget.charge_inflated(u64::MAX).is_err() && budget.charge_inflated(1).is_err());
    }
}
