//! Functions that the engine does not have: typed batches in, one array out.
//!
//! Invariant: each is a pure function of its arguments and of its configuration (time zone, step), so the same rows
//! produce the same bytes on any number of threads.

mod bucket;
mod calendar;
mod exact_sum;
mod gap;
mod json_path;
pub mod key;
mod lookup;
mod original;
#[cfg(feature = "cluster")]
mod portable;
pub mod record;
mod span;
mod step;
mod template;
mod window;

pub use bucket::time_bucket;
pub use calendar::calendar_part;
pub use exact_sum::{exact_sum, exact_sum_function};
pub use gap::{Span, bucket_gap};
pub use json_path::{json_path, json_path_function, pointer};
pub use lookup::{flag_of_text, number_of_text};
pub use original::with_originals;
#[cfg(feature = "cluster")]
pub use portable::{FunctionDocument, function_document, function_of, unregistered_functions};
pub use span::bucket_span;
pub use step::Step;
pub use template::{message_template_function, template_of};
pub use window::{Compute, compute_of, partition_function};

use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ColumnarValue;

/// The type of every time column.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// An argument as times, with the number of rows of the batch.
pub fn times(argument: &ColumnarValue, rows: usize) -> Result<TimestampMicrosecondArray> {
    let array = cast(&argument.to_array(rows)?, &time_type())?;
    array
        .as_any()
        .downcast_ref::<TimestampMicrosecondArray>()
        .cloned()
        .ok_or_else(|| exec_datafusion_err!("expected a column of times"))
}

/// The argument at an index.
pub fn argument(arguments: &[ColumnarValue], index: usize) -> Result<&ColumnarValue> {
    arguments.get(index).ok_or_else(|| exec_datafusion_err!("an internal function got too few arguments"))
}
