//! Models stored records again, from their originals, to apply a newer catalog.
//!
//! In: an original record, its table and its source. Out: its rows in the columns of a [`Worker`]. Originals are
//! stored with secrets already masked.

use super::file::{DESCRIBED, model_event};
use super::worker::{LoadError, Worker};
use crate::decode::json::Tape;
use crate::model::{self, Modeled, Origin};
use crate::table::Table;

/// An original from the store.
#[derive(Debug, Clone, Copy)]
pub struct OriginalRecord<'a> {
    /// The table of the main row.
    pub table: Table,
    /// The original.
    pub raw: &'a str,
    /// The source: cloudtrail, eventbridge, describe or dstack.
    pub source: &'a str,
    /// The file that contained the record.
    pub file: &'a str,
    /// The record number in that file.
    pub record: i64,
    /// For elements of `describe-services`: the enclosing service, as a JSON object.
    pub service: Option<&'a str>,
    /// Whether it is a deployment of the service, rather than a message.
    pub is_deployment: bool,
}

/// Models a record again and adds its rows; returns false if the original does not contain a record.
pub fn remodel(worker: &mut Worker<'_>, original: OriginalRecord<'_>) -> Result<bool, LoadError> {
    let Ok(tape) = Tape::parse(original.raw) else { return Ok(false) };
    let service = match original.service.map(Tape::parse) {
        Some(Ok(service)) => Some(service),
        Some(Err(_)) => return Ok(false),
        None => None,
    };
    let origin = Origin { file: original.file, record: original.record, raw: Some(original.raw), text: original.raw };
    let value = tape.root();
    let standalone =
        (original.table == Table::ServiceEvents).then(|| model::service_deployment::model_original(value, origin)).flatten();
    let modeled = match (original.table, original.source, &service) {
        _ if standalone.is_some() => standalone.unwrap_or(Modeled::Filtered("not_a_log")),
        (Table::Calls, "describe", _) => model::cloudtrail::model_call(value, "describe", origin),
        (Table::Calls, ..) => model::cloudtrail::model_call(value, "cloudtrail", origin),
        (Table::TaskEvents, "describe", _) => model::task::model_task(value, DESCRIBED, origin),
        (Table::InstanceEvents, "describe", _) => model::instance::model_instance(value, DESCRIBED, origin),
        (Table::ServiceEvents, "describe", Some(service)) if original.is_deployment => {
            model::service::model_service_deployment(service.root(), value, origin)
        }
        (Table::ServiceEvents, "describe", Some(service)) => model::service::model_service_message(service.root(), value, origin),
        (Table::TaskEvents | Table::InstanceEvents | Table::ServiceEvents, ..) => model_event(value, origin),
        (Table::RunRecords, ..) => model::dstack::model_run(value, origin),
        (Table::RunEvents, ..) if value.get("recorded_at").is_some() => model::dstack::model_run_event(value, origin),
        (Table::RunEvents, ..) => model::dstack_resource::model_original(value, origin),
        (Table::JobSubmissions, ..) => model::dstack::model_submission(value, origin),
        _ => return Ok(false),
    };
    let Modeled::Record(record) = modeled else { return Ok(false) };
    worker.keep(&record, (original.file, original.record))?;
    Ok(true)
}
