//! Why a query cannot be planned.

use datafusion::error::DataFusionError;

use crate::diagnostic::Diagnostic;

/// Why a query could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// An error in the query, with its position.
    #[error("{}", .0.message)]
    Typed(Box<Diagnostic>),
    /// The engine rejected the plan.
    #[error("cannot plan this query: {0}")]
    Engine(#[from] DataFusionError),
    /// A query that the checker should have rejected.
    #[error("{0}; this is a bug in ecs-audit")]
    Unchecked(String),
}
