//! `bucket_gap(bucket, previous, next, least, greatest)`: for each bucket with rows, the starts of that bucket and of
//! adjacent empty buckets.
//!
//! A bucket covers the empty buckets before the next one with rows; the first bucket of a group also covers those
//! before it. Each bucket of the span is in exactly one list, so no join with a table of all buckets is needed.

use std::sync::Arc;

use arrow::array::{Array, ListBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

#[cfg(feature = "cluster")]
use datafusion::logical_expr::TypeSignature;

#[cfg(feature = "cluster")]
use super::FunctionDocument;
use super::{Step, argument, time_type, times};

/// The maximum number of cells filled in one batch of groups.
const MOST_CELLS: usize = 100_000;

/// The range to cover beyond buckets with rows; both are starts of buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first bucket; none = the first one with rows.
    pub first: Option<i64>,
    /// The last bucket; none = the last one with rows.
    pub last: Option<i64>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BucketGap {
    step: Step,
    span: Span,
    signature: Signature,
}

/// The list of buckets that a row covers; for the arguments, see the top of the file.
pub fn bucket_gap(step: Step, span: Span, arguments: Vec<Expr>) -> Expr {
    function(step, span, arguments.len()).call(arguments)
}

pub(super) fn function(step: Step, span: Span, arguments: usize) -> ScalarUDF {
    let signature = Signature::any(arguments, Volatility::Immutable);
    ScalarUDF::new_from_impl(BucketGap { step, span, signature })
}

/// The state of the function, if it is this one.
#[cfg(feature = "cluster")]
pub(super) fn document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    let BucketGap { step, span: Span { first, last }, signature } = function.inner().downcast_ref::<BucketGap>()?;
    let arguments = match signature.type_signature {
        TypeSignature::Any(arguments) => arguments,
        _ => return None,
    };
    Some(step.document().map(|step| FunctionDocument::Gap(step, *first, *last, arguments)))
}

/// The arguments of a row.
struct Place {
    bucket: Option<i64>,
    previous: Option<i64>,
    next: Option<i64>,
    least: Option<i64>,
    greatest: Option<i64>,
}

impl BucketGap {
    /// The bucket starts that a row covers; a row without a time covers only itself.
    fn starts(&self, place: &Place) -> Option<Vec<Option<i64>>> {
        let Some(bucket) = place.bucket else {
            return Some(vec![None]);
        };
        let mut at = match place.previous {
            Some(_) => bucket,
            None => self.span.first.or(place.least).map_or(bucket, |first| first.min(bucket)),
        };
        // The end is exclusive before the next bucket, and inclusive otherwise.
        let last = match place.next {
            Some(next) => next.saturating_sub(1),
            None => self.span.last.max(place.greatest).map_or(bucket, |last| last.max(bucket)),
        };
        let mut starts = Vec::new();
        while at <= last {
            if starts.len() >= MOST_CELLS {
                return None;
            }
            starts.push(Some(at));
            at = self.step.next(at)?;
        }
        Some(starts)
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(time_type(), true))
}

fn value(times: &TimestampMicrosecondArray, row: usize) -> Option<i64> {
    (row < times.len() && times.is_valid(row)).then(|| times.value(row))
}

impl ScalarUDFImpl for BucketGap {
    fn name(&self) -> &str {
        "bucket_gap"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let column = |index| times(argument(&args.args, index)?, rows);
        let (buckets, previous, next) = (column(0)?, column(1)?, column(2)?);
        let (least, greatest) = (column(3)?, column(4)?);
        let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        let mut lists = ListBuilder::new(builder).with_field(item());
        for row in 0..rows {
            let place = Place {
                bucket: value(&buckets, row),
                previous: value(&previous, row),
                next: value(&next, row),
                least: value(&least, row),
                greatest: value(&greatest, row),
            };
            let starts = self.starts(&place).filter(|starts| lists.values().len_so_far() + starts.len() <= MOST_CELLS);
            let Some(starts) = starts else {
                return exec_err!(
                    "`every` would fill more than {MOST_CELLS} cells; use a longer step or a shorter window, or add `nofill`"
                );
            };
            for start in starts {
                lists.values().append_option(start);
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

/// The number of values in a builder.
trait Filled {
    fn len_so_far(&self) -> usize;
}

impl Filled for TimestampMicrosecondBuilder {
    fn len_so_far(&self) -> usize {
        arrow::array::ArrayBuilder::len(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::catalog::FieldType;
    use crate::lang::checked::{Every, FieldRef, StepUnit};
    use jiff::tz::TimeZone;

    fn gap(first: Option<i64>, last: Option<i64>) -> BucketGap {
        let field = FieldRef { name: "time".into(), kind: FieldType::Time };
        let every = Every { amount: 1, unit: StepUnit::Second, fill: true, field };
        BucketGap {
            step: Step::new(&every, &TimeZone::UTC),
            span: Span { first: first.map(|s| s * 1_000_000), last: last.map(|s| s * 1_000_000) },
            signature: Signature::any(5, Volatility::Immutable),
        }
    }

    fn seconds(gap: &BucketGap, bucket: i64, previous: Option<i64>, next: Option<i64>) -> Option<Vec<i64>> {
        let micros = |second: i64| second * 1_000_000;
        let place = Place {
            bucket: Some(micros(bucket)),
            previous: previous.map(micros),
            next: next.map(micros),
            least: Some(micros(3)),
            greatest: Some(micros(9)),
        };
        let starts = gap.starts(&place)?;
        Some(starts.into_iter().map(|start| start.unwrap() / 1_000_000).collect())
    }

    #[test]
    fn the_lists_of_a_group_cover_the_span_once() {
        let within = gap(Some(1), Some(10));
        assert_eq!(seconds(&within, 3, None, Some(6)).unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(seconds(&within, 6, Some(3), None).unwrap(), [6, 7, 8, 9, 10]);
        let open = gap(None, None);
        assert_eq!(seconds(&open, 4, None, None).unwrap(), [3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn too_many_cells_are_refused() {
        assert_eq!(seconds(&gap(Some(-200_000), None), 3, None, None), None);
    }
}
