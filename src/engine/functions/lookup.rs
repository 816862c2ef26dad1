//! Functions of one text whose values are knowledge in the program, such as limits by instance type.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// A function that looks up a whole number by a text; missing if the text is missing or unknown.
pub fn number_of_text(name: &str, look_up: fn(&str) -> Option<i64>) -> ScalarUDF {
    of_text(name, DataType::Int64, move |texts| Arc::new(texts.iter().map(|text| text.and_then(look_up)).collect::<Int64Array>()))
}

/// A function that looks up a fact by a text; missing if the text is missing or unknown.
pub fn flag_of_text(name: &str, look_up: fn(&str) -> Option<bool>) -> ScalarUDF {
    of_text(name, DataType::Boolean, move |texts| {
        Arc::new(texts.iter().map(|text| text.and_then(look_up)).collect::<BooleanArray>())
    })
}

fn of_text(name: &str, result: DataType, values: impl Fn(&StringViewArray) -> ArrayRef + Send + Sync + 'static) -> ScalarUDF {
    let call = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let texts = arrays.first().and_then(|texts| texts.as_string_view_opt());
        let texts = texts.ok_or_else(|| exec_datafusion_err!("expected a column of texts"))?;
        Ok(ColumnarValue::Array(values(texts)))
    };
    create_udf(name, vec![DataType::Utf8View], result, Volatility::Immutable, Arc::new(call))
}
