//! `every_…(time)`: the start of the bucket of a time; missing stays missing.

use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

#[cfg(feature = "cluster")]
use super::FunctionDocument;
use super::{Step, argument, time_type, times};

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeBucket {
    name: String,
    step: Step,
    signature: Signature,
}

/// The start of the bucket that contains a time.
pub fn time_bucket(step: Step, time: Expr) -> Expr {
    function(step).call(vec![time])
}

pub(super) fn function(step: Step) -> ScalarUDF {
    let function = TimeBucket { name: step.name(), step, signature: Signature::any(1, Volatility::Immutable) };
    ScalarUDF::new_from_impl(function)
}

/// The state of the function, if it is this one.
#[cfg(feature = "cluster")]
pub(super) fn document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    let function = function.inner().downcast_ref::<TimeBucket>()?;
    Some(function.step.document().map(FunctionDocument::Bucket))
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(time_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let times = times(argument(&args.args, 0)?, args.number_rows)?;
        // Neighboring rows are usually in the same bucket, so its edges are cached.
        let mut edges: Option<(i64, i64)> = None;
        let starts: TimestampMicrosecondArray = times
            .iter()
            .map(|time| {
                let time = time?;
                if let Some((start, end)) = edges
                    && (start..end).contains(&time)
                {
                    return Some(start);
                }
                let start = self.step.start(time)?;
                edges = self.step.next(start).map(|end| (start, end));
                Some(start)
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(starts.with_timezone("UTC"))))
    }
}
