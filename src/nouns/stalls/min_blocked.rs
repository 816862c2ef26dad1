//! `min_blocked()`: the minimum duration of a stall, in microseconds.

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

#[derive(Debug, PartialEq, Eq, Hash)]
struct MinBlocked {
    micros: i64,
    signature: Signature,
}

/// The function, for registration under its name.
pub fn min_blocked_function(micros: i64) -> ScalarUDF {
    ScalarUDF::new_from_impl(MinBlocked { micros, signature: Signature::nullary(Volatility::Immutable) })
}

/// The duration of the function, if it is this one.
#[cfg(feature = "cluster")]
pub fn document(function: &ScalarUDF) -> Option<i64> {
    function.inner().downcast_ref::<MinBlocked>().map(|function| function.micros)
}

impl ScalarUDFImpl for MinBlocked {
    fn name(&self) -> &str {
        "min_blocked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Int64(Some(self.micros))))
    }
}
