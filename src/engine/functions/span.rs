//! `bucket_span(from, until)`: an interval as a list with one time per bucket that it touches.
//!
//! The first time is its start, and the others are the starts of later buckets before its end. An open interval lasts
//! until `last`. A level is therefore counted in every bucket in which it holds.

use std::sync::Arc;

use arrow::array::{Array, ListBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

#[cfg(feature = "cluster")]
use super::FunctionDocument;
use super::{Step, argument, time_type, times};

/// The maximum number of times per row; longer intervals need a longer step.
const MOST_CELLS: usize = 100_000;

#[derive(Debug, PartialEq, Eq, Hash)]
struct BucketSpan {
    step: Step,
    /// The end of open intervals, inclusive.
    last: i64,
    signature: Signature,
}

/// The times at which an interval is counted in the buckets of a step.
pub fn bucket_span(step: Step, last: i64, from: Expr, until: Expr) -> Expr {
    function(step, last).call(vec![from, until])
}

pub(super) fn function(step: Step, last: i64) -> ScalarUDF {
    ScalarUDF::new_from_impl(BucketSpan { step, last, signature: Signature::any(2, Volatility::Immutable) })
}

/// The state of the function, if it is this one.
#[cfg(feature = "cluster")]
pub(super) fn document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    let BucketSpan { step, last, .. } = function.inner().downcast_ref::<BucketSpan>()?;
    Some(step.document().map(|step| FunctionDocument::Span(step, *last)))
}

impl BucketSpan {
    /// Calls a function with each time; false if there are too many.
    fn each(&self, from: i64, until: Option<i64>, mut visit: impl FnMut(i64)) -> bool {
        visit(from);
        let end = until.unwrap_or(i64::MAX);
        let mut at = self.step.start(from);
        for _ in 0..MOST_CELLS {
            at = at.and_then(|start| self.step.next(start));
            match at {
                Some(start) if start < end && start <= self.last => visit(start),
                _ => return true,
            }
        }
        false
    }
}

impl ScalarUDFImpl for BucketSpan {
    fn name(&self) -> &str {
        "bucket_span"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(time_type(), true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let (from, until) = (times(argument(&args.args, 0)?, rows)?, times(argument(&args.args, 1)?, rows)?);
        let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        let mut lists = ListBuilder::new(builder).with_field(Arc::new(Field::new_list_field(time_type(), true)));
        // Most intervals end in the bucket in which they started, so its end is cached.
        let mut edges: Option<(i64, i64)> = None;
        for row in 0..rows {
            if from.is_valid(row) {
                let begin = from.value(row);
                let end = until.is_valid(row).then(|| until.value(row));
                let known = edges.filter(|(start, next)| (*start..*next).contains(&begin));
                let bucket = known.or_else(|| {
                    let start = self.step.start(begin)?;
                    Some((start, self.step.next(start)?))
                });
                edges = bucket;
                if bucket.is_some_and(|(_, next)| end.is_some_and(|end| end <= next)) {
                    lists.values().append_value(begin);
                } else if !self.each(begin, end, |time| lists.values().append_value(time)) {
                    return exec_err!(
                        "`every` would need more than {MOST_CELLS} steps for one interval; use a longer step or a shorter window"
                    );
                }
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::catalog::FieldType;
    use crate::lang::checked::{Every, FieldRef, StepUnit};
    use jiff::tz::TimeZone;

    #[test]
    fn an_interval_is_in_every_bucket_it_touches() {
        let field = FieldRef { name: "time".into(), kind: FieldType::Time };
        let every = Every { amount: 10, unit: StepUnit::Second, fill: true, field };
        let span = BucketSpan {
            step: Step::new(&every, &TimeZone::UTC),
            last: 45_000_000,
            signature: Signature::any(2, Volatility::Immutable),
        };
        let seconds = |from: i64, until: Option<i64>| {
            let mut times = Vec::new();
            assert!(span.each(from * 1_000_000, until.map(|until| until * 1_000_000), |time| times.push(time / 1_000_000)));
            times
        };
        assert_eq!(seconds(3, Some(7)), [3]);
        assert_eq!(seconds(3, Some(10)), [3]);
        assert_eq!(seconds(3, Some(21)), [3, 10, 20]);
        assert_eq!(seconds(10, Some(20)), [10]);
        assert_eq!(seconds(25, None), [25, 30, 40]);
    }
}
