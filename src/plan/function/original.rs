//! `original(raw, id, request_id, shared_event_id)`: what the store keeps of a call and its ids in, the original out.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::argument;
use crate::plan::expression::column;
use crate::table::{OwnIds, STAND_INS, Table, restore};

/// A table of the store with its originals as they were.
pub fn with_originals(table: Table, rows: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let has = |name: &str| table.fields().iter().any(|field| field.name == name);
    if !has("raw") || !STAND_INS.iter().all(|(_, id)| has(id)) {
        return Ok(rows);
    }
    let original = ScalarUDF::new_from_impl(Original { signature: Signature::any(1 + STAND_INS.len(), Volatility::Immutable) });
    let parts = std::iter::once("raw").chain(STAND_INS.iter().map(|(_, id)| *id)).map(column).collect();
    let whole = original.call(parts).alias("raw");
    let items: Vec<Expr> =
        table.fields().iter().map(|field| if field.name == "raw" { whole.clone() } else { column(field.name) }).collect();
    let plan = LogicalPlanBuilder::scan(table.name(), provider_as_source(rows), None)?.project(items)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Original {
    signature: Signature,
}

impl ScalarUDFImpl for Original {
    fn name(&self) -> &str {
        "original"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = |index: usize| -> Result<StringViewArray> {
            let array = argument(&args.args, index)?.to_array(args.number_rows)?;
            Ok(cast(&array, &DataType::Utf8View)?.as_string_view().clone())
        };
        let kept = texts(0)?;
        let ids = (1..=STAND_INS.len()).map(texts).collect::<Result<Vec<_>>>()?;
        let mut whole = StringViewBuilder::with_capacity(kept.len());
        for (row, kept) in kept.iter().enumerate() {
            let mut own = OwnIds::default();
            own.iter_mut().zip(&ids).for_each(|(own, ids)| *own = ids.is_valid(row).then(|| ids.value(row)));
            whole.append_option(kept.map(|kept| restore(kept, own)));
        }
        Ok(ColumnarValue::Array(Arc::new(whole.finish())))
    }
}
