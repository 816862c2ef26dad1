//! Window functions that process a whole partition in order: columns in, one column out.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

/// The computation: takes the columns of a partition and its number of rows.
pub type Compute = fn(&[ArrayRef], usize) -> Result<ArrayRef>;

#[derive(Debug)]
struct PartitionFunction {
    name: &'static str,
    signature: Signature,
    result: DataType,
    compute: Compute,
}

// The functions are identified by their names.
impl PartialEq for PartitionFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for PartitionFunction {}

impl Hash for PartitionFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A window function with this number of columns.
pub fn partition_function(name: &'static str, columns: usize, result: DataType, compute: Compute) -> WindowUDF {
    WindowUDF::new_from_impl(PartitionFunction {
        name,
        signature: Signature::any(columns, Volatility::Immutable),
        result,
        compute,
    })
}

/// The computation of a window function, if it is one of these.
pub fn compute_of(function: &WindowUDF) -> Option<Compute> {
    function.inner().downcast_ref::<PartitionFunction>().map(|function| function.compute)
}

impl WindowUDFImpl for PartitionFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _arguments: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Partition(self.compute)))
    }

    fn field(&self, arguments: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(arguments.name(), self.result.clone(), true)))
    }
}

#[derive(Debug)]
struct Partition(Compute);

impl PartitionEvaluator for Partition {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        (self.0)(values, rows)
    }
}
