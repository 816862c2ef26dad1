//! The main bursts of failures in a window, to look up the changes before each of them.

use super::{BURST, Changes, before};
use crate::explain::records::{Records, failures_view, text, time};
use crate::micros::SECOND;
use crate::run::RunError;
use jiff::Timestamp;

/// Failures with the same cause in the same place, each soon after the previous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// The first failure.
    pub first: Timestamp,
    /// The last failure.
    pub last: Timestamp,
    /// The number of failures.
    pub failures: usize,
    /// The id of the first.
    pub id: String,
    /// The record of the first.
    pub record: String,
    /// Their failure catalog entry.
    pub cause: Option<String>,
    /// Cluster or project.
    pub place: Option<String>,
}

/// The largest bursts that begin in a window, up to `most`. Refused calls and consequences of other failures are excluded.
pub fn bursts(records: &Records<'_>, window: (Timestamp, Timestamp), most: usize) -> Result<Vec<Burst>, RunError> {
    let view = records.view(&failures_view());
    let apart = BURST * SECOND;
    let same = "partition by account, region, place, cause order by \"time\", id";
    let rows = records.rows(&format!(
        "select max(cause) as cause, max(place) as place, count(*) as failures, min(\"time\") as first, max(\"time\") as last, \
         max(case when begins = 1 then id end) as id, max(case when begins = 1 then record end) as record from (\
           select *, sum(begins) over ({same}) as burst from (\
             select *, case when cast(\"time\" as bigint) - lag(cast(\"time\" as bigint)) over ({same}) <= {apart} \
               then 0 else 1 end as begins from (\
               select id, record, \"time\", account, region, coalesce(\"cluster\", project) as place, coalesce(cause, reason) as cause \
               from {view} f where kind <> 'api_error' and secondary is not true \
               and \"time\" >= {} and \"time\" < {}) a) b) c \
         group by account, region, place, cause, burst order by failures desc, first, id limit {most}",
        time(window.0),
        time(window.1)
    ))?;
    let burst = |row: &crate::explain::records::Row| {
        Some(Burst {
            first: row.time("first")?,
            last: row.time("last")?,
            failures: usize::try_from(row.int("failures")?).ok()?,
            id: row.text("id")?.to_owned(),
            record: row.text("record").unwrap_or_default().to_owned(),
            cause: row.text("cause").map(str::to_owned),
            place: row.text("place").map(str::to_owned),
        })
    };
    let bursts: Vec<Burst> = rows.iter().filter_map(burst).collect();
    // A single failure counts as a burst only if there are no larger ones.
    let several = bursts.iter().filter(|burst| burst.failures > 1).count();
    Ok(if several == 0 { bursts } else { bursts.into_iter().take(several).collect() })
}

/// The changes in the half hour before a burst.
pub fn changes_of(records: &Records<'_>, burst: &Burst) -> Result<Option<Changes>, RunError> {
    let failures = records.failures(&format!("id = {}", text(&burst.id)))?;
    let Some(failure) = failures.first() else { return Ok(None) };
    before(records, failure, burst.first, burst.failures).map(Some)
}
