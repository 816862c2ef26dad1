//! What the nouns add to plans, for processes that run plans of others: operators, and functions with state.

use std::sync::Arc;

use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use serde::{Deserialize, Serialize};

use super::quota::limits::{self, Quotas};
use super::{quota, stalls};
use crate::engine::operators::PortableOperator;

/// The operators.
pub fn operators() -> [PortableOperator; 2] {
    [quota::steps::portable(), stalls::operator::portable()]
}

/// A function with its state.
#[derive(Debug, Serialize, Deserialize)]
pub enum FunctionDocument {
    /// A function of limits, by name.
    Limits(String, limits::Document),
    /// `min_blocked`.
    MinBlocked(i64),
}

/// The state of a function; none if it has no state, or is not one of these.
pub fn function_document(function: &ScalarUDF) -> Option<FunctionDocument> {
    let limits = quota::limit_function::document(function);
    limits
        .map(|limits| FunctionDocument::Limits(function.name().to_owned(), limits))
        .or_else(|| stalls::min_blocked::document(function).map(FunctionDocument::MinBlocked))
}

/// The function with this state.
///
/// # Errors
///
/// If this program has no such function.
pub fn function_of(document: FunctionDocument) -> Result<ScalarUDF> {
    match document {
        FunctionDocument::Limits(name, limits) => {
            let functions = quota::limit_function::functions(&Arc::new(Quotas::of_document(limits)));
            let function = functions.into_iter().find(|function| function.name() == name);
            function.ok_or_else(|| exec_datafusion_err!("`{name}` is not a function of limits"))
        }
        FunctionDocument::MinBlocked(micros) => Ok(stalls::min_blocked::min_blocked_function(micros)),
    }
}
