//! Records that are in the store already, modeled again from their originals: a newer catalog says more of them.
//!
//! In: the original of a record, which table it is in, and where it came from. Out: its rows on the columns of a
//! [`Worker`]. Originals are stored with their secrets masked, so they are read as they are.

use super::file::{DESCRIBED, model_event};
use super::worker::{LoadError, Worker};
use crate::decode::json::Tape;
use crate::model::{self, Modeled, Origin};
use crate::table::Table;

/// A record of the store.
#[derive(Debug, Clone, Copy)]
pub struct StoredRecord<'a> {
    /// The table of its own row.
    pub table: Table,
    /// The original.
    pub raw: &'a str,
    /// Where it came from: cloudtrail, eventbridge, describe or dstack.
    pub source: &'a str,
    /// The file it was read from.
    pub file: &'a str,
    /// Its number in that file.
    pub record: i64,
    /// The service it was part of, for elements of `describe-services`: a JSON object.
    pub service: Option<&'a str>,
    /// Whether it is a deployment of that service, not a message.
    pub is_deployment: bool,
}

/// Models a record again and keeps its rows; false where its original tells no record.
pub fn remodel(worker: &mut Worker<'_>, stored: StoredRecord<'_>) -> Result<bool, LoadError> {
    let Ok(tape) = Tape::parse(stored.raw) else { return Ok(false) };
    let service = match stored.service.map(Tape::parse) {
        Some(Ok(service)) => Some(service),
        Some(Err(_)) => return Ok(false),
        None => None,
    };
    let origin = Origin { file: stored.file, record: stored.record, raw: Some(stored.raw), text: stored.raw };
    let value = tape.root();
    let standalone =
        (stored.table == Table::ServiceEvents).then(|| model::service_deployment::model_original(value, origin)).flatten();
    let modeled = match (stored.table, stored.source, &service) {
        _ if standalone.is_some() => standalone.unwrap_or(Modeled::Filtered("not_a_log")),
        (Table::Calls, "describe", _) => model::cloudtrail::model_call(value, "describe", origin),
        (Table::Calls, ..) => model::cloudtrail::model_call(value, "cloudtrail", origin),
        (Table::TaskEvents, "describe", _) => model::task::model_task(value, DESCRIBED, origin),
        (Table::InstanceEvents, "describe", _) => model::instance::model_instance(value, DESCRIBED, origin),
        (Table::ServiceEvents, "describe", Some(service)) if stored.is_deployment => {
            model::service::model_service_deployment(service.root(), value, origin)
        }
        (Table::ServiceEvents, "describe", Some(service)) => model::service::model_service_message(service.root(), value, origin),
        (Table::TaskEvents | Table::InstanceEvents | Table::ServiceEvents, ..) => model_event(value, origin),
        (Table::RunRecords, ..) => model::dstack::model_run(value, origin),
        (Table::RunEvents, ..) => model::dstack::model_run_event(value, origin),
        (Table::JobSubmissions, ..) => model::dstack::model_submission(value, origin),
        _ => return Ok(false),
    };
    let Modeled::Record(record) = modeled else { return Ok(false) };
    worker.keep(&record)?;
    Ok(true)
}
