//! What is known about failures, as data: the texts of the built-in catalog and the shape of its entries.
//!
//! In: TOML. Out: [`CatalogText`], checked against the vocabulary of phases and classes. To teach the
//! tool an error, add an entry to one of the TOML files; its own examples are its tests.

mod actions;
mod console;
mod dstack_wrappers;
mod entry;
mod formats;
mod injected;
mod instances;
mod locations;
mod mapped_field;
mod outcome;
mod places;
mod shapes;
mod states;
mod wrappers;

pub use actions::{SESSION_ACTIONS, is_ecs_action};
pub use console::{ConsoleNames, ConsolePage, console_link};
pub use dstack_wrappers::{WrappedText, is_of_dstack, quotes_call_of_dstack, unwrapped};
pub use entry::{Benign, CatalogText, Entry, ExitCode, ExitStatus, JobReason, RunReason, StopCode, TextKind, Verdict};
pub use formats::{Signature, cloudtrail_key};
pub use injected::InjectedContainer;
pub use instances::{agent_queues, task_interfaces};
pub use locations::instead_of;
pub use mapped_field::{FieldForm, MappedField};
pub use outcome::{DeploymentOutcome, FaultOf};
pub use places::{Host, where_to_look};
pub use shapes::{described_list, described_lists, described_object, is_launch_reason, is_stop_text};
pub use states::{deployment_failed, event_is_failure, event_of_status};
pub use wrappers::{Wrapper, wrappers};

/// Amazon ECS and Fargate messages, exit codes and stop codes.
pub const ECS_ERRORS: &str = include_str!("ecs-errors.toml");

/// Reasons and messages of dstack.
pub const DSTACK: &str = include_str!("dstack.toml");

/// The built-in catalog, one text per file. The order counts: the first entry that matches wins, so that reasons
/// inside other texts come first, and entries that only know the kind of a failure come after all others.
pub const CATALOG: [&str; 11] = [
    include_str!("tools.toml"),
    include_str!("deployments.toml"),
    include_str!("ec2-launch.toml"),
    include_str!("inner-reasons.toml"),
    ECS_ERRORS,
    include_str!("ecs-agent.toml"),
    include_str!("ecs-api.toml"),
    include_str!("api-codes.toml"),
    include_str!("engine.toml"),
    include_str!("catch-all.toml"),
    DSTACK,
];

/// What a secret looks like: names, options of commands, and the formats of providers.
pub const SECRETS: &str = include_str!("secrets.toml");

/// Root classes of incidents.
pub const INCIDENT_ROOTS: &str = include_str!("incident-roots.toml");

/// Where something can fail, for ECS and dstack alike.
pub const PHASES: &[&str] = &[
    "placement",
    "capacity",
    "network",
    "image_pull",
    "config_fetch",
    "logging",
    "volume",
    "container_create",
    "container_start",
    "running",
    "health_check",
    "stop_request",
    "host",
    "spot",
    "deployment",
    "api",
];

/// How to respond to a failure.
pub const CLASSES: &[&str] = &["transient", "configuration", "capacity", "application", "operator", "infrastructure"];

/// What a retry can do.
pub const RETRIES: &[&str] = &["backoff", "after_fix", "conditional", "none"];

/// Where the wording of an entry is from; `kind_only` where an entry knows the kind of a failure and nothing else.
pub const CONFIDENCES: &[&str] = &["documented", "source", "observed", "unverified", "kind_only"];
