//! `stalled(…)`: what is told of the tasks of one container instance in, its stalls out, as a list.
//!
//! A stall is a span of at least `least` microseconds in which a task waits (created, nothing pulled or
//! started yet, not told to stop) while another one that was told to stop has not stopped, and the
//! reservations of all living tasks are above what the instance registered. Spans of one deployment that
//! touch each other are one stall.
//!
//! Arguments: kind (`task` or `instance`), key, created, seen, waited (until when it waited, as far as this
//! row tells), stopping, stopped, cpu, memory, task, service, deployment, definition (of an instance: the
//! agent's version), the end of all data, `least`, and the id of the record.

mod find;
mod list;
mod told;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use told::Told;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Stalled {
    signature: Signature,
}

/// The function, to be registered under its name.
pub fn stalled_function() -> AggregateUDF {
    AggregateUDF::new_from_impl(Stalled { signature: Signature::any(told::ARGUMENTS, Volatility::Immutable) })
}

impl Accumulator for Told {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.push(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        list::list(self, &find::stalls(self))
    }

    fn size(&self) -> usize {
        self.bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.words())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (Some(words), Some(texts)) = (states.first(), states.get(1)) else { return Ok(()) };
        let lists = words.as_list::<i32>().iter().zip(texts.as_list::<i32>().iter());
        for (words, texts) in lists {
            if let (Some(words), Some(texts)) = (words, texts) {
                self.merge(words.as_primitive::<Int64Type>().values(), texts.as_string::<i32>());
            }
        }
        Ok(())
    }
}

impl AggregateUDFImpl for Stalled {
    fn name(&self) -> &str {
        "stalled"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list::list_type())
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Told::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        use arrow::datatypes::Field;
        let field = |word: &str, kind: DataType| {
            let items = Arc::new(Field::new_list_field(kind, true));
            Arc::new(Field::new(format!("{}[{word}]", args.name), DataType::List(items), true))
        };
        Ok(vec![field("words", DataType::Int64), field("texts", DataType::Utf8)])
    }
}
