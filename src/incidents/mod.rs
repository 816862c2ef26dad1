//! Incidents: failures, lost launches, missed starts, stalls and collisions that belong together, counted once.
//!
//! In: [`Signal`]s, one per failure, launch, missed start, collision and stall. Out: [`Incident`]s that partition them.
//! The rule, applied to the signals in the order of their start:
//!
//! 1. **One thing seen several times.** A launch joins the failures of its calls; entries of one call join each other;
//!    a missed start joins its launch; a collision joins the failure of its launch.
//! 2. **One disconnect.** Collisions with the same disconnect of an agent are one incident. Routine reconnects minutes
//!    apart are different ones.
//! 3. **One deployment.** Stalls of a deployment are one incident, and so are its tasks that never ran and failed in
//!    the same phase. Placement problems that a service reports during its stall join the stall.
//! 4. **Same place, same root.** Failures of one service, job or run with the same root class join if they are at most
//!    [`PLACE_GAP`] apart.
//! 5. **Shared root.** Failures of different services or jobs join if they are at most [`SHARED_GAP`] apart and share
//!    the resource that failed: the subnet or cluster for the network, the quota of the account and Region, the
//!    container instance, the role, secret or image (`shared` in `knowledge/incident-roots.toml`).
//! 6. **Silence.** Consecutive missed starts of a schedule without any call are one incident. Starts in hours without
//!    records are not incidents, because nothing is known about them.
//! 7. **Consequences.** A secondary failure, a failed deployment, or a service that reports that its tasks do not stay
//!    up joins the latest root before it: of the same deployment or service within [`ROLLOUT`], of the same dstack run
//!    within [`RUN_GAP`]. Without such a root it is an incident of its own.
//!
//! Invariants: every signal belongs to exactly one incident, except launches that were not lost and that no failure refers to; the
//! result does not depend on the input order. Nothing here reads records or knows the engine.

mod group;
mod hit;
mod label;
mod root;
mod rule;
mod signal;
mod summary;
#[cfg(test)]
mod tests;
mod title;

pub use group::incidents;
pub use hit::{Hit, HitKind};
pub use signal::{Place, Signal, SignalKind, Waste};
pub use summary::{Confidence, Incident, WithoutRun};

use crate::micros::{HOUR, MINUTE};

/// How far apart failures of one service or job with the same root may be: ECS waits up to 15 minutes between attempts
/// of a service, and schedules of up to half an hour fail in a row.
pub const PLACE_GAP: i64 = 30 * MINUTE;
/// How far apart failures of different services or jobs with a shared root may be.
pub const SHARED_GAP: i64 = 10 * MINUTE;
/// How long before a deployment is reported as failed its tasks may have failed.
pub const ROLLOUT: i64 = 3 * HOUR;
/// How far apart the failure of a dstack job and its consequences may be.
pub const RUN_GAP: i64 = HOUR;
/// Clocks of different sources differ by up to this much.
const JITTER: i64 = MINUTE;
