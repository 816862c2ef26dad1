//! Plans everything that a question runs, without running it.
//!
//! In: a session with recording tables ([`crate::engine::RecordingTable`] in the place of each base table), and a
//! question. Out: nothing but what the tables recorded, the columns that the question reads. Nothing is guessed from the
//! text of the question: what is planned here is what is planned when it runs, operators with inputs of their own
//! included.

use datafusion::prelude::SessionContext;

use super::{RunError, empty, few_rows, sql_frame};
use crate::lang::checked::Checked;
use crate::plan::{self, Options};

/// Plans what [`super::evaluate_few`], [`super::answer`] and [`super::explain_empty`] run for a query.
pub async fn dry_run(session: &SessionContext, checked: &Checked, options: Options) -> Result<(), RunError> {
    let mut frames = vec![plan::plan(session, checked, options).await?.frame];
    if let Some(view) = few_rows(checked, options) {
        frames.push(session.sql(&view).await?);
    }
    frames.extend(empty::frames(session, checked, options).await?);
    for frame in frames {
        frame.create_physical_plan().await?;
    }
    Ok(())
}

/// Plans a SQL statement.
pub async fn dry_run_sql(session: &SessionContext, text: &str) -> Result<(), RunError> {
    sql_frame(session, text).await?.create_physical_plan().await?;
    Ok(())
}
