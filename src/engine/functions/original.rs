//! `original(raw, id, request_id, shared_event_id)`: restores the original of a call from its stored form and its
//! ids.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{ColumnarValue, Expr, LogicalPlanBuilder, ScalarUDF, Volatility, create_udf};

use crate::engine::column;
use crate::table::{ID_PLACEHOLDERS, OwnIds, Table, restore};

/// The name of the function.
pub(super) const ORIGINAL: &str = "original";

/// A table of the store with its originals restored.
pub fn with_originals(table: Table, rows: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let has = |name: &str| table.fields().iter().any(|field| field.name == name);
    if !has("raw") || !ID_PLACEHOLDERS.iter().all(|(_, id)| has(id)) {
        return Ok(rows);
    }
    let parts = std::iter::once("raw").chain(ID_PLACEHOLDERS.iter().map(|(_, id)| *id)).map(column).collect();
    let whole = original_function().call(parts).alias("raw");
    let items: Vec<Expr> =
        table.fields().iter().map(|field| if field.name == "raw" { whole.clone() } else { column(field.name) }).collect();
    let plan = LogicalPlanBuilder::scan(table.name(), provider_as_source(rows), None)?.project(items)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

pub(super) fn original_function() -> ScalarUDF {
    let texts = vec![DataType::Utf8View; 1 + ID_PLACEHOLDERS.len()];
    create_udf(ORIGINAL, texts, DataType::Utf8View, Volatility::Immutable, Arc::new(original))
}

fn original(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let texts: Vec<&StringViewArray> = arrays.iter().filter_map(|array| array.as_string_view_opt()).collect();
    let [kept, ids @ ..] = texts.as_slice() else {
        return Err(exec_datafusion_err!("an internal function got too few arguments"));
    };
    let mut whole = StringViewBuilder::with_capacity(kept.len());
    for (row, kept) in kept.iter().enumerate() {
        let mut own = OwnIds::default();
        own.iter_mut().zip(ids).for_each(|(own, ids)| *own = ids.is_valid(row).then(|| ids.value(row)));
        whole.append_option(kept.map(|kept| restore(kept, own)));
    }
    Ok(ColumnarValue::Array(Arc::new(whole.finish())))
}
