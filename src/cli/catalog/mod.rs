//! `ecs-audit catalog`: browse, test and extend the catalog of failure messages.

mod explain;
mod list;
mod show;
mod trial;

use super::args::{CatalogAction, CatalogArgs, Global};
use crate::app::AppError;
use crate::context::Context;
use crate::exit::ExitCode;

/// Runs the command.
pub fn run(arguments: &CatalogArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    match &arguments.action {
        CatalogAction::List(arguments) => list::run(arguments, global.quiet, context),
        CatalogAction::Show(arguments) => show::run(arguments, context),
        CatalogAction::Explain(arguments) => explain::run(arguments, context),
        CatalogAction::Test(arguments) => trial::run(arguments, context),
    }
}
