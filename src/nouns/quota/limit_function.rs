//! The limits of a session: `quota_limit(resource, account, region, cluster, service, time)`, `quota_changes()` and
//! `quota_task_units(cpu)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::limits::{Pool, Quotas};
use crate::engine::functions::{argument, times};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Limits {
    asked: Asked,
    quotas: Arc<Quotas>,
    signature: Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    Limit,
    Changes,
    TaskUnits,
}

fn function(asked: Asked, quotas: &Arc<Quotas>, arguments: usize) -> ScalarUDF {
    let signature =
        if arguments == 0 { Signature::nullary(Volatility::Immutable) } else { Signature::any(arguments, Volatility::Immutable) };
    ScalarUDF::new_from_impl(Limits { asked, quotas: Arc::clone(quotas), signature })
}

/// The functions of these limits.
pub fn functions(quotas: &Arc<Quotas>) -> [ScalarUDF; 3] {
    [quota_limit_function(quotas), quota_changes_function(quotas), quota_task_units_function(quotas)]
}

/// The limit of a pool at a time; missing if unknown.
fn quota_limit_function(quotas: &Arc<Quotas>) -> ScalarUDF {
    function(Asked::Limit, quotas, 6)
}

/// The times at which a limit changes, in microseconds since 1970.
fn quota_changes_function(quotas: &Arc<Quotas>) -> ScalarUDF {
    function(Asked::Changes, quotas, 0)
}

/// The CPU units of a Fargate task: its own, or those of `--what-if`.
fn quota_task_units_function(quotas: &Arc<Quotas>) -> ScalarUDF {
    function(Asked::TaskUnits, quotas, 1)
}

/// The limits of a function, if it is one of these: its name is the other part of its state.
#[cfg(feature = "cluster")]
pub fn document(function: &ScalarUDF) -> Option<super::limits::Document> {
    function.inner().downcast_ref::<Limits>().map(|function| function.quotas.document())
}

impl Limits {
    fn limits(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        if self.quotas.limits.is_empty() && self.quotas.what_if.limit.is_none() && self.quotas.what_if.spot_limit.is_none() {
            return Ok(ColumnarValue::Scalar(ScalarValue::Float64(None)));
        }
        let text = |index| -> Result<ArrayRef> { Ok(cast(&argument(&args.args, index)?.to_array(rows)?, &DataType::Utf8View)?) };
        let texts = [text(0)?, text(1)?, text(2)?, text(3)?, text(4)?];
        let times = times(argument(&args.args, 5)?, rows)?;
        let limits: Float64Array = (0..rows)
            .map(|row| {
                let text = |index: usize| {
                    let array = texts.get(index)?.as_string_view();
                    array.is_valid(row).then(|| array.value(row))
                };
                let pool = Pool { resource: text(0)?, account: text(1), region: text(2), cluster: text(3), service: text(4) };
                self.quotas.limit(pool, times.is_valid(row).then(|| times.value(row)))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(limits)))
    }

    fn task_units(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let units = cast(&argument(&args.args, 0)?.to_array(args.number_rows)?, &DataType::Int64)?;
        let units: Int64Array =
            units.as_primitive::<Int64Type>().iter().map(|units| Some(self.quotas.task_units(units?))).collect();
        Ok(ColumnarValue::Array(Arc::new(units)))
    }
}

impl ScalarUDFImpl for Limits {
    fn name(&self) -> &str {
        match self.asked {
            Asked::Limit => "quota_limit",
            Asked::Changes => "quota_changes",
            Asked::TaskUnits => "quota_task_units",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.asked {
            Asked::Limit => DataType::Float64,
            Asked::Changes => DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))),
            Asked::TaskUnits => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match self.asked {
            Asked::Limit => self.limits(&args),
            Asked::TaskUnits => self.task_units(&args),
            Asked::Changes => {
                let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(self.quotas.changes().into_iter().map(Some))]);
                Ok(ColumnarValue::Scalar(ScalarValue::List(Arc::new(list))))
            }
        }
    }
}
