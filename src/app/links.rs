//! Adds a column to a result with links to the AWS console.

use super::dataset::Dataset;
use super::error::AppError;
use crate::answer::{Answer, Column, ColumnKind};
use crate::explain::{Named, links_of_rows};
use crate::lang::Checked;
use crate::render::{Cell, ROLE, ROLE_LINK, rows};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// The name of the column.
const LINK: &str = "link";

/// The nouns whose rows are events of CloudTrail, under their ids.
const CALLS: [&str; 2] = ["calls", "attempts"];

/// A result with a link for each row that names a task, a service, a container instance, a cluster or an event, or that has one
/// record behind it. The last column of `answer` is the evidence, which is kept if it is asked for.
pub fn linked(answer: &Answer, checked: &Checked, keeps_evidence: bool, tables: &Dataset) -> Result<Answer, AppError> {
    let is_call = CALLS.contains(&checked.source.as_str());
    let named: Vec<Named> = rows(answer)?.iter().map(|cells| named(&answer.columns, cells, is_call)).collect();
    let links = StringArray::from(links_of_rows(&tables.records(), &named)?);
    let kept = answer.columns.len().saturating_sub(usize::from(!keeps_evidence));
    let column = Column { name: LINK.to_owned(), kind: ColumnKind::Text };
    let fields = answer.schema.fields().iter().take(kept).cloned();
    let fields = fields.chain([Arc::new(link_field())]).collect::<Vec<_>>();
    let schema = Arc::new(Schema::new_with_metadata(fields, answer.schema.metadata().clone()));
    let mut batches = Vec::with_capacity(answer.batches.len());
    let mut start = 0;
    for batch in &answer.batches {
        let part: ArrayRef = Arc::new(links.slice(start, batch.num_rows()));
        start += batch.num_rows();
        let columns = batch.columns().iter().take(kept).cloned().chain([part]).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        batches.push(batch.map_err(|error| AppError::Sentence(error.to_string()))?);
    }
    let columns = answer.columns.iter().take(kept).cloned().chain([column]).collect();
    Ok(Answer { columns, schema, batches, ..answer.clone() })
}

/// The column, marked so that a message can show its values as links.
fn link_field() -> Field {
    Field::new(LINK, DataType::Utf8, true).with_metadata([(ROLE.to_owned(), ROLE_LINK.to_owned())].into())
}

/// What a row names, in the columns with the names of fields.
fn named(columns: &[Column], cells: &[Cell], is_call: bool) -> Named {
    let mut named = Named::default();
    for (column, cell) in columns.iter().zip(cells) {
        let Cell::Text(text) = cell else { continue };
        let place = match column.name.as_str() {
            "region" => &mut named.region,
            "cluster" => &mut named.cluster,
            "service" => &mut named.service,
            "task" => &mut named.task,
            "container_instance" => &mut named.instance,
            "id" if is_call => &mut named.event,
            _ => continue,
        };
        *place = Some(text.clone());
    }
    if let Some(Cell::List(ids)) = cells.last()
        && let [Cell::Text(id)] = ids.as_slice()
    {
        named.record = Some(id.clone());
    }
    named
}
