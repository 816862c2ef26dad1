//! Why a query cannot be planned.

use datafusion::error::DataFusionError;

use crate::diagnostic::Diagnostic;

/// A plan that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Something the person typed, with its place.
    #[error("{}", .0.message)]
    Typed(Box<Diagnostic>),
    /// The engine refused.
    #[error("the engine cannot plan this: {0}")]
    Engine(#[from] DataFusionError),
    /// The checker let something through.
    #[error("{0}; this is a bug in ecs-audit")]
    Unchecked(String),
}
